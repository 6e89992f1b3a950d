//! The answer of `revert`.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Human, patch};
use crate::render::style::{BAD, GOOD, STRONG};
use crate::render::{Render, Screen};
use crate::report::{Ending, ReversalReport};
use crate::text::{counted, shown, visible};

impl Render<ReversalReport> for Human {
    fn render(&self, reversal: &ReversalReport, screen: &mut Screen) -> Result<()> {
        screen.print(&clashes(reversal))?;
        if reversal.ending != Ending::Refused {
            screen.note(&absences(reversal))?;
            for patch in reversal.taken_back().filter_map(|file| file.patch.as_ref()) {
                screen.note(&patch::coloured(patch))?;
            }
            screen.note(&end(reversal))?;
        }
        Ok(())
    }
}

/// The lines that were edited again, as they are and as they were.
fn clashes(reversal: &ReversalReport) -> String {
    let mut out = String::new();
    for file in &reversal.files {
        for clash in &file.clashes {
            let _ = writeln!(
                out,
                "{STRONG}{}{STRONG:#}: edited since the {}",
                shown(&file.path),
                reversal.subject.change()
            );
            for (sign, style, text) in [('-', BAD, &clash.now), ('+', GOOD, &clash.old)] {
                for line in text.lines() {
                    let _ = writeln!(out, "{style}{sign}{}{style:#}", visible(line));
                }
            }
        }
    }
    out
}

/// Files in which nothing of the repair is left, and where it went.
fn absences(reversal: &ReversalReport) -> String {
    let mut out = String::new();
    for file in &reversal.files {
        let Some((what, help)) = file.absence else { continue };
        let _ = writeln!(out, "{}: {what}", shown(&file.path));
        if let Some(help) = help {
            let _ = writeln!(out, "help: {help}");
        }
    }
    out
}

/// What was done.
fn end(reversal: &ReversalReport) -> String {
    match reversal.ending {
        Ending::Refused | Ending::Failed => String::new(),
        Ending::Nothing if reversal.files.is_empty() => {
            format!("Nothing to revert: {}.\n", reversal.subject.nothing())
        }
        Ending::Nothing => String::from("Nothing to revert.\n"),
        Ending::DryRun => {
            let files = counted(reversal.taken_back().count(), "file");
            format!("Dry run: {files} to revert, nothing was written.\n")
        }
        Ending::Written => {
            let mut out = String::new();
            for file in reversal.taken_back() {
                let _ = writeln!(out, "{GOOD}Reverted{GOOD:#} {}: {}.", shown(&file.path), file.how);
            }
            out + reversal.subject.next() + "\n"
        }
    }
}
