//! The plan of a load beside what the log shows: the same model, string and devices.
//!
//! A reason is only given if it follows from the numbers. The log rounds to 0.01 MB, and devices to 0.01 GB.

use crate::allocator::{self, Accounting, AllocationString, Device, Machine, Policy, gigabytes, readable};
use crate::log::{Load, LoadKind, Mode};
use crate::plan::{Card, Devices, Gpu, Loading, NamedModel, Options, Plan, Run};

/// What is left of a size of the log after rounding, in bytes, for each row of a table.
const ROUNDING_BYTES: u64 = 10_600;
/// What a share of a device is off by after rounding: its table has one decimal of a percent, and fractions have four.
const SHARE: f64 = 0.000_65;

/// A plan beside a load.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The model, as it was named.
    pub model: String,
    /// Which size of a layer the node counted.
    pub accounting: Accounting,
    /// Which node was planned; None if repaired and shipped give the same.
    pub policy: Option<Policy>,
    /// The plan.
    pub run: Run,
    /// Do both agree, but for rounding?
    pub agrees: bool,
    /// Where and why they differ, and what follows from how the node counts.
    pub remarks: Vec<String>,
}

/// Does a model have the same layers as a load, by their classes and numbers?
pub fn has_layers_of(named: &NamedModel, load: &Load) -> bool {
    let blocks = named.modules.model.blocks();
    let count = |class: &str| blocks.iter().filter(|block| shortened(&block.kind) == class).count() as u64;
    let in_log: u64 = load.layers.iter().map(|layers| layers.count).sum();
    in_log == blocks.len() as u64 && load.layers.iter().all(|layers| count(&layers.class) == layers.count)
}

/// The log's table has room for 18 characters.
fn shortened(class: &str) -> String {
    class.chars().take(18).collect()
}

/// Plans a load, and compares. `open` reads the model as it is loaded on a card, under an accounting; `gpu` is the kind of the
/// compute GPU, if it is known.
///
/// # Errors If the log does not have the numbers, or the model cannot be planned.
pub fn compare(
    load: &Load,
    gpu: Option<Gpu>,
    open: impl Fn(Card, Accounting) -> Result<(NamedModel, Loading), String>,
) -> Result<Comparison, String> {
    let Some(text) = load.string.clone().or_else(|| fractions(load)) else {
        return Err("which string it had is not known".to_owned());
    };
    let total_bytes = load.total_bytes.or_else(|| sum(load.assigned.iter().map(|row| row.bytes)));
    let (Some(total_bytes), false) = (total_bytes, load.planned.is_empty() || load.assigned.is_empty()) else {
        return Err("the log does not have all tables of this load".to_owned());
    };
    let string = AllocationString::parse(&text).map_err(|error| format!("the node cannot parse `{text}`: {error}"))?;
    let devices = devices(load);
    let card = devices.card(string.compute_device(), gpu);
    let resident = open(card, Accounting::Resident)?;
    let resident_bytes = resident.0.modules.model.total_bytes(Accounting::Resident);
    let mut remarks = Vec::new();
    let mut has_total = true;
    let (accounting, (named, loading)) = if is_about(total_bytes, resident_bytes, 1) {
        (Accounting::Resident, resident)
    } else {
        let offload = open(card, Accounting::Offload)?;
        let offload_bytes = offload.0.modules.model.total_bytes(Accounting::Offload);
        if is_about(total_bytes, offload_bytes, load.layers.len() as u64 + 1) {
            remarks.push(counts_more(total_bytes, resident_bytes));
            (Accounting::Offload, offload)
        } else {
            has_total = false;
            remarks.push(other_total(load, &resident.0, total_bytes, resident_bytes));
            (Accounting::Resident, resident)
        }
    };
    if load.string.is_none() {
        remarks.push("planned by the final allocation string, as the one of the node is not in the log".to_owned());
    }
    let policy = policy(load, &string);
    let options = Options {
        accounting,
        policies: vec![policy.unwrap_or_default()],
        clip: load.kind == Some(LoadKind::TextEncoder) || load.preserved.is_some(),
        headroom_bytes: 0,
        loading,
    };
    let model = named.name.clone();
    let plan = Plan::new(vec![(named, string)], devices, options).map_err(|error| format!("{error:#}"))?;
    let planned = plan.models.into_iter().next().ok_or("nothing was planned")?;
    let largest_bytes =
        planned.named.modules.model.blocks().iter().map(|block| block.bytes(accounting)).max().unwrap_or(0);
    let run = planned.runs.into_iter().next().ok_or("nothing was planned")?;
    let agrees = differs_by(load, &run) <= ROUNDING_BYTES * 2;
    if !agrees && has_total {
        remarks.push(why(load, &run, largest_bytes));
    }
    Ok(Comparison { model, accounting, policy, run, agrees, remarks })
}

