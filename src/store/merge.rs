//! Undoes edits in a text that was edited elsewhere since: a three-way merge.

use std::ops::Range;

use similar::{MergeRegion, TextMerge};

/// The most lines of a text that is merged: the cost of comparing grows with their square.
const MOST_LINES: usize = 20_000;

/// The result of undoing.
#[derive(Debug, PartialEq, Eq)]
pub enum Merged {
    /// The text without the edits, and with every other change.
    Clean(String),
    /// Places where both changed the same lines.
    Conflict(Vec<Clash>),
    /// The text is too long to compare in bounded time.
    TooLong,
}

/// Lines that were changed twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The lines as they are now.
    pub now: String,
    /// The same lines before the repair.
    pub old: String,
}

/// Reverses, in `now`, the change that led from `old` to `new`.
pub fn undo(old: &str, new: &str, now: &str) -> Merged {
    if [old, new, now].iter().any(|text| memchr::memchr_iter(b'\n', text.as_bytes()).count() > MOST_LINES) {
        return Merged::TooLong;
    }
    // One side goes back from `new` to `old`; the other is what happened to `new` since.
    let merge = TextMerge::from_lines(new, now, old);
    if !merge.is_conflicted() {
        return Merged::Clean(merge.to_string());
    }
    let clash = |region: &MergeRegion| Clash {
        now: lines(region.ours_range(), |line| merge.ours_line(line)),
        old: lines(region.theirs_range(), |line| merge.theirs_line(line)),
    };
    Merged::Conflict(merge.conflicts().map(clash).collect())
}

fn lines<'t>(range: Range<usize>, line: impl Fn(usize) -> Option<&'t str>) -> String {
    range.filter_map(line).collect()
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
