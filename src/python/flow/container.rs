//! Tuples, lists and mappings: how they are written, and what is read from them.

use std::rc::Rc;

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Key, Number, Value, as_i64};
use super::{Follower, Form};
use crate::python::Source;
use crate::python::field::Fields;

impl<'p> Follower<'p, '_> {
    /// A tuple, list or set display. `[x, *item]` is the item, lengthened.
    pub(super) fn sequence(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let source = self.package.source(frame.file).ok();
        let parts = node.parts();
        let is_splat =
            |part: &Node<'p>| source.is_some_and(|source| source.text().as_bytes()[part.start_byte()] == b'*');
        let splats = parts.iter().filter(|part| is_splat(part)).count();
        let mut fields = Vec::with_capacity(parts.len());
        let mut all = Value::default();
        let mut item = None;
        for (at, part) in parts.iter().enumerate() {
            if is_splat(part) {
                let inner = self.eval(frame, state, *part);
                if let (Some(known), 1) = (inner.item, splats) {
                    let trail = parts.len() - at - 1;
                    item = Some(known.lengthened(as_i64(at), as_i64(trail)));
                }
                all = all.join(&inner.iterated());
            } else {
                let value = self.eval(frame, state, *part);
                all = all.join(&value);
                fields.push(value);
            }
        }
        if splats == 0 && node.kind() != "list" {
            let other = matches!(node.kind(), "tuple" | "expression_list") && as_i64(fields.len()) != self.fewest();
            let value = Value::tuple(fields);
            return if other && value.is_bottom() { Value { other, ..value } } else { value };
        }
        let mut value = if splats == 0 { Value::tuple(fields) } else { Value::default() };
        value = value.join(&Value::list_of(all));
        value.item = item;
        value
    }

    pub(super) fn dictionary(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let pairs = node.parts();
        let mut held = Value::default();
        let mut keyed = Some(Vec::new());
        for pair in pairs {
            if pair.kind() == "pair" {
                let key = self.child(frame, state, pair, "key");
                let source = self.package.source(frame.file).ok();
                if !key.texts.is_empty() && source.is_some_and(|source| updated(source, pair).is_some()) {
                    self.notes.store(frame, pair, key.texts.clone());
                }
                let number = key.number.and_then(same_in_all);
                let key = number.map(Key::Number).or_else(|| self.written_key(frame, pair.field("key")?));
                let value = self.child(frame, state, pair, "value");
                match (&mut keyed, key) {
                    (Some(keyed), Some(key)) => keyed.push((key, value.clone())),
                    _ => keyed = None,
                }
                held = held.join(&value);
            } else if let Some(inner) = pair.part(0) {
                keyed = None;
                let inner = self.eval(frame, state, inner);
                held = held.join(inner.values.as_deref().unwrap_or(&Value::default()));
            }
        }
        keyed.map_or_else(|| Value::mapping(held), Value::keyed)
    }

    pub(super) fn comprehension(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let mut path = state.clone();
        let clauses = node.parts();
        for clause in clauses {
            match clause.kind() {
                "for_in_clause" => {
                    let (Some(left), Some(right)) = (clause.field("left"), clause.field("right")) else {
                        continue;
                    };
                    let iterated = self.eval(frame, &mut path, right);
                    let element = self.iterate(frame, &path, right, &iterated);
                    self.bind(frame, &mut path, left, &element);
                }
                "if_clause" => {
                    if let Some(condition) = clause.part(0) {
                        let (holds, _) = self.test(frame, &mut path, condition);
                        path = path.within(holds);
                    }
                }
                _ => {}
            }
        }
        let Some(body) = node.field("body").filter(|_| path.is_live()) else { return Value::default() };
        if body.kind() == "pair" {
            self.child(frame, &mut path, body, "key");
            return Value::mapping(self.child(frame, &mut path, body, "value"));
        }
        let element = self.eval(frame, &mut path, body).restrict(path.arities);
        let truth = element.truth.filter(|_| path.arities == state.arities);
        let mut list = Value::list_of(element);
        if truth.is_some() {
            // For `all` and `any`, which test every element.
            let element = list.element.take().map(|element| element.as_ref().clone()).unwrap_or_default();
            list.element = Some(Rc::new(Value { truth, ..element }));
        }
        list
    }

    /// The element in one round of a loop over `node`. Iterating over an item's own elements is a search.
    pub(super) fn iterate(
        &mut self,
        frame: &mut Frame<'p>,
        state: &State<'p>,
        node: Node<'p>,
        value: &Value<'p>,
    ) -> Value<'p> {
        if let Some(item) = value.item {
            self.notes.note(frame, node, Form::Search, item);
        }
        let objects = self.iterated_objects(state, value);
        value.iterated().join(&objects)
    }

    pub(super) fn subscript(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) -> Value<'p> {
        let value = self.child(frame, state, node, "value");
        let Some(index) = node.field("subscript") else { return Value::default() };
        if index.kind() == "slice" {
            return self.slice(frame, state, node, index, &value);
        }
        let at = self.eval(frame, state, index);
        let known = match at.number {
            Some(number) => value.under(number),
            None => match self.written_key(frame, index) {
                Some(Key::Text(key)) => value.under_text(key),
                _ => None,
            },
        };
        let mut out = match known {
            Some(known) => known,
            None => value.values.as_deref().cloned().unwrap_or_default(),
        };
        if let Some(element) = &value.element {
            out = out.join(element);
        }
        if let Some(fields) = &value.fields {
            let constant = at.number.and_then(|number| number.into_iter().flatten().next());
            let length = as_i64(fields.len());
            match constant.map(|n| if n < 0 { n + length } else { n }).and_then(|n| usize::try_from(n).ok()) {
                Some(n) => out = out.join(fields.get(n).unwrap_or(&Value::default())),
                None => out = out.join(&value.iterated()),
            }
        }
        match (value.item, at.number) {
            (Some(mut item), Some(number)) => {
                item.mixed |= value.may_be_other(self.fewest());
                self.notes.note(frame, node, Form::Index(number, index), item);
            }
            (Some(item), None) => self.notes.note(frame, node, Form::Search, item),
            (None, Some(_)) if value.may_be_other(self.fewest()) => {
                self.notes.other(frame, node);
            }
            _ => {}
        }
        out
    }

    /// A key that is a string literal.
    pub(super) fn written_key(&self, frame: &Frame<'p>, key: Node<'p>) -> Option<Key<'p>> {
        let content = key.part(1).filter(|_| key.kind() == "string" && key.named_child_count() == 3)?;
        Some(Key::Text(self.text(frame.file, content)))
    }

    pub(super) fn slice(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        node: Node<'p>,
        slice: Node<'p>,
        value: &Value<'p>,
    ) -> Value<'p> {
        // The bounds, in order, with the colons between them: `a:b`, `a:`, `:b`, `:`, and a step after a second colon.
        let mut bounds: [Option<(Node<'p>, Option<i64>)>; 3] = [None; 3];
        let mut at = 0;
        let mut cursor = slice.walk();
        let parts: Vec<_> = slice.children(&mut cursor).filter(|part| !part.is_extra()).collect();
        for part in parts {
            if part.kind() == ":" {
                at += 1;
            } else if at < 3 {
                let number = self.eval(frame, state, part).number;
                bounds[at] = Some((part, number.and_then(same_in_all)));
            }
        }
        let mut out = Value { item: None, fields: None, ..value.clone() };
        if value.fields.is_some() {
            out = out.join(&Value::list_of(value.iterated()));
        }
        let Some(item) = value.item else { return out };
        let known = |bound: Option<(Node<'p>, Option<i64>)>| match bound {
            None => Some(None),
            Some((_, Some(number))) => Some(Some(number)),
            Some((_, None)) => None,
        };
        match (known(bounds[0]), known(bounds[1]), bounds[2]) {
            // `item[:]` and `item[1:]` are the item, cut in front.
            (Some(start @ (None | Some(0..))), Some(None), None) => {
                out.item = Some(item.extended(-start.unwrap_or(0), 0));
            }
            // `item[-4:]` has the same length and the same elements for every arity, unless it is longer than the
            // shortest item.
            (Some(Some(start)), Some(None), None) if -start <= self.fewest() => {
                self.notes.note(frame, node, Form::Slice(start, None), item);
            }
            (Some(start), Some(Some(end)), None) => {
                self.notes.note(frame, node, Form::Slice(start.unwrap_or(0), Some(end)), item);
            }
            (Some(start), Some(None), None) => {
                self.notes.note(frame, node, Form::Slice(start.unwrap_or(0), None), item);
            }
            _ => self.notes.note(frame, node, Form::Search, item),
        }
        out
    }
}

