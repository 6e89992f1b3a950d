//! What expressions give while the definitions of node classes are followed.
//!
//! Containers are shared as in Python, so that a change through one name is seen through all. One that is *open* may hold
//! more than is known.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tree_sitter::Node;

use super::scope::Scope;

/// A value of Python, as far as it is known.
#[derive(Clone)]
pub(super) enum Value<'t> {
    /// Not known
    Unknown,
    /// `None`
    Nothing,
    Boolean(bool),
    Number(f64),
    Text(Rc<str>),
    /// A list, a tuple or a set
    List(Rc<List<'t>>),
    Dict(Rc<Dict<'t>>),
    Function(Rc<Function<'t>>),
    /// A class, or an instance of it: they have the same attributes here
    Class(Rc<Class<'t>>),
    /// `super()` in a method of this class
    Super(Rc<Class<'t>>),
    /// A file, by its index
    Module(usize),
    /// What the files do not define, by its dotted name
    Outside(Rc<str>),
    /// What a call of that gives
    Made(Rc<Made<'t>>),
}

/// A list, a tuple or a set.
#[derive(Default)]
pub(super) struct List<'t> {
    pub(super) items: RefCell<Vec<Value<'t>>>,
    /// The categories of models whose files are in it too.
    pub(super) models: RefCell<Vec<Rc<str>>>,
    pub(super) is_open: Cell<bool>,
}

/// A dictionary with texts as keys, in their order.
#[derive(Default)]
pub(super) struct Dict<'t> {
    pub(super) entries: RefCell<Vec<(Rc<str>, Value<'t>)>>,
    pub(super) is_open: Cell<bool>,
}

/// A function, or a method that is bound to its class.
pub(super) struct Function<'t> {
    /// The file, by its index.
    pub(super) file: usize,
    /// `function_definition` or `lambda`.
    pub(super) node: Node<'t>,
    /// The names around it.
    pub(super) scope: Rc<Scope<'t>>,
    /// What its first parameter gets.
    pub(super) bound: Option<Value<'t>>,
    /// How a method is bound.
    pub(super) binding: Binding,
    /// The class that it is a method of.
    pub(super) owner: RefCell<Option<Rc<Class<'t>>>>,
}

/// How a method is bound.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// To the class
    Class,
    /// Not at all: also a plain method that is called through its class
    None,
}

/// A class.
pub(super) struct Class<'t> {
    pub(super) name: Rc<str>,
    /// The file, by its index.
    pub(super) file: usize,
    pub(super) node: Node<'t>,
    pub(super) bases: Vec<Value<'t>>,
    pub(super) members: Rc<Scope<'t>>,
}

/// The result of a call of something outside.
pub(super) struct Made<'t> {
    pub(super) callee: Rc<str>,
    pub(super) arguments: Vec<Value<'t>>,
    pub(super) named: Vec<(Rc<str>, Value<'t>)>,
}

impl<'t> Value<'t> {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Rc::from(text))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(List { items: RefCell::new(items), ..List::default() }))
    }

    /// What the files do not define.
    pub(super) fn outside(name: &str) -> Self {
        Self::Outside(Rc::from(name))
    }

    /// A list of which nothing is known.
    pub(super) fn some_list() -> Self {
        let list = List::default();
        list.is_open.set(true);
        Self::List(Rc::new(list))
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Is it true? None if that is not known.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Nothing => Some(false),
            Self::Boolean(truth) => Some(*truth),
            Self::Number(number) => Some(*number != 0.0),
            Self::Text(text) => Some(!text.is_empty()),
            Self::List(list) if !list.items.borrow().is_empty() => Some(true),
            Self::List(list) => (!list.is_open.get() && list.models.borrow().is_empty()).then_some(false),
            Self::Dict(dict) if !dict.entries.borrow().is_empty() => Some(true),
            Self::Dict(dict) => (!dict.is_open.get()).then_some(false),
            Self::Function(_) | Self::Class(_) | Self::Module(_) => Some(true),
            Self::Unknown | Self::Super(_) | Self::Outside(_) | Self::Made(_) => None,
        }
    }

    /// Are they equal? None if that is not known.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Some(true),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a == b),
            (Self::Number(a), Self::Number(b)) => Some((a - b).abs() == 0.0),
            (Self::Text(a), Self::Text(b)) => Some(a == b),
            (Self::List(a), Self::List(b)) if Rc::ptr_eq(a, b) => Some(true),
            (Self::Dict(a), Self::Dict(b)) if Rc::ptr_eq(a, b) => Some(true),
            (Self::Class(a), Self::Class(b)) => Some(Rc::ptr_eq(a, b)),
            (Self::Unknown | Self::Outside(_) | Self::Made(_) | Self::Super(_), _)
            | (_, Self::Unknown | Self::Outside(_) | Self::Made(_) | Self::Super(_))
            | (Self::List(_), Self::List(_))
            | (Self::Dict(_), Self::Dict(_))
            | (Self::Function(_), Self::Function(_)) => None,
            _ => Some(false),
        }
    }

    /// What is either of the two.
    pub(super) fn join(self, other: Self) -> Self {
        if self.equals(&other) == Some(true) {
            return self;
        }
        match (self, other) {
            (Self::List(a), Self::List(b)) => {
                let joined = a.copy();
                let new: Vec<Self> = b.items.borrow().iter().filter(|item| !a.has(item)).cloned().collect();
                joined.items.borrow_mut().extend(new);
                joined.models.borrow_mut().extend(b.models.borrow().iter().cloned());
                joined.is_open.set(true);
                Self::List(Rc::new(joined))
            }
            (Self::Function(a), Self::Function(b)) if a.node == b.node => Self::Function(a),
            (Self::Outside(a), Self::Outside(b)) if a == b => Self::Outside(a),
            (Self::Module(a), Self::Module(b)) if a == b => Self::Module(a),
            _ => Self::Unknown,
        }
    }

    /// A copy that shares nothing with it.
    pub(super) fn deep_copy(&self) -> Self {
        self.copied(0)
    }

    fn copied(&self, depth: usize) -> Self {
        if depth > 100 {
            return Self::Unknown;
        }
        match self {
            Self::List(list) => {
                let copy = list.copy();
                copy.items.borrow_mut().iter_mut().for_each(|item| *item = item.copied(depth + 1));
                Self::List(Rc::new(copy))
            }
            Self::Dict(dict) => {
                let copy = dict.copy();
                copy.entries.borrow_mut().iter_mut().for_each(|(_, value)| *value = value.copied(depth + 1));
                Self::Dict(Rc::new(copy))
            }
            other => other.clone(),
        }
    }
}

