//! What expressions give while the definitions of node classes are followed.
//!
//! Containers are shared as in Python, so that a change through one name is seen through all. One that is *open* may hold
//! more than is known.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tree_sitter::Node;

use super::scope::Scope;

/// The most keys of a dictionary that are known; it is searched from its beginning.
const MOST_ENTRIES: usize = 4_000;
/// The most pairs of items that are compared when two lists are joined.
const MOST_PAIRS: usize = 100_000;
/// The longest text that is known.
pub(super) const LONGEST_TEXT: usize = 1 << 20;

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
    /// May it hold others? They can be anywhere behind the first `sure` items.
    pub(super) is_open: Cell<bool>,
    sure: Cell<usize>,
}

/// A dictionary with texts as keys, in their order.
#[derive(Default)]
pub(super) struct Dict<'t> {
    pub(super) entries: RefCell<Vec<(Rc<str>, Value<'t>)>>,
    /// The keys that it may have, or not.
    perhaps: RefCell<Vec<Rc<str>>>,
    /// May it have others than these?
    open: Cell<bool>,
}

/// A function, or a method that is bound to its class.
#[derive(Clone)]
pub(super) struct Function<'t> {
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

impl<'t> Function<'t> {
    /// A `function_definition` or a `lambda` with these names around it.
    pub(super) fn new(node: Node<'t>, scope: Rc<Scope<'t>>) -> Self {
        Self { node, scope, bound: None, binding: Binding::None, owner: RefCell::default() }
    }
}

impl Value<'_> {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Rc::from(text))
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        let list = List::default();
        list.items.replace(items);
        Self::List(Rc::new(list))
    }

    /// A list of these items, and perhaps of others that are not known.
    pub(super) fn list_of(items: Vec<Self>, is_all: bool) -> Self {
        let list = Self::list(items);
        if let (Self::List(list), false) = (&list, is_all) {
            list.open();
        }
        list
    }

    /// What the files do not define.
    pub(super) fn outside(name: &str) -> Self {
        Self::Outside(Rc::from(name))
    }

    /// A list of which nothing is known.
    pub(super) fn some_list() -> Self {
        Self::list_of(Vec::new(), false)
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
            Self::Dict(dict) if dict.is_closed() => Some(!dict.entries.borrow().is_empty()),
            Self::Function(_) | Self::Class(_) | Self::Module(_) => Some(true),
            Self::Unknown | Self::Dict(_) | Self::Super(_) | Self::Outside(_) | Self::Made(_) => None,
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
            (Self::List(a), Self::List(b)) if a.items.borrow().len() * b.items.borrow().len() < MOST_PAIRS => {
                let joined = a.copy();
                let common = a
                    .items
                    .borrow()
                    .iter()
                    .zip(&*b.items.borrow())
                    .take_while(|(a, b)| a.equals(b) == Some(true))
                    .count();
                joined.open_behind(common);
                let new: Vec<Self> = b.items.borrow().iter().filter(|item| !a.has(item)).cloned().collect();
                joined.items.borrow_mut().extend(new);
                joined.models.borrow_mut().extend(b.models.borrow().iter().cloned());
                Self::List(Rc::new(joined))
            }
            (Self::Function(a), Self::Function(b)) if a.node == b.node => Self::Function(a),
            (Self::Outside(a), Self::Outside(b)) if a == b => Self::Outside(a),
            (Self::Module(a), Self::Module(b)) if a == b => Self::Module(a),
            _ => Self::Unknown,
        }
    }

    /// A function as the member of a class that a decorator makes of it.
    pub(super) fn bound_as(&self, binding: Binding) -> Self {
        match self {
            Self::Function(function) => Self::Function(Rc::new(Function { binding, ..Function::clone(function) })),
            _ => Self::Unknown,
        }
    }

    /// How much there is to look at.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(list) => list.items.borrow().len(),
            Self::Dict(dict) => dict.entries.borrow().len(),
            _ => 0,
        }
    }

    /// A copy that shares nothing with it; parts of it are not known if `step` says that it is too much.
    pub(super) fn deep_copy(&self, step: &dyn Fn() -> bool) -> Self {
        self.copied(step, 0)
    }

    fn copied(&self, step: &dyn Fn() -> bool, depth: usize) -> Self {
        if depth > 100 || !step() {
            return Self::Unknown;
        }
        match self {
            Self::List(list) => {
                let copy = list.copy();
                copy.items.borrow_mut().iter_mut().for_each(|item| *item = item.copied(step, depth + 1));
                Self::List(Rc::new(copy))
            }
            Self::Dict(dict) => {
                let copy = dict.copy();
                copy.entries.borrow_mut().iter_mut().for_each(|(_, value)| *value = value.copied(step, depth + 1));
                Self::Dict(Rc::new(copy))
            }
            other => other.clone(),
        }
    }
}

impl<'t> List<'t> {
    pub(super) fn copy(&self) -> Self {
        Self {
            items: self.items.clone(),
            models: self.models.clone(),
            is_open: self.is_open.clone(),
            sure: self.sure.clone(),
        }
    }

    /// Is this certainly in it?
    pub(super) fn has(&self, value: &Value<'t>) -> bool {
        self.items.borrow().iter().any(|item| item.equals(value) == Some(true))
    }

