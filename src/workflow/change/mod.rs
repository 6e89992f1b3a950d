//! Changes of loader nodes: as few bytes as possible, and what is read back is what was wanted.
//!
//! ```text
//! select: which loaders ─┬─> set: their settings ────────────────────┐
//!                        └─> convert: their classes ─> set ─> verify ┴─> the new text
//! ```

mod convert;
mod grow;
mod select;
mod set;

pub use convert::{Conversion, convert};
pub use select::Selection;
pub use set::{OwnString, Wanted, set, set_each};

use super::loader::Loader;
use super::node::Mode;

/// A changed workflow. Nothing is written yet.
#[derive(Debug)]
pub struct Change {
    /// The new text.
    pub text: String,
    /// The loaders that were to be changed, in the order of the file.
    pub nodes: Vec<Touched>,
    /// How many loaders could be converted to ones that could be set.
    pub convertible: usize,
    /// Is nothing to be changed because everything is as wanted?
    pub is_done: bool,
}

/// A loader that was to be changed.
#[derive(Debug, Clone)]
pub struct Touched {
    /// Its id as in ComfyUI's prompts.
    pub id: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
    /// Its class; the new one, if that was changed.
    pub class: String,
    /// The class that it had, if that was changed.
    pub was: Option<String>,
    /// Does it run?
    pub mode: Mode,
    /// What happened to it.
    pub fate: Fate,
    /// What else to know about it.
    pub notes: Vec<String>,
}

/// What happened to a loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was changed.
    Changed {
        /// Each change, such as `device: "cpu" -> "cuda:0"`.
        what: Vec<String>,
    },
    /// It is as wanted already.
    Same,
    /// It was left as it is.
    Left {
        /// Why.
        why: String,
        /// What to do.
        help: String,
    },
}

impl Touched {
    fn new(loader: &Loader<'_, '_>) -> Self {
        Self {
            id: loader.id.clone(),
            title: loader.node.title.clone(),
            class: loader.class.name.clone(),
            was: None,
            mode: loader.mode,
            fate: Fate::Same,
            notes: Vec::new(),
        }
    }

    fn changed(&mut self, change: String) {
        match &mut self.fate {
            Fate::Changed { what } => what.push(change),
            Fate::Same => self.fate = Fate::Changed { what: vec![change] },
            Fate::Left { .. } => {}
        }
    }

    fn left(&mut self, why: impl Into<String>, help: impl Into<String>) {
        self.fate = Fate::Left { why: why.into(), help: help.into() };
    }
}

#[cfg(test)]
mod tests;
