//! The node asks a GGUF model for something that it does not have.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank};

pub(super) static PROBLEM: Problem = Problem {
    id: "patcher-attribute",
    title: "The node asks a model for something that it does not have",
    about: "Releases 2.5.1 to 2.5.4 ask every model for `model_patches_models`, which GGUF models lack with some versions of \
            ComfyUI: \"'GGUFModelPatcher' object has no attribute 'model_patches_models'\". Later releases look first, and a line \
            of theirs that says so is harmless.",
    help: "Update ComfyUI-MultiGPU to 2.5.8 or later.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/124",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/128",
    ],
    rank: Rank::Stops,
    find,
};

const ATTRIBUTE: &str = "model_patches_models";

fn find(facts: &Facts) -> Answer {
    if clues::mention(facts, ATTRIBUTE)?.is_none() {
        return Ok(Vec::new());
    }
    let start = facts.last_start()?;
    let raised = clues::raised(start)
        .find(|(_, _, raised)| raised.message.contains("has no attribute") && raised.message.contains(ATTRIBUTE));
    let Some((line, text, raised)) = raised else { return Ok(Vec::new()) };
    let finding = PROBLEM.finding(format!("The node stopped: {}", raised.message), clues::update(facts, "2.5.8"));
    Ok(vec![finding.because(Evidence::log(text, line))])
}
