//! What taking a repair back comes to.

use std::fmt::Write as _;

use anyhow::{Error, anyhow};

use super::diff as patch;
use super::text::{BAD, GOOD, STRONG, counted, shown, visible};
use crate::advice::Advise as _;
use crate::revert::{Absence, Fate, Known, Reversal, Reverted};

/// The lines that were edited again, as they are and as they were.
pub fn clashes(reversal: &Reversal) -> String {
    let mut out = String::new();
    for file in &reversal.files {
        let Fate::Clashing(clashes) = &file.fate else { continue };
        for clash in clashes {
            let _ = writeln!(out, "{STRONG}{}{STRONG:#}: edited since the repair", shown(&file.path));
            for (sign, style, text) in [('-', BAD, &clash.now), ('+', GOOD, &clash.old)] {
                for line in text.lines() {
                    let _ = writeln!(out, "{style}{sign}{}{style:#}", visible(line));
                }
            }
        }
    }
    out
}

/// Why nothing can be taken back, if nothing can, and what to do.
pub fn refusal(reversal: &Reversal) -> Option<Error> {
    let file = reversal.files.iter().find(|file| matches!(file.fate, Fate::Clashing(_) | Fate::TooLong))?;
    let path = shown(&file.path);
    Some(match &file.fate {
        Fate::Clashing(clashes) => anyhow!(
            "{path}: {} edited again since, so nothing was written",
            match clashes.len() {
                1 => String::from("one place of the repair was"),
                count => format!("{count} places of the repair were"),
            }
        )
        .help("undo those lines by hand: - is what is there now, + what was there before the repair"),
        _ => anyhow!("{path} has grown too long to be compared").help("restore the file, or install the node again"),
    })
}

/// Files in which nothing of the repair is left, and where it went.
pub fn absences(reversal: &Reversal) -> String {
    let mut out = String::new();
    for file in &reversal.files {
        let Fate::Absent(absence) = file.fate else { continue };
        let (what, help) = explained(absence);
        let _ = writeln!(out, "{}: {what}", shown(&file.path));
        if let Some(help) = help {
            let _ = writeln!(out, "help: {help}");
        }
    }
    out
}

/// Where the repair of a file went, and what to do.
pub(super) fn explained(absence: Absence) -> (&'static str, Option<&'static str>) {
    const CHECK: &str = "use `distorch-fix check` to see whether it needs one";
    match absence {
        Absence::Undone => ("as it was before the repair", None),
        Absence::Stashed => (
            "the repair was put away in a git stash, as ComfyUI-Manager's update does it",
            Some("leave it there, and use `distorch-fix apply` to repair what is there now"),
        ),
        Absence::Updated => ("updated since, without the repair", Some(CHECK)),
        Absence::Replaced => ("nothing of the repair is left in it", Some(CHECK)),
        Absence::Gone => ("not there any more", Some("restore it, or install the node again")),
    }
}

/// The diff of what is taken back.
pub fn diff(file: &Reverted) -> String {
    patch::between(&file.inside, &file.now, file.text().unwrap_or(&file.now)).coloured()
}

/// What was done.
pub fn end(reversal: &Reversal, dry_run: bool) -> String {
    let files: Vec<_> = reversal.files.iter().filter(|file| file.text().is_some()).collect();
    if files.is_empty() {
        let why =
            if reversal.files.is_empty() { ": there is no journal, and nothing has the form of a repair" } else { "" };
        return format!("Nothing to revert{why}.\n");
    }
    if dry_run {
        return format!("Dry run: {} to revert, nothing was written.\n", counted(files.len(), "file"));
    }
    let mut out = String::new();
    for file in files {
        let how = match (reversal.known, &file.fate) {
            (Known::Form, _) => "the edits were recognised by their form; negative subscripts stay",
            (Known::Commit, _) => "as committed",
            (Known::Journal, Fate::Merged(_)) => "without the repair, with everything that was edited since",
            (Known::Journal, _) => "byte for byte as before the repair",
        };
        let _ = writeln!(out, "{GOOD}Reverted{GOOD:#} {}: {how}.", shown(&file.path));
    }
    out + "Restart ComfyUI: it keeps the old code until then.\n"
}
