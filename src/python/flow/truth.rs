//! Conditions: the worlds in which they may hold and may fail.

use tree_sitter::Node;

use super::Follower;
use super::scope::{Frame, State};
use super::value::{Number, Value, Worlds};

impl<'p> Follower<'p, '_> {
    /// Evaluates a condition; gives the worlds of this path in which it may hold, and those in which it may fail.
    pub(super) fn test(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> (Worlds, Worlds) {
        match node.kind() {
            "parenthesized_expression" => match node.named_child(0) {
                Some(inner) => self.test(frame, state, inner),
                None => (state.worlds, state.worlds),
            },
            "not_operator" => match node.child_by_field_name("argument") {
                Some(inner) => {
                    let (holds, fails) = self.test(frame, state, inner);
                    (fails, holds)
                }
                None => (state.worlds, state.worlds),
            },
            "boolean_operator" => {
                let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
                else {
                    return (state.worlds, state.worlds);
                };
                let both = node.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "and");
                let (holds, fails) = self.test(frame, state, left);
                // The right side is only reached where the left one has not decided.
                let mut path = state.within(if both { holds } else { fails });
                let (then_holds, then_fails) = self.test(frame, &mut path, right);
                if both { (then_holds, fails.or(then_fails)) } else { (holds.or(then_holds), then_fails) }
            }
            _ => {
                let value = self.eval(frame, state, node);
                value.truth.map_or((state.worlds, state.worlds), |(holds, fails)| {
                    (holds.and(state.worlds), fails.and(state.worlds))
                })
            }
        }
    }

    /// `a == b`, `len(a) in (4, 5)`, …: a truth value if both sides are known numbers.
    pub(super) fn comparison(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let mut cursor = node.walk();
        let operands: Vec<_> = node.named_children(&mut cursor).collect();
        let values: Vec<_> = operands.iter().map(|operand| self.eval(frame, state, *operand)).collect();
        let mut cursor = node.walk();
        let operators: Vec<_> =
            node.children_by_field_name("operators", &mut cursor).map(|operator| operator.kind()).collect();
        let ([left, right], [operator]) = (values.as_slice(), operators.as_slice()) else { return Value::default() };
        let Some(number) = left.number else { return Value::default() };
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
                Box::new(move |a, world| other[world].map(|b| compare(a, b)))
            }
            (operator @ ("in" | "not in"), _, Some(members)) => {
                let numbers: Option<Vec<Number>> = members.iter().map(|member| member.number).collect();
                let Some(numbers) = numbers else { return Value::default() };
                let wanted = operator == "in";
                Box::new(move |a, world| Some(numbers.iter().any(|number| number[world] == Some(a)) == wanted))
            }
            _ => return Value::default(),
        };
        let answer = |world: usize| number[world].and_then(|a| decide(a, world));
        let holds = state.worlds.filter(|world| answer(world) != Some(false));
        let fails = state.worlds.filter(|world| answer(world) != Some(true));
        if holds == state.worlds && fails == state.worlds {
            return Value::default();
        }
        Value { truth: Some((holds, fails)), ..Value::default() }
    }
}
