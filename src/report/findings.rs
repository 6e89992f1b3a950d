//! Findings: the source line, marked, under what is to be said about it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{shown, terminal_columns, visible};
use crate::patches::{Fix, Site, State};
use crate::python::Source;
use crate::repair::Repair;

/// Columns where there is no terminal: enough for any line that a person wrote.
const COLUMNS: usize = 200;

/// Everything that `apply` would repair, and everything that was not understood.
pub fn all(repair: &Repair) -> String {
    findings(repair, |state| state.needs_fix() || state == State::Opaque)
}

/// What was not understood.
pub fn not_understood(repair: &Repair) -> String {
    findings(repair, |state| state == State::Opaque)
}

/// One snippet for each line on which there is something to find, a blank line between them.
fn findings(repair: &Repair, wanted: fn(State) -> bool) -> String {
    let renderer = Renderer::styled().term_width(terminal_columns().unwrap_or(COLUMNS));
    let mut out = String::new();
    for survey in &repair.surveys {
        let sites: Vec<_> = survey.sites.iter().filter(|site| wanted(site.state)).collect();
        let line = |site: &Site| repair.package.source(site.file).map(|source| source.line_start(site.range.start));
        let together = |a: &&Site, b: &&Site| a.file == b.file && a.state == b.state && line(a) == line(b);
        for sites in sites.chunk_by(together) {
            // A file with a site was parsed to find it.
            let Ok(source) = repair.package.source(sites[0].file) else { continue };
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&renderer.render(&[finding(repair, survey.fix, sites, source)]));
            out.push('\n');
        }
    }
    out
}

/// The sites are on one line, and in one state.
fn finding<'r>(repair: &Repair, fix: Fix, sites: &[&'r Site], source: &'r Source) -> Group<'r> {
    let first = sites[0];
    let level = if first.state == State::Opaque { Level::WARNING } else { Level::ERROR };
    // Only the line it begins on: a pattern or a statement can run over many.
    let (start, end) = (source.line_start(first.range.start), source.line_end(first.range.start));
    let line = source.text()[start..end].trim_start_matches('\u{feff}');
    let start = end - line.len();
    // Making a character visible can make it longer.
    let offset = |at: usize| visible(&line[..at.clamp(start, end) - start]).len();
    let mut snippet = Snippet::source(visible(line).into_owned())
        .line_start(source.place(first.range.start).line)
        .path(shown(&repair.path(first.file)));
    for (number, site) in sites.iter().enumerate() {
        let mark = AnnotationKind::Primary.span(offset(site.range.start)..offset(site.range.end));
        let is_last = number + 1 == sites.len();
        snippet = snippet.annotation(if is_last { mark.label(site.state.name()) } else { mark });
    }
    level.primary_title(title(sites)).id(fix.name()).element(snippet)
}

/// What is said about the first of them, on one line even where it quotes several, and how many there are.
fn title(sites: &[&Site]) -> String {
    let message = sites[0].message.split_whitespace().collect::<Vec<_>>().join(" ");
    let more = match sites.len() {
        1 => String::new(),
        count => format!(" (and {} more on this line)", count - 1),
    };
    visible(&message).into_owned() + &more
}
