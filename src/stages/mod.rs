//! All models of a workflow: in which order they are loaded, what lies on each device at the same time, and whether it fits.
//!
//! ```text
//! Workflow ─> prompt: what runs ─> order: when ─> flow: which models work where ─┐
//!          └> loads: files and settings of the loaders ─> Outline ───────────────┤
//!                                 plan: the weights, by device ─> memory ────────┴─> Staged ─> fit
//! ```
//!
//! A *stage* is a node's computation with some models. It begins with loading them, and with unloading others.

mod contents;
mod fit;
mod flow;
mod loads;
mod memory;
mod order;
mod outline;
mod prompt;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};

pub use fit::{Fitted, fit};
pub use flow::Kind;
pub use loads::{Editable, Load, Named, Placing};
pub use memory::MARGIN;
pub use outline::Outline;

use self::memory::{Distributed, Memory, Weights};
use crate::allocator::{Accounting, AllocationString, Device, Policy, gigabytes};
use crate::plan::{self, Devices, Gpu, Loading, NamedModel, Plan, Planned, Run, Usage};

/// How to plan a workflow.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which size of a layer counts.
    pub accounting: Accounting,
    /// The node as shipped, repaired, or both; the last one is planned, and the first compared with it.
    pub policies: Vec<Policy>,
    /// What should be left on a GPU for the computation.
    pub headroom_bytes: u64,
    /// The architecture of the compute GPU, if the user named it.
    pub gpu: Option<Gpu>,
}

/// The plan of a workflow.
#[derive(Debug, Clone)]
pub struct Staged {
    /// How it was made.
    pub options: Options,
    /// The machine.
    pub devices: Devices,
    /// The models in the order in which they are first at work.
    pub models: Vec<Model>,
    /// The computations, in their order.
    pub stages: Vec<Stage>,
    /// What is not known, each with its reason. Nothing is said about whether the workflow fits if there is any.
    pub unknown: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// A model of a workflow.
#[derive(Debug, Clone)]
pub struct Model {
    /// What its loader node says.
    pub load: Load,
    /// What its files hold; None if that is not known.
    pub named: Option<NamedModel>,
    /// Where the node puts each layer; None if it does not distribute the model.
    pub planned: Option<Planned>,
    loading: Loading,
    weights: Weights,
}

/// A computation of a node, or of several that need the same.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// The nodes.
    pub nodes: Vec<Named>,
    /// The models that they need, as indices.
    pub models: Vec<usize>,
    /// The models that were unloaded for it.
    pub unloaded: Vec<usize>,
    /// Models that may have been unloaded; they are counted as still there.
    pub in_doubt: Vec<usize>,
    /// Does it need the stage before it? If not, the order is what ComfyUI chooses if nothing is kept from an earlier run.
    pub follows: bool,
    /// What lies on each device.
    pub usage: Vec<Usage>,
}

impl Model {
    /// The bytes of its weights.
    pub fn bytes(&self) -> u64 {
        self.named.as_ref().map_or(0, size)
    }

    /// The device that computes with it.
    pub fn compute(&self) -> &Device {
        &self.weights.compute
    }

    /// A short name: that of its first file.
    pub fn name(&self) -> &str {
        let file = self.load.files.iter().flatten().next().and_then(|file| file.file_name()?.to_str());
        let name = file.or(self.load.names.first().map(String::as_str)).unwrap_or(&self.load.node.class);
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }
}

impl Staged {
    /// The most that lies on a device, and the first stage in which it does.
    pub fn peaks(&self) -> Vec<(Usage, usize)> {
        let mut peaks: Vec<(Usage, usize)> = Vec::new();
        for (at, stage) in self.stages.iter().enumerate() {
            for (device, usage) in stage.usage.iter().enumerate() {
                match peaks.get_mut(device) {
                    Some((peak, _)) if peak.used_bytes() >= usage.used_bytes() => {}
                    Some(peak) => *peak = (usage.clone(), at),
                    None => peaks.push((usage.clone(), at)),
                }
            }
        }
        peaks
    }

    /// Does more lie on a device than it has? What the main memory has is only known if it was given.
    pub fn is_over(&self, usage: &Usage) -> bool {
        (!usage.device.is_cpu() || self.devices.ram_known) && usage.used_bytes() > usage.total_bytes
    }

    /// Where the node puts a model, under the policy that is planned; None if it does not distribute it.
    pub fn run<'m>(&self, model: &'m Model) -> Option<&'m Run> {
        Some(model.planned.as_ref()?.run(*self.options.policies.last()?))
    }

    /// Is there room for the weights on every device, at every time?
    pub fn fits(&self) -> bool {
        has_room(&self.stages, &self.devices, 0)
    }
}

