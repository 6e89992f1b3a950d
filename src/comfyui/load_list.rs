//! The items of a load list, read from ComfyUI's own source.
//!
//! ```text
//! loading.append((module_mem, n, m, params))                    4 fields
//! loading.append(sort_criteria + (module_mem, n, m, params))    as many as reach it: 5, or 6 with for_dynamic=True
//! loading.append(Item(module_mem, n, m, params))             a named tuple is a tuple
//! ```
//!
//! Never from a version number: branches, forks and nightly builds carry any. What is not understood is reported as
//! such.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use super::module::Module;
use super::value::{Field, Mark};
use super::{exec, named_tuple};
use crate::python::field::Fields;
use crate::python::{Place, Source};

/// The longest expression that a field is named by; longer ones are cut.
const LONGEST_NAME: usize = 60;

/// One `_load_list` of a ComfyUI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadList {
    /// The class that it is a method of.
    pub class: Option<String>,
    /// Where it is defined, in `comfy/model_patcher.py`.
    pub place: Place,
    /// The shapes of its items; never empty. Those for the call that `DisTorch2` makes come first.
    pub shapes: Result<Vec<Shape>, Unclear>,
}

/// One form that items have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The expressions of its fields, in order, as ComfyUI writes them.
    pub fields: Vec<String>,
    /// The argument that gives such items (`for_dynamic=True`); None for a call without arguments, as `DisTorch2` makes
    /// it.
    pub argument: Option<String>,
    /// Where such an item is added to the list.
    pub place: Place,
    /// Whether fields can be counted from the end.
    pub order: Order,
}

/// Where the module and its name are in an item. Every release of ComfyUI has the name third from the end, and the module
/// second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// There.
    Usual,
    /// Elsewhere: code that counts from the end reads another field than intended.
    Other,
    /// Unknown: they do not come from `named_modules()` in a way that is followed.
    Unknown,
}

/// Why the items of a load list are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unclear {
    /// The place that was not understood.
    pub place: Place,
    /// Why not, in one sentence without a full stop.
    pub why: String,
}

impl Shape {
    /// How many fields an item has.
    pub fn arity(&self) -> usize {
        self.fields.len()
    }
}

/// Reads every `_load_list` of `comfy/model_patcher.py`, in order of place. `look` gives other files of ComfyUI.
pub(super) fn read(source: &Source, look: &dyn Fn(&Path) -> Option<Source>) -> Vec<LoadList> {
    let mut module = Module::of(source);
    let functions: Vec<_> = module.load_lists.iter().map(|(function, _)| *function).collect();
    module.named_tuples.extend(named_tuple::imported(source, &functions, look));
    let read = |(function, class): &(Node<'_>, Option<Node<'_>>)| LoadList {
        class: class.and_then(|class| class.field("name")).map(|name| source.slice(name).to_owned()),
        place: source.place(function.start_byte()),
        shapes: shapes(&module, *function),
    };
    module.load_lists.iter().map(read).collect()
}

/// What the items of a list may be, for every call that its parameters allow.
pub(super) fn shapes<'t>(module: &Module<'t>, function: Node<'t>) -> Result<Vec<Shape>, Unclear> {
    let source = module.source;
    let mut shapes: Vec<Shape> = Vec::new();
    let calls = std::iter::once(None).chain(exec::switches(source, function).into_iter().map(Some));
    for argument in calls {
        let list = exec::run(module, function, argument);
        let doubt = list.doubt.or_else(|| list.items.is_empty().then_some((function, "no item is added to the list")));
        if let Some((node, why)) = doubt {
            let why = format!("{why}: `{}`", short(source, node));
            return Err(Unclear { place: source.place(node.start_byte()), why });
        }
        for (tuple, at) in &list.items {
            let fields: Vec<_> = tuple.iter().map(|field| short(source, field.node)).collect();
            let order = Order::of(tuple);
            if let Some(known) = shapes.iter_mut().find(|known| known.fields == fields) {
                if known.order != order {
                    known.order = Order::Unknown;
                }
                continue;
            }
            let place = source.place(at.start_byte());
            let argument = argument.map(|(name, on)| format!("{name}={}", if on { "True" } else { "False" }));
            shapes.push(Shape { fields, argument, place, order });
        }
    }
    Ok(shapes)
}

/// An expression on one line, and not too long.
fn short(source: &Source, node: Node<'_>) -> String {
    let text = source.slice(node);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(LONGEST_NAME) {
        words.truncate(end);
        words.push('…');
    }
    words
}

impl Order {
    fn of(tuple: &[Field<'_>]) -> Self {
        let is_there = |mark, from_end| tuple.iter().rev().nth(from_end).is_some_and(|field| field.mark == Some(mark));
        let places = [(Mark::Name, 2), (Mark::Module, 1)].map(|(mark, from_end)| {
            match tuple.iter().any(|field| field.mark == Some(mark)) {
                _ if is_there(mark, from_end) => Self::Usual,
                true => Self::Other,
                false => Self::Unknown,
            }
        });
        match places {
            [Self::Usual, Self::Usual] => Self::Usual,
            places if places.contains(&Self::Other) => Self::Other,
            _ => Self::Unknown,
        }
    }
}
