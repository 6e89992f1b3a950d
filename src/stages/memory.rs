//! What lies on the devices at the same time: ComfyUI's memory management, with the sizes of the weights.
//!
//! When a node computes with models, ComfyUI first makes room on their compute device: for 1.1 times their weights, and for
//! the computation. It unloads models that were loaded for that device, until there is enough. Of a model that the node
//! distributes it unloads everything, on all devices; such models come first, the largest before others. Then the weights
//! go to their devices. Nobody makes room on the other devices of an allocation.
//!
//! - A donor (virtual VRAM more than 0) makes the node unload everything that was loaded for the compute device.
//! - Virtual VRAM counts less weights for that device.
//! - What is unloaded waits in the main memory, and so does what a loader has read and nobody has needed yet.
//!
//! How much a computation needs, and what else a device holds, is not known: at least what ComfyUI always reserves, and
//! about the headroom. A model that is unloaded by the one and not by the other is *in doubt*, and counted as still there.
//!
//! Source: `load_models_gpu` and `free_memory` in `comfy/model_management.py` of ComfyUI, and `patched_load_models_gpu` in
//! `distorch_2.py` of ComfyUI-MultiGPU.

use std::collections::BTreeMap;

use crate::allocator::{AllocationString, Device, Logged, Machine};

/// ComfyUI asks for room for so many times the weights.
pub const MARGIN: f64 = 1.1;
/// The least that it keeps free: `minimum_inference_memory()` on Linux, where it is least.
const LEAST_FREE_BYTES: u64 = ((1 << 30) * 8 / 10) + (400 << 20);
/// The least of a model that ComfyUI puts on a device as a whole.
const LEAST_LOADED_BYTES: u64 = 128 << 20;

/// A model as the memory management sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// The device that computes.
    pub(super) compute: Device,
    /// All bytes.
    pub(super) bytes: u64,
    /// Where they go, if the node distributes them.
    pub(super) distributed: Option<Distributed>,
}

/// Weights that the node distributes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Distributed {
    /// Bytes on each device.
    pub(super) bytes: BTreeMap<Device, u64>,
    /// Bytes that virtual VRAM takes off the compute device's account.
    pub(super) virtual_bytes: u64,
    /// Is there a donor?
    pub(super) has_donor: bool,
}

