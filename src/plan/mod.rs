//! Where each part of a model will go, and whether it fits, before anything is loaded.
//!
//! ```text
//! source: gguf, safetensors, wan × quantise, a size ─> tensors ─> built ─> modules ─┐
//! loading: the card, LoRA files, the loader's own type ─────────────────────┴────────┤
//! devices: what was said, nvidia-smi, or the string itself ──────────────────────────┴─> allocator ─> Plan ─> warnings, fit
//! ```
//!
//! Sizes are the bytes that ComfyUI's `_load_list()` tells the node, computed from the header of the file, in the types
//! that ComfyUI loads it in. The weights themselves are never read. A plan cannot know what else a device holds, or how
//! much the computation needs besides the weights: that is what `headroom` is for.

pub mod architecture;
pub mod assumed;
pub mod built;
pub mod card;
pub mod devices;
mod file;
pub mod fit;
pub mod ggml;
pub mod gguf;
pub mod loading;
pub mod lora;
pub mod modules;
pub mod quantise;
mod quantised;
pub mod safetensors;
pub mod source;
pub mod tensor;
pub mod types;
pub mod wan;
pub mod warning;

use anyhow::{Context as _, Result};

pub use card::{Card, Gpu};
pub use devices::Devices;
pub use loading::Loading;
pub use lora::Lora;
pub use source::NamedModel;
pub use warning::{Level, Warning};

use crate::advice::Advise as _;
use crate::allocator::{
    Accounting, Allocation, AllocationString, Device, Options as Allocating, Policy, allocate, full_allocation,
};

/// What is kept free on a device for the computation, unless told otherwise.
pub const HEADROOM: &str = "2gb";

/// How to plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which size of a layer counts.
    pub accounting: Accounting,
    /// The node as shipped, repaired, or both.
    pub policies: Vec<Policy>,
    /// Are the models text encoders, whose heads stay on the compute device?
    pub clip: bool,
    /// What should be left on a device for the computation.
    pub headroom_bytes: u64,
    /// How the models are loaded.
    pub loading: Loading,
}

/// A plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How it was made.
    pub options: Options,
    /// The machine.
    pub devices: Devices,
    /// The models of the workflow, in their order.
    pub models: Vec<Planned>,
}

/// A model, its string, and the resulting allocations.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The model.
    pub named: NamedModel,
    /// Its string, as the node gets it.
    pub string: AllocationString,
    /// The allocation under each policy; only the first if all give the same.
    pub runs: Vec<Run>,
}

/// The allocation of a string under a policy.
#[derive(Debug, Clone)]
pub struct Run {
    /// Who gets the bytes that no quota covers.
    pub policy: Policy,
    /// The allocation.
    pub allocation: Allocation,
    /// Bytes that the weights take, for each row of the device table.
    pub resident_bytes: Vec<u64>,
    /// Bytes as they were counted, likewise; the same under resident accounting.
    pub counted_bytes: Vec<u64>,
    /// Warnings, worst first.
    pub warnings: Vec<Warning>,
}

/// How much of a device the models of a workflow take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The device.
    pub device: Device,
    /// Its memory.
    pub total_bytes: u64,
    /// The bytes of each model's weights on it, in the order of the models.
    pub model_bytes: Vec<u64>,
}

impl Usage {
    /// The bytes of all models' weights.
    pub fn used_bytes(&self) -> u64 {
        self.model_bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// What is left of its memory; 0 if they take more than that.
    pub fn free_bytes(&self) -> u64 {
        self.total_bytes.saturating_sub(self.used_bytes())
    }
}

impl Planned {
    /// Do all policies give the same?
    pub fn is_alike(&self, options: &Options) -> bool {
        self.runs.len() < options.policies.len()
    }

    /// Its allocation under a policy.
    pub fn run(&self, policy: Policy) -> &Run {
        self.runs.iter().find(|run| run.policy == policy).unwrap_or(&self.runs[0])
    }
}

impl Plan {
    /// Allocates each model by its string.
    ///
    /// # Errors If the node would raise an exception.
    pub fn new(models: Vec<(NamedModel, AllocationString)>, devices: Devices, options: Options) -> Result<Self> {
        let planned = |(named, string): (NamedModel, AllocationString)| -> Result<Planned> {
            let mut runs: Vec<Run> = Vec::new();
            for &policy in &options.policies {
                let run = Run::new(&named, &string, policy, &devices, &options)?;
                if runs.first().is_none_or(|first| first.allocation != run.allocation) {
                    runs.push(run);
                }
            }
            Ok(Planned { named, string, runs })
        };
        let models = models.into_iter().map(planned).collect::<Result<Vec<_>>>()?;
        Ok(Self { options, devices, models })
    }

    /// What all models take together, if they stay loaded at the same time.
    pub fn usage(&self, policy: Policy) -> Vec<Usage> {
        let mut usage: Vec<Usage> = Vec::new();
        for (at, planned) in self.models.iter().enumerate() {
            let run = planned.run(policy);
            for (row, bytes) in run.allocation.devices.iter().zip(&run.resident_bytes) {
                let known = usage.iter().position(|known| known.device == row.device).unwrap_or_else(|| {
                    let model_bytes = vec![0; self.models.len()];
                    usage.push(Usage { device: row.device.clone(), total_bytes: row.total_bytes, model_bytes });
                    usage.len() - 1
                });
                usage[known].model_bytes[at] = *bytes;
            }
        }
        usage.sort_by(|a, b| a.device.cmp(&b.device));
        usage
    }

    /// Does every model fit on its own, under the last of the policies?
    pub fn fits(&self) -> bool {
        self.models
            .iter()
            .filter_map(|planned| planned.runs.last())
            .all(|run| !run.warnings.iter().any(|warning| warning.level() == Level::Misfit))
    }
}

impl Run {
    fn new(
        named: &NamedModel,
        string: &AllocationString,
        policy: Policy,
        devices: &Devices,
        options: &Options,
    ) -> Result<Self> {
        let accounting = options.accounting;
        let clip = options.clip || named.modules.is_text_encoder;
        let model = &named.modules.model;
        let allocation = allocate(model, &devices.machine, string, &Allocating { accounting, policy, clip })
            .with_context(|| format!("`{}` cannot be satisfied on this machine", string.text()))
            .help("change it, or describe the machine with --vram and --ram")?;
        let mut run = Self {
            policy,
            resident_bytes: allocation.bytes_on(model, Accounting::Resident),
            counted_bytes: allocation.bytes_on(model, accounting),
            allocation,
            warnings: Vec::new(),
        };
        run.warnings = warning::of(&run, &named.modules, string, devices, options);
        Ok(run)
    }
}

/// A string as the node gets it. In the node's fields, users name the compute device in a field of its own.
pub fn full_string(text: &str, compute: &Device) -> String {
    if text.contains('#') { text.to_owned() } else { full_allocation(text, compute, 0.0, "") }
}
