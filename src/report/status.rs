//! Who repaired a checkout and when, and what an update would do to that.

use std::path::PathBuf;

use super::reversal::explained;
use crate::fixes::Status;
use crate::install::Checkout;
use crate::pipeline::Repair;
use crate::revert::{Fate, Known, Reversal, Reverted};
use crate::store::Store;
use crate::text::visible;

/// What `status` has to say about a checkout.
#[derive(Debug)]
pub struct StatusReport {
    /// Who repaired it, and when.
    pub repair: String,
    /// The files that were repaired, and what `revert` would do with each.
    pub files: Vec<(PathBuf, String)>,
    /// What an update would do.
    pub update: &'static str,
    /// The journal, if there is one.
    pub journal: Option<PathBuf>,
}

impl StatusReport {
    /// What is to be said of these facts.
    pub fn new(checkout: &Checkout, repair: &Repair, reversal: &Reversal, store: &Store) -> Self {
        let files = reversal.files.iter().map(|file| (file.path.clone(), fate(file, reversal.known)));
        Self {
            repair: repaired(checkout, repair, reversal),
            files: files.collect(),
            update: update(checkout, repair),
            journal: Some(store.journal_path()).filter(|path| path.is_file()),
        }
    }
}

/// Who repaired it, and when.
fn repaired(checkout: &Checkout, repair: &Repair, reversal: &Reversal) -> String {
    let ours = |file: &&Reverted| !matches!(file.fate, Fate::Absent(_));
    let needed = if repair.is_needed() { ", and not in order: see `distorch-fix check`" } else { "" };
    if let Some(file) = reversal.files.iter().find(ours) {
        let by = match &file.record {
            Some(record) => {
                let time = humantime::format_rfc3339_seconds(record.time());
                format!("by distorch-fix {} at {time}", visible(&record.program))
            }
            None => String::from("by distorch-fix, without a journal"),
        };
        return by + needed;
    }
    let modified = checkout.git.as_ref().and_then(|git| git.modified);
    let is = |wanted: Status| repair.surveys.asked.iter().any(|survey| survey.status == wanted);
    match (is(Status::NotUnderstood), repair.is_needed(), is(Status::InOrder), modified) {
        (true, ..) => "not understood: see `distorch-fix check`",
        (_, true, ..) => "none, and it needs one: see `distorch-fix check`",
        (_, _, false, _) => "none, and nothing to repair",
        (.., Some(false)) => "by upstream: in order as committed",
        (.., Some(true)) => "by hand: in order, and edited since the commit",
        (.., None) => "by upstream or by hand: in order, and no commit to compare it with",
    }
    .to_owned()
}

fn fate(file: &Reverted, known: Known) -> String {
    match (&file.fate, known) {
        (Fate::Whole(_), Known::Journal) => "as distorch-fix left it; `revert` restores it byte for byte".to_owned(),
        (Fate::Whole(_), Known::Commit) => "the commit, repaired; `revert` restores it byte for byte".to_owned(),
        (Fate::Whole(_), Known::Form) => "has the form of a repair; `revert` undoes what has it".to_owned(),
        (Fate::Merged(_), _) => "edited elsewhere since; `revert` keeps those edits".to_owned(),
        (Fate::Clashing(_), _) => {
            "the repair itself was edited since; `revert` would refuse, and show where".to_owned()
        }
        (Fate::TooLong, _) => "has grown too long to be compared; `revert` would refuse".to_owned(),
        (Fate::Absent(absence), _) => match explained(*absence) {
            (what, Some(help)) => format!("{what}; {help}"),
            (what, None) => what.to_owned(),
        },
    }
}

/// What an update would do.
fn update(checkout: &Checkout, repair: &Repair) -> &'static str {
    let Some(git) = &checkout.git else {
        return "not a clone: an update puts other files here, and `distorch-fix apply` repairs those";
    };
    match git.modified {
        Some(false) => "safe: the file is as committed",
        Some(true) if repair.is_needed() => "not safe: the file was edited, which `git pull` refuses to overwrite",
        Some(true) => {
            "not safe: `git pull` refuses to overwrite the file, and ComfyUI-Manager stashes it silently; \
             `distorch-fix revert` before it, `distorch-fix apply` after it"
        }
        None => "cannot tell: the repository could not be read",
    }
}
