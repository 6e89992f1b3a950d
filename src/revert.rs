//! Undoing a repair or an edit: from the present texts of a checkout or a workflow to those before.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::fixes::{self, Accounting, Fix};
use crate::install::{Checkout, Evidence};
use crate::pipeline::{Sources, edits_of};
use crate::python::source::MAX_BYTES;
use crate::python::{FileId, Package, Source};
use crate::store::merge::{self, Clash, Merged};
use crate::store::{Record, Replacement, Store, journal};
use crate::workflow::{Workflow, json, pieces};

/// The undoing of a repair. Nothing is written yet.
pub struct Reversal {
    /// How the edits are known.
    pub provenance: Provenance,
    /// The files that were repaired.
    pub files: Vec<Reverted>,
}

/// How our edits are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// From the journal.
    Journal,
    /// Repairing the committed files gives exactly the present texts.
    Commit,
    /// By their form; repairing the texts without them gives exactly the present texts.
    Form,
}

/// A file that was repaired.
pub struct Reverted {
    /// The file.
    pub path: PathBuf,
    /// The same, from the root of its checkout.
    pub inside: PathBuf,
    /// Its present text; empty if it is gone.
    pub now: String,
    /// The result of undoing the edits.
    pub outcome: FileOutcome,
    /// Its record in the journal.
    pub record: Option<Record>,
}

/// The result of undoing the edits in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// The file is as the repair left it: this is the text before.
    Whole(String),
    /// It was edited elsewhere since: this is its text without the repair's edits.
    Merged(String),
    /// Lines of the repair were edited again.
    Clashing(Vec<Clash>),
    /// It has become too long to compare.
    TooLong,
    /// The repair's edits are not in it.
    Absent(Absence),
}

/// What happened to the edits, if they are not in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Undone: the text is the one before.
    Undone,
    /// They are in a stash, where ComfyUI-Manager puts edited files before an update.
    Stashed,
    /// The file is as committed, by another commit than the one that was repaired.
    Updated,
    /// The file was changed so much that none of them is left.
    Replaced,
    /// The file is not there.
    Gone,
}

impl Reversal {
    /// Works out how to undo the repair of a checkout: by its journal, or else by the form of the edits. Files without
    /// recognised edits are left out.
    pub fn of(checkout: &Checkout, store: &Store) -> Result<Self> {
        let mut records = store.journal()?.records;
        if checkout.evidence == Evidence::Named {
            records.retain(|record| checkout.file.file_name().is_some_and(|name| record.path == Path::new(name)));
        }
        if records.is_empty() { recognise(checkout) } else { Self::of_records(checkout, records) }
    }

    /// Works out how to undo these edits of a checkout.
    pub fn of_records(checkout: &Checkout, records: Vec<Record>) -> Result<Self> {
        let files = records.into_iter().map(|record| reverted(checkout, record)).collect::<Result<_>>()?;
        Ok(Self { provenance: Provenance::Journal, files })
    }

    /// Works out how to undo the edits of a workflow, by its journal.
    pub fn of_workflow(path: &Path, store: &Store) -> Result<Self> {
        Self::of_workflow_records(path, store.journal()?.records)
    }

    /// Works out how to undo these edits of a workflow. They are found in it wherever they are, if their surroundings are
    /// the same.
    pub fn of_workflow_records(path: &Path, records: Vec<Record>) -> Result<Self> {
        let file = |record: Record| {
            let now = read(path, json::MOST_BYTES)?;
            let outcome = workflow_outcome(&record, &now)?;
            Ok(Reverted { path: path.to_owned(), inside: record.path.clone(), now, outcome, record: Some(record) })
        };
        let files = records.into_iter().map(file).collect::<Result<_>>()?;
        Ok(Self { provenance: Provenance::Journal, files })
    }

    /// The texts to write, for the files that can be reverted.
    pub fn replacements(&self) -> Vec<Replacement<'_>> {
        let texts = self.files.iter().filter_map(|file| Some((file, file.text()?)));
        texts.map(|(file, new)| Replacement { path: file.path.clone(), old: &file.now, new }).collect()
    }
}

