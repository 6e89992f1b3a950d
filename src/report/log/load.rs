//! A load of a model: what was asked, planned and given.

use serde::Serialize;

use crate::allocator::{Accounting, AllocationString, Logged, Policy, Request, readable};
use crate::log::{Asked, Load, LoadKind, Mode, Outcome, Remark};
use crate::seen::{self, About, Comparison, LoaderNode};

/// A load of a model.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoadReport {
    /// The first line.
    pub line: u64,
    /// The last line.
    pub last_line: u64,
    /// The class of the model, as ComfyUI calls it.
    pub model: Option<String>,
    /// What kind of model it is.
    pub kind: Option<&'static str>,
    /// The loader nodes that it can be, if workflows were given. More than one: which of them is not known.
    pub nodes: Vec<LoaderMatch>,
    /// The allocation string, as in the node; `null` if no line of the log is surely that of this load.
    pub string: Option<String>,
    /// The compute device.
    pub compute: Option<String>,
    /// The virtual VRAM, in units of 2^30 bytes.
    pub virtual_vram_gb: Option<f64>,
    /// The device that lends memory for it.
    pub donor: Option<String>,
    /// How the string was read: what ran. `null` if the log does not show it.
    pub mode: Option<LoadMode>,
    /// The device that got what no quota covers, in the mode `wildcard`.
    pub wildcard: Option<String>,
    /// Was it to be distributed? `null` if that is not known.
    pub asked: Option<bool>,
    /// Did it do what was asked? `null` if that is not known.
    pub is_as_asked: Option<bool>,
    /// How it ended.
    pub outcome: LoadOutcome,
    /// What else there is to say about that: the cause of a failure, why it is unknown.
    pub why: Option<String>,
    /// Where it went, by device.
    pub devices: Vec<LoadDevice>,
    /// The head of a text encoder, which stays on the compute device.
    pub head: Option<HeadReport>,
    /// The bytes of the model, as the node counted them.
    pub total_bytes: Option<u64>,
    /// Those on the CPU.
    pub cpu_bytes: Option<u64>,
    /// Did a part go to the CPU only because no quota covers it, as the node as shipped does?
    pub spills: bool,
    /// The plan of the same model and string on the same devices.
    pub plan: Option<PlannedLoad>,
}

/// How an allocation string was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LoadMode {
    /// There was none
    Nothing,
    /// A device lends memory
    VirtualVram,
    /// Bytes for each device, and they cover the model
    Bytes,
    /// Bytes for each device, and the GPUs share the rest
    GpuOnly,
    /// Bytes for each device, and one device gets the rest
    Wildcard,
    /// Parts of the model
    Ratio,
    /// Parts of the devices
    Fraction,
}

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LoadOutcome {
    /// The node distributed it
    Distributed,
    /// It was distributed already, and the node used that again
    Reused,
    /// ComfyUI loaded it as ever: the node did nothing
    Standard,
    /// ComfyUI's dynamic VRAM manages it: the node had no effect
    Inert,
    /// An exception ended it
    Failed,
    /// The log does not say
    Unknown,
}

/// A loader node of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoaderMatch {
    /// The workflow.
    pub workflow: String,
    /// The id, as in ComfyUI's prompts.
    pub id: String,
    /// The class.
    pub class: String,
    /// The title, if it has one of its own.
    pub title: Option<String>,
    /// The names of its model files.
    pub files: Vec<String>,
}

/// What went to a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoadDevice {
    /// The device.
    pub device: String,
    /// Its memory.
    pub total_bytes: Option<u64>,
    /// What the string asks for.
    pub asked_bytes: Option<u64>,
    /// What the node planned for it, by its device table.
    pub planned_bytes: Option<u64>,
    /// What it really got, by the last table.
    pub assigned_bytes: Option<u64>,
    /// How many layers.
    pub layers: Option<u64>,
}

