//! What a log of ComfyUI says about the loads of models.

use serde::Serialize;

use super::{Located, Outcome, Problem};

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `log`. Sizes named `*_bytes` are bytes as the log gives them, which is rounded: to 0.01 MB, or to 0.01 GB
/// in the device table. Devices are named as torch names them. Lines are counted from 1.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The log; `null` for standard input.
    pub file: Option<Located>,
    /// Other logs of the same installation.
    pub other_files: Vec<Located>,
    /// How its text is encoded.
    pub encoding: String,
    /// Its lines.
    pub lines: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The starts of ComfyUI, in the order of the log. What comes before the first start in the log is one too.
    pub starts: Vec<StartReport>,
    /// Loads that are no longer kept one by one because the log has very many, by their outcome.
    pub earlier: Vec<CountReport>,
    /// Why the log says nothing about DisTorch2, if it does not.
    pub silence: Option<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// All in one sentence.
    pub verdict: String,
    /// The command to run next, or what else to do.
    pub next: Option<NextReport>,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NextReport {
    /// What it is for.
    pub what: String,
    /// A command to paste.
    pub command: Option<String>,
}

/// How many loads ended in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CountReport {
    /// How they ended.
    pub outcome: LoadOutcome,
    /// How many.
    pub loads: u64,
}

/// A start of ComfyUI.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StartReport {
    /// The first line.
    pub line: u64,
    /// Does it count: is it the newest of its server, or were all asked for?
    pub counts: bool,
    /// Which server, if the lines of several are in the log.
    pub source: Option<String>,
    /// What wrote the log.
    pub container: &'static str,
    /// Does it begin in the log? If not, its beginning is missing.
    pub begins_here: bool,
    /// The version of ComfyUI.
    pub comfyui: Option<String>,
    /// The version of PyTorch.
    pub pytorch: Option<String>,
    /// The version of Python.
    pub python: Option<String>,
    /// The command line, if the log has it.
    pub arguments: Option<Vec<String>>,
    /// The devices that ComfyUI lists.
    pub devices: Vec<SeenDeviceReport>,
    /// The memory of the compute device.
    pub vram_bytes: Option<u64>,
    /// The main memory.
    pub ram_bytes: Option<u64>,
    /// Is dynamic VRAM active? `null` if the log does not say so.
    pub dynamic_vram: Option<bool>,
    /// Why it is not.
    pub dynamic_vram_why: Option<String>,
    /// Which versions of the node print as this one does.
    pub node: Option<String>,
    /// Loads by their outcome.
    pub totals: Vec<CountReport>,
    /// The prompts, in the order of the log.
    pub prompts: Vec<PromptReport>,
}

/// A device of ComfyUI.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SeenDeviceReport {
    /// Its name in torch.
    pub device: String,
    /// The name of the card.
    pub card: Option<String>,
}

/// A prompt: one run of a workflow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PromptReport {
    /// The first line.
    pub line: u64,
    /// When, if the log has times.
    pub time: Option<String>,
    /// How it ended.
    pub end: PromptEnd,
    /// How long it took.
    pub seconds: Option<f64>,
    /// The loads, in their order.
    pub loads: Vec<LoadReport>,
    /// Loader nodes that distribute nothing: neither string nor virtual VRAM is set. By their lines.
    pub empty: Vec<u64>,
    /// What went wrong, and other lines that matter.
    pub remarks: Vec<RemarkReport>,
}

/// How a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PromptEnd {
    /// It was executed
    Executed,
    /// An exception ended it
    Failed,
    /// ComfyUI did not accept it
    Rejected,
    /// The user ended it
    Interrupted,
    /// The log does not say
    Unknown,
}

/// A line that matters by itself.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RemarkReport {
    /// Which.
    pub line: u64,
    /// Its text, shortened.
    pub text: String,
}

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
    /// How the string was read: what ran.
    pub mode: Option<&'static str>,
    /// Was it to be distributed? `null` if that is not known.
    pub asked: Option<bool>,
    /// How it ended.
    pub outcome: LoadOutcome,
    /// What else there is to say about that: the cause of a failure, why it is unknown.
    pub why: Option<String>,
    /// Where it went, by device.
    pub devices: Vec<LoadDevice>,
    /// The bytes of the model, as the node counted them.
    pub total_bytes: Option<u64>,
    /// Those on the CPU.
    pub cpu_bytes: Option<u64>,
    /// The plan of the same model and string on the same devices.
    pub plan: Option<PlannedLoad>,
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

/// A plan beside a load.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedLoad {
    /// The model that was planned.
    pub model: String,
    /// Which size of a layer was counted: `resident` or `offload`.
    pub accounting: &'static str,
    /// Was the node planned as repaired? `null` if that makes no difference.
    pub repaired: Option<bool>,
    /// The bytes of the model in the plan.
    pub total_bytes: u64,
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
