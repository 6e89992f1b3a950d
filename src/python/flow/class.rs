//! Classes: their methods, their bases, and what is read from their objects.

use tree_sitter::Node;

use super::parameters::Arguments;
use super::scope::{Frame, State};
use super::value::{Callable, Spot, Value};
use super::{Follower, Owner};
use crate::python::field::Fields;
use crate::python::syntax::enclosing;

/// The most levels of base classes that are searched.
const BASES: usize = 4;

/// The kind of a method, by its decorator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Static,
    OfClass,
    Property,
}

impl<'p> Follower<'p, '_> {
    /// What `object.name` is, as a callable.
    pub(super) fn member(
        &mut self,
        frame: &mut Frame<'p>,
        state: &State<'p>,
        node: Node<'p>,
        object: &Value<'p>,
        name: &'p str,
    ) -> Value<'p> {
        for (callable, _) in &object.callables {
            if let Callable::Module(file) = callable {
                return Value::callable(Callable::Imported(*file, name));
            }
        }
        let methods = self.methods_of(frame, state, node, object, name);
        if !methods.is_bottom() {
            return methods;
        }
        let mut known = self.facts.get((Owner::Attribute, name));
        if known.callables.is_empty() {
            return Value::default();
        }
        // A function that is assigned to a class gets the object first, one that is assigned to an object does not. Its
        // first parameter shows which.
        for (callable, _) in &mut known.callables {
            if let Callable::Function(spot, around) = callable
                && self.takes_self(*spot)
            {
                *callable = Callable::Method(*spot, *around);
            }
        }
        Self::rebase(frame, node, known)
    }

    /// The methods of this name that an object (or class) of the package has; the value, if it is a property.
    pub(super) fn methods_of(
        &mut self,
        frame: &mut Frame<'p>,
        state: &State<'p>,
        node: Node<'p>,
        object: &Value<'p>,
        name: &'p str,
    ) -> Value<'p> {
        let mut found = Vec::new();
        for (callable, _) in &object.callables {
            match callable {
                Callable::Object(class) => found.extend(self.find_method(*class, name).map(|method| (method, true))),
                Callable::Class(class) => found.extend(self.find_method(*class, name).map(|method| (method, false))),
                _ => {}
            }
        }
        // Any class may have a method of that name: only on the object itself is it surely the package's.
        let inner = node.field("object").map_or("", |inner| self.text(frame.file, inner));
        if found.is_empty() && (matches!(inner, "self" | "cls") || inner.starts_with("super(")) {
            let of = |methods: &super::Methods<'p>| methods.get(name).cloned().unwrap_or_default();
            let mut file = frame.file;
            let mut nodes = self.methods.get(&file).map(of).unwrap_or_default();
            // If several classes have one, it is that of the enclosing method's class, if that has one.
            let class = enclosing(frame.node, &["class_definition"])
                .filter(|_| nodes.len() > 1 && !inner.starts_with("super("));
            if let Some(method) = class.and_then(|node| self.find_method(Spot { file, node }, name)) {
                (file, nodes) = (method.file, vec![method.node]);
            }
            if nodes.is_empty()
                && let Some((other, methods)) = self.methods.iter().find(|(_, methods)| methods.contains_key(name))
            {
                (file, nodes) = (*other, of(methods));
            }
            if nodes.is_empty() {
                self.missed.insert(name);
            }
            found.extend(nodes.into_iter().map(|node| (Spot { file, node }, true)));
        }
        let mut out = Value::default();
        for (method, on_object) in found {
            let value = match self.kind(method) {
                Kind::Property if on_object => self.call_function(method, None, state.arities, Vec::new()),
                Kind::Static => Value::callable(Callable::Function(method, None)),
                Kind::Plain if !on_object => Value::callable(Callable::Function(method, None)),
                _ => Value::callable(Callable::Method(method, None)),
            };
            out = out.join(&value);
        }
        out
    }

    /// A method of a class, its own or of the nearest base in the package.
    pub(super) fn find_method(&mut self, class: Spot<'p>, name: &str) -> Option<Spot<'p>> {
        let mut classes = vec![class];
        for _ in 0..BASES {
            let class = classes.pop()?;
            if let Some(node) = self.own_method(class, name) {
                return Some(Spot { file: class.file, node });
            }
            let Some(list) = class.node.field("superclasses") else { continue };
            let bases: Vec<_> = list.parts().into_iter().filter(|base| base.kind() == "identifier").collect();
            for base in bases {
                let name = self.text(class.file, base);
                let value = self.global(class.file, name);
                for (callable, _) in value.callables {
                    let behind = match callable {
                        Callable::Imported(file, name) => self.global(file, name).callables,
                        other => vec![(other, super::Arities::ALL)],
                    };
                    classes.extend(behind.into_iter().filter_map(|(callable, _)| match callable {
                        Callable::Class(spot) => Some(spot),
                        _ => None,
                    }));
                }
            }
        }
        None
    }

    fn own_method(&self, class: Spot<'p>, name: &str) -> Option<Node<'p>> {
        let body = class.node.field("body")?;
        let mut cursor = body.walk();
        let mut members = body.named_children(&mut cursor).map(|member| member.field("definition").unwrap_or(member));
        members.find(|member| {
            member.kind() == "function_definition"
                && member.field("name").is_some_and(|named| self.text(class.file, named) == name)
        })
    }

    fn kind(&self, method: Spot<'p>) -> Kind {
        let Some(decorated) = method.node.parent().filter(|parent| parent.kind() == "decorated_definition") else {
            return Kind::Plain;
        };
        let mut cursor = decorated.walk();
        for decorator in decorated.named_children(&mut cursor).filter(|part| part.kind() == "decorator") {
            match self.text(method.file, decorator).trim_start_matches('@').trim() {
                "staticmethod" => return Kind::Static,
                "classmethod" => return Kind::OfClass,
                "property" | "cached_property" | "functools.cached_property" => return Kind::Property,
                _ => {}
            }
        }
        Kind::Plain
    }

    fn takes_self(&self, function: Spot<'p>) -> bool {
        let list = function.node.field("parameters");
        list.and_then(|list| list.part(0)).is_some_and(|first| self.text(function.file, first) == "self")
    }

    /// What iterating over objects of the package's classes gives.
    pub(super) fn iterated_objects(&mut self, state: &State<'p>, value: &Value<'p>) -> Value<'p> {
        let mut out = Value::default();
        for (callable, _) in &value.callables {
            if let Callable::Object(class) = callable
                && let Some(method) = self.find_method(*class, "__iter__")
            {
                out = out.join(&self.call_function(method, None, state.arities, Vec::new()).iterated());
            }
        }
        out
    }

    /// `namedtuple("Block", "size name module params")`, with the fields in one string or in a list.
    pub(super) fn named_tuple(&self, frame: &Frame<'p>, arguments: &Arguments<'p>) -> Value<'p> {
        let Some((_, fields)) = arguments.positional.get(1) else { return Value::default() };
        let count = match fields.kind() {
            "string" => {
                let text = self.text(frame.file, *fields).trim_matches(['"', '\'']);
                text.split([' ', ',', '\n']).filter(|field| !field.is_empty()).count()
            }
            "list" | "tuple" => fields.parts().len(),
            _ => return Value::default(),
        };
        Value::callable(Callable::NamedTuple(count))
    }
}

/// The annotated fields of a class body (a dataclass or named tuple).
pub(super) fn field_names(class: Node<'_>) -> Vec<Node<'_>> {
    let Some(body) = class.field("body") else { return Vec::new() };
    let mut cursor = body.walk();
    let assignments = body.named_children(&mut cursor).filter_map(|member| member.part(0));
    let annotated = assignments
        .filter(|inner| inner.kind() == "assignment" && inner.field("type").is_some())
        .filter_map(|assignment| assignment.field("left"));
    annotated.collect()
}
