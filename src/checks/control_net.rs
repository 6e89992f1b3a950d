//! Loaders whose models the node never distributes.

use super::{Check, Context, Finding, Level};
use crate::loaders::Effect;

pub(super) const CHECK: Check = Check {
    id: "never-distributed",
    level: Level::Warning,
    title: "The node never distributes such models",
    about: "DisTorch2 marks a model that it is to distribute, and finds no place for the mark in some kinds: ControlNets. It \
            prints the allocation string, and ComfyUI loads the model as ever.",
    help: "Use the plain loader, or the one of MultiGPU that puts the model on another device.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let findings = context.distributing().filter_map(|loader| {
        let told = context.effect(loader.class).filter(|told| told.effect == Effect::Inert)?;
        Some(CHECK.finding(format!("no effect: {}", told.reason.why)).at(loader, context))
    });
    findings.collect()
}
