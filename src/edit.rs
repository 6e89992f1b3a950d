//! Byte edits: the only way this crate changes a text.

use std::ops::{Deref, Range};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// The time limit for comparing two texts. What is not compared by then counts as different.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Replaces the bytes of `range` by `text`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edit {
    /// The bytes of the old text that are replaced; empty for an insertion.
    pub range: (usize, usize),
    /// The new text.
    pub text: String,
}

impl Edit {
    /// Replaces `range` by `text`.
    pub fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range: (range.start, range.end), text: text.into() }
    }

    /// Inserts `text` before the byte at `offset`.
    pub fn insert(offset: usize, text: impl Into<String>) -> Self {
        Self::replace(offset..offset, text)
    }
}

/// Edits of one text, each once, in order of place and without overlaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

/// Two edits of one text overlap, so that they cannot both be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

impl Edits {
    /// Sorts the edits and drops repeated ones.
    ///
    /// # Errors
    /// If two of them overlap.
    pub fn new(mut edits: Vec<Edit>) -> Result<Self, Overlap> {
        edits.sort();
        edits.dedup();
        let are_apart = edits.windows(2).all(|pair| pair[0].range.1 <= pair[1].range.0);
        if are_apart { Ok(Self(edits)) } else { Err(Overlap) }
    }

    /// The text after the edits.
    pub fn apply(&self, text: &str) -> String {
        let grown: usize = self.iter().map(|edit| edit.text.len()).sum();
        let mut out = String::with_capacity(text.len() + grown);
        let mut done = 0;
        for edit in self.iter() {
            out.push_str(&text[done..edit.range.0]);
            out.push_str(&edit.text);
            done = edit.range.1;
        }
        out.push_str(&text[done..]);
        out
    }

    /// The edits that lead from the text after these edits back to `text`.
    #[must_use]
    pub fn undo(&self, text: &str) -> Self {
        let mut inverse = Vec::with_capacity(self.len());
        let mut shifted = 0;
        let mut done = 0;
        for edit in self.iter() {
            shifted += edit.range.0 - done;
            inverse.push(Edit::replace(shifted..shifted + edit.text.len(), &text[edit.range.0..edit.range.1]));
            shifted += edit.text.len();
            done = edit.range.1;
        }
        Self(inverse)
    }

    /// The edits that lead from one text to another, in whole lines.
    pub fn between(old: &str, new: &str) -> Self {
        let (old, new): (Vec<_>, Vec<_>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
        let mut edits = Vec::new();
        let mut at = 0;
        for op in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, Some(Instant::now() + MOST_TIME)) {
            let end = at + old[op.old_range()].iter().map(|line| line.len()).sum::<usize>();
            if !matches!(op, DiffOp::Equal { .. }) {
                edits.push(Edit::replace(at..end, new[op.new_range()].concat()));
            }
            at = end;
        }
        Self(edits)
    }
}

impl Deref for Edits {
    type Target = [Edit];

    fn deref(&self) -> &[Edit] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undoing_gives_the_old_text_back() {
        let text = "for a, b in c: pass";
        let edits = vec![Edit::replace(12..13, "dd"), Edit::insert(4, "*_, "), Edit::insert(4, "*_, ")];
        let edits = Edits::new(edits).unwrap();
        let new = edits.apply(text);
        assert_eq!(new, "for *_, a, b in dd: pass");
        assert_eq!(edits.undo(text).apply(&new), text);
    }

    #[test]
    fn the_edits_between_two_texts_lead_from_one_to_the_other() {
        for (old, new) in [("", "a"), ("a\nb\nc", "a\nB\nc\n"), ("a\r\nb\n", ""), ("é\nx\n", "y\né\n")] {
            assert_eq!(Edits::between(old, new).apply(old), new);
        }
    }

    #[test]
    fn overlapping_edits_are_refused() {
        assert_eq!(Edits::new(vec![Edit::replace(0..3, ""), Edit::replace(2..4, "x")]), Err(Overlap));
        assert_eq!(Edits::new(vec![Edit::replace(2..4, "x"), Edit::replace(0..2, "")]).unwrap().len(), 2);
    }
}
