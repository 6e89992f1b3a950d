//! What can be wrong in an installation.

use std::fmt;

use serde::Serialize;

use super::{Evidence, Facts, Finding, Step};

/// Something that can be wrong: a module in [`problems`](super::problems), and a line in
/// [`PROBLEMS`](super::PROBLEMS).
pub struct Problem {
    /// Its name, in every output.
    pub id: &'static str,
    /// What is wrong, as a title.
    pub title: &'static str,
    /// The cause: whole sentences.
    pub about: &'static str,
    /// What helps: whole sentences. A finding has a step of its own, for the installation that it is about.
    pub help: &'static str,
    /// Pages on which it is described, or the code that causes it.
    pub sources: &'static [&'static str],
    /// What to do first.
    pub rank: Rank,
    /// Looks for it.
    pub find: fn(&Facts) -> Answer,
}

/// What was found, each with its evidence; nothing if the problem is absent. Or why that is unknown, as the end of a
/// sentence with "because".
pub type Answer = Result<Vec<Finding>, String>;

/// How much a problem matters. What matters most is to be done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// It stops the node, a workflow, or ComfyUI.
    Stops,
    /// It runs, but does not do what it was asked for.
    Wrong,
    /// It costs time or memory.
    Costs,
    /// Nothing is wrong: it is as intended, or good to know.
    Note,
}

impl Rank {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Wrong => "wrong",
            Self::Costs => "costs",
            Self::Note => "note",
        }
    }
}

impl Problem {
    /// A finding of this problem: what is wrong here, in one sentence without a full stop, and what to do.
    pub fn finding(&'static self, message: impl Into<String>, step: Step) -> Finding {
        Finding { problem: self, rank: self.rank, message: message.into(), evidence: Vec::new(), step }
    }
}

impl Finding {
    /// With another piece of evidence.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Here it matters more or less than usual.
    #[must_use]
    pub fn ranked(self, rank: Rank) -> Self {
        Self { rank, ..self }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Problem {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Problem {}
