//! A patch, for people.

use std::fmt::Write as _;

use anstyle::Style;

use crate::render::columns::{columns, split, width};
use crate::render::style::{BAD, FAINT, GOOD, STRONG};
use crate::report::Patch;
use crate::text::visible;

/// Coloured, without characters that could control a terminal, and with long lines wrapped.
pub(super) fn coloured(patch: &Patch) -> String {
    let columns = columns();
    let mut out = String::new();
    for (number, line) in patch.plain().split_inclusive('\n').enumerate() {
        let line = line.trim_end_matches(['\r', '\n']);
        // Bold is for the header, not for the content of the file.
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

/// One line of the diff; the rest of a long line continues below, indented further than the line, with a mark in place
/// of the sign.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_name_the_file_are_bold_and_are_no_changes() {
        let shown = coloured(&Patch::between("a.py".as_ref(), "one\n", "two\n"));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[..2], ["--- a/a.py", "+++ b/a.py"].map(|line| format!("{STRONG}{line}{STRONG:#}")));
        assert!(!lines[3].contains(&STRONG.to_string()) && lines[3].contains("-one"), "{shown:?}");
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
