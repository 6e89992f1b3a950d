//! Proposes allocation strings with which a whole workflow fits, with the fewest changes.
//!
//! Strings are kept as long as everything fits at every stage, with the headroom on every GPU. A loader that has a place
//! for a string and distributes nothing gets one. Of the other loaders, sets of one are tried first, then of two, and so
//! on; of equally many changes, those count that move the least bytes. In such a set, each model gets the room that the
//! others leave on the GPUs, the first one at work before others, and goes to the main memory with the rest.
//!
//! Every proposal is planned, and made only if it fits by that plan.

use std::collections::BTreeMap;
use std::iter::once;

use anyhow::Result;

use super::memory::{Distributed, Weights};
use super::{Kind, Model, Options, Outline, Placing, Stage, Staged, has_room};
use crate::allocator::{AllocationString, Device, Logged, gigabytes};
use crate::plan::Devices;
use crate::plan::fit::{Place, gpus, within};

/// The strings to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// Models, as indices of the plan's, and what to write into their nodes. None if everything fits already.
    pub changes: Vec<(usize, String)>,
}

/// With more loaders than this, not every set of them is tried.
const MOST_LOADERS: usize = 10;

/// The fewest changes; None if nothing that was tried fits.
///
/// # Errors If the machine lacks a device that a loader names.
pub fn fit(outline: &Outline, devices: &Devices, options: &Options) -> Result<Option<Fitted>> {
    let staged = outline.plan(devices, options)?;
    let fitting = Fitting { outline, staged: &staged };
    if fitting.is_satisfied(&weights(&staged), &staged.stages) {
        return Ok(Some(Fitted::default()));
    }
    let loaders = (0..staged.models.len()).filter(|model| fitting.can_change(*model));
    let (loaders, idle): (Vec<usize>, Vec<usize>) =
        loaders.partition(|model| staged.models[*model].weights.distributed.is_some());
    let sets = if loaders.len() <= MOST_LOADERS { sets(&loaders) } else { few_or_all(&loaders) };
    let mut best: Option<(u64, Fitted)> = None;
    let mut count = 0;
    for mut set in sets {
        set.extend(&idle);
        set.sort_unstable();
        if set.len() > count && best.is_some() {
            break;
        }
        count = set.len();
        if let Some((moved, fitted)) = fitting.changed(&set)
            && best.as_ref().is_none_or(|(least, _)| moved < *least)
        {
            best = Some((moved, fitted));
        }
    }
    Ok(best.map(|(_, fitted)| fitted))
}

/// All sets, the smallest first.
fn sets(loaders: &[usize]) -> Vec<Vec<usize>> {
    let of = |bits: u32| -> Vec<usize> {
        let is_in = |at: &usize| bits >> at & 1 == 1;
        (0..loaders.len()).filter(is_in).map(|at| loaders[at]).collect()
    };
    let mut sets: Vec<Vec<usize>> = (0_u32..1 << loaders.len()).map(of).collect();
    sets.sort_by_key(Vec::len);
    sets
}

/// None, each alone, and for every number the first of them.
fn few_or_all(loaders: &[usize]) -> Vec<Vec<usize>> {
    let alone = loaders.iter().map(|loader| vec![*loader]);
    once(Vec::new()).chain(alone).chain((2..=loaders.len()).map(|count| loaders[..count].to_vec())).collect()
}

/// Which stages decide how much room a model has.
#[derive(Clone, Copy)]
enum Room {
    /// Those in which it is at work: it may be unloaded later
    AtWork,
    /// All in which it is loaded
    Loaded,
}

struct Fitting<'a> {
    outline: &'a Outline,
    staged: &'a Staged,
}

