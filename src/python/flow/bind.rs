//! Targets of assignments and loops.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Arities, Item, Value};
use super::{Follower, Form, Owner};
use crate::python::field::Fields;

impl<'p> Follower<'p, '_> {
    /// Gives a target (a name, a pattern, a subscript, …) a value.
    pub(super) fn bind(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, target: Node<'p>, value: &Value<'p>) {
        match target.kind() {
            "identifier" => {
                let name = self.text(frame.file, target);
                self.assign(frame, state, name, value.clone());
            }
            "tuple_pattern" if is_only_parentheses(target) => {
                if let Some(inner) = target.part(0) {
                    self.bind(frame, state, inner, value);
                }
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" => self.unpack(frame, state, target, value),
            "list_splat_pattern" => {
                if let Some(inner) = target.part(0) {
                    self.bind(frame, state, inner, &Value::list_of(value.clone()));
                }
            }
            "as_pattern_target" | "parenthesized_expression" => {
                if let Some(inner) = target.part(0) {
                    self.bind(frame, state, inner, value);
                }
            }
            "attribute" => {
                if let Some(object) = target.field("object") {
                    self.eval(frame, state, object);
                }
                if let (Some(name), false) = (target.field("attribute"), value.is_bottom()) {
                    let name = self.text(frame.file, name);
                    self.facts.add((Owner::Attribute, name), value);
                }
            }
            "subscript" => {
                self.store_under(frame, state, target);
                self.change(frame, state, target);
                self.put_into(frame, state, target, value);
            }
            _ => {}
        }
    }

    /// Notes a store whose key may be a followed text.
    pub(super) fn store_under(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, subscript: Node<'p>) {
        let mut cursor = subscript.walk();
        let keys: Vec<_> = subscript.children_by_field_name("subscript", &mut cursor).collect();
        for key in keys {
            let texts = self.eval(frame, state, key).texts;
            if !texts.is_empty() {
                self.notes.store(frame, subscript, texts);
            }
        }
    }

    /// `item[…] = value`, `del item[…]`: what is changed may be an item.
    pub(super) fn change(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, subscript: Node<'p>) {
        let changed = subscript.field("value").filter(|value| matches!(value.kind(), "identifier" | "subscript"));
        if let Some(item) = changed.and_then(|value| self.eval(frame, state, value).item) {
            self.notes.note(frame, subscript, Form::Change, item);
        }
    }

    /// `container[…] = value`: the container may hold the value from now on.
    fn put_into(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, subscript: Node<'p>, value: &Value<'p>) {
        if let (Some(container), false) = (subscript.field("value"), value.is_bottom()) {
            let value = value.clone();
            let counts = subscript.field("subscript").is_some_and(is_count);
            self.mutate(frame, state, container, &|known| {
                let mut grown = known.join(&Value::mapping(value.clone()));
                if known.element.is_some() || counts {
                    grown = grown.join(&Value::list_of(value.clone()));
                }
                grown
            });
        }
    }

    /// Changes what is known about the container that an expression names.
    pub(super) fn mutate(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        container: Node<'p>,
        change: &dyn Fn(&Value<'p>) -> Value<'p>,
    ) {
        match container.kind() {
            "identifier" => {
                let known = self.look_up(frame, state, container);
                let name = self.text(frame.file, container);
                let changed = change(&known);
                self.share(frame, name, &changed);
                self.assign(frame, state, name, changed);
            }
            "attribute" => {
                if let Some(name) = container.field("attribute") {
                    let name = (Owner::Attribute, self.text(frame.file, name));
                    let changed = change(&self.facts.get(name));
                    self.facts.add(name, &changed);
                }
            }
            "subscript" => {
                if let Some(inner) = container.field("value") {
                    let counts = container.field("subscript").is_some_and(is_count);
                    self.mutate(frame, state, inner, &|known| {
                        if counts || known.element.is_some() {
                            return known.join(&Value::list_of(change(&known.iterated())));
                        }
                        let held = known.values.as_deref().cloned().unwrap_or_default();
                        known.join(&Value::mapping(change(&held)))
                    });
                }
            }
            // `container.setdefault(key, [])`
            "call" => {
                let function = container.field("function");
                if let Some(inner) = function.and_then(|function| function.field("object")) {
                    self.mutate(frame, state, inner, &|known| {
                        let held = known.values.as_deref().cloned().unwrap_or_default();
                        known.join(&Value::mapping(change(&held)))
                    });
                }
            }
            _ => {}
        }
    }

    fn unpack(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, pattern: Node<'p>, value: &Value<'p>) {
        let targets = pattern.parts();
        if let Some(item) = value.item {
            self.notes.note(frame, pattern, Form::Unpack, item);
            Self::narrow(frame, state, &targets, &item);
        }
        let star = targets.iter().position(|target| target.kind() == "list_splat_pattern");
        let fields = value.fields.as_deref().unwrap_or_default();
        let element = value.element.as_deref().cloned().unwrap_or_default();
        for (at, target) in targets.iter().enumerate() {
            // Behind a star it counts from the end; a star takes all that the others leave.
            let end = (fields.len() + at + 1).saturating_sub(targets.len());
            let taken = match star {
                Some(star) if at == star => at..end,
                Some(star) if at > star => end.saturating_sub(1)..end,
                _ => at..at + 1,
            };
            if let (Some(0), 0, Some(item), Some(name)) = (star, at, value.item, target.part(0)) {
                // `*rest, params = item`
                let others = i64::try_from(targets.len() - 1).unwrap_or(0);
                self.bind(frame, state, name, &Value::item(item.extended(0, -others)));
                continue;
            }
            let taken = fields.get(taken).unwrap_or_default().iter().cloned();
            let known = taken.reduce(|all, field| all.join(&field)).unwrap_or_default();
            // A number stays one if it cannot be anything else.
            let known = if element.is_bottom() { known } else { known.join(&element) };
            self.bind(frame, state, *target, &known);
        }
    }

    /// Inside a `try` that catches a failed unpacking, the path goes on only for the arities that fit.
    fn narrow(frame: &mut Frame<'p>, state: &mut State<'p>, targets: &[Node<'p>], item: &Item) {
        let Some((failed, _)) = frame.tries.last_mut() else { return };
        if targets.iter().any(|target| target.kind() == "list_splat_pattern") {
            return;
        }
        let fits = Arities::ALL
            .filter(|nth| item.length(nth).is_none_or(|length| usize::try_from(length) == Ok(targets.len())));
        let fails = state.arities.filter(|nth| !fits.has(nth));
        *failed = failed.or(fails);
        if !state.arities.and(fits).is_empty() {
            *state = state.within(fits);
        }
    }
}

/// `(item) = …` is parsed as a pattern, but it is just a name.
fn is_only_parentheses(pattern: Node<'_>) -> bool {
    let mut cursor = pattern.walk();
    pattern.named_child_count() > 0 && pattern.children(&mut cursor).all(|part| part.kind() != ",")
}

/// Does an index look like a whole number, so that what it is used on is a list?
fn is_count(index: Node<'_>) -> bool {
    match index.kind() {
        "integer" | "unary_operator" => true,
        "binary_operator" => index.field("operator").is_some_and(|operator| operator.kind() == "%"),
        _ => false,
    }
}
