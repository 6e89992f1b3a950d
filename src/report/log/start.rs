//! A start of ComfyUI, and the prompts that ran then.

use serde::Serialize;

use super::load::LoadReport;
use super::{CountReport, totals};
use crate::log::{Container, DynamicVram, End, Load, Outcome, Prompt, Remark, RemarkKind, Start};
use crate::seen::About;

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
    /// The version of `PyTorch`.
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
    /// Custom nodes that could not be imported.
    pub failed_packs: Vec<FailedPackReport>,
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

/// Custom nodes that could not be imported.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailedPackReport {
    /// Their folder or file, as printed.
    pub path: String,
    /// Why.
    pub why: Option<String>,
    /// The line that says so.
    pub line: u64,
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

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RemarkKindReport {
    /// An exception
    Exception,
    /// A device has no memory left
    OutOfMemory,
    /// The process crashed
    Crash,
    /// ComfyUI refuses a prompt
    Refusal,
    /// A pack lacks something
    Pack,
    /// A hint of ComfyUI or the node
    Hint,
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
    /// What it is about.
    pub kind: RemarkKindReport,
    /// Its text, shortened.
    pub text: String,
}

impl StartReport {
    pub(super) fn new<'a>(start: &Start, counts: bool, about: &impl Fn(&Start, &Prompt, &Load) -> About<'a>) -> Self {
        let devices = start.devices.iter().map(|seen| SeenDeviceReport {
            device: seen.name.clone(),
            card: Some(seen.card.clone()).filter(|card| !card.is_empty()),
        });
        let failed = start.packs.iter().filter(|pack| pack.failed);
        let prompt = |prompt: &Prompt| PromptReport::new(prompt, start, |load| about(start, prompt, load));
        Self {
            line: start.line,
            counts,
            source: start.source.clone(),
            container: container(start.container),
            begins_here: start.is_begun_here,
            comfyui: start.comfyui.clone(),
            pytorch: start.pytorch.clone(),
            python: start.python.clone(),
            arguments: start.arguments.clone(),
            devices: devices.collect(),
            vram_bytes: start.vram_bytes,
            ram_bytes: start.ram_bytes,
            dynamic_vram: start.dynamic_vram.as_ref().map(|state| *state == DynamicVram::Enabled),
            dynamic_vram_why: match &start.dynamic_vram {
                Some(DynamicVram::Disabled { why }) => Some(why.clone()),
                _ => None,
            },
            node: start.node.prefix.as_deref().map(era),
            failed_packs: failed
                .map(|pack| FailedPackReport { path: pack.path.clone(), why: pack.why.clone(), line: pack.line })
                .collect(),
            totals: totals(loads(start)),
            prompts: start.prompts.iter().map(prompt).collect(),
        }
    }
}

/// Which releases print with a prefix.
fn era(prefix: &str) -> String {
    let releases = match prefix
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches(" CLIP")
        .trim_end_matches("_CLIP")
    {
        "MultiGPU DisTorch V2" => "2.5.0 or newer",
        "MultiGPU_DisTorch2" => "2.0.1 to 2.4.7",
        "MULTIGPU_DISTORCHV2" => "2.0.0",
        "MultiGPU_DisTorch" => "the first DisTorch",
        _ => return prefix.to_owned(),
    };
    releases.to_owned()
}

fn container(container: Container) -> &'static str {
    match container {
        Container::Console => "console",
        Container::Manager => "ComfyUI-Manager's file",
        Container::ErrorReport => "error report",
        Container::VerboseFile => "--verbose file",
        Container::Desktop => "ComfyUI Desktop",
        Container::OldReport => "old report",
        Container::Journal => "journal",
        Container::Docker => "docker logs",
        Container::Compose => "docker compose logs",
        Container::Quote => "quoted text",
        Container::Timestamp => "text with times",
    }
}

impl PromptReport {
    /// The report about a prompt of a start.
    pub fn new<'a>(prompt: &Prompt, start: &Start, about: impl Fn(&Load) -> About<'a>) -> Self {
        let banners = start.banners.get(prompt.banners.clone()).unwrap_or_default();
        // What a load failed with is said there.
        let of_loads: Vec<usize> = prompt.loads.iter().filter_map(cause).collect();
        let lines = prompt.line..=prompt.last_line;
        let remarks = start.remarks.iter().enumerate();
        let remarks = remarks.filter(|(at, remark)| lines.contains(&remark.line) && !of_loads.contains(at));
        Self {
            line: prompt.line,
            time: prompt.time.clone(),
            end: match prompt.end {
                End::Executed { .. } => PromptEnd::Executed,
                End::Failed => PromptEnd::Failed,
                End::Rejected => PromptEnd::Rejected,
                End::Interrupted => PromptEnd::Interrupted,
                End::Open => PromptEnd::Unknown,
            },
            seconds: if let End::Executed { seconds } = prompt.end { seconds } else { None },
            loads: prompt.loads.iter().map(|load| LoadReport::new(load, &start.remarks, &about(load))).collect(),
            empty: banners.iter().filter(|banner| banner.is_empty).map(|banner| banner.line).collect(),
            remarks: remarks.filter_map(|(_, remark)| RemarkReport::new(remark)).collect(),
        }
    }
}

/// The loads of a start.
pub(super) fn loads(start: &Start) -> impl Iterator<Item = &Load> {
    start.prompts.iter().flat_map(|prompt| &prompt.loads)
}

/// The remark about a load that failed, as an index.
fn cause(load: &Load) -> Option<usize> {
    if let Outcome::Failed { remark, .. } = load.outcome { remark } else { None }
}

impl RemarkReport {
    /// None if it does not matter.
    fn new(remark: &Remark) -> Option<Self> {
        let kind = match &remark.kind {
            RemarkKind::Exception(_) => RemarkKindReport::Exception,
            RemarkKind::OutOfMemory(_) => RemarkKindReport::OutOfMemory,
            RemarkKind::FatalException(_) => RemarkKindReport::Crash,
            RemarkKind::ValueNotInList { .. } | RemarkKind::Invalid { .. } | RemarkKind::NodeNotFound { .. } => {
                RemarkKindReport::Refusal
            }
            RemarkKind::ImportFailed { .. } | RemarkKind::RegisterFailed { .. } => RemarkKindReport::Pack,
            RemarkKind::SingleGpuOnWindows
            | RemarkKind::PinnedMemoryOnWindows
            | RemarkKind::ModelTooLarge { .. }
            | RemarkKind::AllAllocated
            | RemarkKind::AimdoMissing { .. }
            | RemarkKind::Stashed { .. } => RemarkKindReport::Hint,
            RemarkKind::MissingAttribute { .. } | RemarkKind::Unloaded { .. } | RemarkKind::Other => return None,
        };
        Some(Self { line: remark.line, kind, text: remark.text.clone() })
    }
}
