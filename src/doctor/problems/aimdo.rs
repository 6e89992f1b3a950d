//! Dynamic VRAM is not set up for the GPU that a model is computed on.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank};
use crate::log::RemarkKind;

pub(super) static PROBLEM: Problem = Problem {
    id: "aimdo-device",
    title: "Dynamic VRAM is set up for the first GPU only",
    about: "ComfyUI sets comfy-aimdo, which its dynamic VRAM needs, up for the first GPU. A node that computes on another one stops \
            with \"comfy-aimdo device 1 is not initialized\", unless the node sets that up itself, as it does since 2.6.",
    help: "Update ComfyUI-MultiGPU to 2.6.4 or later, or start ComfyUI with `--disable-dynamic-vram`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/202",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/pull/199",
    ],
    rank: Rank::Stops,
    find,
};

/// What sets comfy-aimdo up for a device.
const SETS_UP: &str = "init_device";

fn find(facts: &Facts) -> Answer {
    if !clues::has_dynamic_vram(facts)? {
        return Ok(Vec::new());
    }
    let start = facts.last_start()?;
    let missing = start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::AimdoMissing { device } => Some((remark, device.as_deref())),
        _ => None,
    });
    let raised = clues::raised(start).find(|(_, _, raised)| is_not_set_up(&raised.message));
    let Some((line, text)) = raised.map(|(line, text, _)| (line, text)) else {
        // The node says so too where it works around it.
        return Ok(Vec::new());
    };
    let device = missing.and_then(|(_, device)| device).unwrap_or("a GPU");
    let message = format!("ComfyUI stopped because comfy-aimdo is not set up for {device}");
    let step = match clues::mention(facts, SETS_UP) {
        // It does set that up, and it did not help.
        Ok(Some(_)) => clues::turn_dynamic_vram_off(facts),
        _ => clues::update(facts, "2.6.4"),
    };
    Ok(vec![PROBLEM.finding(message, step).because(Evidence::log(text, line))])
}

fn is_not_set_up(message: &str) -> bool {
    message.contains("aimdo") && message.contains("not initialized")
}
