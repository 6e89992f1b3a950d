//! Loaders without effect while ComfyUI's dynamic VRAM is active.

use super::{Check, Context, Finding, Level, Step};
use crate::loaders::Effect;

pub(super) const CHECK: Check = Check {
    id: "dynamic-vram",
    level: Level::Warning,
    title: "DisTorch2 has no effect under dynamic VRAM",
    about: "This ComfyUI manages models with its dynamic VRAM, and DisTorch2 does not reach those: the node prints the allocation \
            string and does nothing. It is on by default; GGUF loaders are not affected with the usual ComfyUI-GGUF.",
    help: "Repair the node with `distorch-fix apply`, or start ComfyUI with the option that turns dynamic VRAM off. See \
           [dynamic-vram.md](dynamic-vram.md).",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let findings = context.distributing().filter_map(|loader| {
        let told = context.effect(loader.class).filter(|told| told.effect == Effect::InertWhileDynamic)?;
        let message = format!("no effect while dynamic VRAM is active: {}", told.reason.why);
        Some(CHECK.finding(message).at(loader, context).step(Step::Apply))
    });
    findings.collect()
}
