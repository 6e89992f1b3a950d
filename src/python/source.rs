//! One Python file: its text, its syntax tree, and its layout.

use std::cell::OnceCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tree_sitter::{InputEdit, Node, Parser, Point, Tree, TreeCursor};

use super::lines::{self, Place};
use crate::edit::Edits;

/// Files larger than this are refused: no version of the node comes near it, and parsing one would take more memory
/// than a checker should.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Trees deeper than this are refused: Python's own parser gives up long before, and finding a node's parent costs as
/// much as the node is deep.
pub const MAX_DEPTH: usize = 2000;

/// A parsed Python file. Offsets are bytes from the start of the text, a byte order mark included.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    tree: Tree,
    /// Where each line but the first begins; computed on demand.
    lines: OnceCell<Vec<usize>>,
}

/// Why a file could not be read as Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The bytes are not UTF-8; the offset of the first bad byte.
    NotUtf8(usize),
    /// The text holds a NUL byte, which Python refuses; its offset.
    Nul(usize),
    /// The file has this many bytes, more than [`MAX_BYTES`].
    TooLarge(u64),
    /// The text does not parse; the place of the first error and the source line it is on.
    Syntax(Place, String),
    /// The text is nested deeper than [`MAX_DEPTH`], at this place.
    TooDeep(Place),
}

impl Unreadable {
    /// Where in the file, if the line is known.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Syntax(place, _) | Self::TooDeep(place) => Some(*place),
            Self::NotUtf8(_) | Self::Nul(_) | Self::TooLarge(_) => None,
        }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotUtf8(offset) => {
                write!(f, "not UTF-8: byte {offset} is not part of any character")
            }
            Self::Nul(offset) => {
                write!(f, "not Python: there is a NUL byte at offset {offset}")
            }
            Self::TooLarge(bytes) => {
                write!(f, "{bytes} bytes are more than a Python file of this node may have (at most {MAX_BYTES})")
            }
            Self::Syntax(place, line) => {
                write!(f, "not valid Python at line {}, column {}: `{}`", place.line, place.column, line.trim())
            }
            Self::TooDeep(place) => {
                write!(f, "nested more than {MAX_DEPTH} levels deep at line {}, column {}", place.line, place.column)
            }
        }
    }
}

impl Source {
    /// Parses `bytes` as the Python file at `path` (which is only a name here: nothing is read from it).
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Unreadable> {
        if let Some(offset) = memchr::memchr(0, &bytes) {
            return Err(Unreadable::Nul(offset));
        }
        let text = String::from_utf8(bytes).map_err(|error| Unreadable::NotUtf8(error.utf8_error().valid_up_to()))?;
        let source = Self::grow(path, text, None)?;
        if let Some(offset) = source.stray_mark() {
            return Err(Unreadable::Syntax(source.place(offset), source.line_at(offset).to_owned()));
        }
        match source.first_too_deep() {
            None => Ok(source),
            Some(offset) => Err(Unreadable::TooDeep(source.place(offset))),
        }
    }

    /// The same file after these edits. Only what they touch is parsed again.
    pub fn edited(&self, edits: &Edits) -> Result<Self, Unreadable> {
        // Each costs a pass over the text and the tree; with many, parsing everything again costs less.
        const MOST_EDITS: usize = 500;
        if edits.len() > MOST_EDITS {
            return Self::grow(&self.path, edits.apply(&self.text), None);
        }
        let mut tree = self.tree.clone();
        // From the last to the first, so that the remaining ones keep the offsets of the old text.
        for edit in edits.iter().rev() {
            let (start, end) = edit.range;
            let start_position = self.point(start);
            tree.edit(&InputEdit {
                start_byte: start,
                old_end_byte: end,
                new_end_byte: start + edit.text.len(),
                start_position,
                old_end_position: self.point(end),
                new_end_position: behind(start_position, &edit.text),
            });
        }
        Self::grow(&self.path, edits.apply(&self.text), Some(&tree))
    }

    /// Parses a text, reusing an `old` tree if there is one.
    fn grow(path: &Path, text: String, old: Option<&Tree>) -> Result<Self, Unreadable> {
        if text.len() > MAX_BYTES {
            return Err(Unreadable::TooLarge(text.len() as u64));
        }
        let mut parser = Parser::new();
        let tree = parser
            .set_language(&tree_sitter_python::LANGUAGE.into())
            .ok()
            .and_then(|()| parser.parse(&text, old))
            .ok_or_else(|| Unreadable::Syntax(Place { line: 1, column: 1 }, String::new()))?;
        let source = Self { path: path.to_owned(), text, tree, lines: OnceCell::new() };
        match source.first_error() {
            None => Ok(source),
            Some(offset) => Err(Unreadable::Syntax(source.place(offset), source.line_at(offset).to_owned())),
        }
    }

