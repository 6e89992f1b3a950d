//! The items of a load list, read from ComfyUI's own source.
//!
//! ```text
//! loading.append((module_mem, n, m, params))                    4 fields
//! loading.append(sort_criteria + (module_mem, n, m, params))    as many as reach it: 5, or 6 with for_dynamic=True
//! ```
//!
//! Never from a version: branches, forks and nightly builds carry any. What is not understood is said to be so.

use tree_sitter::Node;

use super::exec;
use crate::python::field::Fields;
use crate::python::source::walk;
use crate::python::{Place, Source};

/// The method that gives load lists.
pub(super) const NAME: &str = "_load_list";

/// The longest expression that a field is named by; longer ones are cut.
const LONGEST_NAME: usize = 60;

/// One `_load_list` of a ComfyUI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadList {
    /// The class that it is a method of.
    pub class: Option<String>,
    /// Where it is defined, in `comfy/model_patcher.py`.
    pub place: Place,
    /// What items it gives; never empty. Those for the call that `DisTorch2` makes come first.
    pub shapes: Result<Vec<Shape>, Unclear>,
}

/// One form that items have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The expressions of its fields, in order, as ComfyUI writes them.
    pub fields: Vec<String>,
    /// The argument that it takes to get such items (`for_dynamic=True`); None if it takes none, as `DisTorch2` calls it.
    pub argument: Option<String>,
    /// Where such an item is put into the list.
    pub place: Place,
    /// Whether the module and its name are elsewhere than third and second from the end, where every known ComfyUI has
    /// them. Counting from the end is wrong then.
    pub is_foreign: bool,
}

/// Why the items of a load list could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Reads every `_load_list` of `comfy/model_patcher.py`, in order of place.
pub(super) fn read(source: &Source) -> Vec<LoadList> {
    let mut found = Vec::new();
    walk(&mut source.root().walk(), |node| {
        if is_load_list(source, node) {
            found.push(node);
        }
        true
    });
    let pairs: Vec<_> = found.iter().flat_map(|function| module_names(source, *function)).collect();
    let read = |function: &Node<'_>| LoadList {
        class: class_around(*function).and_then(|class| class.field("name")).map(|name| source.slice(name).to_owned()),
        place: source.place(function.start_byte()),
        shapes: shapes(source, *function, &pairs),
    };
    found.iter().map(read).collect()
}

/// Is it the definition of a `_load_list`?
fn is_load_list(source: &Source, node: Node<'_>) -> bool {
    node.kind() == "function_definition" && node.field("name").is_some_and(|name| source.slice(name) == NAME)
}

/// The class that a function is a method of.
pub(super) fn class_around(function: Node<'_>) -> Option<Node<'_>> {
    let mut around = function.parent();
    while let Some(node) = around {
        match node.kind() {
            "class_definition" => return Some(node),
            "function_definition" | "lambda" => return None,
            _ => around = node.parent(),
        }
    }
    None
}

/// The `_load_list` that a class of this file, or the nearest of its base classes here, has.
pub(super) fn of_class<'t>(source: &'t Source, class: &str) -> Option<Node<'t>> {
    /// Classes that are looked through; base classes may form a circle.
    const MOST: usize = 16;
    let mut wanted = vec![class];
    for at in 0..MOST {
        let name = *wanted.get(at)?;
        let mut method = None;
        let mut bases = Vec::new();
        walk(&mut source.root().walk(), |node| {
            if node.kind() == "class_definition" && node.field("name").is_some_and(|own| source.slice(own) == name) {
                bases.extend(base_names(source, node));
            }
            let is_own = |class: Node<'_>| class.field("name").is_some_and(|own| source.slice(own) == name);
            if is_load_list(source, node) && class_around(node).is_some_and(is_own) {
                method = Some(node);
            }
            true
        });
        if method.is_some() {
            return method;
        }
        wanted.extend(bases);
    }
    None
}

/// The names of a class's base classes, without the modules that they are in.
pub(super) fn base_names<'t>(source: &'t Source, class: Node<'t>) -> Vec<&'t str> {
    let Some(list) = class.field("superclasses") else { return Vec::new() };
    let mut cursor = list.walk();
    let last = |base: Node<'t>| if base.kind() == "attribute" { base.field("attribute") } else { Some(base) };
    list.named_children(&mut cursor).filter_map(last).map(|name| source.slice(name)).collect()
}

/// What the items of a list may be, for every call that its parameters offer.
fn shapes(source: &Source, function: Node<'_>, pairs: &[(&str, &str)]) -> Result<Vec<Shape>, Unclear> {
    let mut shapes: Vec<Shape> = Vec::new();
    let calls = std::iter::once(None).chain(exec::switches(source, function).into_iter().map(Some));
    for argument in calls {
        let list = exec::run(source, function, argument);
        let doubt = list.doubt.or_else(|| list.items.is_empty().then_some((function, "no item is put into the list")));
        if let Some((node, why)) = doubt {
            let why = format!("{why}: `{}`", short(source, node));
            return Err(Unclear { place: source.place(node.start_byte()), why });
        }
        for (tuple, at) in &list.items {
            let fields: Vec<_> = tuple.iter().map(|field| short(source, *field)).collect();
            if shapes.iter().any(|known| known.fields == fields) {
                continue;
            }
            let place = source.place(at.start_byte());
            let argument = argument.map(|(name, on)| format!("{name}={}", if on { "True" } else { "False" }));
            shapes.push(Shape { is_foreign: is_foreign(&fields, pairs), fields, argument, place });
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

/// The names that loops over `named_modules()` give to a module's name and to the module.
fn module_names<'t>(source: &'t Source, function: Node<'t>) -> Vec<(&'t str, &'t str)> {
    let mut pairs = Vec::new();
    walk(&mut function.walk(), |node| {
        if matches!(node.kind(), "for_statement" | "for_in_clause")
            && let (Some(left), Some(right)) = (node.field("left"), node.field("right"))
            && source.slice(right).contains("named_modules()")
        {
            let mut names = Vec::new();
            walk(&mut left.walk(), |part| {
                names.extend((part.kind() == "identifier").then(|| source.slice(part)));
                true
            });
            if let [.., name, module] = names[..] {
                pairs.push((name, module));
            }
        }
        true
    });
    pairs
}

fn is_foreign(fields: &[String], pairs: &[(&str, &str)]) -> bool {
    let is_pair = |pair: &[String]| pairs.contains(&(&pair[0], &pair[1]));
    let found = fields.windows(2).position(is_pair);
    found.is_some_and(|at| at == 0 || at + 3 != fields.len())
}
