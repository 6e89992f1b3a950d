//! What is to be said about one checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::survey;
use super::{
    ChangeReport, ComfyUiReport, ConflictReport, Located, Outcome, Problem, SiteReport, SurveyReport, Verification,
    patch, warnings,
};
use crate::cache::Cache;
use crate::comfyui::{self, Facts, Fit, Pair};
use crate::fixes::{Fix, State, Status};
use crate::install::{Checkout, Evidence, Files, GitFacts, Revision};
use crate::python::Package;
use crate::repair::Repair;
use crate::text::visible;
use crate::verify::Verdict;

/// One checkout: what it is, what was found in it, and what became of that.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckoutReport {
    /// The PATH that led here. The paths below are written from it, or from its folder if it is a file.
    pub given: String,
    /// The folder of the node.
    pub root: Located,
    /// `distorch_2.py`, or the file that was named in its place.
    pub file: Located,
    /// Was the file itself named, whatever folder it is in?
    pub is_named: bool,
    /// Why this is taken for a checkout of ComfyUI-MultiGPU.
    pub evidence: String,
    /// Does ComfyUI leave it alone, as in `X.disabled`?
    pub disabled: bool,
    /// The version in its `pyproject.toml`.
    pub version: Option<String>,
    /// What git knows of it, where it has a repository of its own.
    pub git: Option<GitReport>,
    /// The revision that was looked at in place of the files on disk, as `NAME (ID)`.
    pub revision: Option<String>,
    /// The upstream releases that read load lists as it does, told by the code.
    pub release: Option<String>,
    /// The ComfyUI that it is installed in, or that was named in its place.
    pub comfyui: Option<ComfyUiReport>,
    /// What each fix that was asked for found; empty if the checkout could not be read.
    pub fixes: Vec<SurveyReport>,
    /// How the checkout, as it is, fares with that ComfyUI: its places that read load lists, but for those in code that
    /// is never run, and its conflicts; none if that was not asked.
    pub pair: Option<Pair>,
    /// What else keeps the two from going together, and is nothing that `apply` repairs.
    pub conflicts: Vec<ConflictReport>,
    /// What running the code came to.
    pub verification: Verification,
    /// The files that a repair changes.
    pub changes: Vec<ChangeReport>,
    /// What is no fault of the checkout, and matters all the same.
    pub warnings: Vec<Problem>,
    /// How this part of the run ended.
    pub outcome: Outcome,
    /// Why it failed, if it did.
    pub error: Option<Problem>,
    /// The folder that paths are written from, absolute.
    #[serde(skip)]
    base: PathBuf,
    /// The files themselves, for as long as somebody may quote them.
    #[serde(skip)]
    package: Option<Package>,
}

/// What git knows of a checkout.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GitReport {
    /// The beginning of the id of the commit that is checked out.
    pub commit: Option<String>,
    /// Its branch; none if detached.
    pub branch: Option<String>,
    /// As `git describe --tags` has it.
    pub describe: Option<String>,
    /// Does `distorch_2.py` differ from that commit in more than line endings?
    pub modified: Option<bool>,
}

impl CheckoutReport {
    /// The facts about a checkout that the PATH `given` led to; paths are written from the folder `base`.
    pub fn new(given: &Path, base: &Path, checkout: &Checkout) -> Self {
        let located = |path: &Path| Located::new(base, path);
        let comfyui = checkout.comfyui.as_ref();
        Self {
            given: given.to_string_lossy().into_owned(),
            root: located(&checkout.root),
            file: located(&checkout.file),
            is_named: checkout.evidence == Evidence::Named,
            evidence: checkout.evidence.to_string(),
            disabled: checkout.disabled,
            version: checkout.version.clone(),
            git: checkout.git.as_ref().map(GitReport::new),
            revision: None,
            release: None,
            comfyui: comfyui.map(|comfyui| ComfyUiReport::around(base, comfyui)),
            fixes: Vec::new(),
            pair: None,
            conflicts: Vec::new(),
            verification: Verification::NotReached,
            changes: Vec::new(),
            warnings: Vec::new(),
            outcome: Outcome::InOrder,
            error: None,
            base: base.to_owned(),
            package: None,
        }
    }

    /// Says that a revision was looked at in place of the files on disk.
    pub fn as_of(&mut self, revision: &Revision) {
        self.revision = Some(revision.to_string());
        self.git = None;
    }

    /// Adds what the fixes found and would change.
    pub fn survey(&mut self, repair: &Repair) {
        let paths: Vec<_> =
            (0..repair.package.len()).map(|file| Located::new(&self.base, &repair.path(file))).collect();
        let files = survey::Files::new(&repair.surveys, &paths, &repair.package);
        self.fixes = repair.surveys.iter().map(|survey| SurveyReport::new(survey, &files)).collect();
        self.release.clone_from(&repair.release);
        self.changes = repair.changes.iter().map(|change| ChangeReport::new(&paths[change.file], change)).collect();
    }

