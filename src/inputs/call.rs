//! Follows calls: of functions in the files, of the few functions of Python and ComfyUI that definitions use, and of the
//! methods of containers.

use std::rc::Rc;

use tree_sitter::Node;

use super::evaluate::Evaluator;
use super::scope::Scope;
use super::value::{Dict, Function, List, Made, Value};
use crate::python::field::Fields as _;

/// What stands for the folder `custom_nodes`, where the node looks for other packs.
const CUSTOM_NODES: &str = "custom_nodes";

/// The arguments of a call.
#[derive(Default)]
pub(super) struct Arguments<'t> {
    pub(super) list: Vec<Value<'t>>,
    pub(super) named: Vec<(Rc<str>, Value<'t>)>,
    /// Are there others, which are not known?
    is_open: bool,
}

impl<'t> Evaluator<'t> {
    pub(super) fn call_expression(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let (Some(function), Some(list)) = (node.field("function"), node.field("arguments")) else {
            return Value::Unknown;
        };
        let arguments = self.arguments(scope, list);
        if function.kind() == "attribute" {
            let (Some(object), Some(name)) = (function.field("object"), function.field("attribute")) else {
                return Value::Unknown;
            };
            let (object, name) = (self.eval(scope, object), self.slice(scope, name));
            return match self.method(&object, name, &arguments) {
                Some(value) => value,
                None => self.call(&self.attribute(&object, name), arguments),
            };
        }
        let callee = self.eval(scope, function);
        if let Value::Outside(name) = &callee
            && &**name == "super"
        {
            let class = crate::python::syntax::enclosing(node, &["function_definition"]);
            return class.and_then(|_| self.owner(scope)).unwrap_or(Value::Unknown);
        }
        self.call(&callee, arguments)
    }

    /// `super()` of the class whose method is followed: its first parameter is the class.
    fn owner(&self, scope: &Rc<Scope<'t>>) -> Option<Value<'t>> {
        scope.get("<super>")
    }

    fn arguments(&self, scope: &Rc<Scope<'t>>, list: Node<'t>) -> Arguments<'t> {
        let mut arguments = Arguments::default();
        if list.kind() == "generator_expression" {
            arguments.list.push(self.eval(scope, list));
            return arguments;
        }
        for part in list.parts() {
            match part.kind() {
                "keyword_argument" => {
                    let (Some(name), Some(value)) = (part.field("name"), part.field("value")) else { continue };
                    let value = self.eval(scope, value);
                    arguments.named.push((Rc::from(self.slice(scope, name)), value));
                }
                "list_splat" => match part.part(0).map(|inner| self.eval(scope, inner)) {
                    Some(Value::List(more)) if more.is_closed() => {
                        arguments.list.extend(more.items.borrow().iter().cloned())
                    }
                    _ => arguments.is_open = true,
                },
                "dictionary_splat" => match part.part(0).map(|inner| self.eval(scope, inner)) {
                    Some(Value::Dict(more)) if !more.is_open.get() => {
                        arguments.named.extend(more.entries.borrow().iter().cloned())
                    }
                    _ => arguments.is_open = true,
                },
                _ => arguments.list.push(self.eval(scope, part)),
            }
        }
        arguments
    }

