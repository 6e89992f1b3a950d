//! Byte edits: the only way this crate changes a text.

use std::ops::Range;

/// Replaces the bytes of `range` by `text`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// The bytes of the old text that are replaced; empty for an insertion.
    pub range: (usize, usize),
    /// What stands there afterwards.
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

/// Sorts the edits and drops repeated ones; false if two of them overlap.
pub fn order(edits: &mut Vec<Edit>) -> bool {
    edits.sort();
    edits.dedup();
    edits.windows(2).all(|pair| pair[0].range.1 <= pair[1].range.0)
}

/// The text after the edits, which must be [ordered](order).
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let grown: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut done = 0;
    for edit in edits {
        out.push_str(&text[done..edit.range.0]);
        out.push_str(&edit.text);
        done = edit.range.1;
    }
    out.push_str(&text[done..]);
    out
}

/// The edits that turn `apply(text, edits)` back into `text`.
pub fn undo(text: &str, edits: &[Edit]) -> Vec<Edit> {
    let mut inverse = Vec::with_capacity(edits.len());
    let mut shifted = 0;
    let mut done = 0;
    for edit in edits {
        shifted += edit.range.0 - done;
        inverse.push(Edit::replace(shifted..shifted + edit.text.len(), &text[edit.range.0..edit.range.1]));
        shifted += edit.text.len();
        done = edit.range.1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undoing_gives_the_old_text_back() {
        let text = "for a, b in c: pass";
        let mut edits = vec![Edit::replace(12..13, "dd"), Edit::insert(4, "*_, "), Edit::insert(4, "*_, ")];
        assert!(order(&mut edits));
        let new = apply(text, &edits);
        assert_eq!(new, "for *_, a, b in dd: pass");
        assert_eq!(apply(&new, &undo(text, &edits)), text);
    }

    #[test]
    fn overlapping_edits_are_noticed() {
        assert!(!order(&mut vec![Edit::replace(0..3, ""), Edit::replace(2..4, "x")]));
    }
}