impl Fitting<'_> {
    /// Can its string be changed?
    fn can_change(&self, model: usize) -> bool {
        let model = &self.staged.models[model];
        let has_gpu = model.load.string.as_ref().is_some_and(|string| !string.compute().is_cpu());
        has_gpu && model.named.is_some() && model.load.kind != Kind::ControlNet
    }

    /// Does everything fit, with the headroom, and does every loader with a place for a string distribute its model?
    fn is_satisfied(&self, weights: &[Weights], stages: &[Stage]) -> bool {
        let Staged { devices, options, .. } = self.staged;
        let is_placed = |model: usize| !self.can_change(model) || weights[model].distributed.is_some();
        has_room(stages, devices, options.headroom_bytes) && (0..weights.len()).all(is_placed)
    }

    /// Strings for these models with which everything fits, and the bytes that they move.
    fn changed(&self, set: &[usize]) -> Option<(u64, Fitted)> {
        let sum = |set: &[usize]| set.iter().map(|model| gigabytes(self.staged.models[*model].bytes())).sum::<f64>();
        let all_gb = sum(set);
        let equal = |_: usize| 1.0;
        let by_size = |model: usize| if all_gb > 0.0 { sum(&[model]) / all_gb } else { 1.0 };
        let parts: [&dyn Fn(usize) -> f64; 2] = [&equal, &by_size];
        let ways = [Room::AtWork, Room::Loaded].into_iter().flat_map(|room| parts.map(|part| (room, part)));
        let nothing: &dyn Fn(usize) -> f64 = &|_| 0.0;
        ways.chain([(Room::Loaded, nothing)]).find_map(|(room, part)| self.tried(set, room, part))
    }

    fn tried(&self, set: &[usize], room: Room, part: &dyn Fn(usize) -> f64) -> Option<(u64, Fitted)> {
        let Staged { devices, options, .. } = self.staged;
        let mut weights = weights(self.staged);
        // Until it is their turn, they take no room on the GPUs.
        for &model in set {
            weights[model] = on_cpu(&self.staged.models[model]);
        }
        let mut stages = self.outline.stages(&weights, devices, options);
        let mut changes = Vec::new();
        for &model in set {
            let rooms = self.rooms(model, &stages, room);
            let text = self.string(model, &rooms, part(model))?;
            weights[model] = self.with(model, &text)?;
            stages = self.outline.stages(&weights, devices, options);
            changes.push((model, text));
        }
        let moved = set.iter().map(|model| moved(&self.staged.models[*model].weights, &weights[*model])).sum();
        self.is_satisfied(&weights, &stages).then_some((moved, Fitted { changes }))
    }

    /// What others leave of each GPU, less the headroom.
    fn rooms(&self, model: usize, stages: &[Stage], room: Room) -> BTreeMap<Device, u64> {
        let counts = |stage: &&Stage| match room {
            Room::AtWork => stage.models.contains(&model),
            Room::Loaded => {
                stage.models.contains(&model) || stage.usage.iter().any(|usage| usage.model_bytes[model] > 0)
            }
        };
        let mut rooms: BTreeMap<Device, u64> = BTreeMap::new();
        for usage in stages.iter().filter(counts).flat_map(|stage| &stage.usage) {
            let others = usage.used_bytes() - usage.model_bytes[model];
            let left = usage.total_bytes.saturating_sub(others).saturating_sub(self.staged.options.headroom_bytes);
            let known = rooms.entry(usage.device.clone()).or_insert(left);
            *known = left.min(*known);
        }
        rooms
    }

    /// A string for a model within these rooms: on the GPUs, or with the rest in the main memory, or all of it there.
    fn string(&self, model: usize, rooms: &BTreeMap<Device, u64>, part: f64) -> Option<String> {
        let Staged { devices, options, models, .. } = self.staged;
        let model = &models[model];
        let named = model.named.as_ref()?;
        let compute = model.load.string.as_ref()?.compute();
        let unlisted = named.modules.unlisted_bytes;
        let room = |(device, _): (_, u64)| {
            let left = rooms.get(device).copied().unwrap_or(0);
            let left = if device == compute { left.saturating_sub(unlisted) } else { left };
            (device, gigabytes(left) * part)
        };
        let rooms_gb: Vec<_> = gpus(&devices.machine, compute).into_iter().map(room).collect();
        let main_gb = rooms.get(&Device::cpu()).map_or(0.0, |left| gigabytes(*left));
        let allocating = options.allocating(model.load.kind, &model.loading);
        let places = [Place::GpuOnly, Place::WithCpu];
        let found = places
            .into_iter()
            .find_map(|place| within(named, place, &rooms_gb, main_gb, devices, &allocating, compute))
            .map(|full| Logged::of(&full).expert.to_owned());
        // A quota of the CPU, since `cpu,*` alone is an error.
        found.or_else(|| Some(format!("cpu,{:.1}gb", (gigabytes(model.bytes()) * 10.0).ceil() / 10.0)))
    }

    /// Where another string puts a model.
    fn with(&self, model: usize, text: &str) -> Option<Weights> {
        let Staged { devices, options, models, .. } = self.staged;
        let Model { load, named, loading, .. } = &models[model];
        let named = named.as_ref()?;
        let string = AllocationString::parse(&load.string.as_ref()?.full(text)).ok()?;
        let planned = super::planned(named, &string, &options.allocating(load.kind, loading), devices).ok()?;
        let compute = string.compute_device().clone();
        super::weights(named, &Placing::Distributed(string), Some(&planned), &compute, options)
    }
}

fn weights(staged: &Staged) -> Vec<Weights> {
    staged.models.iter().map(|model| model.weights.clone()).collect()
}

/// A model that takes no room on its GPUs.
fn on_cpu(model: &Model) -> Weights {
    let bytes = BTreeMap::from([(Device::cpu(), model.bytes())]);
    let distributed = Distributed { bytes, ..model.weights.distributed.clone().unwrap_or_default() };
    Weights { distributed: Some(distributed), bytes: model.bytes(), ..model.weights.clone() }
}

/// The bytes that lie elsewhere than before.
fn moved(before: &Weights, after: &Weights) -> u64 {
    let new = after.distributed.iter().flat_map(|distributed| &distributed.bytes);
    new.map(|(device, bytes)| {
        let old = match &before.distributed {
            Some(distributed) => distributed.bytes.get(device).copied().unwrap_or(0),
            None if *device == before.compute => before.bytes,
            None => 0,
        };
        bytes.saturating_sub(old)
    })
    .sum()
}
