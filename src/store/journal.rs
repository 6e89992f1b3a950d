//! The journal: for each repaired file, its old text and the edits.
//!
//! Hashes are those of `git hash-object`. A journal may come from somebody else (a stranger's repository can bring one
//! along), so it is only trusted as far as its hashes and paths are consistent.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use git2::{ObjectType, Oid};
use serde::{Deserialize, Serialize};

use super::merge::{self, Merged};
use super::{Replacement, staged};
use crate::advice::Advise as _;
use crate::edit::{Edit, Edits, Overlap};
use crate::python::source::MAX_BYTES;

/// The format of the journal; no other is read.
const FORMAT: u32 = 1;
/// A journal has at most so many bytes for each of the longest text: a text as JSON, and as much again for its edits.
const BYTES_PER_BYTE: u64 = 16;
/// What its file is called.
const NAME: &str = "journal.json";

/// What a journal is about. Records about anything else are not believed.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The files of a checkout, except hidden ones
    Checkout,
    /// One file
    File {
        /// Its name.
        name: PathBuf,
        /// The most bytes that it can have.
        most_bytes: usize,
    },
}

impl Scope {
    fn most_bytes(&self) -> usize {
        match self {
            Self::Checkout => MAX_BYTES,
            Self::File { most_bytes, .. } => *most_bytes,
        }
    }

    /// Is a file one that is written here?
    fn has(&self, path: &Path) -> bool {
        let is_plain = |part: Component<'_>| match part {
            Component::Normal(name) => !name.as_encoded_bytes().starts_with(b"."),
            _ => false,
        };
        match self {
            Self::Checkout => path.components().all(is_plain) && !path.as_os_str().is_empty(),
            Self::File { name, .. } => path == name,
        }
    }
}

/// The edits of a checkout's files, or of other files, that were not undone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    format: u32,
    /// One for each file.
    pub records: Vec<Record>,
}

/// The repair of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The file, from the root of its checkout.
    #[serde(with = "name")]
    pub path: PathBuf,
    /// The version of distorch-fix.
    pub program: String,
    /// When it was written, in seconds since 1970.
    pub written: u64,
    /// The abbreviated id of the commit that was checked out.
    pub commit: Option<String>,
    /// The hash of the text without the edits.
    pub before: String,
    /// The hash of the text with them.
    pub after: String,
    /// The text without the edits.
    pub old: String,
    /// The edits that lead from there to the repaired text, as (start, end, text).
    pub edits: Vec<(usize, usize, String)>,
}

impl Record {
    /// The text as distorch-fix left it.
    pub fn new_text(&self) -> String {
        self.edits().unwrap_or_default().apply(&self.old)
    }

    /// When it was written.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.written)).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn edits(&self) -> Result<Edits, Overlap> {
        Edits::new(self.edits.iter().map(|(start, end, text)| Edit::replace(*start..*end, text.clone())).collect())
    }

    /// Why this record is not valid, if it is not.
    fn fault(&self, scope: &Scope) -> Option<&'static str> {
        if !scope.has(&self.path) {
            return Some("names a file that distorch-fix does not write");
        }
        let length = self.old.len();
        let is_char = |at: usize| self.old.is_char_boundary(at);
        let fits = |edit: &Edit| edit.range.0 <= edit.range.1 && is_char(edit.range.0) && is_char(edit.range.1);
        if length > scope.most_bytes() || !self.edits().is_ok_and(|edits| edits.iter().all(fits)) {
            return Some("has edits that do not fit its text");
        }
        (self.before != hash(&self.old) || self.after != hash(&self.new_text()))
            .then_some("does not fit its own hashes")
    }
}

/// The hash that git has for a text.
pub fn hash(text: &str) -> String {
    Oid::hash_object(ObjectType::Blob, text.as_bytes()).map(|hash| hash.to_string()).unwrap_or_default()
}

/// The journal's file in its folder.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

impl Default for Journal {
    fn default() -> Self {
        Self { format: FORMAT, records: Vec::new() }
    }
}

impl Journal {
    /// Reads the journal in a folder; an empty one if there is none.
    pub(super) fn read(folder: &Path, scope: &Scope) -> Result<Self> {
        let path = path(folder);
        read(&path, scope)
            .with_context(|| format!("cannot use the journal {}", path.display()))
            .help_open("delete it; edits are then recognised by their form")
    }

    /// Replaces the journal in a folder atomically; removes it if it is empty.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = (!self.records.is_empty()).then(|| serde_json::to_vec_pretty(self)).transpose()?;
        staged::keep(folder, NAME, text.as_deref())
    }

    /// Why a record in it is not valid, if there is one.
    pub(super) fn fault(&self, scope: impl Fn(&Record) -> Scope) -> Option<&'static str> {
        self.records.iter().find_map(|record| record.fault(&scope(record)))
    }

    /// The record of a file.
    pub fn record(&self, path: &Path) -> Option<&Record> {
        self.records.iter().find(|record| record.path == path)
    }

    /// Records a repair, before it is made.
    pub(super) fn note(&mut self, path: &Path, replacement: &Replacement<'_>, commit: Option<&str>) {
        let known = self.record(path).map(|record| without(record, replacement.old));
        let old = known.unwrap_or_else(|| replacement.old.to_owned());
        let record = Record {
            path: path.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            written: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            commit: commit.map(str::to_owned),
            before: hash(&old),
            after: hash(replacement.new),
            edits: Edits::between(&old, replacement.new)
                .iter()
                .map(|edit| (edit.range.0, edit.range.1, edit.text.clone()))
                .collect(),
            old,
        };
        self.strike(path);
        self.records.push(record);
    }

    /// Removes the record of a file.
    pub(super) fn strike(&mut self, path: &Path) {
        self.records.retain(|record| record.path != path);
    }

    /// Removes the record of a file that is as it was before all edits.
    pub(super) fn settle(&mut self, path: &Path) {
        self.records.retain(|record| record.path != path || record.before != record.after);
    }
}

