//! What names hold: those of a path, of the functions around it, of modules, and attributes.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Callable, Spot, Value};
use super::{CALLS, Follower};
use crate::python::field::Fields;
use crate::python::package::FileId;
use crate::python::source::walk;

/// The owner of a name that outlives one function, or that one function changes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// An attribute, of any object.
    Attribute,
    /// A name of this file's module.
    Module(FileId),
    /// A name of the function with this node id, which a nested function changes.
    Function(usize),
}

pub(super) type Lasting<'p> = (Owner, &'p str);

/// What is known about names that outlive a function.
#[derive(Default)]
pub(super) struct Facts<'p> {
    pub(super) known: HashMap<Lasting<'p>, Value<'p>>,
    /// What each name was known to hold when it was first read.
    read: HashMap<Lasting<'p>, Value<'p>>,
}

impl<'p> Facts<'p> {
    pub(super) fn get(&mut self, name: Lasting<'p>) -> Value<'p> {
        let value = self.known.get(&name).cloned().unwrap_or_default();
        self.read.entry(name).or_insert_with(|| value.clone());
        value
    }

    pub(super) fn add(&mut self, name: Lasting<'p>, value: &Value<'p>) {
        let known = self.known.entry(name).or_default();
        let mut value = value.clone();
        // A function that wraps the name's previous value sees itself in its own scope: one scope of each is enough.
        value.callables.retain(|(callable, _)| match callable {
            Callable::Function(spot, _) => {
                !known.callables.iter().any(|(known, _)| matches!(known, Callable::Function(same, _) if same == spot))
            }
            _ => true,
        });
        *known = if known.is_bottom() { value } else { known.join(&value) };
    }

    /// Was everything that was read known by then? If not, following must start over with what is known now. A function
    /// that was not known yet only matters if an item was passed to something unknown.
    pub(super) fn are_settled(&mut self, escaped: bool) -> bool {
        std::mem::take(&mut self.read).into_iter().all(|(name, value)| {
            self.known.get(&name).is_none_or(|known| *known == value || (!escaped && known.is_only_callable()))
        })
    }
}

impl<'p> Follower<'p, '_> {
    /// What a name holds on this path.
    pub(super) fn look_up(&mut self, frame: &Frame<'p>, state: &State<'p>, node: Node<'p>) -> Value<'p> {
        let name = self.text(frame.file, node);
        if self.shared.contains(name)
            && let owner @ Owner::Function(_) = self.owner(frame, name)
        {
            let inside = self.facts.get((owner, name));
            let here = state.names.get(name).or_else(|| self.scopes.find(frame.around, name));
            return here.map_or_else(|| inside.clone(), |here| here.join(&inside)).restrict(state.arities);
        }
        if let Some(value) = state.names.get(name).or_else(|| self.scopes.find(frame.around, name)) {
            return value.restrict(state.arities);
        }
        let value = self.global(frame.file, name);
        Self::rebase(frame, node, value).restrict(state.arities)
    }

    /// Tells the function, or the module, that owns a name what a nested function assigns to it.
    pub(super) fn share(&mut self, frame: &Frame<'p>, name: &'p str, value: &Value<'p>) {
        let owner = self.owner(frame, name);
        if value.is_bottom() || owner == Owner::Function(frame.node.id()) {
            return;
        }
        if let Owner::Function(_) = owner {
            self.newly_shared |= self.shared.insert(name);
        }
        self.facts.add((owner, name), value);
    }

    /// The owner of a name in this function: the innermost enclosing function that assigns it.
    pub(super) fn owner(&mut self, frame: &Frame<'p>, name: &str) -> Owner {
        let mut around = Some(frame.node);
        while let Some(node) = around {
            if matches!(node.kind(), "function_definition" | "lambda") && self.gives_value(frame.file, node, name) {
                return Owner::Function(node.id());
            }
            around = node.parent();
        }
        Owner::Module(frame.file)
    }

    /// Does this function itself assign the name, so that the name is local?
    pub(super) fn gives_value(&mut self, file: FileId, function: Node<'p>, name: &str) -> bool {
        if !self.own_names.contains_key(&function.id()) {
            let names = self.names_given(file, function);
            self.own_names.insert(function.id(), names);
        }
        self.own_names.get(&function.id()).is_some_and(|names| names.contains(name))
    }

    pub(super) fn names_given(&self, file: FileId, function: Node<'p>) -> HashSet<&'p str> {
        let mut names = HashSet::default();
        let mut others = Vec::new();
        walk(&mut function.walk(), |node| {
            if matches!(node.kind(), "global_statement" | "nonlocal_statement") {
                let mut cursor = node.walk();
                others.extend(node.named_children(&mut cursor).map(|name| self.text(file, name)));
            }
            let field = match node.kind() {
                "assignment" | "augmented_assignment" | "for_statement" => "left",
                "function_definition" | "lambda" if node == function => "parameters",
                "function_definition" | "class_definition" | "named_expression" => "name",
                "as_pattern" => "alias",
                _ => return true,
            };
            if let Some(target) = node.field(field) {
                walk(&mut target.walk(), |inner| {
                    if inner.kind() == "identifier" {
                        names.insert(self.text(file, inner));
                    }
                    !matches!(inner.kind(), "attribute" | "subscript" | "type")
                });
            }
            node == function || !matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
        });
        for name in others {
            names.remove(name);
        }
        names
    }

    /// A module's name: its own, or one it takes with `import *`.
    pub(super) fn global(&mut self, file: FileId, name: &'p str) -> Value<'p> {
        let own = self.facts.get((Owner::Module(file), name));
        let stars = self.modules.get(&file).map(|module| module.stars.as_slice()).unwrap_or_default();
        stars.iter().fold(
            own,
            |value, star| if value.is_bottom() { self.facts.get((Owner::Module(*star), name)) } else { value },
        )
    }

    /// A text from a module's constant counts as written where the constant is named: the constant itself may have
    /// other uses.
    pub(super) fn rebase(frame: &Frame<'p>, node: Node<'p>, mut value: Value<'p>) -> Value<'p> {
        if !value.texts.is_empty() && !frame.is_module {
            value.texts = vec![Spot { file: frame.file, node }];
        }
        value
    }

    /// Assigns a name on this path.
    pub(super) fn assign(&mut self, frame: &Frame<'p>, state: &mut State<'p>, name: &'p str, value: Value<'p>) {
        if frame.is_module || frame.globals.contains(&name) {
            self.facts.add((Owner::Module(frame.file), name), &value);
        }
        if frame.outer.contains(&name) {
            self.share(frame, name, &value);
        }
        let hides = state.names.contains_key(name)
            || self.scopes.find(frame.around, name).is_some()
            || self.facts.known.contains_key(&(Owner::Module(frame.file), name));
        if hides || !value.is_bottom() {
            state.names.insert(name, value);
        }
    }

    /// The value behind a name of another module.
    pub(super) fn imported(&mut self, frame: &Frame<'p>, node: Node<'p>, file: FileId, name: &'p str) -> Value<'p> {
        if !self.module(file) {
            return Value::default();
        }
        let value = self.global(file, name);
        Self::rebase(frame, node, value)
    }

    /// Replaces names of other modules by what they hold.
    pub(super) fn resolve(&mut self, frame: &Frame<'p>, node: Node<'p>, mut value: Value<'p>) -> Value<'p> {
        for _ in 0..CALLS {
            let Some(at) = value.callables.iter().position(|(callable, _)| matches!(callable, Callable::Imported(..)))
            else {
                break;
            };
            if let (Callable::Imported(file, name), arities) = value.callables.swap_remove(at) {
                let behind = self.imported(frame, node, file, name).restrict(arities);
                // Joined with nothing, a number would become unknown.
                value = if value.is_bottom() { behind } else { value.join(&behind) };
            }
        }
        value
    }
}
