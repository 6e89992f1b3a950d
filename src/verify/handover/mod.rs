//! The way of every model from the call that loads it to its mark, run with loaders that return what ComfyUI's may.
//!
//! ```text
//! slice: the way, cut out of its function  →  given: stand-ins  →  program  →  cases: what has to come of it  →  compare
//! ```
//!
//! The way before, from a plain patcher, shows what the way after has to come to from one that dynamic VRAM manages. In
//! all other cases it has to come to what it came to before.

mod batch;
mod cases;
mod compare;
mod given;
mod keep;
mod names;
mod needs;
mod pair;
mod program;
mod slice;

use std::collections::BTreeMap;

use self::batch::Batch;
use self::pair::Pair;
use super::probe::all_edits;
use super::{Engine, Mismatch, Subject, Verdict};
use crate::fixes::{Handover, Site, Standing, State, Survey};
use crate::python::FileId;

/// Ways that are being run.
pub(super) struct Handing<'v> {
    subject: &'v Subject<'v>,
    batches: Vec<Batch<'v>>,
    notes: Vec<String>,
}

/// Begins to run the ways that the repair changes, and those that need no repair.
pub(super) fn start<'v>(subject: &'v Subject<'v>, engine: &Engine) -> Result<Handing<'v>, Verdict> {
    let mut handing = Handing { subject, batches: Vec::new(), notes: Vec::new() };
    let mut files: BTreeMap<FileId, Vec<(&Survey, &Site, &Handover)>> = BTreeMap::new();
    for survey in subject.surveys {
        for site in &survey.sites {
            let is_in_order = site.state.standing == Standing::InOrder && site.state != State::SPARED;
            let is_run = !site.edits.is_empty() || is_in_order;
            if let Some(handover) = site.handover.as_ref().filter(|_| is_run) {
                files.entry(handover.file).or_default().push((survey, site, handover));
            }
        }
    }
    for (file, sites) in files {
        let edits = all_edits(subject, file);
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for (survey, site, handover) in sites {
            match Pair::of(subject, &edits, survey, site, handover) {
                Ok(pair) => {
                    let is_same = |other: &Pair<'_>| other.is_like(&pair);
                    if !pairs.iter().any(is_same) {
                        pairs.push(pair);
                    }
                }
                Err(verdict) => handing.give_up(survey, !site.edits.is_empty(), verdict)?,
            }
        }
        // What is left alone must not keep what is repaired from being run.
        let (edited, left): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| pair.is_edited);
        for pairs in [edited, left].into_iter().filter(|pairs| !pairs.is_empty()) {
            let (survey, is_edited) = (pairs[0].survey, pairs[0].is_edited);
            match Batch::start(subject, &edits, file, pairs, engine) {
                Ok(batch) => handing.batches.push(batch),
                Err(reason) => handing.give_up(survey, is_edited, Verdict::Inconclusive(reason))?,
            }
        }
    }
    Ok(handing)
}

impl Handing<'_> {
    /// What cannot be run is no proof, but only a note about code that the repair leaves alone.
    fn give_up(&mut self, survey: &Survey, is_edited: bool, verdict: Verdict) -> Result<(), Verdict> {
        let text = match &verdict {
            Verdict::Inconclusive(reason) => reason.clone(),
            Verdict::Wrong(Mismatch { scenario, expected, given, .. }) => {
                format!("{scenario}: {given}, and not: {expected}")
            }
            Verdict::Verified(_) => return Ok(()),
        };
        if !is_edited {
            let is_wrong = matches!(verdict, Verdict::Wrong(_));
            let word = if is_wrong { "has its own way here" } else { "was not verified" };
            self.notes.push(format!("{} {word}, and stays as it is: {text}", survey.fix));
            return Ok(());
        }
        Err(match verdict {
            Verdict::Inconclusive(_) => {
                Verdict::Inconclusive(format!("{} cannot be run: {text}{}", survey.fix, self.without(survey)))
            }
            verdict => verdict,
        })
    }

    /// How to do without a fix.
    fn without(&self, survey: &Survey) -> String {
        let others = self.subject.surveys.iter().filter(|other| other.is_edited() && other.fix != survey.fix);
        let others: Vec<_> = others.map(|other| format!("`--fix {}`", other.fix)).collect();
        if others.is_empty() { String::new() } else { format!("; {} repairs the rest", others.join(" ")) }
    }

    /// Compares what the ways came to; gives how many loads were compared, and what is to be noted.
    pub(super) fn finish(mut self) -> Result<(usize, Vec<String>), Verdict> {
        let mut loads = 0;
        for batch in std::mem::take(&mut self.batches) {
            let (survey, is_edited) = batch.of();
            match batch.finish() {
                Ok(compared) => loads += compared,
                Err(verdict) => self.give_up(survey, is_edited, verdict)?,
            }
        }
        Ok((loads, self.notes))
    }
}
