//! Do the tables of a load belong together? If lines of a log are missing, those of two loads may look like one.

use super::super::load::{Load, Mode, Planned, Role};
use super::super::number::{GB, MB, bytes};

/// Do the tables say the same of what more than one of them says? Numbers are as exact as they are printed.
pub(super) fn is_consistent(load: &Load) -> bool {
    // A load has one mode, so lines of two are of two loads.
    let is_mixed =
        [!load.granted.is_empty(), !load.lent.is_empty(), load.ratio.is_some()].iter().filter(|has| **has).count() > 1;
    !is_mixed
        && has_all_layers(load)
        && has_granted_all(load)
        && has_planned_shares(load)
        && has_calculated_shares(load)
        && keeps_to_plan(load)
        && fills_quotas(load)
}

/// Is what is assigned as large as the model? The row of tiny layers may count some twice. Where it does, those that no
/// other row counts have less than a ten-thousandth of the model each.
fn has_all_layers(load: &Load) -> bool {
    let total: u64 = load.layers.iter().map(|row| row.bytes).sum();
    let count: u64 = load.layers.iter().map(|row| row.count).sum();
    if !load.assigned.is_empty() && load.assigned.iter().map(|row| row.layers).sum::<u64>() < count {
        return false;
    }
    let (tiny, rows): (Vec<_>, Vec<_>) = load.assigned.iter().partition(|row| row.is_tiny);
    let rows: u64 = rows.iter().map(|row| row.bytes).sum();
    let counts_twice = load.final_string.is_some();
    let tiny: u64 = tiny.iter().map(|row| if counts_twice { row.layers * (total / 10_000) } else { row.bytes }).sum();
    let exact = rounding(0.01 * MB) * (load.layers.len() + load.assigned.len()) as u64;
    rows <= total + exact && rows + tiny + exact >= total
}

/// Is what the quotas and the wildcard get as large as the model? What is shared by the GPUs, and the head of a text encoder,
/// is not among it.
fn has_granted_all(load: &Load) -> bool {
    let is_whole = matches!(load.mode, Mode::Bytes | Mode::Wildcard { .. }) && load.preserved.is_none();
    if !is_whole || load.granted.is_empty() || load.layers.is_empty() {
        return true;
    }
    let granted: u64 = load.granted.iter().map(|quota| quota.bytes).sum();
    let layers: u64 = load.layers.iter().map(|row| row.bytes).sum();
    granted.abs_diff(layers) <= rounding(0.01 * MB) * (load.granted.len() + load.layers.len()) as u64
}

/// Are the shares of the table those of the string, and none is missing?
fn has_planned_shares(load: &Load) -> bool {
    let Some(string) = load.final_string.as_ref().filter(|_| !load.planned.is_empty()) else { return true };
    let devices = string.split(';').filter_map(|part| part.split_once(','));
    let is_whole = devices.into_iter().all(|(device, _)| load.planned.iter().any(|row| row.device == device));
    is_whole
        && load.planned.iter().all(|row| {
            let mut share =
                string.split(';').filter_map(|part| part.split_once(',')).filter(|(device, _)| *device == row.device);
            share.next_back().and_then(|(_, share)| share.trim().parse::<f64>().ok()).is_some_and(|share| {
                // One digit of a percentage is printed.
                (share - row.share).abs() <= 0.000_6
            })
        })
}

/// Is the string of fractions one that was calculated, if the mode says so, and of what the mode says?
fn has_calculated_shares(load: &Load) -> bool {
    let is_calculated = !matches!(load.mode, Mode::Fraction | Mode::Unknown | Mode::Nothing);
    if is_calculated
        && load.final_string.as_deref().is_some_and(|string| is_written(string) || !is_in_order(load, string))
    {
        return false;
    }
    match &load.mode {
        _ if load.planned.is_empty() => true,
        Mode::Ratio => has_ratios(load),
        Mode::Bytes | Mode::Wildcard { .. } => {
            let given = |device: &str| {
                load.granted.iter().filter(|quota| quota.device == device).map(|quota| quota.bytes).sum()
            };
            load.planned.iter().all(|row| is_near(given(&row.device), row))
        }
        Mode::VirtualVram => load.planned.iter().all(|row| {
            let own = load.lent.iter().filter(|lent| lent.object == row.device);
            // One that also borrows has two shares, of which the table shows only one.
            own.clone().count() != 1 || own.filter(|lent| lent.role == Role::Donor).all(|lent| is_near(lent.bytes, row))
        }),
        _ => true,
    }
}

/// Does the string of fractions name the devices in the order in which they were before?
fn is_in_order(load: &Load, string: &str) -> bool {
    let ratio = load.ratio.iter().flat_map(|ratio| ratio.split(';')).filter_map(|part| part.split_once(','));
    let lent = load.lent.iter().filter(|row| row.role != Role::Model).map(|row| row.object.as_str());
    let granted = load.granted.iter().map(|quota| quota.device.as_str());
    let mut before: Vec<&str> = Vec::new();
    for device in granted.chain(lent).chain(ratio.map(|(device, _)| device)) {
        if !before.contains(&device) {
            before.push(device);
        }
    }
    let mut named = string.split(';').filter_map(|part| part.split_once(',')).map(|(device, _)| device);
    before.into_iter().all(|device| named.any(|other| other == device))
}

