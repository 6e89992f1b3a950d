//! Writing: a file is always either the old one or the new one, and every write can be undone.
//!
//! ```text
//! lock  →  sweep  →  stage every file  →  journal  →  rename each over the old one
//! ```
//!
//! If a run is killed between two of these steps, the next run can start from the first: staged files are removed, the
//! operating system has released the lock, and the journal may be ahead of the files but never behind.

mod folder;
pub mod journal;
mod lock;
pub mod merge;
pub mod setup;
mod staged;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use tempfile::NamedTempFile;

pub use self::journal::{Journal, Record, Scope};
use self::lock::Lock;
pub(crate) use self::staged::replaceable;
use self::staged::{Key, Staged};
use crate::advice::Advise as _;
use crate::install::Checkout;
use crate::text;

/// A file whose text is to be replaced.
#[derive(Debug)]
pub struct Replacement<'t> {
    /// The file, as the user reaches it.
    pub path: PathBuf,
    /// The text that it must still have.
    pub old: &'t str,
    /// The text that it is to have.
    pub new: &'t str,
}

/// Removes files that a killed run left in a checkout, for runs that have nothing to write. Files that cannot be
/// removed do no harm.
pub fn tidy(checkout: &Checkout) {
    let folder = checkout.file.parent().unwrap_or(&checkout.root);
    if !staged::left(folder, &Key::default()).is_empty()
        && let Ok(store) = Store::of(checkout)
    {
        store.tidy(folder);
    }
}

/// Makes a file that is not there yet: all of it, or none.
pub fn create(path: &Path, text: &str) -> Result<()> {
    let (target, file) = stage(path, text)?;
    file.persist_noclobber(&target)
        .map_err(|error| error.error)
        .with_context(|| format!("cannot make {}", path.display()))
        .help("name a file that is not there yet")?;
    staged::sync_folder_of(&target);
    Ok(())
}

/// Writes a file that is ours alone, whether it is there already or not: all of it, or it stays as it was.
pub fn put(path: &Path, text: &str) -> Result<()> {
    let (target, file) = stage(path, text)?;
    staged::persist(file, &target)
        .with_context(|| format!("cannot write {}", path.display()))
        .help("check that no other program has it open")?;
    staged::sync_folder_of(&target);
    Ok(())
}

/// A text on disk, in the folder of the file that it is to become; and that file, by a path that may have any length.
fn stage(path: &Path, text: &str) -> Result<(PathBuf, NamedTempFile)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    if cfg!(windows) && !name.to_str().is_some_and(text::is_plain_name) {
        bail!(anyhow!("{} cannot be the name of a file on Windows", path.display()).help("name another file"));
    }
    let write = || -> Result<_> {
        let folder = text::resolved(folder)?;
        let mut file = staged::shared(&folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok((folder.join(name), file))
    };
    write()
        .with_context(|| format!("cannot write into {}", folder.display()))
        .help("check the free space and the permissions of the folder")
}

/// Replaces the files of a checkout, or one other file, and keeps its journal.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    folder: PathBuf,
    commit: Option<String>,
    scope: Scope,
    key: Key,
}

impl Store {
    /// The store of a checkout. Nothing is written yet.
    pub fn of(checkout: &Checkout) -> Result<Self> {
        let head = checkout.git.as_ref().and_then(|git| git.head.as_ref());
        Ok(Self {
            root: checkout.root.clone(),
            folder: folder::of(checkout)?,
            commit: head.map(|head| head.short_id.clone()),
            scope: Scope::Checkout,
            key: Key::default(),
        })
    }

    /// The store of a file of at most so many bytes that is in no checkout, with a journal of its own. A link is
    /// followed, wherever it leads. Nothing is written yet.
    pub fn of_file(path: &Path, most_bytes: usize) -> Result<Self> {
        let help = "check that it is there and can be read";
        let file = text::resolved(path).with_context(|| format!("cannot find {}", path.display())).help(help)?;
        let name = file.file_name().with_context(|| format!("{} is not a file", path.display())).help(help)?;
        let folder = folder::of_path(&file)?;
        Ok(Self {
            key: Key::of_file(&folder),
            folder,
            commit: None,
            scope: Scope::File { name: name.into(), most_bytes },
            root: file.parent().unwrap_or(&file).to_owned(),
        })
    }

    /// Removes what a killed run left beside the file, for runs that have nothing to write.
    pub fn tidy_beside(&self) {
        if !staged::left(&self.root, &self.key).is_empty() {
            self.tidy(&self.root);
        }
    }

    fn tidy(&self, folder: &Path) {
        if let Ok(_lock) = Lock::take(&self.folder) {
            staged::sweep(folder, &self.key);
        }
    }

