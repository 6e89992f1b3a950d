//! What a log of ComfyUI says about the loads of models.

use serde::Serialize;

use super::{Located, Outcome};
use crate::allocator::{Accounting, Policy, readable};
use crate::log::{
    Asked, Banner, Container, Counts, DynamicVram, Encoding, End, Load, LoadKind, Log, Mode, Outcome as LoadEnd, Prompt,
    Remark, RemarkKind, Start,
};
use crate::seen::{self, About, Comparison, Installed, LoaderNode, Step, silence};
use crate::text::counted;

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
    pub encoding: &'static str,
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
    /// Were all starts asked for?
    #[serde(skip)]
    pub is_whole: bool,
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
    /// Did it do what was asked? `null` if that is not known.
    pub is_as_asked: Option<bool>,
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
    /// Did a part go to the CPU only because no quota covers it, as the node as shipped does?
    pub spills: bool,
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

/// Where a log is from.
#[derive(Debug, Clone, Default)]
pub struct LogSource {
    /// The log; None for standard input.
    pub file: Option<Located>,
    /// Other logs of the same installation.
    pub others: Vec<Located>,
    /// What is known of that installation.
    pub installed: Installed,
}

impl LogReport {
    /// The report about a log. Of each server only the newest start counts, unless `all` do. `about` tells what else is
    /// known of a load, and `next` how a step is made.
    pub fn new<'a>(
        log: &Log,
        source: &LogSource,
        all: bool,
        about: impl Fn(&Start, &Prompt, &Load) -> About<'a>,
        next: impl Fn(Step) -> NextReport,
    ) -> Self {
        let starts: Vec<&Start> = log.starts.iter().enumerate().filter(|(at, _)| all || is_newest(log, *at)).map(|(_, start)| start).collect();
        let loads = starts.iter().flat_map(|start| {
            start.prompts.iter().flat_map(|prompt| prompt.loads.iter().map(|load| (*start, load)))
        });
        let silence = silence::of(log, &starts, &source.installed);
        let is_stale = source.installed.is_stale();
        let step = Step::of(loads.clone().collect::<Vec<_>>().into_iter(), silence.as_ref(), is_stale);
        let outcome = if loads.clone().any(|(_, load)| load.is_as_asked() == Some(false)) { Outcome::Found } else { Outcome::InOrder };
        let verdict = match &silence {
            Some(silence) => silence.why.clone(),
            None => verdict(loads.clone().map(|(_, load)| load)),
        };
        let reports = log.starts.iter().enumerate().map(|(at, start)| StartReport::new(start, all || is_newest(log, at), &about));
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            file: source.file.clone(),
            other_files: source.others.clone(),
            encoding: encoding(log.encoding),
            lines: log.lines,
            bytes: log.bytes,
            starts: reports.collect(),
            earlier: earlier(&log.earlier),
            silence: silence.map(|silence| silence.why),
            notes: if is_stale { vec![STALE.to_owned()] } else { Vec::new() },
            verdict,
            next: step.map(next),
            exit_code: outcome.code(),
            is_whole: all,
        }
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        if self.exit_code == 0 { Outcome::InOrder } else { Outcome::Found }
    }
}

const STALE: &str = "the node's files were changed after this log was last written, so ComfyUI has not been started since";

/// Is it the newest start of its server?
fn is_newest(log: &Log, at: usize) -> bool {
    let source = &log.starts[at].source;
    log.starts[at + 1..].iter().all(|later| later.source != *source)
}

fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16Le => "UTF-16LE",
        Encoding::Utf16Be => "UTF-16BE",
        Encoding::Mixed => "several encodings",
    }
}

/// Loads that are no longer kept.
fn earlier(counts: &Counts) -> Vec<CountReport> {
    let all = [
        (LoadOutcome::Distributed, counts.distributed),
        (LoadOutcome::Reused, counts.reused),
        (LoadOutcome::Standard, counts.standard),
        (LoadOutcome::Inert, counts.inert),
        (LoadOutcome::Failed, counts.failed),
        (LoadOutcome::Unknown, counts.unknown),
    ];
    all.into_iter().filter(|(_, loads)| *loads > 0).map(|(outcome, loads)| CountReport { outcome, loads }).collect()
}

