//! The fourth step: how a checkout, as it is, works with a ComfyUI.

use anyhow::{Error, Result, anyhow};

use super::Repair;
use crate::advice::Advise as _;
use crate::cache::Cache;
use crate::comfyui::{Conflict, DynamicVram, Facts, Fit, OFF, Pair};
use crate::fixes::{Site, State, Survey};
use crate::install::Files;

/// How a checkout works with a ComfyUI.
pub struct Judgement<'c> {
    /// The facts about the ComfyUI, or why it could not be read; `None` if there is none.
    pub comfyui: Option<&'c Result<Facts>>,
    /// Was it named, rather than found around the checkout?
    pub is_named: bool,
    /// The verdict about its places that read load lists, except in code that is never run, and its conflicts.
    pub pair: Option<Pair>,
    /// What else is incompatible, and not repaired by `apply`.
    pub conflicts: Vec<Conflict>,
    /// By survey and site; `None` if unknown.
    fits: Vec<Vec<Option<Fit>>>,
}

/// Judges a checkout by a ComfyUI: its files, and its facts or why it could not be read.
pub fn judge<'c>(
    repair: &Repair,
    comfyui: Option<(&Files, &'c Result<Facts>)>,
    is_named: bool,
    cache: Option<&Cache>,
) -> Judgement<'c> {
    let (files, comfyui) = comfyui.unzip();
    let facts = comfyui.and_then(|facts| facts.as_ref().ok());
    let (asks, surveys) = (&repair.surveys.asks, &repair.surveys.asked);
    let conflicts = asks.conflicts(&repair.sources.package, files.zip(facts), cache);
    let lists = facts.map_or(&[][..], |facts| &facts.load_lists);
    let pair = if !conflicts.is_empty() {
        Some(Pair::Known(Fit::Broken))
    } else if reading(surveys).next().is_some() {
        Some(asks.judge(&states(surveys), lists))
    } else {
        None
    };
    let fit = |site: &Site| match asks.judge(&[site.state], lists) {
        Pair::Known(fit) => Some(fit),
        Pair::Either { .. } => None,
    };
    let fits = surveys.iter().map(|survey| {
        let reads_items = survey.fix.about().reads_items;
        survey.sites.iter().map(|site| if reads_items { fit(site) } else { None }).collect()
    });
    Judgement { comfyui, is_named, pair, conflicts, fits: fits.collect() }
}

/// The places that read load lists.
fn reading(surveys: &[Survey]) -> impl Iterator<Item = &Site> {
    surveys.iter().filter(|survey| survey.fix.about().reads_items).flat_map(|survey| &survey.sites)
}

/// Their states, except for places that are never run, which cannot fail.
fn states(surveys: &[Survey]) -> Vec<State> {
    reading(surveys).filter(|site| site.unused.is_none()).map(|site| site.state).collect()
}

impl Judgement<'_> {
    /// How a site of a survey works; `None` if unknown.
    pub fn fit(&self, survey: usize, site: usize) -> Option<Fit> {
        self.fits[survey][site]
    }

    /// Warnings about this ComfyUI, not about the checkout.
    pub(super) fn warnings(&self, surveys: &[Survey]) -> Vec<Error> {
        let facts = self.comfyui.and_then(|facts| facts.as_ref().ok());
        // Code that was not understood is reported at its place.
        let pair = self.pair.filter(|_| !states(surveys).contains(&State::OPAQUE));
        let dynamic = match facts.map(|facts| facts.dynamic_vram) {
            Some(DynamicVram::ByDefault(_)) => Some("have"),
            Some(DynamicVram::Unclear(_)) => Some("may have"),
            Some(DynamicVram::Absent | DynamicVram::OnRequest(_)) | None => None,
        };
        let dynamic = dynamic.map(|have| {
            anyhow!(
                "DisTorch2's safetensors loaders {have} no effect while this ComfyUI's dynamic VRAM is active; GGUF \
                 loaders and models on the CPU are not affected"
            )
            .help(format!("start ComfyUI with {OFF}, or load GGUF files"))
        });
        let untold = match pair {
            Some(Pair::Known(Fit::Unclear)) => Some(
                anyhow!("cannot determine whether this file works with this ComfyUI")
                    .help("update distorch-fix, or report it"),
            ),
            Some(Pair::Either { four: Fit::Works | Fit::WorksToday, five: Fit::Works | Fit::Broken }) | None => None,
            Some(Pair::Either { four, five }) if four != five => Some(
                anyhow!("the fields of this ComfyUI's load lists are unknown: with 4 fields {four}, with 5 {five}")
                    .help("name the ComfyUI with --comfyui PATH"),
            ),
            Some(_) => None,
        };
        dynamic.into_iter().chain(untold).collect()
    }
}
