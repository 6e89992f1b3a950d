//! Proposes allocation strings with which the models fit.
//!
//! The compute device is filled first, since weights that are there need no transfer during the computation, and then
//! the other GPUs in order. Each keeps its headroom. Every proposal is allocated to check it, and made only if no
//! device gets more than it has to spare. If the GPUs have too little room, the rest goes to the main memory explicitly
//! (`cpu,*`), and a smaller quantisation that fits on the GPUs is proposed as well.

use crate::allocator::{
    Accounting, AllocationString, Device, Machine, Mode, Options as Allocating, Policy, allocate, full_allocation,
    gigabytes,
};

use super::quantise::QUANTISATIONS;
use super::{Devices, NamedModel, Options};

/// A string for every model of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// One string for each model.
    pub strings: Vec<String>,
    /// Where the weights go.
    pub place: Place,
    /// Can all models stay loaded at the same time?
    pub together: bool,
    /// The quantisation that this needs, if the models are to be smaller, and the bytes that it saves over all of them.
    pub smaller: Option<(&'static str, u64)>,
}

/// Where the weights of a proposal go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To GPUs only.
    GpuOnly,
    /// To the main memory too, where the GPUs have no room.
    WithCpu,
}

/// Steps of the quotas that are proposed, in gigabytes.
const STEP_GB: f64 = 0.1;
/// How often a proposal that does not fit is made smaller.
const MOST_TRIES: u32 = 10;

/// The proposals, best first; empty if nothing fits.
pub fn fit(models: &[NamedModel], devices: &Devices, options: &Options, compute: &Device) -> Vec<Proposal> {
    let fitting = Fitting { devices, options, compute };
    let as_they_are = fitting.gpu_only(models);
    if let Some(proposal) = as_they_are {
        return vec![proposal];
    }
    let mut proposals: Vec<Proposal> = fitting.strings(models, Place::WithCpu, false).into_iter().collect();
    proposals.extend(fitting.smaller(models));
    proposals
}

/// A GPU, and the gigabytes that a model may take there.
pub(crate) type Room<'a> = (&'a Device, f64);

/// A string that puts no more of a model on each GPU than its room; the compute device is the first of them.
pub(crate) fn within(
    named: &NamedModel,
    place: Place,
    rooms_gb: &[Room<'_>],
    main_gb: f64,
    devices: &Devices,
    options: &Options,
    compute: &Device,
) -> Option<String> {
    Fitting { devices, options, compute }.within(named, place, rooms_gb, main_gb)
}

struct Fitting<'a> {
    devices: &'a Devices,
    options: &'a Options,
    compute: &'a Device,
}

