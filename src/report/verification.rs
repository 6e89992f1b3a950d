//! The result of running the code.

use std::time::Duration;

use serde::Serialize;

use crate::pipeline::Proof;
use crate::verify::{Spill, Step, Verdict};

/// The result of running the repaired code, or the code as it is if there is nothing to repair.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Verification {
    /// It was not reached: a step before failed.
    NotReached,
    /// It was not run on request, so nothing is proved.
    Skipped,
    /// There is nothing to run.
    NotApplicable,
    /// Everything gave the right answers.
    Verified {
        /// Places that were probed.
        places: usize,
        /// Calls whose answers were compared.
        scenarios: usize,
        /// Blocks whose device was compared.
        blocks: usize,
        /// Loads of models whose outcome was compared.
        loads: usize,
        /// Where a version differs from the reference in its own way, and still does.
        notes: Vec<String>,
        /// The worst case of such a difference: layers that still go to the CPU, though byte quotas without a wildcard
        /// give it nothing; none if nothing goes there.
        spill: Option<Spill>,
        /// How long it took. Not in documents, which must be the same for the same code.
        #[serde(skip)]
        elapsed: Duration,
    },
    /// Something gave a wrong answer.
    Wrong {
        /// The step that found it.
        step: Step,
        /// What was run: a place, or a call with its model and items.
        scenario: String,
        /// The right answer.
        expected: String,
        /// The answer it gave.
        given: String,
    },
    /// Something could not be run.
    Inconclusive {
        /// The reason, with the line of the program if there is one.
        reason: String,
    },
}

impl Verification {
    /// How much was run, in words; `None` if it is not verified.
    pub(crate) fn counts(&self) -> String {
        match self {
            Self::Verified { places, scenarios, blocks, loads, .. } => {
                let loads = if *loads > 0 { format!(", {loads} loads run") } else { String::new() };
                format!("{places} places probed, {scenarios} scenarios run, {blocks} blocks placed{loads}")
            }
            _ => String::new(),
        }
    }
}

impl From<&Proof> for Verification {
    fn from(proof: &Proof) -> Self {
        match proof {
            Proof::NotReached => Self::NotReached,
            Proof::Skipped => Self::Skipped,
            Proof::Ran(Verdict::Verified(evidence)) if evidence.is_empty() => Self::NotApplicable,
            Proof::Ran(Verdict::Verified(evidence)) => Self::Verified {
                places: evidence.places,
                scenarios: evidence.scenarios,
                blocks: evidence.blocks,
                loads: evidence.loads,
                notes: evidence.notes.clone(),
                spill: evidence.spill.clone(),
                elapsed: evidence.elapsed,
            },
            Proof::Ran(Verdict::Wrong(mismatch)) => Self::Wrong {
                step: mismatch.step,
                scenario: mismatch.scenario.clone(),
                expected: mismatch.expected.clone(),
                given: mismatch.given.clone(),
            },
            Proof::Ran(Verdict::Inconclusive(reason)) => Self::Inconclusive { reason: reason.clone() },
        }
    }
}