    /// What a call gives.
    pub(super) fn call(&self, callee: &Value<'t>, arguments: Arguments<'t>) -> Value<'t> {
        match callee {
            Value::Function(function) => self.call_function(function, arguments),
            // An instance has the attributes of its class.
            Value::Class(_) => callee.clone(),
            Value::Outside(name) => self.outside(name, arguments),
            _ => {
                self.taint(&arguments);
                Value::Unknown
            }
        }
    }

    fn call_function(&self, function: &Rc<Function<'t>>, arguments: Arguments<'t>) -> Value<'t> {
        let scope = Scope::inside(&function.scope);
        if let Some(owner) = &*function.owner.borrow() {
            scope.set("<super>", Value::Super(Rc::clone(owner)));
        }
        let mut list = function.bound.iter().cloned().chain(arguments.list);
        let mut named = arguments.named;
        let parameters = function.node.field("parameters").map(|parameters| parameters.parts()).unwrap_or_default();
        for parameter in parameters {
            let named_node = match parameter.kind() {
                "identifier" => parameter,
                "typed_parameter" => parameter.part(0).unwrap_or(parameter),
                "list_splat_pattern" | "dictionary_splat_pattern" => parameter,
                _ => parameter.field("name").unwrap_or(parameter),
            };
            match named_node.kind() {
                "list_splat_pattern" => {
                    let rest = Value::list(list.by_ref().collect());
                    if let (Value::List(rest), true) = (&rest, arguments.is_open) {
                        rest.is_open.set(true);
                    }
                    if let Some(name) = named_node.part(0) {
                        scope.set(self.slice(&scope, name), rest);
                    }
                }
                "dictionary_splat_pattern" => {
                    let dict = Dict::default();
                    named.drain(..).for_each(|(name, value)| dict.set(&name, value));
                    dict.is_open.set(arguments.is_open);
                    if let Some(name) = named_node.part(0) {
                        scope.set(self.slice(&scope, name), Value::Dict(Rc::new(dict)));
                    }
                }
                "identifier" => {
                    let name = self.slice(&scope, named_node);
                    let by_name = named.iter().position(|(known, _)| &**known == name);
                    let given = match by_name {
                        Some(at) => Some(named.remove(at).1),
                        None => list.next(),
                    };
                    let default = || match parameter.field("value") {
                        Some(default) if !arguments.is_open => self.eval(&function.scope, default),
                        _ => Value::Unknown,
                    };
                    scope.set(name, given.unwrap_or_else(default));
                }
                _ => {}
            }
        }
        self.run(function, &scope)
    }

    /// What may be changed by a call that is not followed.
    fn taint(&self, arguments: &Arguments<'t>) {
        for value in arguments.list.iter().chain(arguments.named.iter().map(|(_, value)| value)) {
            match value {
                Value::Dict(dict) => dict.is_open.set(true),
                Value::List(list) => list.is_open.set(true),
                _ => {}
            }
        }
    }

    /// A function of Python, of ComfyUI's `folder_paths`, or one that nothing is known of.
    fn outside(&self, name: &str, arguments: Arguments<'t>) -> Value<'t> {
        let first = arguments.list.first();
        let second = arguments.list.get(1);
        match name {
            "copy.deepcopy" | "deepcopy" => first.map_or(Value::Unknown, Value::deep_copy),
            "copy.copy" => match first {
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
                dict.is_open.set(dict.is_open.get() || arguments.is_open);
                Value::Dict(Rc::new(dict))
            }
            "list" | "tuple" | "set" | "sorted" | "reversed" | "frozenset" => match first {
                None => Value::list(Vec::new()),
                Some(value) => self.listed(value),
            },
            "len" => match first {
                Some(Value::List(list)) if list.is_closed() => number(list.items.borrow().len()),
                Some(Value::Dict(dict)) if !dict.is_open.get() => number(dict.entries.borrow().len()),
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
                let zipped = Value::list(rows.collect());
                if let (Value::List(zipped), true) = (&zipped, lists.iter().any(|(_, is_all)| !is_all)) {
                    zipped.is_open.set(true);
                }
                zipped
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
                        callee: Rc::from("<folder>"),
                        arguments: vec![Value::text(pack)],
                        named: Vec::new(),
                    })),
                };
                Value::list(self.library.packs.iter().map(entry).collect())
            }
            _ if is_harmless(name) => Value::Unknown,
            _ => {
                if !name.contains('.') {
                    self.taint(&arguments);
                }
                Value::Made(Rc::new(Made { callee: Rc::from(name), arguments: arguments.list, named: arguments.named }))
            }
        }
    }

    /// Is this the folder of a pack that is there? None if it is another path.
    fn is_pack(&self, path: &str) -> Option<bool> {
        let pack = path.strip_prefix(CUSTOM_NODES)?;
        let pack = pack.trim_start_matches('/');
        (!pack.contains('/')).then(|| pack.is_empty() || self.library.packs.iter().any(|known| known == pack))
    }

    fn listed(&self, value: &Value<'t>) -> Value<'t> {
        match value {
            Value::List(list) => Value::List(Rc::new(list.copy())),
            other => {
                let (items, is_all) = self.items(other);
                let list = Value::list(items);
                if let (Value::List(list), false) = (&list, is_all) {
                    list.is_open.set(true);
                }
                list
            }
        }
    }

    fn paired(&self, over: Option<&Value<'t>>, pair: impl Fn(usize, Value<'t>) -> Value<'t>) -> Value<'t> {
        let Some((items, true)) = over.map(|over| self.items(over)) else { return Value::some_list() };
        Value::list(items.into_iter().enumerate().map(|(at, item)| pair(at, item)).collect())
    }

    /// A method of a container or a text; None if the object has attributes of its own.
    fn method(&self, object: &Value<'t>, name: &str, arguments: &Arguments<'t>) -> Option<Value<'t>> {
        match object {
            Value::Dict(dict) => Some(self.dict_method(dict, name, arguments)),
            Value::List(list) => Some(self.list_method(list, name, arguments)),
            Value::Text(text) => Some(self.text_method(text, name, arguments)),
            Value::Class(class) if name == "INPUT_TYPES" => self.input_types(class),
            Value::Made(made) if &*made.callee == "<folder>" => Some(match name {
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
        let absent = |default: Value<'t>| if dict.is_open.get() { Value::Unknown } else { default };
        let listed = |items: Vec<Value<'t>>| {
            let list = Value::list(items);
            if let Value::List(list) = &list {
                list.is_open.set(dict.is_open.get());
            }
            list
        };
        match (name, key) {
            ("get", Some(key)) => {
                dict.get(key).or_else(|| self.missing(dict, key)).unwrap_or_else(|| absent(default()))
            }
            ("setdefault", Some(key)) => match dict.get(key) {
                Some(value) => value,
                None if dict.is_open.get() => Value::Unknown,
                None => {
                    let value = default();
                    self.set(dict, &Value::text(key), value.clone());
                    value
                }
            },
            ("pop", Some(key)) => {
                let value = dict.get(key).unwrap_or_else(|| absent(default()));
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
                    dict.is_open.set(true);
                }
                Value::Nothing
            }
            _ => {
                dict.is_open.set(true);
                Value::Unknown
            }
        }
    }

    fn list_method(&self, list: &Rc<List<'t>>, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
        let first = arguments.list.first();
        match (name, first) {
            ("append" | "add", Some(item)) => {
                list.items.borrow_mut().push(item.clone());
                if !self.is_certain() {
                    list.is_open.set(true);
                }
            }
            ("extend" | "update", Some(more)) => self.extend(list, more),
            ("insert", Some(Value::Number(at))) if at.abs() == 0.0 && self.is_certain() => {
                let item = arguments.list.get(1).cloned().unwrap_or(Value::Unknown);
                list.items.borrow_mut().insert(0, item);
            }
            ("copy", _) => return Value::List(Rc::new(list.copy())),
            ("sort" | "index" | "count", _) => {}
            _ => list.is_open.set(true),
        }
        Value::Unknown
    }

    fn text_method(&self, text: &str, name: &str, arguments: &Arguments<'t>) -> Value<'t> {
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
                Some(new) => Value::text(&text.replace(old, new)),
                None => Value::Unknown,
            },
            ("split", Some(separator)) if !separator.is_empty() => {
                Value::list(text.split(separator).map(Value::text).collect())
            }
            ("join", _) => match first {
                Some(Value::List(list)) if list.is_closed() => {
                    let items = list.items.borrow();
                    let parts: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
                    parts.map_or(Value::Unknown, |parts| Value::text(&parts.join(text)))
                }
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// Sets a key of a dictionary. On a way that may not be taken, the dictionary is open afterwards.
    pub(super) fn set(&self, dict: &Dict<'t>, key: &Value<'t>, value: Value<'t>) {
        match key.as_text() {
            Some(key) if self.is_certain() => dict.set(key, value),
            Some(key) => {
                let value = dict.get(key).map_or_else(|| value.clone(), |old| old.join(value.clone()));
                dict.set(key, value);
                dict.is_open.set(true);
            }
            None => dict.is_open.set(true),
        }
    }

    pub(super) fn remove(&self, dict: &Dict<'t>, key: &Value<'t>) {
        match key.as_text() {
            Some(key) if self.is_certain() => {
                dict.remove(key);
            }
            _ => dict.is_open.set(true),
        }
    }

    /// `dict.update(more)`.
    pub(super) fn update(&self, dict: &Dict<'t>, more: &Value<'t>) {
        match more {
            Value::Dict(more) => {
                let entries = more.entries.borrow().clone();
                entries.into_iter().for_each(|(key, value)| self.set(dict, &Value::Text(key), value));
                dict.is_open.set(dict.is_open.get() || more.is_open.get());
            }
            Value::List(pairs) if pairs.is_closed() => {
                for pair in pairs.items.borrow().iter() {
                    match self.items(pair) {
                        (items, true) if items.len() == 2 => self.set(dict, &items[0], items[1].clone()),
                        _ => dict.is_open.set(true),
                    }
                }
            }
            _ => dict.is_open.set(true),
        }
    }

    /// `list.extend(more)`.
    pub(super) fn extend(&self, list: &List<'t>, more: &Value<'t>) {
        let (items, is_all) = self.items(more);
        list.items.borrow_mut().extend(items);
        if let Value::List(more) = more {
            let models = more.models.borrow().clone();
            list.models.borrow_mut().extend(models);
            list.is_open.set(list.is_open.get() || more.is_open.get());
        } else if !is_all {
            list.is_open.set(true);
        }
        if !self.is_certain() {
            list.is_open.set(true);
        }
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

#[allow(clippy::cast_precision_loss, reason = "these are counts of short lists")]
fn number<'t>(count: usize) -> Value<'t> {
    Value::Number(count as f64)
}
