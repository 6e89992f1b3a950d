//! Listing the layers of a model takes more calls than Windows has room for.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank};
use crate::log::RemarkKind;

pub(super) static PROBLEM: Problem = Problem {
    id: "stack-overflow",
    title: "ComfyUI crashes while it lists the layers of a model",
    about: "With dynamic VRAM, listing the layers of a model that is spread over devices calls itself until the process crashes: \
            \"Windows fatal exception: stack overflow\" in `_load_list`. The node guards against that since 2.6.2.",
    help: "Update ComfyUI-MultiGPU to 2.6.2 or later, or start ComfyUI with `--disable-dynamic-vram`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/178",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/181",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/pull/183",
    ],
    rank: Rank::Stops,
    find,
};

/// What makes the list.
const LISTS: &str = "_load_list";

fn find(facts: &Facts) -> Answer {
    if !clues::has_dynamic_vram(facts)? {
        return Ok(Vec::new());
    }
    let start = facts.last_start()?;
    let crash = start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::FatalException(raised) if raised.message.contains("stack overflow") => {
            let frame = raised.frames.iter().find(|frame| frame.function.contains(LISTS))?;
            Some((remark, frame))
        }
        _ => None,
    });
    let Some((remark, frame)) = crash else { return Ok(Vec::new()) };
    let guards = clues::mention(facts, "ModelPatcherDynamic").is_ok_and(|place| place.is_some())
        && clues::mention(facts, LISTS).is_ok_and(|place| place.is_some());
    let step = if guards { clues::turn_dynamic_vram_off(facts) } else { clues::update(facts, "2.6.2") };
    let finding = PROBLEM.finding("ComfyUI crashed while it listed the layers of a model", step);
    let inside = format!("it was in `{}`, at line {} of {}", frame.function, frame.line, frame.file);
    let finding = finding.because(Evidence::log(remark.text.clone(), remark.line));
    Ok(vec![finding.because(Evidence::log(inside, remark.line))])
}
