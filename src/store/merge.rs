//! Undoing edits in a text that was edited elsewhere since.

use diffy::{ConflictStyle, MergeOptions};

/// Lines of a text that is merged, at most: what it costs grows with their square.
const MOST_LINES: usize = 20_000;

/// What undoing came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Merged {
    /// The text without the edits, and with everything else that was changed.
    Clean(String),
    /// Places where both changed the same lines.
    Conflict(Vec<Clash>),
    /// There is more text than can be compared in bounded time.
    TooLong,
}

/// Lines that were changed twice.
#[derive(Debug, PartialEq, Eq)]
pub struct Clash {
    /// The lines as they are now.
    pub now: String,
    /// The same lines before the repair.
    pub old: String,
}

/// Takes back what led from `old` to `new` in what became of `new` since.
pub fn undo(old: &str, new: &str, now: &str) -> Merged {
    if [old, new, now].iter().any(|text| memchr::memchr_iter(b'\n', text.as_bytes()).count() > MOST_LINES) {
        return Merged::TooLong;
    }
    let marker = free_marker(&[old, new, now]);
    let merged = MergeOptions::new()
        .set_conflict_style(ConflictStyle::Merge)
        .set_conflict_marker_length(marker)
        .merge(new, now, old);
    merged.map_or_else(|marked| Merged::Conflict(clashes(&marked, marker)), Merged::Clean)
}

/// A length of conflict markers that no line of the texts has.
fn free_marker(texts: &[&str]) -> usize {
    let marks = |line: &str| ['<', '=', '>'].map(|mark| line.chars().take_while(|c| *c == mark).count());
    let longest = texts.iter().flat_map(|text| text.lines()).flat_map(marks).max().unwrap_or_default();
    longest.max(6) + 1
}

fn clashes(marked: &str, marker: usize) -> Vec<Clash> {
    let is_mark = |line: &str, mark: char| line.chars().take_while(|c| *c == mark).count() >= marker;
    let mut found = Vec::new();
    let mut lines = marked.split_inclusive('\n');
    while lines.by_ref().any(|line| is_mark(line, '<')) {
        let now = lines.by_ref().take_while(|line| !is_mark(line, '=')).collect();
        let old = lines.by_ref().take_while(|line| !is_mark(line, '>')).collect();
        found.push(Clash { now, old });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "a\nb\nc\nd\ne\n";
    const NEW: &str = "a\nb\nC\nd\ne\n";

    #[test]
    fn edits_elsewhere_stay() {
        assert_eq!(undo(OLD, NEW, NEW), Merged::Clean(OLD.to_owned()));
        assert_eq!(undo(OLD, NEW, "x\na\nb\nC\nd\nE\n"), Merged::Clean("x\na\nb\nc\nd\nE\n".to_owned()));
        assert_eq!(undo(OLD, NEW, OLD), Merged::Clean(OLD.to_owned()), "undone by somebody else");
    }

    #[test]
    fn a_line_that_was_edited_again_is_a_clash() {
        let now = "=======\na\nb\nX\nd\ne\n";
        let clash = Clash { now: "X\n".to_owned(), old: "c\n".to_owned() };
        assert_eq!(undo(OLD, NEW, now), Merged::Conflict(vec![clash]));
    }

    #[test]
    fn what_would_take_too_long_is_not_begun() {
        let long = |line: &str| line.repeat(MOST_LINES + 1);
        assert_eq!(undo(&long("a\n"), &long("b\n"), &long("c\n")), Merged::TooLong);
    }
}
