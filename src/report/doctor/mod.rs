//! What is wrong in an installation, what to do about it, and all that is known of it.

mod build;
mod facts;

use serde::Serialize;

use super::{CheckedFile, Located, StagesReport};
use crate::doctor::{Known, Rank};

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `doctor` about an installation.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DoctorReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// The folder of the installation.
    pub root: Located,
    /// The result in one sentence.
    pub verdict: String,
    /// The exit code: 1 if a problem was found that is more than a note.
    pub exit_code: u8,
    /// The problems that were found, in the order in which they are to be dealt with.
    pub findings: Vec<FoundProblem>,
    /// The command that does what several findings ask for at once; none if there is nothing of that.
    pub setup: Option<String>,
    /// What is known of the installation, the node, ComfyUI, its launches and packages, and the machine.
    pub facts: Vec<FactGroup>,
    /// The GPUs, in the order of nvidia-smi.
    pub gpus: Known<Vec<GpuReport>>,
    /// The workflows: what their checks find, and where their models go.
    pub workflows: Vec<ExaminedWorkflow>,
    /// The last run, as the log shows it.
    pub run: Known<RunReport>,
    /// The problems that are absent.
    pub absent: Vec<AbsentProblem>,
    /// The problems of which it is unknown whether they are there.
    pub unknown: Vec<UnknownProblem>,
}

/// A problem that was found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FoundProblem {
    /// The name of the problem; docs/doctor.md describes it.
    pub problem: &'static str,
    /// What is wrong, as a title.
    pub title: &'static str,
    /// How much it matters here.
    pub rank: Rank,
    /// What is wrong here.
    pub message: String,
    /// The cause.
    pub about: &'static str,
    /// How it is known.
    pub evidence: Vec<EvidenceReport>,
    /// What to do next.
    pub step: StepReport,
    /// Pages on which it is described, or the code that causes it.
    pub sources: &'static [&'static str],
}

/// Something that shows a problem.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EvidenceReport {
    /// What is there.
    pub text: String,
    /// Where.
    pub place: PlaceReport,
}

/// Where evidence is.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum PlaceReport {
    /// In a file.
    File {
        /// The file, or a folder.
        path: Located,
        /// The line, from 1; none for the file as a whole.
        line: Option<usize>,
    },
    /// In the log.
    Log {
        /// The log; none if its place is unknown.
        path: Option<Located>,
        /// The line, from 1.
        line: u64,
    },
    /// In the output of a program.
    Output {
        /// The program.
        program: &'static str,
    },
    /// At a node of a workflow.
    Node {
        /// The workflow.
        path: Located,
        /// The id of the node, as in ComfyUI's prompts.
        id: String,
    },
}

/// What to do next.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum StepReport {
    /// A command, to be pasted.
    Command {
        /// The command.
        text: String,
    },
    /// A line of a file, to be replaced.
    Edit {
        /// The file.
        path: Located,
        /// The line, from 1.
        line: usize,
        /// The line as it is.
        before: String,
        /// The line as it should be.
        after: String,
    },
    /// Anything else.
    Advice {
        /// What to do, in one sentence without a full stop.
        text: String,
    },
}

/// Facts about one thing.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FactGroup {
    /// What they are about: `installation`, `node`, `comfyui`, `launches`, `packages` or `machine`.
    pub id: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// The facts.
    pub facts: Vec<FactReport>,
}

/// A fact.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FactReport {
    /// What it is, such as `version`.
    pub name: String,
    /// The fact for people, or why it is unknown.
    pub value: Known<String>,
    /// Where it is from.
    pub place: Option<PlaceReport>,
}

/// A GPU.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GpuReport {
    /// Its number in nvidia-smi.
    pub index: u32,
    /// Its name in torch, such as `cuda:0`; or why that is unknown.
    pub device: Known<String>,
    /// Its model.
    pub name: String,
    /// Its memory.
    pub total_bytes: u64,
    /// The part of it that was free.
    pub free_bytes: Option<u64>,
}

/// A workflow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExaminedWorkflow {
    /// What is wrong with its loader nodes.
    pub checks: CheckedFile,
    /// Where its models go, and when.
    pub plan: Known<Box<StagesReport>>,
}

/// What the log shows.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunReport {
    /// The log.
    pub log: Located,
    /// When it ended, as it says itself.
    pub time: Option<String>,
    /// Why it is not about the installation as it is now; none if it is.
    pub outdated: Option<String>,
    /// The ComfyUI that it is of.
    pub comfyui: Option<String>,
    /// How many prompts there were since the last start.
    pub prompts: usize,
    /// The models that were loaded since the last start, in their order.
    pub loads: Vec<RunLoad>,
}

/// A model that was loaded.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunLoad {
    /// The line in the log, from 1.
    pub line: u64,
    /// The class of the model.
    pub model: Option<String>,
    /// The allocation string.
    pub string: Option<String>,
    /// What was planned and what was done, device by device; nothing if the log does not have these tables.
    pub devices: Vec<RunDevice>,
    /// What happened, in a few words.
    pub outcome: String,
    /// Did it do what it was asked for? None if that is unknown.
    pub is_right: Option<bool>,
}

/// What a device was to take of a model, and what it took.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunDevice {
    /// The device.
    pub device: String,
    /// What was planned for it: to a hundredth of a GB.
    pub planned_bytes: Option<u64>,
    /// What it was assigned: to a hundredth of a MB.
    pub assigned_bytes: Option<u64>,
}

/// A problem that is absent.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AbsentProblem {
    /// The name of the problem.
    pub problem: &'static str,
    /// The problem as a title.
    pub title: &'static str,
}

/// A problem of which it is unknown whether it is there.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnknownProblem {
    /// The name of the problem.
    pub problem: &'static str,
    /// The problem as a title.
    pub title: &'static str,
    /// Why, as the end of a sentence with "because".
    pub why: String,
}
