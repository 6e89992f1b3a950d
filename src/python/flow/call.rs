//! Calls: of the package's own functions, of builtins that pass values on, and of code that cannot be seen.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Callable, Record, ScopeId, Spot, Value, Worlds};
use super::{CALLS, DEEPEST, Follower, Form};

/// The arguments of one call.
#[derive(Default)]
pub(super) struct Arguments<'p> {
    pub(super) positional: Vec<(Value<'p>, Node<'p>)>,
    pub(super) named: Vec<(&'p str, Value<'p>)>,
    /// A record spread with `*`, and its node; it comes after `positional`.
    pub(super) spread: Option<(Record, Node<'p>)>,
    /// Something else spread, whose length is not known.
    pub(super) unknown: bool,
}

impl<'p> Arguments<'p> {
    pub(super) fn at(&self, index: usize) -> Value<'p> {
        self.positional.get(index).map(|(value, _)| value.clone()).unwrap_or_default()
    }

    pub(super) fn named(&self, name: &str) -> Value<'p> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn record(&self) -> Option<Record> {
        let mut values =
            self.positional.iter().map(|(value, _)| value).chain(self.named.iter().map(|(_, value)| value));
        values.find_map(first_record)
    }
}

fn first_record(value: &Value<'_>) -> Option<Record> {
    value
        .record
        .or_else(|| value.element.as_deref().and_then(first_record))
        .or_else(|| value.values.as_deref().and_then(first_record))
        .or_else(|| value.fields.iter().flat_map(|fields| fields.iter()).find_map(first_record))
}

