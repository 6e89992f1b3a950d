//! The names that are known at a place.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::value::Value;

/// Names and values, the names around them, and the file.
pub(super) struct Scope<'t> {
    pub(super) file: usize,
    names: RefCell<HashMap<Rc<str>, Value<'t>>>,
    around: Option<Rc<Self>>,
}

impl<'t> Scope<'t> {
    /// The names of a file.
    pub(super) fn of_file(file: usize) -> Rc<Self> {
        Rc::new(Self { file, names: RefCell::default(), around: None })
    }

    /// Names inside of others.
    pub(super) fn inside(around: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self { file: around.file, names: RefCell::default(), around: Some(Rc::clone(around)) })
    }

    /// What a name holds, here or around.
    pub(super) fn get(&self, name: &str) -> Option<Value<'t>> {
        let mut scope = self;
        loop {
            if let Some(value) = scope.names.borrow().get(name) {
                return Some(value.clone());
            }
            scope = scope.around.as_deref()?;
        }
    }

    /// What a name holds here.
    pub(super) fn own(&self, name: &str) -> Option<Value<'t>> {
        self.names.borrow().get(name).cloned()
    }

    pub(super) fn set(&self, name: &str, value: Value<'t>) {
        self.names.borrow_mut().insert(Rc::from(name), value);
    }

    pub(super) fn remove(&self, name: &str) {
        self.names.borrow_mut().remove(name);
    }

    /// The outermost names.
    pub(super) fn of_its_file(self: &Rc<Self>) -> Rc<Self> {
        let mut scope = self;
        while let Some(around) = &scope.around {
            scope = around;
        }
        Rc::clone(scope)
    }

    /// The names as they are now.
    pub(super) fn names(&self) -> HashMap<Rc<str>, Value<'t>> {
        self.names.borrow().clone()
    }

    /// Puts other names in their place, and gives the names as they were.
    pub(super) fn replace(&self, names: HashMap<Rc<str>, Value<'t>>) -> HashMap<Rc<str>, Value<'t>> {
        self.names.replace(names)
    }

    /// What holds after either of two ways: these names, or those.
    pub(super) fn join(&self, mut other: HashMap<Rc<str>, Value<'t>>) {
        let mut names = self.names.borrow_mut();
        for (name, value) in names.iter_mut() {
            let theirs = other.remove(name).unwrap_or(Value::Unknown);
            *value = std::mem::replace(value, Value::Unknown).join(theirs);
        }
        // A class or a function that is defined on one way only is still what the name holds, if it holds anything.
        names.extend(other);
    }
}
