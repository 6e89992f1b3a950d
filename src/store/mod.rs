//! Writing: a file is the old one or the new one, never something between.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

/// The new text of a file, on the disk beside the old one and ready to take its place. Dropped, it leaves no trace.
#[derive(Debug)]
pub struct Staged {
    file: NamedTempFile,
    target: PathBuf,
    old: Vec<u8>,
}

impl Staged {
    /// Writes `new` beside the file at `path`, which must still hold `old`, with its permissions. A symbolic link is
    /// followed, inside `root` only.
    pub fn new(root: &Path, path: &Path, old: &[u8], new: &[u8]) -> Result<Self> {
        let target = inside(root, path)?;
        let folder = target.parent().with_context(|| format!("{} is in no folder", target.display()))?;
        let about = fs::metadata(&target).with_context(|| format!("cannot look at {}", target.display()))?;
        if about.permissions().readonly() {
            bail!("{} is read-only\nhelp: make it writable and try again", target.display());
        }
        let write = || -> io::Result<NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix(".distorch-fix-").suffix(".tmp").tempfile_in(folder)?;
            file.write_all(new)?;
            keep_owner(file.as_file(), &about);
            file.as_file().set_permissions(about.permissions())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write().with_context(|| {
            format!("cannot write into {}\nhelp: is there room, and is it yours to write to?", folder.display())
        })?;
        let staged = Self { file, target, old: old.to_vec() };
        staged.is_unchanged()?;
        Ok(staged)
    }

    /// Renames it over the old file.
    pub fn commit(self) -> Result<()> {
        self.is_unchanged()?;
        let Self { file, target, .. } = self;
        file.persist(&target)
            .map_err(|error| error.error)
            .with_context(|| format!("cannot replace {}\nhelp: is it in use?", target.display()))?;
        if let Some(folder) = target.parent() {
            sync_folder(folder);
        }
        Ok(())
    }

    fn is_unchanged(&self) -> Result<()> {
        let now = fs::read(&self.target).with_context(|| format!("cannot read {} again", self.target.display()))?;
        if now != self.old {
            bail!("{} has changed meanwhile\nhelp: nothing was written to it; try again", self.target.display());
        }
        Ok(())
    }
}

/// The real file behind `path`, which must lie inside `root`.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()));
    let (root, target) = (real(root)?, real(path)?);
    if !target.starts_with(&root) {
        bail!(
            "{} is a link to {}, outside of the checkout\nhelp: repair that file by naming it",
            path.display(),
            target.display()
        );
    }
    Ok(target)
}

/// A file repaired by root stays its user's. Failing that, it is at least readable as before.
#[cfg(unix)]
fn keep_owner(file: &File, about: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(about.uid()), Some(about.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _about: &fs::Metadata) {}

/// Makes the rename itself last. Not every file system can; the file is whole either way.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Windows has no such thing; the rename is journalled.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = b"old\n";
    const NEW: &[u8] = b"new\n";

    /// A folder with one file in it.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("distorch_2.py");
        fs::write(&path, OLD).unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn nothing_changes_before_the_commit() {
        let (folder, path) = folder();
        let staged = Staged::new(folder.path(), &path, OLD, NEW).unwrap();
        assert_eq!(fs::read(&path).unwrap(), OLD);
        assert_eq!(names(folder.path()).len(), 2);
        drop(staged);
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
        Staged::new(folder.path(), &path, OLD, NEW).unwrap().commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), NEW);
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left_alone() {
        let (folder, path) = folder();
        fs::write(&path, "edited").unwrap();
        let error = Staged::new(folder.path(), &path, OLD, NEW).unwrap_err();
        assert!(error.to_string().contains("has changed meanwhile"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn a_file_that_changes_between_staging_and_commit_is_left_alone() {
        let (folder, path) = folder();
        let staged = Staged::new(folder.path(), &path, OLD, NEW).unwrap();
        fs::write(&path, "edited").unwrap();
        let error = staged.commit().unwrap_err();
        assert!(error.to_string().contains("has changed meanwhile"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn a_file_that_vanishes_is_not_made_again() {
        let (folder, path) = folder();
        let staged = Staged::new(folder.path(), &path, OLD, NEW).unwrap();
        fs::remove_file(&path).unwrap();
        staged.commit().unwrap_err();
        assert!(names(folder.path()).is_empty());
    }
}
