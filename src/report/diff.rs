//! The diff: for people in colour, for `git apply` byte for byte.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::{BAD, FAINT, GOOD, STRONG, visible};
use crate::repair::{Change, Repair};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// A patch as `git apply` takes it.
pub fn plain(repair: &Repair, change: &Change) -> String {
    let old = old_text(repair, change);
    let (old, new) = (lines(old), lines(&change.text));
    let diff = compare(&old, &new);
    let name = file_name(repair, change);
    diff.unified_diff().context_radius(CONTEXT).header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

/// The same for people: coloured, and with nothing in it that could steer a terminal.
pub fn coloured(repair: &Repair, change: &Change) -> String {
    let old = old_text(repair, change);
    let (old, new) = (lines(old), lines(&change.text));
    let diff = compare(&old, &new);
    let name = file_name(repair, change);
    let name = visible(&name);
    let mut out = format!("\n{STRONG}--- a/{name}{STRONG:#}\n{STRONG}+++ b/{name}{STRONG:#}\n");
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let _ = writeln!(out, "{FAINT}{}{FAINT:#}", hunk.header());
        for line in hunk.iter_changes() {
            let (sign, style) = match line.tag() {
                ChangeTag::Delete => ('-', BAD),
                ChangeTag::Insert => ('+', GOOD),
                ChangeTag::Equal => (' ', anstyle::Style::new()),
            };
            let style = style.effects(anstyle::Effects::new());
            let text = line.value().trim_end_matches(['\r', '\n']);
            let _ = writeln!(out, "{style}{sign}{}{style:#}", visible(text));
        }
    }
    out
}

fn old_text<'r>(repair: &'r Repair, change: &Change) -> &'r str {
    repair.package.source(change.file).map_or("", |source| source.text())
}

/// A path as git writes it.
fn file_name(repair: &Repair, change: &Change) -> String {
    let parts = repair.package.path(change.file).components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// Lines as git counts them: ended by a line feed and nothing else.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn compare<'t>(old: &'t [&'t str], new: &'t [&'t str]) -> TextDiff<'t, 't, str> {
    TextDiff::configure().newline_terminated(true).diff_slices(old, new)
}