/// Is there room for the weights on every device at every time, and for this much more on the GPUs?
fn has_room(stages: &[Stage], devices: &Devices, headroom_bytes: u64) -> bool {
    stages.iter().flat_map(|stage| &stage.usage).all(|usage| {
        let used = usage.used_bytes();
        if usage.device.is_cpu() {
            return !devices.ram_known || used <= usage.total_bytes;
        }
        used == 0 || used.saturating_add(headroom_bytes) <= usage.total_bytes
    })
}

impl Outline {
    /// Plans the workflow on a machine.
    ///
    /// # Errors If the machine lacks a device that a loader names.
    pub fn plan(&self, devices: &Devices, options: &Options) -> Result<Staged> {
        let mut staged = Staged {
            options: options.clone(),
            devices: devices.clone(),
            models: Vec::new(),
            stages: Vec::new(),
            unknown: self.unknown.clone(),
            notes: self.notes.clone(),
        };
        for (at, load) in self.loads.iter().enumerate() {
            let model = self.model(at, load, &mut staged)?;
            staged.models.push(model);
        }
        let weights: Vec<Weights> = staged.models.iter().map(|model| model.weights.clone()).collect();
        staged.stages = self.stages(&weights, devices, options);
        staged.notes.extend(differences(&staged));
        staged.notes.extend(dynamic(&staged.models));
        Ok(staged)
    }

    fn model(&self, at: usize, load: &Load, staged: &mut Staged) -> Result<Model> {
        let Staged { options, devices, unknown, notes, .. } = staged;
        let who = format!("node {} ({})", load.node.id, load.node.class);
        notes.extend(load.notes.iter().map(|note| format!("{who}: {note}")));
        let placing = load.placing.clone().and_then(|placing| match placing {
            Placing::Default => first_gpu(devices).map(Placing::Whole).ok_or_else(|| "no GPU is known".to_owned()),
            other => Ok(other),
        });
        let compute = match &placing {
            Ok(Placing::Distributed(string)) => string.compute_device().clone(),
            Ok(Placing::Whole(device)) => device.clone(),
            _ => load.string.as_ref().map_or_else(Device::cpu, |string| string.compute().clone()),
        };
        if devices.machine.total_bytes(&compute).is_none() {
            bail!(crate::advice::Advise::help(
                anyhow::anyhow!("{who} computes on {compute}, and this machine has none"),
                format!("pass --vram {compute}=12gb, or choose another device in the node")
            ));
        }
        let nothing = Weights { compute: compute.clone(), bytes: 0, distributed: None };
        let card = devices.card(&compute, options.gpu);
        let opened = contents::open(load, card, self.loras(at), options.accounting, notes);
        let planned = match (&opened, &placing) {
            (Ok((named, loading)), Ok(Placing::Distributed(string))) => {
                planned(named, string, &options.allocating(load.kind, loading), devices).map(Some)
            }
            _ => Ok(None),
        };
        let why = [opened.as_ref().err(), placing.as_ref().err(), planned.as_ref().err()];
        unknown.extend(why.into_iter().flatten().map(|why| format!("{who}: {why}")));
        let planned = planned.ok().flatten();
        let (named, loading) = opened.map_or((None, Loading::default()), |(named, loading)| (Some(named), loading));
        let weights = match (&named, &placing) {
            (Some(named), Ok(placing)) => {
                weights(named, placing, planned.as_ref(), &compute, options).unwrap_or(nothing)
            }
            _ => nothing,
        };
        Ok(Model { load: load.clone(), named, planned, loading, weights })
    }

    /// The stages with these models.
    fn stages(&self, weights: &[Weights], devices: &Devices, options: &Options) -> Vec<Stage> {
        let mut memory = Memory::new(&devices.machine, weights, options.headroom_bytes);
        let mut stages: Vec<Stage> = Vec::new();
        for computing in &self.computing {
            let change = memory.load(&computing.loads, &computing.read);
            let usage = change.usage.into_iter().map(|(device, model_bytes)| {
                let total_bytes = devices.machine.total_bytes(&device).unwrap_or(0);
                Usage { device, total_bytes, model_bytes }
            });
            let usage: Vec<Usage> = usage.collect();
            match stages.last_mut() {
                Some(last) if last.models == computing.loads && last.usage == usage => {
                    last.nodes.push(computing.node.clone());
                }
                _ => stages.push(Stage {
                    nodes: vec![computing.node.clone()],
                    models: computing.loads.clone(),
                    unloaded: change.unloaded,
                    in_doubt: change.in_doubt,
                    follows: computing.follows,
                    usage,
                }),
            }
        }
        stages
    }
}

