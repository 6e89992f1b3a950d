//! Expressions.

use tree_sitter::Node;

use super::container::{combine, display_length};
use super::scope::{Frame, State};
use super::truth::Decision;
use super::value::{Arities, Callable, Spot, Value};
use super::{Follower, Form, Owner};
use crate::python::field::Fields;
use crate::python::syntax::operations;

impl<'p> Follower<'p, '_> {
    /// What an expression may be.
    pub(super) fn eval(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        if !self.step(frame, node) {
            return Value::default();
        }
        if self.is_source(frame.file, node) {
            return Value::callable(Callable::Source);
        }
        if self.is_text(frame.file, node) {
            return Value { texts: vec![Spot { file: frame.file, node }], ..Value::default() };
        }
        self.depth += 1;
        let value = self.expression(frame, state, node);
        self.depth -= 1;
        if !self.measuring && value.carries_item() {
            // A list matters only if it is treated as one of items of one length.
            let arities = value.item.map_or(state.arities, |item| item.arities());
            if value.item.is_some() || arities != Arities::ALL {
                self.notes.handle(frame, arities);
            }
        }
        value
    }

    fn expression(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        match node.kind() {
            "identifier" => {
                let value = self.look_up(frame, state, node);
                self.resolve(frame, node, value)
            }
            "integer" => self
                .text(frame.file, node)
                .parse()
                .map_or_else(|_| Value::default(), |n| Value::number(n, state.arities)),
            "unary_operator" => {
                let value = self.child(frame, state, node, "argument");
                match value.number {
                    Some(number) if self.text(frame.file, node).starts_with('-') => {
                        Value { number: Some(number.map(|n| n.and_then(i64::checked_neg))), ..Value::default() }
                    }
                    _ => Value::default(),
                }
            }
            "assignment" => {
                let right = self.child(frame, state, node, "right");
                if let Some(left) = node.field("left") {
                    self.bind(frame, state, left, &right);
                }
                right
            }
            "augmented_assignment" => self.augmented(frame, state, node),
            "named_expression" => {
                let value = self.child(frame, state, node, "value");
                if let Some(name) = node.field("name") {
                    self.bind(frame, state, name, &value);
                }
                value
            }
            "call" => self.call(frame, state, node),
            "attribute" => self.attribute(frame, state, node),
            "subscript" => self.subscript(frame, state, node),
            "binary_operator" => self.binary(frame, state, node),
            "boolean_operator" | "not_operator" => self.boolean(frame, state, node),
            "comparison_operator" => self.comparison(frame, state, node),
            "conditional_expression" => self.conditional(frame, state, node),
            "interpolation" => {
                // `{item[0]:>{item[1]}}`
                for part in node.parts().into_iter().filter(|part| part.kind() == "format_specifier") {
                    self.parts(frame, state, part);
                }
                node.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default()
            }
            "parenthesized_expression" | "await" | "format_expression" | "type" => {
                node.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default()
            }
            "tuple" | "list" | "set" | "expression_list" => self.sequence(frame, state, node),
            "dictionary" => self.dictionary(frame, state, node),
            "list_comprehension" | "set_comprehension" | "generator_expression" | "dictionary_comprehension" => {
                self.comprehension(frame, state, node)
            }
            "lambda" => {
                let around = self.around(frame, state);
                let spot = Spot { file: frame.file, node };
                Value::callable(Callable::Function(spot, around))
            }
            "yield" => self.yielded(frame, state, node),
            "as_pattern" => {
                let value = node.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default();
                if let Some(alias) = node.field("alias") {
                    self.bind(frame, state, alias, &value);
                }
                value
            }
            "string" if !self.text(frame.file, node).contains('{') => Value::default(),
            // `[*p.items()]` is parsed as `[(*p).items()]`, though it means `[*(p.items())]`.
            "list_splat" => node.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default(),
            "string" | "concatenated_string" | "dictionary_splat" | "keyword_argument" => {
                self.parts(frame, state, node);
                Value::default()
            }
            _ => Value::default(),
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "so that the field's name is looked up at compile time")]
    pub(super) fn child(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        node: Node<'p>,
        field: &'static str,
    ) -> Value<'p> {
        node.field(field).map(|child| self.eval(frame, state, child)).unwrap_or_default()
    }

    /// Evaluates the interpolations of a string (and the like) for what they use.
    fn parts(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let parts = node.parts();
        for part in parts {
            self.eval(frame, state, part);
        }
    }

    fn augmented(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let right = self.child(frame, state, node, "right");
        let Some(left) = node.field("left") else { return Value::default() };
        if left.kind() == "subscript" {
            self.store_under(frame, state, left);
            self.change(frame, state, left);
            return Value::default();
        }
        let known = self.eval(frame, state, left);
        // `items += other_items` keeps what both held; sums of numbers are not followed.
        let grown = known.join(&right).without_constants();
        if grown.element.is_some() || known.number.is_some() {
            self.bind(frame, state, left, &grown);
        }
        Value::default()
    }

    fn attribute(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let object = self.child(frame, state, node, "object");
        let Some(name) = node.field("attribute") else { return Value::default() };
        let name = self.text(frame.file, name);
        for (callable, _) in &object.callables {
            if let Callable::Module(file) = callable {
                let value = self.imported(frame, node, *file, name);
                return self.resolve(frame, node, value);
            }
        }
        let methods = self.methods_of(frame, state, node, &object, name);
        if !methods.is_bottom() {
            return methods;
        }
        let value = self.facts.get((Owner::Attribute, name));
        Self::rebase(frame, node, value).restrict(state.arities)
    }

    fn binary(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let chain = operations(node);
        let mut value = self.child(frame, state, chain[0], "left");
        for operation in chain {
            let right = self.child(frame, state, operation, "right");
            let operator = operation.field("operator").map_or("", |operator| operator.kind());
            self.percent(frame, operation, operator, &right);
            // Only an item is lengthened by a display next to it.
            let lengths = if value.item.is_some() || right.item.is_some() {
                [operation.field("left"), operation.field("right")].map(|side| side.and_then(display_length))
            } else {
                [None; 2]
            };
            value = combine(&value, operator, &right, lengths);
        }
        value
    }

    /// `"%s %s" % item`
    fn percent(&mut self, frame: &mut Frame<'p>, operation: Node<'p>, operator: &str, right: &Value<'p>) {
        let (Some(form), Some(values)) = (operation.field("left"), operation.field("right")) else { return };
        if let Some(item) = right.item.filter(|_| operator == "%" && form.kind() == "string") {
            let takes = self.text(frame.file, form).replace("%%", "").matches('%').count();
            self.notes.note(frame, values, Form::Cut(takes), item);
        }
    }

    fn boolean(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let Decision { mut value, holds, fails, .. } = self.decide(frame, state, node);
        value.truth = (holds != state.arities || fails != state.arities).then_some((holds, fails));
        value
    }

    fn conditional(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let parts = node.parts();
        let [then, condition, otherwise] = parts.as_slice() else { return Value::default() };
        let (holds, fails) = self.test(frame, state, *condition);
        let mut out: Option<Value<'p>> = None;
        for (branch, arities) in [(then, holds), (otherwise, fails)] {
            let value = if arities == state.arities {
                self.eval(frame, state, *branch)
            } else if arities.is_empty() {
                continue;
            } else {
                let mut path = self.split(state, arities);
                self.eval(frame, &mut path, *branch).restrict(arities)
            };
            out = Some(match out {
                Some(known) => known.join(&value),
                None => value,
            });
        }
        out.unwrap_or_default()
    }

    fn yielded(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let value = node.part(0).map(|inner| self.eval(frame, state, inner)).unwrap_or_default();
        let from = self.text(frame.file, node)["yield".len()..].trim_start().starts_with("from");
        let value = if from { value.iterated() } else { value };
        let known = frame.yields.take().unwrap_or_default();
        frame.yields = Some(known.join(&value));
        Value::default()
    }
}
