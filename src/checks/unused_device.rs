//! Devices that a string names and that get nothing.

use super::fit::certain;
use super::{Check, Context, Finding, Level, Step};
use crate::plan::Warning;

pub(super) const CHECK: Check = Check {
    id: "unused-device",
    level: Level::Warning,
    title: "A GPU gets nothing",
    about: "The node fills the devices of a string in its order. If the amount of the first is as large as the model, all of it \
            goes there, and the other GPUs stay empty. The same happens to an amount that is smaller than a layer.",
    help: "Give the first device less: `distorch-fix workflow set --fit`.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(staged) = certain(context) else { return Vec::new() };
    let mut findings = Vec::new();
    for model in &staged.models {
        let Some(run) = model.planned.as_ref().and_then(|planned| planned.runs.last()) else { continue };
        let Some(loader) = context.loaders.iter().find(|loader| loader.id == model.load.node.id) else { continue };
        for warning in run.warnings.iter().filter(|warning| matches!(warning, Warning::Empty { .. })) {
            findings.push(CHECK.finding(warning.to_string()).at(loader, context).step(Step::Fit));
        }
    }
    findings
}