impl Distributed {
    /// What the part of a string behind its `#` says.
    pub(super) fn new(string: &AllocationString, bytes: BTreeMap<Device, u64>) -> Self {
        let logged = Logged::of(string.text());
        let gigabytes = logged.virtual_vram_gb().unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` stops at both ends")]
        let virtual_bytes = (gigabytes * crate::allocator::GB) as u64;
        Self { bytes, virtual_bytes, has_donor: !logged.donors.is_empty() }
    }
}

/// A model that is loaded.
#[derive(Debug, Clone)]
struct Loaded {
    model: usize,
    bytes: BTreeMap<Device, u64>,
    in_doubt: bool,
}

/// What a node's computation changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    /// The models that were unloaded for it.
    pub(super) unloaded: Vec<usize>,
    /// Those that may have been.
    pub(super) in_doubt: Vec<usize>,
    /// For each device of the machine, the bytes of every model.
    pub(super) usage: Vec<(Device, Vec<u64>)>,
}

/// The memory of a machine.
pub(super) struct Memory<'a> {
    machine: &'a Machine,
    headroom_bytes: u64,
    models: &'a [Weights],
    /// Loaded models, the last one first.
    loaded: Vec<Loaded>,
}

impl<'a> Memory<'a> {
    pub(super) fn new(machine: &'a Machine, models: &'a [Weights], headroom_bytes: u64) -> Self {
        Self { machine, headroom_bytes, models, loaded: Vec::new() }
    }

    /// Loads models for a computation. `read` are those that their loaders have read by now.
    pub(super) fn load(&mut self, models: &[usize], read: &[usize]) -> Change {
        let (mut used, others): (Vec<Loaded>, Vec<Loaded>) =
            std::mem::take(&mut self.loaded).into_iter().partition(|loaded| models.contains(&loaded.model));
        for loaded in &mut used {
            loaded.in_doubt = false;
        }
        self.loaded = others;
        let mut change = Change::default();
        for (device, needed, has_donor) in self.needed(models, &used) {
            self.make_room(&device, needed, has_donor, &used, &mut change);
        }
        for &model in models {
            if let Some(at) = used.iter().position(|loaded| loaded.model == model) {
                let loaded = used.swap_remove(at);
                self.loaded.insert(0, loaded);
            } else {
                let bytes = self.placed(model, &used);
                self.loaded.insert(0, Loaded { model, bytes, in_doubt: false });
            }
        }
        change.in_doubt = self.loaded.iter().filter(|loaded| loaded.in_doubt).map(|loaded| loaded.model).collect();
        change.usage = self.usage(read);
        change
    }

    /// What is to be made room for, by compute device; nothing on the CPU.
    fn needed(&self, models: &[usize], used: &[Loaded]) -> Vec<(Device, u64, bool)> {
        let mut needed: Vec<(Device, u64, bool)> = Vec::new();
        for &model in models {
            let weights = &self.models[model];
            if weights.compute.is_cpu() {
                continue;
            }
            let (bytes, has_donor) = if let Some(distributed) = &weights.distributed {
                // The node does not tell ComfyUI what it has loaded.
                (weights.bytes.saturating_sub(distributed.virtual_bytes), distributed.has_donor)
            } else {
                let loaded = used.iter().find(|loaded| loaded.model == model);
                let there = loaded.and_then(|loaded| loaded.bytes.get(&weights.compute)).copied().unwrap_or(0);
                (weights.bytes.saturating_sub(there), false)
            };
            match needed.iter_mut().find(|(device, ..)| *device == weights.compute) {
                Some((_, sum, any_donor)) => {
                    *sum = sum.saturating_add(bytes);
                    *any_donor |= has_donor;
                }
                None => needed.push((weights.compute.clone(), bytes, has_donor)),
            }
        }
        needed
    }

    /// `free_memory`.
    fn make_room(&mut self, device: &Device, needed: u64, has_donor: bool, used: &[Loaded], change: &mut Change) {
        let total = self.machine.total_bytes(device).unwrap_or(0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an estimate"
        )]
        let weights = (needed as f64 * MARGIN) as u64;
        let [certain, likely] = [LEAST_FREE_BYTES, LEAST_FREE_BYTES.max(self.headroom_bytes)]
            .map(|computing| if has_donor { total } else { weights.saturating_add(computing) });
        let mut order: Vec<usize> =
            (0..self.loaded.len()).filter(|at| self.models[self.loaded[*at].model].compute == *device).collect();
        order.sort_by_key(|at| {
            let loaded = &self.loaded[*at];
            let weights = &self.models[loaded.model];
            let there = if weights.distributed.is_some() { 0 } else { loaded.bytes.get(device).copied().unwrap_or(0) };
            (std::cmp::Reverse(weights.bytes.saturating_sub(there)), weights.bytes, *at)
        });
        let mut unloaded = Vec::new();
        // What would be free if all that may be unloaded was.
        let mut freed_in_doubt = 0;
        for at in order {
            let free = self.free(device, used, &unloaded);
            let loaded = &mut self.loaded[at];
            let there = loaded.bytes.get(device).copied().unwrap_or(0);
            let missing = certain.saturating_sub(free);
            if missing == 0 {
                if likely > free.saturating_add(freed_in_doubt) {
                    loaded.in_doubt = true;
                    freed_in_doubt += there;
                }
            } else if self.models[loaded.model].distributed.is_none() && missing < there {
                loaded.bytes.insert(device.clone(), there - missing);
                *loaded.bytes.entry(Device::cpu()).or_default() += missing;
            } else {
                unloaded.push(at);
            }
        }
        unloaded.sort_unstable_by(|a, b| b.cmp(a));
        change.unloaded.extend(unloaded.into_iter().map(|at| self.loaded.remove(at).model));
    }

    /// Bytes of a device that no weights take, apart from those of models that are just being unloaded.
    fn free(&self, device: &Device, used: &[Loaded], unloaded: &[usize]) -> u64 {
        let kept = self.loaded.iter().enumerate().filter(|(at, _)| !unloaded.contains(at)).map(|(_, loaded)| loaded);
        let taken = kept.chain(used).filter_map(|loaded| loaded.bytes.get(device));
        self.machine.total_bytes(device).unwrap_or(0).saturating_sub(taken.sum())
    }

    /// Where the weights of a model go.
    fn placed(&self, model: usize, used: &[Loaded]) -> BTreeMap<Device, u64> {
        let weights = &self.models[model];
        if let Some(distributed) = &weights.distributed {
            return distributed.bytes.clone();
        }
        if weights.compute.is_cpu() {
            return BTreeMap::from([(Device::cpu(), weights.bytes)]);
        }
        let free = self.free(&weights.compute, used, &[]);
        let room = free.saturating_sub(LEAST_FREE_BYTES.max(self.headroom_bytes)).max(LEAST_LOADED_BYTES);
        let there = weights.bytes.min(room);
        BTreeMap::from([(weights.compute.clone(), there), (Device::cpu(), weights.bytes - there)])
    }

    fn usage(&self, read: &[usize]) -> Vec<(Device, Vec<u64>)> {
        let bytes_on = |device: &Device| {
            let mut bytes = vec![0; self.models.len()];
            for loaded in &self.loaded {
                bytes[loaded.model] = loaded.bytes.get(device).copied().unwrap_or(0);
            }
            if device.is_cpu() {
                let waits = |model: &&usize| self.loaded.iter().all(|loaded| loaded.model != **model);
                read.iter().filter(waits).for_each(|model| bytes[*model] = self.models[*model].bytes);
            }
            bytes
        };
        let mut usage: Vec<(Device, Vec<u64>)> =
            self.machine.listed().map(|(device, _)| (device.clone(), bytes_on(device))).collect();
        usage.sort_by(|a, b| a.0.cmp(&b.0));
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    fn machine() -> Machine {
        Machine::new([("cpu", 64 * GB), ("cuda:0", 12 * GB), ("cuda:1", 16 * GB)])
    }

    fn whole(device: &str, gb: u64) -> Weights {
        Weights { compute: device.into(), bytes: gb * GB, distributed: None }
    }

    fn distributed(string: &str, gb: &[(&str, u64)]) -> Weights {
        let string = AllocationString::parse(string).unwrap();
        let bytes = gb.iter().map(|(device, gb)| ((*device).into(), gb * GB)).collect();
        Weights {
            compute: string.compute_device().clone(),
            bytes: gb.iter().map(|(_, gb)| gb * GB).sum(),
            distributed: Some(Distributed::new(&string, bytes)),
        }
    }

    /// `unloaded / in doubt / GB on cuda:0, cuda:1, cpu` after each load.
    fn run(models: &[Weights], loads: &[usize], headroom_gb: u64) -> Vec<String> {
        let machine = machine();
        let mut memory = Memory::new(&machine, models, headroom_gb * GB);
        let mut read = Vec::new();
        let load = |&model: &usize| {
            read.push(model);
            let change = memory.load(&[model], &read);
            let gb = change.usage.iter().map(|(_, bytes)| bytes.iter().sum::<u64>() / GB);
            let gb: Vec<String> = gb.map(|gb| gb.to_string()).collect();
            format!("{:?} / {:?} / {}", change.unloaded, change.in_doubt, gb.join(" "))
        };
        loads.iter().map(load).collect()
    }

    #[test]
    fn two_large_models_unload_each_other_on_all_devices() {
        let model = || distributed("cuda:0,7gb;cuda:1,4gb#cuda:0", &[("cuda:0", 7), ("cuda:1", 4)]);
        assert_eq!(
            run(&[model(), model()], &[0, 1, 0], 2),
            ["[] / [] / 7 4 0", "[0] / [] / 7 4 11", "[1] / [] / 7 4 11"]
        );
    }

    #[test]
    fn models_of_other_compute_devices_stay() {
        let model = distributed("cuda:0,7gb;cuda:1,4gb#cuda:0", &[("cuda:0", 7), ("cuda:1", 4)]);
        assert_eq!(run(&[whole("cuda:1", 10), model], &[0, 1], 2), ["[] / [] / 0 10 0", "[] / [] / 7 14 0"]);
    }

    #[test]
    fn a_donor_unloads_everything_that_was_loaded_for_the_device() {
        let small = distributed("cuda:0,1gb#cuda:0", &[("cuda:0", 1)]);
        let donor = distributed("#cuda:0;1.0;cpu", &[("cuda:0", 1), ("cpu", 1)]);
        assert_eq!(run(&[small.clone(), donor], &[0, 1], 2), ["[] / [] / 1 0 0", "[0] / [] / 1 0 2"]);
        let other = distributed("cuda:0,2gb#cuda:0", &[("cuda:0", 2)]);
        assert_eq!(run(&[small, other], &[0, 1], 2), ["[] / [] / 1 0 0", "[] / [] / 3 0 0"]);
    }

    #[test]
    fn what_may_be_unloaded_is_counted_and_said() {
        let models =
            [distributed("cuda:0,7gb#cuda:0", &[("cuda:0", 7)]), distributed("cuda:0,2gb#cuda:0", &[("cuda:0", 2)])];
        assert_eq!(run(&models, &[0, 1], 1)[1], "[] / [] / 9 0 0");
        assert_eq!(run(&models, &[0, 1], 3)[1], "[] / [0] / 9 0 0");
    }

    #[test]
    fn of_a_model_that_is_loaded_as_a_whole_only_as_much_is_unloaded_as_is_needed() {
        // 6.6 GB and 1.19 GB are needed, and 3 GB are free.
        assert_eq!(
            run(&[whole("cuda:0", 9), distributed("cuda:0,6gb#cuda:0", &[("cuda:0", 6)])], &[0, 1], 1)[1],
            "[] / [] / 10 0 4"
        );
        // What has no room stays in the main memory.
        assert_eq!(run(&[whole("cuda:0", 20)], &[0], 2), ["[] / [] / 10 0 10"]);
        assert_eq!(run(&[whole("cpu", 20)], &[0], 2), ["[] / [] / 0 0 20"]);
    }
}