    /// The name it was parsed under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text, byte order mark included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The root of the tree.
    pub fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// The text of a node of this file.
    pub fn slice(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    /// The place of a byte offset.
    pub fn place(&self, offset: usize) -> Place {
        let start = self.line_start(offset);
        let lines = self
            .lines
            .get_or_init(|| memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|newline| newline + 1).collect());
        let line = lines.partition_point(|line| *line <= start) + 1;
        let shown = self.text[start..offset].trim_start_matches('\u{feff}');
        Place { line, column: shown.chars().count() + 1 }
    }

    /// The offset at which the line of `offset` begins.
    pub fn line_start(&self, offset: usize) -> usize {
        lines::start(&self.text, offset)
    }

    /// The offset just after the line of `offset`, before its line ending.
    pub fn line_end(&self, offset: usize) -> usize {
        lines::end(&self.text, offset)
    }

    /// The line of `offset`, without its line ending.
    pub fn line_at(&self, offset: usize) -> &str {
        &self.text[self.line_start(offset)..self.line_end(offset)]
    }

    /// The white space that the line of `offset` begins with (a byte order mark is not white space).
    pub fn indent_at(&self, offset: usize) -> &str {
        let line = self.line_at(offset).trim_start_matches('\u{feff}');
        &line[..line.len() - line.trim_start_matches([' ', '\t', '\u{c}']).len()]
    }

    /// The line ending used at `offset`: that of its own line, or of the line before at the end of a file.
    pub fn newline_at(&self, offset: usize) -> &'static str {
        let bytes = self.text.as_bytes();
        let ending = memchr::memchr(b'\n', &bytes[offset..])
            .map(|n| offset + n)
            .or_else(|| memchr::memrchr(b'\n', &bytes[..offset]));
        match ending {
            Some(end) if end > 0 && bytes[end - 1] == b'\r' => "\r\n",
            _ => "\n",
        }
    }

    /// One level of indentation, as the first block of the file has it that is not on its header's line; four spaces if
    /// there is none.
    pub fn unit(&self) -> &str {
        let mut found = None;
        walk(&mut self.root().walk(), |node| {
            found = found.or((node.kind() == "block" && is_apart(node)).then_some(node));
            found.is_none()
        });
        found.map_or("    ", |block| self.indent_unit(block))
    }

    /// One level of indentation: that of the lines in `block` relative to the line of their statement; four spaces if
    /// the block is on that line itself.
    pub fn indent_unit(&self, block: Node<'_>) -> &str {
        let parent = block.parent().map_or(0, |parent| parent.start_byte());
        let outer = self.indent_at(parent);
        let inner = self.indent_at(block.start_byte());
        match inner.strip_prefix(outer) {
            Some(unit) if !unit.is_empty() => unit,
            _ if outer.starts_with('\t') => "\t",
            _ => "    ",
        }
    }

    /// The ranges of every string in `range` that spans several lines. Their inner lines must not be moved: white space
    /// in them is data.
    pub fn multi_line_strings(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut cursor = self.root().walk();
        walk(&mut cursor, |node| {
            if node.end_byte() <= range.start || node.start_byte() >= range.end {
                return false;
            }
            if node.kind() == "string" && node.start_position().row != node.end_position().row {
                found.push(node.byte_range());
                return false;
            }
            true
        });
        found
    }

    /// A byte offset as the parser counts: rows and bytes from 0.
    fn point(&self, offset: usize) -> Point {
        let start = self.line_start(offset);
        let row = memchr::memchr_iter(b'\n', &self.text.as_bytes()[..start]).count();
        Point { row, column: offset - start }
    }

    /// A byte order mark in code: to this parser it is white space, to Python an error.
    fn stray_mark(&self) -> Option<usize> {
        let marks = memchr::memmem::find_iter(self.text.as_bytes(), "\u{feff}").skip_while(|offset| *offset == 0);
        let is_text = |offset| {
            let node = self.root().descendant_for_byte_range(offset, offset + 1);
            node.is_some_and(|node| matches!(node.kind(), "comment" | "string_content" | "string_end"))
        };
        // No real file has this many in strings and comments, and each costs a walk down the tree.
        marks.take(1000).find(|offset| !is_text(*offset))
    }

    fn first_too_deep(&self) -> Option<usize> {
        let mut found = None;
        descend(&mut self.root().walk(), |cursor, depth| {
            let node = cursor.node();
            if depth > MAX_DEPTH {
                found = found.or_else(|| Some(node.start_byte()));
            }
            // A byte opens a few nested nodes, never this many.
            found.is_none() && depth + 8 * node.byte_range().len() > MAX_DEPTH
        });
        found
    }

    fn first_error(&self) -> Option<usize> {
        if !self.root().has_error() {
            return None;
        }
        // The parser gives up on as much as it must, often from the start of the file. An unclosed or unopened bracket
        // says more; otherwise, the first of the innermost errors does.
        let mut open: Vec<(u8, usize)> = Vec::new();
        let mut unmatched = None;
        let mut innermost = None;
        walk(&mut self.root().walk(), |node| {
            if node.is_missing() || (node.is_error() && node.start_byte() > 0) {
                innermost = innermost.or(Some(node.start_byte()));
            }
            if node.child_count() == 0 && !node.is_missing() {
                match (node.kind(), open.last()) {
                    ("(" | "[" | "{", _) => open.push((node.kind().as_bytes()[0], node.start_byte())),
                    (")", Some((b'(', _))) | ("]", Some((b'[', _))) | ("}", Some((b'{', _))) => {
                        open.pop();
                    }
                    (")" | "]" | "}", _) => unmatched = unmatched.or(Some(node.start_byte())),
                    _ => {}
                }
            }
            node.kind() != "string"
        });
        open.first().map(|(_, offset)| *offset).or(unmatched).or(innermost).or(Some(0))
    }
}

