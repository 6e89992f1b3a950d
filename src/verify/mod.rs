//! Proves a repair by running it: no edit is trusted unproved.
//!
//! These steps, in this order; the first that fails is reported.
//!
//! 1. *Parse*: the repaired text parses (done where it is made, in [`crate::pipeline`]).
//! 2. *Probe*: every place that reads a load-list item is run on its own with items of every number of fields that there
//!    has been, and of one more. It must read what it read before from an item of the fewest.
//! 3. *Allocate*: the file's own byte and ratio functions are run over scenarios. The fraction strings must be those of
//!    the [reference allocator](crate::allocator).
//! 4. *Place*: its analysis is run. The device of each block must be the reference's.
//! 5. *Hand over*: the way of each loaded model to its mark is run with stand-in loaders. What comes of one that dynamic VRAM
//!    manages must be what comes of a plain one; everything else must be as it was.
//!
//! In addition, the repaired text is surveyed again: nothing must be left to repair.
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
mod handover;
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

pub use engine::{Engine, Limits};
pub use spill::Spill;

use self::run::Verifier;
use crate::allocator::Accounting;
use crate::fixes::{Contract, Fix, Status, Survey};
use crate::python::Package;

/// How thoroughly, and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Random scenarios in addition to the fixed ones.
    pub scenarios: usize,
    /// The seed of the random ones.
    pub seed: u64,
    /// Run each scenario with every number of fields? Otherwise the numbers take turns.
    pub crossed: bool,
    /// Where the programs run.
    pub engine: Engine,
}

/// One of the steps.
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
    /// The way of each model from its loader to its mark.
    HandOver,
    /// The survey of the repaired text.
    Survey,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::Allocate => "allocate",
            Self::Place => "place",
            Self::HandOver => "hand-over",
            Self::Survey => "survey",
        })
    }
}

/// The result of verifying.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything gave the right answers.
    Verified(Evidence),
    /// Something gave a wrong answer.
    Wrong(Mismatch),
    /// Something could not be run: the reason, with the line of the program if there is one.
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
    /// Loads of models whose outcome was compared.
    #[serde(default)]
    pub loads: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Where a version differs from the reference in its own way, and still does.
    pub notes: Vec<String>,
    /// The worst case of such a difference: layers that still go to the CPU, though byte quotas without a wildcard give
    /// it nothing.
    pub spill: Option<Spill>,
}

impl Evidence {
    /// Was there nothing to run?
    pub fn is_empty(&self) -> bool {
        self.places + self.scenarios + self.loads == 0
    }
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

/// What is verified: a package as it was and as it would be. They are the same if there is nothing to repair.
pub struct Subject<'r> {
    /// The package before.
    pub before: &'r Package,
    /// What each fix found there.
    pub surveys: &'r [Survey],
    /// The package after.
    pub after: &'r Package,
    /// The fixes that were asked for. What the others are about stays as it was.
    pub fixes: &'r [Fix],
    /// What counts as the size of an item.
    pub accounting: Accounting,
}

impl Subject<'_> {
    /// Is the repair of this survey left out on purpose?
    fn is_left(&self, survey: &Survey) -> bool {
        survey.status == Status::Needed && !self.fixes.contains(&survey.fix)
    }

    /// What the code must do.
    fn contract(&self) -> Contract {
        let mut contract = Contract::default();
        for survey in self.surveys {
            survey.fix.bind(survey, self.is_left(survey), &mut contract);
        }
        contract
    }
}

/// Runs the steps.
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
