//! Follows expressions.

use std::rc::Rc;

use tree_sitter::Node;

use super::evaluate::Evaluator;
use super::scope::Scope;
use super::value::{Binding, Class, Dict, Function, LONGEST_TEXT, List, Value, to_number, whole};
use crate::python::field::Fields as _;

impl<'t> Evaluator<'t> {
    /// What an expression gives.
    pub(super) fn eval(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        if !self.step() {
            return Value::Unknown;
        }
        self.deeper(|| self.expression(scope, node)).unwrap_or(Value::Unknown)
    }

    fn expression(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        match node.kind() {
            // A name of Python itself, or one that is imported in a way that is not followed, is not in the scope.
            "identifier" => {
                let name = self.slice(scope, node);
                scope.get(name).unwrap_or_else(|| Value::outside(name))
            }
            "string" => self.string(scope, node),
            "concatenated_string" => {
                let parts = node.parts().into_iter().map(|part| self.string(scope, part));
                parts.reduce(|a, b| self.binary(&a, "+", &b)).unwrap_or(Value::Unknown)
            }
            "integer" | "float" => {
                let text = self.slice(scope, node).replace('_', "");
                text.parse().map_or(Value::Unknown, Value::Number)
            }
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            "none" => Value::Nothing,
            "list" | "tuple" | "set" | "expression_list" => self.sequence(scope, node),
            "dictionary" => self.dictionary(scope, node),
            "list_comprehension" | "generator_expression" | "set_comprehension" => self.comprehension(scope, node),
            "dictionary_comprehension" => self.dictionary_comprehension(scope, node),
            "parenthesized_expression" | "await" => {
                node.part(0).map_or(Value::Unknown, |inner| self.eval(scope, inner))
            }
            "named_expression" => {
                let (Some(name), Some(value)) = (node.field("name"), node.field("value")) else {
                    return Value::Unknown;
                };
                let value = self.eval(scope, value);
                self.assign(scope, name, value.clone());
                value
            }
            "attribute" => {
                let (Some(object), Some(name)) = (node.field("object"), node.field("attribute")) else {
                    return Value::Unknown;
                };
                self.attribute(&self.eval(scope, object), self.slice(scope, name))
            }
            "subscript" => self.subscript(scope, node),
            "call" => self.call_expression(scope, node),
            "lambda" => Value::Function(Rc::new(Function::new(node, Rc::clone(scope)))),
            "binary_operator" => {
                let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
                    return Value::Unknown;
                };
                let operator = node.field("operator").map_or("", |operator| self.slice(scope, operator));
                self.binary(&self.eval(scope, left), operator, &self.eval(scope, right))
            }
            "unary_operator" => match node.field("argument").map(|argument| self.eval(scope, argument)) {
                Some(Value::Number(number)) if self.slice(scope, node).starts_with('-') => Value::Number(-number),
                Some(Value::Number(number)) if self.slice(scope, node).starts_with('+') => Value::Number(number),
                _ => Value::Unknown,
            },
            "not_operator" => {
                let truth = node.field("argument").and_then(|argument| self.eval(scope, argument).truth());
                truth.map_or(Value::Unknown, |truth| Value::Boolean(!truth))
            }
            "boolean_operator" => self.boolean(scope, node),
            "comparison_operator" => self.comparison(scope, node).map_or(Value::Unknown, Value::Boolean),
            "conditional_expression" => {
                let [Some(then), Some(condition), Some(or)] = [node.part(0), node.part(1), node.part(2)] else {
                    return Value::Unknown;
                };
                match self.eval(scope, condition).truth() {
                    Some(true) => self.eval(scope, then),
                    Some(false) => self.eval(scope, or),
                    None => self.eval(scope, then).join(self.eval(scope, or)),
                }
            }
            _ => Value::Unknown,
        }
    }

    fn string(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let mut text = String::new();
        let is_raw = node.part(0).is_some_and(|start| self.slice(scope, start).to_ascii_lowercase().contains('r'));
        for part in node.parts() {
            match part.kind() {
                "string_start" | "string_end" => {}
                "string_content" if is_raw => text.push_str(self.slice(scope, part)),
                "string_content" => text.push_str(&unescaped(self.slice(scope, part))),
                "interpolation" => {
                    let is_plain = part.parts().len() == 1;
                    match part.part(0).filter(|_| is_plain).map(|inner| self.eval(scope, inner)) {
                        Some(Value::Text(inner)) => text.push_str(&inner),
                        Some(Value::Number(number)) => text.push_str(&number.to_string()),
                        _ => return Value::Unknown,
                    }
                }
                _ => return Value::Unknown,
            }
            if text.len() > LONGEST_TEXT {
                return Value::Unknown;
            }
        }
        Value::text(&text)
    }

    fn sequence(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let list = List::default();
        for part in node.parts() {
            if part.kind() == "list_splat" {
                let more = part.part(0).map_or(Value::Unknown, |inner| self.eval(scope, inner));
                self.extend(&list, &more);
            } else {
                let item = self.eval(scope, part);
                list.items.borrow_mut().push(item);
            }
        }
        Value::List(Rc::new(list))
    }

    fn dictionary(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let dict = Dict::default();
        for part in node.parts() {
            if part.kind() == "dictionary_splat" {
                let more = part.part(0).map_or(Value::Unknown, |inner| self.eval(scope, inner));
                self.update(&dict, &more);
            } else if let (Some(key), Some(value)) = (part.field("key"), part.field("value")) {
                let (key, value) = (self.eval(scope, key), self.eval(scope, value));
                match key.as_text() {
                    Some(key) => dict.set(key, value),
                    None => dict.open(),
                }
            }
        }
        Value::Dict(Rc::new(dict))
    }

    fn comprehension(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let list = List::default();
        let body = node.field("body");
        self.rounds(
            scope,
            node,
            &mut |inner, is_certain| {
                let Some(body) = body else { return };
                let item = self.eval(inner, body);
                list.items.borrow_mut().push(item);
                if !is_certain {
                    list.open();
                }
            },
            &|over, is_one_by_one| {
                // The files of a category, one by one, are still the files of that category.
                list.open();
                if let (Value::List(over), true) = (over, is_one_by_one) {
                    list.models.borrow_mut().extend(over.models.borrow().iter().cloned());
                }
            },
        );
        Value::List(Rc::new(list))
    }

    fn dictionary_comprehension(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let dict = Dict::default();
        let body = node.field("body");
        self.rounds(
            scope,
            node,
            &mut |inner, is_certain| {
                let Some(body) = body else { return };
                let (Some(key), Some(value)) = (body.field("key"), body.field("value")) else { return };
                let (key, value) = (self.eval(inner, key), self.eval(inner, value));
                match key.as_text().filter(|_| is_certain) {
                    Some(key) => dict.set(key, value),
                    None => dict.open(),
                }
            },
            &|_, _| dict.open(),
        );
        Value::Dict(Rc::new(dict))
    }

    /// Follows each round of a comprehension with one `for`; `unknown` is told if there may be others.
    fn rounds(
        &self,
        scope: &Rc<Scope<'t>>,
        node: Node<'t>,
        round: &mut dyn FnMut(&Rc<Scope<'t>>, bool),
        unknown: &dyn Fn(&Value<'t>, bool),
    ) {
        let clauses: Vec<Node<'t>> = node.parts().into_iter().skip(1).collect();
        let Some((first, conditions)) = clauses.split_first() else { return };
        let (Some(left), Some(right)) = (first.field("left"), first.field("right")) else { return };
        let over = self.eval(scope, right);
        let (items, is_all) = self.items(&over);
        if conditions.iter().any(|clause| clause.kind() != "if_clause") {
            unknown(&over, false);
            return;
        }
        let inner = Scope::inside(scope);
        for item in items {
            self.assign(&inner, left, item);
            let mut truths = conditions
                .iter()
                .filter_map(|clause| clause.part(0))
                .map(|condition| self.eval(&inner, condition).truth());
            match truths.try_fold(true, |all, one| Some(all & one?)) {
                Some(true) => round(&inner, true),
                Some(false) => {}
                None => round(&inner, false),
            }
        }
        if !is_all {
            unknown(&over, true);
        }
    }

    /// The items of a value that is looped over, and whether these are all.
    pub(super) fn items(&self, over: &Value<'t>) -> (Vec<Value<'t>>, bool) {
        if !self.steps(over.size()) {
            return (Vec::new(), false);
        }
        match over {
            Value::List(list) => (list.items.borrow().clone(), list.is_closed()),
            Value::Dict(dict) => {
                let keys = dict.entries.borrow().iter().map(|(key, _)| Value::Text(Rc::clone(key))).collect();
                (keys, dict.is_closed())
            }
            Value::Text(text) => (text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect(), true),
            _ => (Vec::new(), false),
        }
    }

    /// How many of the first items of a value it holds for certain.
    pub(super) fn sure(&self, over: &Value<'t>) -> usize {
        match over {
            Value::List(list) => {
                (0..list.items.borrow().len()).take_while(|at| list.at(to_number(*at)).is_some()).count()
            }
            Value::Dict(dict) => dict.entries.borrow().iter().take_while(|(key, _)| !dict.is_perhaps(key)).count(),
            other => self.items(other).0.len(),
        }
    }

    fn subscript(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let (Some(object), Some(key)) = (node.field("value"), node.field("subscript")) else { return Value::Unknown };
        let object = self.eval(scope, object);
        if key.kind() == "slice" {
            return self.sliced(scope, &object, key);
        }
        self.item(&object, &self.eval(scope, key))
    }

    /// `object[from:to]`, without a step.
    fn sliced(&self, scope: &Rc<Scope<'t>>, object: &Value<'t>, slice: Node<'t>) -> Value<'t> {
        let text = self.slice(scope, slice);
        let list = match object {
            Value::List(list) if list.is_closed() && text.matches(':').count() == 1 => list,
            Value::List(_) => return Value::some_list(),
            _ => return Value::Unknown,
        };
        let items = list.items.borrow();
        let parts = slice.parts();
        let (start, end) = match parts.as_slice() {
            [] => (None, None),
            [only] if text.starts_with(':') => (None, Some(*only)),
            [only] => (Some(*only), None),
            [start, end, ..] => (Some(*start), Some(*end)),
        };
        let bound = |bound: Option<Node<'t>>, or: usize| match bound.map(|bound| self.eval(scope, bound)) {
            None => Some(or),
            Some(Value::Number(at)) if at < 0.0 => Some(whole((to_number(items.len()) + at).max(0.0))?),
            Some(Value::Number(at)) => Some(whole(at)?.min(items.len())),
            Some(_) => None,
        };
        match (bound(start, 0), bound(end, items.len())) {
            (Some(start), Some(end)) => Value::list(items.get(start..end).unwrap_or_default().to_vec()),
            _ => Value::some_list(),
        }
    }

    /// An item of a list or a dictionary.
    pub(super) fn item(&self, object: &Value<'t>, key: &Value<'t>) -> Value<'t> {
        match (object, key) {
            (Value::Dict(dict), Value::Text(key)) => {
                dict.get(key).or_else(|| self.missing(dict, key)).unwrap_or(Value::Unknown)
            }
            (Value::List(list), Value::Number(at)) => list.at(*at).unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }

    /// An attribute of a value.
    pub(super) fn attribute(&self, object: &Value<'t>, name: &str) -> Value<'t> {
        match object {
            Value::Module(file) => self.module(*file).get(name).unwrap_or(Value::Unknown),
            Value::Outside(path) => Value::outside(&format!("{path}.{name}")),
            Value::Class(class) => match name {
                "__name__" => Value::Text(Rc::clone(&class.name)),
                _ => self.member(class, name, object, 0).unwrap_or(Value::Unknown),
            },
            Value::Made(made) if name == "name" && &*made.callee == super::builtin::FOLDER => made.arguments[0].clone(),
            Value::Super(class) => {
                let bound = Value::Class(Rc::clone(class));
                let found = class.bases.iter().find_map(|base| {
                    if let Value::Class(base) = base { self.member(base, name, &bound, 1) } else { None }
                });
                found.unwrap_or(Value::Unknown)
            }
            _ => Value::Unknown,
        }
    }

    /// A member of a class, or of one that it inherits from.
    pub(super) fn member(
        &self,
        class: &Rc<Class<'t>>,
        name: &str,
        through: &Value<'t>,
        depth: usize,
    ) -> Option<Value<'t>> {
        if depth > 20 || !self.step() {
            return None;
        }
        let Some(value) = class.members.own(name) else {
            let mut bases = class.bases.iter();
            return bases.find_map(|base| match base {
                Value::Class(base) => self.member(base, name, through, depth + 1),
                Value::Outside(name) if &**name == "object" => None,
                // It may come from there.
                _ => Some(Value::Unknown),
            });
        };
        Some(match value {
            Value::Function(function) if function.binding == Binding::Class => Value::Function(Rc::new(Function {
                bound: Some(through.clone()),
                binding: Binding::None,
                ..Function::clone(&function)
            })),
            other => other,
        })
    }

    /// An operator between two values.
    pub(super) fn binary(&self, left: &Value<'t>, operator: &str, right: &Value<'t>) -> Value<'t> {
        if !self.steps(left.size() + right.size()) {
            return Value::Unknown;
        }
        match (left, operator, right) {
            (Value::Text(a), "+", Value::Text(b)) if a.len() + b.len() <= LONGEST_TEXT => {
                Value::text(&format!("{a}{b}"))
            }
            (Value::Number(a), "+", Value::Number(b)) => Value::Number(a + b),
            (Value::Number(a), "-", Value::Number(b)) => Value::Number(a - b),
            (Value::Number(a), "*", Value::Number(b)) => Value::Number(a * b),
            (Value::Number(a), "/", Value::Number(b)) if b.abs() > 0.0 => Value::Number(a / b),
            (Value::List(a), "+" | "|", _) => {
                let joined = a.copy();
                self.extend(&joined, right);
                Value::List(Rc::new(joined))
            }
            (_, "+", Value::List(b)) => {
                let joined = b.copy();
                joined.open();
                Value::List(Rc::new(joined))
            }
            (Value::Dict(a), "|", _) => {
                let joined = a.copy();
                self.update(&joined, right);
                Value::Dict(Rc::new(joined))
            }
            _ => Value::Unknown,
        }
    }

    fn boolean(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Value<'t> {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return Value::Unknown };
        let operator = node.field("operator").map_or("", |operator| self.slice(scope, operator));
        let left = self.eval(scope, left);
        match (left.truth(), operator) {
            (Some(true), "or") | (Some(false), "and") => left,
            (Some(_), _) => self.eval(scope, right),
            (None, _) => {
                let right = self.eval(scope, right);
                match (right.truth(), operator) {
                    // Whatever the other is.
                    (Some(false), "and") | (Some(true), "or") if matches!(right, Value::Boolean(_)) => right,
                    _ => left.join(right),
                }
            }
        }
    }

    fn comparison(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Option<bool> {
        let parts = node.parts();
        let [left, right] = parts.as_slice() else { return None };
        let mut cursor = node.walk();
        let operator: Vec<&str> =
            node.children(&mut cursor).filter(|child| !child.is_named()).map(|child| child.kind()).collect();
        let (left, right) = (self.eval(scope, *left), self.eval(scope, *right));
        let is_order = |holds: fn(&f64, &f64) -> bool| match (&left, &right) {
            (Value::Number(a), Value::Number(b)) => Some(holds(a, b)),
            _ => None,
        };
        match operator.join(" ").as_str() {
            "==" | "is" => left.equals(&right),
            "!=" | "is not" => left.equals(&right).map(|equal| !equal),
            "in" => self.contains(&right, &left),
            "not in" => self.contains(&right, &left).map(|inside| !inside),
            "<" => is_order(|a, b| a < b),
            "<=" => is_order(|a, b| a <= b),
            ">" => is_order(|a, b| a > b),
            ">=" => is_order(|a, b| a >= b),
            _ => None,
        }
    }

    fn contains(&self, container: &Value<'t>, item: &Value<'t>) -> Option<bool> {
        self.steps(container.size() / 16);
        match (container, item) {
            (Value::Dict(dict), Value::Text(key)) => match dict.has(key) {
                Some(false) if self.missing(dict, key).is_some() => Some(true),
                other => other,
            },
            (Value::List(list), _) => {
                let items = list.items.borrow();
                let truths: Vec<Option<bool>> = items.iter().map(|known| known.equals(item)).collect();
                if truths.contains(&Some(true)) {
                    Some(true)
                } else {
                    (list.is_closed() && !truths.contains(&None)).then_some(false)
                }
            }
            (Value::Text(text), Value::Text(part)) => Some(text.contains(&**part)),
            _ => None,
        }
    }
}

/// The content of a string literal, with the escapes that occur in names.
fn unescaped(content: &str) -> String {
    content.replace("\\n", "\n").replace("\\t", "\t").replace("\\'", "'").replace("\\\"", "\"").replace("\\\\", "\\")
}
