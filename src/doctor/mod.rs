//! What is wrong in an installation, and what to do about it.
//!
//! ```text
//! gather: Facts  →  PROBLEMS: each looks at them  →  Diagnosis: what is found, what is absent, what is unknown
//! ```
//!
//! A problem is a module in [`problems`] with a [`Problem`], and its line in [`PROBLEMS`]. It says only what follows from
//! the [`Facts`]; with a fact missing, its answer is why it is unknown.

mod clues;
mod facts;
mod finding;
mod gather;
mod known;
mod problem;
pub mod problems;
mod start;

pub use self::facts::{Facts, LogFacts, NodeCode, NodeFacts, NodeSource, Pack, ReadWorkflow, WorkflowFacts};
pub use self::finding::{Evidence, Finding, Place, Step};
pub use self::gather::{Named, gather};
pub use self::known::Known;
pub use self::problem::{Answer, Problem, Rank};
pub use self::problems::PROBLEMS;
pub use self::start::{Start, StartedBy, start};

/// The answers about every problem.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// What was found, in the order in which it is to be dealt with.
    pub found: Vec<Finding>,
    /// The problems that are absent.
    pub absent: Vec<&'static Problem>,
    /// The problems of which that is unknown, and why.
    pub unknown: Vec<(&'static Problem, String)>,
}

/// Looks for every problem.
pub fn examine(facts: &Facts) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    for problem in PROBLEMS {
        match (problem.find)(facts) {
            Ok(found) if found.is_empty() => diagnosis.absent.push(problem),
            Ok(found) => diagnosis.found.extend(found),
            Err(why) => diagnosis.unknown.push((problem, why)),
        }
    }
    // The order of the registry holds within a rank.
    diagnosis.found.sort_by_key(|finding| finding.rank);
    diagnosis
}
