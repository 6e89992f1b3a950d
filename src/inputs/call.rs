//! Follows calls of what the files define.

use std::rc::Rc;

use tree_sitter::Node;

use super::evaluate::Evaluator;
use super::scope::Scope;
use super::value::{Class, Dict, Function, Value};
use crate::python::field::Fields as _;

/// The arguments of a call.
#[derive(Default)]
pub(super) struct Arguments<'t> {
    pub(super) list: Vec<Value<'t>>,
    pub(super) named: Vec<(Rc<str>, Value<'t>)>,
    /// Are there others, which are not known?
    pub(super) is_open: bool,
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
        let made = match &callee {
            // What it stands for is known in the methods of a class.
            Value::Outside(name) if &**name == "super" => Some(scope.get("<super>").unwrap_or(Value::Unknown)),
            Value::Outside(name) if &**name == "type" => made_class(scope, node, &arguments),
            _ => None,
        };
        made.unwrap_or_else(|| self.call(&callee, arguments))
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
                    Some(Value::List(more)) if more.is_closed() && self.steps(more.items.borrow().len()) => {
                        arguments.list.extend(more.items.borrow().iter().cloned());
                    }
                    _ => arguments.is_open = true,
                },
                "dictionary_splat" => match part.part(0).map(|inner| self.eval(scope, inner)) {
                    Some(Value::Dict(more)) if more.is_closed() => {
                        arguments.named.extend(more.entries.borrow().iter().cloned());
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
                arguments.taint();
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
                "identifier" | "list_splat_pattern" | "dictionary_splat_pattern" => parameter,
                "typed_parameter" => parameter.part(0).unwrap_or(parameter),
                _ => parameter.field("name").unwrap_or(parameter),
            };
            match named_node.kind() {
                "list_splat_pattern" => {
                    let rest = Value::list_of(list.by_ref().collect(), !arguments.is_open);
                    if let Some(name) = named_node.part(0) {
                        scope.set(self.slice(&scope, name), rest);
                    }
                }
                "dictionary_splat_pattern" => {
                    let dict = Dict::default();
                    named.drain(..).for_each(|(name, value)| dict.set(&name, value));
                    if arguments.is_open {
                        dict.open();
                    }
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
}

impl Arguments<'_> {
    /// They may be changed by a call that is not followed.
    pub(super) fn taint(&self) {
        for value in self.list.iter().chain(self.named.iter().map(|(_, value)| value)) {
            taint(value, 0);
        }
    }
}

/// `type(name, bases, members)`.
fn made_class<'t>(scope: &Rc<Scope<'t>>, node: Node<'t>, arguments: &Arguments<'t>) -> Option<Value<'t>> {
    let [Value::Text(name), Value::List(bases), Value::Dict(given)] = arguments.list.as_slice() else { return None };
    if !bases.is_closed() || !given.is_closed() {
        return None;
    }
    let members = Scope::of_class(scope);
    for (name, value) in given.entries.borrow().iter() {
        members.set(name, value.clone());
    }
    let bases = bases.items.borrow().clone();
    Some(Value::Class(Rc::new(Class { name: Rc::clone(name), file: scope.file, node, bases, members })))
}

fn taint(value: &Value<'_>, depth: usize) {
    if depth > 8 {
        return;
    }
    match value {
        // What is open was looked at before.
        Value::Dict(dict) if !dict.may_have_others() => {
            dict.open();
            dict.entries.borrow().iter().for_each(|(_, inner)| taint(inner, depth + 1));
        }
        Value::List(list) if list.is_closed() || list.at(0.0).is_some() || list.items.borrow().is_empty() => {
            list.open();
            list.items.borrow().iter().for_each(|inner| taint(inner, depth + 1));
        }
        _ => {}
    }
}