/// All loads in one sentence.
fn verdict<'l>(loads: impl Iterator<Item = &'l Load> + Clone) -> String {
    let all = loads.clone().count();
    let totals: Vec<String> = totals(loads.clone()).iter().map(|count| format!("{} {}", count.loads, count.outcome.words())).collect();
    let totals = totals.join(", ");
    let wrong = loads.clone().filter(|load| load.is_as_asked() == Some(false)).count();
    let is_empty = |load: &Load| load.asked == Asked::Nothing;
    match (all, wrong) {
        (0, _) => "No model was loaded.".to_owned(),
        (_, 0) if loads.clone().all(is_empty) => {
            "Nothing was to be distributed: the loader nodes have neither a string nor virtual VRAM.".to_owned()
        }
        (1, 0) => format!("The load did what was asked: {totals}."),
        (_, 0) => format!("{} were as asked: {totals}.", counted(all, "load")),
        (1, _) => format!("The load did not do what was asked: {totals}."),
        _ => format!("{wrong} of {} did not do what was asked: {totals}.", counted(all, "load")),
    }
}

/// Loads by their outcome.
fn totals<'l>(loads: impl Iterator<Item = &'l Load>) -> Vec<CountReport> {
    let mut totals: Vec<CountReport> = Vec::new();
    for load in loads {
        let outcome = LoadOutcome::of(&load.outcome);
        match totals.iter_mut().find(|count| count.outcome == outcome) {
            Some(count) => count.loads += 1,
            None => totals.push(CountReport { outcome, loads: 1 }),
        }
    }
    totals.sort_by_key(|count| count.outcome);
    totals
}

impl StartReport {
    fn new<'a>(start: &Start, counts: bool, about: &impl Fn(&Start, &Prompt, &Load) -> About<'a>) -> Self {
        let devices = start.devices.iter().map(|seen| SeenDeviceReport {
            device: seen.name.clone(),
            card: Some(seen.card.clone()).filter(|card| !card.is_empty()),
        });
        let failed = start.packs.iter().filter(|pack| pack.failed);
        let prompt = |prompt: &Prompt| {
            PromptReport::new(prompt, &start.banners, &start.remarks, |load| about(start, prompt, load))
        };
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
            failed_packs: failed.map(|pack| FailedPackReport { path: pack.path.clone(), why: pack.why.clone(), line: pack.line }).collect(),
            totals: totals(start.prompts.iter().flat_map(|prompt| &prompt.loads)),
            prompts: start.prompts.iter().map(prompt).collect(),
        }
    }
}

/// Which releases print with a prefix.
fn era(prefix: &str) -> String {
    let releases = match prefix.trim_start_matches('[').trim_end_matches(']').trim_end_matches(" CLIP").trim_end_matches("_CLIP") {
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
    /// The report about a prompt, with the loader nodes and remarks of its start.
    pub fn new<'a>(prompt: &Prompt, banners: &[Banner], remarks: &[Remark], about: impl Fn(&Load) -> About<'a>) -> Self {
        let banners = banners.get(prompt.banners.clone()).unwrap_or_default();
        let matters = |remark: &&Remark| (prompt.line..=prompt.last_line).contains(&remark.line) && remark.kind != RemarkKind::Other;
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
            loads: prompt.loads.iter().map(|load| LoadReport::new(load, remarks, &about(load))).collect(),
            empty: banners.iter().filter(|banner| banner.is_empty).map(|banner| banner.line).collect(),
            remarks: remarks.iter().filter(matters).map(|remark| RemarkReport { line: remark.line, text: remark.text.clone() }).collect(),
        }
    }
}

