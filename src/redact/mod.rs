//! What is private in texts, and what stands in its place. For reports that are shown to others.
//!
//! | private | in its place |
//! |---|---|
//! | the folders above an installation, and above any other file | `…`, and `…2` for the next installation |
//! | names of users, learned from the paths of their home folders and from the environment | `<user>`, `<user 2>` |
//! | names of computers, and hosts of URLs that are not well known | `<host>` |
//! | addresses of networks and of mail, but not those of this computer | `<address>`, `<e-mail>` |
//! | UUIDs of GPUs | `GPU-<uuid>` |
//! | tokens, keys, passwords | `<secret>` |
//!
//! The same text has the same replacement everywhere. What a reader needs stays: names of models, files, classes and
//! packages, versions, and the folders within an installation.

mod addresses;
mod names;
mod paths;
mod secrets;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::names::Names;
use self::paths::Paths;

/// The most characters of a text that are kept. No reader wants more of one, and a text may be as long as a log.
const MOST_CHARACTERS: usize = 1 << 13;

/// Replaces what is private in all texts of a report.
#[derive(Debug, Default)]
pub struct Redactor {
    names: Names,
    paths: Paths,
}

impl Redactor {
    /// One that knows these names, and the folders of installations: what is within them is shown.
    pub fn new<'p>(names: Names, installations: impl IntoIterator<Item = &'p Path>) -> Self {
        Self { names, paths: Paths::new(installations) }
    }

    /// Learns the names in all texts of a report: one that is first seen at the end is hidden at the beginning too.
    ///
    /// # Errors
    /// If the report cannot be written as JSON, which is an error of its type.
    pub fn learn<T: Serialize>(&mut self, report: &T) -> serde_json::Result<()> {
        texts(&mut serde_json::to_value(report)?, &mut |text| self.names.learn(text));
        Ok(())
    }

    /// A document without what is private in the report.
    ///
    /// # Errors
    /// If the report cannot be written as JSON, which is an error of its type.
    pub fn document<T: Serialize>(&mut self, report: &T) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(report)?;
        texts(&mut value, &mut |text| self.names.learn(text));
        self.value(&mut value);
        Ok(value)
    }

    /// A copy of a report without what is private in it.
    ///
    /// # Errors
    /// If the report cannot be read back from its JSON, which is an error of its type.
    pub fn report<T: Serialize + DeserializeOwned>(&mut self, report: &T) -> serde_json::Result<T> {
        T::deserialize(self.document(report)?)
    }

    /// A text without what is private in it.
    pub fn text(&mut self, text: &str) -> String {
        let text = addresses::hide(secrets::hide(Cow::Borrowed(text)));
        let text = self.paths.shorten(text);
        self.names.hide(text).into_owned()
    }

    /// The same for a text with the colours of a terminal in it.
    pub fn styled(&mut self, text: &str) -> String {
        static STYLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\x1b\[[\d;]*m").expect("a pattern"));
        let mut out = String::new();
        let mut done = 0;
        for style in STYLE.find_iter(text) {
            out += &self.text(&text[done..style.start()]);
            out += style.as_str();
            done = style.end();
        }
        out + &self.text(&text[done..])
    }

    /// Replaces the texts of a value. A secret may stand behind its name: as the member of an object, or as the next
    /// element of a list, as in the arguments of a program.
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(&shortened(text)),
            Value::Array(elements) => self.neighbours(elements.iter_mut()),
            Value::Object(members) => {
                for (_, member) in members.iter_mut().filter(|(name, _)| secrets::is_name(name)) {
                    hide(member);
                }
                self.neighbours(members.values_mut());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn neighbours<'v>(&mut self, values: impl Iterator<Item = &'v mut Value>) {
        let mut is_named = false;
        for value in values {
            let names = value.as_str().is_some_and(secrets::is_variable_or_flag);
            if is_named && !names {
                hide(value);
            } else {
                self.value(value);
            }
            is_named = names;
        }
    }
}

/// Replaces a secret.
fn hide(value: &mut Value) {
    if value.is_string() {
        *value = secrets::HIDDEN.into();
    }
}

/// The beginning of a text.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Replaces what a pattern finds, if the function says by what. It gets the texts before and after too.
fn replaced<'t>(
    text: Cow<'t, str>,
    pattern: &Regex,
    mut by: impl FnMut(&Captures<'_>, &str, &str) -> Option<String>,
) -> Cow<'t, str> {
    let mut out = String::new();
    let mut done = 0;
    for found in pattern.captures_iter(&text) {
        let all = found.get_match();
        if let Some(by) = by(&found, &text[..all.start()], &text[all.end()..]) {
            out += &text[done..all.start()];
            out += &by;
            done = all.end();
        }
    }
    if done == 0 {
        return text;
    }
    out += &text[done..];
    Cow::Owned(out)
}

/// A copy of a report in which the function has replaced every text.
///
/// # Errors
/// If the report cannot be read back from its JSON, which is an error of its type.
pub fn each_text<T: Serialize + DeserializeOwned>(
    report: &T,
    by: &mut impl FnMut(&str) -> String,
) -> serde_json::Result<T> {
    let mut value = serde_json::to_value(report)?;
    texts(&mut value, &mut |text| *text = by(text));
    T::deserialize(value)
}

/// Calls a function for every text of a value.
fn texts(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(elements) => elements.iter_mut().for_each(|element| texts(element, visit)),
        Value::Object(members) => members.values_mut().for_each(|member| texts(member, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
