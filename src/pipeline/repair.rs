//! The third step: the edits, and the edited files.

use std::cell::OnceCell;

use anyhow::{Result, anyhow};

use super::{Sources, Surveys, Unread};
use crate::advice::Advise as _;
use crate::edit::{Edits, Overlap};
use crate::fixes::{Accounting, Fix, Status, Survey};
use crate::install::{Checkout, Revision};
use crate::python::{FileId, Package, Unreadable};
use crate::store::Replacement;

/// The repair of a checkout. Nothing of it is written yet.
pub struct Repair {
    /// The checkout's files.
    pub sources: Sources,
    /// What was found in them.
    pub surveys: Surveys,
    /// The files that change, in the order of the package.
    pub changes: Vec<Change>,
    /// The files as they would be; built on demand.
    after: OnceCell<Package>,
}

/// A file that changes.
pub struct Change {
    /// The file.
    pub file: FileId,
    /// Its text afterwards.
    pub text: String,
    /// The edits that lead there, in order of place.
    pub edits: Edits,
}

impl Repair {
    /// The first three steps: reads a checkout, or a revision of it, surveys it and makes the edits, in memory.
    pub fn of(checkout: &Checkout, revision: Option<&Revision>, fixes: &[Fix], accounting: Accounting) -> Result<Self> {
        let sources = Sources::read(checkout, revision)?;
        let surveys = Surveys::of(checkout, &sources, fixes, accounting)?;
        Self::new(sources, surveys)?.parsed()
    }

    /// Collects the edits of the surveys.
    pub fn new(sources: Sources, surveys: Surveys) -> Result<Self> {
        let package = &sources.package;
        let edits = edits_of(&surveys.asked, package).map_err(|file| {
            anyhow!("two edits of {} overlap", package.path(file).display())
                .help("this is a mistake in distorch-fix; please report it with the file")
        })?;
        let change = |(file, edits): (FileId, Edits)| {
            let text = edits.apply(package.text(file).unwrap_or_default());
            Change { file, text, edits }
        };
        let changes = edits.into_iter().map(change).collect();
        Ok(Self { sources, surveys, changes, after: OnceCell::new() })
    }

    /// Fails if a repaired text is not Python any more, or could not be read again.
    pub fn parsed(self) -> Result<Self> {
        for change in &self.changes {
            self.after().source(change.file).map_err(|broken| match broken {
                // Otherwise it could not be reverted either.
                Unreadable::TooLarge(_) => {
                    anyhow!(Unread { path: self.sources.path(change.file), reason: broken.clone() })
                }
                _ => anyhow!("the repaired {} would be {broken}", self.sources.package.path(change.file).display())
                    .help("this is a mistake in distorch-fix; please report it with the file"),
            })?;
        }
        Ok(self)
    }

    /// The files as they would be.
    pub(super) fn after(&self) -> &Package {
        let edits = || self.changes.iter().map(|change| (change.file, &change.edits));
        self.after.get_or_init(|| self.sources.package.edited(edits()))
    }

    /// What is to be written.
    pub fn replacements(&self) -> Vec<Replacement<'_>> {
        let replacements = self.changes.iter().map(|change| Replacement {
            path: self.sources.path(change.file),
            // A file that was edited was parsed.
            old: self.sources.package.source(change.file).map_or("", |source| source.text()),
            new: &change.text,
        });
        replacements.collect()
    }

    /// Did no fix find anything that it is about? Then this is probably another file.
    pub fn is_foreign(&self) -> bool {
        let found = |survey: &Survey| survey.status != Status::NotApplicable || survey.note.is_some();
        self.surveys.asked.len() == Fix::ALL.len() && !self.surveys.asked.iter().any(found)
    }

    /// Is there something to repair?
    pub fn is_needed(&self) -> bool {
        self.surveys.asked.iter().any(|survey| survey.status == Status::Needed)
    }
}

/// The edits that repair what was surveyed, by file. Fails with a file in which two of them overlap.
pub fn edits_of(surveys: &[Survey], package: &Package) -> Result<Vec<(FileId, Edits)>, FileId> {
    let mut edits = Vec::new();
    for file in package.ids() {
        let all = surveys.iter().flat_map(|survey| &survey.sites).flat_map(|site| &site.edits);
        let of_file = all.filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone()).collect();
        let of_file = Edits::new(of_file).map_err(|Overlap| file)?;
        if !of_file.is_empty() {
            edits.push((file, of_file));
        }
    }
    Ok(edits)
}