/// The container that a pair of a dictionary display is added to: `container.update({…})`, `container |= {…}`,
/// `container = {**container, …}`.
pub fn updated<'p>(source: &Source, pair: Node<'p>) -> Option<Node<'p>> {
    let mapping = pair.parent().filter(|mapping| mapping.kind() == "dictionary")?;
    let outer = mapping.parent()?;
    match outer.kind() {
        "argument_list" => {
            let called = outer.parent()?.field("function")?;
            let is_update = source.slice(called.field("attribute")?) == "update";
            called.field("object").filter(|_| is_update)
        }
        "augmented_assignment" if outer.field("operator")?.kind() == "|=" => outer.field("left"),
        "assignment" if mapping.part(0)?.kind() == "dictionary_splat" => outer.field("left"),
        _ => None,
    }
}

fn same_in_all(number: Number) -> Option<i64> {
    let mut known = number.into_iter().flatten();
    let first = known.next()?;
    known.all(|other| other == first).then_some(first)
}

/// How many elements a tuple or list display has.
pub(super) fn display_length(node: Node<'_>) -> Option<i64> {
    let mut node = node;
    while let Some(inner) = node.part(0).filter(|_| node.kind() == "parenthesized_expression") {
        node = inner;
    }
    let parts = node.parts();
    let is_splat = |part: &Node<'_>| {
        let mut first = Some(*part);
        while let Some(inner) = first.filter(|inner| inner.kind() != "list_splat") {
            first = inner.child(0);
        }
        first.is_some()
    };
    (matches!(node.kind(), "tuple" | "list") && !parts.iter().any(is_splat)).then(|| as_i64(parts.len()))
}

