//! Warnings about an allocation, with the numbers.

use std::fmt;

use super::modules::Modules;
use super::{Devices, Options, Run};
use crate::allocator::{
    Accounting, AllocationString, Device, GB, Model, Placed, Quotas, Reason, Remainder, Request, gigabytes,
};

/// A warning.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// More weights go to a device than it has memory for.
    DoesNotFit {
        /// The device.
        device: Device,
        /// Bytes of the weights.
        bytes: u64,
        /// Bytes that it has.
        total_bytes: u64,
    },
    /// The compute device holds the weights, but leaves less than the headroom for the computation.
    NoRoom {
        /// The compute device.
        device: Device,
        /// Bytes that are left.
        free_bytes: u64,
        /// Bytes that should be.
        headroom_bytes: u64,
    },
    /// A device is asked for more than its memory, counted differently from what the weights take.
    Overcommitted {
        /// The device.
        device: Device,
        /// Gigabytes that it is asked for.
        asked_gb: f64,
        /// Bytes that it has.
        total_bytes: u64,
        /// Bytes of the weights that go there.
        bytes: u64,
    },
    /// A GPU has a quota and gets nothing.
    Empty {
        /// The GPU.
        device: Device,
        /// Bytes of the model, as counted.
        counted_bytes: u64,
        /// Were there layers left for it, all of them larger than its quota?
        too_small: bool,
    },
    /// Layers that fit no quota.
    Orphans {
        /// How many.
        layers: usize,
        /// Bytes of their weights.
        bytes: u64,
        /// Their share of the model; 1 is all of it.
        part: f64,
        /// Where they stay.
        compute: Device,
    },
    /// What no quota covers goes to the main memory, though the string does not ask for that.
    Spill {
        /// Bytes of the weights that go there.
        bytes: u64,
    },
    /// What no quota covers is unassigned, since no GPU has a quota.
    Unassigned {
        /// How many gigabytes, as counted.
        counted_gb: f64,
    },
    /// The quotas only make sense in the other accounting, the one in the tables of guides for WAN 2.2.
    OtherAccounting {
        /// Bytes of the model's weights.
        resident_bytes: u64,
        /// Bytes with what casting and patching them costs; the same if no LoRA file was given and nothing is cast.
        offload_bytes: u64,
        /// Gigabytes of all quotas.
        quota_gb: f64,
    },
    /// Text that the node ignores.
    Ignored {
        /// The text.
        text: String,
    },
    /// The table counts what casting and patching costs, so its gigabytes are not what the weights take.
    OverCounted {
        /// Bytes of the model's weights.
        resident_bytes: u64,
        /// Bytes as counted.
        counted_bytes: u64,
    },
}

/// How much a warning matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Loading will fail.
    Misfit,
    /// Something is probably not as intended.
    Warning,
    /// Good to know.
    Note,
}

/// Orphans that make up less of a model than this are due to rounding: other quotas would not help.
const ORPHANS_WORTH_A_WARNING: f64 = 0.02;

impl Warning {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::DoesNotFit { .. } => Level::Misfit,
            Self::OverCounted { .. } => Level::Note,
            _ => Level::Warning,
        }
    }

    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DoesNotFit { .. } => "does-not-fit",
            Self::NoRoom { .. } => "no-room",
            Self::Overcommitted { .. } => "overcommitted",
            Self::Empty { .. } => "empty",
            Self::Orphans { .. } => "orphans",
            Self::Spill { .. } => "spill",
            Self::Unassigned { .. } => "unassigned",
            Self::OtherAccounting { .. } => "other-accounting",
            Self::Ignored { .. } => "ignored",
            Self::OverCounted { .. } => "over-counted",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = |bytes: &u64| format!("{:.2} GB", gigabytes(*bytes));
        match self {
            Self::DoesNotFit { device, bytes, total_bytes } => write!(
                f,
                "{device} is too small: {} of weights on {}, {} too much",
                gb(bytes),
                gb(total_bytes),
                gb(&(bytes - total_bytes))
            ),
            Self::NoRoom { device, free_bytes, headroom_bytes } => write!(
                f,
                "{device} is the compute device, but only {} stay free (--headroom asks for {})",
                gb(free_bytes),
                gb(headroom_bytes)
            ),
            Self::Overcommitted { device, asked_gb, total_bytes, bytes } => write!(
                f,
                "{device} is asked for {asked_gb:.2} GB and has {}; {} of weights go there",
                gb(total_bytes),
                gb(bytes)
            ),
            Self::Empty { device, too_small: true, .. } => {
                write!(f, "{device} gets nothing: none of the remaining layers fits its quota")
            }
            Self::Empty { device, counted_bytes, .. } => {
                write!(f, "{device} gets nothing: the devices before it take all {} of the model", gb(counted_bytes))
            }
            Self::Orphans { layers, bytes, compute, .. } => {
                let (what, fit, stay) =
                    if *layers == 1 { ("layer", "fits", "stays") } else { ("layers", "fit", "stay") };
                write!(f, "{layers} {what} ({}) {fit} no quota and {stay} on {compute}, above its quota", gb(bytes))
            }
            Self::Spill { bytes } => write!(
                f,
                "{} of weights go to the CPU, though the string does not ask for that: what no quota covers goes there until \
                 the node is repaired (`distorch-fix apply`)",
                gb(bytes)
            ),
            Self::Unassigned { counted_gb } => {
                write!(f, "no GPU has a quota, so {counted_gb:.2} GB stay on the compute device")
            }
            Self::OtherAccounting { resident_bytes, offload_bytes, quota_gb } => {
                write!(
                    f,
                    "quotas of {quota_gb:.2} GB cover all {} of weights, so nothing remains to be shared; ",
                    gb(resident_bytes)
                )?;
                if offload_bytes > resident_bytes {
                    let counted = gb(offload_bytes);
                    write!(
                        f,
                        "tables in guides count what casting and patching costs too, {counted} here (--accounting offload)"
                    )
                } else {
                    write!(f, "tables in guides count what LoRA files cost too (--accounting offload with --lora FILE)")
                }
            }
            Self::Ignored { text } => write!(f, "the node ignores `{text}`"),
            Self::OverCounted { resident_bytes, counted_bytes } => write!(
                f,
                "{} are counted, with what casting and patching costs; the weights take {}",
                gb(counted_bytes),
                gb(resident_bytes)
            ),
        }
    }
}

