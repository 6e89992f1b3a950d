//! The result of undoing a repair.

use std::path::PathBuf;

use super::Patch;
use crate::revert::{Absence, FileOutcome, Provenance, Reversal, Reverted};
use crate::store::merge::Clash;

/// The report of `revert`.
#[derive(Debug)]
pub struct ReversalReport {
    /// The files that were repaired.
    pub files: Vec<ReversedFile>,
    /// How it ended.
    pub ending: Ending,
    /// What was changed.
    pub subject: Subject,
}

/// What a change was made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A checkout, which was repaired.
    Checkout,
    /// A workflow, which was edited.
    Workflow,
}

impl Subject {
    /// The change in one word.
    pub fn change(self) -> &'static str {
        match self {
            Self::Checkout => "repair",
            Self::Workflow => "edit",
        }
    }

    /// Why there is nothing to undo.
    pub fn nothing(self) -> &'static str {
        match self {
            Self::Checkout => "there is no journal, and nothing has the form of a repair",
            Self::Workflow => "there is no record of an edit by distorch-fix",
        }
    }

    /// What to do once it is undone.
    pub fn next(self) -> &'static str {
        match self {
            Self::Checkout => "Restart ComfyUI: it keeps the old code until then.",
            Self::Workflow => "If it is open in ComfyUI, close it there without saving, and open it again.",
        }
    }
}

/// A file that was repaired.
#[derive(Debug)]
pub struct ReversedFile {
    /// The file.
    pub path: PathBuf,
    /// Lines of the repair that were edited again.
    pub clashes: Vec<Clash>,
    /// What happened to the repair, and what to do, if nothing of it is left.
    pub absence: Option<(&'static str, Option<&'static str>)>,
    /// The undone changes, if it can be reverted.
    pub patch: Option<Patch>,
    /// How the text compares with the one before the repair.
    pub how: &'static str,
}

/// How undoing a repair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It cannot be done.
    Refused,
    /// It could not be written.
    Failed,
    /// There is nothing to undo.
    Nothing,
    /// It was a dry run.
    DryRun,
    /// It was written.
    Written,
}

impl ReversalReport {
    /// The report about a reversal that ended so.
    pub fn new(reversal: &Reversal, subject: Subject, ending: Ending) -> Self {
        let files = reversal.files.iter().map(|file| ReversedFile::new(file, reversal.provenance, subject));
        Self { files: files.collect(), ending, subject }
    }

    /// The files that are reverted.
    pub fn taken_back(&self) -> impl Iterator<Item = &ReversedFile> {
        self.files.iter().filter(|file| file.patch.is_some())
    }
}

impl ReversedFile {
    fn new(file: &Reverted, known: Provenance, subject: Subject) -> Self {
        let clashes = if let FileOutcome::Clashing(clashes) = &file.outcome { clashes.clone() } else { Vec::new() };
        let absence = match (&file.outcome, subject) {
            (FileOutcome::Absent(absence), Subject::Checkout) => Some(explained(*absence)),
            (FileOutcome::Absent(Absence::Undone), Subject::Workflow) => Some(("as it was before the edit", None)),
            (FileOutcome::Absent(_), Subject::Workflow) => Some(("nothing of the edit is left in it", None)),
            _ => None,
        };
        let how = match (known, &file.outcome) {
            (Provenance::Form, _) => "the edits were recognised by their form; negative subscripts stay",
            (Provenance::Commit, _) => "as committed",
            (Provenance::Journal, FileOutcome::Merged(_)) => match subject {
                Subject::Checkout => "without the repair, with everything that was edited since",
                Subject::Workflow => "without the edit, with everything that was changed since",
            },
            (Provenance::Journal, _) => match subject {
                Subject::Checkout => "byte for byte as before the repair",
                Subject::Workflow => "byte for byte as before the edit",
            },
        };
        let patch = file.text().map(|text| match subject {
            Subject::Checkout => Patch::between(&file.inside, &file.now, text),
            Subject::Workflow => Patch::of_workflow(&file.inside, &file.now, text),
        });
        Self { path: file.path.clone(), clashes, absence, patch, how }
    }
}

/// What happened to the repair of a file, and what to do.
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
