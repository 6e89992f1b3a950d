//! Proves a repair by running it: never believe an edit.
//!
//! Four steps, in this order; the first that fails is reported.
//!
//! 1. *Parse*: the repaired text parses (done where it is made, in [`crate::pipeline`]).
//! 2. *Probe*: every place that reads a load-list item is run on its own with items of every number of fields that there
//!    has been, and of one more. It must read what it read before from an item of the fewest.
//! 3. *Allocate*: the file's own byte and ratio functions are run over scenarios; the fraction strings must be those
//!    of the [reference allocator](crate::allocator).
//! 4. *Place*: its analysis is run; block by block the device must be the reference's.
//!
//! And the repaired text is surveyed again: what was to be repaired must not need it any more.
//!
//! Where an old version differs from the reference in a way that no fix is about, it must do what its own unrepaired
//! text does with items of the fewest fields. A version that cannot be run is inconclusive, never verified.

mod answer;
mod calls;
mod case;
mod compare;
mod desugar;
pub mod engine;
mod expect;
mod library;
#[cfg(test)]
mod pairs;
pub mod placing;
mod probe;
mod program;
mod run;
mod scenario;
mod spill;
mod standin;
mod uses;
mod wildcards;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use engine::Engine;
pub use spill::Spill;

use self::run::Verifier;
use crate::allocator::Accounting;
use crate::fixes::{Contract, Fix, Status, Survey};
use crate::python::Package;

/// How thoroughly, and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Random scenarios beside the fixed ones.
    pub scenarios: usize,
    /// What the random ones are made from.
    pub seed: u64,
    /// Each scenario with every number of fields? Otherwise they take turns.
    pub crossed: bool,
    /// Where the programs run.
    pub engine: Engine,
}

/// One of the four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Every place on its own.
    Probe,
    /// The byte and ratio functions.
    Allocate,
    /// The analysis.
    Place,
    /// Looking for what is left to repair.
    Survey,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::Allocate => "allocate",
            Self::Place => "place",
            Self::Survey => "survey",
        })
    }
}

/// What verifying came to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything gave the right answers.
    Verified(Evidence),
    /// Something gave a wrong answer.
    Wrong(Mismatch),
    /// Something could not be run: why, with the line of the program if there is one.
    Inconclusive(String),
}

/// What was run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Places that were probed.
    pub places: usize,
    /// Calls whose answers were compared.
    pub scenarios: usize,
    /// Blocks whose device was compared.
    pub blocks: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Where a version has its own ways, and keeps them.
    pub notes: Vec<String>,
    /// What such a way goes on sending to the CPU, at worst, though byte quotas without a wildcard leave it nothing.
    pub spill: Option<Spill>,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The step that found it.
    pub step: Step,
    /// What was run: a place, or a call with its model and items.
    pub scenario: String,
    /// The right answer.
    pub expected: String,
    /// The answer it gave.
    pub given: String,
}

/// What is verified: a package as it was and as it would be. They are the same where there is nothing to repair.
pub struct Subject<'r> {
    /// The package before.
    pub before: &'r Package,
    /// What was found there, for both fixes.
    pub surveys: &'r [Survey],
    /// The package after.
    pub after: &'r Package,
    /// The fixes that were to be made. What another one is about stays as it was.
    pub fixes: &'r [Fix],
    /// What counts as the size of an item.
    pub accounting: Accounting,
}

impl Subject<'_> {
    /// Is what this survey would repair left alone on purpose?
    fn is_left(&self, survey: &Survey) -> bool {
        survey.status == Status::Needed && !self.fixes.contains(&survey.fix)
    }

    /// What the code must keep to.
    fn contract(&self) -> Contract {
        let mut contract = Contract::default();
        for survey in self.surveys {
            survey.fix.bind(survey, self.is_left(survey), &mut contract);
        }
        contract
    }
}

/// Runs the four steps.
pub fn verify(subject: &Subject<'_>, options: &Options) -> Verdict {
    let begun = Instant::now();
    match Verifier::new(subject, options).run() {
        Ok(mut evidence) => {
            evidence.elapsed = begun.elapsed();
            Verdict::Verified(evidence)
        }
        Err(verdict) => verdict,
    }
}
