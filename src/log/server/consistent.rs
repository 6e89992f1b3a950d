//! Do the tables of a load belong together? If lines of a log are missing, those of two loads may look like one.

use super::super::load::Load;
use super::super::number::{GB, MB};

/// Do the tables say the same of what more than one of them says? Numbers are as exact as they are printed.
pub(super) fn is_consistent(load: &Load) -> bool {
    has_all_layers(load) && has_planned_shares(load) && has_granted_bytes(load) && keeps_to_plan(load)
}

/// Is what is assigned as large as the model? The row of tiny layers may count some twice.
fn has_all_layers(load: &Load) -> bool {
    let total: u64 = load.layers.iter().map(|row| row.bytes).sum();
    let (tiny, rows): (Vec<_>, Vec<_>) = load.assigned.iter().partition(|row| row.is_tiny);
    let rows: u64 = rows.iter().map(|row| row.bytes).sum();
    let tiny: u64 = tiny.iter().map(|row| row.bytes).sum();
    let exact = rounding(0.01 * MB) * (load.layers.len() + load.assigned.len()) as u64;
    rows <= total + exact && rows + tiny + exact >= total
}

/// Are the shares of the table those of the string?
fn has_planned_shares(load: &Load) -> bool {
    let Some(string) = &load.final_string else { return true };
    load.planned.iter().all(|row| {
        let share =
            string.split(';').filter_map(|part| part.split_once(',')).filter(|(device, _)| *device == row.device);
        share.last().and_then(|(_, share)| share.trim().parse::<f64>().ok()).is_some_and(|share| {
            // One digit of a percentage is printed.
            (share - row.share).abs() <= 0.000_6
        })
    })
}

/// Bytes mode, and virtual VRAM: is planned what was given?
fn has_granted_bytes(load: &Load) -> bool {
    let is_shared = matches!(load.mode, super::super::Mode::GpuOnly);
    load.planned.iter().filter(|_| !is_shared && !load.granted.is_empty()).all(|row| {
        let given: u64 = load.granted.iter().filter(|quota| quota.device == row.device).map(|quota| quota.bytes).sum();
        given.abs_diff(row.bytes) <= tolerance(row.total_bytes)
    })
}

/// Is no device but the compute device given more than is planned for it? The compute device also takes what fits
/// nowhere.
fn keeps_to_plan(load: &Load) -> bool {
    let Some(compute) = load.assigned.iter().find(|row| row.is_tiny) else { return true };
    load.assigned.iter().filter(|row| row.device != compute.device).all(|row| {
        let planned = load.planned.iter().find(|planned| planned.device == row.device);
        planned.is_some_and(|planned| row.bytes <= planned.bytes + tolerance(planned.total_bytes))
    })
}

/// How exact a planned amount is: its fraction of the device has four digits, and it has two itself.
fn tolerance(device_bytes: u64) -> u64 {
    rounding(0.01 * GB) + device_bytes / 10_000
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few MB")]
fn rounding(step: f64) -> u64 {
    step as u64 + 1
}
