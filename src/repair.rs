//! One checkout on its way from its files to its repaired texts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use walkdir::{DirEntry, WalkDir};

use crate::install::{Checkout, Evidence};
use crate::patches::{self, Accounting, Fix, Status, Survey};
use crate::python::source::MAX_BYTES;
use crate::python::{Edit, Package, edit};

/// Python files of a checkout that are read at most; the real node has about ten.
const MOST_FILES: usize = 1000;
/// Folders below the checkout that are gone into.
const DEEPEST: usize = 4;

/// What repairing a checkout comes to. Nothing of it is written yet.
pub struct Repair {
    /// The checkout's files.
    pub package: Package,
    /// What each fix found, in the order of [`Fix::ALL`].
    pub surveys: Vec<Survey>,
    /// The files that change, in the order of the package.
    pub changes: Vec<Change>,
    root: PathBuf,
}

/// A file that changes.
pub struct Change {
    /// Its number in the package.
    pub file: usize,
    /// Its text afterwards.
    pub text: String,
    /// What leads there, in order of place.
    pub edits: Vec<Edit>,
}

impl Repair {
    /// Reads a checkout, surveys it and makes the edits, in memory.
    pub fn of(checkout: &Checkout, fixes: &[Fix], accounting: Accounting) -> Result<Self> {
        let package = read(checkout)?;
        let root = checkout.file.parent().unwrap_or(&checkout.root).to_owned();
        let surveys = patches::survey(&package, fixes, accounting).map_err(|(file, unreadable)| {
            anyhow::anyhow!("{}: {unreadable}", root.join(package.path(file)).display())
        })?;
        let mut changes = Vec::new();
        for file in 0..package.len() {
            let sites = surveys.iter().flat_map(|survey| &survey.sites);
            let edits = sites.flat_map(|site| &site.edits).filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone());
            let mut edits: Vec<_> = edits.collect();
            if edits.is_empty() {
                continue;
            }
            if !edit::order(&mut edits) {
                bail!(
                    "two edits of {} overlap; this is a mistake in distorch-fix, please report it",
                    package.path(file).display()
                );
            }
            // A file with edits was parsed to find them.
            let Ok(source) = package.source(file) else { continue };
            let text = edit::apply(source.text(), &edits);
            if let Err(broken) = crate::python::Source::parse(source.path(), text.clone().into_bytes()) {
                bail!(
                    "the repaired {} would be {broken}; this is a mistake in distorch-fix, please report it",
                    source.path().display()
                );
            }
            changes.push(Change { file, text, edits });
        }
        Ok(Self { package, surveys, changes, root })
    }

    /// The path of a file of the package.
    pub fn path(&self, file: usize) -> PathBuf {
        self.root.join(self.package.path(file))
    }

    /// Did any fix find something that it did not understand?
    pub fn not_understood(&self) -> bool {
        self.surveys.iter().any(|survey| survey.status == Status::NotUnderstood)
    }

    /// Is there something to repair?
    pub fn is_needed(&self) -> bool {
        self.surveys.iter().any(|survey| survey.status == Status::Needed)
    }
}

/// The Python files of a checkout, `distorch_2.py` first.
fn read(checkout: &Checkout) -> Result<Package> {
    let root = checkout.file.parent().unwrap_or(&checkout.root);
    let name = checkout.file.file_name().map(PathBuf::from).unwrap_or_default();
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}; is it yours to read?", path.display()));
    let about = fs::metadata(&checkout.file).with_context(|| format!("cannot read {}", checkout.file.display()))?;
    if !about.is_file() {
        bail!("{} is not a file", checkout.file.display());
    }
    if about.len() > MAX_BYTES as u64 {
        bail!("{}: {}", checkout.file.display(), crate::python::Unreadable::TooLarge(about.len()));
    }
    let mut files = vec![(name.clone(), read(&checkout.file)?)];
    let deepest = if matches!(checkout.evidence, Evidence::Named) { 1 } else { DEEPEST };
    let walk = WalkDir::new(root).max_depth(deepest).sort_by_file_name().into_iter().filter_entry(is_source_folder);
    for entry in walk.filter_map(Result::ok).filter(is_python).take(MOST_FILES) {
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        let small = entry.metadata().is_ok_and(|about| about.len() <= MAX_BYTES as u64);
        if path != name && small {
            files.push((path.to_owned(), read(entry.path())?));
        }
    }
    Ok(Package::new(files))
}

fn is_source_folder(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let other = name.starts_with('.') || matches!(&*name, "node_modules" | "__pycache__" | "venv" | "site-packages");
    entry.depth() == 0 || !entry.file_type().is_dir() || !other
}

fn is_python(entry: &DirEntry) -> bool {
    entry.file_type().is_file()
        && entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("py"))
}
