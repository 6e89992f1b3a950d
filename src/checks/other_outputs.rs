//! What a checkpoint gives besides its diffusion model.

use super::context::loaded;
use super::{Check, Context, Finding, Level};
use crate::comfyui::LoaderKind;
use crate::text::listed;
use crate::workflow::node::Origin;

pub(super) const CHECK: Check = Check {
    id: "other-outputs",
    level: Level::Note,
    title: "Only the diffusion model of a checkpoint is distributed",
    about: "The node distributes the first output of a checkpoint loader. The text encoder and the VAE of the same file are \
            loaded by ComfyUI as ever.",
    help: "Nothing, if they fit. The advanced checkpoint loader of DisTorch2 has a string for the text encoder too.",
    find,
};

/// The other outputs of a checkpoint loader by their slots.
const OUTPUTS: [(usize, &str); 2] = [(1, "text encoder"), (2, "VAE")];

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for allotment in context.allotments() {
        let loader = allotment.loader;
        let is_alone = loader.class.parts.len() == 1 && loaded(loader.class) == Some(LoaderKind::Checkpoint);
        if !is_alone || allotment.acts() != Some(true) {
            continue;
        }
        let is_used = |slot: usize| {
            let from = Origin::Node { node: loader.used.node, slot };
            context.workflow.nodes().iter().any(|node| node.inputs.iter().any(|input| input.origin == Some(from)))
        };
        let used: Vec<&str> = OUTPUTS.into_iter().filter(|(slot, _)| is_used(*slot)).map(|(_, name)| name).collect();
        if !used.is_empty() {
            let message =
                format!("only the diffusion model is distributed; ComfyUI loads the {} as ever", listed(used));
            findings.push(CHECK.finding(message).at(loader, context));
        }
    }
    findings
}