/// The head of a text encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeadReport {
    /// The device that it stays on.
    pub device: String,
    /// How many layers.
    pub layers: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A plan beside a load.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedLoad {
    /// The model that was planned.
    pub model: Option<String>,
    /// Which size of a layer was counted: `resident` or `offload`.
    pub accounting: Option<&'static str>,
    /// Was the node planned as repaired? `null` if that makes no difference.
    pub repaired: Option<bool>,
    /// The bytes of the model in the plan.
    pub total_bytes: Option<u64>,
    /// What goes to each device.
    pub devices: Vec<PlannedDevice>,
    /// Do the log and the plan agree, but for rounding?
    pub agrees: bool,
    /// Where and why they differ, and what else is worth knowing.
    pub differences: Vec<String>,
    /// Why there is no plan.
    pub unknown: Option<String>,
}

/// What a plan puts on a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedDevice {
    /// The device.
    pub device: String,
    /// The bytes.
    pub bytes: u64,
}

impl LoadReport {
    pub(super) fn new(load: &Load, remarks: &[Remark], about: &About<'_>) -> Self {
        let string = load.string.as_deref();
        let logged = Logged::of(string.unwrap_or_default());
        let given = |field: &str| Some(field.to_owned()).filter(|field| !field.is_empty());
        Self {
            line: load.line,
            last_line: load.last_line,
            model: load.model.clone(),
            kind: load.kind.map(kind),
            nodes: about.nodes.iter().map(|node| LoaderMatch::new(node)).collect(),
            string: string.map(|_| logged.expert.to_owned()),
            compute: given(logged.compute),
            virtual_vram_gb: logged.virtual_vram_gb().filter(|gb| gb.is_finite()),
            donor: given(logged.donors),
            mode: LoadMode::of(&load.mode),
            wildcard: if let Mode::Wildcard { device } = &load.mode { Some(device.clone()) } else { None },
            asked: match load.asked {
                Asked::Distribution => Some(true),
                Asked::Nothing => Some(false),
                Asked::Unknown => None,
            },
            is_as_asked: load.is_as_asked(),
            outcome: LoadOutcome::of(&load.outcome),
            why: why(load, remarks),
            devices: devices(load),
            head: load.preserved.as_ref().map(|head| HeadReport {
                device: head.device.clone(),
                layers: head.layers,
                bytes: head.bytes,
            }),
            total_bytes: load.total_bytes,
            cpu_bytes: load.cpu_bytes,
            spills: seen::step::spills(load),
            plan: about.plan.as_ref().map(PlannedLoad::new),
        }
    }
}

fn kind(kind: LoadKind) -> &'static str {
    match kind {
        LoadKind::Diffusion => "diffusion model",
        LoadKind::TextEncoder => "text encoder",
        LoadKind::Vae => "VAE",
        LoadKind::Other => "other",
    }
}

impl LoadMode {
    fn of(mode: &Mode) -> Option<Self> {
        Some(match mode {
            Mode::Nothing => Self::Nothing,
            Mode::VirtualVram => Self::VirtualVram,
            Mode::Bytes => Self::Bytes,
            Mode::GpuOnly => Self::GpuOnly,
            Mode::Wildcard { .. } => Self::Wildcard,
            Mode::Ratio => Self::Ratio,
            Mode::Fraction => Self::Fraction,
            Mode::Unknown => return None,
        })
    }
}

/// What there is to say about how it ended.
fn why(load: &Load, remarks: &[Remark]) -> Option<String> {
    match &load.outcome {
        Outcome::Distributed | Outcome::Reused => None,
        Outcome::Standard { is_partial, loaded_bytes, offloaded_bytes } => {
            let part = if *is_partial { "partly" } else { "completely" };
            let of = |bytes: &Option<u64>, what: &str| {
                bytes.map(|bytes| format!(", {} {what}", readable(bytes))).unwrap_or_default()
            };
            Some(format!(
                "ComfyUI loaded it itself, {part}{}{}",
                of(loaded_bytes, "loaded"),
                of(offloaded_bytes, "offloaded")
            ))
        }
        Outcome::Inert { staged_bytes } => Some(format!(
            "ComfyUI's dynamic VRAM manages it, {} staged: the node had no effect",
            readable(*staged_bytes)
        )),
        Outcome::Failed { remark, cause } => {
            let raised = remark.and_then(|remark| remarks.get(remark));
            let line = raised.map(|remark| format!(" (line {})", remark.line)).unwrap_or_default();
            Some(format!("{cause}{line}"))
        }
        Outcome::Unknown { why } => Some(why.clone()),
    }
}

