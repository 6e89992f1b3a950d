//! The texts of a file that may be workflows.

/// Texts by what they are called in the file.
#[derive(Debug, Default)]
pub(super) struct Texts {
    workflow: Option<String>,
    prompt: Option<String>,
    /// Called otherwise, such as a comment.
    others: Vec<String>,
}

/// The most texts of other names. A file has one comment.
const MOST_OTHERS: usize = 4;

impl Texts {
    /// Adds a text. The first one of a name counts.
    pub(super) fn add(&mut self, name: &str, text: String) {
        let known = if name.eq_ignore_ascii_case("workflow") {
            &mut self.workflow
        } else if name.eq_ignore_ascii_case("prompt") {
            &mut self.prompt
        } else {
            if self.others.len() < MOST_OTHERS && text.trim_start().starts_with(['{', '"']) {
                self.others.push(text);
            }
            return;
        };
        known.get_or_insert(text);
    }

    /// Adds a text that begins with its name and a colon, as in EXIF.
    pub(super) fn add_named(&mut self, text: &str) {
        match text.split_once(':') {
            Some((name, text)) if !name.contains(['{', '"']) => self.add(name.trim(), text.to_owned()),
            _ => self.add("", text.to_owned()),
        }
    }

    /// Is what the frontend saved known, so that it does not matter if the file is damaged behind it?
    pub(super) fn has_workflow(&self) -> bool {
        self.workflow.is_some()
    }

    /// Is everything known, so that the rest of the file need not be read?
    pub(super) fn is_complete(&self) -> bool {
        self.workflow.is_some() && self.prompt.is_some()
    }

    /// All of them, the best first: what the frontend saved has everything, a prompt only what ran.
    pub(super) fn by_preference(self) -> impl Iterator<Item = String> {
        self.workflow.into_iter().chain(self.prompt).chain(self.others)
    }
}

/// A text that says nothing about its encoding: UTF-8, or else Latin-1.
pub(super) fn decoded(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect())
}
