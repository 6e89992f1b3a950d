//! The node looks for CUDA's runtime under the name that it has on Linux.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};

pub(super) static PROBLEM: Problem = Problem {
    id: "cuda-runtime",
    title: "The node does not find CUDA's runtime on Windows",
    about: "To copy tensors between GPUs the node loads `libcudart.so`, which there is on Linux only. On Windows it stops with \
            \"Could not find module 'libcudart.so'\" for models whose tensors it has to copy in that way, such as those in NVFP4.",
    help: "Use a file in another format, such as GGUF or fp8, until the node looks for the library under its name on Windows.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/218",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/pull/216",
    ],
    rank: Rank::Stops,
    find,
};

const LIBRARY: &str = "libcudart.so";
/// The beginning of its name on Windows, which a node that looks for that has.
const ON_WINDOWS: &str = "cudart64";

fn find(facts: &Facts) -> Answer {
    // As a text of the program, and not in a comment.
    let place = match clues::mention(facts, &format!("\"{LIBRARY}\""))? {
        None => clues::mention(facts, &format!("'{LIBRARY}'"))?,
        place => place,
    };
    let is_ready = clues::mention(facts, ON_WINDOWS)?.is_some() || !clues::is_windows(facts);
    let Some((path, line)) = place.filter(|_| !is_ready) else { return Ok(Vec::new()) };
    let step = Step::Advice(String::from("load the model from a GGUF or fp8 file"));
    let loads = Evidence::file(format!("it loads `{LIBRARY}`"), path, Some(line));
    let start = facts.last_start().ok();
    let raised = start.and_then(|start| clues::raised(start).find(|(_, _, raised)| raised.message.contains(LIBRARY)));
    let finding = match raised {
        Some((line, text, _)) => PROBLEM
            .finding("The node stopped, because it looks for CUDA's runtime under its name on Linux", step)
            .because(Evidence::log(text, line)),
        None => PROBLEM
            .finding(
                "Models whose tensors the node has to copy between GPUs, such as those in NVFP4, will stop it",
                step,
            )
            .ranked(Rank::Note),
    };
    Ok(vec![finding.because(loads)])
}