/// What the log says of each device, in the order of its tables.
fn devices(load: &Load) -> Vec<LoadDevice> {
    let asked = asked(load);
    let mut names: Vec<&str> = Vec::new();
    let of_tables = load.planned.iter().map(|row| &*row.device).chain(load.assigned.iter().map(|row| &*row.device));
    for name in of_tables.chain(asked.iter().map(|(device, _)| &**device)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let has_all = !load.assigned.is_empty();
    let device = |name: &str| {
        let planned = load.planned.iter().find(|row| row.device == name);
        let rows = || load.assigned.iter().filter(|row| row.device == name);
        LoadDevice {
            device: name.to_owned(),
            total_bytes: planned.map(|row| row.total_bytes),
            asked_bytes: asked.iter().rfind(|(device, _)| device == name).map(|(_, bytes)| *bytes),
            planned_bytes: planned.map(|row| row.bytes),
            assigned_bytes: has_all.then(|| seen::plan::assigned_bytes(load, name).unwrap_or(0)),
            layers: has_all.then(|| rows().map(|row| row.layers).fold(0, u64::saturating_add)),
        }
    };
    names.into_iter().map(device).collect()
}

/// The bytes that are asked for: by the string, since the node does not print what it did not come to.
fn asked(load: &Load) -> Vec<(String, u64)> {
    let string = load.string.as_deref().and_then(|text| AllocationString::parse(text).ok());
    let Some(Request::Byte(quotas)) = string.as_ref().map(AllocationString::request) else {
        return load.requested.iter().map(|quota| (quota.device.clone(), quota.bytes)).collect();
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0, and `as` stops")]
    let bytes = |quota: f64| quota as u64;
    quotas.listed.iter().map(|quota| (quota.device.to_string(), bytes(quota.bytes))).collect()
}

impl LoadOutcome {
    /// How a load ended.
    pub fn of(end: &Outcome) -> Self {
        match end {
            Outcome::Distributed => Self::Distributed,
            Outcome::Reused => Self::Reused,
            Outcome::Standard { .. } => Self::Standard,
            Outcome::Inert { .. } => Self::Inert,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::Unknown { .. } => Self::Unknown,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Distributed => "distributed",
            Self::Reused => "reused",
            Self::Standard => "standard loading",
            Self::Inert => "inert",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl LoaderMatch {
    fn new(node: &LoaderNode) -> Self {
        Self {
            workflow: node.file.clone(),
            id: node.node.id.clone(),
            class: node.node.class.clone(),
            title: node.node.title.clone(),
            files: node.names.clone(),
        }
    }
}

impl PlannedLoad {
    fn new(plan: &Result<Comparison, String>) -> Self {
        let comparison = match plan {
            Ok(comparison) => comparison,
            Err(why) => return Self { unknown: Some(why.clone()), ..Self::default() },
        };
        let rows = comparison.run.allocation.devices.iter().zip(&comparison.run.counted_bytes);
        Self {
            model: Some(comparison.model.clone()),
            accounting: Some(match comparison.accounting {
                Accounting::Resident => "resident",
                Accounting::Offload => "offload",
            }),
            repaired: comparison.policy.map(|policy| policy == Policy::GpuOnly),
            total_bytes: Some(comparison.run.allocation.total_bytes),
            devices: rows.map(|(row, bytes)| PlannedDevice { device: row.device.to_string(), bytes: *bytes }).collect(),
            agrees: comparison.agrees,
            differences: comparison.remarks.clone(),
            unknown: None,
        }
    }
}
