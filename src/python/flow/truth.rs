//! Conditions: the arities for which they may hold and may fail.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Arities, COUNT, Item, Number, Value};
use super::{Follower, Form};
use crate::python::field::Fields;
use crate::python::syntax::operations;

/// The value of a condition.
pub(super) struct Decision<'p> {
    /// Its value.
    pub(super) value: Value<'p>,
    /// The arities of the path for which it may hold.
    pub(super) holds: Arities,
    /// Those for which it may fail.
    pub(super) fails: Arities,
    /// It only tests whether there is an item at all. If it fails there is no item, which says nothing about arities.
    vacuous: bool,
}

impl<'p> Decision<'p> {
    fn of(value: Value<'p>, arities: Arities, vacuous: bool) -> Self {
        let (holds, fails) =
            value.truth.map_or((arities, arities), |(holds, fails)| (holds.and(arities), fails.and(arities)));
        Self { value, holds, fails, vacuous }
    }

    fn is_open(&self, arities: Arities) -> bool {
        self.holds == arities && self.fails == arities
    }
}

impl<'p> Follower<'p, '_> {
    /// Evaluates a condition; returns the arities of this path for which it may hold, and those for which it may fail.
    pub(super) fn test(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> (Arities, Arities) {
        let decision = self.decide(frame, state, node);
        (decision.holds, decision.fails)
    }

    /// Evaluates an expression once, for its value and for the arities for which it holds.
    pub(super) fn decide(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Decision<'p> {
        let nothing = Decision::of(Value::default(), state.arities, false);
        let inner = match node.kind() {
            "parenthesized_expression" => node.part(0),
            "not_operator" => node.field("argument"),
            "boolean_operator" => Some(node),
            _ => {
                let value = if node.kind() == "identifier" {
                    self.look_at(frame, state, node)
                } else {
                    self.eval(frame, state, node)
                };
                let vacuous = value.truth.is_none() && self.asks_for_items(frame, state, node, &value);
                return Decision::of(value, state.arities, vacuous);
            }
        };
        let Some(inner) = inner.filter(|_| self.step(frame, node)) else { return nothing };
        self.depth += 1;
        let mut decision = match node.kind() {
            "boolean_operator" => self.operators(frame, state, node),
            _ => self.decide(frame, state, inner),
        };
        self.depth -= 1;
        if node.kind() == "not_operator" {
            decision.value = Value::default();
            std::mem::swap(&mut decision.holds, &mut decision.fails);
        }
        decision
    }

    /// `a and b`, `a or b`.
    fn operators(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Decision<'p> {
        let chain = operations(node);
        let Some(first) = chain[0].field("left") else { return Decision::of(Value::default(), state.arities, false) };
        let mut so_far = self.decide(frame, state, first);
        for operation in chain {
            let Some(right) = operation.field("right") else { continue };
            let both = operation.field("operator").is_some_and(|operator| operator.kind() == "and");
            so_far = self.operator(frame, state, &so_far, both, right);
        }
        so_far
    }

    fn operator(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        left: &Decision<'p>,
        both: bool,
        right: Node<'p>,
    ) -> Decision<'p> {
        // The right side is only reached if the left one has not decided.
        let reached = if both { left.holds } else { left.fails };
        let right = if reached == state.arities {
            self.decide(frame, state, right)
        } else if reached.is_empty() {
            Decision::of(Value::default(), Arities::NONE, false)
        } else {
            let mut path = self.split(state, reached);
            let right = self.decide(frame, &mut path, right);
            state.merge(path);
            right
        };
        // The value of the left side if it decides: if it fails (`and`), if it holds (`or`). An item or list that fails
        // is empty or None.
        let kept = if both { Value::default() } else { left.value.restrict(left.holds) };
        let value = kept.join(&right.value.restrict(reached));
        // Does the right side distinguish arities, while the left only tests whether there is something?
        let only_right = left.vacuous && !right.is_open(reached);
        let vacuous = left.vacuous && right.vacuous;
        let (holds, fails) = match (both, only_right) {
            (_, true) => (right.holds, right.fails),
            (true, false) => (right.holds, left.fails.or(right.fails)),
            (false, false) => (left.holds.or(right.holds), right.fails),
        };
        Decision { value, holds, fails, vacuous }
    }

    /// Does a condition only test whether there is an item, or whether a list has any: `items`, `bool(items)`,
    /// `len(items) > 0`, `item is not None`, `isinstance(item, tuple)`?
    fn asks_for_items(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        node: Node<'p>,
        value: &Value<'p>,
    ) -> bool {
        let asked = match node.kind() {
            "identifier" | "attribute" | "named_expression" => return value.carries_item(),
            "call" => first_argument(node).filter(|_| {
                let function = node.field("function");
                function.is_some_and(|name| matches!(self.text(frame.file, name), "bool" | "len" | "isinstance"))
            }),
            "comparison_operator" => match (node.part(0), node.part(1)) {
                (Some(left), Some(right)) if right.kind() == "none" => Some(left),
                (Some(left), Some(right)) if matches!(self.text(frame.file, right), "0" | "1") => first_argument(left)
                    .filter(|_| {
                        let function = left.field("function");
                        function.is_some_and(|name| self.text(frame.file, name) == "len")
                    }),
                _ => None,
            },
            _ => None,
        };
        let asked = asked.filter(|asked| matches!(asked.kind(), "identifier" | "attribute"));
        asked.is_some_and(|asked| self.look_at(frame, state, asked).carries_item())
    }

    /// Evaluates an expression that is only tested for its presence or type, and not used otherwise.
    fn look_at(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let measuring = std::mem::replace(&mut self.measuring, true);
        let value = self.eval(frame, state, node);
        self.measuring = measuring;
        value
    }

    /// `a == b`, `len(a) in (4, 5)`, …: a truth value if both sides are known numbers.
    pub(super) fn comparison(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let operands = node.parts();
        let with_none = operands.iter().any(|operand| operand.kind() == "none");
        let eval = |operand: &Node<'p>| {
            if with_none { self.look_at(frame, state, *operand) } else { self.eval(frame, state, *operand) }
        };
        let values: Vec<_> = operands.iter().map(eval).collect();
        let mut cursor = node.walk();
        let operators: Vec<_> =
            node.children_by_field_name("operators", &mut cursor).map(|operator| operator.kind()).collect();
        let ([left, right], [operator]) = (values.as_slice(), operators.as_slice()) else { return Value::default() };
        let Some(number) = left.number else { return Value::default() };
        let known = self.interest.arities;
        let is_length = |number: Number| number == known.map(Some);
        let is_one_of = |value: &Value<'p>| {
            value.number.is_some_and(|number| known.iter().any(|arity| number == [Some(*arity); COUNT]))
        };
        if state.arities == Arities::ALL
            && ((is_length(number) && is_one_of(right)) || (is_one_of(left) && right.number.is_some_and(is_length)))
        {
            self.notes.note(frame, node, Form::Test, Item::new(known, Arities::ALL));
        }
        let decide: Box<dyn Fn(i64, usize) -> Option<bool>> = match (*operator, right.number, &right.fields) {
            (operator @ ("==" | "!=" | "<" | "<=" | ">" | ">="), Some(other), _) => {
                let compare = move |a: i64, b: i64| match operator {
                    "==" => a == b,
                    "!=" => a != b,
                    "<" => a < b,
                    "<=" => a <= b,
                    ">" => a > b,
                    _ => a >= b,
                };
                Box::new(move |a, nth| other[nth].map(|b| compare(a, b)))
            }
            (operator @ ("in" | "not in"), _, Some(members)) => {
                let numbers: Option<Vec<Number>> = members.iter().map(|member| member.number).collect();
                let Some(numbers) = numbers else { return Value::default() };
                let wanted = operator == "in";
                Box::new(move |a, nth| Some(numbers.iter().any(|number| number[nth] == Some(a)) == wanted))
            }
            _ => return Value::default(),
        };
        let answer = |nth: usize| number[nth].and_then(|a| decide(a, nth));
        let holds = state.arities.filter(|nth| answer(nth) != Some(false));
        let fails = state.arities.filter(|nth| answer(nth) != Some(true));
        if holds == state.arities && fails == state.arities {
            return Value::default();
        }
        Value { truth: Some((holds, fails)), ..Value::default() }
    }
}

fn first_argument(call: Node<'_>) -> Option<Node<'_>> {
    call.field("arguments").filter(|_| call.kind() == "call")?.part(0)
}
