//! The cached results of the two expensive steps, surveying and proving. No other step is cached.
//!
//! The key covers everything that the answer depends on. Only good results are kept: a failure may have had other
//! causes.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::survey::is_whole;
use super::{Sources, Surveys};
use crate::cache::{Cache, Key};
use crate::fixes::{Accounting, Fix};
use crate::install::Checkout;
use crate::verify::{Evidence, Options, Verdict};

/// A cache entry and, if the question was asked before, its answer.
pub struct Memory<'c> {
    entry: Option<(&'c Cache, Key)>,
    known: Option<Answer>,
}

/// What a cache entry holds.
#[derive(Serialize, Deserialize)]
struct Answer {
    surveys: Surveys,
    /// The evidence from running the code, if it was run.
    evidence: Option<Evidence>,
}

/// What is asked about the sources.
pub struct Asked<'a> {
    /// The fixes to make.
    pub fixes: &'a [Fix],
    /// Those that are not needed, each with the reason.
    pub spared: &'a [(Fix, &'static str)],
    /// What counts as the size of an item.
    pub accounting: Accounting,
    /// How the repair is to be proved, if it is.
    pub proof: Option<&'a Options>,
}

impl<'c> Memory<'c> {
    /// Looks up what is known about these sources; nothing without a cache.
    pub fn of(
        cache: Option<&'c Cache>,
        checkout: &Checkout,
        sources: &Sources,
        Asked { fixes, spared, accounting, proof }: &Asked<'_>,
    ) -> Self {
        let Some(cache) = cache else { return Self { entry: None, known: None } };
        // Options that are added later are part of this automatically.
        let asked =
            Key::new("repair").with(format!("{fixes:?} {spared:?} {accounting:?} {proof:?} {}", is_whole(checkout)));
        let key = sources.package.parts().fold(asked, Key::with);
        Self { known: cache.get(&key), entry: Some((cache, key)) }
    }

    /// Is the answer known?
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// The known surveys, or those of the step.
    pub fn surveys(&self, step: impl FnOnce() -> Result<Surveys>) -> Result<Surveys> {
        self.known.as_ref().map_or_else(step, |known| Ok(known.surveys.clone()))
    }

    /// The known verdict, or that of the step, if there is a step. Keeps the results of the steps.
    pub fn verdict(&self, surveys: &Surveys, step: Option<impl FnOnce() -> Verdict>) -> Option<Verdict> {
        let known = self.known.as_ref().and_then(|known| known.evidence.clone());
        let verdict = step.map(|step| known.map_or_else(step, Verdict::Verified));
        let evidence = match &verdict {
            None => None,
            Some(Verdict::Verified(evidence)) => Some(evidence.clone()),
            Some(Verdict::Wrong(_) | Verdict::Inconclusive(_)) => return verdict,
        };
        if let (Some((cache, key)), None) = (&self.entry, &self.known) {
            cache.keep(key, &Answer { surveys: surveys.clone(), evidence });
        }
        verdict
    }
}
