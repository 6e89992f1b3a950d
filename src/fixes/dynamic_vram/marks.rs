//! Where loaders put the allocation of a model, for `DisTorch2` to find it when the model is loaded onto its devices: an
//! attribute of the model, or an entry of a store.
//!
//! Told by those who read it: an allocation string is followed back from where it is split at its `#`.

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::fixes::Keep;
use crate::python::FileId;
use crate::python::calls::{Code, Located, argument};
use crate::python::field::Fields as _;
use crate::python::origin::{Origin, origins};
use crate::python::source::walk;
use crate::python::syntax::{attribute_set, last_name};

/// A statement that keeps an allocation with a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark<'p> {
    /// The assignment, or the call of `setattr`.
    pub(super) place: Located<'p>,
    /// The expression that leads to the model: what gets the attribute, or the key.
    pub(super) model: Node<'p>,
    /// Is that the key of a store?
    pub(super) is_key: bool,
    /// What is kept.
    pub(super) value: Node<'p>,
}

/// How deep a value is followed.
const MOST_DEPTH: usize = 40;

/// Where allocations are kept that are read at one of these separators.
pub(super) fn keeps<'p>(code: &Code<'p>, separators: &[Located<'p>]) -> BTreeSet<Keep> {
    let mut back = Back { code, seen: Vec::new(), found: BTreeSet::new() };
    for separator in separators {
        if let Some(text) = split(*separator) {
            back.follow(text, 0);
        }
    }
    back.found
}

/// Every place that keeps an allocation this way, but for those that keep nothing.
pub(super) fn marks<'p>(code: &Code<'p>, keep: &Keep) -> Vec<Mark<'p>> {
    let (Keep::Attribute(name) | Keep::Store(name)) = keep;
    let mark = |place: Located<'p>| match keep {
        Keep::Attribute(name) => attribute(place, name),
        Keep::Store(name) => stored(place, name),
    };
    let places = code.nodes(name, |place| mark(place).is_some());
    places.into_iter().filter_map(mark).filter(|mark| !is_nothing(mark.value)).collect()
}

fn attribute<'p>(place: Located<'p>, name: &str) -> Option<Mark<'p>> {
    let (model, found, value) = attribute_set(place.source, place.node)?;
    (found == name).then_some(Mark { place, model, is_key: false, value })
}

fn stored<'p>(place: Located<'p>, name: &str) -> Option<Mark<'p>> {
    let left =
        place.node.field("left").filter(|left| place.node.kind() == "assignment" && left.kind() == "subscript")?;
    let is_named = last_name(left.field("value")?).is_some_and(|store| place.source.slice(store) == name);
    let (model, value) = (left.field("subscript")?, place.node.field("right")?);
    is_named.then_some(Mark { place, model, is_key: true, value })
}

fn is_nothing(value: Node<'_>) -> bool {
    match value.kind() {
        "none" => true,
        "string" => !value.parts().iter().any(|part| part.kind() != "string_start" && part.kind() != "string_end"),
        "dictionary" => value.parts().is_empty(),
        _ => false,
    }
}

/// The texts that a separator is looked for in.
fn split(separator: Located<'_>) -> Option<Located<'_>> {
    let string = separator.node.parent()?;
    let around = string.parent()?;
    match around.kind() {
        "comparison_operator" => {
            let other = around.parts().into_iter().find(|part| *part != string)?;
            Some(separator.with(other))
        }
        "argument_list" => {
            let function = around.parent()?.field("function")?;
            let object = function.field("object").filter(|_| function.kind() == "attribute")?;
            let is_module = separator.source.slice(object) == "re";
            Some(separator.with(if is_module { around.part(1)? } else { object }))
        }
        _ => None,
    }
}

/// Follows a value back to where it is kept.
struct Back<'p, 'c> {
    code: &'c Code<'p>,
    seen: Vec<(FileId, usize)>,
    found: BTreeSet<Keep>,
}

impl<'p> Back<'p, '_> {
    fn follow(&mut self, at: Located<'p>, depth: usize) {
        let key = (at.file, at.node.id());
        if depth > MOST_DEPTH || self.seen.contains(&key) {
            return;
        }
        self.seen.push(key);
        let node = at.node;
        match node.kind() {
            "identifier" => {
                for origin in origins(at.source, at.text(), node) {
                    match origin {
                        Origin::Value { value, .. } | Origin::Element { of: value, .. } => {
                            self.follow(at.with(value), depth + 1);
                        }
                        Origin::Parameter(function) => {
                            let function = at.with(function);
                            for call in self.code.calls(function) {
                                if let Some(given) = argument(function, call, at.text()) {
                                    self.follow(call.with(given), depth + 1);
                                }
                            }
                        }
                        Origin::Definition(_) | Origin::Import(_) => {}
                    }
                }
            }
            "parenthesized_expression" | "conditional_expression" | "boolean_operator" | "named_expression" => {
                for part in node.parts() {
                    self.follow(at.with(part), depth + 1);
                }
            }
            "attribute" => {
                let name = node.field("attribute").map(|name| at.source.slice(name).to_owned());
                self.found.extend(name.map(Keep::Attribute));
            }
            "subscript" => {
                if let Some(value) = node.field("value") {
                    self.entry(at.with(value), depth);
                }
            }
            "call" => self.call(at, depth),
            _ => {}
        }
    }

    /// An entry of a mapping: a store of the module's, or something that is kept itself.
    fn entry(&mut self, mapping: Located<'p>, depth: usize) {
        let is_store = mapping.node.kind() == "identifier"
            && origins(mapping.source, mapping.text(), mapping.node).iter().all(|origin| match origin {
                Origin::Import(_) => true,
                Origin::Value { statement, .. } => statement.parent().is_some_and(|parent| parent.kind() == "module"),
                _ => false,
            });
        if is_store {
            self.found.insert(Keep::Store(mapping.text().to_owned()));
        } else {
            self.follow(mapping, depth + 1);
        }
    }

    fn call(&mut self, at: Located<'p>, depth: usize) {
        let Some((function, arguments)) = at.node.field("function").zip(at.node.field("arguments")) else { return };
        if let Some(object) = function.field("object").filter(|_| function.kind() == "attribute") {
            let method = function.field("attribute").map(|name| at.source.slice(name));
            match method {
                Some("get" | "pop" | "setdefault") => self.entry(at.with(object), depth),
                _ => self.follow(at.with(object), depth + 1),
            }
        } else if at.source.slice(function) == "getattr" {
            let name = arguments.part(1).and_then(|name| name.part(1)).map(|name| at.source.slice(name).to_owned());
            self.found.extend(name.map(Keep::Attribute));
        } else {
            for defined in self.code.functions(at.source.slice(function)) {
                for given in returned(defined) {
                    self.follow(given, depth + 1);
                }
            }
        }
    }
}

/// What a function returns.
pub(super) fn returned(function: Located<'_>) -> Vec<Located<'_>> {
    let mut found = Vec::new();
    walk(&mut function.node.walk(), |node| {
        if node.kind() == "return_statement" {
            found.extend(node.part(0).map(|value| function.with(value)));
        }
        node == function.node || !matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
    });
    found
}