    /// The journal: what was done to the checkout.
    pub fn journal(&self) -> Result<Journal> {
        Journal::read(&self.folder, &self.scope)
    }

    /// The file of the journal; it may not exist.
    pub fn journal_path(&self) -> PathBuf {
        journal::path(&self.folder)
    }

    /// Makes a repair: replaces every text or, if one of them cannot be replaced, none. How to undo it is recorded
    /// first.
    pub fn repair(&self, replacements: &[Replacement<'_>]) -> Result<()> {
        let (_lock, staged) = self.stage(replacements)?;
        let mut journal = self.journal()?;
        let before = journal.clone();
        for (staged, replacement) in staged.iter().zip(replacements) {
            journal.note(staged.inside(), replacement, self.commit.as_deref());
        }
        journal.write(&self.folder)?;
        self.commit(staged, replacements, &before)
    }

    /// Undoes a repair, in the same way. Its records are removed last: they are needed until then.
    pub fn revert(&self, replacements: &[Replacement<'_>]) -> Result<()> {
        let (_lock, staged) = self.stage(replacements)?;
        let mut journal = self.journal()?;
        let before = journal.clone();
        for staged in &staged {
            journal.strike(staged.inside());
        }
        self.commit(staged, replacements, &before)?;
        journal.write(&self.folder)
    }

    /// Undoes the last one of several edits, in the same way: those before it stay, with their records.
    pub fn undo(&self, replacements: &[Replacement<'_>]) -> Result<()> {
        let (_lock, staged) = self.stage(replacements)?;
        let mut journal = self.journal()?;
        let before = journal.clone();
        for (staged, replacement) in staged.iter().zip(replacements) {
            journal.note(staged.inside(), replacement, self.commit.as_deref());
            journal.settle(staged.inside());
        }
        self.commit(staged, replacements, &before)?;
        journal.write(&self.folder)
    }

    /// Replaces every file. If one cannot be, those before it get their old texts again, and the journal is as before.
    fn commit(&self, staged: Vec<Staged>, replacements: &[Replacement<'_>], before: &Journal) -> Result<()> {
        for (at, staged) in staged.into_iter().enumerate() {
            staged.commit().inspect_err(|_| {
                let is_put_back = |done: &Replacement<'_>| {
                    let back = Replacement { path: done.path.clone(), old: done.new, new: done.old };
                    Staged::new(&self.root, &back, &self.key).and_then(Staged::commit).is_ok()
                };
                // Otherwise the journal, which is ahead, still has their old texts.
                if replacements[..at].iter().all(is_put_back) {
                    let _ = before.write(&self.folder);
                }
            })?;
        }
        Ok(())
    }

    fn stage(&self, replacements: &[Replacement<'_>]) -> Result<(Lock, Vec<Staged>)> {
        let lock = Lock::take(&self.folder)?;
        // Before the first is staged: a staged file looks like one that was left over.
        let folders = replacements.iter().filter_map(|replacement| text::resolved(&replacement.path).ok());
        folders
            .filter_map(|file| file.parent().map(Path::to_owned))
            .for_each(|folder| staged::sweep(&folder, &self.key));
        staged::sweep(&self.folder, &Key::default());
        staged::ready(&self.journal_path())?;
        let staged = replacements.iter().map(|replacement| Staged::new(&self.root, replacement, &self.key));
        Ok((lock, staged.collect::<Result<_>>()?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn if_one_file_cannot_be_replaced_those_before_it_and_the_journal_are_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("pack");
        fs::create_dir(&root).unwrap();
        let store = Store {
            root: root.clone(),
            folder: folder.path().join("journal"),
            commit: None,
            scope: Scope::Checkout,
            key: Key::default(),
        };
        let paths = ["a.py", "b.py"].map(|name| root.join(name));
        let replacements = paths.each_ref().map(|path| Replacement { path: path.clone(), old: "old", new: "new" });
        for path in &paths {
            fs::write(path, "old").unwrap();
        }
        let (lock, staged) = store.stage(&replacements).unwrap();
        let mut journal = store.journal().unwrap();
        let before = journal.clone();
        journal.note("a.py".as_ref(), &replacements[0], None);
        journal.write(&store.folder).unwrap();
        fs::write(&paths[1], "edited").unwrap();
        let error = store.commit(staged, &replacements, &before).unwrap_err();
        assert!(error.to_string().contains("has changed in the meantime"), "{error}");
        assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), ["old", "edited"]);
        assert!(!store.journal_path().exists());
        drop(lock);

        fs::write(&paths[1], "old").unwrap();
        store.repair(&replacements).unwrap();
        assert_eq!(paths.each_ref().map(|path| fs::read_to_string(path).unwrap()), ["new", "new"]);
        assert_eq!(store.journal().unwrap().records.len(), 2);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
    }
}
