//! What taking a repair back comes to.

use std::path::PathBuf;

use super::Patch;
use crate::revert::{Absence, Fate, Known, Reversal, Reverted};
use crate::store::merge::Clash;

/// What `revert` has to say.
#[derive(Debug)]
pub struct ReversalReport {
    /// The files that were repaired.
    pub files: Vec<ReversedFile>,
    /// How it ended.
    pub ending: Ending,
}

/// A file that was repaired.
#[derive(Debug)]
pub struct ReversedFile {
    /// The file.
    pub path: PathBuf,
    /// Lines of the repair that were edited again.
    pub clashes: Vec<Clash>,
    /// Where the repair went, and what to do, if nothing of it is left.
    pub absence: Option<(&'static str, Option<&'static str>)>,
    /// What is taken back, if it can be.
    pub patch: Option<Patch>,
    /// How near the text comes to the one before the repair.
    pub how: &'static str,
}

/// How taking a repair back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It cannot be done.
    Refused,
    /// It could not be written.
    Failed,
    /// There is nothing to take back.
    Nothing,
    /// Nothing was to be written.
    DryRun,
    /// It was written.
    Written,
}

impl ReversalReport {
    /// What is to be said of a reversal that ended so.
    pub fn new(reversal: &Reversal, ending: Ending) -> Self {
        Self { files: reversal.files.iter().map(|file| ReversedFile::new(file, reversal.known)).collect(), ending }
    }

    /// The files that are taken back.
    pub fn taken_back(&self) -> impl Iterator<Item = &ReversedFile> {
        self.files.iter().filter(|file| file.patch.is_some())
    }
}

impl ReversedFile {
    fn new(file: &Reverted, known: Known) -> Self {
        let clashes = if let Fate::Clashing(clashes) = &file.fate { clashes.clone() } else { Vec::new() };
        let absence = if let Fate::Absent(absence) = file.fate { Some(explained(absence)) } else { None };
        let how = match (known, &file.fate) {
            (Known::Form, _) => "the edits were recognised by their form; negative subscripts stay",
            (Known::Commit, _) => "as committed",
            (Known::Journal, Fate::Merged(_)) => "without the repair, with everything that was edited since",
            (Known::Journal, _) => "byte for byte as before the repair",
        };
        let patch = file.text().map(|text| Patch::between(&file.inside, &file.now, text));
        Self { path: file.path.clone(), clashes, absence, patch, how }
    }
}

/// Where the repair of a file went, and what to do.
pub(super) fn explained(absence: Absence) -> (&'static str, Option<&'static str>) {
    const CHECK: &str = "use `distorch-fix check` to see whether it needs one";
    match absence {
        Absence::Undone => ("as it was before the repair", None),
        Absence::Stashed => (
            "the repair was put away in a git stash, as ComfyUI-Manager's update does it",
            Some("leave it there, and use `distorch-fix apply` to repair what is there now"),
        ),
        Absence::Updated => ("updated since, without the repair", Some(CHECK)),
        Absence::Replaced => ("nothing of the repair is left in it", Some(CHECK)),
        Absence::Gone => ("not there any more", Some("restore it, or install the node again")),
    }
}