impl Reverted {
    /// Its text without the edits, if there is one.
    pub fn text(&self) -> Option<&str> {
        match &self.outcome {
            FileOutcome::Whole(text) | FileOutcome::Merged(text) => Some(text),
            FileOutcome::Clashing(_) | FileOutcome::TooLong | FileOutcome::Absent(_) => None,
        }
    }
}

fn reverted(checkout: &Checkout, record: Record) -> Result<Reverted> {
    let path = checkout.root.join(&record.path);
    let now = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        _ => Some(read(&path, MAX_BYTES as u64)?),
    };
    let outcome = outcome(checkout, &record, &path, now.as_deref())?;
    Ok(Reverted { path, inside: record.path.clone(), now: now.unwrap_or_default(), outcome, record: Some(record) })
}

fn outcome(checkout: &Checkout, record: &Record, path: &Path, now: Option<&str>) -> Result<FileOutcome> {
    let is_stashed = || checkout.git.as_ref().is_some_and(|git| git.is_stashed(&record.path, &record.after));
    let absent = |else_it_is| FileOutcome::Absent(if is_stashed() { Absence::Stashed } else { else_it_is });
    let Some(now) = now else { return Ok(FileOutcome::Absent(Absence::Gone)) };
    let hash = journal::hash(now);
    if hash == record.after {
        return Ok(FileOutcome::Whole(record.old.clone()));
    }
    if hash == record.before {
        return Ok(absent(Absence::Undone));
    }
    if checkout.git.as_ref().and_then(|git| git.committed(&record.path)).is_some_and(|text| text == now) {
        return Ok(absent(Absence::Updated));
    }
    Ok(match merge::undo(&record.old, &record.new_text(), now) {
        Merged::TooLong => FileOutcome::TooLong,
        Merged::Conflict(clashes) => FileOutcome::Clashing(clashes),
        Merged::Clean(text) if text == now => absent(Absence::Replaced),
        Merged::Clean(text) => {
            let parses = |text: &str| Source::parse(path, text.as_bytes().to_vec()).err();
            if let (None, Some(broken)) = (parses(now), parses(&text)) {
                bail!(
                    anyhow!("{} would be {broken} without the repair", path.display())
                        .help("it was edited too much to be reverted; undo that first")
                );
            }
            FileOutcome::Merged(text)
        }
    })
}

fn workflow_outcome(record: &Record, now: &str) -> Result<FileOutcome> {
    let hash = journal::hash(now);
    if hash == record.after {
        return Ok(FileOutcome::Whole(record.old.clone()));
    }
    if hash == record.before {
        return Ok(FileOutcome::Absent(Absence::Undone));
    }
    let new = record.new_text();
    // ComfyUI saves it as one line.
    let [Some(old), Some(new), Some(lines)] = [&record.old, &new, now].map(pieces::lines) else {
        return Ok(FileOutcome::TooLong);
    };
    Ok(match merge::undo(&old, &new, &lines) {
        Merged::TooLong => FileOutcome::TooLong,
        Merged::Conflict(clashes) => {
            let whole = |lines: &str| pieces::laid_out(&pieces::joined(lines));
            let clash = |clash: Clash| Clash { now: whole(&clash.now), old: whole(&clash.old) };
            FileOutcome::Clashing(clashes.into_iter().map(clash).collect())
        }
        Merged::Clean(lines) => {
            let text = pieces::joined(&lines);
            if text == now {
                return Ok(FileOutcome::Absent(Absence::Replaced));
            }
            Workflow::parse(text.trim_start_matches('\u{feff}').to_owned())
                .context("without the edit, it would not be a workflow")
                .help("it was changed too much to be reverted; undo that first")?;
            FileOutcome::Merged(text)
        }
    })
}

