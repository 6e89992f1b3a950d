//! The diff: for people in colour, for `git apply` byte for byte.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::Style;
use serde::Serialize;
use similar::TextDiff;

use super::columns::{columns, split, width};
use super::text::{BAD, FAINT, GOOD, STRONG, visible};
use crate::repair::{Change, Repair};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// What changes in a file, as `git apply` takes it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Patch(String);

impl Patch {
    /// Byte for byte.
    pub(super) fn plain(&self) -> &str {
        &self.0
    }

    /// For people: coloured, with nothing in it that could steer a terminal, and with lines broken where the terminal
    /// would break them.
    pub(super) fn coloured(&self) -> String {
        let columns = columns();
        let mut out = String::new();
        for (number, line) in lines(&self.0).into_iter().enumerate() {
            let line = line.trim_end_matches(['\r', '\n']);
            // Bold is for what is said about the file, not for what is in it.
            let (about, body) = match line.split_at_checked(1) {
                _ if number < 2 => (Some(STRONG), Style::new()),
                Some(("-", _)) => (None, BAD),
                Some(("+", _)) => (None, GOOD),
                Some((" ", _)) => (None, Style::new()),
                _ => (Some(FAINT), Style::new()),
            };
            let line = visible(line);
            if let Some(style) = about {
                let _ = writeln!(out, "{style}{line}{style:#}");
            } else if let Some((sign, text)) = line.split_at_checked(1) {
                push_line(&mut out, sign, Style::new().fg_color(body.get_fg_color()), text, columns);
            }
        }
        out
    }
}

/// The patch of a change. Its names are written from the checkout's folder, which lies at `folder` from where the patch
/// is to be applied.
pub(super) fn patch(repair: &Repair, change: &Change, folder: &Path) -> Patch {
    let old = repair.package.source(change.file).map_or("", |source| source.text());
    between(&folder.join(repair.real_path(change.file)), old, &change.text)
}

/// What leads from one text of the file at a path to another.
pub(super) fn between(path: &Path, old: &str, new: &str) -> Patch {
    let (old, new) = (lines(old), lines(new));
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let hunks = diff.unified_diff().context_radius(CONTEXT).header(&name("a", path), &name("b", path)).to_string();
    Patch(hunks)
}

/// One line of the diff; what does not fit goes on below, further in than the line itself, with a mark where the sign
/// would be.
fn push_line(out: &mut String, sign: &str, style: Style, text: &str, columns: Option<usize>) {
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
            push_line(&mut out, "+", Style::new(), text, Some(40));
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
