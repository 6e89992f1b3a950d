//! `comfy/model_patcher.py`: what is needed of it in many places, found in one walk.

use std::cell::Cell;
use std::collections::HashMap;

use tree_sitter::Node;

use super::named_tuple::{Classes, defined};
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;

/// The method that gives load lists.
pub(super) const LOAD_LIST: &str = "_load_list";

/// The most functions of one name that are examined; ComfyUI has one or two.
const MOST_FUNCTIONS: usize = 50;
/// The most base classes that a method is looked up in; they may form a circle.
const MOST_CLASSES: usize = 16;

/// The file, and what is where in it.
pub(super) struct Module<'t> {
    pub(super) source: &'t Source,
    /// Every `_load_list`, in order of place, with the class that it is a method of.
    pub(super) load_lists: Vec<(Node<'t>, Option<Node<'t>>)>,
    /// The named tuples that it may call by their names.
    pub(super) named_tuples: Classes,
    /// The base classes of each class, by its name.
    bases: HashMap<&'t str, Vec<&'t str>>,
    /// Steps taken so far, by all that is run.
    pub(super) steps: Cell<usize>,
}

impl<'t> Module<'t> {
    pub(super) fn of(source: &'t Source) -> Self {
        let mut bases = HashMap::new();
        walk(&mut source.root().walk(), |node| {
            if node.kind() == "class_definition" {
                bases.extend(node.field("name").map(|name| (source.slice(name), base_names(source, node))));
            }
            true
        });
        Self {
            source,
            load_lists: methods(source, LOAD_LIST),
            named_tuples: defined(source),
            bases,
            steps: Cell::new(0),
        }
    }

    /// The `_load_list` that one of these classes, or the nearest of their base classes in this file, has.
    pub(super) fn inherited(&self, classes: &[&'t str]) -> Option<Node<'t>> {
        let mut wanted = classes.to_vec();
        for at in 0..MOST_CLASSES {
            let name = *wanted.get(at)?;
            let is_own = |class: &Node<'t>| class.field("name").is_some_and(|own| self.source.slice(own) == name);
            let own = self.load_lists.iter().rev().find(|(_, class)| class.as_ref().is_some_and(is_own));
            if let Some((function, _)) = own {
                return Some(*function);
            }
            wanted.extend(self.bases.get(name).into_iter().flatten());
        }
        None
    }

    /// The class that a `_load_list` is a method of.
    pub(super) fn class_of(&self, function: Node<'t>) -> Option<Node<'t>> {
        self.load_lists.iter().find(|(known, _)| *known == function)?.1
    }
}

/// Every function of this name, in order of place, with the class that it is a method of.
pub(super) fn methods<'t>(source: &'t Source, name: &str) -> Vec<(Node<'t>, Option<Node<'t>>)> {
    let mut found = Vec::new();
    walk(&mut source.root().walk(), |node| {
        let more = found.len() < MOST_FUNCTIONS;
        if more
            && node.kind() == "function_definition"
            && node.field("name").is_some_and(|own| source.slice(own) == name)
        {
            found.push((node, class_around(node)));
        }
        more
    });
    found
}

fn class_around(function: Node<'_>) -> Option<Node<'_>> {
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

/// The names of a class's base classes, without the modules that they are in.
pub(super) fn base_names<'t>(source: &'t Source, class: Node<'t>) -> Vec<&'t str> {
    let Some(list) = class.field("superclasses") else { return Vec::new() };
    let mut cursor = list.walk();
    let last = |base: Node<'t>| if base.kind() == "attribute" { base.field("attribute") } else { Some(base) };
    list.named_children(&mut cursor).filter_map(last).map(|name| source.slice(name)).collect()
}
