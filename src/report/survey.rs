//! What a fix found: its sites with their places, and the edits that repair them.

use serde::Serialize;

use super::located::Located;
use crate::comfyui::Fit;
use crate::fixes::{Fix, Site, State, Status, Survey};
use crate::pipeline::Facts;
use crate::python::{FileId, Package, Places};

/// What one fix found in a checkout.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SurveyReport {
    /// The fix.
    pub fix: Fix,
    /// The result.
    pub status: Status,
    /// The same in words.
    pub verdict: String,
    /// The reason for the status, if the sites do not show it.
    pub note: Option<String>,
    /// The places in the code, sorted, including those that need no repair.
    pub sites: Vec<SiteReport>,
}

/// A place in the code that a fix is about.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SiteReport {
    /// Its file.
    pub path: Located,
    /// Where it begins.
    pub start: Point,
    /// Just after where it ends.
    pub end: Point,
    /// The state it is in.
    pub state: State,
    /// How it works, as it is, with the ComfyUI that the checkout is judged by; none if unknown.
    pub fit: Option<Fit>,
    /// What it does, and what is wrong with that.
    pub message: String,
    /// Why it is never run, if it is not: it does not count in the verdict about the ComfyUI.
    pub unused: Option<String>,
    /// What `apply` replaces to repair it. Different sites may need the same replacement, which is made once. Those of
    /// gpu-only belong together: some without the others break the code.
    pub edits: Vec<Replacement>,
    /// Its file in the package.
    #[serde(skip)]
    pub(crate) file: FileId,
}

/// The bytes from `start` to `end` are replaced by `text`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Replacement {
    /// The file.
    pub path: Located,
    /// Where the replaced bytes begin.
    pub start: Point,
    /// Just after where they end: the same for an insertion.
    pub end: Point,
    /// The new text.
    pub text: String,
}

/// A point in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Point {
    /// Bytes before it.
    pub byte: usize,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

/// The files of a package, with all places that the report mentions.
pub(super) struct Files<'r> {
    paths: &'r [Located],
    places: Vec<Option<Places>>,
}

impl<'r> Files<'r> {
    /// Looks up every place in each file at once.
    pub(super) fn new(surveys: &[Survey], paths: &'r [Located], package: &Package) -> Self {
        let mut offsets = vec![Vec::new(); paths.len()];
        for site in surveys.iter().flat_map(|survey| &survey.sites) {
            offsets[site.file.index()].extend([site.range.start, site.range.end]);
            for (file, edit) in &site.edits {
                offsets[file.index()].extend([edit.range.0, edit.range.1]);
            }
        }
        let places = |(file, offsets): (FileId, Vec<usize>)| Some(Places::of(package.text(file)?, offsets));
        Self { paths, places: package.ids().zip(offsets).map(places).collect() }
    }

    fn point(&self, file: FileId, byte: usize) -> Point {
        // Every site and edit is in a file that was read to find it, and was looked up above.
        let place = self.places[file.index()].as_ref().and_then(|places| places.at(byte));
        let (line, column) = place.map_or((1, 1), |place| (place.line, place.column));
        Point { byte, line, column }
    }
}

impl SurveyReport {
    /// The report about one of the surveys.
    pub(super) fn new(number: usize, surveys: &[Survey], facts: &Facts<'_>, files: &Files<'_>) -> Self {
        let survey = &surveys[number];
        let fit = |site| facts.judgement.as_ref().and_then(|judgement| judgement.fit(number, site));
        let is_qualified = facts.proof.qualified(surveys).is_some_and(|qualified| qualified.fix == survey.fix);
        let but = if is_qualified { ", but layers that fit no quota still go to the CPU" } else { "" };
        let sites = survey.sites.iter().enumerate();
        Self {
            fix: survey.fix,
            status: survey.status,
            verdict: survey.verdict() + but,
            note: survey.note.clone(),
            sites: sites.map(|(number, site)| SiteReport::new(site, fit(number), files)).collect(),
        }
    }
}

impl SiteReport {
    fn new(site: &Site, fit: Option<Fit>, files: &Files<'_>) -> Self {
        let edits = site.edits.iter().map(|(file, edit)| Replacement {
            path: files.paths[file.index()].clone(),
            start: files.point(*file, edit.range.0),
            end: files.point(*file, edit.range.1),
            text: edit.text.clone(),
        });
        Self {
            path: files.paths[site.file.index()].clone(),
            start: files.point(site.file, site.range.start),
            end: files.point(site.file, site.range.end),
            state: site.state,
            fit,
            message: site.message.split_whitespace().collect::<Vec<_>>().join(" "),
            unused: site.unused.clone(),
            edits: edits.collect(),
            file: site.file,
        }
    }
}

impl SiteReport {
    /// What it does, and why it is never run, if it is not.
    pub(crate) fn said(&self) -> String {
        let unused = self.unused.as_ref().map(|why| format!("; never run: {why}")).unwrap_or_default();
        format!("{}{unused}", self.message)
    }

    /// Is it wrong for the ComfyUI that the checkout is judged by?
    pub(crate) fn is_broken(&self) -> bool {
        self.fit == Some(Fit::Broken) && self.unused.is_none()
    }
}