/// A text that is repaired again, without the edits of an earlier repair.
fn without(record: &Record, now: &str) -> String {
    match merge::undo(&record.old, &record.new_text(), now) {
        Merged::Clean(text) => text,
        // It was edited too much: a revert will lead to what is there now.
        Merged::Conflict(_) | Merged::TooLong => now.to_owned(),
    }
}

fn read(path: &Path, scope: &Scope) -> Result<Journal> {
    let about = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Journal::default());
        }
        about => about?,
    };
    ensure!(
        about.is_file() && about.len() <= BYTES_PER_BYTE * scope.most_bytes() as u64,
        "not written by distorch-fix"
    );
    let journal: Journal = serde_json::from_slice(&fs::read(path)?)?;
    if journal.format != FORMAT {
        bail!("unsupported journal format {} (expected {FORMAT})", journal.format);
    }
    if let Some(fault) = journal.fault(|_| scope.clone()) {
        bail!("it {fault}");
    }
    Ok(journal)
}

/// Paths as strings, or in the system's own form if they are not valid Unicode.
pub(super) mod name {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        System(OsString),
    }

    pub(in crate::store) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        let name = path.to_str().map_or_else(|| Name::System(path.into()), |text| Name::Text(text.to_owned()));
        name.serialize(serializer)
    }

    pub(in crate::store) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Name::deserialize(deserializer).map(|name| match name {
            Name::Text(text) => text.into(),
            Name::System(name) => name.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice;

    fn noted(old: &str, new: &str) -> Journal {
        let mut journal = Journal::default();
        let path = PathBuf::from("distorch_2.py");
        journal.note(&path, &Replacement { path: path.clone(), old, new }, None);
        journal
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has names that are no text"))]
        let mut journal = noted("a\nb\n", "a\nc\n");
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let odd = PathBuf::from(std::ffi::OsString::from_vec(b"caf\xe9.py".to_vec()));
            journal.note(&odd, &Replacement { path: odd.clone(), old: "x", new: "y" }, Some("0b438f7"));
        }
        journal.write(folder.path()).unwrap();
        let again = Journal::read(folder.path(), &Scope::Checkout).unwrap();
        assert_eq!(format!("{again:?}"), format!("{journal:?}"));
        assert_eq!(again.records[0].new_text(), "a\nc\n");
        Journal::default().write(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn repairs_after_each_other_are_undone_together() {
        let mut journal = noted("a\nb\nc\nd\n", "A\nb\nc\nd\n");
        let path = PathBuf::from("distorch_2.py");
        journal.note(&path, &Replacement { path: path.clone(), old: "A\nb\nc\nx\n", new: "A\nb\nC\nx\n" }, None);
        assert_eq!(journal.records.len(), 1);
        assert_eq!(journal.records[0].old, "a\nb\nc\nx\n");
        assert_eq!(journal.records[0].new_text(), "A\nb\nC\nx\n");
    }

    #[test]
    fn the_order_of_edits_in_a_journal_does_not_matter() {
        let mut journal = noted("a\nb\nc\n", "A\nb\nC\n");
        journal.records[0].edits.reverse();
        let folder = tempfile::tempdir().unwrap();
        journal.write(folder.path()).unwrap();
        assert_eq!(Journal::read(folder.path(), &Scope::Checkout).unwrap().records[0].new_text(), "A\nb\nC\n");
    }

    #[test]
    fn a_journal_that_others_wrote_is_not_believed() {
        type Change = fn(&mut Record);
        let folder = tempfile::tempdir().unwrap();
        let write = |change: Change| {
            let mut journal = noted("a\nb\n", "a\nc\n");
            change(&mut journal.records[0]);
            journal.write(folder.path()).unwrap();
            Journal::read(folder.path(), &Scope::Checkout).map(|_| ()).unwrap_err()
        };
        let cases: [(Change, &str); 7] = [
            (|record| record.path = "../elsewhere.py".into(), "does not write"),
            (|record| record.path = "/etc/passwd".into(), "does not write"),
            (|record| record.path = ".git/hooks/post-checkout".into(), "does not write"),
            (|record| record.old = "x".into(), "do not fit"),
            (|record| record.edits[0].2 = "x".into(), "its own hashes"),
            (|record| record.edits[0].0 = usize::MAX, "do not fit"),
            (|record| record.edits.push((0, 3, "x".into())), "do not fit"),
        ];
        for (change, why) in cases {
            let error = write(change);
            assert!(format!("{error:#}").contains(why) && advice::help(&error).len() == 1, "{error:?}");
        }
        fs::write(path(folder.path()), "{").unwrap();
        Journal::read(folder.path(), &Scope::Checkout).unwrap_err();
    }
}
