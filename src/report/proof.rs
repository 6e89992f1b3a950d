//! What running the repaired code came to.

use std::fmt::Write as _;

use super::{FAINT, GOOD, STRONG, UNSURE, visible};
use crate::verify::Verdict;

/// One line, and the notes; nothing where something is wrong, which [`refusal`] says.
pub fn line(verdict: Option<&Verdict>) -> String {
    let name = "verify";
    match verdict {
        None => {
            format!(
                "{STRONG}{name:<10}{STRONG:#} {UNSURE}not verified{UNSURE:#}: nothing was run, so nothing is proved\n"
            )
        }
        Some(Verdict::Verified(evidence)) if evidence.places + evidence.scenarios == 0 => {
            format!("{STRONG}{name:<10}{STRONG:#} {FAINT}not applicable{FAINT:#}: there is nothing to run\n")
        }
        Some(Verdict::Verified(evidence)) => {
            let mut out = format!(
                "{STRONG}{name:<10}{STRONG:#} {GOOD}verified{GOOD:#}: {} places probed, {} scenarios run, {} blocks placed\n",
                evidence.places, evidence.scenarios, evidence.blocks
            );
            for note in &evidence.notes {
                let _ = writeln!(out, "{FAINT}           {}{FAINT:#}", visible(note));
            }
            out
        }
        Some(Verdict::Wrong(_) | Verdict::Inconclusive(_)) => String::new(),
    }
}

/// How long it took, for those who asked for it.
pub fn elapsed(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified(evidence) => format!("{FAINT}           {} ms{FAINT:#}\n", evidence.elapsed.as_millis()),
        Verdict::Wrong(_) | Verdict::Inconclusive(_) => String::new(),
    }
}

/// Why a repair is not to be believed; nothing if it is.
pub fn refusal(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Verified(_) => None,
        Verdict::Wrong(mismatch) => Some(format!(
            "not verified: step `{}` gave a wrong answer\n  {}\n  right: {}\n  given: {}\n\
             help: nothing was written; please report it together with the file",
            mismatch.step,
            visible(&mismatch.scenario),
            visible(&mismatch.expected),
            visible(&mismatch.given)
        )),
        Verdict::Inconclusive(reason) => Some(format!(
            "not verified: it could not be run here\n  {}\n\
             help: nothing was written; --python PATH runs it in a real Python, --no-verify goes without",
            visible(reason.trim()).replace('\n', "\n  ")
        )),
    }
}
