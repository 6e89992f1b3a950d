//! Devices that a string names and that get nothing.

use super::fit::certain;
use super::{Check, Context, Finding, Level, Step};
use crate::plan::Warning;
use crate::stages::Staged;

pub(super) const CHECK: Check = Check {
    id: "unused-device",
    level: Level::Note,
    title: "A GPU gets nothing",
    about: "The node fills the devices of a string in its order. If the amount of the first is as large as the model, all of it \
            goes there, and the other GPUs stay empty. The same happens to an amount that is smaller than a layer. If a GPU \
            with the model keeps less than `--headroom` free, that is a warning.",
    help: "Give the first device less: `distorch-fix workflow set --fit`, if memory is short.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(staged) = certain(context) else { return Vec::new() };
    let mut findings = Vec::new();
    for (at, model) in staged.models.iter().enumerate() {
        let Some(run) = staged.run(model) else { continue };
        let Some(loader) = context.loader(model) else { continue };
        for warning in run.warnings.iter().filter(|warning| matches!(warning, Warning::Empty { .. })) {
            let finding = CHECK.finding(warning.to_string()).at(loader, context);
            findings.push(if is_crowded(staged, at) {
                finding.with_level(Level::Warning).step(Step::Fit)
            } else {
                finding
            });
        }
    }
    findings
}

/// Does a GPU that holds a part of a model ever keep less than the headroom free?
fn is_crowded(staged: &Staged, model: usize) -> bool {
    let headroom_bytes = staged.options.headroom_bytes;
    let gpus = staged.stages.iter().flat_map(|stage| &stage.usage).filter(|usage| !usage.device.is_cpu());
    gpus.filter(|usage| usage.model_bytes[model] > 0).any(|usage| usage.free_bytes() < headroom_bytes)
}
