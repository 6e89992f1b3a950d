//! Nodes of DisTorch2 that are not told to distribute anything.

use super::context::{loaded, site};
use super::{Check, Context, Finding, Level, Step};
use crate::comfyui::LoaderKind;

pub(super) const CHECK: Check = Check {
    id: "not-distributed",
    level: Level::Warning,
    title: "A DisTorch2 node distributes nothing",
    about: "A DisTorch2 node with an empty allocation string and no virtual VRAM does nothing of its own: ComfyUI loads the \
            model as ever, onto one device. A node that computes on the CPU has nothing to distribute.",
    help: "Give the node an allocation string: `distorch-fix workflow set`, with `--fit` for one that fits this machine.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let idle = context.allotments().filter(|allotment| {
        let may_act =
            allotment.compute != Some("cpu") && loaded(allotment.loader.class) != Some(LoaderKind::ControlNet);
        may_act && allotment.acts() == Some(false)
    });
    let findings = idle.map(|allotment| {
        let message = "neither an allocation string nor virtual VRAM: the model is not distributed";
        let place = allotment.part.string.and_then(|widget| site(allotment.loader, widget));
        let finding = CHECK.finding(allotment.label() + message).at(allotment.loader, context);
        finding.value("", place).step(Step::Fit)
    });
    findings.collect()
}
