//! The diff: for people in colour, for `git apply` byte for byte.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::Style;
use similar::{ChangeTag, TextDiff};

use super::columns::{columns, split, width};
use super::{BAD, FAINT, GOOD, STRONG, visible};
use crate::repair::{Change, Repair};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// A patch as `git apply` takes it.
pub fn plain(repair: &Repair, change: &Change) -> String {
    let old = old_text(repair, change);
    let (old, new) = (lines(old), lines(&change.text));
    let diff = compare(&old, &new);
    let (before, after) = names(repair, change);
    diff.unified_diff().context_radius(CONTEXT).header(&before, &after).to_string()
}

/// The same for people: coloured, with nothing in it that could steer a terminal, and with lines broken where the
/// terminal would break them.
pub fn coloured(repair: &Repair, change: &Change) -> String {
    between(&repair.real_path(change.file), old_text(repair, change), &change.text)
}

/// What leads from one text of a file to another, for people.
pub(super) fn between(path: &Path, old: &str, new: &str) -> String {
    let columns = columns();
    let (old, new) = (lines(old), lines(new));
    let diff = compare(&old, &new);
    let (before, after) = (name("a", path), name("b", path));
    let (before, after) = (visible(&before), visible(&after));
    let mut out = format!("{STRONG}--- {before}{STRONG:#}\n{STRONG}+++ {after}{STRONG:#}\n");
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let _ = writeln!(out, "{FAINT}{}{FAINT:#}", hunk.header());
        for line in hunk.iter_changes() {
            let (sign, style) = match line.tag() {
                ChangeTag::Delete => ('-', BAD),
                ChangeTag::Insert => ('+', GOOD),
                ChangeTag::Equal => (' ', Style::new()),
            };
            // Bold is for what is said about the file, not for what is in it.
            let style = Style::new().fg_color(style.get_fg_color());
            let text = line.value().trim_end_matches(['\r', '\n']);
            push_line(&mut out, sign, style, &visible(text), columns);
            if line.missing_newline() {
                let _ = writeln!(out, "{FAINT}\\ No newline at end of file{FAINT:#}");
            }
        }
    }
    out
}

/// One line of the diff; what does not fit goes on below, further in than the line itself, with a mark where the sign
/// would be.
fn push_line(out: &mut String, sign: char, style: Style, text: &str, columns: Option<usize>) {
    let indent: String = text.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let room = |from: &str| columns.map_or(usize::MAX, |columns| columns.saturating_sub(width(from, 1) + 1).max(20));
    let (mut first, mut rest) = split(&text[indent.len()..], room(&indent));
    let _ = writeln!(out, "{style}{sign}{indent}{first}{style:#}");
    let indent = indent + "    ";
    while !rest.is_empty() {
        (first, rest) = split(rest, room(&indent));
        let _ = writeln!(out, "{FAINT}…{FAINT:#}{style}{indent}{first}{style:#}");
    }
}

fn old_text<'r>(repair: &'r Repair, change: &Change) -> &'r str {
    repair.package.source(change.file).map_or("", |source| source.text())
}

fn names(repair: &Repair, change: &Change) -> (String, String) {
    let path = repair.real_path(change.file);
    (name("a", &path), name("b", &path))
}

/// A path as git writes it, below `side`: with slashes, and in quotes where it holds what would end or garble a line.
fn name(side: &str, path: &Path) -> String {
    let mut bytes = side.as_bytes().to_vec();
    for part in path.components() {
        bytes.push(b'/');
        bytes.extend(part.as_os_str().as_encoded_bytes());
    }
    let is_plain = |byte: &u8| !byte.is_ascii_control() && !matches!(byte, b'"' | b'\\');
    match String::from_utf8(bytes) {
        Ok(name) if name.bytes().all(|byte| is_plain(&byte)) => name,
        Ok(name) => quoted(name.as_bytes()),
        Err(not_utf8) => quoted(not_utf8.as_bytes()),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        let _ = match byte {
            b'"' | b'\\' => write!(out, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(out, "{}", char::from(*byte)),
            _ => write!(out, "\\{byte:03o}"),
        };
    }
    out + "\""
}

/// Lines as git counts them: ended by a line feed and nothing else.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn compare<'t>(old: &'t [&'t str], new: &'t [&'t str]) -> TextDiff<'t, 't, str> {
    TextDiff::configure().newline_terminated(true).diff_slices(old, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_git_quotes_them() {
        assert_eq!(name("a", Path::new("nodes/é b.py")), "a/nodes/é b.py");
        assert_eq!(name("b", Path::new("a\nb\"\\.py")), "\"b/a\\012b\\\"\\\\.py\"");
    }

    #[test]
    fn long_lines_are_broken_behind_blanks() {
        let shown = |text: &str| {
            let mut out = String::new();
            push_line(&mut out, '+', Style::new(), text, Some(40));
            anstream::adapter::strip_str(&out).to_string()
        };
        assert_eq!(shown("    x = 1"), "+    x = 1\n");
        assert_eq!(
            shown("    message = \"one two three four five six seven\""),
            "+    message = \"one two three four five \n…        six seven\"\n"
        );
        let long = "x".repeat(100);
        assert!(shown(&long).lines().all(|line| width(line, 0) <= 40));
        assert_eq!(shown(&long).matches('x').count(), 100);
    }
}
