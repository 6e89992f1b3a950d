//! Lines and columns of a text, parsed or not.

use serde::{Deserialize, Serialize};

/// A place in a file as people count: lines and columns from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The places of some offsets of a file.
#[derive(Clone, Debug)]
pub struct Places(Vec<(usize, Place)>);

impl Places {
    /// Looks up offsets of a text, all in one pass over it.
    pub fn of(text: &str, mut offsets: Vec<usize>) -> Self {
        offsets.sort_unstable();
        offsets.dedup();
        let mut place = Place { line: 1, column: 1 };
        let mut done = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut known = Vec::with_capacity(offsets.len());
        for offset in offsets {
            let passed = &text[done.min(offset)..offset];
            let (lines, tail) = match passed.rfind('\n') {
                None => (0, passed),
                Some(last) => (memchr::memchr_iter(b'\n', passed.as_bytes()).count(), &passed[last + 1..]),
            };
            let column = if lines == 0 { place.column } else { 1 };
            place = Place { line: place.line + lines, column: column + tail.chars().count() };
            done = done.max(offset);
            known.push((offset, place));
        }
        Self(known)
    }

    /// The place of an offset; none if it was not asked for.
    pub fn at(&self, offset: usize) -> Option<Place> {
        let found = self.0.binary_search_by_key(&offset, |(known, _)| *known).ok()?;
        Some(self.0[found].1)
    }
}

/// The offset at which the line of `offset` begins.
pub fn start(text: &str, offset: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..offset]).map_or(0, |newline| newline + 1)
}

/// The offset just after the line of `offset`, before its line ending.
pub fn end(text: &str, offset: usize) -> usize {
    let end = memchr::memchr(b'\n', &text.as_bytes()[offset..]).map_or(text.len(), |n| offset + n);
    if end > offset && text.as_bytes()[end - 1] == b'\r' { end - 1 } else { end }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::python::Source;

    #[test]
    fn many_places_are_those_of_each() {
        for text in ["\u{feff}é = 1\r\nx = 'é' + y\n\n", "a = 1", "\na = 1\n"] {
            let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses");
            let offsets: Vec<_> = (0..=text.len()).rev().filter(|offset| text.is_char_boundary(*offset)).collect();
            let places = Places::of(text, offsets.clone());
            for offset in offsets {
                assert_eq!(places.at(offset), Some(source.place(offset)), "{text:?} at {offset}");
            }
            assert_eq!(places.at(text.len() + 1), None);
        }
    }
}
