//! The report about one checkout: built once, when everything is known, and never changed.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Error;
use serde::Serialize;

use super::survey;
use super::{
    ChangeReport, ComfyUiReport, ConflictReport, LoaderReport, Located, Outcome, Patch, Problem, SiteReport,
    SurveyReport, Verification,
};
use crate::comfyui::{Fit, Pair};
use crate::fixes::Fix;
use crate::install::{Checkout, Evidence, GitFacts};
use crate::pipeline::{Acted, Facts, Repair};
use crate::text::visible;

/// One checkout: what it is, what was found in it, and what was done.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckoutReport {
    /// The PATH that led here. The paths below are relative to it, or to its folder if it is a file.
    pub given: String,
    /// The folder of the node.
    pub root: Located,
    /// `distorch_2.py`, or the file that was named instead.
    pub file: Located,
    /// Was the file itself named, rather than a folder?
    pub is_named: bool,
    /// Why this is recognised as a checkout of ComfyUI-MultiGPU.
    pub evidence: String,
    /// Is it disabled, as in `X.disabled`, so that ComfyUI does not load it?
    pub disabled: bool,
    /// The version in its `pyproject.toml`.
    pub version: Option<String>,
    /// What git knows about it, if it has a repository of its own.
    pub git: Option<GitReport>,
    /// The revision that was examined instead of the files on disk, as `NAME (ID)`.
    pub revision: Option<String>,
    /// The upstream releases that read load lists as its code does.
    pub release: Option<String>,
    /// The ComfyUI that it is installed in, or that was named instead.
    pub comfyui: Option<ComfyUiReport>,
    /// What each fix that was asked for found; empty if the checkout could not be read.
    pub fixes: Vec<SurveyReport>,
    /// How the checkout, as it is, works with that ComfyUI: the verdict about its places that read load lists, except
    /// in code that is never run, and its conflicts. None if that was not asked.
    pub pair: Option<Pair>,
    /// What else is incompatible, and not repaired by `apply`.
    pub conflicts: Vec<ConflictReport>,
    /// Which loaders of DisTorch2 act with that ComfyUI; empty if it was not read, or that was not asked.
    pub loaders: Vec<LoaderReport>,
    /// The result of running the code.
    pub verification: Verification,
    /// The files that a repair changes.
    pub changes: Vec<ChangeReport>,
    /// Warnings that are not about the checkout.
    pub warnings: Vec<Problem>,
    /// How this part of the run ended.
    pub outcome: Outcome,
    /// Why it failed, if it did.
    pub error: Option<Problem>,
}

/// What git knows about a checkout.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GitReport {
    /// The abbreviated id of the commit that is checked out.
    pub commit: Option<String>,
    /// Its branch; none if detached.
    pub branch: Option<String>,
    /// As `git describe --tags` prints it.
    pub describe: Option<String>,
    /// Does `distorch_2.py` differ from that commit in more than line endings?
    pub modified: Option<bool>,
}

impl CheckoutReport {
    /// The report about a checkout that the PATH `given` led to, and about what was done with it. Paths are relative to
    /// the folder `base`.
    pub fn new(given: &Path, base: &Path, facts: &Facts<'_>, acted: &Acted<Outcome>) -> Self {
        let located = |path: &Path| Located::new(base, path);
        let problem = |error: &Error| Problem::of(error, base);
        let checkout = facts.checkout;
        let found = facts.repair.as_ref().map(|repair| Found::new(repair, facts, acted, base));
        let Found { fixes, conflicts, changes } = found.unwrap_or_default();
        let loaders = facts.judgement.iter().filter_map(|judgement| judgement.loaders.as_ref());
        let loaders = loaders.flat_map(|loaders| &loaders.each);
        Self {
            given: given.to_string_lossy().into_owned(),
            root: located(&checkout.root),
            file: located(&checkout.file),
            is_named: checkout.evidence == Evidence::Named,
            evidence: checkout.evidence.to_string(),
            disabled: checkout.disabled,
            version: checkout.version.clone(),
            git: checkout.git.as_ref().filter(|_| facts.revision.is_none()).map(GitReport::new),
            revision: facts.revision.clone(),
            release: facts.repair.as_ref().and_then(|repair| repair.surveys.release.clone()),
            comfyui: ComfyUiReport::new(base, checkout.comfyui.as_ref(), facts.judgement.as_ref()),
            fixes,
            pair: facts.judgement.as_ref().and_then(|judgement| judgement.pair),
            conflicts,
            loaders: loaders.map(|loader| LoaderReport::new(loader, base)).collect(),
            verification: Verification::from(&facts.proof),
            changes,
            warnings: facts.warnings().iter().map(problem).collect(),
            outcome: *acted.result.as_ref().unwrap_or(&Outcome::Failed),
            error: acted.result.as_ref().err().map(problem),
        }
    }

