//! The text encoder stays on the GPU that the diffusion model needs.

use super::text_encoder_on_cpu::encodes;
use crate::allocator::gigabytes;
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::plan::Usage;
use crate::stages::{Kind, Staged};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "text-encoder-stays",
    title: "The text encoder stays on a GPU",
    about: "DisTorch2 leaves the layers of a text encoder where its string puts them, also after the prompt is encoded: that is \
            intended. They then take memory of the GPU while the diffusion model computes there.",
    help: "Let its layers lie in the main memory, and its GPU compute with them: the string `cpu,100%`, or virtual VRAM of 99 with the \
           donor `cpu`.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/97"],
    rank: Rank::Note,
    find,
};

fn find(facts: &Facts) -> Answer {
    let usable = |staged: &Staged| staged.unknown.first().map_or(Ok(()), |why| Err(why.clone()));
    clues::planned(facts, usable, |path, _, staged| {
        let mut found = Vec::new();
        for (at, model) in staged.models.iter().enumerate() {
            let is_distributed = model.planned.is_some() && encodes(model.load.kind);
            let Some(stay) = is_distributed.then(|| stay(staged, at)).flatten() else { continue };
            let node = &model.load.node;
            let (gb, free) = (gigabytes(stay.bytes), gigabytes(stay.free_bytes));
            let device = &stay.device;
            let message = format!(
                "{gb:.2} GB of the text encoder {} stay on {device} beside the diffusion model while node {} computes, and {free:.2} GB are free there",
                model.name(),
                stay.node
            );
            let command = format!(
                "distorch-fix workflow set \"cpu,100%\" {} --node {}{}",
                quoted(path),
                node.id,
                facts.told().installation()
            );
            let is_short = stay.computes && stay.free_bytes < staged.options.headroom_bytes;
            let rank = if is_short { Rank::Costs } else { Rank::Note };
            let evidence = Evidence::node(format!("{gb:.2} GB on {device} by the plan"), path, node.id.clone());
            found.push(PROBLEM.finding(message, Step::Command(command)).ranked(rank).because(evidence));
        }
        found
    })
}

/// What of a text encoder lies on a GPU while a diffusion model computes.
struct Stay {
    device: String,
    node: String,
    bytes: u64,
    free_bytes: u64,
    /// Is it the GPU that computes?
    computes: bool,
}

/// The first GPU that holds both. What was unloaded, or may be, does not count.
fn stay(staged: &Staged, encoder: usize) -> Option<Stay> {
    staged.stages.iter().find_map(|stage| {
        let diffusion = *stage.models.iter().find(|model| staged.models[**model].load.kind == Kind::Model)?;
        if stage.models.contains(&encoder) || stage.in_doubt.contains(&encoder) || stage.unloaded.contains(&encoder) {
            return None;
        }
        let compute = staged.models[diffusion].compute();
        let holds = |usage: &&Usage, model: usize| usage.model_bytes.get(model).is_some_and(|bytes| *bytes > 0);
        let mut gpus = stage.usage.iter().filter(|usage| !usage.device.is_cpu());
        let usage =
            gpus.find(|usage| holds(usage, encoder) && (usage.device == *compute || holds(usage, diffusion)))?;
        Some(Stay {
            device: usage.device.to_string(),
            node: stage.nodes.first()?.id.clone(),
            bytes: usage.model_bytes[encoder],
            free_bytes: usage.free_bytes(),
            computes: usage.device == *compute,
        })
    })
}
