//! Who repaired a checkout and when, and what an update would do to the repair.

use std::path::PathBuf;

use super::GuardReport;
use super::reversal::explained;
use crate::fixes::Status;
use crate::guard::{Guard, State};
use crate::install::Checkout;
use crate::pipeline::Repair;
use crate::revert::{FileOutcome, Provenance, Reversal, Reverted};
use crate::store::Store;
use crate::text::visible;

/// The report of `status` about a checkout.
#[derive(Debug)]
pub struct StatusReport {
    /// Who repaired it, and when.
    pub repair: String,
    /// The files that were repaired, and what `revert` would do with each.
    pub files: Vec<(PathBuf, String)>,
    /// What an update would do.
    pub update: &'static str,
    /// Is there a guard that repairs it again? None if it is not among node packs.
    pub guard: Option<String>,
    /// The journal, if there is one.
    pub journal: Option<PathBuf>,
}

impl StatusReport {
    /// The report about these facts.
    pub fn new(checkout: &Checkout, repair: &Repair, reversal: &Reversal, store: &Store) -> Self {
        let guard = guard(checkout).map(|guard| (guard.state(), guard));
        let files = reversal.files.iter().map(|file| (file.path.clone(), outcome(file, reversal.provenance)));
        Self {
            repair: repaired(checkout, repair, reversal),
            files: files.collect(),
            update: update(checkout, repair, guard.as_ref().map(|(state, _)| state)),
            guard: guard.map(|(state, guard)| GuardReport::status(&guard, &state).state),
            journal: Some(store.journal_path()).filter(|path| path.is_file()),
        }
    }
}

/// Who repaired it, and when.
pub(super) fn repaired(checkout: &Checkout, repair: &Repair, reversal: &Reversal) -> String {
    let ours = |file: &&Reverted| !matches!(file.outcome, FileOutcome::Absent(_));
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

fn outcome(file: &Reverted, known: Provenance) -> String {
    match (&file.outcome, known) {
        (FileOutcome::Whole(_), Provenance::Journal) => {
            "as distorch-fix left it; `revert` restores it byte for byte".to_owned()
        }
        (FileOutcome::Whole(_), Provenance::Commit) => {
            "the commit, repaired; `revert` restores it byte for byte".to_owned()
        }
        (FileOutcome::Whole(_), Provenance::Form) => "has the form of a repair; `revert` undoes what has it".to_owned(),
        (FileOutcome::Merged(_), _) => "edited elsewhere since; `revert` keeps those edits".to_owned(),
        (FileOutcome::Clashing(_), _) => {
            "the repair itself was edited since; `revert` would refuse, and show where".to_owned()
        }
        (FileOutcome::TooLong, _) => "has grown too long to compare; `revert` would refuse".to_owned(),
        (FileOutcome::Absent(absence), _) => match explained(*absence) {
            (what, Some(help)) => format!("{what}; {help}"),
            (what, None) => what.to_owned(),
        },
    }
}

/// The guard beside it, whether it is there or not. None if it is not among node packs.
pub(super) fn guard(checkout: &Checkout) -> Option<Guard> {
    checkout.root.parent().filter(|folder| folder.ends_with("custom_nodes")).map(Guard::of)
}

/// What an update would do, with the guard in this state.
pub(super) fn update(checkout: &Checkout, repair: &Repair, guard: Option<&State>) -> &'static str {
    let is_guarded = matches!(guard, Some(State::Installed(_, None)));
    let Some(git) = &checkout.git else {
        return if is_guarded {
            "not a clone: an update replaces the files, and the guard repairs the new ones at the next start"
        } else {
            "not a clone: an update replaces the files, and `distorch-fix apply` repairs the new ones"
        };
    };
    match git.modified {
        Some(false) => "safe: the file is as committed",
        Some(true) if repair.is_needed() => "not safe: the file was edited, which `git pull` refuses to overwrite",
        Some(true) if is_guarded => {
            "safe by ComfyUI-Manager: it stashes the file, and the guard repairs the new one at the next start; \
             `git pull` refuses to overwrite the file: `distorch-fix revert` before it"
        }
        Some(true) => {
            "not safe: `git pull` refuses to overwrite the file, and ComfyUI-Manager stashes it silently; \
             `distorch-fix revert` before it, `distorch-fix apply` after it"
        }
        None => "unknown: the repository could not be read",
    }
}