/// `left operator right`: sums of numbers, and lists or tuples put together.
pub(super) fn combine<'p>(
    left: &Value<'p>,
    operator: &str,
    right: &Value<'p>,
    [left_length, right_length]: [Option<i64>; 2],
) -> Value<'p> {
    let arithmetic: fn(i64, i64) -> Option<i64> = match operator {
        "+" => i64::checked_add,
        "-" => i64::checked_sub,
        "*" => i64::checked_mul,
        _ => return Value::default(),
    };
    if let (Some(a), Some(b)) = (left.number, right.number) {
        let number = std::array::from_fn(|nth| a[nth].zip(b[nth]).and_then(|(a, b)| arithmetic(a, b)));
        return Value { number: Some(number), ..Value::default() };
    }
    if operator != "+" {
        return Value::default();
    }
    let length = |value: &Value<'p>| value.fields.as_ref().map(|fields| as_i64(fields.len()));
    let (left_length, right_length) = (length(left).or(left_length), length(right).or(right_length));
    let mut out = Value::list_of(left.iterated().join(&right.iterated()));
    out.item = match (left.item, right.item) {
        (Some(item), None) => right_length.map(|trail| item.lengthened(0, trail)),
        (None, Some(item)) => left_length.map(|lead| item.lengthened(lead, 0)),
        _ => None,
    };
    if let (Some(a), Some(b)) = (&left.fields, &right.fields) {
        out = out.join(&Value::tuple(a.iter().chain(b.iter()).cloned().collect()));
    }
    out
}
