//! A place in the text of a script.

/// The characters of a script, and how far they have been read.
pub(super) struct Cursor {
    chars: Vec<char>,
    /// The place of the next character.
    pub(super) at: usize,
    /// The line of the next character.
    pub(super) line: u32,
}

impl Cursor {
    /// At the beginning of a text whose first line has this number.
    pub(super) fn new(text: &str, line: u32) -> Self {
        Self { chars: text.chars().collect(), at: 0, line }
    }

    /// The next character.
    pub(super) fn peek(&self) -> Option<char> {
        self.peek_behind(0)
    }

    /// The character so many behind the next one.
    pub(super) fn peek_behind(&self, count: usize) -> Option<char> {
        self.chars.get(self.at + count).copied()
    }

    /// Reads a character.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.line += u32::from(c == '\n');
        Some(c)
    }

    /// Reads to the end of the line.
    pub(super) fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.next();
        }
    }

    /// What was read since a place.
    pub(super) fn since(&self, from: usize) -> String {
        self.between(from, self.at)
    }

    /// What is between two places; nothing if the second is before the first.
    pub(super) fn between(&self, from: usize, to: usize) -> String {
        self.chars[from..to.max(from)].iter().collect()
    }

    /// The next characters, so many at most.
    pub(super) fn ahead(&self, count: usize) -> impl Iterator<Item = char> {
        self.chars[self.at..].iter().copied().take(count)
    }
}
