//! Replaces a file atomically.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use tempfile::NamedTempFile;

use super::Replacement;
use crate::advice::{Advise as _, is_in_use};
use crate::text::{plain, quoted, resolved};

/// Prefix and suffix of staged files' names. Between them there is no dash, except behind the [`key`](Key) of a file.
const PREFIX: &str = ".distorch-fix-";
const SUFFIX: &str = ".tmp";

/// Which staged files belong together: those of a checkout, or those of one file, beside which others may be staged at the
/// same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Key(String);

impl Key {
    /// That of a file, by the name of its journal's folder.
    pub(super) fn of_file(folder: &Path) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Self(name.chars().take(12).chain(['-']).collect())
    }

    fn prefix(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }
}

/// The new text of a file, on disk next to the old one and ready to replace it. If it is dropped, it leaves no trace.
#[derive(Debug)]
pub(super) struct Staged {
    file: NamedTempFile,
    target: PathBuf,
    inside: PathBuf,
    old: String,
    permissions: Permissions,
}

impl Staged {
    /// Writes the new text next to the file, with its permissions. The file must still have the old text. A symbolic
    /// link is followed, but only inside `root`.
    pub(super) fn new(root: &Path, replacement: &Replacement<'_>, key: &Key) -> Result<Self> {
        let (root, target) = inside(root, &replacement.path)?;
        let shown = plain(&target);
        let folder = target.parent().with_context(|| format!("{} is in no folder", shown.display()))?;
        let about = replaceable(&target)?;
        let write = || -> io::Result<NamedTempFile> {
            let mut file = temporary(folder, key)?;
            file.write_all(replacement.new.as_bytes())?;
            keep_owner(file.as_file(), &about);
            file.as_file().set_permissions(about.permissions())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file = write()
            .with_context(|| format!("cannot write into {}", plain(folder).display()))
            .help("check the free space and the permissions of the folder")?;
        let inside = target.strip_prefix(root).unwrap_or(&target).to_owned();
        let permissions = about.permissions();
        let staged = Self { file, target, inside, old: replacement.old.to_owned(), permissions };
        staged.is_unchanged()?;
        Ok(staged)
    }

    /// The file that is to be replaced, from the root of its checkout.
    pub(super) fn inside(&self) -> &Path {
        &self.inside
    }

    /// Renames it over the old file.
    pub(super) fn commit(self) -> Result<()> {
        self.is_unchanged()?;
        let Self { file, target, permissions, .. } = self;
        persist(file, &target)
            .with_context(|| format!("cannot replace {}", plain(&target).display()))
            .help("close the programs that use it, and try again")?;
        if cfg!(windows) {
            // The rename leaves none of its attributes, such as that it is hidden; without them it is the same file.
            let _ = fs::set_permissions(&target, permissions);
        }
        sync_folder_of(&target);
        Ok(())
    }

    fn is_unchanged(&self) -> Result<()> {
        let shown = plain(&self.target);
        let again = || format!("cannot read {} again", shown.display());
        let help = "nothing was written to it; try again";
        // The length first: there may no longer be a file, or an endless one.
        let about = fs::metadata(&self.target).with_context(again).help(help)?;
        let is_alike = about.is_file() && about.len() == self.old.len() as u64;
        if !is_alike || fs::read(&self.target).with_context(again).help_open(help)? != self.old.as_bytes() {
            bail!(anyhow!("{} has changed in the meantime", shown.display()).help(help));
        }
        Ok(())
    }
}

/// Fails unless a file may be replaced: it is a file, not read-only, and no program keeps it.
pub(crate) fn replaceable(target: &Path) -> Result<fs::Metadata> {
    let shown = plain(target);
    let about = fs::metadata(target).with_context(|| format!("cannot look at {}", shown.display()))?;
    if !about.is_file() {
        bail!(anyhow!("{} is not a file", shown.display()).help("restore it, or install the node again"));
    }
    if about.permissions().readonly() {
        let how = if cfg!(windows) { format!(": attrib -R {},", quoted(&shown)) } else { String::new() };
        bail!(anyhow!("{} is read-only", shown.display()).help(format!("make it writable{how} and try again")));
    }
    ready(target)?;
    Ok(about)
}

/// Can a file be replaced? Asked before any is, since all are to be replaced or none.
pub(super) fn ready(target: &Path) -> Result<()> {
    let ask = || match can_be_replaced(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        answer => answer,
    };
    patiently(ask)
        .with_context(|| format!("cannot replace {}", plain(target).display()))
        .help_open("check its permissions")
}

/// Renames a new file over another, or to a name that is free.
pub(super) fn persist(file: NamedTempFile, target: &Path) -> io::Result<()> {
    let mut file = Some(file);
    patiently(|| {
        let Some(new) = file.take() else { return Ok(()) };
        new.persist(target).map(drop).map_err(|error| {
            file = Some(error.file);
            error.error
        })
    })
}

/// Tries again for a moment while a file is in use: on Windows, what looks for viruses opens each file that was written, and
/// what fills an index does so too.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const PATIENCE: Duration = Duration::from_millis(500);
    const PAUSE: Duration = Duration::from_millis(20);
    // A rename says that it is denied.
    let may_pass =
        |error: &io::Error| is_in_use(error) || cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied;
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if may_pass(&error) && begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            ended => return ended,
        }
    }
}

