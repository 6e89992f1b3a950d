//! Wraps lines to the terminal. The terminal itself would break them in the middle of a word, without indentation.

use std::io;

use textwrap::{WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::UnicodeWidthChar;

/// Columns between two tab stops.
const TAB: usize = 8;

/// How many columns standard output has; None if it is not a terminal.
pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| usize::from(columns.0).max(40))
}

/// Prose, wrapped at spaces: its first line starts after `used` columns, the others after `indent` spaces. A word that
/// is too long for a line stays whole, so that a path can be copied.
pub(super) fn wrapped(text: &str, used: usize, indent: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let (used, indent) = (" ".repeat(used), " ".repeat(indent));
    let options = textwrap::Options::new(columns)
        .initial_indent(&used)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    // The caller has printed the beginning of the first line.
    textwrap::fill(text, options).get(used.len()..).unwrap_or_default().to_owned()
}

/// Code: the part that fits into this many columns, and the rest. It is split after a space if there is one near the
/// end.
pub(super) fn split(text: &str, columns: usize) -> (&str, &str) {
    let end = fit(text, columns);
    if end == text.len() {
        return (text, "");
    }
    // At least one character, or it would never end.
    let end = end.max(text.chars().next().map_or(0, char::len_utf8));
    let blank = text[..end].rfind(' ').map(|blank| blank + 1).filter(|blank| *blank > end * 2 / 3);
    text.split_at(blank.unwrap_or(end))
}

/// How many bytes of a text fit into this many columns.
pub(super) fn fit(text: &str, columns: usize) -> usize {
    let mut used = 0;
    let is_beyond = |(_, c): &(usize, char)| {
        used += char_width(*c, used);
        used > columns
    };
    text.char_indices().find(is_beyond).map_or(text.len(), |(end, _)| end)
}

/// The columns that a text takes from a column on.
pub(super) fn width(text: &str, from: usize) -> usize {
    text.chars().fold(from, |used, c| used + char_width(c, used)) - from
}

fn char_width(c: char, column: usize) -> usize {
    if c == '\t' { TAB - column % TAB } else { c.width().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_at_blanks_only() {
        assert_eq!(wrapped("one two three", 4, 2, Some(12)), "one two\n  three");
        assert_eq!(wrapped("one /a/very/long/path two", 0, 2, Some(12)), "one\n  /a/very/long/path\n  two");
        assert_eq!(wrapped("one two three", 4, 2, None), "one two three");
        assert_eq!(wrapped("", 4, 2, Some(12)), "");
    }

    #[test]
    fn code_is_broken_behind_blanks_near_the_end_or_where_it_must() {
        assert_eq!(split("short", 10), ("short", ""));
        assert_eq!(split("one two three", 10), ("one two ", "three"));
        assert_eq!(split("a bbbbbbbbbbbbbb", 10), ("a bbbbbbbb", "bbbbbb"));
        assert_eq!(split("日本", 3), ("日", "本"));
        assert_eq!(split("日本", 1), ("日", "本"));
        assert_eq!(width("\ta", 1), 8);
    }
}