/// What the node made of a string that is not in the log: it places layers by that.
fn fractions(load: &Load) -> Option<String> {
    let fractions = load.final_string.as_ref().filter(|text| allocator::Mode::of(text) == allocator::Mode::Fraction)?;
    let compute = load.assigned.iter().find(|row| row.is_tiny)?;
    Some(format!("{fractions}#{}", compute.device))
}

/// The bytes that really went to a device; None if the last table does not have it.
pub fn assigned_bytes(load: &Load, device: &str) -> Option<u64> {
    sum(load.assigned.iter().filter(|row| row.device == device).map(|row| row.bytes))
}

fn sum(bytes: impl Iterator<Item = u64>) -> Option<u64> {
    bytes.reduce(u64::saturating_add)
}

/// Are two sizes the same, but for the rounding of so many numbers?
fn is_about(a: u64, b: u64, numbers: u64) -> bool {
    a.abs_diff(b) <= ROUNDING_BYTES * numbers
}

/// Who gets what no quota covers: by what the node said it did. None if that makes no difference.
fn policy(load: &Load, string: &AllocationString) -> Option<Policy> {
    match &load.mode {
        Mode::GpuOnly => Some(Policy::GpuOnly),
        Mode::Wildcard { .. } if !string.expert().contains('*') => Some(Policy::CpuFallback),
        _ => None,
    }
}

/// The machine, by the table of devices: in the order of the node's list.
fn devices(load: &Load) -> Devices {
    let (cpu, gpus): (Vec<_>, Vec<_>) = load.planned.iter().partition(|row| row.device == "cpu");
    let listed = cpu.into_iter().chain(gpus).map(|row| (Device::from(&*row.device), row.total_bytes));
    Devices { machine: Machine::new(listed), ram_known: true, assumed: false, gpus: Vec::new(), notes: Vec::new() }
}

fn counts_more(total_bytes: u64, resident_bytes: u64) -> String {
    format!(
        "the node counted {} for weights of {}: with what casting and patching costs, as before 2.5.11, so its quotas \
         cover fewer layers",
        readable(total_bytes),
        readable(resident_bytes)
    )
}

/// Why the total is none that a plan gives.
fn other_total(load: &Load, named: &NamedModel, total_bytes: u64, resident_bytes: u64) -> String {
    let numbers = format!("the log counts {} and the file has {}", readable(total_bytes), readable(resident_bytes));
    if load.layers.is_empty() {
        return format!("{numbers}: why is unknown");
    }
    if !has_layers_of(named, load) {
        let in_log: u64 = load.layers.iter().map(|layers| layers.count).sum();
        let blocks = named.modules.model.blocks().len();
        return format!("{numbers}, and {in_log} layers and {blocks}: it is another model");
    }
    let times = gigabytes(total_bytes) / gigabytes(resident_bytes.max(1));
    if (2.9..3.1).contains(&times) {
        return format!(
            "{numbers}, a third: before 2.5.11 the node counts a layer of a GGUF file three times if a LoRA patches it; \
             name that with --lora, or with the workflow"
        );
    }
    format!("{numbers}, in the same layers: it is another file, or loaded in another type")
}

/// By how many bytes a device differs at most.
fn differs_by(load: &Load, run: &Run) -> u64 {
    let rows = run.allocation.devices.iter().zip(&run.counted_bytes);
    let differences = rows.map(|(row, bytes)| assigned_bytes(load, row.device.as_str()).unwrap_or(0).abs_diff(*bytes));
    differences.max().unwrap_or(0)
}

/// Why the same total is distributed differently.
fn why(load: &Load, run: &Run, largest_bytes: u64) -> String {
    let shares_agree = run.allocation.devices.iter().all(|row| {
        let in_log = load.planned.iter().find(|planned| planned.device == row.device.as_str());
        in_log.is_some_and(|planned| (planned.share - row.fraction).abs() <= SHARE)
    });
    if !shares_agree {
        return "the node planned other shares of the devices; why is unknown".to_owned();
    }
    if differs_by(load, run) <= largest_bytes {
        return "they differ by less than one layer, at the edge of a device: the log rounds what devices have"
            .to_owned();
    }
    let layers = &run.allocation.layers;
    let is_same = |row: &crate::log::Layers| {
        let planned = layers.iter().find(|layer| shortened(&layer.kind) == row.class);
        planned.is_some_and(|layer| layer.blocks as u64 == row.count && is_about(layer.bytes, row.bytes, 1))
    };
    if layers.len() == load.layers.len() && load.layers.iter().all(is_same) {
        return "the same layers and shares, so the node offered the layers in another order".to_owned();
    }
    "why is unknown".to_owned()
}
