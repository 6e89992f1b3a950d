//! The result of running the code, for people.

use std::fmt::Write as _;

use crate::render::columns::{columns, wrapped};
use crate::render::style::{FAINT, GOOD, INDENT, UNSURE, label};
use crate::report::Verification;
use crate::text::visible;

/// One line, and the notes; nothing if something is wrong, since the error says that.
pub(super) fn line(verification: &Verification) -> String {
    let name = label("verify");
    match verification {
        Verification::Skipped => {
            format!("{name}{UNSURE}not verified{UNSURE:#}: nothing was run, so nothing is proved\n")
        }
        Verification::NotApplicable => {
            format!("{name}{FAINT}not applicable{FAINT:#}: there is nothing to run\n")
        }
        Verification::Verified { notes, .. } => {
            let mut out = format!("{name}{GOOD}verified{GOOD:#}: {}\n", verification.counts());
            for note in notes {
                let note = wrapped(&visible(note), INDENT, INDENT, columns());
                let _ = writeln!(out, "{FAINT}{:INDENT$}{note}{FAINT:#}", "");
            }
            out
        }
        Verification::NotReached | Verification::Wrong { .. } | Verification::Inconclusive { .. } => String::new(),
    }
}

/// How long it took, if that was asked for.
pub(super) fn elapsed(verification: &Verification) -> String {
    match verification {
        Verification::Verified { elapsed, .. } => format!("{FAINT}{:INDENT$}{} ms{FAINT:#}\n", "", elapsed.as_millis()),
        _ => String::new(),
    }
}