impl<'p> Follower<'p, '_> {
    pub(super) fn call(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let (Some(function), Some(list)) =
            (node.child_by_field_name("function"), node.child_by_field_name("arguments"))
        else {
            return Value::default();
        };
        let mut callee = if self.is_source(frame.file, function) {
            Value::callable(Callable::Source)
        } else if function.kind() == "identifier" {
            self.look_up(frame, state, function)
        } else if function.kind() == "attribute" {
            Value::default()
        } else {
            self.eval(frame, state, function)
        };
        let mut object = Value::default();
        let mut name = "";
        if function.kind() == "attribute" {
            if let Some(inner) = function.child_by_field_name("object") {
                object = self.eval(frame, state, inner);
            }
            name = function.child_by_field_name("attribute").map_or("", |name| self.text(frame.file, name));
            if callee.is_dull() {
                callee = self.member(frame, function, &object, name);
            }
        } else if function.kind() == "identifier" {
            name = self.text(frame.file, function);
        }
        let arguments = self.arguments(frame, state, list);
        // A function of another file is only looked at if it could matter.
        if self.worth_following(&callee, &arguments) {
            callee = self.resolve(frame, function, callee);
        }
        let callables: Vec<_> =
            callee.callables.iter().filter(|callable| !matches!(callable, Callable::Module(_))).cloned().collect();
        if !callables.is_empty() {
            let mut out = Value::default();
            for callable in callables {
                let value = self.invoke(frame, state, &callable, &arguments, function.kind() == "attribute");
                out = out.join(&value);
            }
            return out;
        }
        let known = if function.kind() == "attribute" {
            self.method(frame, state, function, &object, name, &arguments)
        } else {
            None
        };
        if let Some(value) = known.or_else(|| self.builtin(frame, state, name, &arguments)) {
            return value;
        }
        let escaping = arguments.record().or(arguments.spread.map(|(record, _)| record));
        if let (Some(record), false) = (escaping, is_harmless(name)) {
            self.note(frame, node, Form::Escape, record);
        }
        Value::default()
    }

    /// What `object.name` is, when it is called.
    fn member(&mut self, frame: &mut Frame<'p>, node: Node<'p>, object: &Value<'p>, name: &'p str) -> Value<'p> {
        for callable in &object.callables {
            if let Callable::Module(file) = callable {
                return Value::callable(Callable::Imported(*file, name));
            }
        }
        let known = self.facts.get((None, name));
        if !known.callables.is_empty() {
            return Self::rebase(frame, node, known);
        }
        // Any class may have a method of that name: only on the object itself is it surely this file's.
        let inner = node.child_by_field_name("object");
        let on_self = inner.is_some_and(|inner| matches!(self.text(frame.file, inner), "self" | "cls"));
        if !on_self && !object.callables.iter().any(|callable| matches!(callable, Callable::Class(_))) {
            return Value::default();
        }
        let methods = self.methods.get(&frame.file).and_then(|methods| methods.get(name)).cloned().unwrap_or_default();
        let callables =
            methods.into_iter().map(|node| Callable::Function(Spot { file: frame.file, node }, None)).collect();
        Value { callables, ..Value::default() }
    }

    fn worth_following(&self, callee: &Value<'p>, arguments: &Arguments<'p>) -> bool {
        let values = || {
            arguments.positional.iter().map(|(value, _)| value).chain(arguments.named.iter().map(|(_, value)| value))
        };
        let record =
            arguments.spread.is_some() || values().any(|value| value.carries_record() || !value.callables.is_empty());
        let text = values().any(Value::carries_text);
        callee.callables.iter().any(|callable| match callable {
            Callable::Imported(file, _) => {
                let followed = self.modules.get(file).is_some_and(|module| module.done);
                record || followed || (text && self.interest.text_files.contains(file))
            }
            _ => false,
        })
    }

    fn arguments(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, list: Node<'p>) -> Arguments<'p> {
        let mut arguments = Arguments::default();
        if list.kind() == "generator_expression" {
            arguments.positional.push((self.eval(frame, state, list), list));
            return arguments;
        }
        let mut cursor = list.walk();
        let parts: Vec<_> = list.named_children(&mut cursor).filter(|part| part.kind() != "comment").collect();
        for part in parts {
            match part.kind() {
                "keyword_argument" => {
                    let (Some(name), Some(value)) =
                        (part.child_by_field_name("name"), part.child_by_field_name("value"))
                    else {
                        continue;
                    };
                    let value = self.eval(frame, state, value);
                    arguments.named.push((self.text(frame.file, name), value));
                }
                "list_splat" => {
                    let value = part.named_child(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default();
                    if let (Some(record), None) = (value.record, arguments.spread) {
                        arguments.spread = Some((record, part));
                    } else if let (Some(fields), false) = (&value.fields, arguments.unknown) {
                        arguments.positional.extend(fields.iter().map(|field| (field.clone(), part)));
                    } else {
                        // `zip(*items)` is looked at by the builtin; for others the rest is not known.
                        arguments.positional.push((value, part));
                        arguments.unknown = true;
                    }
                }
                "dictionary_splat" => {
                    if let Some(inner) = part.named_child(0) {
                        self.eval(frame, state, inner);
                    }
                }
                _ => {
                    let value = self.eval(frame, state, part);
                    arguments.positional.push((value, part));
                }
            }
        }
        arguments
    }

    pub(super) fn invoke(
        &mut self,
        frame: &mut Frame<'p>,
        state: &State<'p>,
        callable: &Callable<'p>,
        arguments: &Arguments<'p>,
        attribute: bool,
    ) -> Value<'p> {
        match callable {
            Callable::Source => Value::list_of(Value::record(Record::new(state.worlds))),
            Callable::Getter(indices) => {
                if let Some(record) = arguments.at(0).record {
                    for (index, spot) in indices.iter() {
                        self.note(frame, spot.node, Form::Getter(*index), record);
                    }
                }
                Value::default()
            }
            Callable::Class(spot) => {
                if let Some((record, node)) = arguments.spread {
                    let takes = self
                        .init(*spot)
                        .map_or_else(|| field_count(spot.node), |init| parameters(init).len().checked_sub(1));
                    self.spread(frame, node, record, takes, arguments);
                }
                if let Some(init) = self.init(*spot) {
                    let init = Spot { file: spot.file, node: init };
                    let given = self.given(init, arguments, true);
                    self.call_function(init, None, state.worlds, given);
                }
                Value::default()
            }
            Callable::Function(spot, around) => {
                let bound = attribute && is_method(spot.node);
                if let Some((record, node)) = arguments.spread {
                    let takes = parameters(spot.node).len().checked_sub(usize::from(bound));
                    self.spread(frame, node, record, takes, arguments);
                }
                let given = self.given(*spot, arguments, bound);
                self.call_function(*spot, *around, state.worlds, given)
            }
            Callable::Imported(..) | Callable::Module(_) => Value::default(),
        }
    }

    /// A record spread over parameters, of which the function `takes` so many in all.
    fn spread(
        &mut self,
        frame: &mut Frame<'p>,
        node: Node<'p>,
        record: Record,
        takes: Option<usize>,
        arguments: &Arguments<'p>,
    ) {
        match takes.and_then(|takes| takes.checked_sub(arguments.positional.len() + arguments.named.len())) {
            Some(left) => self.note(frame, node, Form::Spread(left), record),
            None => self.note(frame, node, Form::Escape, record),
        }
    }

    fn init(&self, class: Spot<'p>) -> Option<Node<'p>> {
        let body = class.node.child_by_field_name("body")?;
        let mut cursor = body.walk();
        body.named_children(&mut cursor).map(|member| member.child_by_field_name("definition").unwrap_or(member)).find(
            |member| {
                member.kind() == "function_definition"
                    && member.child_by_field_name("name").is_some_and(|name| self.text(class.file, name) == "__init__")
            },
        )
    }

    /// The interesting arguments, by the names of the parameters they go to.
    fn given(&self, function: Spot<'p>, arguments: &Arguments<'p>, bound: bool) -> Vec<(&'p str, Value<'p>)> {
        let names: Vec<_> = parameters(function.node)
            .into_iter()
            .map(|name| self.text(function.file, name))
            .skip(usize::from(bound))
            .collect();
        let positional = names.iter().copied().zip(arguments.positional.iter().map(|(value, _)| value));
        let named = arguments.named.iter().filter(|(name, _)| names.contains(name)).map(|(name, value)| (*name, value));
        positional
            .chain(named)
            .filter(|(_, value)| !value.is_dull())
            .map(|(name, value)| (name, value.clone()))
            .collect()
    }

    /// Follows a function with these values for its parameters, and nothing known of the others.
    pub(super) fn call_function(
        &mut self,
        function: Spot<'p>,
        around: Option<ScopeId>,
        worlds: Worlds,
        given: Vec<(&'p str, Value<'p>)>,
    ) -> Value<'p> {
        let key = (function, around, worlds, given);
        if let Some(known) = self.memo.get(&key) {
            return known.clone();
        }
        let mut frame = Frame::new(function, around);
        if self.calls >= CALLS || self.depth + 1 >= DEEPEST {
            // Without a record there is nothing to lose: the function is followed on its own as well.
            if key.3.iter().any(|(_, value)| value.carries_record()) {
                self.give_up(&frame, function.node);
            }
            return Value::default();
        }
        // What it gives while it is still being followed (it calls itself): nothing yet.
        self.memo.insert(key.clone(), Value::default());
        self.calls += 1;
        let mut state = State::new(worlds);
        self.bind_parameters(&mut frame, &mut state, function, &key.3);
        let mut out = Value::default();
        if let Some(body) = function.node.child_by_field_name("body") {
            if function.node.kind() == "lambda" {
                out = self.eval(&mut frame, &mut state, body);
            } else {
                self.block(&mut frame, &mut state, body);
                self.follow_pending(&mut frame, state);
                out = std::mem::take(&mut frame.returns);
                if let Some(yields) = frame.yields.take() {
                    out = out.join(&Value::list_of(yields));
                }
            }
        }
        self.calls -= 1;
        self.memo.insert(key, out.clone());
        out
    }

    fn bind_parameters(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        function: Spot<'p>,
        given: &[(&'p str, Value<'p>)],
    ) {
        let Some(list) = function.node.child_by_field_name("parameters") else { return };
        let mut cursor = list.walk();
        let parameters: Vec<_> = list.named_children(&mut cursor).collect();
        for parameter in parameters {
            let Some(name) = parameter_name(parameter) else { continue };
            let name = self.text(function.file, name);
            let passed = given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            let value = match (passed, parameter.child_by_field_name("value")) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval(frame, state, default),
                (None, None) => Value::default(),
            };
            self.assign(frame, state, name, value.plain());
        }
    }
}