impl<'t> List<'t> {
    pub(super) fn copy(&self) -> Self {
        Self { items: self.items.clone(), models: self.models.clone(), is_open: self.is_open.clone() }
    }

    /// Is this certainly in it?
    pub(super) fn has(&self, value: &Value<'t>) -> bool {
        self.items.borrow().iter().any(|item| item.equals(value) == Some(true))
    }

    /// Is everything in it known?
    pub(super) fn is_closed(&self) -> bool {
        !self.is_open.get() && self.models.borrow().is_empty()
    }
}

impl<'t> Dict<'t> {
    pub(super) fn copy(&self) -> Self {
        Self { entries: self.entries.clone(), is_open: self.is_open.clone() }
    }

    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.entries.borrow().iter().find(|(known, _)| &**known == key).map(|(_, value)| value.clone())
    }

    pub(super) fn set(&self, key: &str, value: Value<'t>) {
        let mut entries = self.entries.borrow_mut();
        match entries.iter_mut().find(|(known, _)| &**known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((Rc::from(key), value)),
        }
    }

    pub(super) fn remove(&self, key: &str) -> Option<Value<'t>> {
        let mut entries = self.entries.borrow_mut();
        let at = entries.iter().position(|(known, _)| &**known == key)?;
        Some(entries.remove(at).1)
    }
}
