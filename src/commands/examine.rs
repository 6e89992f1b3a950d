//! What is found out about a checkout before anything is done to it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use anyhow::{Result, bail};

use super::choose::Chosen;
use super::comfyuis::ComfyUis;
use super::each::View;
use crate::install::{Checkout, Revision};
use crate::repair::Repair;
use crate::report::{CheckoutReport, Outcome, refusal};
use crate::verify::{Options, Verdict};

/// Examines checkouts, several at a time.
pub(super) struct Examiner<'a> {
    view: &'a View<'a>,
    comfyuis: &'a ComfyUis<'a>,
    /// Are there several? Otherwise the one that there is has the process for itself.
    are_several: bool,
    /// Shared by those that are examined at the same time; held by one that must be alone.
    turn: RwLock<()>,
}

/// A checkout that was examined.
pub(super) struct Examined {
    report: CheckoutReport,
    /// Its repair, and whether it may be used; or why there is none.
    repair: Result<(Repair, Result<()>)>,
}

impl<'a> Examiner<'a> {
    pub(super) fn new(view: &'a View<'a>, comfyuis: &'a ComfyUis<'a>, checkouts: usize) -> Self {
        Self { view, comfyuis, are_several: checkouts > 1, turn: RwLock::new(()) }
    }

    /// Surveys a checkout, judges it, and proves its repair, as far as this was asked for.
    pub(super) fn examine(&self, Chosen { given, base, checkout }: &Chosen) -> Examined {
        let shared = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        let mut report = CheckoutReport::new(given, base, checkout);
        let repair = self.survey(checkout, &mut report).map(|repair| {
            let proved = self.prove(&repair, &mut report, shared);
            (repair, proved)
        });
        Examined { report, repair }
    }

    /// What is there to repair, and how does it fare with its ComfyUI?
    fn survey(&self, checkout: &Checkout, report: &mut CheckoutReport) -> Result<Repair> {
        thread::scope(|scope| {
            // A ComfyUI can be large, and only the verdict needs it: it is read while the checkout is surveyed.
            let comfyui = self.view.judges.then(|| scope.spawn(|| self.comfyuis.of(checkout)));
            let revision = self.view.revision.map(|name| Revision::find(&checkout.root, name)).transpose()?;
            if let Some(revision) = &revision {
                report.as_of(revision);
            }
            let repair = self.repair(checkout, revision.as_ref())?;
            report.survey(&repair);
            if let Some(comfyui) = comfyui {
                let (is_named, cache) = (self.comfyuis.is_named(), self.view.cache.as_ref());
                match comfyui.join().ok().flatten() {
                    None => report.judge(&repair, None, is_named, cache),
                    Some(comfyui) => comfyui
                        .with_files(|files| report.judge(&repair, Some((files, &comfyui.facts)), is_named, cache)),
                }
            }
            Ok(repair)
        })
    }

    fn repair(&self, checkout: &Checkout, revision: Option<&Revision>) -> Result<Repair> {
        let View { target, proof, cache, .. } = self.view;
        let (fixes, accounting) = (target.fixes(), target.accounting.into());
        match (cache, revision) {
            (Some(cache), _) => Repair::cached(checkout, revision, &fixes, accounting, proof.as_ref(), cache),
            (None, None) => Repair::of(checkout, &fixes, accounting),
            (None, Some(revision)) => Repair::at(checkout, revision, &fixes, accounting),
        }
    }

    /// Fails where a repair was not understood or, if it is to be proved, not verified.
    fn prove(&self, repair: &Repair, report: &mut CheckoutReport, shared: RwLockReadGuard<'_, ()>) -> Result<()> {
        if let Some(refusal) = refusal::not_understood(repair) {
            bail!(refusal);
        }
        let verdict = self.view.proof.as_ref().map(|options| self.verify(repair, options, shared));
        repair.keep(verdict.as_ref());
        report.verified(verdict);
        if let Some(refusal) = refusal::not_verified(&report.verification) {
            bail!(refusal);
        }
        Ok(())
    }

    /// Sandboxes share the processor, and one count of the memory of the process. What does not come to an end beside
    /// others is therefore run again while nothing else is.
    fn verify(&self, repair: &Repair, options: &Options, shared: RwLockReadGuard<'_, ()>) -> Verdict {
        let verdict = repair.verify(options);
        drop(shared);
        if !self.are_several || !matches!(verdict, Verdict::Inconclusive(_)) {
            return verdict;
        }
        let _alone = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        repair.verify(options)
    }
}

impl Examined {
    /// Acts on the checkout if its repair may be used, and says how it ended.
    pub(super) fn end(self, act: impl FnOnce(&Repair, &mut CheckoutReport) -> Result<Outcome>) -> CheckoutReport {
        let Self { mut report, repair } = self;
        let result = repair.and_then(|(repair, proved)| {
            let result = proved.and_then(|()| act(&repair, &mut report));
            report.keep(repair.package);
            result
        });
        report.end(result);
        report
    }
}
