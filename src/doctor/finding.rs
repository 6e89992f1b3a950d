//! What is wrong in this installation, and how that is known.

use std::path::PathBuf;

use super::{Problem, Rank};

/// A problem that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The problem.
    pub problem: &'static Problem,
    /// How much it matters here.
    pub rank: Rank,
    /// What is wrong here, in one sentence without a full stop.
    pub message: String,
    /// How that is known: at least one.
    pub evidence: Vec<Evidence>,
    /// What to do next.
    pub step: Step,
}

/// Something that shows a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What is there, without a full stop.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// Where evidence is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file, at a line from 1; or a file or folder as a whole.
    File(PathBuf, Option<usize>),
    /// At a line of the log, from 1.
    Log(u64),
    /// In what a program prints, such as `nvidia-smi`.
    Output(&'static str),
    /// At a node of a workflow, by its id in ComfyUI's prompts.
    Node(PathBuf, String),
}

/// What to do next: one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command, to be pasted into a terminal.
    Command(String),
    /// A line of a file, to be replaced.
    Edit {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The line as it is.
        before: String,
        /// The line as it should be.
        after: String,
    },
    /// Anything else, in one sentence without a full stop: where nothing can be pasted.
    Advice(String),
}

impl Step {
    /// Are both edits of the same line?
    pub fn is_of_line_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Edit { file, line, .. }, Self::Edit { file: of, line: number, .. }) => file == of && line == number,
            _ => false,
        }
    }
}

impl Evidence {
    /// In a file, at a line from 1; or a file or folder as a whole.
    pub fn file(text: impl Into<String>, path: impl Into<PathBuf>, line: Option<usize>) -> Self {
        Self { text: text.into(), place: Place::File(path.into(), line) }
    }

    /// At a line of the log.
    pub fn log(text: impl Into<String>, line: u64) -> Self {
        Self { text: text.into(), place: Place::Log(line) }
    }

    /// In the output of a program.
    pub fn output(text: impl Into<String>, program: &'static str) -> Self {
        Self { text: text.into(), place: Place::Output(program) }
    }

    /// At a node of a workflow.
    pub fn node(text: impl Into<String>, workflow: impl Into<PathBuf>, id: impl Into<String>) -> Self {
        Self { text: text.into(), place: Place::Node(workflow.into(), id.into()) }
    }
}
