//! Devices that have room for the weights and none for the computation.

use super::fit::{certain, holders};
use super::{Check, Context, Finding, Level};
use crate::allocator::gigabytes;

pub(super) const CHECK: Check = Check {
    id: "no-room",
    level: Level::Warning,
    title: "The compute device is filled with weights",
    about: "The device that computes needs memory besides the weights: for a video, several gigabytes. If the weights leave less \
            than `--headroom`, the computation usually runs out of memory. If they take more than three quarters of the device, \
            as guides advise against, that is a note.",
    help: "Give the compute device less: `distorch-fix workflow set --fit` leaves the headroom free.",
    find,
};

/// How much of a compute device guides let the weights take.
const MOST_WEIGHTS: f64 = 0.75;

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(staged) = certain(context) else { return Vec::new() };
    let computes = |device: &crate::allocator::Device| staged.models.iter().any(|model| model.compute() == device);
    let mut findings = Vec::new();
    for (usage, stage) in staged.peaks() {
        let (used, total) = (usage.used_bytes(), usage.total_bytes);
        if usage.device.is_cpu() || !computes(&usage.device) || used > total || used == 0 {
            continue;
        }
        let free = usage.free_bytes();
        let level = if free < staged.options.headroom_bytes {
            Level::Warning
        } else if gigabytes(used) > gigabytes(total) * MOST_WEIGHTS {
            Level::Note
        } else {
            continue;
        };
        let at = staged.stages[stage].nodes.first().map(|node| format!(" at node {}", node.id)).unwrap_or_default();
        let message = format!(
            "{:.2} of {:.2} GB of {} hold weights{at}; {:.2} GB are left for the computation",
            gigabytes(used),
            gigabytes(total),
            usage.device,
            gigabytes(free)
        );
        let finding = CHECK.finding(message).of(holders(context, staged, &usage.model_bytes)).with_level(level);
        findings.push(if level == Level::Note { finding } else { finding.step(context.step_to_fit()) });
    }
    findings
}