impl LoadReport {
    fn new(load: &Load, remarks: &[Remark], about: &About<'_>) -> Self {
        let string = load.string.as_deref();
        let (expert, rest) = string.map_or(("", ""), |text| text.split_once('#').unwrap_or((text, "")));
        let mut rest = rest.splitn(3, ';').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        Self {
            line: load.line,
            last_line: load.last_line,
            model: load.model.clone(),
            kind: load.kind.map(kind),
            nodes: about.nodes.iter().map(|node| LoaderMatch::new(node)).collect(),
            string: string.map(|_| expert.to_owned()),
            compute: rest.next().flatten(),
            virtual_vram_gb: rest.next().flatten().and_then(|gigabytes| gigabytes.trim().parse().ok()).filter(|gb: &f64| gb.is_finite()),
            donor: rest.next().flatten(),
            mode: mode(&load.mode),
            asked: match load.asked {
                Asked::Distribution => Some(true),
                Asked::Nothing => Some(false),
                Asked::Unknown => None,
            },
            is_as_asked: load.is_as_asked(),
            outcome: LoadOutcome::of(&load.outcome),
            why: why(load, remarks),
            devices: devices(load),
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

fn mode(mode: &Mode) -> Option<&'static str> {
    match mode {
        Mode::Nothing => Some("nothing"),
        Mode::VirtualVram => Some("virtual VRAM"),
        Mode::Bytes => Some("bytes"),
        Mode::GpuOnly => Some("bytes, the rest on the GPUs"),
        Mode::Wildcard { .. } => Some("bytes, the rest on a wildcard"),
        Mode::Ratio => Some("ratio"),
        Mode::Fraction => Some("fraction"),
        Mode::Unknown => None,
    }
}

/// What there is to say about how it ended.
fn why(load: &Load, remarks: &[Remark]) -> Option<String> {
    match &load.outcome {
        LoadEnd::Distributed | LoadEnd::Reused => None,
        LoadEnd::Standard { is_partial, loaded_bytes, offloaded_bytes } => {
            let part = if *is_partial { "partly" } else { "completely" };
            let of = |bytes: &Option<u64>, what: &str| bytes.map(|bytes| format!(", {} {what}", readable(bytes))).unwrap_or_default();
            Some(format!("ComfyUI loaded it itself, {part}{}{}", of(loaded_bytes, "loaded"), of(offloaded_bytes, "offloaded")))
        }
        LoadEnd::Inert { staged_bytes } => {
            Some(format!("ComfyUI's dynamic VRAM manages it, {} staged: the node had no effect", readable(*staged_bytes)))
        }
        LoadEnd::Failed { remark, cause } => {
            let line = remarks.get(*remark).map(|remark| format!(" (line {})", remark.line)).unwrap_or_default();
            Some(format!("{cause}{line}"))
        }
        LoadEnd::Unknown { why } => Some(why.clone()),
    }
}

/// What the log says of each device, in the order of its tables.
fn devices(load: &Load) -> Vec<LoadDevice> {
    let mut names: Vec<&str> = Vec::new();
    let planned = load.planned.iter().map(|row| &*row.device);
    for name in planned.chain(load.assigned.iter().map(|row| &*row.device)).chain(load.requested.iter().map(|quota| &*quota.device)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let has_all = !load.assigned.is_empty();
    let device = |name: &str| {
        let planned = load.planned.iter().find(|row| row.device == name);
        let asked = load.requested.iter().filter(|quota| quota.device == name).map(|quota| quota.bytes);
        let rows = || load.assigned.iter().filter(|row| row.device == name);
        LoadDevice {
            device: name.to_owned(),
            total_bytes: planned.map(|row| row.total_bytes),
            asked_bytes: asked.reduce(u64::saturating_add),
            planned_bytes: planned.map(|row| row.bytes),
            assigned_bytes: has_all.then(|| seen::plan::assigned_bytes(load, name).unwrap_or(0)),
            layers: has_all.then(|| rows().map(|row| row.layers).fold(0, u64::saturating_add)),
        }
    };
    names.into_iter().map(device).collect()
}

impl LoadOutcome {
    /// How a load ended.
    pub fn of(end: &LoadEnd) -> Self {
        match end {
            LoadEnd::Distributed => Self::Distributed,
            LoadEnd::Reused => Self::Reused,
            LoadEnd::Standard { .. } => Self::Standard,
            LoadEnd::Inert { .. } => Self::Inert,
            LoadEnd::Failed { .. } => Self::Failed,
            LoadEnd::Unknown { .. } => Self::Unknown,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Distributed => "distributed",
            Self::Reused => "reused",
            Self::Standard => "not distributed",
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
