//! The fourth step: how a checkout, as it is, works with a ComfyUI.

use std::path::{Path, PathBuf};

use anyhow::{Error, Result, anyhow};

use super::{Repair, Sources, Surveys};
use crate::advice::Advise as _;
use crate::cache::Cache;
use crate::comfyui::{self, Conflict, DynamicVram, Facts, Fit, Pair};
use crate::fixes::dynamic_vram::DYNAMIC_VRAM;
use crate::fixes::{Accounting, Fix, Site, State, Status, Survey};
use crate::install::{Checkout, Files};
use crate::loaders::{self, Beside, Loaders, Marks};

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
    /// Which loaders of the node act, and which have no effect; `None` if the ComfyUI was not read.
    pub loaders: Option<Loaders>,
    /// By survey and site; `None` if unknown.
    fits: Vec<Vec<Option<Fit>>>,
}

/// Judges a checkout by a ComfyUI: its files, and its facts or why it could not be read.
pub fn judge<'c>(
    checkout: &Checkout,
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
    let loaders = facts.map(|facts| loaders(checkout, repair, facts, cache));
    Judgement { comfyui, is_named, pair, conflicts, loaders, fits: fits.collect() }
}

/// Judges the loaders of a checkout with a ComfyUI, and nothing else.
pub fn loaders_of(checkout: &Checkout, files: &Files, cache: Option<&Cache>) -> Result<Loaders> {
    let facts = comfyui::read(files, cache)?;
    let sources = Sources::read(checkout, None)?;
    let surveys = Surveys::of(checkout, &sources, Fix::ALL, Accounting::Resident)?;
    Ok(loaders(checkout, &Repair::new(sources, surveys)?, &facts, cache))
}

/// Judges the loaders. What else is installed only matters where there is dynamic VRAM.
fn loaders(checkout: &Checkout, repair: &Repair, facts: &Facts, cache: Option<&Cache>) -> Loaders {
    let needs_packs = matches!(facts.dynamic.state, DynamicVram::ByDefault(_) | DynamicVram::Unclear(_));
    let folder = custom_nodes(checkout).filter(|_| needs_packs);
    let installed = folder.map(|folder| loaders::find(&folder, &checkout.root));
    let marked = loaders::attributes(&repair.sources.package, cache);
    let beside = Beside { installed: installed.as_ref(), marked, marks: marks(repair) };
    loaders::judge(facts, &beside, cache)
}

/// What becomes of a model that is marked while dynamic VRAM manages it.
fn marks(repair: &Repair) -> Marks {
    let survey = repair.surveys.all().find(|survey| survey.fix == DYNAMIC_VRAM);
    match survey.map(|survey| survey.status) {
        // Without a mark that is recognised there is nothing that makes a patcher plain either.
        Some(Status::Needed | Status::NotApplicable) => Marks::Inert,
        Some(Status::InOrder) => Marks::Acts,
        Some(Status::NotUnderstood) | None => Marks::Unknown,
    }
}

/// The folder with the packs that run together with the checkout.
fn custom_nodes(checkout: &Checkout) -> Option<PathBuf> {
    let name = "custom_nodes";
    let beside = checkout.root.parent().filter(|folder| folder.file_name().is_some_and(|own| own == name));
    let inside = || Some(checkout.comfyui.as_ref()?.root.join(name));
    beside.map(Path::to_path_buf).or_else(inside)
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
        // Code that was not understood is reported at its place.
        let pair = self.pair.filter(|_| !states(surveys).contains(&State::OPAQUE));
        // Where the fix is asked for, its own findings say it.
        let is_found = surveys.iter().any(|survey| survey.fix == DYNAMIC_VRAM && survey.status == Status::Needed);
        let dynamic = self.loaders.as_ref().filter(|_| !is_found).and_then(Loaders::warning);
        let dynamic = dynamic.map(|(warning, _)| warning);
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

    /// Is one of the warnings about loaders that may act as well?
    pub(super) fn is_unsure(&self) -> bool {
        self.loaders.as_ref().and_then(Loaders::warning).is_some_and(|(_, is_certain)| !is_certain)
    }
}