    /// Judges a checkout by a ComfyUI, with its files, that was read, or could not be; it may have been named.
    pub fn judge(
        &mut self,
        repair: &Repair,
        comfyui: Option<(&Files, &Result<Facts>)>,
        is_named: bool,
        cache: Option<&Cache>,
    ) {
        let (files, comfyui) = comfyui.unzip();
        let facts = match comfyui {
            Some(Ok(facts)) => {
                self.comfyui = Some(ComfyUiReport::read(&self.base, facts, is_named));
                Some(facts)
            }
            Some(Err(error)) => {
                self.comfyui.iter_mut().for_each(|comfyui| comfyui.unread(&self.base, error));
                None
            }
            None => None,
        };
        let asks = &repair.asks;
        let conflicts = asks.conflicts(&repair.package, files.zip(facts), cache);
        let report = |conflict: &comfyui::Conflict| {
            let path = Located::new(&self.base, &repair.path(conflict.file));
            ConflictReport::new(conflict, path, &repair.package)
        };
        self.conflicts = conflicts.iter().map(report).collect();
        let lists = facts.map_or(&[][..], |facts| &facts.load_lists);
        let surveys = self.fixes.iter_mut().filter(|survey| survey.fix.about().reads_items);
        let sites: Vec<_> = surveys.flat_map(|survey| &mut survey.sites).collect();
        // What is never run makes nothing fail.
        let states: Vec<_> = sites.iter().filter(|site| site.unused.is_none()).map(|site| site.state).collect();
        if !self.conflicts.is_empty() {
            self.pair = Some(Pair::Known(Fit::Broken));
        } else if !sites.is_empty() {
            self.pair = Some(asks.judge(&states, lists));
        }
        for site in sites {
            if let Pair::Known(fit) = asks.judge(&[site.state], lists) {
                site.fit = Some(fit);
            }
        }
        // What was not understood is said where it stands.
        let understood = self.pair.filter(|_| !states.contains(&State::OPAQUE));
        self.warnings.extend(warnings::all(facts, understood, &self.base));
    }

    /// Adds the patches, whose names are written from the folder `from` of the checkout's files.
    pub fn patch(&mut self, repair: &Repair, from: &Path) {
        for (report, change) in self.changes.iter_mut().zip(&repair.changes) {
            report.patch = Some(patch::patch(repair, change, from));
        }
    }

    /// Adds what running the code came to; nothing if it was not to be run.
    pub fn verified(&mut self, verdict: Option<Verdict>) {
        self.verification = verdict.map_or(Verification::Skipped, Verification::from);
        let Verification::Verified { spill: Some(spill), .. } = &self.verification else { return };
        self.warnings.push(warnings::spill(spill, &self.base));
        let shares =
            |survey: &&mut SurveyReport| survey.fix.about().is_in_allocation && survey.status == Status::InOrder;
        if let Some(survey) = self.fixes.iter_mut().find(shares) {
            survey.verdict.push_str(", but layers that fit no quota still go to the CPU");
        }
    }

    /// Keeps the files themselves, for renderers that quote them.
    pub fn keep(&mut self, package: Package) {
        self.package = Some(package);
    }

    /// Lets go of them again.
    pub fn forget(&mut self) {
        self.package = None;
    }

    /// Adds how it ended.
    pub fn end(&mut self, result: Result<Outcome>) {
        match result {
            Ok(outcome) => self.outcome = outcome,
            Err(error) => {
                self.outcome = Outcome::Failed;
                self.error = Some(Problem::of(&error, &self.base));
            }
        }
    }

    /// The sites that there is something to say about: those that `apply` would repair, those that were not understood,
    /// and those that are wrong for this ComfyUI.
    pub fn findings(&self) -> impl Iterator<Item = (Fix, &SiteReport)> {
        let sites = self.fixes.iter().flat_map(|survey| survey.sites.iter().map(|site| (survey.fix, site)));
        sites.filter(|(_, site)| site.state.needs_fix() || site.state.is_unknown() || site.is_broken())
    }

    /// Did `check` find something that `apply` would repair?
    pub fn is_repairable(&self) -> bool {
        self.outcome == Outcome::Found && self.fixes.iter().any(|survey| survey.status == Status::Needed)
    }

    /// Are there places that are wrong for this ComfyUI, and that `apply` leaves alone?
    pub fn stays_broken(&self) -> bool {
        !self.conflicts.is_empty() || self.findings().any(|(_, site)| site.is_broken() && !site.state.needs_fix())
    }

    /// Do the places that read load lists, but for those that are never run, read them rightly as they are?
    pub(crate) fn reads_rightly(&self) -> bool {
        let surveys = self.fixes.iter().filter(|survey| survey.fix.about().reads_items);
        let mut sites = surveys.flat_map(|survey| &survey.sites).filter(|site| site.unused.is_none());
        sites.all(|site| site.fit == Some(Fit::Works))
    }

    /// The files, as long as they are kept.
    pub(crate) fn package(&self) -> Option<&Package> {
        self.package.as_ref()
    }

    /// `ComfyUI-MultiGPU 2.5.10`, without the version where it is not known.
    pub(crate) fn name(&self) -> String {
        let mut name = String::from("ComfyUI-MultiGPU");
        if let Some(version) = &self.version {
            let _ = write!(name, " {}", visible(version));
        }
        name
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
