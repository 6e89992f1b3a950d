//! What the checks of workflows found, as findings of a problem.

use std::path::Path;

use crate::allocator::Device;
use crate::checks::{self, Level, NodeRef};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, ReadWorkflow, Step};
use crate::plan::devices;
use crate::stages::Staged;
use crate::text::{listed, quoted, shown_name};

/// What the checks with these names found in the workflows. What the same command repairs in a workflow is one finding.
pub(in crate::doctor) fn checked(
    facts: &Facts,
    problem: &'static Problem,
    names: &[&str],
    counts: impl Fn(&checks::Finding) -> bool,
) -> Answer {
    let mut found: Vec<Finding> = Vec::new();
    let mut unknown = None;
    let mut is_known = false;
    for (path, read) in facts.read_workflows() {
        let is_asked = |check: &checks::Check| names.contains(&check.id);
        match read.findings.unchecked.iter().find(|unchecked| is_asked(unchecked.check)) {
            Some(unchecked) => unknown = Some(unchecked.why.clone()),
            None => is_known = true,
        }
        let mut here: Vec<Finding> = Vec::new();
        for check in read.findings.found.iter().filter(|found| is_asked(found.check) && counts(found)) {
            let step = step_of(facts, path, read, check);
            let evidence: Vec<Evidence> =
                check.nodes.iter().map(|node| Evidence::node(check.message.clone(), path, node.id.clone())).collect();
            let is_same = |known: &&mut Finding| known.step == step && matches!(step, Step::Command(_));
            if let Some(known) = here.iter_mut().find(is_same) {
                known.evidence.extend(evidence);
                continue;
            }
            let mut finding = problem.finding(message(path, check), step).ranked(rank(check.level));
            finding.evidence = evidence;
            if finding.evidence.is_empty() {
                finding = finding.because(Evidence::file(check.message.clone(), path, None));
            }
            here.push(finding);
        }
        found.extend(here);
    }
    if !found.is_empty() || is_known {
        return Ok(found);
    }
    Err(unknown.unwrap_or_else(|| no_workflow(facts)))
}

/// What to do about what a check found.
fn step_of(facts: &Facts, workflow: &Path, read: &ReadWorkflow, check: &checks::Finding) -> Step {
    let node = facts.node.ok().map(|node| node.checkout.root.as_path());
    let advice = || check.help.clone().unwrap_or_else(|| check.check.help.to_owned());
    // What fits is only known if all of the workflow's models are.
    if check.step == Some(checks::Step::Fit) && !is_planned(read) {
        return by_shares(facts, workflow, check).map_or_else(|| Step::Advice(NO_PLAN.to_owned()), Step::Command);
    }
    // New loaders without a string would distribute nothing either.
    if check.step == Some(checks::Step::Convert)
        && let Some(string) = shares(facts)
    {
        let (file, installation) = (quoted(workflow), facts.told().installation());
        return Step::Command(format!("distorch-fix workflow convert {file} --string \"{string}\"{installation}"));
    }
    let command = check.step.as_ref().map(|step| step.command(workflow, node, &facts.told()));
    command.map_or_else(|| Step::Advice(advice().trim_end_matches('.').to_owned()), Step::Command)
}

/// What to do if neither what fits nor the GPUs are known.
const NO_PLAN: &str = "write amounts such as `cuda:0,8gb;cpu,*` into expert_mode_allocations of that node; with its model files in place, \
                       `distorch-fix workflow set --fit` finds some that fit";

/// Is the plan of a workflow whole?
pub(in crate::doctor) fn is_planned(read: &ReadWorkflow) -> bool {
    read.staged.ok().is_some_and(|staged| staged.unknown.is_empty())
}

/// A command that shares a model among the GPUs.
fn by_shares(facts: &Facts, workflow: &Path, check: &checks::Finding) -> Option<String> {
    let string = shares(facts)?;
    let nodes: Vec<&str> = check.nodes.iter().map(|node| node.id.as_str()).collect();
    let selected = nodes.join(" --node ");
    let installation = facts.told().installation();
    let file = quoted(workflow);
    (!nodes.is_empty())
        .then(|| format!("distorch-fix workflow set \"{string}\" {file} --node {selected}{installation}"))
}

/// A string that shares a model among the GPUs by their memory, or between the only one and the main memory.
fn shares(facts: &Facts) -> Option<String> {
    let cards = super::cards(facts).ok()?;
    let gpus: Vec<(Device, u64)> =
        (0..).zip(cards).map(|(at, card)| (Device::from(&*format!("cuda:{at}")), card.total_bytes)).collect();
    devices::shares(gpus.iter().map(|(device, bytes)| (device, *bytes)))
}

/// What is found in the plans of workflows; unknown if none can be used, for the reason that the last one gives.
/// `usable` says why a plan is of no use here, if it is not.
pub(in crate::doctor) fn planned(
    facts: &Facts,
    usable: impl Fn(&Staged) -> Result<(), String>,
    mut look: impl FnMut(&Path, &ReadWorkflow, &Staged) -> Vec<Finding>,
) -> Answer {
    let mut found = Vec::new();
    let mut answer = Err(String::from("no workflow is known (--workflow)"));
    for (path, read) in facts.read_workflows() {
        match read.staged.get().and_then(|staged| usable(staged).map(|()| staged)) {
            Ok(staged) => {
                answer = Ok(());
                found.extend(look(path, read, staged));
            }
            Err(why) => answer = answer.or(Err(why)),
        }
    }
    answer.map(|()| found)
}

/// Why no workflow is known.
fn no_workflow(facts: &Facts) -> String {
    let reasons = facts.workflows.iter().filter_map(|workflow| workflow.read.get().err());
    reasons.into_iter().next().unwrap_or_else(|| String::from("no workflow is known (--workflow)"))
}

/// What is wrong, and where.
fn message(path: &Path, check: &checks::Finding) -> String {
    let file = shown_name(path);
    match &check.nodes[..] {
        [] => format!("In {file}, {}", check.message),
        [node] => format!("{} of {file}: {}", named(node), check.message),
        nodes => format!("Nodes {} of {file}: {}", listed(nodes.iter().map(|node| &node.id)), check.message),
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
