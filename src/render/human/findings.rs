//! Findings: a message with the source line, marked, below it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::fixes::{Fix, State};
use crate::python::{Package, lines};
use crate::render::columns::{columns, fit, width, wrapped};
use crate::report::{CheckoutReport, ConflictReport, SiteReport};
use crate::text::visible;

/// Columns without a terminal: enough for any line that a person wrote.
const COLUMNS: usize = 200;
/// The most marks under one line.
const MOST_MARKS: usize = 50;

/// Everything that `apply` would repair, and everything that was not understood.
pub(super) fn all(checkout: &CheckoutReport, package: Option<&Package>) -> String {
    let mut out = findings(checkout, package, |_| true);
    for conflict in &checkout.conflicts {
        if let Some(text) = package.and_then(|package| package.text(conflict.file)) {
            separate(&mut out);
            out.push_str(&self::conflict(conflict, text));
        }
    }
    out
}

/// A blank line between two snippets.
fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

/// What is incompatible between the pack and its ComfyUI, with what to do.
fn conflict(conflict: &ConflictReport, file: &str) -> String {
    let columns = columns().unwrap_or(COLUMNS);
    let (start, end) = (lines::start(file, conflict.start.byte), lines::end(file, conflict.start.byte));
    let line = file[start..end].trim_start_matches('\u{feff}');
    let start = end - line.len();
    let offset = |at: usize| drawn(&line[..at.clamp(start, end) - start]).len();
    let (text, mark) = (drawn(line), offset(conflict.start.byte)..offset(conflict.end.byte));
    let mut snippet = Snippet::source(&text).line_start(conflict.start.line).path(conflict.path.shown());
    if !mark.is_empty() {
        snippet = snippet.annotation(AnnotationKind::Primary.span(mark));
    }
    let room = Some(columns.saturating_sub("error[comfyui]: ".len()));
    let title = wrapped(&visible(&conflict.message), 0, 0, room);
    let help = wrapped(&visible(&conflict.help), 0, 0, Some(columns.saturating_sub("  = help: ".len())));
    let group = Level::ERROR.primary_title(title).id("comfyui").element(snippet).element(Level::HELP.message(help));
    Renderer::styled().term_width(columns).render(&[group]) + "\n"
}

/// What was not understood.
pub(super) fn not_understood(checkout: &CheckoutReport, package: Option<&Package>) -> String {
    findings(checkout, package, State::is_unknown)
}

/// One snippet for each line on which there is something to find, a blank line between them.
fn findings(checkout: &CheckoutReport, package: Option<&Package>, wanted: fn(State) -> bool) -> String {
    let columns = columns().unwrap_or(COLUMNS);
    let renderer = Renderer::styled().term_width(columns);
    let mut out = String::new();
    let sites: Vec<_> = checkout.findings().filter(|(_, site)| wanted(site.state)).collect();
    let of = |(fix, site): &(Fix, &SiteReport)| (*fix, site.file, site.state, site.start.line, site.unused.clone());
    for sites in sites.chunk_by(|a, b| of(a) == of(b)) {
        let text = package.and_then(|package| package.text(sites[0].1.file));
        let Some(text) = text else { continue };
        separate(&mut out);
        out.push_str(&renderer.render(&[finding(sites, text, columns)]));
        out.push('\n');
    }
    out
}

/// The sites are on one line, and in one state.
fn finding<'r>(sites: &[(Fix, &'r SiteReport)], file: &'r str, columns: usize) -> Group<'r> {
    let (fix, first) = sites[0];
    let (level, word) = match crate::report::Level::of(first) {
        crate::report::Level::Warning => (Level::WARNING, "warning[]: "),
        crate::report::Level::Error => (Level::ERROR, "error[]: "),
    };
    // Only the line it begins on: a pattern or a statement can span many.
    let (start, end) = (lines::start(file, first.start.byte), lines::end(file, first.start.byte));
    let line = file[start..end].trim_start_matches('\u{feff}');
    let start = end - line.len();
    let number = first.start.line;
    let label = first.state.name;

    let mut text = drawn(line);
    let offset = |at: usize| drawn(&line[..at.clamp(start, end) - start]).len();
    let room = columns.saturating_sub(number.to_string().len() + " | ".len()).max(20);
    let skipped = width(&text[..offset(first.start.byte)], 0);
    // If little of the marked part would be visible, more is kept, and the renderer cuts the beginning.
    let kept = if skipped + room / 3 <= room { room } else { skipped + room / 2 };
    let mut cut = text.len();
    if width(&text, 0) > kept {
        cut = fit(&text, kept - 1);
        text.replace_range(cut.., "…");
    }
    let marks =
        sites.iter().take(MOST_MARKS).map(|(_, site)| offset(site.start.byte).min(cut)..offset(site.end.byte).min(cut));
    let marks: Vec<_> = marks.filter(|mark| !mark.is_empty()).collect();
    let fits = marks.last().is_some_and(|last| width(&text[..last.end], 0) + 1 + label.len() <= kept);
    let count = marks.len();
    let mut snippet = Snippet::source(text).line_start(number).path(first.path.shown());
    for (nth, mark) in marks.into_iter().enumerate() {
        let mark = AnnotationKind::Primary.span(mark);
        snippet = snippet.annotation(if fits && nth + 1 == count { mark.label(label) } else { mark });
    }
    let used = word.len() + fix.name().len();
    level.primary_title(title(sites, used, columns)).id(fix.name()).element(snippet)
}

/// A source line as it is drawn.
fn drawn(line: &str) -> String {
    visible(line).replace('\t', "    ")
}

/// The message about the first of them, and how many there are; after this many columns, on one line if it fits.
fn title(sites: &[(Fix, &SiteReport)], used: usize, columns: usize) -> String {
    let message = sites[0].1.said();
    let more = match sites.len() {
        1 => String::new(),
        count => format!(" (and {} more on this line)", count - 1),
    };
    wrapped(&(visible(&message).into_owned() + &more), 0, 0, Some(columns.saturating_sub(used)))
}
