//! The three tables of the node's log, as numbers. `cells` gives the text that it logs.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::AllocationError;
use super::machine::{Device, DeviceMap, Machine};
use super::model::{Accounting, Model};
use super::number::{GB, MB, float_of, gigabytes};
use super::placement::{Placed, Reason};
use super::request::Fraction;

/// A row of the device table, `DisTorch2 Model Device Allocations`.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRow {
    /// The device.
    pub device: Device,
    /// Its memory.
    pub total_bytes: u64,
    /// The part of its memory that the model gets; 1 is all of it.
    pub fraction: f64,
    /// The same in units of 2^30 bytes: `total_bytes * fraction / 2^30`. A float, since the fraction is one; its four
    /// decimals make steps of 1.2 MB on a device of 12 GB.
    pub allocated_gb: f64,
    /// Its share of all allocations, in percent; 0 if their sum is not positive.
    pub dist_percent: f64,
}

impl DeviceRow {
    /// The bytes that blocks on it may take.
    pub fn allocated_bytes(&self) -> f64 {
        self.allocated_gb * GB
    }

    /// Device, VRAM GB, Dev %, Model GB, Dist %.
    pub fn cells(&self) -> [String; 5] {
        [
            self.device.to_string(),
            format!("{:.2}", gigabytes(self.total_bytes)),
            format!("{:.1}%", self.fraction * 100.0),
            format!("{:.2}", self.allocated_gb),
            format!("{:.1}%", self.dist_percent),
        ]
    }
}

/// The device table of fractions, sorted as the node sorts it: the order in which blocks are offered to devices. If a
/// device has several fractions, the last counts.
///
/// # Errors
/// A device that the machine does not have, or an allocation that is not finite.
pub fn devices(fractions: &[Fraction], machine: &Machine) -> Result<Vec<DeviceRow>, AllocationError> {
    let mut rows = DeviceMap::default();
    for Fraction { device, value } in fractions {
        let total_bytes = machine.total_bytes(device).ok_or_else(|| AllocationError::UnknownDevice(device.clone()))?;
        let allocated_gb = float_of(total_bytes) * value / GB;
        if !allocated_gb.is_finite() {
            return Err(AllocationError::NotFinite(device.clone()));
        }
        rows.set(device.clone(), (total_bytes, *value, allocated_gb));
    }
    // In the order of the fractions, since the order of a sum is part of its result.
    let all_bytes: f64 = rows.iter().map(|(_, &(_, _, allocated_gb))| allocated_gb * GB).sum();
    let row = |(device, (total_bytes, fraction, allocated_gb)): (Device, (u64, f64, f64))| {
        let dist_percent = if all_bytes > 0.0 { allocated_gb * GB / all_bytes * 100.0 } else { 0.0 };
        if !dist_percent.is_finite() {
            return Err(AllocationError::NotFinite(device));
        }
        Ok(DeviceRow { device, total_bytes, fraction, allocated_gb, dist_percent })
    };
    let mut table = rows.into_entries().into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    table.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(table)
}

/// A row of the layer table, `DisTorch2 Model Layer Distribution`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRow {
    /// The class of the blocks' modules.
    pub kind: Cow<'static, str>,
    /// How many blocks.
    pub blocks: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Their share of the model, in percent.
    pub percent: f64,
}

impl LayerRow {
    /// Layer Type (18 characters at most), Layers, Memory (MB), % Total.
    pub fn cells(&self) -> [String; 4] {
        cells(self.kind.chars().take(18).collect(), self.blocks, self.bytes, self.percent)
    }
}

/// The layer table of a model, in the order in which kinds first occur.
pub fn layers(model: &Model, accounting: Accounting) -> Vec<LayerRow> {
    let total_bytes = model.total_bytes(accounting);
    let mut rows: Vec<LayerRow> = Vec::new();
    let mut index = HashMap::new();
    let mut at = 0;
    for block in model.blocks() {
        // Blocks of a kind often come in a row, and comparing is cheaper than looking up.
        if rows.get(at).is_none_or(|row| row.kind != block.kind) {
            at = *index.entry(&*block.kind).or_insert_with(|| {
                rows.push(LayerRow { kind: block.kind.clone(), blocks: 0, bytes: 0, percent: 0.0 });
                rows.len() - 1
            });
        }
        rows[at].blocks += 1;
        rows[at].bytes = rows[at].bytes.saturating_add(block.bytes(accounting));
    }
    for row in &mut rows {
        row.percent = percent(row.bytes, total_bytes);
    }
    rows
}

/// A row of the assignment table, `DisTorch2 Model Final Device/Layer Assignments`.
#[derive(Debug, Clone, PartialEq)]
pub struct AssignmentRow {
    /// The device.
    pub device: Device,
    /// Is it the row of the tiny blocks on the compute device?
    pub tiny: bool,
    /// How many blocks.
    pub blocks: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What that is of the model, in percent.
    pub percent: f64,
}

impl AssignmentRow {
    /// Device, Layers, Memory (MB), % Total.
    pub fn cells(&self) -> [String; 4] {
        let mark = if self.tiny { " (<0.01%)" } else { "" };
        cells(format!("{}{mark}", self.device), self.blocks, self.bytes, self.percent)
    }
}

/// The assignment table, counted as the node counts it.
///
/// First the blocks placed as [tiny](Reason::Tiny), if any; among them are blocks of any size without a bias attribute.
/// Then each device with its blocks of at least the tiny-block threshold, whatever the reason of their placement. So a
/// large block without a bias attribute counts twice, and a small CLIP head not at all. Of blocks with one name the
/// first counts. For the true bytes of a device, see [`Allocation::bytes_on`](super::Allocation::bytes_on).
pub fn assignments(
    model: &Model,
    accounting: Accounting,
    devices: &[DeviceRow],
    compute: &Device,
    placements: &[Placed],
) -> Vec<AssignmentRow> {
    let total_bytes = model.total_bytes(accounting);
    let threshold = super::placement::tiny_threshold(total_bytes);
    let empty =
        |device: &Device, tiny| AssignmentRow { device: device.clone(), tiny, blocks: 0, bytes: 0, percent: 0.0 };
    let mut rows = vec![empty(compute, true)];
    rows.extend(devices.iter().map(|row| empty(&row.device, false)));
    let mut add = |row: usize, bytes: u64| {
        rows[row].blocks += 1;
        rows[row].bytes = rows[row].bytes.saturating_add(bytes);
    };
    for (index, (block, placed)) in model.blocks().iter().zip(placements).enumerate() {
        let bytes = block.bytes(accounting);
        if placed.reason == Reason::Tiny {
            add(0, bytes);
        }
        if model.first_of_name(index) == index && float_of(bytes) >= threshold {
            add(placed.device + 1, bytes);
        }
    }
    rows.retain(|row| row.blocks > 0);
    for row in &mut rows {
        row.percent = percent(row.bytes, total_bytes);
    }
    rows
}

fn cells(label: String, blocks: usize, bytes: u64, percent: f64) -> [String; 4] {
    [label, blocks.to_string(), format!("{:.2}", float_of(bytes) / MB), format!("{percent:.1}%")]
}

fn percent(bytes: u64, total_bytes: u64) -> f64 {
    if total_bytes > 0 { float_of(bytes) / float_of(total_bytes) * 100.0 } else { 0.0 }
}
