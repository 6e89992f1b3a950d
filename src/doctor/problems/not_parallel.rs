//! Several GPUs hold a model, and one of them computes.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::stages::{Kind, Staged};
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "not-parallel",
    title: "Several GPUs hold the model, and one computes",
    about: "DisTorch2 uses other GPUs as memory: the compute device fetches their layers one after the other, and only it is busy. \
            That is intended. ComfyUI has a node of its own since 0.23, \"MultiGPU CFG Split\", with which GPUs compute at the same \
            time; each of them then needs room for the whole model.",
    help: "Nothing. If the model fits on each GPU as a whole, \"MultiGPU CFG Split\" without DisTorch2 is faster.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/23",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/136",
        "https://github.com/Comfy-Org/ComfyUI/pull/7063",
    ],
    rank: Rank::Note,
    find,
};

/// The class of ComfyUI's own node.
const WORK_UNITS: &str = "MultiGPU_WorkUnits";

fn find(facts: &Facts) -> Answer {
    clues::planned(
        facts,
        |_| Ok(()),
        |path, read, staged| {
            let mut found = Vec::new();
            if !clues::nodes(read, |class| class == WORK_UNITS).is_empty() {
                return found;
            }
            for model in staged.models.iter().filter(|model| model.load.kind == Kind::Model) {
                let Some(run) = staged.run(model) else { continue };
                let rows = run.allocation.devices.iter().zip(&run.resident_bytes);
                let gpus: Vec<_> = rows
                    .filter(|(row, bytes)| !row.device.is_cpu() && **bytes > 0)
                    .map(|(row, _)| &row.device)
                    .collect();
                if gpus.len() < 2 {
                    continue;
                }
                let id = &model.load.node.id;
                let message = format!(
                    "{} lies on {}, and {} alone computes with it: that is intended",
                    model.name(),
                    listed(&gpus),
                    model.compute()
                );
                let could = facts.installation.comfyui.join("comfy").join("multigpu.py").is_file()
                    && fits_on_each(staged, model.bytes());
                let step = if could {
                    format!(
                        "nothing is wrong; it fits on each GPU, so the node \"MultiGPU CFG Split\" with a plain loader in place of node {id} would be faster"
                    )
                } else {
                    String::from("nothing is wrong: the other GPUs are used as memory")
                };
                let evidence = Evidence::node(
                    format!("`{}`", model.planned.as_ref().map_or("", |planned| planned.string.expert())),
                    path,
                    id.clone(),
                );
                found.push(PROBLEM.finding(message, Step::Advice(step)).because(evidence));
            }
            found
        },
    )
}

/// Does so much fit on each GPU as a whole?
fn fits_on_each(staged: &Staged, bytes: u64) -> bool {
    let mut gpus = staged.devices.machine.listed().filter(|(device, _)| !device.is_cpu());
    gpus.all(|(_, total)| bytes.saturating_add(staged.options.headroom_bytes) <= total)
}