fn read(path: &Path, most_bytes: u64) -> Result<String> {
    let cannot = || format!("cannot read {}", path.display());
    let help = "check its permissions, and that it is text";
    let about = fs::metadata(path).with_context(cannot).help(help)?;
    if !about.is_file() || about.len() > most_bytes {
        bail!(
            anyhow!("{} is not the file that was changed", path.display())
                .help("restore it, or install the node again")
        );
    }
    fs::read_to_string(path).with_context(cannot).help(help)
}

/// Recognises edits without a journal.
fn recognise(checkout: &Checkout) -> Result<Reversal> {
    let now = Sources::read(checkout, None)?.package;
    let folder = checkout.file.parent().unwrap_or(&checkout.root);
    let before_folder = folder.strip_prefix(&checkout.root).unwrap_or(Path::new(""));
    let committed = |file: FileId| checkout.git.as_ref()?.committed(&before_folder.join(now.path(file)));
    let files = |texts: Vec<(FileId, String)>| {
        let file = |(file, text): (FileId, String)| Reverted {
            path: folder.join(now.path(file)),
            inside: before_folder.join(now.path(file)),
            now: String::from_utf8_lossy(now.bytes(file)).into_owned(),
            outcome: FileOutcome::Whole(text),
            record: None,
        };
        texts.into_iter().map(file).collect()
    };
    let changed =
        |file: &FileId| Some((*file, committed(*file)?)).filter(|(file, text)| text.as_bytes() != now.bytes(*file));
    let texts: Vec<_> = relevant(&now).iter().filter_map(changed).collect();
    if !texts.is_empty() && leads_to(&with(&now, &texts), &now) {
        return Ok(Reversal { provenance: Provenance::Commit, files: files(texts) });
    }
    let surveys = fixes::survey(&now, Fix::ALL, Accounting::Resident).unwrap_or_default();
    let edits = fixes::undo(&now, &surveys);
    let old = now.edited(edits.iter().map(|(file, edits)| (*file, edits)));
    let found = !edits.is_empty() && leads_to(&old, &now);
    let text = |(file, _)| (file, String::from_utf8_lossy(old.bytes(file)).into_owned());
    let texts = edits.into_iter().filter(|_| found).map(text).collect();
    Ok(Reversal { provenance: Provenance::Form, files: files(texts) })
}

/// The files that a repair may change.
fn relevant(package: &Package) -> Vec<FileId> {
    let surveys = fixes::survey(package, Fix::ALL, Accounting::Resident).unwrap_or_default();
    let mut files: Vec<_> = surveys.iter().flat_map(|survey| &survey.sites).map(|site| site.file).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// The package with other texts for some of its files.
fn with(package: &Package, texts: &[(FileId, String)]) -> Package {
    let bytes = |file: FileId| {
        let other = texts.iter().find(|(of, _)| *of == file);
        other.map_or_else(|| package.bytes(file).to_vec(), |(_, text)| text.clone().into_bytes())
    };
    Package::new(package.ids().map(|file| (package.path(file).to_owned(), bytes(file))))
}

/// Does repairing `old`, with any of the fixes and either accounting, give exactly `new`?
fn leads_to(old: &Package, new: &Package) -> bool {
    let gives = |fixes: &[Fix], accounting| {
        let edits = fixes::survey(old, fixes, accounting).ok().and_then(|surveys| edits_of(&surveys, old).ok());
        let repaired = edits.map(|edits| old.edited(edits.iter().map(|(file, edits)| (*file, edits))));
        repaired.is_some_and(|repaired| new.ids().all(|file| repaired.bytes(file) == new.bytes(file)))
    };
    some_fixes().any(|fixes| gives(&fixes, Accounting::Resident) || gives(&fixes, Accounting::Offload))
}

/// Every choice of one or more fixes, all of them first: that is what most people apply.
fn some_fixes() -> impl Iterator<Item = Vec<Fix>> {
    let choices = (1_u32..1 << Fix::ALL.len()).rev();
    choices.map(|choice| {
        Fix::ALL.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1).map(|(_, fix)| *fix).collect()
    })
}
