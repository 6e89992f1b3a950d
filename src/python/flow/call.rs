//! Calls: of the package's own functions, of builtins that pass values on, and of unknown code.

use tree_sitter::Node;

use super::class::field_names;
use super::parameters::{Arguments, takes_whole};
use super::scope::{Frame, State};
use super::value::{Arities, Callable, Item, MOST, ScopeId, Spot, Value};
use super::{CALLS, DEEPEST, Follower, Form, Owner, Takes};
use crate::python::field::Fields;
use crate::python::package::FileId;

/// Methods of a list that change it.
const CHANGING: [&str; 8] = ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];

impl<'p> Follower<'p, '_> {
    pub(super) fn call(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let (Some(function), Some(list)) = (node.field("function"), node.field("arguments")) else {
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
            if let Some(inner) = function.field("object") {
                object = self.eval(frame, state, inner);
            }
            name = function.field("attribute").map_or("", |name| self.text(frame.file, name));
            if let Some(item) = object.item.filter(|_| CHANGING.contains(&name)) {
                self.notes.note(frame, node, Form::Change, item);
            }
            if callee.is_bottom() {
                callee = self.member(frame, state, function, &object, name);
            }
        } else if function.kind() == "identifier" {
            name = self.text(frame.file, function);
        }
        let handled = self.notes.handled(frame);
        let measuring = std::mem::replace(&mut self.measuring, matches!(name, "len" | "isinstance"));
        let arguments = self.arguments(frame, state, list);
        self.measuring = measuring;
        // A function of another file is only followed if it could matter.
        if self.worth_following(&callee, &arguments) {
            callee = self.resolve(frame, function, callee);
        }
        let callables = self.can_be_called(&callee);
        if !callables.is_empty() {
            if let (Some(item), true) = (arguments.item(), callables.len() >= MOST) {
                self.notes.note(frame, node, Form::Escape, item);
            }
            let mut out: Option<Value<'p>> = None;
            for (callable, arities) in callables {
                let value = self.invoke(frame, state.arities.and(arities), &callable, &arguments);
                self.asked(frame, &callable, &value, handled);
                out = Some(out.map_or_else(|| value.clone(), |known| known.join(&value)));
            }
            return out.unwrap_or_default();
        }
        if let Some(value) = self.cut_call(frame, function, name, &object, &arguments) {
            return value;
        }
        let known = if function.kind() == "attribute" {
            self.method(frame, state, function, &object, name, &arguments)
        } else {
            None
        };
        if let Some(value) = known.or_else(|| self.builtin(frame, state, name, &arguments)) {
            return value;
        }
        let escaping = arguments.item().or(arguments.spread.map(|(item, _)| item));
        if let (Some(item), false) = (escaping, is_harmless(name)) {
            self.notes.note(frame, node, Form::Escape, item);
        }
        Value::default()
    }

    /// `"{} {}".format(*item)`, `Row._make(item)`: what takes an item's elements from the front.
    fn cut_call(
        &mut self,
        frame: &mut Frame<'p>,
        function: Node<'p>,
        name: &str,
        object: &Value<'p>,
        arguments: &Arguments<'p>,
    ) -> Option<Value<'p>> {
        let takes = match name {
            "format" => {
                let form = function.field("object").filter(|form| form.kind() == "string")?;
                let (_, splat) = arguments.spread.filter(|_| arguments.positional.is_empty())?;
                let item = arguments.spread?.0;
                let count = self.text(frame.file, form).replace("{{", "").matches('{').count();
                // It ignores elements beyond those it names.
                let takes = Takes { least: count, most: usize::MAX, looks: false };
                self.notes.note(frame, splat, Form::Spread(takes), item);
                return Some(Value::default());
            }
            "_make" => object.callables.iter().find_map(|(callable, _)| match callable {
                Callable::NamedTuple(fields) => Some(*fields),
                Callable::Class(class) => Some(field_names(class.node).len()),
                _ => None,
            })?,
            _ => return None,
        };
        let (given, node) = arguments.positional.first()?;
        self.notes.note(frame, *node, Form::Cut(takes), given.item?);
        Some(Value::default())
    }

    /// A function that gets items and tests their length: the caller measures them through it.
    fn asked(&mut self, frame: &Frame<'p>, callable: &Callable<'p>, value: &Value<'p>, handled: Arities) {
        if let (Callable::Function(spot, _) | Callable::Method(spot, _), Some((holds, fails))) = (callable, value.truth)
        {
            if holds.is_empty() || fails.is_empty() || holds == fails {
                return;
            }
            self.notes.asks(frame, spot.node, holds.or(fails), handled);
        }
    }

    fn worth_following(&self, callee: &Value<'p>, arguments: &Arguments<'p>) -> bool {
        let values = || {
            arguments.positional.iter().map(|(value, _)| value).chain(arguments.named.iter().map(|(_, value)| value))
        };
        let item = arguments.spread.is_some() || values().any(|value| value.carries_item() || value.carries_function());
        callee.callables.iter().any(|(callable, _)| match callable {
            Callable::Imported(file, name) => {
                let followed = self.modules.get(file).is_some_and(|module| module.done);
                item || followed || self.interest.text_files.contains(file) || self.is_class(*file, name)
            }
            _ => false,
        })
    }

    /// Is it a class that a file defines? Its objects may hold what matters, whatever it is made of.
    fn is_class(&self, file: FileId, name: &str) -> bool {
        let Ok(source) = self.package.source(file) else { return false };
        let mut cursor = source.root().walk();
        let mut definitions =
            source.root().named_children(&mut cursor).map(|node| node.field("definition").unwrap_or(node));
        definitions.any(|node| {
            node.kind() == "class_definition" && node.field("name").is_some_and(|named| source.slice(named) == name)
        })
    }

    fn arguments(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, list: Node<'p>) -> Arguments<'p> {
        let mut arguments = Arguments::default();
        if list.kind() == "generator_expression" {
            arguments.positional.push((self.eval(frame, state, list), list));
            return arguments;
        }
        let parts = list.parts();
        for part in parts {
            match part.kind() {
                "keyword_argument" => {
                    let (Some(name), Some(value)) = (part.field("name"), part.field("value")) else {
                        continue;
                    };
                    let value = self.eval(frame, state, value);
                    arguments.named.push((self.text(frame.file, name), value));
                }
                "list_splat" => {
                    let value = part.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default();
                    if let (Some(item), None) = (value.item, arguments.spread) {
                        arguments.spread = Some((item, part));
                    } else if let (Some(fields), None) = (&value.fields, arguments.unknown) {
                        arguments.positional.extend(fields.iter().map(|field| (field.clone(), part)));
                    } else {
                        // The builtin handles `zip(*items)`; for others any of the rest may be an element.
                        arguments.unknown.get_or_insert(arguments.positional.len());
                        arguments.positional.push((value, part));
                    }
                }
                "dictionary_splat" => {
                    if let Some(inner) = part.part(0) {
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

    /// The callables among what a value may be; an object is one if its class has `__call__`.
    fn can_be_called(&mut self, callee: &Value<'p>) -> Vec<(Callable<'p>, Arities)> {
        let mut out = Vec::new();
        for (callable, arities) in &callee.callables {
            match callable {
                Callable::Module(_) => {}
                Callable::Object(class) => {
                    let call = self.find_method(*class, "__call__");
                    out.extend(call.map(|method| (Callable::Method(method, None), *arities)));
                }
                other => out.push((other.clone(), *arities)),
            }
        }
        out
    }

    /// Calls something, for these arities.
    pub(super) fn invoke(
        &mut self,
        frame: &mut Frame<'p>,
        arities: Arities,
        callable: &Callable<'p>,
        arguments: &Arguments<'p>,
    ) -> Value<'p> {
        match callable {
            _ if arities.is_empty() => Value::default(),
            Callable::Source => Value::list_of(Value::item(Item::new(self.interest.arities, arities))),
            Callable::Getter(indices) => {
                if let Some(item) = arguments.at(0).item {
                    for (index, spot) in indices.iter() {
                        self.notes.note(frame, spot.node, Form::Getter(*index), item);
                    }
                }
                Value::default()
            }
            Callable::NamedTuple(fields) => {
                if let Some((item, node)) = arguments.spread {
                    self.spread(frame, node, item, Some(exactly(*fields)), arguments);
                }
                Value::default()
            }
            Callable::Class(class) => {
                let init = self.find_method(*class, "__init__");
                if let Some((item, node)) = arguments.spread {
                    let takes = init.map_or_else(
                        || takes_fields(*class, arguments.named.len()),
                        |init| Some(self.takes(init, true, &arguments.named)),
                    );
                    self.spread(frame, node, item, takes, arguments);
                }
                match init {
                    Some(init) => {
                        let given = self.given(init, arguments, true);
                        self.call_function(init, None, arities, given);
                    }
                    None => self.set_fields(*class, arguments),
                }
                Value::callable(Callable::Object(*class))
            }
            Callable::Function(spot, around) => self.call_given(frame, *spot, *around, arities, arguments, false),
            Callable::Method(spot, around) => self.call_given(frame, *spot, *around, arities, arguments, true),
            Callable::Partial(partial) => {
                let (function, first) = partial.as_ref();
                let node = frame.node;
                let mut all: Vec<_> = first.iter().map(|value| (value.clone(), node)).collect();
                all.extend(arguments.positional.iter().cloned());
                let unknown = arguments.unknown.map(|at| at + first.len());
                let all = Arguments { positional: all, named: arguments.named.clone(), unknown, ..*arguments };
                self.invoke_all(frame, arities, function, &all)
            }
            Callable::Compared(function) => {
                let element = (arguments.at(0), frame.node);
                let both = Arguments { positional: vec![element.clone(), element], ..Arguments::default() };
                self.invoke_all(frame, arities, function, &both)
            }
            Callable::Imported(..) | Callable::Module(_) | Callable::Object(_) => Value::default(),
        }
    }

    /// Calls whatever a value may be.
    fn invoke_all(
        &mut self,
        frame: &mut Frame<'p>,
        arities: Arities,
        function: &Value<'p>,
        arguments: &Arguments<'p>,
    ) -> Value<'p> {
        let function = self.resolve(frame, frame.node, function.clone());
        let mut out = Value::default();
        for (callable, known) in &function.callables {
            out = out.join(&self.invoke(frame, arities.and(*known), callable, arguments));
        }
        out
    }

    fn call_given(
        &mut self,
        frame: &mut Frame<'p>,
        function: Spot<'p>,
        around: Option<ScopeId>,
        arities: Arities,
        arguments: &Arguments<'p>,
        bound: bool,
    ) -> Value<'p> {
        if let Some((item, node)) = arguments.spread
            && !takes_whole(function.node, arguments, bound)
        {
            let takes = self.takes(function, bound, &arguments.named);
            self.spread(frame, node, item, Some(takes), arguments);
        }
        let given = self.given(function, arguments, bound);
        self.call_function(function, around, arities, given)
    }

    /// A dataclass: its arguments become the attributes of its objects.
    fn set_fields(&mut self, class: Spot<'p>, arguments: &Arguments<'p>) {
        let names: Vec<_> = field_names(class.node).into_iter().map(|name| self.text(class.file, name)).collect();
        let positional = names.iter().copied().zip(arguments.positional.iter().map(|(value, _)| value));
        let named = arguments.named.iter().filter(|(name, _)| names.contains(name)).map(|(name, value)| (*name, value));
        for (name, value) in positional.chain(named).filter(|(_, value)| !value.is_bottom()) {
            self.facts.add((Owner::Attribute, name), value);
        }
    }

    /// An item spread over parameters; `takes` is how many the function takes in all.
    fn spread(
        &mut self,
        frame: &mut Frame<'p>,
        node: Node<'p>,
        item: Item,
        takes: Option<Takes>,
        arguments: &Arguments<'p>,
    ) {
        let given = arguments.positional.len();
        match takes.filter(|takes| takes.most >= given) {
            Some(Takes { least, most, looks }) => {
                let left = |count: usize| if count == usize::MAX { count } else { count.saturating_sub(given) };
                let takes = Takes { least: left(least), most: left(most), looks };
                self.notes.note(frame, node, Form::Spread(takes), item);
            }
            None => self.notes.note(frame, node, Form::Escape, item),
        }
    }

    /// Follows a function with these values for its parameters; the others are unknown.
    pub(super) fn call_function(
        &mut self,
        function: Spot<'p>,
        around: Option<ScopeId>,
        arities: Arities,
        given: Vec<(&'p str, Value<'p>)>,
    ) -> Value<'p> {
        let key = (function, around, arities, given);
        if let Some(known) = self.memo.get(&key) {
            return known.clone();
        }
        let mut frame = Frame::new(function, around);
        if self.calls >= CALLS || self.depth + 1 >= DEEPEST {
            // Without an item there is nothing to lose: the function is followed on its own as well.
            if key.3.iter().any(|(_, value)| value.carries_item()) {
                self.notes.give_up(&frame, function.node);
            }
            return Value::default();
        }
        // Its result while it is still being followed (it calls itself): nothing yet.
        self.memo.insert(key.clone(), Value::default());
        self.calls += 1;
        let mut state = State::new(arities);
        self.bind_parameters(&mut frame, &mut state, function, &key.3);
        let mut out = Value::default();
        if let Some(body) = function.node.field("body") {
            if function.node.kind() == "lambda" {
                out = self.eval(&mut frame, &mut state, body);
            } else {
                self.block(&mut frame, &mut state, body);
                let may_end = state.is_live();
                self.follow_pending(&mut frame, state);
                out = frame.returns.take().unwrap_or_default();
                if may_end {
                    // It may also return None.
                    out = out.without_constants();
                }
                if let Some(yields) = frame.yields.take() {
                    out = out.join(&Value::list_of(yields));
                }
            }
        }
        self.calls -= 1;
        self.memo.insert(key, out.clone());
        out
    }
}

/// The fields of a dataclass or named tuple as parameters; nothing if it has none.
fn takes_fields(class: Spot<'_>, named: usize) -> Option<Takes> {
    let fields = field_names(class.node);
    let has_default = |name: &&Node<'_>| name.parent().is_some_and(|assignment| assignment.field("right").is_some());
    let defaults = fields.iter().filter(has_default).count();
    let left = fields.len().saturating_sub(named);
    (!fields.is_empty()).then(|| Takes { least: left.saturating_sub(defaults), ..exactly(left) })
}

/// Exactly this many.
fn exactly(count: usize) -> Takes {
    Takes { least: count, most: count, looks: false }
}

/// Is it code outside of the package that only reads?
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