/// Are the shares of the model as the string of ratios has it?
fn has_ratios(load: &Load) -> bool {
    let parts = load.ratio.iter().flat_map(|ratio| ratio.split(';')).filter_map(|part| part.split_once(','));
    let parts =
        parts.filter_map(|(device, amount)| Some((device, amount.replace('%', "").trim().parse::<f64>().ok()?)));
    let parts: Vec<(&str, f64)> = parts.collect();
    let whole: f64 = parts.iter().map(|(_, part)| part).sum();
    let planned = |row: &Planned| as_float(row.total_bytes) * row.share;
    let all: f64 = load.planned.iter().map(planned).sum();
    // A share is as exact as its percentage, and the memory of its device.
    let exact: f64 = load.planned.iter().map(|row| as_float(row.total_bytes) * 0.001 + row.share * 0.01 * GB).sum();
    parts.iter().all(|(device, part)| {
        let row = load.planned.iter().find(|row| row.device == *device);
        row.is_some_and(|row| (planned(row) - part / whole * all).abs() <= 2.0 * exact)
    })
}

/// Did somebody write a string of fractions? Those that are calculated have four decimals, and that is all that tells
/// them from others if the lines before them are missing.
pub(super) fn is_written(string: &str) -> bool {
    let amounts = string.split(';').filter_map(|part| part.split_once(',')).map(|(_, amount)| amount.trim());
    let mut amounts = amounts.filter(|amount| *amount != "0.0");
    amounts.any(|amount| amount.split_once('.').is_none_or(|(_, decimals)| decimals.len() != 4))
}

/// Is an amount the one that is planned?
fn is_near(amount: u64, row: &Planned) -> bool {
    amount.abs_diff(row.bytes) <= tolerance(row.total_bytes)
}

#[expect(clippy::cast_precision_loss, reason = "no device has 2^53 bytes")]
fn as_float(amount: u64) -> f64 {
    amount as f64
}

/// Is a device planned for all that is assigned? And is no device but the compute device given more than is planned for it?
/// The compute device also takes what fits nowhere.
fn keeps_to_plan(load: &Load) -> bool {
    let is_planned = |device: &str| load.planned.iter().any(|row| row.device == device);
    if !load.assigned.iter().all(|row| is_planned(&row.device)) {
        return false;
    }
    let Some(compute) = load.assigned.iter().find(|row| row.is_tiny) else { return true };
    load.assigned.iter().filter(|row| row.device != compute.device).all(|row| {
        let planned = load.planned.iter().find(|planned| planned.device == row.device);
        planned.is_some_and(|planned| row.bytes <= quota(load, planned).1)
    })
}

/// Is a total that of the tables? It is printed after them, so it may be another load's.
pub(super) fn is_total(load: &Load, total: u64) -> bool {
    let layers: u64 = load.layers.iter().map(|row| row.bytes).sum();
    layers == 0 || layers.abs_diff(total) <= rounding(0.01 * MB) * (load.layers.len() as u64 + 1)
}

/// Does the compute device get only what fits nowhere else? A layer goes to any device that still has room for it, so if
/// nothing is planned for the compute device, even the smallest of its layers is larger than the room that is left.
fn fills_quotas(load: &Load) -> bool {
    let Some(compute) = load.assigned.iter().find(|row| row.is_tiny).map(|row| &row.device) else { return true };
    let planned = |device: &str| load.planned.iter().find(|row| row.device == device);
    let row = load.assigned.iter().find(|row| row.device == *compute && !row.is_tiny && row.layers > 0);
    let (Some(row), Some(plan)) = (row, planned(compute)) else { return true };
    if plan.share > 0.0 || load.preserved.is_some() || load.final_string.is_none() {
        return true;
    }
    load.planned.iter().filter(|plan| plan.device != *compute).all(|plan| {
        let given =
            load.assigned.iter().filter(|row| row.device == plan.device && !row.is_tiny).map(|row| row.bytes).sum();
        quota(load, plan).0.saturating_sub(given) <= row.bytes / row.layers + rounding(0.01 * MB)
    })
}

/// The least and the most that can be planned for a device: the string of fractions has four digits, the memory of the
/// device two. Without the string, the table's own amount has two.
fn quota(load: &Load, row: &Planned) -> (u64, u64) {
    let mut shares =
        load.final_string.iter().flat_map(|string| string.split(';')).filter_map(|part| part.split_once(','));
    let share =
        shares.rfind(|(device, _)| *device == row.device).and_then(|(_, share)| share.trim().parse::<f64>().ok());
    match share {
        Some(0.0) => (0, rounding(0.01 * MB)),
        Some(share) => {
            let (total, exact) = (as_float(row.total_bytes), 0.006 * GB);
            let least = (share - 0.000_06) * (total - exact);
            (bytes(least.max(0.0), 1.0), bytes((share + 0.000_06) * (total + exact), 1.0))
        }
        None => (row.bytes.saturating_sub(tolerance(row.total_bytes)), row.bytes + tolerance(row.total_bytes)),
    }
}

/// How exact a planned amount is: its fraction of the device has four digits, and it has two itself.
fn tolerance(device_bytes: u64) -> u64 {
    rounding(0.01 * GB) + device_bytes / 10_000
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few MB")]
fn rounding(step: f64) -> u64 {
    step as u64 + 1
}
