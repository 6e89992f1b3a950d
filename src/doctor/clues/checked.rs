//! What the checks of workflows found, as findings of a problem.

use std::path::Path;

use crate::checks::{self, Level, NodeRef};
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::text::shown;

/// What the checks with these names found in the workflows. What the same command repairs in a workflow is one finding.
pub(in crate::doctor) fn checked(
    facts: &Facts,
    problem: &'static Problem,
    names: &[&str],
    counts: impl Fn(&checks::Finding) -> bool,
) -> Answer {
    let mut found: Vec<super::super::Finding> = Vec::new();
    let mut unknown = None;
    let mut is_known = false;
    for (path, read) in facts.read_workflows() {
        let is_asked = |check: &checks::Check| names.contains(&check.id);
        match read.findings.unchecked.iter().find(|unchecked| is_asked(unchecked.check)) {
            Some(unchecked) => unknown = Some(unchecked.why.clone()),
            None => is_known = true,
        }
        let mut here: Vec<super::super::Finding> = Vec::new();
        for check in read.findings.found.iter().filter(|found| is_asked(found.check) && counts(found)) {
            let step = step_of(facts, path, check);
            let evidence: Vec<Evidence> =
                check.nodes.iter().map(|node| Evidence::node(check.message.clone(), path, node.id.clone())).collect();
            match here.iter_mut().find(|known| known.step == step && matches!(step, Step::Command(_))) {
                Some(known) => known.evidence.extend(evidence),
                None => {
                    let mut finding = problem.finding(message(path, check), step).ranked(rank(check.level));
                    finding.evidence = evidence;
                    if finding.evidence.is_empty() {
                        finding = finding.because(Evidence::file(check.message.clone(), path, None));
                    }
                    here.push(finding);
                }
            }
        }
        found.extend(here);
    }
    if !found.is_empty() || is_known {
        return Ok(found);
    }
    Err(unknown.unwrap_or_else(|| no_workflow(facts)))
}

/// What to do about what a check found.
fn step_of(facts: &Facts, workflow: &Path, check: &checks::Finding) -> Step {
    let node = facts.node.ok().map(|node| node.checkout.root.as_path());
    let advice = || check.help.clone().unwrap_or_else(|| check.check.help.to_owned());
    let command = check.step.as_ref().map(|step| step.command(workflow, node, &facts.told()));
    command.map_or_else(|| Step::Advice(advice().trim_end_matches('.').to_owned()), Step::Command)
}

/// Why no workflow is known.
fn no_workflow(facts: &Facts) -> String {
    let reasons = facts.workflows.iter().filter_map(|workflow| workflow.read.get().err());
    reasons.into_iter().next().unwrap_or_else(|| String::from("no workflow is known (--workflow)"))
}

/// What is wrong, and where.
fn message(path: &Path, check: &checks::Finding) -> String {
    let file = path.file_name().map_or_else(|| shown(path), |name| name.to_string_lossy().into_owned());
    match &check.nodes[..] {
        [] => format!("In {file}, {}", check.message),
        [node] => format!("{} of {file}: {}", named(node), check.message),
        nodes => format!("Nodes {} of {file}: {}", super::listed(nodes.iter().map(|node| &node.id)), check.message),
    }
}

/// A node, for people.
fn named(node: &NodeRef) -> String {
    let title = node.title.as_ref().map(|title| format!(", \"{title}\"")).unwrap_or_default();
    format!("Node {} ({}{title})", node.id, node.class)
}

fn rank(level: Level) -> Rank {
    match level {
        Level::Error => Rank::Stops,
        Level::Warning => Rank::Wrong,
        Level::Note => Rank::Note,
    }
}
