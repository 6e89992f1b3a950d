//! Names and their values while a function is followed.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap as HashMap;

use tree_sitter::Node;

use super::value::{Arities, ScopeId, Spot, Value};
use crate::python::package::FileId;

/// The names of enclosing functions that a nested function sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope<'p> {
    parent: Option<ScopeId>,
    names: BTreeMap<&'p str, Value<'p>>,
}

/// Every scope met so far, equal ones once.
#[derive(Default)]
pub struct Scopes<'p> {
    all: Vec<Scope<'p>>,
    known: HashMap<Scope<'p>, ScopeId>,
}

impl<'p> Scopes<'p> {
    /// The scope of `names` inside `parent`; `parent` itself if there is nothing to add.
    pub fn enter(&mut self, parent: Option<ScopeId>, names: &HashMap<&'p str, Value<'p>>) -> Option<ScopeId> {
        if names.is_empty() {
            return parent;
        }
        let scope = Scope { parent, names: names.iter().map(|(name, value)| (*name, value.clone())).collect() };
        let next = ScopeId(self.all.len());
        let id = *self.known.entry(scope.clone()).or_insert(next);
        if id == next {
            self.all.push(scope);
        }
        Some(id)
    }

    /// What `name` holds in the scope or in enclosing ones.
    pub fn find(&self, mut scope: Option<ScopeId>, name: &str) -> Option<&Value<'p>> {
        while let Some(id) = scope {
            let here = &self.all[id.0];
            if let Some(value) = here.names.get(name) {
                return Some(value);
            }
            scope = here.parent;
        }
        None
    }
}

/// The state of one path through a function.
#[derive(Clone, Debug)]
pub struct State<'p> {
    /// Local names that hold something interesting, or that hide an outer name that does.
    pub names: HashMap<&'p str, Value<'p>>,
    /// The arities for which this path is taken; none once it has returned or raised.
    pub arities: Arities,
}

impl State<'_> {
    /// The start of a function, for `arities`.
    pub fn new(arities: Arities) -> Self {
        Self { names: HashMap::default(), arities }
    }

    /// Is the path still taken?
    pub fn is_live(&self) -> bool {
        !self.arities.is_empty()
    }

    /// This path, for those of its arities that are in `arities`.
    pub fn within(&self, arities: Arities) -> Self {
        Self { names: self.names.clone(), arities: self.arities.and(arities) }
    }

    /// Merges another path into this one. Returns whether anything is new.
    pub fn merge(&mut self, other: Self) -> bool {
        if !other.is_live() {
            return false;
        }
        if !self.is_live() {
            *self = other;
            return true;
        }
        let mut changed = self.arities.or(other.arities) != self.arities;
        if self.arities != other.arities {
            let mine = self.arities;
            self.names.values_mut().for_each(|value| *value = value.restrict(mine));
        }
        let restricted = self.arities != other.arities;
        for (name, mine) in &mut self.names {
            // A name that the other path does not know may hold anything there: its number is unknown now.
            if !other.names.contains_key(name) && (mine.number.is_some() || mine.truth.is_some()) {
                *mine = mine.join(&Value::default());
                changed = true;
            }
        }
        for (name, value) in other.names {
            let value = if restricted { value.restrict(other.arities) } else { value };
            let mine = self.names.entry(name).or_default();
            if *mine != value {
                let joined = mine.join(&value);
                changed |= joined != *mine;
                *mine = joined;
            }
        }
        self.arities = self.arities.or(other.arities);
        changed
    }
}

/// One function (or module) being followed.
pub struct Frame<'p> {
    /// Its file.
    pub file: FileId,
    /// Its node.
    pub node: Node<'p>,
    /// The enclosing scope.
    pub around: Option<ScopeId>,
    /// The names here are those of the module.
    pub is_module: bool,
    /// Names declared `global` here.
    pub globals: Vec<&'p str>,
    /// Names declared `nonlocal` here.
    pub outer: Vec<&'p str>,
    /// What it returns.
    pub returns: Option<Value<'p>>,
    /// What it yields, if it is a generator.
    pub yields: Option<Value<'p>>,
    /// Where its paths end.
    pub ends: Option<State<'p>>,
    /// Functions defined in it, followed when all its names are known.
    pub pending: Vec<Spot<'p>>,
    /// For each enclosing loop: the paths that leave it by `break` or go on by `continue`.
    pub loops: Vec<Option<State<'p>>>,
    /// For each enclosing `try` that catches a failed unpacking: the arities for which one fails, and the uses inside.
    pub tries: Vec<(Arities, Vec<usize>)>,
}

impl<'p> Frame<'p> {
    /// A frame for `spot`.
    pub fn new(spot: Spot<'p>, around: Option<ScopeId>) -> Self {
        Self {
            file: spot.file,
            node: spot.node,
            around,
            is_module: spot.node.kind() == "module",
            globals: Vec::new(),
            outer: Vec::new(),
            returns: None,
            yields: None,
            ends: None,
            pending: Vec::new(),
            loops: Vec::new(),
            tries: Vec::new(),
        }
    }

    /// The path ends here.
    pub fn end(&mut self, state: State<'p>) {
        match &mut self.ends {
            Some(ends) => {
                ends.merge(state);
            }
            None => self.ends = Some(state),
        }
    }
}
