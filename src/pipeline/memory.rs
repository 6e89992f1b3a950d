//! What earlier runs kept of the two steps that take time, surveying and proving: nowhere else is a step cached.
//!
//! The question is made of everything that the answer depends on. Only what ended well is kept: anything else may have
//! had other reasons.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::survey::is_whole;
use super::{Sources, Surveys};
use crate::cache::{Cache, Key};
use crate::fixes::{Accounting, Fix};
use crate::install::Checkout;
use crate::verify::{Evidence, Options, Verdict};

/// The place of one question and, if it was asked before, the answer.
pub struct Memory<'c> {
    entry: Option<(&'c Cache, Key)>,
    known: Option<Answer>,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Answer {
    surveys: Surveys,
    /// What running the code gave, if it was to be run.
    evidence: Option<Evidence>,
}

impl<'c> Memory<'c> {
    /// Looks up what is known of these sources; nothing is without a cache.
    pub fn of(
        cache: Option<&'c Cache>,
        checkout: &Checkout,
        sources: &Sources,
        (fixes, spared, accounting, proof): (&[Fix], &[(Fix, &str)], Accounting, Option<&Options>),
    ) -> Self {
        let Some(cache) = cache else { return Self { entry: None, known: None } };
        // What is added to the options is part of this by itself.
        let asked =
            Key::new("repair").with(format!("{fixes:?} {spared:?} {accounting:?} {proof:?} {}", is_whole(checkout)));
        let package = &sources.package;
        let files = package.ids().map(|file| (package.path(file), package.bytes(file)));
        let key = files.fold(asked, |key, (path, bytes)| key.with(path.as_os_str().as_encoded_bytes()).with(bytes));
        Self { known: cache.get(&key), entry: Some((cache, key)) }
    }

    /// Was it asked before?
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// The surveys that are known, or those of the step.
    pub fn surveys(&self, step: impl FnOnce() -> Result<Surveys>) -> Result<Surveys> {
        self.known.as_ref().map_or_else(step, |known| Ok(known.surveys.clone()))
    }

    /// The verdict that is known, or that of the step, if there is to be one. What the steps gave is kept.
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
