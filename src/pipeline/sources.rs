//! The first step: reading the Python files of a checkout, from its folder or from a revision.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::{Context, Result, anyhow, bail};
use walkdir::{DirEntry, WalkDir};

use crate::advice::Advise as _;
use crate::install::{Checkout, Evidence, Revision};
use crate::python::source::MAX_BYTES;
use crate::python::{FileId, Package, Unreadable};
use crate::text;

/// The most Python files of a checkout that are read; the real node has about ten.
const MOST_FILES: usize = 1000;
/// How many levels of folders below the checkout are read.
const DEEPEST: usize = 4;

/// A file that could not be understood as Python.
#[derive(Debug)]
pub struct Unread {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub reason: Unreadable,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for Unread {}

/// The Python files of a checkout.
pub struct Sources {
    /// The files, `distorch_2.py` first.
    pub package: Package,
    /// The folder that their paths are relative to.
    root: PathBuf,
    /// Are they those of a revision, so that the files on disk do not matter?
    is_committed: bool,
}

impl Sources {
    /// Reads the files as they are on disk, or as they were in a revision of the checkout's repository. Then nothing on
    /// disk is read, and the paths are those that the files have, or would have, there.
    pub fn read(checkout: &Checkout, revision: Option<&Revision>) -> Result<Self> {
        let package = match revision {
            None => on_disk(checkout)?,
            Some(revision) => in_revision(checkout, revision)?,
        };
        let root = checkout.file.parent().unwrap_or(&checkout.root).to_owned();
        Ok(Self { package, root, is_committed: revision.is_some() })
    }

    /// The path of a file.
    pub fn path(&self, file: FileId) -> PathBuf {
        self.root.join(self.package.path(file))
    }

    /// The path of a file in its checkout, with links resolved.
    pub fn real_path(&self, file: FileId) -> PathBuf {
        if self.is_committed {
            return self.package.path(file).to_owned();
        }
        let real = |path: &Path| text::real(path).ok();
        let inside = |(path, root): (PathBuf, PathBuf)| path.strip_prefix(root).map(Path::to_owned).ok();
        let path = real(&self.path(file)).zip(real(&self.root)).and_then(inside);
        path.unwrap_or_else(|| self.package.path(file).to_owned())
    }
}

/// The files as they are on disk.
fn on_disk(checkout: &Checkout) -> Result<Package> {
    let root = checkout.file.parent().unwrap_or(&checkout.root);
    let name = checkout.file.file_name().map(PathBuf::from).unwrap_or_default();
    let cannot = |path: &Path| format!("cannot read {}", path.display());
    let permissions = "check its permissions";
    let read = |path: &Path| fs::read(path).with_context(|| cannot(path)).help_open(permissions);
    let about = fs::metadata(&checkout.file).with_context(|| cannot(&checkout.file)).help_open(permissions)?;
    if !about.is_file() {
        bail!(anyhow!("{} is not a file", checkout.file.display()).help("restore it, or install the node again"));
    }
    if about.len() > MAX_BYTES as u64 {
        bail!(Unread { path: checkout.file.clone(), reason: Unreadable::TooLarge(about.len()) });
    }
    let mut files = vec![(name.clone(), read(&checkout.file)?)];
    let real = text::real(&checkout.file).with_context(|| cannot(&checkout.file)).help_open(permissions)?;
    let walk = WalkDir::new(root).max_depth(deepest(checkout)).sort_by_file_name().into_iter();
    let python = walk.filter_entry(is_source_folder).filter_map(Result::ok);
    for entry in python.filter(|entry| entry.file_type().is_file() && is_python(entry.path())).take(MOST_FILES) {
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        let small = entry.metadata().is_ok_and(|about| about.len() <= MAX_BYTES as u64);
        // The first file may be a link to another one of them, which must not be repaired twice.
        let is_first = path == name || text::real(entry.path()).is_ok_and(|path| path == real);
        if !is_first && small {
            files.push((path.to_owned(), read(entry.path())?));
        }
    }
    Ok(Package::new(files))
}

/// The same files as they were in a revision.
fn in_revision(checkout: &Checkout, revision: &Revision) -> Result<Package> {
    let inside = checkout.file.strip_prefix(&checkout.root).unwrap_or(&checkout.file);
    let (folder, name) = (inside.parent().unwrap_or(Path::new("")), inside.file_name().map(Path::new));
    let found = revision.files(folder, deepest(checkout), MAX_BYTES as u64, is_source_name, is_python)?;
    let (first, mut others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(path, _)| Some(path.as_path()) == name);
    if first.is_empty() {
        return Err(anyhow!(
            "there is no {} of at most {MAX_BYTES} bytes in {revision} of {}",
            inside.display(),
            revision.root.display()
        )
        .help("name a later revision, or another branch"));
    }
    others.truncate(MOST_FILES);
    Ok(Package::new(first.into_iter().chain(others)))
}

/// How many levels of folders belong to the checkout: only its own folder, if the user named a file.
fn deepest(checkout: &Checkout) -> usize {
    if matches!(checkout.evidence, Evidence::Named) { 1 } else { DEEPEST }
}

fn is_source_folder(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_type().is_dir() || is_source_name(&entry.file_name().to_string_lossy())
}

fn is_source_name(folder: &str) -> bool {
    !folder.starts_with('.') && !matches!(folder, "node_modules" | "__pycache__" | "venv" | "site-packages")
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("py"))
}