/// Where `text` ends if it begins at `start`.
fn behind(start: Point, text: &str) -> Point {
    match text.rfind('\n') {
        None => Point { column: start.column + text.len(), ..start },
        Some(last) => Point { row: start.row + text.matches('\n').count(), column: text.len() - last - 1 },
    }
}

/// Does a block begin on a line after that of its header?
pub fn is_apart(block: Node<'_>) -> bool {
    block.parent().is_some_and(|parent| parent.start_position().row < block.start_position().row)
}

/// Visits the tree below the cursor's node, parents first, without recursion (trees can be very deep). `visit` says
/// whether to go into the node's children.
pub fn walk<'tree>(cursor: &mut TreeCursor<'tree>, mut visit: impl FnMut(Node<'tree>) -> bool) {
    descend(cursor, |cursor, _| visit(cursor.node()));
}

/// The same, with how deep each node is below the first one.
fn descend<'tree>(cursor: &mut TreeCursor<'tree>, mut visit: impl FnMut(&TreeCursor<'tree>, usize) -> bool) {
    let mut depth = 0;
    loop {
        if visit(cursor, depth) && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if depth == 0 || !cursor.goto_parent() {
                return;
            }
            depth -= 1;
        }
        if depth == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Edit;

    fn parse(text: &str) -> Source {
        Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).expect("parses")
    }

    #[test]
    fn places_count_characters_and_ignore_the_byte_order_mark() {
        let source = parse("\u{feff}é = 1\nx = 'é' + y\n");
        assert_eq!(source.place(3), Place { line: 1, column: 1 });
        let y = source.text().find("y\n").expect("there");
        assert_eq!(source.place(y), Place { line: 2, column: 11 });
    }

    #[test]
    fn the_line_ending_and_indentation_are_those_around() {
        let source = parse("if a:\r\n\tb = 1\r\nc = 2\n");
        assert_eq!(source.newline_at(0), "\r\n");
        assert_eq!(source.newline_at(source.text().len()), "\n");
        let block = source.root().child(0).and_then(|n| n.child_by_field_name("consequence")).expect("block");
        assert_eq!(source.indent_unit(block), "\t");
    }

    #[test]
    fn what_is_parsed_anew_is_as_if_parsed_whole() {
        let old = parse("for a, b in c:\n    pass\nx = \"cpu\"\n");
        let edits = vec![Edit::insert(4, "*_, "), Edit::insert(15, "    if d:\n    "), Edit::replace(28..33, "None")];
        let new = old.edited(&Edits::new(edits).unwrap()).expect("parses");
        let whole = parse(new.text());
        assert_eq!(new.text(), "for *_, a, b in c:\n    if d:\n        pass\nx = None\n");
        assert_eq!(new.root().to_sexp(), whole.root().to_sexp());
        let places = |source: &Source| {
            let mut places = Vec::new();
            walk(&mut source.root().walk(), |node| {
                places.push((node.start_position(), node.end_position()));
                true
            });
            places
        };
        assert_eq!(places(&new), places(&whole));
    }

    #[test]
    fn a_text_ends_behind_its_last_line() {
        let start = Point { row: 3, column: 4 };
        for (text, row, column) in [("", 3, 4), ("ab", 3, 6), ("\n", 4, 0), ("a\nbc\nd", 5, 1)] {
            assert_eq!(behind(start, text), Point { row, column }, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_python_is_refused_with_a_place() {
        let bad = Source::parse(Path::new("a.py"), b"x = 1\ny = (2\n".to_vec()).expect_err("is broken");
        assert!(matches!(bad, Unreadable::Syntax(Place { line: 2, .. }, _)), "{bad:?}");
        let deep = format!("x = 1\ny = {}1{}\n", "(".repeat(2 * MAX_DEPTH), ")".repeat(2 * MAX_DEPTH));
        let deep = Source::parse(Path::new("a.py"), deep.into_bytes()).expect_err("is deep");
        assert!(matches!(deep, Unreadable::TooDeep(Place { line: 2, .. })), "{deep:?}");
        assert_eq!(Source::parse(Path::new("a.py"), vec![b'x', 0xff]).expect_err("bytes"), Unreadable::NotUtf8(1));
        assert_eq!(Source::parse(Path::new("a.py"), vec![b'x', 0]).expect_err("bytes"), Unreadable::Nul(1));
    }
}
