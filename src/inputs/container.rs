//! Follows the methods of containers and texts.

use std::rc::Rc;

use super::builtin::FOLDER;
use super::call::Arguments;
use super::evaluate::Evaluator;
use super::value::{Dict, LONGEST_TEXT, List, Value, to_number, whole};

impl<'t> Evaluator<'t> {
    /// A method of a container or a text; None if the object has attributes of its own.
    pub(super) fn method(&self, object: &Value<'t>, name: &str, arguments: &Arguments<'t>) -> Option<Value<'t>> {
        self.steps(object.size() / 16);
        match object {
            Value::Dict(dict) => Some(self.dict_method(dict, name, arguments)),
            Value::List(list) => Some(self.list_method(list, name, arguments)),
            Value::Text(text) => Some(text_method(text, name, arguments)),
            Value::Class(class) if name == "INPUT_TYPES" => self.input_types(class),
            Value::Made(made) if &*made.callee == FOLDER => Some(match name {
                "is_dir" => Value::Boolean(true),
                "is_file" => Value::Boolean(false),
                _ => Value::Unknown,
            }),
            _ => None,
        }
    }

    fn dict_method(&self, dict: &Rc<Dict<'t>>, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
        let key = arguments.list.first().and_then(Value::as_text);
        let default = || arguments.list.get(1).cloned().unwrap_or(Value::Nothing);
        let found = |key: &str, value: Option<Value<'t>>| match value {
            Some(value) if dict.is_perhaps(key) => value.join(default()),
            Some(value) => value,
            None if dict.may_have_others() => Value::Unknown,
            None => default(),
        };
        let listed = |items: Vec<Value<'t>>| {
            let list = Value::list(items);
            if let (Value::List(list), false) = (&list, dict.is_closed()) {
                let entries = dict.entries.borrow();
                list.open_behind(entries.iter().take_while(|(key, _)| !dict.is_perhaps(key)).count());
            }
            list
        };
        match (name, key) {
            ("get", Some(key)) => found(key, dict.get(key).or_else(|| self.missing(dict, key))),
            ("setdefault", Some(key)) => {
                let value = found(key, dict.get(key));
                match dict.has(key) {
                    Some(true) => {}
                    Some(false) => self.set(dict, &Value::text(key), value.clone()),
                    None => dict.open(),
                }
                value
            }
            ("pop", Some(key)) => {
                let value = found(key, dict.get(key));
                self.remove(dict, &Value::text(key));
                value
            }
            ("items", _) => {
                let pair =
                    |(key, value): &(Rc<str>, Value<'t>)| Value::list(vec![Value::Text(Rc::clone(key)), value.clone()]);
                listed(dict.entries.borrow().iter().map(pair).collect())
            }
            ("keys", _) => listed(dict.entries.borrow().iter().map(|(key, _)| Value::Text(Rc::clone(key))).collect()),
            ("values", _) => listed(dict.entries.borrow().iter().map(|(_, value)| value.clone()).collect()),
            ("copy", _) => Value::Dict(Rc::new(dict.copy())),
            ("update", _) => {
                arguments.list.iter().for_each(|more| self.update(dict, more));
                arguments
                    .named
                    .iter()
                    .for_each(|(key, value)| self.set(dict, &Value::Text(Rc::clone(key)), value.clone()));
                if arguments.is_open {
                    dict.open();
                }
                Value::Nothing
            }
            ("move_to_end", Some(key)) if dict.is_closed() && self.is_certain() => {
                let is_first =
                    arguments.named.iter().any(|(name, last)| &**name == "last" && last.truth() != Some(true));
                match dict.remove(key) {
                    Some(value) if !is_first => dict.set(key, value),
                    Some(value) => dict.entries.borrow_mut().insert(0, (Rc::from(key), value)),
                    None => {}
                }
                Value::Nothing
            }
            ("clear", _) if self.is_certain() => {
                dict.clear();
                Value::Nothing
            }
            _ => {
                dict.open();
                Value::Unknown
            }
        }
    }

    fn list_method(&self, list: &Rc<List<'t>>, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
        let first = arguments.list.first();
        let is_plain = self.is_certain() && list.is_closed();
        match (name, first) {
            ("append" | "add", Some(item)) => {
                if !self.is_certain() {
                    list.open_behind(list.items.borrow().len());
                }
                list.items.borrow_mut().push(item.clone());
            }
            ("extend" | "update", Some(more)) => self.extend(list, more),
            ("insert", Some(Value::Number(at))) if is_plain && *at >= 0.0 => {
                let item = arguments.list.get(1).cloned().unwrap_or(Value::Unknown);
                let mut items = list.items.borrow_mut();
                match whole(*at) {
                    Some(at) => {
                        let at = at.min(items.len());
                        items.insert(at, item);
                    }
                    None => list.open(),
                }
            }
            ("pop", at) if is_plain => {
                let at = match at {
                    None => Some(-1.0),
                    Some(Value::Number(at)) => Some(*at),
                    Some(_) => None,
                };
                let mut items = list.items.borrow_mut();
                let at = at.and_then(|at| whole(if at < 0.0 { to_number(items.len()) + at } else { at }));
                match at.filter(|at| *at < items.len()) {
                    Some(at) => return items.remove(at),
                    None => list.open(),
                }
            }
            ("remove" | "discard", Some(item)) if is_plain && list.position(item).is_some() => {
                let at = list.position(item);
                at.map(|at| list.items.borrow_mut().remove(at));
            }
            ("reverse", None) if is_plain => list.items.borrow_mut().reverse(),
            ("index", Some(item)) if list.is_closed() => {
                return list.position(item).map_or(Value::Unknown, |at| Value::Number(to_number(at)));
            }
            ("copy", _) => return Value::List(Rc::new(list.copy())),
            ("index" | "count", _) => {}
            _ => list.open(),
        }
        Value::Unknown
    }

    /// Sets a key of a dictionary. On a way that may not be taken, it may have it afterwards.
    pub(super) fn set(&self, dict: &Dict<'t>, key: &Value<'t>, value: Value<'t>) {
        match key.as_text() {
            Some(key) if self.is_certain() => dict.set(key, value),
            Some(key) => dict.set_perhaps(key, value),
            None => dict.open(),
        }
    }

    pub(super) fn remove(&self, dict: &Dict<'t>, key: &Value<'t>) {
        match key.as_text() {
            Some(key) if self.is_certain() => {
                dict.remove(key);
            }
            Some(key) => dict.remove_perhaps(key),
            None => dict.open(),
        }
    }

    /// `dict.update(more)`.
    pub(super) fn update(&self, dict: &Dict<'t>, more: &Value<'t>) {
        match more {
            Value::Dict(more) => {
                let entries = more.entries.borrow().clone();
                for (key, value) in entries {
                    if more.is_perhaps(&key) {
                        dict.set_perhaps(&key, value);
                    } else {
                        self.set(dict, &Value::Text(key), value);
                    }
                }
                if more.may_have_others() {
                    dict.open();
                }
            }
            Value::List(pairs) if pairs.is_closed() => {
                for pair in pairs.items.borrow().iter() {
                    match self.items(pair) {
                        (items, true) if items.len() == 2 => self.set(dict, &items[0], items[1].clone()),
                        _ => dict.open(),
                    }
                }
            }
            Value::Nothing => {}
            _ => dict.open(),
        }
    }

    /// `list.extend(more)`.
    pub(super) fn extend(&self, list: &List<'t>, more: &Value<'t>) {
        let before = list.items.borrow().len();
        let (items, is_all) = self.items(more);
        if !self.is_certain() {
            list.open_behind(before);
        } else if !is_all && !matches!(more, Value::List(more) if !more.is_open.get()) {
            list.open_behind(before + self.sure(more));
        }
        list.items.borrow_mut().extend(items);
        if let Value::List(more) = more {
            let models = more.models.borrow().clone();
            list.models.borrow_mut().extend(models);
        }
    }
}

