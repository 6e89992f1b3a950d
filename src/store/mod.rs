//! Writing: a file is the old one or the new one, never something between.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

/// Replaces the file at `path`, which must still hold `old`, by `new`. A symbolic link is followed, inside `root` only.
///
/// The new text is written beside the old file, synced, given its permissions, and renamed over it.
pub fn replace(root: &Path, path: &Path, old: &[u8], new: &[u8]) -> Result<()> {
    let target = inside(root, path)?;
    let folder = target.parent().with_context(|| format!("{} is in no folder", target.display()))?;
    let about = fs::metadata(&target).with_context(|| format!("cannot look at {}", target.display()))?;
    if about.permissions().readonly() {
        bail!("{} is read-only; make it writable and try again", target.display());
    }
    let write = || -> std::io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(".distorch-fix-").suffix(".tmp").tempfile_in(folder)?;
        file.write_all(new)?;
        file.as_file().set_permissions(about.permissions())?;
        keep_owner(file.as_file(), &about);
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write().with_context(|| {
        format!("cannot write into {}; is there room, and is the folder yours to write to?", folder.display())
    })?;
    let now = fs::read(&target).with_context(|| format!("cannot read {} again", target.display()))?;
    if now != old {
        bail!("{} has changed meanwhile; nothing was written, try again", target.display());
    }
    file.persist(&target)
        .map_err(|error| error.error)
        .with_context(|| format!("cannot replace {}; is it in use?", target.display()))?;
    sync_folder(folder);
    Ok(())
}

/// The real file behind `path`, which must lie inside `root`.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let real = |path: &Path| fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()));
    let (root, target) = (real(root)?, real(path)?);
    if !target.starts_with(&root) {
        bail!(
            "{} is a link to {}, outside of the checkout; repair that file by naming it",
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
