//! Examines checkouts, before anything is done to them.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::thread;

use anyhow::{Error, Result};

use super::comfyuis::{ComfyUi, ComfyUis};
use super::each::View;
use crate::install::{Checkout, Revision};
use crate::pipeline::{self, Asked, Facts, Judgement, Memory, Proof, Repair, Sources, Surveys};
use crate::verify::{Options, Verdict};

/// Examines checkouts, several in parallel.
pub(super) struct Examiner<'a> {
    view: &'a View<'a>,
    comfyuis: &'a ComfyUis<'a>,
    /// Are there several? If not, the only one has the process for itself.
    are_several: bool,
    /// Shared by checkouts that are examined in parallel; held by one that must be alone.
    turn: RwLock<()>,
}

impl<'a> Examiner<'a> {
    pub(super) fn new(view: &'a View<'a>, comfyuis: &'a ComfyUis<'a>, checkouts: usize) -> Self {
        Self { view, comfyuis, are_several: checkouts > 1, turn: RwLock::new(()) }
    }

    /// Takes a checkout through the steps that were asked for, as long as they succeed.
    pub(super) fn examine<'c>(&'c self, checkout: &'c Checkout) -> Facts<'c> {
        let shared = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        let mut facts = Facts::new(checkout);
        facts.refusal = self.steps(&mut facts, shared).err();
        facts
    }

    /// Fails if a step does, if some code was not understood, or if a repair that is to be proved was not verified.
    fn steps<'c>(&'c self, facts: &mut Facts<'c>, shared: RwLockReadGuard<'_, ()>) -> Result<()> {
        let (checkout, view) = (facts.checkout, self.view);
        let (proof, cache) = (view.proof.as_ref(), view.cache.as_ref());
        let (fixes, accounting) = (view.target.fixes(), view.target.accounting.into());
        let (repair, memory, comfyui) = thread::scope(|scope| {
            // A ComfyUI can be large: it is read beside the checkout.
            let comfyui = view.judges.then(|| scope.spawn(|| self.comfyuis.of(checkout)));
            let revision = view.revision.map(|name| Revision::find(&checkout.root, name)).transpose()?;
            facts.revision = revision.as_ref().map(ToString::to_string);
            let sources = Sources::read(checkout, revision.as_ref())?;
            let comfyui = comfyui.map(|comfyui| comfyui.join().ok().flatten());
            let read = comfyui.flatten().and_then(|comfyui| comfyui.facts.as_ref().ok());
            let spared = pipeline::spared(read, &view.target.fixes);
            let asked = Asked { fixes: &fixes, spared: &spared, accounting, proof };
            let memory = Memory::of(cache, checkout, &sources, &asked);
            let survey = || Surveys::of(checkout, &sources, &fixes, accounting);
            let surveys = memory.surveys(|| Ok(survey()?.without(&spared)))?;
            let repair = Repair::new(sources, surveys)?;
            let repair = if memory.is_known() { repair } else { repair.parsed()? };
            Ok::<_, Error>((repair, memory, comfyui))
        })?;
        let repair = &*facts.repair.insert(repair);
        facts.judgement = comfyui.map(|comfyui| self.judge(checkout, repair, comfyui));
        refused(pipeline::not_understood(repair))?;
        let step = proof.map(|options| || self.prove(repair, options, shared));
        let verdict = memory.verdict(&repair.surveys, step);
        let refusal = verdict.as_ref().and_then(pipeline::not_verified);
        facts.proof = verdict.map_or(Proof::Skipped, Proof::Ran);
        refused(refusal)
    }

    fn judge<'c>(&'c self, checkout: &Checkout, repair: &Repair, comfyui: Option<&'c ComfyUi>) -> Judgement<'c> {
        let (is_named, cache) = (self.comfyuis.is_named(), self.view.cache.as_ref());
        match comfyui {
            None => pipeline::judge(checkout, repair, None, is_named, cache),
            Some(comfyui) => {
                let facts = &comfyui.facts;
                comfyui.with_files(|files| pipeline::judge(checkout, repair, Some((files, facts)), is_named, cache))
            }
        }
    }

    /// Sandboxes share the processor and the memory limit of the process. So a run that was inconclusive next to others
    /// is repeated while nothing else runs.
    fn prove(&self, repair: &Repair, options: &Options, shared: RwLockReadGuard<'_, ()>) -> Verdict {
        let verdict = repair.verify(options);
        drop(shared);
        if !self.are_several || !matches!(verdict, Verdict::Inconclusive(_)) {
            return verdict;
        }
        let _alone = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        repair.verify(options)
    }
}

fn refused(refusal: Option<Error>) -> Result<()> {
    refusal.map_or(Ok(()), Err)
}
