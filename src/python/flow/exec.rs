//! Statements.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Arities, Callable, ScopeId, Spot, Value};
use super::{Follower, Owner};
use crate::python::field::Fields;
use crate::python::imports;
use crate::python::package::FileId;
use crate::python::source::walk;

impl<'p> Follower<'p, '_> {
    /// Follows the statements of a block (or module) in order.
    pub(super) fn block(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, block: Node<'p>) {
        let mut cursor = block.walk();
        for statement in block.named_children(&mut cursor) {
            if !state.is_live() {
                return;
            }
            if !self.step(frame, statement) {
                return;
            }
            self.depth += 1;
            self.statement(frame, state, statement);
            self.depth -= 1;
        }
    }

    fn statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        match node.kind() {
            "expression_statement" => {
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    self.eval(frame, state, child);
                }
            }
            "if_statement" => self.if_statement(frame, state, node),
            "for_statement" => self.for_statement(frame, state, node),
            "while_statement" => self.while_statement(frame, state, node),
            "try_statement" => self.try_statement(frame, state, node),
            "with_statement" => self.with_statement(frame, state, node),
            "match_statement" => self.match_statement(frame, state, node),
            "function_definition" => self.define(frame, state, node),
            "decorated_definition" => {
                if let Some(definition) = node.field("definition") {
                    self.statement(frame, state, definition);
                }
            }
            "class_definition" => self.class(frame, state, node),
            "return_statement" => {
                let mut value = node.part(0).map(|value| self.eval(frame, state, value)).unwrap_or_default();
                match node.part(0).map(|value| value.kind()) {
                    Some("true") => value.truth = Some((state.arities, Arities::NONE)),
                    Some("false") => value.truth = Some((Arities::NONE, state.arities)),
                    _ => {}
                }
                // Joined with nothing, a number would become unknown.
                frame.returns = Some(match frame.returns.take() {
                    Some(known) => known.join(&value),
                    None => value.restrict(state.arities),
                });
                let end = std::mem::replace(state, State::new(Arities::NONE));
                frame.end(end);
            }
            "raise_statement" => {
                if let Some(value) = node.part(0) {
                    self.eval(frame, state, value);
                }
                state.arities = Arities::NONE;
            }
            "break_statement" | "continue_statement" => {
                if let Some(exits) = frame.loops.last_mut() {
                    match exits {
                        Some(known) => {
                            known.merge(std::mem::replace(state, State::new(Arities::NONE)));
                        }
                        None => *exits = Some(std::mem::replace(state, State::new(Arities::NONE))),
                    }
                }
                state.arities = Arities::NONE;
            }
            "assert_statement" => {
                if let Some(condition) = node.part(0) {
                    let (holds, _) = self.test(frame, state, condition);
                    *state = state.within(holds);
                }
            }
            "global_statement" => {
                let mut cursor = node.walk();
                let names: Vec<_> = node.named_children(&mut cursor).map(|name| self.text(frame.file, name)).collect();
                frame.globals.extend(names);
            }
            "nonlocal_statement" => {
                let mut cursor = node.walk();
                let names: Vec<_> = node.named_children(&mut cursor).map(|name| self.text(frame.file, name)).collect();
                frame.outer.extend(names);
            }
            "import_statement" | "import_from_statement" => self.import(frame, state, node),
            "delete_statement" | "print_statement" | "exec_statement" => {
                if let Some(value) = node.part(0) {
                    if node.kind() == "delete_statement" && value.kind() == "subscript" {
                        self.change(frame, state, value);
                    }
                    self.eval(frame, state, value);
                }
            }
            _ => {}
        }
    }

    fn if_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let mut out: Option<State<'p>> = None;
        let mut rest = self.split(state, Arities::ALL);
        let mut branch = |follower: &mut Self, frame: &mut Frame<'p>, mut path: State<'p>, body: Option<Node<'p>>| {
            if let (Some(body), true) = (body, path.is_live()) {
                follower.block(frame, &mut path, body);
            }
            match &mut out {
                Some(out) => {
                    out.merge(path);
                }
                None => out = Some(path),
            }
        };
        let mut cursor = node.walk();
        let clauses: Vec<_> = node.children_by_field_name("alternative", &mut cursor).collect();
        for clause in std::iter::once(node).chain(clauses) {
            if clause.kind() == "else_clause" {
                let taken = std::mem::replace(&mut rest, State::new(Arities::NONE));
                branch(self, frame, taken, clause.field("body"));
                continue;
            }
            let Some(condition) = clause.field("condition") else { continue };
            let (holds, fails) = self.test(frame, &mut rest, condition);
            let taken = self.split(&rest, holds);
            rest.arities = rest.arities.and(fails);
            branch(self, frame, taken, clause.field("consequence"));
        }
        branch(self, frame, rest, None);
        if let Some(out) = out {
            *state = out;
        }
    }

    fn for_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else {
            return;
        };
        let iterated = self.eval(frame, state, right);
        let element = self.iterate(frame, state, right, &iterated);
        self.repeat(frame, state, node, |follower, frame, path| {
            follower.bind(frame, path, left, &element);
        });
    }

    fn while_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let Some(condition) = node.field("condition") else { return };
        self.repeat(frame, state, node, |follower, frame, path| {
            let (holds, _) = follower.test(frame, path, condition);
            *path = path.within(holds);
        });
    }

    /// Follows a loop's body, and once more if the second round may read what the first one changed.
    fn repeat(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        node: Node<'p>,
        mut enter: impl FnMut(&mut Self, &mut Frame<'p>, &mut State<'p>),
    ) {
        let Some(body) = node.field("body") else { return };
        for _ in 0..2 {
            let mut path = self.split(state, Arities::ALL);
            frame.loops.push(None);
            enter(self, frame, &mut path);
            self.block(frame, &mut path, body);
            let exits = frame.loops.pop().flatten();
            let before = self.split(state, Arities::ALL);
            state.merge(path);
            if let Some(exits) = exits {
                state.merge(exits);
            }
            let carried = |(name, value): (&&'p str, &Value<'p>)| {
                before.names.get(name) != Some(value) && !self.is_set_first(frame.file, node, body, name)
            };
            if before.arities == state.arities && !state.names.iter().any(carried) {
                break;
            }
        }
        if let Some(body) = node.field("alternative").and_then(|other| other.field("body")) {
            self.block(frame, state, body);
        }
    }

    /// Does every round of the loop assign `name` before it can be read?
    fn is_set_first(&self, file: FileId, node: Node<'p>, body: Node<'p>, name: &str) -> bool {
        let named = |part: Node<'p>| {
            let mut found = None;
            walk(&mut part.walk(), |inner| {
                if found.is_none() && inner.kind() == "identifier" && self.text(file, inner) == name {
                    found = Some(inner);
                }
                found.is_none()
            });
            found
        };
        if node.field("left").and_then(named).is_some() {
            return true;
        }
        let Some(first) = named(body) else { return true };
        let Some(assignment) = enclosing_assignment(first) else { return false };
        let reads_itself = assignment.field("right").and_then(named).is_some();
        !reads_itself && assignment.parent().and_then(|statement| statement.parent()) == Some(body)
    }

    fn try_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let before = self.split(state, Arities::ALL);
        let parts = node.parts();
        let catches = parts.iter().any(|part| self.catches_unpacking(frame, *part));
        if catches {
            frame.tries.push((Arities::NONE, Vec::new()));
        }
        if let Some(body) = node.field("body") {
            self.block(frame, state, body);
        }
        let (failed, inside) = if catches { frame.tries.pop() } else { None }.unwrap_or_default();
        let mut raised = before.clone();
        raised.merge(State { arities: before.arities, names: state.names.clone() });
        for part in parts {
            match part.kind() {
                "except_clause" | "except_group_clause" => {
                    let unpacking = !failed.is_empty() && self.catches_unpacking(frame, part);
                    let mut path = self.split(&raised, if unpacking { failed } else { Arities::ALL });
                    let uses = self.notes.uses();
                    if let Some(body) = last_block(part) {
                        self.block(frame, &mut path, body);
                    }
                    // The handler uses items again: it handles the failure rather than ignoring it.
                    if unpacking && self.notes.uses() > uses {
                        self.notes.caught(&inside);
                    }
                    state.merge(path);
                }
                "else_clause" => {
                    if let Some(body) = part.field("body") {
                        self.block(frame, state, body);
                    }
                }
                "finally_clause" => {
                    if let Some(body) = last_block(part) {
                        let mut path = raised.clone();
                        self.block(frame, if state.is_live() { state } else { &mut path }, body);
                    }
                }
                _ => {}
            }
        }
    }

    /// Does this clause catch what a failed unpacking raises?
    fn catches_unpacking(&self, frame: &Frame<'p>, clause: Node<'p>) -> bool {
        if clause.kind() != "except_clause" {
            return false;
        }
        let named = clause.part(0).filter(|child| child.kind() != "block");
        named.is_none_or(|named| {
            let text = self.text(frame.file, named);
            ["ValueError", "Exception", "IndexError"].iter().any(|error| text.contains(error))
        })
    }

    fn with_statement(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let mut cursor = node.walk();
        for clause in node.named_children(&mut cursor) {
            let mut inner = clause.walk();
            for context in clause.named_children(&mut inner).filter(|part| part.kind() == "with_item") {
                if let Some(value) = context.field("value") {
                    self.eval(frame, state, value);
                }
            }
        }
        if let Some(body) = node.field("body") {
            self.block(frame, state, body);
        }
    }

    fn define(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let Some(name) = node.field("name") else { return };
        let spot = Spot { file: frame.file, node };
        let around = self.around(frame, state);
        let name = self.text(frame.file, name);
        self.assign(frame, state, name, Value::callable(Callable::Function(spot, around)));
        frame.pending.push(spot);
    }

    /// The scope that a function defined here sees.
    pub(super) fn around(&mut self, frame: &Frame<'p>, state: &State<'p>) -> Option<ScopeId> {
        if frame.is_module {
            return None;
        }
        // It copies and hashes every name.
        self.steps += state.names.len();
        self.scopes.enter(frame.around, &state.names)
    }

    fn class(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let (Some(name), Some(body)) = (node.field("name"), node.field("body")) else {
            return;
        };
        let name = self.text(frame.file, name);
        self.assign(frame, state, name, Value::callable(Callable::Class(Spot { file: frame.file, node })));
        let mut inside = state.clone();
        let mut cursor = body.walk();
        for member in body.named_children(&mut cursor) {
            let member = member.field("definition").unwrap_or(member);
            if member.kind() == "function_definition" {
                if let Some(name) = member.field("name") {
                    let name = self.text(frame.file, name);
                    let known = self.methods.entry(frame.file).or_default().entry(name).or_default();
                    if !known.contains(&member) {
                        known.push(member);
                        self.newly_shared |= self.missed.contains(name);
                    }
                }
                frame.pending.push(Spot { file: frame.file, node: member });
            } else {
                self.statement(frame, &mut inside, member);
                self.class_constant(frame, &inside, member);
            }
        }
    }

    /// `SIZE = 0` in a class: a number that may be read as an attribute.
    fn class_constant(&mut self, frame: &Frame<'p>, inside: &State<'p>, member: Node<'p>) {
        let assignment = member.part(0).filter(|inner| inner.kind() == "assignment");
        let Some(left) = assignment.and_then(|assignment| assignment.field("left")) else { return };
        let name = self.text(frame.file, left);
        if let Some(number) = inside.names.get(name).and_then(|value| value.number) {
            self.facts.add((Owner::Attribute, name), &Value { number: Some(number), ..Value::default() });
        }
    }

    /// Follows the functions that were defined in a frame, with unknown arguments.
    pub(super) fn follow_pending(&mut self, frame: &mut Frame<'p>, state: State<'p>) {
        frame.end(state);
        let pending = std::mem::take(&mut frame.pending);
        let Some(ends) = frame.ends.take().filter(|_| !pending.is_empty()) else { return };
        let around = self.around(frame, &ends);
        for spot in pending {
            self.call_function(spot, around, Arities::ALL, Vec::new());
        }
    }

    fn import(&mut self, frame: &mut Frame<'p>, state: &mut State<'p>, node: Node<'p>) {
        let Ok(source) = self.package.source(frame.file) else { return };
        for import in imports::of_statement(source, node) {
            let module = self.package.resolve(frame.file, import.dots, &import.module);
            if let (true, Some(module)) = (import.star, module) {
                self.import_all(frame, module);
            }
            let below = self.package.resolve(frame.file, import.dots, &import.dotted());
            let Some(bound) = import.bound else { continue };
            let value = match (below, module, import.name) {
                (Some(file), ..) => Callable::Module(file),
                (None, Some(file), Some(name)) => Callable::Imported(file, name),
                _ => continue,
            };
            self.assign(frame, state, bound, Value::callable(value));
        }
    }

    /// `from module import *`
    fn import_all(&mut self, frame: &Frame<'p>, file: FileId) {
        if self.module(file)
            && let Some(module) = self.modules.get_mut(&frame.file)
            && !module.stars.contains(&file)
        {
            module.stars.push(file);
        }
    }
}

/// The assignment that has a name as its target, or as part of its target pattern.
fn enclosing_assignment(name: Node<'_>) -> Option<Node<'_>> {
    let mut target = name;
    let mut parent = name.parent()?;
    while matches!(parent.kind(), "pattern_list" | "tuple_pattern" | "list_pattern") {
        target = parent;
        parent = parent.parent()?;
    }
    (parent.kind() == "assignment" && parent.field("left") == Some(target)).then_some(parent)
}

fn last_block(clause: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = clause.walk();
    clause.named_children(&mut cursor).filter(|child| child.kind() == "block").last()
}
