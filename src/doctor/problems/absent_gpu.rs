//! A workflow names a GPU that the machine does not have.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Place, Problem, Rank, Step};
use crate::inputs::Literal;
use crate::log::RemarkKind;
use crate::text::{counted, quoted};

pub(super) static PROBLEM: Problem = Problem {
    id: "absent-gpu",
    title: "A workflow wants a GPU that is not there",
    about: "Workflows name GPUs by number. One that was made on a machine with more of them, or with GPUs of another kind, names \
            devices that this machine does not have: ComfyUI refuses it with \"Value not in list\", or the node stops.",
    help: "Choose devices that are there, in the node and in its string; `distorch-fix workflow set --fit` then makes the amounts fit.",
    sources: &[
        "https://github.com/neuratech-ai/ComfyUI-MultiGPU/issues/7",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/68",
    ],
    rank: Rank::Stops,
    find,
};

fn find(facts: &Facts) -> Answer {
    let is_gone = |check: &crate::checks::Finding| {
        check.value.as_ref().is_none_or(|value| value.text.contains(':') || value.text.contains("cuda"))
    };
    let checked = clues::checked(facts, &PROBLEM, &["device"], is_gone).map(|found| {
        let with_step =
            |finding: Finding| Finding { step: step(facts, &finding).unwrap_or(finding.step.clone()), ..finding };
        found.into_iter().map(with_step).collect()
    });
    clues::both(checked, in_log(facts))
}

/// A command that names devices of this machine only.
fn step(facts: &Facts, finding: &Finding) -> Option<Step> {
    let (path, id) = finding.evidence.iter().find_map(|evidence| match &evidence.place {
        Place::Node(path, node) => Some((path, node)),
        _ => None,
    })?;
    let (_, read) = facts.read_workflows().find(|(known, _)| *known == path)?;
    let loaders = read.workflow.loaders(&read.classes).ok()?;
    let loader = loaders.iter().find(|loader| loader.id == *id)?;
    let [part] = &loader.class.parts[..] else { return None };
    let text = |widget: usize| match loader.value(widget)? {
        Literal::Text(text) => Some(text.as_str()),
        _ => None,
    };
    let count = clues::cards(facts).ok()?.len();
    let is_there = |device: &str| clues::index_of(device).map_or(device == "cpu", |index| index < count);
    let string = text(part.string?)?;
    let named =
        crate::allocator::parts(string).filter(|part| part.amount.is_some() && is_there(&string[part.device.clone()]));
    let mut left: Vec<&str> =
        named.map(|part| &string[part.device.start..part.amount.map_or(0, |amount| amount.end)]).collect();
    // What the others were to take goes to the main memory.
    if !left.iter().any(|part| part.starts_with("cpu")) {
        left.push("cpu,*");
    }
    let left = left.join(";");
    let left = if crate::allocator::AllocationString::parse(&left).is_ok() {
        left
    } else {
        String::from("cuda:0,50%;cpu,50%")
    };
    let device = if text(part.device).is_some_and(is_there) { "" } else { " --device cuda:0" };
    let installation = facts.told().installation();
    Some(Step::Command(format!(
        "distorch-fix workflow set \"{left}\" {} --node {id}{device}{installation}",
        quoted(path)
    )))
}

/// A refusal in the log of a GPU whose number the machine does not have.
fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let count = clues::cards(facts)?.len();
    let refused = start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::ValueNotInList { class, id, value, .. } if clues::index_of(value)? >= count => {
            Some((remark, class, id, value))
        }
        _ => None,
    });
    let Some((remark, class, id, value)) = refused else { return Ok(Vec::new()) };
    let node = match (class, id) {
        (Some(class), Some(id)) => format!("node {id} ({class})"),
        _ => String::from("a node"),
    };
    let message = format!(
        "ComfyUI refused the workflow: {node} is set to {value}, and this machine has {}",
        counted(count, "GPU")
    );
    let step = Step::Advice(format!("choose another device than {value} in {node}"));
    let finding = PROBLEM.finding(message, step).because(Evidence::log(remark.text.clone(), remark.line));
    Ok(vec![finding.because(Evidence::output(counted(count, "GPU"), "nvidia-smi"))])
}
