//! Follows calls of what the files do not define: the few functions of Python and ComfyUI that definitions use.

use std::rc::Rc;

use super::call::Arguments;
use super::evaluate::Evaluator;
use super::value::{Binding, Dict, List, Made, Value, to_number};

/// What stands for the folder `custom_nodes`, where the node looks for other packs.
const CUSTOM_NODES: &str = "custom_nodes";
/// What stands for the function that makes an entry of that folder.
pub(super) const FOLDER: &str = "<folder>";

impl<'t> Evaluator<'t> {
    /// A function of Python, of ComfyUI's `folder_paths`, or one that nothing is known of.
    pub(super) fn outside(&self, name: &str, arguments: Arguments<'t>) -> Value<'t> {
        self.steps(arguments.list.iter().map(Value::size).sum::<usize>() / 16);
        let first = arguments.list.first();
        let second = arguments.list.get(1);
        match name {
            "copy.deepcopy" | "deepcopy" => first.map_or(Value::Unknown, |value| value.deep_copy(&|| self.step())),
            "copy.copy" | "dict.copy" => match first {
                Some(Value::Dict(dict)) => Value::Dict(Rc::new(dict.copy())),
                Some(other) => self.listed(other),
                None => Value::Unknown,
            },
            "dict" | "collections.OrderedDict" | "OrderedDict" => {
                let dict = match first {
                    Some(Value::Dict(dict)) => dict.copy(),
                    None => Dict::default(),
                    Some(pairs) => {
                        let dict = Dict::default();
                        self.update(&dict, pairs);
                        dict
                    }
                };
                arguments.named.iter().for_each(|(name, value)| dict.set(name, value.clone()));
                if arguments.is_open {
                    dict.open();
                }
                Value::Dict(Rc::new(dict))
            }
            "list" | "tuple" | "set" | "frozenset" => match first {
                None => Value::list(Vec::new()),
                Some(value) => self.listed(value),
            },
            "reversed" => self.reordered(first, |items| {
                items.reverse();
                true
            }),
            "sorted" if arguments.named.is_empty() => self.reordered(first, sort),
            "sorted" => self.reordered(first, |_| false),
            "classmethod" => first.map_or(Value::Unknown, |function| function.bound_as(Binding::Class)),
            "staticmethod" => first.map_or(Value::Unknown, |function| function.bound_as(Binding::None)),
            "len" => match first {
                Some(Value::List(list)) if list.is_closed() => number(list.items.borrow().len()),
                Some(Value::Dict(dict)) if dict.is_closed() => number(dict.entries.borrow().len()),
                Some(Value::Text(text)) => number(text.chars().count()),
                _ => Value::Unknown,
            },
            "str" => match first {
                Some(Value::Text(text)) => Value::Text(Rc::clone(text)),
                _ => Value::Unknown,
            },
            "callable" => match first {
                Some(Value::Function(_) | Value::Class(_)) => Value::Boolean(true),
                Some(Value::Dict(_) | Value::List(_) | Value::Text(_) | Value::Number(_) | Value::Nothing) => {
                    Value::Boolean(false)
                }
                _ => Value::Unknown,
            },
            "hasattr" => match (first, second) {
                (Some(Value::Class(class)), Some(Value::Text(name))) => {
                    match self.member(class, name, &Value::Nothing, 0) {
                        None => Value::Boolean(false),
                        Some(Value::Unknown) => Value::Unknown,
                        Some(_) => Value::Boolean(true),
                    }
                }
                _ => Value::Unknown,
            },
            "getattr" => match (first, second) {
                (Some(object), Some(Value::Text(name))) => {
                    match (self.attribute(object, name), arguments.list.get(2)) {
                        (Value::Unknown, Some(default)) => match object {
                            Value::Class(class) if self.member(class, name, object, 0).is_none() => default.clone(),
                            _ => Value::Unknown,
                        },
                        (value, _) => value,
                    }
                }
                _ => Value::Unknown,
            },
            "range" => match (first, second) {
                (Some(Value::Number(count)), None) if *count <= 1000.0 => {
                    let rounds = std::iter::successors(Some(0.0), |at| Some(at + 1.0)).take_while(|at| at < count);
                    Value::list(rounds.map(Value::Number).collect())
                }
                _ => Value::some_list(),
            },
            "enumerate" => self.paired(first, |at, item| Value::list(vec![number(at), item])),
            "zip" => {
                let lists: Vec<(Vec<Value<'t>>, bool)> = arguments.list.iter().map(|list| self.items(list)).collect();
                let shortest = lists.iter().map(|(items, _)| items.len()).min().unwrap_or(0);
                let rows =
                    (0..shortest).map(|at| Value::list(lists.iter().map(|(items, _)| items[at].clone()).collect()));
                Value::list_of(rows.collect(), lists.iter().all(|(_, is_all)| *is_all))
            }
            "folder_paths.get_filename_list" => match first {
                Some(Value::Text(category)) => {
                    let list = List::default();
                    list.models.borrow_mut().push(Rc::clone(category));
                    Value::List(Rc::new(list))
                }
                _ => Value::some_list(),
            },
            "folder_paths.get_folder_paths" if first.and_then(Value::as_text) == Some(CUSTOM_NODES) => {
                Value::list(vec![Value::text(CUSTOM_NODES)])
            }
            "os.path.join" => {
                let parts: Option<Vec<&str>> = arguments.list.iter().map(Value::as_text).collect();
                parts.map_or(Value::Unknown, |parts| Value::text(&parts.join("/")))
            }
            "os.path.exists" | "os.path.isdir" => match first.and_then(Value::as_text).map(|path| self.is_pack(path)) {
                Some(Some(is_there)) => Value::Boolean(is_there),
                _ => Value::Unknown,
            },
            "os.listdir" | "os.scandir" if first.and_then(Value::as_text) == Some(CUSTOM_NODES) => {
                let entry = |pack: &String| match name {
                    "os.listdir" => Value::text(pack),
                    _ => Value::Made(Rc::new(Made {
                        callee: Rc::from(FOLDER),
                        arguments: vec![Value::text(pack)],
                        named: Vec::new(),
                    })),
                };
                Value::list(self.library.installed.iter().map(entry).collect())
            }
            "os.path.basename" => match first.and_then(Value::as_text) {
                Some(path) => Value::text(path.rsplit('/').next().unwrap_or(path)),
                None => Value::Unknown,
            },
            _ if is_harmless(name) => Value::Unknown,
            _ => {
                // A constructor keeps what it is given.
                if !name.rsplit('.').take(2).any(|part| part.starts_with(char::is_uppercase)) {
                    arguments.taint();
                }
                Value::Made(Rc::new(Made { callee: Rc::from(name), arguments: arguments.list, named: arguments.named }))
            }
        }
    }

    /// Is this the folder of a pack that is there? None if it is another path.
    fn is_pack(&self, path: &str) -> Option<bool> {
        let pack = path.strip_prefix(CUSTOM_NODES)?;
        let pack = pack.trim_start_matches('/');
        (!pack.contains('/')).then(|| pack.is_empty() || self.library.installed.iter().any(|known| known == pack))
    }

    /// The items of a value, as a list, in an order that is known if the function says so.
    fn reordered(&self, value: Option<&Value<'t>>, order: impl Fn(&mut Vec<Value<'t>>) -> bool) -> Value<'t> {
        let Some(value) = value else { return Value::some_list() };
        // What is in it stays the same.
        if let Value::List(list) = value
            && !list.is_closed()
        {
            let list = list.copy();
            list.open();
            return Value::List(Rc::new(list));
        }
        let (mut items, is_all) = self.items(value);
        if is_all && order(&mut items) { Value::list(items) } else { Value::some_list() }
    }