impl Options {
    /// To tell whether a workflow fits: with the weights as they are, and with the repaired node compared to the shipped one.
    pub fn with_headroom(headroom_bytes: u64) -> Self {
        let policies = vec![Policy::CpuFallback, Policy::GpuOnly];
        Self { accounting: Accounting::Resident, policies, headroom_bytes, gpu: None }
    }

    /// How to plan a model of this kind.
    fn allocating(&self, kind: Kind, loading: &Loading) -> plan::Options {
        plan::Options {
            accounting: self.accounting,
            policies: self.policies.clone(),
            clip: kind == Kind::Clip,
            headroom_bytes: self.headroom_bytes,
            loading: loading.clone(),
        }
    }
}

/// Where a string puts a model; or why the node fails with it.
fn planned(
    named: &NamedModel,
    string: &AllocationString,
    options: &plan::Options,
    devices: &Devices,
) -> Result<Planned, String> {
    let models = vec![(named.clone(), string.clone())];
    let plan = Plan::new(models, devices.clone(), options.clone()).map_err(|error| format!("{error:#}"))?;
    plan.models.into_iter().next().ok_or_else(|| "it has no model".to_owned())
}

fn first_gpu(devices: &Devices) -> Option<Device> {
    devices.machine.listed().map(|(device, _)| device).find(|device| !device.is_cpu()).cloned()
}

/// What the memory management needs to know of a model; None if the node fails to distribute it.
fn weights(
    named: &NamedModel,
    placing: &Placing,
    planned: Option<&Planned>,
    compute: &Device,
    options: &Options,
) -> Option<Weights> {
    let unlisted_bytes = named.modules.unlisted_bytes;
    let distributed = match placing {
        Placing::Distributed(string) => {
            Some(distributed(planned?, string, options.policies.last().copied()?, compute, unlisted_bytes))
        }
        _ => None,
    };
    Some(Weights { compute: compute.clone(), bytes: size(named), distributed })
}

/// The bytes of a model's weights.
fn size(named: &NamedModel) -> u64 {
    let modules = &named.modules;
    modules.model.total_bytes(Accounting::Resident).saturating_add(modules.unlisted_bytes)
}

fn distributed(
    planned: &Planned,
    string: &AllocationString,
    policy: Policy,
    compute: &Device,
    unlisted_bytes: u64,
) -> Distributed {
    let run = planned.run(policy);
    let rows = run.allocation.devices.iter().map(|row| row.device.clone());
    let mut bytes: BTreeMap<Device, u64> = rows.zip(run.resident_bytes.iter().copied()).collect();
    // What belongs to no layer goes nowhere by the string.
    *bytes.entry(compute.clone()).or_default() += unlisted_bytes;
    Distributed::new(string, bytes)
}

/// What the plan takes for granted of models in safetensors files.
fn dynamic(models: &[Model]) -> Option<String> {
    let is_safetensors = |file: &PathBuf| {
        file.extension()
            .is_some_and(|name| name.eq_ignore_ascii_case("safetensors") || name.eq_ignore_ascii_case("sft"))
    };
    let is_concerned =
        |model: &&Model| model.planned.is_some() && model.load.files.iter().flatten().any(is_safetensors);
    models.iter().find(is_concerned).map(|model| {
        let name = model.name();
        format!(
            "while ComfyUI's dynamic VRAM is active, the node may not distribute safetensors files such as {name}: \
             `distorch-fix check` says whether it does, and this plan takes it for granted"
        )
    })
}

/// Where the node as shipped puts more into the main memory than the repaired one.
fn differences(staged: &Staged) -> Vec<String> {
    let &[shipped, repaired] = &staged.options.policies[..] else { return Vec::new() };
    let on_cpu = |planned: &Planned, policy| {
        let run = planned.run(policy);
        let rows = run.allocation.devices.iter().zip(&run.resident_bytes);
        rows.filter(|(row, _)| row.device.is_cpu()).map(|(_, bytes)| *bytes).sum::<u64>()
    };
    let more = |model: &Model| {
        let planned = model.planned.as_ref()?;
        let more = on_cpu(planned, shipped).checked_sub(on_cpu(planned, repaired)).filter(|more| *more > 0)?;
        let (gb, name) = (gigabytes(more), model.name());
        Some(format!("the node as shipped puts {gb:.2} GB of {name} into the main memory (--mode current plans that)"))
    };
    staged.models.iter().filter_map(more).collect()
}
