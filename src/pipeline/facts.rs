//! What is known about a checkout after all steps, and what was done with it.

use std::path::PathBuf;

use anyhow::{Error, Result};

use super::{Judgement, Proof, Repair};
use crate::comfyui::Fit;
use crate::fixes::Survey;
use crate::install::Checkout;
use crate::python::Package;

/// What is known about a checkout. Facts are missing if they were not asked for, or if a step before failed.
pub struct Facts<'c> {
    /// The checkout.
    pub checkout: &'c Checkout,
    /// The revision that was read instead of the files on disk, as `NAME (ID)`.
    pub revision: Option<String>,
    /// What was found in it, and the edits.
    pub repair: Option<Repair>,
    /// How it works with its ComfyUI.
    pub judgement: Option<Judgement<'c>>,
    /// The result of running the code.
    pub proof: Proof,
    /// Why the repair must not be used.
    pub refusal: Option<Error>,
}

/// What a command did with a checkout.
pub struct Acted<T> {
    /// The path to the checkout's files from the folder where its patches are to be applied; `None` if there are none
    /// to show.
    pub patches_from: Option<PathBuf>,
    /// Were the changed files written?
    pub is_written: bool,
    /// How it ended.
    pub result: Result<T>,
}

impl<T> Acted<T> {
    /// It was only examined.
    pub fn looked(result: Result<T>) -> Self {
        Self { patches_from: None, is_written: false, result }
    }
}

impl<'c> Facts<'c> {
    /// A checkout about which nothing is known yet.
    pub fn new(checkout: &'c Checkout) -> Self {
        Self { checkout, revision: None, repair: None, judgement: None, proof: Proof::NotReached, refusal: None }
    }

    /// Its files, if they were read.
    pub fn package(&self) -> Option<&Package> {
        self.repair.as_ref().map(|repair| &repair.sources.package)
    }

    /// Is there something to repair?
    pub fn is_needed(&self) -> bool {
        self.repair.as_ref().is_some_and(Repair::is_needed)
    }

    /// Are there places that are wrong for this ComfyUI, and that `apply` leaves alone?
    pub fn stays_broken(&self) -> bool {
        let Some((repair, judgement)) = self.repair.as_ref().zip(self.judgement.as_ref()) else { return false };
        let stays = |(number, survey): (usize, &Survey)| {
            survey.sites.iter().enumerate().any(|(site, it)| {
                let is_broken = judgement.fit(number, site) == Some(Fit::Broken) && it.unused.is_none();
                is_broken && !it.state.needs_fix()
            })
        };
        !judgement.conflicts.is_empty() || repair.surveys.asked.iter().enumerate().any(stays)
    }

    /// Warnings that are not about the checkout.
    pub fn warnings(&self) -> Vec<Error> {
        let of_pair = self.judgement.iter().zip(&self.repair);
        let mut warnings: Vec<_> =
            of_pair.flat_map(|(judgement, repair)| judgement.warnings(&repair.surveys.asked)).collect();
        warnings.extend(self.proof.warning());
        warnings
    }

    /// Is there a warning of something that is so, and not only may be?
    pub fn is_warned(&self) -> bool {
        let unsure = self.judgement.iter().filter(|judgement| judgement.is_unsure()).count();
        self.warnings().len() > unsure
    }
}