    /// The report about a checkout before anything is done with it.
    pub fn begun(given: &Path, base: &Path, checkout: &Checkout) -> Self {
        Self::new(given, base, &Facts::new(checkout), &Acted::looked(Ok(Outcome::InOrder)))
    }

    /// The findings: the sites that `apply` would repair, those that were not understood, and those that are wrong for
    /// this ComfyUI.
    pub fn findings(&self) -> impl Iterator<Item = (Fix, &SiteReport)> {
        let sites = self.fixes.iter().flat_map(|survey| survey.sites.iter().map(|site| (survey.fix, site)));
        sites.filter(|(_, site)| site.state.needs_fix() || site.state.is_unknown() || site.is_broken())
    }

    /// Do the places that read load lists, except those that are never run, read them correctly as they are?
    pub(crate) fn reads_rightly(&self) -> bool {
        let surveys = self.fixes.iter().filter(|survey| survey.fix.about().reads_items);
        let mut sites = surveys.flat_map(|survey| &survey.sites).filter(|site| site.unused.is_none());
        sites.all(|site| site.fit == Some(Fit::Works))
    }

    /// `ComfyUI-MultiGPU 2.5.10`, without the version if it is unknown.
    pub(crate) fn name(&self) -> String {
        let mut name = String::from("ComfyUI-MultiGPU");
        if let Some(version) = &self.version {
            let _ = write!(name, " {}", visible(version));
        }
        name
    }
}

/// The parts of a report that quote places in the files.
#[derive(Default)]
struct Found {
    fixes: Vec<SurveyReport>,
    conflicts: Vec<ConflictReport>,
    changes: Vec<ChangeReport>,
}

impl Found {
    fn new(repair: &Repair, facts: &Facts<'_>, acted: &Acted<Outcome>, base: &Path) -> Self {
        let (sources, asked) = (&repair.sources, &repair.surveys.asked);
        let paths: Vec<_> = sources.package.ids().map(|file| Located::new(base, &sources.path(file))).collect();
        let files = survey::Files::new(asked, &paths, &sources.package);
        let conflicts = facts.judgement.iter().flat_map(|judgement| &judgement.conflicts);
        let change = |change| {
            let patch = acted.patches_from.as_ref().map(|folder| Patch::of(repair, change, folder));
            ChangeReport::new(&paths[change.file.index()], change, patch, acted.is_written)
        };
        Self {
            fixes: (0..asked.len()).map(|number| SurveyReport::new(number, asked, facts, &files)).collect(),
            conflicts: conflicts
                .map(|conflict| ConflictReport::new(conflict, paths[conflict.file.index()].clone(), &sources.package))
                .collect(),
            changes: repair.changes.iter().map(change).collect(),
        }
    }
}

impl GitReport {
    fn new(git: &GitFacts) -> Self {
        let head = git.head.as_ref();
        Self {
            commit: head.map(|head| head.short_id.clone()),
            branch: head.and_then(|head| head.branch.clone()),
            describe: head.and_then(|head| head.describe.clone()),
            modified: git.modified,
        }
    }
}
