//! What a fix declares, and how the rest of the project refers to one.

use std::fmt;
use std::ops::Deref;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tree_sitter::Node;

use super::{Accounting, Contract, Site, State, Subject, Survey};
use crate::edit::Edit;
use crate::python::flow::Seeds;
use crate::python::{Package, Source};

/// A fix. Everything that is particular to one is behind this trait.
pub trait Definition: Sync {
    /// Its name and its texts.
    fn about(&self) -> &'static About;

    /// Adds what is to be followed through the code, from a node that the queries captured under a name.
    fn seed(&self, _source: &Source, _capture: &str, _node: Node<'_>, _seeds: &mut Seeds) {}

    /// Finds its sites, their states and the edits that repair them.
    fn survey(&self, subject: &Subject<'_>, accounting: Accounting) -> Survey;

    /// A survey in a few words, shown after its status.
    fn verdict(&self, survey: &Survey) -> String;

    /// The edits that would undo its repair in one file, recognised by their form alone. `sites` are those that it
    /// finds there now. This is a guess: the caller repairs the result again to see whether it was right.
    fn undo(&self, source: &Source, sites: &[&Site]) -> Vec<Edit>;

    /// Adds what the code must do when it is run. `is_left` means that a needed repair is left out on purpose.
    fn bind(&self, _survey: &Survey, _is_left: bool, _contract: &mut Contract) {}

    /// Why nothing of it needs to be repaired for this ComfyUI, in a few words; `None` if something may.
    fn spared(&self, _host: Host) -> Option<&'static str> {
        None
    }

    /// The upstream releases whose code this is, as a phrase, if the survey shows it.
    fn release(&self, _package: &Package, _survey: &Survey) -> Option<&'static str> {
        None
    }
}

/// What a fix may ask of the ComfyUI that runs the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Can dynamic VRAM manage its models? `None` if that is unknown.
    pub has_dynamic_vram: Option<bool>,
}

/// The name and the texts of a fix.
pub struct About {
    /// Its name on the command line and in every output: lower case, words joined by hyphens.
    pub id: &'static str,
    /// The same as one word, for SARIF.
    pub rule_name: &'static str,
    /// What it repairs, for `--help`.
    pub title: &'static str,
    /// What is wrong where it finds something, in a few words.
    pub problem: &'static str,
    /// The same in full.
    pub description: &'static str,
    /// How to put it right, in Markdown.
    pub help: &'static str,
    /// What its edits do.
    pub repair: &'static str,
    /// The verdict if it finds nothing.
    pub absent: &'static str,
    /// The states its sites can be in, besides [`State::OPAQUE`].
    pub states: &'static [State],
    /// Are its edits only right together?
    pub is_one_repair: bool,
    /// Do its sites read load-list items, so that it depends on the ComfyUI whether they work as they are? Each is then
    /// also run on its own.
    pub reads_items: bool,
    /// Are its sites in functions that allocate bytes? Those are run, whatever their names.
    pub is_in_allocation: bool,
    /// The text of its tree-sitter queries.
    pub query: &'static str,
    /// Text of which something must occur in whatever the queries match.
    pub needles: &'static [&'static str],
}

/// A fix of the registry.
#[derive(Clone, Copy)]
pub struct Fix(&'static dyn Definition);

impl Fix {
    pub(super) const fn new(definition: &'static dyn Definition) -> Self {
        Self(definition)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.about().id
    }

    /// The fix of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fix| fix.name() == name)
    }
}

impl Deref for Fix {
    type Target = dyn Definition;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Fix {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Fix {}

impl fmt::Debug for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Fix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format!("no fix is called `{name}`")))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Fix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fix".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let described = |fix: &Self| schemars::json_schema!({ "type": "string", "const": fix.name(), "description": fix.about().title });
        let all: Vec<_> = Self::ALL.iter().map(described).collect();
        schemars::json_schema!({ "description": "One of the fixes.", "oneOf": all })
    }
}
