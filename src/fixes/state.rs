//! The states that sites are in. Each belongs to a fix, except the one for sites that were not understood.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Fix;

/// The state of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Its name in every output.
    pub name: &'static str,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// What it means for the site.
    pub standing: Standing,
    /// The numbers of fields of load-list items that the site is right for; `None` if they make no difference.
    pub arities: Option<&'static [i64]>,
}

/// What a state means for a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is to be done.
    InOrder,
    /// `apply` repairs it.
    Repairable,
    /// It was not understood, and `apply` leaves it alone.
    Unknown,
}

impl State {
    /// Not understood: passed to code outside the checkout, or used in a way that cannot be followed.
    pub const OPAQUE: Self =
        Self { name: "opaque", meaning: "not understood", standing: Standing::Unknown, arities: None };

    /// Nothing is to be done for the ComfyUI that runs it.
    pub const SPARED: Self =
        Self { name: "spared", meaning: "not needed for this ComfyUI", standing: Standing::InOrder, arities: None };

    /// Would `apply` change a site in this state?
    pub fn needs_fix(self) -> bool {
        self.standing == Standing::Repairable
    }

    /// Was a site in this state not understood?
    pub fn is_unknown(self) -> bool {
        self.standing == Standing::Unknown
    }

    /// Every state there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let states = Fix::ALL.iter().flat_map(|fix| fix.about().states);
        states.copied().chain([Self::OPAQUE, Self::SPARED])
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::all().find(|state| state.name == name);
        found.ok_or_else(|| D::Error::custom(format!("no state is called `{name}`")))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for State {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "State".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let described = |state: Self| schemars::json_schema!({ "type": "string", "const": state.name, "description": state.meaning });
        let all: Vec<_> = Self::all().map(described).collect();
        schemars::json_schema!({ "description": "The state that a site is in.", "oneOf": all })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_of_states_and_fixes_are_unique() {
        let mut names = HashSet::new();
        assert!(State::all().all(|state| names.insert(state.name)));
        assert!(Fix::ALL.iter().all(|fix| names.insert(fix.name())));
    }
}