    /// Where an item is, if it is known of all before whether they are equal.
    pub(super) fn position(&self, item: &Value<'t>) -> Option<usize> {
        let items = self.items.borrow();
        let at = items.iter().position(|known| known.equals(item) != Some(false))?;
        (items[at].equals(item) == Some(true)).then_some(at)
    }

    /// Is everything in it known?
    pub(super) fn is_closed(&self) -> bool {
        !self.is_open.get() && self.models.borrow().is_empty()
    }

    /// From now on it may hold anything, anywhere.
    pub(super) fn open(&self) {
        self.open_behind(0);
    }

    /// From now on it may hold anything behind this many items.
    pub(super) fn open_behind(&self, sure: usize) {
        let sure = if self.is_open.get() { self.sure.get().min(sure) } else { sure };
        self.sure.set(sure);
        self.is_open.set(true);
    }

    /// The item at a position; a negative one counts from the end.
    pub(super) fn at(&self, position: f64) -> Option<Value<'t>> {
        let items = self.items.borrow();
        let position = if position < 0.0 && self.is_closed() { to_number(items.len()) + position } else { position };
        let position = whole(position)?;
        let is_sure = if self.is_open.get() { position < self.sure.get() } else { self.models.borrow().is_empty() };
        items.get(position).filter(|_| is_sure).cloned()
    }
}

/// A position, if the number is one.
pub(super) fn whole(number: f64) -> Option<usize> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a position in a short list")]
    (number >= 0.0 && number.fract() == 0.0 && number < 1e9).then_some(number as usize)
}

/// A length as Python has it.
#[allow(clippy::cast_precision_loss, reason = "these are lengths of short lists")]
pub(super) fn to_number(count: usize) -> f64 {
    count as f64
}

impl<'t> Dict<'t> {
    pub(super) fn copy(&self) -> Self {
        Self { entries: self.entries.clone(), perhaps: self.perhaps.clone(), open: self.open.clone() }
    }

    /// The value of a key, if it has that or may have it.
    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.entries.borrow().iter().find(|(known, _)| &**known == key).map(|(_, value)| value.clone())
    }

    /// Does it have this key? None if that is not known.
    pub(super) fn has(&self, key: &str) -> Option<bool> {
        let is_known = self.get(key).is_some();
        match (is_known, self.is_perhaps(key)) {
            (true, perhaps) => (!perhaps).then_some(true),
            (false, _) => (!self.open.get()).then_some(false),
        }
    }

    /// Is it not known whether it has this key?
    pub(super) fn is_perhaps(&self, key: &str) -> bool {
        self.perhaps.borrow().iter().any(|known| &**known == key)
    }

    /// Are its keys and their order known?
    pub(super) fn is_closed(&self) -> bool {
        !self.may_have_others() && self.perhaps.borrow().is_empty()
    }

    /// May it have keys other than those that are listed?
    pub(super) fn may_have_others(&self) -> bool {
        self.open.get()
    }

    /// From now on it may have any key.
    pub(super) fn open(&self) {
        self.open.set(true);
    }

    /// Gives a key a value.
    pub(super) fn set(&self, key: &str, value: Value<'t>) {
        self.perhaps.borrow_mut().retain(|known| &**known != key);
        self.put(key, value);
    }

    /// Gives a key a value, or does not.
    pub(super) fn set_perhaps(&self, key: &str, value: Value<'t>) {
        if let Some(old) = self.get(key) {
            self.put(key, old.join(value));
        } else {
            self.put(key, value);
            self.perhaps.borrow_mut().push(Rc::from(key));
        }
    }

    fn put(&self, key: &str, value: Value<'t>) {
        let mut entries = self.entries.borrow_mut();
        if entries.len() >= MOST_ENTRIES {
            return self.open();
        }
        match entries.iter_mut().find(|(known, _)| &**known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((Rc::from(key), value)),
        }
    }

    pub(super) fn remove(&self, key: &str) -> Option<Value<'t>> {
        self.perhaps.borrow_mut().retain(|known| &**known != key);
        let mut entries = self.entries.borrow_mut();
        let at = entries.iter().position(|(known, _)| &**known == key)?;
        Some(entries.remove(at).1)
    }

    pub(super) fn clear(&self) {
        self.entries.borrow_mut().clear();
        self.perhaps.borrow_mut().clear();
        self.open.set(false);
    }

    /// Removes a key, or does not.
    pub(super) fn remove_perhaps(&self, key: &str) {
        if self.get(key).is_some() && !self.is_perhaps(key) {
            self.perhaps.borrow_mut().push(Rc::from(key));
        }
    }
}

/// Values in values are dropped one in the other, however deep that is.
fn drop_deep<T>(values: T) {
    stacker::maybe_grow(64 << 10, 1 << 20, || drop(values));
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        drop_deep(self.items.take());
    }
}

impl Drop for Dict<'_> {
    fn drop(&mut self) {
        drop_deep(self.entries.take());
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        drop_deep((std::mem::take(&mut self.arguments), std::mem::take(&mut self.named)));
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        drop_deep(self.replace(HashMap::new()));
    }
}
