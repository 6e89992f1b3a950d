//! Writing: a file is the old one or the new one, never something between; and what was written can be undone.
//!
//! ```text
//! lock  →  sweep  →  stage every file  →  journal  →  rename each over the old one
//! ```
//!
//! Whatever stops a run between two of these steps, the next one can begin at the first: files that were only staged are
//! swept away, the operating system lets go of the lock, and a journal is ahead of the files at most, never behind.

mod folder;
pub mod journal;
mod lock;
pub mod merge;
mod staged;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub use self::journal::{Journal, Record};
use self::lock::Lock;
use self::staged::Staged;
use crate::install::Checkout;

/// A file's text that is to be replaced by another.
#[derive(Debug)]
pub struct Replacement<'t> {
    /// The file, as the user reaches it.
    pub path: PathBuf,
    /// What it must still hold.
    pub old: &'t str,
    /// What it is to hold.
    pub new: &'t str,
}

/// Takes away what a run left in a checkout that was killed, if one did: for runs that have nothing to write. What
/// cannot be taken away does no harm.
pub fn tidy(checkout: &Checkout) {
    let folder = checkout.file.parent().unwrap_or(&checkout.root);
    let store = if staged::left(folder).is_empty() { None } else { Store::of(checkout).ok() };
    if let Some(_lock) = store.and_then(|store| Lock::take(&store.folder).ok()) {
        staged::sweep(folder);
    }
}

/// Where the texts of a checkout are replaced, and where it is kept in mind.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    folder: PathBuf,
    commit: Option<String>,
}

impl Store {
    /// The store of a checkout. Nothing is written yet.
    pub fn of(checkout: &Checkout) -> Result<Self> {
        let head = checkout.git.as_ref().and_then(|git| git.head.as_ref());
        Ok(Self {
            root: checkout.root.clone(),
            folder: folder::of(checkout)?,
            commit: head.map(|head| head.short_id.clone()),
        })
    }

    /// What was done to the checkout, by the journal.
    pub fn journal(&self) -> Result<Journal> {
        Journal::read(&self.folder)
    }

    /// The file of the journal; it need not be there.
    pub fn journal_path(&self) -> PathBuf {
        journal::path(&self.folder)
    }

    /// Makes a repair: replaces every text or, where one of them cannot be replaced, none. How to undo it is noted first.
    pub fn repair(&self, replacements: &[Replacement<'_>]) -> Result<()> {
        let (_lock, staged) = self.stage(replacements)?;
        let mut journal = self.journal()?;
        for (staged, replacement) in staged.iter().zip(replacements) {
            journal.note(staged.inside(), replacement, self.commit.as_deref());
        }
        journal.write(&self.folder)?;
        staged.into_iter().try_for_each(Staged::commit)
    }

    /// Takes a repair back, in the same way. Its records are struck out last: they are needed until then.
    pub fn revert(&self, replacements: &[Replacement<'_>]) -> Result<()> {
        let (_lock, staged) = self.stage(replacements)?;
        let mut journal = self.journal()?;
        for staged in &staged {
            journal.strike(staged.inside());
        }
        staged.into_iter().try_for_each(Staged::commit)?;
        journal.write(&self.folder)
    }

    fn stage(&self, replacements: &[Replacement<'_>]) -> Result<(Lock, Vec<Staged>)> {
        let lock = Lock::take(&self.folder)?;
        // Before the first is staged: one that is staged looks like one that was left.
        let folders = replacements.iter().filter_map(|replacement| fs::canonicalize(&replacement.path).ok());
        folders.filter_map(|file| file.parent().map(Path::to_owned)).for_each(|folder| staged::sweep(&folder));
        staged::sweep(&self.folder);
        let staged = replacements.iter().map(|replacement| Staged::new(&self.root, replacement));
        Ok((lock, staged.collect::<Result<_>>()?))
    }
}
