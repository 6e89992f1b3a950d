//! What stands for the names that a way finds around it, going by how it uses them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::verify::desugar::is_lookup;

/// How code uses a name, or an attribute of one.
#[derive(Clone, Debug, Default)]
pub(super) struct Use {
    /// How many things its call is to give, if they are given names one by one.
    count: Option<usize>,
    /// How what its call gives is used, if it is called.
    result: Option<Box<Use>>,
    /// Is it compared, or computed with, as a number?
    number: bool,
    /// Is something put into it under a key?
    stored: bool,
    mapping: bool,
    /// The keys that it is read at, as they are written.
    keys: BTreeSet<String>,
    attributes: BTreeMap<String, Use>,
    /// The methods of mappings that are called.
    methods: BTreeSet<String>,
}

/// Methods of mappings.
pub(super) const OF_MAPPINGS: [&str; 8] = ["get", "pop", "setdefault", "items", "keys", "values", "update", "copy"];
/// Methods of texts.
pub(super) const OF_TEXTS: [&str; 9] =
    ["encode", "endswith", "format", "join", "lower", "replace", "split", "startswith", "strip"];
/// An allocation that is asked for.
const ASKED: &str = "\"#cuda:0;4.0;cpu\"";

/// Notes how a piece of code uses names, of those that are `wanted`.
pub(super) fn note(source: &Source, node: Node<'_>, uses: &mut BTreeMap<String, Use>, wanted: impl Fn(&str) -> bool) {
    walk(&mut node.walk(), |inner| {
        if inner.kind() == "identifier" && is_lookup(inner) && wanted(source.slice(inner)) {
            uses.entry(source.slice(inner).to_owned()).or_default().note(source, inner);
        }
        true
    });
}

impl Use {
    fn note(&mut self, source: &Source, node: Node<'_>) {
        let Some(around) = node.parent() else { return };
        match around.kind() {
            "attribute" if around.field("object") == Some(node) => {
                let Some(name) = around.field("attribute").map(|name| source.slice(name)) else { return };
                let call = around.parent().filter(|call| call.field("function") == Some(around));
                if let Some(call) = call.filter(|_| OF_MAPPINGS.contains(&name)) {
                    self.mapping = true;
                    self.methods.insert(name.to_owned());
                    let key = call.field("arguments").and_then(|list| list.part(0));
                    self.keys.extend(key.filter(|key| key.kind() == "string").map(|key| source.slice(key).to_owned()));
                } else if call.is_none() || !OF_TEXTS.contains(&name) {
                    self.attributes.entry(name.to_owned()).or_default().note(source, around);
                }
            }
            "call" if around.field("function") == Some(node) => {
                self.count = self.count.or(unpacked(around));
                self.result.get_or_insert_default().note(source, around);
            }
            "subscript" if around.field("value") == Some(node) => {
                let key = around.field("subscript");
                let is_target = |node: Node<'_>| node.field("left") == Some(around);
                self.stored |= around.parent().is_some_and(is_target);
                self.mapping |= key.is_none_or(|key| !matches!(key.kind(), "slice" | "integer" | "unary_operator"));
                self.keys.extend(key.filter(|key| key.kind() == "string").map(|key| source.slice(key).to_owned()));
            }
            "comparison_operator" => {
                let others: Vec<_> = around.parts().into_iter().filter(|part| *part != node).collect();
                self.number |= others.iter().any(|other| matches!(other.kind(), "integer" | "float"));
                let is_in = around.field("operators").is_some_and(|operator| source.slice(operator).ends_with("in"));
                if is_in && around.parts().last() == Some(&node) {
                    let keys = others.iter().filter(|other| other.kind() == "string");
                    self.keys.extend(keys.map(|key| source.slice(*key).to_owned()));
                    self.mapping = true;
                }
            }
            "binary_operator" => {
                self.number |= around.parts().iter().any(|part| matches!(part.kind(), "integer" | "float"));
            }
            _ => {}
        }
    }

    /// The values, or their entries, that ask for an allocation if `name` does.
    pub(super) fn asking(&self, name: &str) -> Vec<String> {
        if self.mapping {
            self.keys.iter().map(|key| unquoted(key).to_owned()).collect()
        } else if self.attributes.is_empty() {
            vec![name.to_owned()]
        } else {
            let attributes = self.attributes.iter();
            attributes.flat_map(|(attribute, inner)| inner.asking(&format!("{name}.{attribute}"))).collect()
        }
    }