/// On Windows, a file that a program has open cannot be replaced, if the program does not allow it.
#[cfg(windows)]
fn can_be_replaced(target: &Path) -> io::Result<()> {
    use std::os::windows::fs::OpenOptionsExt as _;
    const DELETE: u32 = 0x0001_0000;
    // It is shared with every other use.
    File::options().access_mode(DELETE).open(target).map(drop)
}

#[cfg(not(windows))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Windows")]
fn can_be_replaced(_target: &Path) -> io::Result<()> {
    Ok(())
}

/// A new file in a folder, deleted when its handle is dropped. Only its owner can read it.
pub(super) fn temporary(folder: &Path, key: &Key) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(&key.prefix()).suffix(SUFFIX).tempfile_in(folder)
}

/// The same with the permissions that the system gives to new files.
pub(super) fn shared(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder)
}

/// Replaces a file of ours in a folder of ours atomically; removes it if it is to have no text.
pub(super) fn keep(folder: &Path, name: &str, bytes: Option<&[u8]>) -> Result<()> {
    let path = folder.join(name);
    let write = || -> Result<()> {
        let Some(bytes) = bytes else {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        };
        // On Windows, the resolved path may have any length.
        let folder = resolved(folder)?;
        let target = folder.join(name);
        let mut file = temporary(&folder, &Key::default())?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        persist(file, &target)?;
        sync_folder_of(&target);
        Ok(())
    };
    write()
        .with_context(|| format!("cannot write {}", path.display()))
        .help_open("check the free space and the permissions of the folder")
}

/// Files in a folder that a killed run left, or that another run is writing.
pub(super) fn left(folder: &Path, key: &Key) -> Vec<PathBuf> {
    let prefix = key.prefix();
    let is_staged = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let random = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(SUFFIX));
        random.is_some_and(|random| !random.contains('-')) && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_staged).map(|entry| entry.path()).collect()
}

/// Removes them. The lock is held, so no other run is writing them; those that cannot be removed do no harm.
pub(super) fn sweep(folder: &Path, key: &Key) {
    for path in left(folder, key) {
        let _ = fs::remove_file(path);
    }
}

/// The real `root`, and the real file of `path`, which must be inside it. On Windows, these are paths that may have any
/// length.
fn inside(root: &Path, path: &Path) -> Result<(PathBuf, PathBuf)> {
    let real = |path: &Path| {
        resolved(path).with_context(|| format!("cannot find {}", path.display())).help("check that it still exists")
    };
    let (root, target) = (real(root)?, real(path)?);
    if !target.starts_with(&root) {
        bail!(
            anyhow!("{} is a link to {}, outside of the checkout", path.display(), plain(&target).display())
                .help("repair that file by naming it")
        );
    }
    Ok((root, target))
}

/// A file repaired by root keeps its owner. Failing that, it is at least readable as before.
#[cfg(unix)]
fn keep_owner(file: &File, about: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(about.uid()), Some(about.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _about: &fs::Metadata) {}

/// Flushes the rename of a file to disk. Not every file system can; the file is intact either way.
#[cfg(unix)]
pub(super) fn sync_folder_of(file: &Path) {
    if let Some(Ok(folder)) = file.parent().map(File::open) {
        let _ = folder.sync_all();
    }
}

/// Windows cannot do that; its file system journals the rename.
#[cfg(not(unix))]
pub(super) fn sync_folder_of(_file: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old\n";
    const NEW: &str = "new\n";

    /// A folder with one file in it.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("distorch_2.py");
        fs::write(&path, OLD).unwrap();
        (folder, path)
    }

    fn stage(folder: &tempfile::TempDir, path: &Path) -> Result<Staged> {
        Staged::new(folder.path(), &Replacement { path: path.to_owned(), old: OLD, new: NEW }, &Key::default())
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn nothing_changes_before_the_commit() {
        let (folder, path) = folder();
        let staged = stage(&folder, &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
        assert_eq!(names(folder.path()).len(), 2);
        drop(staged);
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
        stage(&folder, &path).unwrap().commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn a_file_that_changed_since_it_was_read_is_left_alone() {
        let (folder, path) = folder();
        fs::write(&path, "edited").unwrap();
        let error = stage(&folder, &path).unwrap_err();
        assert!(error.to_string().contains("has changed in the meantime"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn a_file_that_changes_between_staging_and_commit_is_left_alone() {
        let (folder, path) = folder();
        let staged = stage(&folder, &path).unwrap();
        fs::write(&path, "edited").unwrap();
        let error = staged.commit().unwrap_err();
        assert!(error.to_string().contains("has changed in the meantime"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"edited");
        assert_eq!(names(folder.path()), ["distorch_2.py"]);
    }

    #[test]
    fn what_is_left_of_another_file_is_not_swept() {
        let (folder, path) = folder();
        let keys = [Key::default(), Key::of_file("/a/0123456789abcdef".as_ref()), Key::of_file("/a/fedcba".as_ref())];
        for key in &keys {
            temporary(folder.path(), key).unwrap().keep().unwrap();
        }
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(left(folder.path(), key).len(), 1);
            sweep(folder.path(), key);
            assert_eq!(names(folder.path()).len(), keys.len() - at);
        }
        assert!(path.exists());
    }

    #[test]
    fn a_file_that_vanishes_is_not_made_again() {
        let (folder, path) = folder();
        let staged = stage(&folder, &path).unwrap();
        fs::remove_file(&path).unwrap();
        staged.commit().unwrap_err();
        assert!(names(folder.path()).is_empty());
    }
}
