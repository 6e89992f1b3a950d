//! The node cannot read the items of this ComfyUI's load lists, and stops.

use crate::comfyui::{Fit, Pair};
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, NodeCode, NodeFacts, Problem, Rank, Step};
use crate::fixes::Site;
use crate::fixes::load_list::LOAD_LIST;
use crate::python::FileId;
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "load-list",
    title: "The node stops at this ComfyUI's load lists",
    about: "ComfyUI hands the node a list of a model's layers. Since 0.3.76 each of its items has five fields. Versions of the node \
            up to 2.5.10 unpack four, and stop with \"too many values to unpack (expected 4)\" as soon as a model is loaded.",
    help: "`distorch-fix apply` makes the node read items of any number of fields.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/147",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/160",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/162",
    ],
    rank: Rank::Stops,
    find,
};

/// The most kinds of places that are shown.
const MOST_MESSAGES: usize = 3;
/// What Python says.
const UNPACKED: &str = "values to unpack";

fn find(facts: &Facts) -> Answer {
    let (node, code) = broken(facts)?;
    let Some(code) = code else { return Ok(Vec::new()) };
    if let Some(conflict) = code.conflicts.first() {
        let path = code.repair.sources.path(conflict.file);
        let finding = PROBLEM.finding(format!("The node {}", conflict.message), Step::Advice(conflict.help.clone()));
        return Ok(vec![finding.because(Evidence::file("the node and this ComfyUI do not fit here", path, None))]);
    }
    let stops = |site: &&Site| !is_silent(site);
    let finding = match (wrong(code).any(|site| stops(&site)), wrong(code).next()) {
        (false, Some(_)) => return Ok(Vec::new()),
        (false, None) => PROBLEM.finding(
            "The node reads items of five fields only, and this ComfyUI gives others",
            Step::Advice(String::from("update ComfyUI, or install a release of the node that was made for it")),
        ),
        (true, _) => PROBLEM.finding("The node stops as soon as it is to distribute a model", clues::apply(node)),
    };
    Ok(vec![with_log(with_places(finding, code, stops), facts)])
}

/// The node, and its code if that does not fit this ComfyUI.
///
/// # Errors
///
/// Why that is unknown.
pub(super) fn broken(facts: &Facts) -> Result<(&NodeFacts, Option<&NodeCode>), String> {
    let node = facts.node.get()?;
    let code = node.code.get()?;
    facts.comfyui.get()?;
    match code.pair {
        Some(Pair::Known(Fit::Broken)) => Ok((node, Some(code))),
        Some(Pair::Known(Fit::Works | Fit::WorksToday)) | None => Ok((node, None)),
        Some(Pair::Known(Fit::Unclear)) => {
            Err(String::from("the node's code that reads load lists was not understood"))
        }
        Some(Pair::Either { .. }) => Err(String::from("the load lists of this ComfyUI were not understood")),
    }
}

/// The places that are to be repaired, but for code that is never run.
pub(super) fn wrong(code: &NodeCode) -> impl Iterator<Item = &Site> {
    code.sites(LOAD_LIST).map(|(site, ..)| site).filter(|site| site.state.needs_fix() && site.unused.is_none())
}

/// Does it read another field without an error? What unpacks an item stops; what reads a field by its number never does.
pub(super) fn is_silent(site: &Site) -> bool {
    !site.readings.is_empty() && site.readings.iter().all(|reading| reading.index.is_some())
}

/// With the places as evidence: one for each message and file.
pub(super) fn with_places(mut finding: Finding, code: &NodeCode, counts: impl Fn(&&Site) -> bool) -> Finding {
    let mut by_message: Vec<(String, std::path::PathBuf, Vec<usize>)> = Vec::new();
    for (site, path, line) in code.sites(LOAD_LIST) {
        if !site.state.needs_fix() || site.unused.is_some() || !counts(&site) {
            continue;
        }
        match by_message.iter_mut().find(|(message, file, _)| *message == site.message && *file == path) {
            Some((.., lines)) => lines.push(line),
            None => by_message.push((site.message.clone(), path, vec![line])),
        }
    }
    let more = by_message.len().saturating_sub(MOST_MESSAGES);
    for (message, path, lines) in by_message.into_iter().take(MOST_MESSAGES) {
        let more = match &lines[1..] {
            [] => String::new(),
            [line] => format!(", and so does line {line}"),
            more => format!(", and so do lines {}", listed(more)),
        };
        finding = finding.because(Evidence::file(format!("{message}{more}"), path, Some(lines[0])));
    }
    if more > 0 {
        let text = format!("`distorch-fix check` shows {more} more");
        finding = finding.because(Evidence::file(text, code.repair.sources.path(FileId::FIRST), None));
    }
    finding
}

/// With the line of the log in which it stopped.
fn with_log(finding: Finding, facts: &Facts) -> Finding {
    let Ok(start) = facts.last_start() else { return finding };
    let raised = clues::raised(start).find(|(_, _, raised)| raised.message.contains(UNPACKED));
    match raised {
        Some((line, text, _)) => finding.because(Evidence::log(text, line)),
        None => finding,
    }
}
