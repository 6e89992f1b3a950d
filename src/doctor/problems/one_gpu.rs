//! All of a model went to the first GPU of its string.

use crate::allocator::Logged;
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::{Load, Mode, RemarkKind};
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "one-gpu",
    title: "A GPU of the string gets nothing",
    about: "The node fills the devices of a string in its order. If the amount of the first is as large as the model, all of it goes \
            there (\"All model blocks have been allocated\"), and the other GPUs stay empty. If there is room for the computation \
            beside it, nothing is wrong.",
    help: "Give the first device less: `distorch-fix workflow set --fit`.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU#readme"],
    rank: Rank::Note,
    find,
};

/// How much of a GPU weights may take before the computation beside them is in danger.
const MOST_SHARE: f64 = 0.75;

fn find(facts: &Facts) -> Answer {
    clues::both(clues::checked(facts, &PROBLEM, &["unused-device"], |_| true), in_log(facts))
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    // The newest load of each model counts; the string may have been changed since an earlier one.
    let mut seen = Vec::new();
    for load in clues::loads(start).rev().filter(|load| !load.assigned.is_empty()) {
        if seen.contains(&&load.model) {
            continue;
        }
        seen.push(&load.model);
        let empty = empty(load);
        if empty.is_empty() {
            continue;
        }
        let all_allocated = start.remarks.iter().find(|remark| {
            remark.kind == RemarkKind::AllAllocated && (load.line..=load.last_line).contains(&remark.line)
        });
        let model = clues::name_of(load);
        let full = load.assigned.iter().max_by_key(|row| row.bytes).map(|row| row.device.as_str()).unwrap_or_default();
        let message = format!("All of {model} is on {full}, and {} got nothing", listed(&empty));
        let used = load.planned.iter().find(|row| row.device == full).map_or(0.0, |row| row.share);
        let rank = if used > MOST_SHARE { Rank::Wrong } else { Rank::Note };
        let step = Step::Advice(format!("give {full} a smaller amount in the string of its loader node"));
        let mut finding = PROBLEM.finding(message, step).ranked(rank);
        if let Some(remark) = all_allocated {
            finding = finding.because(Evidence::log(remark.text.clone(), remark.line));
        }
        return Ok(vec![finding.because(Evidence::log("the table of devices and layers", load.last_line))]);
    }
    Ok(Vec::new())
}

/// The GPUs that were asked to take something and got nothing, if another one got all of it.
fn empty(load: &Load) -> Vec<&str> {
    if !matches!(load.mode, Mode::Bytes | Mode::GpuOnly | Mode::Wildcard { .. } | Mode::Fraction | Mode::Ratio) {
        return Vec::new();
    }
    let bytes_on = |device: &str| {
        let rows = load.assigned.iter().filter(|row| row.device == device && !row.is_tiny);
        rows.map(|row| row.bytes).sum::<u64>()
    };
    let asked = Logged::of(load.string.as_deref().unwrap_or_default()).expert;
    let parts = crate::allocator::parts(asked).filter(|part| part.amount.is_some());
    let gpus: Vec<&str> = parts.map(|part| &asked[part.device]).filter(|device| *device != "cpu").collect();
    let empty: Vec<&str> = gpus.iter().copied().filter(|device| bytes_on(device) == 0).collect();
    if gpus.len() > 1 && empty.len() < gpus.len() { empty } else { Vec::new() }
}
