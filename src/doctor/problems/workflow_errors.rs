//! Loader nodes of a workflow that ComfyUI refuses or misreads, for reasons that no other problem is about.

use std::path::Path;

use crate::checks::{self, Level};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, ReadWorkflow, Step};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "workflow-errors",
    title: "Loader nodes of a workflow are in error",
    about: "ComfyUI refuses a workflow whose model files or node classes are not there. It does not refuse one that was saved with \
            another version of the node, whose values are then read by the wrong inputs.",
    help: "`distorch-fix workflow check` says of each node what is wrong and what to do.",
    sources: &["https://github.com/Comfy-Org/ComfyUI/blob/master/execution.py"],
    rank: Rank::Stops,
    find,
};

/// The checks whose errors are shown here.
const CHECKS: [&str; 5] = ["missing-class", "model-file", "shifted", "changed-value", "linked"];

fn find(facts: &Facts) -> Answer {
    let found: Vec<Finding> = facts.read_workflows().filter_map(|(path, read)| errors(facts, path, read)).collect();
    if found.is_empty() && facts.read_workflows().next().is_none() {
        return Err(String::from("no workflow is known (--workflow)"));
    }
    Ok(found)
}

fn errors(facts: &Facts, path: &Path, read: &ReadWorkflow) -> Option<Finding> {
    let is_error = |found: &&checks::Finding| {
        found.level == Level::Error && CHECKS.contains(&found.check.id) && !super::missing_pack::is_about(found)
    };
    let mut evidence: Vec<Evidence> = Vec::new();
    for found in read.findings.found.iter().filter(is_error) {
        evidence.extend(found.nodes.iter().map(|node| Evidence::node(found.message.clone(), path, node.id.clone())));
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    let message = match evidence.len() {
        0 => return None,
        1 => format!("A loader node of {name} is in error"),
        count => format!("{count} loader nodes of {name} are in error"),
    };
    let step = Step::Command(format!("distorch-fix workflow check {}{}", quoted(path), facts.told().installation()));
    Some(Finding { evidence, ..PROBLEM.finding(message, step) })
}