/// The name nodes of the parameters that can be given by position.
fn parameters(function: Node<'_>) -> Vec<Node<'_>> {
    let Some(list) = function.child_by_field_name("parameters") else { return Vec::new() };
    let mut cursor = list.walk();
    list.named_children(&mut cursor)
        .take_while(|parameter| parameter.kind() != "keyword_separator")
        .filter_map(parameter_name)
        .collect()
}

fn parameter_name(parameter: Node<'_>) -> Option<Node<'_>> {
    let name = match parameter.kind() {
        "identifier" => Some(parameter),
        "default_parameter" | "typed_default_parameter" => parameter.child_by_field_name("name"),
        "typed_parameter" => parameter.named_child(0),
        _ => None,
    };
    name.filter(|name| name.kind() == "identifier")
}

/// Is it a `def` directly inside a class, called with the object as its first argument?
fn is_method(function: Node<'_>) -> bool {
    let decorated = function.parent().filter(|parent| parent.kind() == "decorated_definition");
    let outer = decorated.unwrap_or(function);
    let is_static = decorated.is_some_and(|decorated| {
        let mut cursor = decorated.walk();
        decorated
            .named_children(&mut cursor)
            .any(|part| part.kind() == "decorator" && part.end_byte() - part.start_byte() == "@staticmethod".len())
    });
    let in_class =
        outer.parent().and_then(|block| block.parent()).is_some_and(|class| class.kind() == "class_definition");
    in_class && !is_static
}

/// The number of annotated fields of a class body (a dataclass or named tuple).
fn field_count(class: Node<'_>) -> Option<usize> {
    let body = class.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let is_field = |member: &Node<'_>| {
        member
            .named_child(0)
            .is_some_and(|inner| inner.kind() == "assignment" && inner.child_by_field_name("type").is_some())
    };
    Some(body.named_children(&mut cursor).filter(is_field).count()).filter(|count| *count > 0)
}

/// Code outside of the package that only looks.
fn is_harmless(name: &str) -> bool {
    matches!(
        name,
        "len"
            | "print"
            | "str"
            | "repr"
            | "id"
            | "type"
            | "isinstance"
            | "hash"
            | "bool"
            | "hasattr"
            | "callable"
            | "debug"
            | "info"
            | "warning"
            | "error"
            | "exception"
            | "log"
            | "format"
            | "sum"
            | "any"
            | "all"
            | "range"
    )
}