/// The warnings about a run, worst first.
pub(super) fn of(
    run: &Run,
    modules: &Modules,
    string: &AllocationString,
    devices: &Devices,
    options: &Options,
) -> Vec<Warning> {
    let model = &modules.model;
    let mut warnings = of_devices(run, string, devices, options);
    warnings.extend(orphans(run, model, string.compute_device()));
    if let Request::Byte(quotas) = string.request() {
        warnings.extend(of_quotas(run, model, quotas, options));
    }
    warnings
        .extend(string.ignored().iter().map(|span| Warning::Ignored { text: string.text()[span.clone()].to_owned() }));
    warnings.sort_by_key(Warning::level);
    warnings
}

fn of_devices(run: &Run, string: &AllocationString, devices: &Devices, options: &Options) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (row, &bytes) in run.allocation.devices.iter().zip(&run.resident_bytes) {
        let (device, total_bytes) = (row.device.clone(), row.total_bytes);
        if device.is_cpu() && !devices.ram_known {
            continue;
        }
        let free_bytes = total_bytes.saturating_sub(bytes);
        let computes = device == *string.compute_device() && !device.is_cpu();
        if bytes > total_bytes {
            warnings.push(Warning::DoesNotFit { device, bytes, total_bytes });
        } else if computes && free_bytes < options.headroom_bytes {
            warnings.push(Warning::NoRoom { device, free_bytes, headroom_bytes: options.headroom_bytes });
        } else if row.fraction > 1.0 {
            warnings.push(Warning::Overcommitted { device, asked_gb: row.allocated_gb, total_bytes, bytes });
        }
    }
    warnings
}

fn orphans(run: &Run, model: &Model, compute: &Device) -> Option<Warning> {
    let placed = model.blocks().iter().zip(&run.allocation.placements);
    let orphans = placed.filter(|(_, placed)| placed.reason == Reason::Orphan);
    let (layers, bytes) = orphans
        .fold((0, 0_u64), |(layers, bytes), (block, _)| (layers + 1, bytes.saturating_add(block.resident_bytes)));
    let part = gigabytes(bytes) / gigabytes(model.total_bytes(Accounting::Resident));
    (part >= ORPHANS_WORTH_A_WARNING).then(|| Warning::Orphans { layers, bytes, part, compute: compute.clone() })
}

fn of_quotas(run: &Run, model: &Model, quotas: &Quotas, options: &Options) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let accounting = options.accounting;
    let counted_bytes = model.total_bytes(accounting);
    for (at, (row, &bytes)) in run.allocation.devices.iter().zip(&run.counted_bytes).enumerate() {
        let quota = quotas.listed.iter().any(|quota| quota.device == row.device && quota.bytes > 0.0);
        if quota && bytes == 0 && counted_bytes > 0 && !row.device.is_cpu() {
            let left = |placed: &Placed| match placed.reason {
                Reason::Quota => placed.device > at,
                Reason::Orphan => true,
                Reason::Tiny | Reason::Head => false,
            };
            let too_small = row.allocated_gb > 0.0 && run.allocation.placements.iter().any(left);
            warnings.push(Warning::Empty { device: row.device.clone(), counted_bytes, too_small });
        }
    }
    match &run.allocation.remainder {
        Remainder::Wildcard { device, .. } if device.is_cpu() && quotas.wildcard.is_none() => {
            let on_cpu = run.allocation.devices.iter().zip(&run.resident_bytes).find(|(row, _)| row.device.is_cpu());
            warnings.push(Warning::Spill { bytes: on_cpu.map_or(0, |(_, &bytes)| bytes) });
        }
        Remainder::Unassigned { bytes } => warnings.push(Warning::Unassigned { counted_gb: bytes / GB }),
        Remainder::None | Remainder::Wildcard { .. } | Remainder::Shared { .. } => {}
    }
    let [resident_bytes, offload_bytes] = [Accounting::Resident, Accounting::Offload].map(|of| model.total_bytes(of));
    let quota_gb = quotas.listed.iter().map(|quota| quota.bytes).sum::<f64>() / GB;
    // What a guide's table can show: packed weights with a LoRA on all of them count three times.
    let most_bytes = if options.loading.loras.is_empty() { resident_bytes.saturating_mul(3) } else { offload_bytes };
    // Of interest only to those whose quotas did not do what they expected.
    match accounting {
        Accounting::Resident
            if !warnings.is_empty()
                && (gigabytes(resident_bytes)..gigabytes(most_bytes.max(offload_bytes))).contains(&quota_gb) =>
        {
            warnings.push(Warning::OtherAccounting { resident_bytes, offload_bytes, quota_gb });
        }
        Accounting::Offload if offload_bytes > resident_bytes => {
            warnings.push(Warning::OverCounted { resident_bytes, counted_bytes });
        }
        Accounting::Resident | Accounting::Offload => {}
    }
    warnings
}
