//! Expressions in a `_load_list`.

use tree_sitter::Node;

use super::exec::{Given, Run};
use super::module::{LOAD_LIST, base_names};
use super::value::{Field, List, Mark, Path, Tuple, Value};
use crate::python::field::Fields;

/// The method of `torch.nn.Module` that gives the names of all modules in it, each with its module.
const NAMED_MODULES: &str = "named_modules";
/// Methods of a list that add nothing to it.
const HARMLESS: [&str; 8] = ["sort", "reverse", "pop", "remove", "clear", "index", "count", "copy"];
/// Functions that only look at their list.
const READERS: [&str; 10] = ["len", "sum", "min", "max", "any", "all", "bool", "print", "enumerate", "zip"];
/// Functions that return the items of a list in a new one.
const COPIERS: [&str; 4] = ["list", "sorted", "reversed", "tuple"];

impl<'t> Run<'_, 't> {
    /// What an expression may be.
    pub(super) fn eval(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        if !self.enter(node) {
            return Value::Other(node);
        }
        let value = self.expression(path, node);
        self.leave();
        value
    }

    fn expression(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let text = self.source.slice(node);
        match node.kind() {
            "identifier" => path.names.get(text).cloned().unwrap_or(Value::Other(node)),
            "true" => Value::Truth(true),
            "false" | "none" => Value::Truth(false),
            "integer" => text.parse::<u64>().map_or(Value::Other(node), |number| Value::Truth(number != 0)),
            "not_operator" => match node.field("argument").and_then(|argument| self.truth(path, argument)) {
                Some(truth) => Value::Truth(!truth),
                None => Value::Other(node),
            },
            "parenthesized_expression" | "type" => match node.part(0) {
                Some(inner) => self.eval(path, inner),
                None => Value::Other(node),
            },
            "tuple" | "expression_list" => self.tuple(path, node),
            "list" => self.list(path, node),
            "binary_operator" => {
                let [left, right] = ["left", "right"].map(|side| match node.child_by_field_name(side) {
                    Some(side) => self.eval(path, side),
                    None => Value::Other(node),
                });
                match node.field("operator").map(|operator| operator.kind()) {
                    Some("+") => left.plus(&right, node),
                    _ => Value::Other(node),
                }
            }
            "conditional_expression" => self.conditional(path, node),
            "list_comprehension" | "generator_expression" => self.comprehension(path, node),
            "call" => self.called(path, node),
            "attribute" => {
                if let Some(object) = node.field("object")
                    && let Value::List(_) = self.eval(path, object)
                {
                    self.doubt(path, node, "the list is used in code that is not followed");
                }
                Value::Other(node)
            }
            "assignment" | "augmented_assignment" => self.assign(path, node),
            "yield" => self.yielded(path, node),
            "lambda" | "function_definition" | "class_definition" | "await" | "named_expression" => {
                self.doubt(path, node, "the list is used in code that is not followed");
                if let ("named_expression", Some(name)) = (node.kind(), node.field("name")) {
                    self.bind(path, name, Value::Other(node));
                }
                Value::Other(node)
            }
            "as_pattern" => {
                self.parts(path, node);
                if let Some(alias) = node.field("alias") {
                    self.bind(path, alias, Value::Other(node));
                }
                Value::Other(node)
            }
            "dictionary" | "set" => {
                self.doubt(path, node, "the list is kept in something else, and may be changed there");
                Value::Other(node)
            }
            _ => {
                self.parts(path, node);
                Value::Other(node)
            }
        }
    }

    /// Evaluates what is in `node` for its effects.
    pub(super) fn parts(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        let mut cursor = node.walk();
        for part in node.named_children(&mut cursor) {
            self.eval(path, part);
        }
    }

    /// Whether a condition holds, if that is known.
    pub(super) fn truth(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Option<bool> {
        if node.kind() == "boolean_operator" {
            let decisive = node.field("operator")?.kind() == "or";
            let sides = [node.field("left")?, node.field("right")?].map(|side| self.truth(path, side));
            return if sides.contains(&Some(decisive)) {
                Some(decisive)
            } else if sides.contains(&None) {
                None
            } else {
                Some(!decisive)
            };
        }
        match self.eval(path, node) {
            Value::Truth(truth) => Some(truth),
            _ => None,
        }
    }

    /// A tuple that is written out; `*rest` in it stands for the fields of `rest`.
    fn tuple(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let mut out = Value::Tuples(vec![Vec::new()]);
        for field in node.parts() {
            let fields = if field.kind() == "list_splat" {
                field.part(0).map_or(Value::Other(field), |rest| self.eval(path, rest))
            } else {
                Value::Tuples(vec![vec![self.field(path, field)]])
            };
            out = out.plus(&fields, node);
        }
        out
    }

    /// One field of a tuple.
    fn field(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Field<'t> {
        let value = self.eval(path, node);
        if let Value::List(_) = value {
            self.doubt(path, node, "the list is kept in something else, and may be changed there");
        }
        value.field(node)
    }

    /// A list that is written out, with its items.
    fn list(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let mut list = List::default();
        for item in node.parts() {
            let value = match item.kind() {
                "list_splat" => item.part(0).map_or(Value::Other(item), |rest| self.eval(path, rest)),
                _ => Value::List(List::of(&self.eval(path, item), item)),
            };
            list.join(&items_of(&value, item));
        }
        Value::List(list)
    }

    fn conditional(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let parts = node.parts();
        let [then, condition, otherwise] = parts[..] else { return Value::Other(node) };
        match self.truth(path, condition) {
            Some(true) => self.eval(path, then),
            Some(false) => self.eval(path, otherwise),
            None => {
                let value = self.eval(path, then);
                value.join(&self.eval(path, otherwise), node)
            }
        }
    }

    fn comprehension(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let mut inside = self.split(path);
        let mut cursor = node.walk();
        for clause in node.named_children(&mut cursor).filter(|child| child.kind() == "for_in_clause") {
            if let (Some(left), Some(right)) = (clause.field("left"), clause.field("right")) {
                let items = self.items(&mut inside, left, right);
                self.take(&mut inside, left, &items);
            }
        }
        let Some(body) = node.field("body") else { return Value::Other(node) };
        Value::List(List::of(&self.eval(&mut inside, body), body))
    }

    fn assign(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return Value::Other(node) };
        let mut value = self.eval(path, right);
        if node.kind() == "augmented_assignment" {
            let is_plus = node.field("operator").is_some_and(|operator| operator.kind() == "+=");
            let known = self.eval(path, left);
            value = match known {
                Value::List(mut list) if is_plus => {
                    list.join(&items_of(&value, right));
                    Value::List(list)
                }
                _ if is_plus => known.plus(&value, node),
                _ => Value::Other(node),
            };
        } else if matches!(value, Value::List(_)) && right.kind() == "identifier" {
            self.doubt(path, right, "the list gets another name, and may be changed under it");
            value = self.eval(path, right);
        }
        self.bind(path, left, value);
        Value::Other(node)
    }

    fn yielded(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let value = node.part(0).map_or(Value::Other(node), |inner| self.eval(path, inner));
        let from = self.source.slice(node).trim_start_matches("yield").trim_start().starts_with("from ");
        let list = if from { items_of(&value, node) } else { List::of(&value, node) };
        if let Some(call) = self.calls.last_mut() {
            call.yielded.get_or_insert_default().join(&list);
        }
        Value::Other(node)
    }

    fn called(&mut self, path: &mut Path<'t>, node: Node<'t>) -> Value<'t> {
        let (Some(function), Some(arguments)) = (node.field("function"), node.field("arguments")) else {
            return Value::Other(node);
        };
        let name = self.source.slice(function);
        let first = if arguments.kind() == "argument_list" { arguments.part(0) } else { Some(arguments) };
        if let (Some(object), Some(method)) = (function.field("object"), function.field("attribute")) {
            let method = self.source.slice(method);
            if method == LOAD_LIST {
                return self.inherited(path, node, object, arguments);
            }
            if method == NAMED_MODULES {
                self.parts(path, function);
                self.parts(path, arguments);
                let pair = [Mark::Name, Mark::Module].map(|mark| Field { node, mark: Some(mark) });
                return Value::List(List { items: vec![(pair.to_vec(), node)], doubt: None });
            }
            if let Value::List(_) = self.eval(path, object) {
                return self.method(path, node, (object, method), arguments);
            }
        } else if COPIERS.contains(&name) {
            return match first.map(|first| self.eval(path, first)) {
                None if name == "tuple" => Value::Tuples(vec![Vec::new()]),
                None => Value::List(List::default()),
                Some(value @ Value::List(_)) => value,
                Some(value @ Value::Tuples(_)) if name == "tuple" => value,
                Some(_) => Value::Other(node),
            };
        } else if READERS.contains(&name) {
            self.parts(path, arguments);
            return Value::Other(node);
        }
        if let Some(fields) = self.module.named_tuples.get(name)
            && !path.names.contains_key(name)
            && let Some(item) = self.named_tuple(path, fields, arguments)
        {
            return Value::Tuples(vec![item]).bounded(node);
        }
        for argument in arguments.parts() {
            let value = argument.field("value").unwrap_or(argument);
            if let Value::List(_) = self.eval(path, value) {
                self.doubt(path, value, "the list is passed to code that is not followed");
            }
        }
        Value::Other(node)
    }

    /// A named tuple of these fields, all of which are given one by one.
    fn named_tuple(&mut self, path: &mut Path<'t>, fields: &[String], arguments: Node<'t>) -> Option<Tuple<'t>> {
        let mut item = vec![None; fields.len()];
        for (at, argument) in arguments.parts().into_iter().enumerate() {
            let (at, value) = match argument.kind() {
                "keyword_argument" => {
                    let name = self.source.slice(argument.field("name")?);
                    (fields.iter().position(|field| field == name)?, argument.field("value")?)
                }
                "list_splat" | "dictionary_splat" | "for_in_clause" => return None,
                _ => (at, argument),
            };
            *item.get_mut(at)? = Some(self.field(path, value));
        }
        item.into_iter().collect()
    }

    /// A method of a list.
    fn method(
        &mut self,
        path: &mut Path<'t>,
        node: Node<'t>,
        (object, method): (Node<'t>, &str),
        arguments: Node<'t>,
    ) -> Value<'t> {
        let given = arguments.parts();
        let item = match (method, &given[..]) {
            ("append", [item]) | ("insert", [_, item]) => Value::List(List::of(&self.eval(path, *item), *item)),
            ("extend", [items]) => self.eval(path, *items),
            ("copy", []) => return self.eval(path, object),
            _ if HARMLESS.contains(&method) => return Value::Other(node),
            _ => {
                self.doubt(path, node, "the list is changed in a way that is not followed");
                return Value::Other(node);
            }
        };
        let added = items_of(&item, node);
        if let Some(Value::List(list)) = path.names.get_mut(self.source.slice(object)) {
            list.join(&added);
        }
        Value::Other(node)
    }

    /// `super()._load_list(…)`, or that of a class which is named.
    fn inherited(&mut self, path: &mut Path<'t>, node: Node<'t>, object: Node<'t>, arguments: Node<'t>) -> Value<'t> {
        let here = self.calls.last().and_then(|call| self.module.class_of(call.function));
        let classes = match here {
            Some(class) if self.source.slice(object).starts_with("super(") => base_names(self.source, class),
            _ => vec![self.source.slice(object)],
        };
        let Some(function) = self.module.inherited(&classes) else {
            return Value::List(List::doubtful(node, "the list of a class that is not in this file"));
        };
        let mut given = Given::new();
        for argument in arguments.parts() {
            match (argument.field("name"), argument.field("value")) {
                (Some(name), Some(value)) => {
                    let value = self.eval(path, value);
                    given.insert(self.source.slice(name), value);
                }
                _ if self.source.slice(argument) == "self" => {}
                _ => return Value::List(List::doubtful(argument, "an argument without its name is not followed")),
            }
        }
        Value::List(self.call(function, given))
    }
}

/// What iterating over it gives.
fn items_of<'t>(value: &Value<'t>, at: Node<'t>) -> List<'t> {
    match value {
        Value::List(list) => list.clone(),
        _ => List::doubtful(at, "what is added here is not a list that is made here"),
    }
}
