//! A workflow names a GPU that the machine does not have.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::RemarkKind;

pub(super) static PROBLEM: Problem = Problem {
    id: "absent-gpu",
    title: "A workflow wants a GPU that is not there",
    about: "Workflows name GPUs by number. One that was made on a machine with more of them, or with GPUs of another kind, names \
            devices that this machine does not have: ComfyUI refuses it with \"Value not in list\", or the node stops.",
    help: "Choose a device that is there in the node, or let `distorch-fix workflow set --fit` write strings for this machine.",
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
    clues::both(clues::checked(facts, &PROBLEM, &["device"], is_gone), in_log(facts))
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
        "ComfyUI refused the workflow: {node} is set to {value}, and this machine has {count} of NVIDIA's GPUs"
    );
    let step = Step::Advice(format!("choose another device than {value} in {node}"));
    let finding = PROBLEM.finding(message, step).because(Evidence::log(remark.text.clone(), remark.line));
    Ok(vec![finding.because(Evidence::output(format!("{count} GPUs"), "nvidia-smi"))])
}
