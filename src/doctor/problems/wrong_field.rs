//! The node takes another field of a load list's items for the size of a layer, without any error.

use super::load_list::{broken, is_silent, with_places, wrong};
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank};
use crate::log::Load;

pub(super) static PROBLEM: Problem = Problem {
    id: "wrong-field",
    title: "The node reads the wrong field of load lists",
    about: "A node that counts the fields of an item from the front reads another one than it means since ComfyUI 0.3.76, which put \
            a new field in front. So does one that was repaired by hand in some places only. Nothing fails: all layers seem tiny, \
            stay on the compute device, and the other GPUs get nothing.",
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

/// With the table in the log in which only tiny layers were assigned.
fn with_log(finding: Finding, facts: &Facts) -> Finding {
    let Ok(start) = facts.last_start() else { return finding };
    match clues::loads(start).rev().find(|load| is_misplaced(load)) {
        Some(load) => {
            let devices = load.planned.iter().filter(|row| row.bytes > 0).map(|row| &row.device);
            let text =
                format!("only layers that seem tiny were assigned, though the plan was {}", clues::listed(devices));
            finding.because(Evidence::log(text, load.last_line))
        }
        None => finding,
    }
}

/// Was a model to go to several devices, and went to the compute device as tiny layers?
fn is_misplaced(load: &Load) -> bool {
    let bytes: u64 = load.assigned.iter().filter(|row| !row.is_tiny).map(|row| row.bytes).sum();
    let has_tiny = load.assigned.iter().any(|row| row.is_tiny && row.layers > 0);
    let is_planned = load.planned.iter().filter(|row| row.bytes > 0).count() > 1;
    bytes == 0 && has_tiny && is_planned
}
