//! What is wrong with the loader nodes of workflows: by file, and by node.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level as Kind, Renderer, Snippet};
use anstyle::Style;
use anyhow::Result;

use super::Human;
use crate::lint::Level;
use crate::render::columns::{columns, fit, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, NEXT, STRONG, UNSURE};
use crate::render::{Render, Screen};
use crate::report::{CheckedFile, ChecksReport, FindingReport, NodeReport, UncheckedReport, ValueReport};
use crate::text::{counted, visible};

/// Columns without a terminal.
const COLUMNS: usize = 200;

impl Render<ChecksReport> for Human {
    fn render(&self, report: &ChecksReport, screen: &mut Screen) -> Result<()> {
        for file in &report.files {
            match &file.error {
                Some(error) => screen.error(error),
                None if file.is_wrong() => screen.print(&block(file))?,
                None => screen.note(&block(file))?,
            }
        }
        Ok(())
    }
}

fn block(file: &CheckedFile) -> String {
    let verdict = verdict(file);
    let mut out = format!("{STRONG}{}{STRONG:#}  {verdict}\n", visible(&file.path.shown()));
    let mut last: &[NodeReport] = &[];
    for found in file.findings.iter().filter(|found| found.level > Level::Note) {
        if found.nodes != last {
            out.push_str(&head(&found.nodes));
        }
        last = &found.nodes;
        out.push_str(&finding(found));
    }
    for found in file.findings.iter().filter(|found| found.level == Level::Note) {
        out.push_str(&line("  ", "note", FAINT, found.check, &format!("{}: {}", ids(&found.nodes), found.message)));
    }
    for (why, checks) in unchecked(&file.unchecked) {
        let text = format!("not checked: {checks}, because {why}");
        let _ = writeln!(out, "  {FAINT}{}{FAINT:#}", wrapped(&visible(&text), 2, 4, columns()));
    }
    for command in &file.next {
        let _ = writeln!(out, "  {NEXT}next{NEXT:#}: {}", visible(command));
    }
    out
}

fn verdict(file: &CheckedFile) -> String {
    let count = |level| file.findings.iter().filter(|found| found.level == level).count();
    let counts: Vec<String> = [(Level::Error, "error", BAD), (Level::Warning, "warning", UNSURE)]
        .into_iter()
        .filter(|(level, ..)| count(*level) > 0)
        .map(|(level, word, style)| format!("{style}{}{style:#}", counted(count(level), word)))
        .collect();
    if counts.is_empty() { format!("{GOOD}nothing is wrong{GOOD:#}") } else { counts.join(", ") }
}

/// `node 37  UNETLoaderDisTorch2MultiGPU  high`, or `nodes 37, 56`
fn head(nodes: &[NodeReport]) -> String {
    let [node] = nodes else { return format!("  {STRONG}{}{STRONG:#}\n", ids(nodes)) };
    let title = node.title.as_ref().map(|title| format!("  {FAINT}{}{FAINT:#}", visible(title))).unwrap_or_default();
    format!("  {STRONG}{}{STRONG:#}  {}{title}\n", ids(nodes), visible(&node.class))
}

fn ids(nodes: &[NodeReport]) -> String {
    let ids: Vec<_> = nodes.iter().map(|node| visible(&node.id)).collect();
    let word = if nodes.len() == 1 { "node" } else { "nodes" };
    format!("{word} {}", ids.join(", "))
}

fn finding(found: &FindingReport) -> String {
    let (word, style) = match found.level {
        Level::Error => ("error", BAD),
        Level::Warning => ("warning", UNSURE),
        Level::Note => ("note", FAINT),
    };
    let mut out = line("    ", word, style, found.check, &found.message);
    if let Some(value) = found.value.as_ref().filter(|value| value.end - value.start < value.text.len()) {
        out.push_str(&marked(value, found.level, found.start.map(|start| start.line)));
    }
    if let Some(help) = &found.help {
        let help = wrapped(&visible(help), "    help: ".len(), 6, columns());
        let _ = writeln!(out, "    {NEXT}help{NEXT:#}: {help}");
    }
    out
}

/// `warning[string]: ...`
fn line(indent: &str, word: &str, style: Style, check: &str, message: &str) -> String {
    let used = indent.len() + word.len() + check.len() + "[]: ".len();
    let message = wrapped(&visible(message), used, indent.len() + 2, columns());
    format!("{indent}{style}{word}[{check}]{style:#}: {message}\n")
}

/// The value with the part of it marked.
fn marked(value: &ValueReport, level: Level, line: Option<usize>) -> String {
    let room = columns().unwrap_or(COLUMNS).saturating_sub(12).max(20);
    let drawn = |text: &str| visible(text).into_owned();
    let (start, end) = (drawn(&value.text[..value.start]).len(), drawn(&value.text[..value.end]).len());
    let text = drawn(&value.text);
    let cut = fit(&text, room);
    let mark = start.min(cut)..end.min(cut);
    if mark.is_empty() {
        return String::new();
    }
    let kind = if level == Level::Error { Kind::ERROR } else { Kind::WARNING };
    let snippet =
        Snippet::source(&text[..cut]).line_start(line.unwrap_or(1)).annotation(AnnotationKind::Primary.span(mark));
    let shown = Renderer::styled().term_width(room).render(&[kind.no_name().primary_title("").element(snippet)]);
    // Only the source and the marks: its title and its place are above.
    shown.lines().skip(1).fold(String::new(), |out, line| out + "    " + line + "\n")
}

/// What could not be checked, by the reason.
fn unchecked(unchecked: &[UncheckedReport]) -> Vec<(&str, String)> {
    let mut by_why: Vec<(&str, Vec<&str>)> = Vec::new();
    for UncheckedReport { check, why } in unchecked {
        match by_why.iter_mut().find(|(known, _)| known == why) {
            Some((_, checks)) => checks.push(check),
            None => by_why.push((why, vec![check])),
        }
    }
    by_why.into_iter().map(|(why, checks)| (why, checks.join(", "))).collect()
}
