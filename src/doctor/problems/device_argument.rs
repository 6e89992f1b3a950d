//! The node hands a device to a loader that does not take one.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank};

pub(super) static PROBLEM: Problem = Problem {
    id: "device-argument",
    title: "The node and a pack that it wraps do not fit",
    about: "The node calls loaders of ComfyUI and of ComfyUI-GGUF. Around release 2.4.2 it passed a device to some that do not take \
            one: \"load_clip() got an unexpected keyword argument 'device'\".",
    help: "Update ComfyUI-MultiGPU and ComfyUI-GGUF.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/99"],
    rank: Rank::Stops,
    find,
};

fn find(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let is_it = |message: &str| message.contains("unexpected keyword argument 'device'");
    let raised = clues::raised(start).find(|(_, _, raised)| is_it(&raised.message));
    let Some((line, text, raised)) = raised else { return Ok(Vec::new()) };
    let finding = PROBLEM.finding(format!("A loader stopped: {}", raised.message), clues::update(facts, "2.4.3"));
    Ok(vec![finding.because(Evidence::log(text, line))])
}
