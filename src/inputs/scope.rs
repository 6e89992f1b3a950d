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
    /// The body of a class: its functions do not see its names.
    is_class: bool,
    /// Names that are said to be those of the file, or of a function around.
    elsewhere: RefCell<HashMap<Rc<str>, Rc<Self>>>,
}

impl<'t> Scope<'t> {
    /// The names of a file.
    pub(super) fn of_file(file: usize) -> Rc<Self> {
        Rc::new(Self { file, names: RefCell::default(), around: None, is_class: false, elsewhere: RefCell::default() })
    }

    /// Names inside of others.
    pub(super) fn inside(around: &Rc<Self>) -> Rc<Self> {
        Self::within(around, false)
    }

    /// The names in the body of a class.
    pub(super) fn of_class(around: &Rc<Self>) -> Rc<Self> {
        Self::within(around, true)
    }

    fn within(around: &Rc<Self>, is_class: bool) -> Rc<Self> {
        let around = Some(Rc::clone(around));
        let file = around.as_ref().map_or(0, |around| around.file);
        Rc::new(Self { file, names: RefCell::default(), around, is_class, elsewhere: RefCell::default() })
    }

    /// The names that a function sees which is defined here.
    pub(super) fn seen_by_functions(self: &Rc<Self>) -> Rc<Self> {
        match &self.around {
            Some(around) if self.is_class => Rc::clone(around),
            _ => Rc::clone(self),
        }
    }

    /// From now on, a name that gets a value here is that of the file, or else that of the nearest function that has it.
    pub(super) fn set_elsewhere(self: &Rc<Self>, name: &str, is_global: bool) {
        let mut scope = Rc::clone(self);
        while let Some(around) = scope.around.clone() {
            scope = around;
            if !is_global && scope.own(name).is_some() {
                break;
            }
        }
        self.elsewhere.borrow_mut().insert(Rc::from(name), scope);
    }

    /// Where a name gets its value that is not one of here.
    pub(super) fn place_elsewhere(&self, name: &str) -> Option<Rc<Self>> {
        self.elsewhere.borrow().get(name).cloned()
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
