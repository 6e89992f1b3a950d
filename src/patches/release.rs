//! Which upstream releases a file is like, told by how it reads load lists and not by what it calls itself: files are
//! edited, and commits between releases bear the number of the one before.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fix, State, Survey, enclosing};
use crate::python::Package;

/// The helper that reads items of either length in upstream's own repair.
const HELPER: &str = "unpack_load_item";

/// Releases of ComfyUI-MultiGPU that read load lists in the same way. Displayed as a phrase for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// Takes items for 4 fields.
    Old,
    /// Reads items through upstream's helper.
    Fixed,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "2.5.10 or older",
            Self::Fixed => "fixed upstream since 2.5.11",
        })
    }
}

impl Release {
    /// The releases that these surveys of a package speak for; None if what they found is in no release, as after a
    /// repair.
    pub fn of(package: &Package, surveys: &[Survey]) -> Option<Self> {
        let survey = surveys.iter().find(|survey| survey.fix == Fix::LoadList)?;
        let in_helper = survey.sites.iter().filter(|site| site.state == State::Any).any(|site| {
            let Ok(source) = package.source(site.file) else { return false };
            let node = source.root().descendant_for_byte_range(site.range.start, site.range.end);
            let function = node.and_then(|node| enclosing(node, &["function_definition"]));
            let name = function.and_then(|function| function.child_by_field_name("name"));
            name.is_some_and(|name| source.slice(name) == HELPER)
        });
        if in_helper {
            return Some(Self::Fixed);
        }
        (survey.count(State::Legacy) > 0).then_some(Self::Old)
    }
}
