//! The node takes another field of a load list's items for the size of a layer, without any error.

use super::load_list::{broken, is_silent, with_places, wrong};
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank};
use crate::log::Load;
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "wrong-field",
    title: "The node reads the wrong field of load lists",
    about: "A node that counts the fields of an item from the front reads another one than it means since ComfyUI 0.3.76, which put \
            a new field in front. So does one that was repaired by hand in some places only. Nothing fails: sizes are wrong, all layers \
            end on the compute device, and the other GPUs get nothing.",
    help: "`distorch-fix apply` makes every place count from the end.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/160"],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    let (node, code) = broken(facts)?;
    let Some(code) = code else { return Ok(Vec::new()) };
    if wrong(code).next().is_none() || !wrong(code).all(is_silent) {
        return Ok(Vec::new());
    }
    let finding =
        PROBLEM.finding("The node misplaces the layers of every model that it distributes", clues::apply(node));
    Ok(vec![with_log(with_places(finding, code, |site| is_silent(site)), facts)])
}

/// With the table in the log in which one device got what was planned for several.
fn with_log(finding: Finding, facts: &Facts) -> Finding {
    let Ok(start) = facts.last_start() else { return finding };
    let shown = clues::loads(start).rev().find_map(|load| Some((load, only_device(load)?)));
    match shown {
        Some((load, device)) => {
            let planned = load.planned.iter().filter(|row| row.bytes > 0).map(|row| &row.device);
            let text = format!("all layers went to {device}, though the plan was for {}", listed(planned));
            finding.because(Evidence::log(text, load.last_line))
        }
        None => finding,
    }
}

/// The device that all layers went to, if several were planned.
fn only_device(load: &Load) -> Option<&str> {
    let is_planned = load.planned.iter().filter(|row| row.bytes > 0).count() > 1;
    let mut assigned = load.assigned.iter().filter(|row| !row.is_tiny && row.bytes > 0);
    let only = assigned.next().filter(|_| is_planned && assigned.next().is_none())?;
    Some(&only.device)
}