    /// Python for what stands for `path`, which is used like this; `asks` tells that it says which allocation is asked
    /// for, by what `asked` is there. `known` are paths that something is there for.
    pub(super) fn stand_in(&self, path: &str, asks: bool, known: &BTreeMap<String, String>) -> String {
        let name = path.rsplit('.').next().unwrap_or(path);
        if let Some(known) = known.get(path) {
            return known.clone();
        }
        let is_known = |known: &String| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        if self.stored {
            return format!("harness_store({name:?})");
        }
        if self.mapping && !known.keys().any(is_known) {
            let entry = |key: &String| format!("{key}: {}", text(unquoted(key), asks));
            return format!("{{{}}}", self.keys.iter().map(entry).collect::<Vec<_>>().join(", "));
        }
        if !self.attributes.is_empty() || known.keys().any(is_known) {
            let mut made = String::from("HarnessThing(");
            for method in &self.methods {
                let known = known.get(&format!("{path}.{method}"));
                made.extend(known.map(|known| format!("{method}={known}, ")));
            }
            for (attribute, inner) in &self.attributes {
                let _ = write!(made, "{attribute}={}, ", inner.stand_in(&format!("{path}.{attribute}"), asks, known));
            }
            return made + ")";
        }
        match name {
            "ModelPatcher" | "ModelPatcherDynamic" | "GGUFModelPatcher" | "CLIP" | "VAE" => name.to_owned(),
            _ if self.result.is_some() && is_warning(name) => "harness_logger(True)".to_owned(),
            _ if self.result.is_some() && logs(name) => "harness_logger(False)".to_owned(),
            _ if self.result.is_some() => {
                let given = self.result.as_ref().filter(|result| result.mapping || !result.attributes.is_empty());
                let given = given.map(|result| result.stand_in(&format!("{path}()"), asks, known));
                recorder(path, self.count, given.as_deref())
            }
            _ if self.number && asks => format!("harness_asked(asked, {path:?}, 4.0, 0)"),
            _ if self.number => "4.0".to_owned(),
            _ => text(path, asks),
        }
    }
}

/// Python for a function that only takes note of its calls, and gives so many things, or one; a text, if it is not said.
fn recorder(path: &str, count: Option<usize>, given: Option<&str>) -> String {
    format!("harness_recorder({path:?}, {}, {})", count.unwrap_or(0), given.unwrap_or("None"))
}

/// How many names a call's result is taken apart into.
pub(super) fn unpacked(call: Node<'_>) -> Option<usize> {
    let left = call.parent().filter(|around| around.kind() == "assignment")?.field("left")?;
    let is_pattern = matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern");
    let names = left.parts();
    (is_pattern && names.iter().all(|name| name.kind() != "list_splat_pattern")).then_some(names.len())
}

/// Is it the name of a function that logs?
pub(super) fn logs(name: &str) -> bool {
    is_warning(name) || matches!(name, "info" | "debug") || name.contains("log")
}

fn is_warning(name: &str) -> bool {
    matches!(name, "warning" | "warn" | "error" | "critical" | "exception")
}

fn text(text: &str, asks: bool) -> String {
    if asks { format!("harness_asked(asked, {text:?}, {ASKED}, \"\")") } else { format!("{text:?}") }
}

fn unquoted(key: &str) -> &str {
    key.trim_matches(['"', '\''])
}

/// Python for a parameter that has a default; none if that is nothing that can be written down.
pub(super) fn default(name: &str, value: &str, asks: bool) -> Option<String> {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let is_text = value.starts_with(['"', '\'']);
    match number {
        Some(number) if asks => {
            let asked = if number == 0.0 { "4.0" } else { value };
            Some(format!("harness_asked(asked, {name:?}, {asked}, 0)"))
        }
        None if asks && is_text => {
            let asked = if unquoted(value).is_empty() { ASKED } else { value };
            Some(format!("harness_asked(asked, {name:?}, {asked}, \"\")"))
        }
        _ => {
            let is_written = number.is_some() || is_text || matches!(value, "None" | "True" | "False");
            is_written.then(|| value.to_owned())
        }
    }
}