impl Fitting<'_> {
    /// On GPUs only: all models at the same time, or else each on its own.
    fn gpu_only(&self, models: &[NamedModel]) -> Option<Proposal> {
        let together = if models.len() > 1 { self.strings(models, Place::GpuOnly, true) } else { None };
        together.or_else(|| self.strings(models, Place::GpuOnly, false))
    }

    /// The largest quantisation that needs no main memory.
    fn smaller(&self, models: &[NamedModel]) -> Option<Proposal> {
        let bytes = |models: &[NamedModel]| -> u64 {
            let each = models.iter().map(|named| named.modules.model.total_bytes(Accounting::Resident));
            each.fold(0, u64::saturating_add)
        };
        let now = bytes(models);
        QUANTISATIONS.iter().filter(|known| known.is_ggml()).find_map(|quantisation| {
            let smaller: Option<Vec<_>> =
                models.iter().map(|named| named.quantised(quantisation, &self.options.loading)).collect();
            let smaller = smaller.filter(|smaller| bytes(smaller) < now)?;
            let proposal = self.gpu_only(&smaller)?;
            Some(Proposal { smaller: Some((quantisation.name, now - bytes(&smaller))), ..proposal })
        })
    }

    /// A string for each model; `None` if one has none. If they are to stay loaded together, each gets its part of what
    /// every device has to spare.
    fn strings(&self, models: &[NamedModel], place: Place, together: bool) -> Option<Proposal> {
        let resident = |named: &NamedModel| gigabytes(named.modules.model.total_bytes(Accounting::Resident));
        let all_gb: f64 = models.iter().map(resident).sum();
        let string = |named: &NamedModel| {
            let part = if together && all_gb > 0.0 { resident(named) / all_gb } else { 1.0 };
            self.string(named, place, part)
        };
        let strings = models.iter().map(string).collect::<Option<Vec<_>>>()?;
        Some(Proposal { strings, place, together: together || models.len() == 1, smaller: None })
    }

    fn string(&self, named: &NamedModel, place: Place, part: f64) -> Option<String> {
        let rooms_gb = gpus(&self.devices.machine, self.compute).into_iter();
        let rooms_gb: Vec<Room<'_>> = rooms_gb.map(|(device, total)| (device, self.spare_gb(total) * part)).collect();
        let main_gb = self.spare_gb(self.devices.machine.total_bytes(&Device::cpu()).unwrap_or(0)) * part;
        self.within(named, place, &rooms_gb, main_gb)
    }

    /// A string that puts no more on each device than its room, nor into the main memory than there is.
    fn within(&self, named: &NamedModel, place: Place, rooms_gb: &[Room<'_>], main_gb: f64) -> Option<String> {
        // Layers and quotas never match to the byte, and the difference stays on the compute device.
        (0..MOST_TRIES).find_map(|tries| {
            let text = self.quotas(named, place, rooms_gb, f64::from(tries) * STEP_GB)?;
            self.holds(named, &text, place, rooms_gb, main_gb).then_some(text)
        })
    }

    /// Quotas of the rooms, with this much less on the compute device.
    fn quotas(&self, named: &NamedModel, place: Place, rooms_gb: &[Room<'_>], less_gb: f64) -> Option<String> {
        let model = &named.modules.model;
        let counted_gb = gigabytes(model.total_bytes(self.options.accounting));
        let resident_gb = gigabytes(model.total_bytes(Accounting::Resident));
        // A quota is in the bytes that the node counts.
        let currency = if resident_gb > 0.0 { counted_gb / resident_gb } else { 1.0 };
        let mut left_gb = counted_gb;
        let mut quotas = Vec::new();
        for (device, room_gb) in rooms_gb {
            let less_gb = if *device == self.compute { less_gb } else { 0.0 };
            let room_gb = (room_gb - less_gb) * currency;
            let room_gb = (room_gb / STEP_GB).floor() * STEP_GB;
            let quota_gb = room_gb.min((left_gb / STEP_GB).ceil() * STEP_GB);
            if quota_gb > 0.0 && left_gb > 0.0 {
                quotas.push(format!("{device},{quota_gb:.1}gb"));
                left_gb -= quota_gb;
            }
        }
        match place {
            Place::GpuOnly if left_gb > 0.0 => return None,
            Place::GpuOnly => {}
            Place::WithCpu => quotas.push("cpu,*".to_owned()),
        }
        Some(full_allocation(&quotas.join(";"), self.compute, 0.0, ""))
    }

    /// Does the repaired node place everything as intended?
    fn holds(&self, named: &NamedModel, text: &str, place: Place, rooms_gb: &[Room<'_>], main_gb: f64) -> bool {
        let model = &named.modules.model;
        let clip = self.options.clip || named.modules.is_text_encoder;
        let options = Allocating { accounting: self.options.accounting, policy: Policy::GpuOnly, clip };
        // Without a unit there is no quota, and `cpu,*` alone is an error.
        let string = AllocationString::parse(text).ok().filter(|string| string.mode() == Mode::Byte);
        let Some(allocation) = string.and_then(|string| allocate(model, &self.devices.machine, &string, &options).ok())
        else {
            return false;
        };
        let resident = allocation.bytes_on(model, Accounting::Resident);
        allocation.devices.iter().zip(resident).all(|(row, bytes)| match place {
            Place::GpuOnly if row.device.is_cpu() => bytes == 0,
            _ if row.device.is_cpu() && !self.devices.ram_known => true,
            _ if row.device.is_cpu() => gigabytes(bytes) <= main_gb,
            _ => rooms_gb.iter().any(|(device, room_gb)| **device == row.device && gigabytes(bytes) <= *room_gb),
        })
    }

    fn spare_gb(&self, total_bytes: u64) -> f64 {
        gigabytes(total_bytes.saturating_sub(self.options.headroom_bytes))
    }
}

/// The GPUs, the compute device first.
pub(crate) fn gpus<'m>(machine: &'m Machine, compute: &Device) -> Vec<(&'m Device, u64)> {
    let mut gpus: Vec<_> = machine.listed().filter(|(device, _)| !device.is_cpu()).collect();
    gpus.sort_by_key(|(device, _)| *device != compute);
    gpus
}