fn text_method<'t>(text: &str, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
    let first = arguments.list.first();
    let argument = first.and_then(Value::as_text);
    match (name, argument) {
        ("lower" | "casefold", _) => Value::text(&text.to_lowercase()),
        ("upper", _) => Value::text(&text.to_uppercase()),
        ("strip", None) => Value::text(text.trim()),
        ("isalnum", _) => Value::Boolean(!text.is_empty() && text.chars().all(char::is_alphanumeric)),
        ("startswith", Some(start)) => Value::Boolean(text.starts_with(start)),
        ("endswith", Some(end)) => Value::Boolean(text.ends_with(end)),
        ("replace", Some(old)) => match arguments.list.get(1).and_then(Value::as_text) {
            Some(new) if text.len().saturating_mul(new.len() + 1) <= LONGEST_TEXT => {
                Value::text(&text.replace(old, new))
            }
            _ => Value::Unknown,
        },
        ("split", Some(separator)) if !separator.is_empty() => {
            Value::list(text.split(separator).map(Value::text).collect())
        }
        ("join", _) => match first {
            Some(Value::List(list)) if list.is_closed() => {
                let items = list.items.borrow();
                let parts: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
                let length = |parts: &Vec<&str>| parts.iter().map(|part| part.len() + text.len()).sum::<usize>();
                let parts = parts.filter(|parts| length(parts) <= LONGEST_TEXT);
                parts.map_or(Value::Unknown, |parts| Value::text(&parts.join(text)))
            }
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}