    pub(super) fn listed(&self, value: &Value<'t>) -> Value<'t> {
        match value {
            Value::List(list) => Value::List(Rc::new(list.copy())),
            other => {
                let (items, is_all) = self.items(other);
                if is_all { Value::list(items) } else { Value::some_list() }
            }
        }
    }

    fn paired(&self, over: Option<&Value<'t>>, pair: impl Fn(usize, Value<'t>) -> Value<'t>) -> Value<'t> {
        let Some((items, true)) = over.map(|over| self.items(over)) else { return Value::some_list() };
        Value::list(items.into_iter().enumerate().map(|(at, item)| pair(at, item)).collect())
    }
}

/// Functions that change nothing they are given: those of Python that are not followed, and loggers.
fn is_harmless(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(
        last,
        "print"
            | "debug"
            | "info"
            | "warning"
            | "error"
            | "exception"
            | "isinstance"
            | "issubclass"
            | "type"
            | "id"
            | "repr"
            | "hash"
            | "dumps"
            | "getenv"
            | "getLogger"
            | "any"
            | "all"
            | "min"
            | "max"
            | "sum"
            | "map"
            | "filter"
            | "next"
            | "iter"
            | "bool"
            | "int"
            | "float"
    )
}

/// Sorts texts; says whether these are some.
fn sort(items: &mut Vec<Value<'_>>) -> bool {
    items.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
    items.iter().all(|item| item.as_text().is_some())
}

fn number<'t>(count: usize) -> Value<'t> {
    Value::Number(to_number(count))
}
