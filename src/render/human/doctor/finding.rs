//! A problem: what is wrong, how that is known, why, and what to do.

use std::fmt::Write as _;

use anstyle::Style;

use crate::doctor::Rank;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, FAINT, NEXT, STRONG, UNSURE};
use crate::report::doctor::{FoundProblem, PlaceReport, StepReport};
use crate::text::visible;

/// Columns in front of everything behind the title.
const INDENT: usize = 3;
/// Columns for a label and the blanks behind it.
const LABEL: usize = 6;

/// The problem with its number.
pub(super) fn block(number: usize, found: &FoundProblem) -> String {
    let style = style(found.rank);
    let mut out = format!("{style}{number}. {}{style:#} {FAINT}[{}]{FAINT:#}\n", found.title, found.problem);
    let _ = writeln!(out, "{:INDENT$}{}", "", wrapped(&format!("{}.", found.message), INDENT, INDENT, columns()));
    for evidence in &found.evidence {
        let text = format!("{}: {}", place(&evidence.place), evidence.text);
        let _ = writeln!(out, "{:INDENT$}- {}", "", wrapped(&text, INDENT + 2, INDENT + 2, columns()));
    }
    let mut line = |name: &str, style: Style, text: &str| {
        let _ = writeln!(out, "{:INDENT$}{style}{name:<LABEL$}{style:#}{text}", "");
    };
    let behind = INDENT + LABEL;
    line("why", FAINT, &wrapped(found.about, behind, behind, columns()));
    match &found.step {
        // A command is not wrapped: it is to be copied.
        StepReport::Command { text } => line("next", NEXT, &format!("{STRONG}{}{STRONG:#}", visible(text))),
        StepReport::Advice { text } => {
            line("next", NEXT, &wrapped(&format!("{}.", visible(text)), behind, behind, columns()));
        }
        StepReport::Edit { path, line: at, after, .. } => {
            line("next", NEXT, &format!("change line {at} of {} to", path.shown()));
            line("", NEXT, &format!("{STRONG}{}{STRONG:#}", visible(after)));
        }
    }
    for (at, source) in found.sources.iter().enumerate() {
        line(if at == 0 { "see" } else { "" }, FAINT, &format!("{FAINT}{source}{FAINT:#}"));
    }
    out
}

fn style(rank: Rank) -> Style {
    match rank {
        Rank::Stops | Rank::Wrong => BAD,
        Rank::Costs => UNSURE,
        Rank::Note => STRONG,
    }
}

/// A place in a few words.
pub(super) fn place(place: &PlaceReport) -> String {
    match place {
        PlaceReport::File { path, line: Some(line) } => format!("{}:{line}", path.inside()),
        PlaceReport::File { path, line: None } => path.inside(),
        PlaceReport::Log { line, .. } => format!("line {line} of the log"),
        PlaceReport::Output { program } => (*program).to_owned(),
        PlaceReport::Node { path, id } => format!("node {} of {}", visible(id), path.inside()),
    }
}
