//! Weights for which a device has no room.

use super::{Check, Context, Finding, Level, NodeRef};
use crate::allocator::gigabytes;
use crate::stages::Staged;

pub(super) const CHECK: Check = Check {
    id: "no-fit",
    level: Level::Error,
    title: "A device is too small",
    about: "At some time while the workflow runs, more weights are to lie on a device than it has memory. `distorch-fix plan \
            --workflow` shows when, and which.",
    help: "`distorch-fix workflow set --fit` writes strings that fit.",
    find,
};

/// The plan, if it is whole and the GPUs are known.
pub(super) fn certain<'c>(context: &'c Context<'_>) -> Option<&'c Staged> {
    let staged = context.known.staged.as_ref()?.as_ref().ok()?;
    (staged.unknown.is_empty() && !staged.devices.assumed).then_some(staged)
}

/// The nodes that loaded what lies on a device.
pub(super) fn holders(context: &Context<'_>, staged: &Staged, model_bytes: &[u64]) -> Vec<NodeRef> {
    let models = staged.models.iter().zip(model_bytes).filter(|(_, bytes)| **bytes > 0);
    let mut nodes: Vec<NodeRef> =
        models.filter_map(|(model, _)| context.loader(model)).map(|loader| context.reference(loader)).collect();
    nodes.dedup();
    nodes
}

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(staged) = certain(context) else { return Vec::new() };
    let full = staged.peaks().into_iter().filter(|(usage, _)| staged.is_over(usage));
    let findings = full.map(|(usage, _)| {
        let (used, total) = (gigabytes(usage.used_bytes()), gigabytes(usage.total_bytes));
        let message = format!("{used:.2} GB of weights are to lie on {}, which has {total:.2} GB", usage.device);
        CHECK.finding(message).of(holders(context, staged, &usage.model_bytes)).step(context.step_to_fit())
    });
    findings.collect()
}
