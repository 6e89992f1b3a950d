//! `match` statements.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Arities, Item, Value};
use super::{Follower, Form};
use crate::python::field::Fields;
use crate::python::source::walk;

/// What a `case` matches.
enum Pattern<'p> {
    /// A sequence of exactly this many elements, or of at least as many; the node that holds the elements.
    Sequence { node: Node<'p>, length: i64, open: bool },
    /// One of these whole numbers.
    Numbers(Vec<i64>),
    /// Anything: `_`, or a name, which is bound to it.
    Anything(Option<Node<'p>>),
    /// Something that is not followed.
    Other,
}

impl<'p> Follower<'p, '_> {
    pub(super) fn match_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let (Some(subject), Some(body)) = (node.field("subject"), node.field("body")) else {
            return;
        };
        let value = self.eval(frame, state, subject);
        let mut rest = self.split(state, Arities::ALL);
        let mut out = State::new(Arities::NONE);
        // The patterns of an item: which arities reach one of them, or a case that handles items in another way.
        let mut patterns = Vec::new();
        let mut dealt_with = Arities::NONE;
        let mut cursor = body.walk();
        let cases: Vec<_> = body.named_children(&mut cursor).filter(|case| case.kind() == "case_clause").collect();
        for case in cases {
            let pattern = self.pattern(frame, case);
            let (matches, surely) = matched(&pattern, &value, rest.arities);
            let mut path = self.split(&rest, matches);
            let uses = self.notes.count();
            if let (Pattern::Anything(Some(name)), true) = (&pattern, path.is_live()) {
                self.bind(frame, &mut path, *name, &value.restrict(matches));
            }
            let guard = case.field("guard").and_then(|guard| guard.part(0));
            let mut left = if surely { Arities::NONE } else { matches };
            if let (Some(guard), true) = (guard, path.is_live()) {
                let (holds, fails) = self.test(frame, &mut path, guard);
                left = left.or(fails);
                path = self.split(&path, holds);
            }
            if let (Some(consequence), true) = (case.field("consequence"), path.is_live()) {
                self.block(frame, &mut path, consequence);
            }
            match pattern {
                Pattern::Sequence { node, .. } if value.item.is_some() => {
                    dealt_with = dealt_with.or(matches);
                    patterns.push((node, matches, rest.arities));
                }
                Pattern::Anything(_) if self.notes.count() > uses => dealt_with = dealt_with.or(matches),
                _ => {}
            }
            rest.arities = rest.arities.filter(|nth| !matches.has(nth) || left.has(nth));
            out.merge(path);
        }
        out.merge(rest);
        if let Some(item) = value.item {
            self.note_patterns(frame, item, &patterns, dealt_with);
        }
        *state = out;
    }

    /// A sequence pattern skips items of another length. That is fine if another case takes them; if none does, the
    /// pattern is meant for all.
    fn note_patterns(
        &mut self,
        frame: &mut Frame<'p>,
        item: Item,
        patterns: &[(Node<'p>, Arities, Arities)],
        dealt_with: Arities,
    ) {
        for (node, matches, arriving) in patterns {
            let arities = arriving.filter(|nth| matches.has(nth) || !dealt_with.has(nth));
            if let (Some(reaching), false) = (Value::item(item).restrict(arities).item, arities.is_empty()) {
                self.notes.note(frame, *node, Form::Unpack, reaching);
            }
        }
    }

    fn pattern(&self, frame: &Frame<'p>, case: Node<'p>) -> Pattern<'p> {
        let mut cursor = case.walk();
        let parts: Vec<_> = case.named_children(&mut cursor).filter(|part| part.kind() == "case_pattern").collect();
        let [only] = parts.as_slice() else { return sequence(case, &parts) };
        let Some(inner) = only.part(0) else {
            return if self.text(frame.file, *only) == "_" { Pattern::Anything(None) } else { Pattern::Other };
        };
        match inner.kind() {
            "tuple_pattern" | "list_pattern" => {
                let parts = inner.parts();
                match parts.as_slice() {
                    // `case (4):` is a number in parentheses.
                    [one] if inner.kind() == "tuple_pattern" && !self.text(frame.file, inner).contains(',') => {
                        self.numbers(frame, *one)
                    }
                    _ => sequence(inner, &parts),
                }
            }
            "dotted_name" if inner.named_child_count() == 1 => Pattern::Anything(inner.part(0)),
            _ => self.numbers(frame, inner),
        }
    }

    /// `4`, or `4 | 5`.
    fn numbers(&self, frame: &Frame<'p>, pattern: Node<'p>) -> Pattern<'p> {
        let mut numbers = Some(Vec::new());
        walk(&mut pattern.walk(), |node| {
            match node.kind() {
                "integer" => match (&mut numbers, self.text(frame.file, node).parse()) {
                    (Some(numbers), Ok(number)) => numbers.push(number),
                    _ => numbers = None,
                },
                "union_pattern" | "case_pattern" | "|" | "tuple_pattern" | "(" | ")" => {}
                _ => numbers = None,
            }
            true
        });
        numbers.filter(|numbers| !numbers.is_empty()).map_or(Pattern::Other, Pattern::Numbers)
    }
}

fn sequence<'p>(node: Node<'p>, parts: &[Node<'p>]) -> Pattern<'p> {
    let open = parts.iter().any(|part| is_star(*part));
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    Pattern::Sequence { node, length: count - i64::from(open), open }
}

/// Is this part of a pattern starred?
pub fn is_star(part: Node<'_>) -> bool {
    matches!(part.kind(), "splat_pattern" | "list_splat_pattern")
        || (part.kind() == "case_pattern" && part.part(0).is_some_and(is_star))
}

/// For which of these arities a pattern may match, and whether it certainly does for them.
fn matched(pattern: &Pattern<'_>, value: &Value<'_>, arities: Arities) -> (Arities, bool) {
    match (pattern, value.item, value.number) {
        (Pattern::Sequence { length, open, .. }, Some(item), _) => {
            let fits = |has: i64| if *open { has >= *length } else { has == *length };
            (arities.filter(|nth| item.length(nth).is_some_and(fits)), true)
        }
        (Pattern::Numbers(numbers), _, Some(number)) => {
            let fits = arities.filter(|nth| number[nth].is_none_or(|number| numbers.contains(&number)));
            (fits, fits.filter(|nth| number[nth].is_none()).is_empty())
        }
        (Pattern::Anything(_), ..) => (arities, true),
        _ => (arities, false),
    }
}
