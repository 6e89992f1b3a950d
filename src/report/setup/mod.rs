//! What `setup` does, step by step, and what became of it.

mod build;

use serde::Serialize;

pub use build::{Subjects, reversed};

use super::{Located, Outcome, Problem};

/// The version of the document format. It changes if a reader of the last one could misread the new one; added
/// properties do not change it.
const SCHEMA: u32 = 1;

/// The report of `setup` and of `setup --undo`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetupReport {
    /// The version of this document's format. Properties may be added without a new version.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The version of distorch-fix.
    pub version: &'static str,
    /// Is it about taking a setup back?
    pub is_undo: bool,
    /// The folder of ComfyUI.
    pub comfyui: Located,
    /// The version of ComfyUI, if that is known.
    pub comfyui_version: Option<String>,
    /// The version of the node, if that is known.
    pub node_version: Option<String>,
    /// The GPUs that the workflows are set up for; none if they are not known, or do not matter.
    pub gpus: Vec<String>,
    /// The steps, in their order.
    pub steps: Vec<SetupStep>,
    /// How it ended.
    pub ending: SetupEnding,
    /// The same as the exit code of the process.
    pub exit_code: u8,
    /// The command that does it.
    pub command: String,
    /// The command that takes it back.
    pub undo: String,
    /// The command that tells whether it worked, once ComfyUI has run the workflow.
    pub next: String,
    /// Is a workflow that was written one that may be open in ComfyUI?
    pub may_be_open: bool,
    /// Why it failed, if it did.
    pub error: Option<Problem>,
}

/// A step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetupStep {
    /// What it is about.
    pub kind: SetupKind,
    /// The file that it is about, if it is one.
    pub path: Option<Located>,
    /// What it does, as a title.
    pub title: String,
    /// What is to be done, or was.
    pub state: SetupState,
    /// What it will do, or has done, or why not: whole sentences.
    pub about: Vec<String>,
    /// The loaders of a workflow, and what they get.
    pub loaders: Vec<SetupLoader>,
    /// Lines of files that the user is to change.
    pub lines: Vec<SetupLine>,
    /// What the user is to do, if anything.
    pub help: Vec<String>,
    /// The commands that do the same alone.
    pub commands: Vec<String>,
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SetupKind {
    /// The repair of the node.
    Repair,
    /// A workflow.
    Workflow,
    /// The guard.
    Guard,
    /// The start of ComfyUI.
    Start,
}

/// What is to be done in a step, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SetupState {
    /// It is to be done.
    ToDo,
    /// It was done by this run.
    Done,
    /// There is nothing to do.
    Already,
    /// It is for the user to do.
    ForYou,
    /// What to do is unknown.
    Unknown,
    /// A part of it cannot be done; the rest is to be done, or was.
    Partly,
    /// It cannot be done.
    Impossible,
    /// It failed.
    Failed,
}

/// A loader of a workflow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetupLoader {
    /// The id of its node, as in ComfyUI's prompts.
    pub id: String,
    /// The file of its model.
    pub model: String,
    /// Its class before, if it gets another one.
    pub was: Option<String>,
    /// The allocation string that it gets, or keeps.
    pub string: String,
    /// Does it get something that it does not have?
    pub is_changed: bool,
}

/// A line of a file that the user is to change.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetupLine {
    /// The file.
    pub path: Located,
    /// The line, from 1.
    pub line: usize,
    /// The line as it is.
    pub before: String,
    /// The line as it should be.
    pub after: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SetupEnding {
    /// There was nothing to do.
    Nothing,
    /// It was a dry run.
    DryRun,
    /// Nobody could be asked, so nothing was written.
    NotAsked,
    /// The user did not want it, so nothing was written.
    Declined,
    /// Everything that can be done was done.
    Done,
    /// Something failed; what was done before that is done.
    Failed,
}

impl SetupState {
    /// Is there something that this program is to write?
    pub fn is_to_do(self) -> bool {
        matches!(self, Self::ToDo | Self::Partly)
    }

    /// Is something left that only the user can solve?
    fn is_left(self) -> bool {
        matches!(self, Self::Unknown | Self::Partly | Self::Impossible)
    }
}

impl SetupReport {
    /// How it ended. What is left to do counts, except at the start of ComfyUI, which nobody but the user can see.
    pub fn outcome(&self) -> Outcome {
        let is_left = !self.left().is_empty();
        match self.ending {
            SetupEnding::Failed => Outcome::Failed,
            SetupEnding::NotAsked | SetupEnding::Declined => Outcome::Found,
            SetupEnding::Nothing | SetupEnding::DryRun | SetupEnding::Done if is_left => Outcome::Found,
            SetupEnding::Nothing | SetupEnding::DryRun | SetupEnding::Done => Outcome::InOrder,
        }
    }

    /// The numbers of the steps, from 1, in which something is left that only the user can solve.
    pub fn left(&self) -> Vec<usize> {
        let steps = self.steps.iter().enumerate();
        let left = steps.filter(|(_, step)| step.kind != SetupKind::Start && step.state.is_left());
        left.map(|(at, _)| at + 1).collect()
    }

    /// Ends it.
    #[must_use]
    pub fn ended(mut self, ending: SetupEnding, error: Option<Problem>) -> Self {
        self.ending = ending;
        self.error = error;
        self.exit_code = self.outcome().code();
        self
    }

    /// Is there something that this program is to write?
    pub fn has_to_do(&self) -> bool {
        self.steps.iter().any(|step| step.state.is_to_do())
    }
}
