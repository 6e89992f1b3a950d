//! Follows statements: what the names of a file hold after it was imported, and what a function returns.
//!
//! It is written for the definitions of node classes, which are dictionaries, loops over lists, and classes made by
//! functions. Nothing is run. Where a condition is not known both ways are followed: a name that differs afterwards is not
//! known, and a container that was changed on one of them is open. What is opaque gives [`Value::Unknown`], so that a
//! definition is either right or not known.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tree_sitter::Node;

use super::call::Arguments;
use super::library::Library;
use super::scope::Scope;
use super::value::{Binding, Class, Function, Value};
use crate::python::field::Fields as _;
use crate::python::imports;

/// The most statements and expressions that are followed, and items that are looked at. An installation takes about 16,000.
const MOST_STEPS: usize = 500_000;
/// The most for all classes that are asked for.
const MOST_IN_ALL: usize = 10 * MOST_STEPS;
/// Calls in calls, and code in code.
const DEEPEST: usize = 60;

/// What a file can import in every ComfyUI.
const ALWAYS_THERE: [&str; 17] = [
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "folder_paths",
    "functools",
    "importlib",
    "inspect",
    "json",
    "logging",
    "math",
    "nodes",
    "os",
    "re",
    "sys",
    "torch",
    "typing",
];

/// Where a statement leads.
pub(super) enum Flow<'t> {
    /// To the next one
    Next,
    /// Out of the function
    Return(Value<'t>),
    /// Out of the loop
    Break,
    /// To the next round of the loop
    Continue,
    /// Out, by an exception
    Raise,
}

/// Follows the files of a library.
pub(super) struct Evaluator<'t> {
    pub(super) library: &'t Library,
    modules: RefCell<HashMap<usize, Rc<Scope<'t>>>>,
    state: RefCell<State<'t>>,
}

#[derive(Default)]
struct State<'t> {
    steps: usize,
    steps_before: usize,
    depth: usize,
    /// Was something left out, because there was too much?
    is_cut_off: bool,
    /// The files that are being imported.
    importing: Vec<usize>,
    /// Conditions that are not known, around or behind: those on which a function or a round may have ended before.
    uncertain: usize,
    /// For each call: what it may have returned on ways that were left behind.
    returned: Vec<Vec<Value<'t>>>,
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(library: &'t Library) -> Self {
        Self { library, modules: RefCell::default(), state: RefCell::default() }
    }

    /// Is what happens now certain to happen?
    pub(super) fn is_certain(&self) -> bool {
        self.state.borrow().uncertain == 0
    }

    /// Follows something with steps of its own; None if they do not suffice, or if too many were taken before.
    ///
    /// Files that were imported for it are then imported anew when they are needed again.
    pub(super) fn limited<T>(&self, inside: impl FnOnce() -> T) -> Option<T> {
        {
            let mut state = self.state.borrow_mut();
            state.steps_before += std::mem::take(&mut state.steps);
            state.is_cut_off = state.steps_before > MOST_IN_ALL;
        }
        let before: HashSet<usize> = self.modules.borrow().keys().copied().collect();
        let result = inside();
        let is_cut_off = self.state.borrow().is_cut_off;
        if is_cut_off {
            self.modules.borrow_mut().retain(|file, _| before.contains(file));
        }
        (!is_cut_off).then_some(result)
    }

    /// Counts a step, if there are any left.
    pub(super) fn step(&self) -> bool {
        self.steps(1)
    }

    /// Counts as many steps as there are items to look at.
    pub(super) fn steps(&self, count: usize) -> bool {
        let mut state = self.state.borrow_mut();
        state.steps = state.steps.saturating_add(count);
        state.is_cut_off |= state.steps >= MOST_STEPS;
        !state.is_cut_off
    }

    /// Goes one level deeper for as long as `inside` takes, if it is not too deep.
    pub(super) fn deeper<T>(&self, inside: impl FnOnce() -> T) -> Option<T> {
        let is_too_deep = {
            let mut state = self.state.borrow_mut();
            state.depth += 1;
            state.depth > DEEPEST * 4
        };
        let result = (!is_too_deep).then(|| stacker::maybe_grow(128 << 10, 4 << 20, inside));
        self.state.borrow_mut().depth -= 1;
        result
    }

    /// The names of a file after it was imported.
    pub(super) fn module(&self, file: usize) -> Rc<Scope<'t>> {
        self.imported(file).unwrap_or_else(|| Scope::of_file(file))
    }

    /// The names of a file after it was imported; those that it has so far, if that is going on. None if the import fails.
    fn imported(&self, file: usize) -> Option<Rc<Scope<'t>>> {
        if let Some(scope) = self.modules.borrow().get(&file) {
            return Some(Rc::clone(scope));
        }
        let scope = Scope::of_file(file);
        self.modules.borrow_mut().insert(file, Rc::clone(&scope));
        let Some(source) = self.library.file(file).source() else { return Some(scope) };
        // What happens when it is imported does not depend on who imports it.
        let around = std::mem::take(&mut self.state.borrow_mut().uncertain);
        self.state.borrow_mut().importing.push(file);
        let flow = self.deeper(|| self.block(&scope, source.root()));
        self.state.borrow_mut().importing.pop();
        self.state.borrow_mut().uncertain = around;
        let has_failed = matches!(flow, Some(Flow::Raise)) && !self.state.borrow().is_cut_off;
        if has_failed {
            // The next import tries again, as Python's does: what failed because of a circle may work then.
            self.modules.borrow_mut().remove(&file);
            return None;
        }
        Some(scope)
    }

    pub(super) fn slice(&self, scope: &Scope<'t>, node: Node<'t>) -> &'t str {
        self.library.file(scope.file).source().map_or("", |source| source.slice(node))
    }

    /// Follows the statements of a block.
    pub(super) fn block(&self, scope: &Rc<Scope<'t>>, block: Node<'t>) -> Flow<'t> {
        for statement in block.parts() {
            match self.statement(scope, statement) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn statement(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        if !self.step() {
            return Flow::Raise;
        }
        match node.kind() {
            "expression_statement" => {
                for part in node.parts() {
                    self.simple(scope, part);
                }
                Flow::Next
            }
            "import_statement" | "import_from_statement" => self.import(scope, node),
            "function_definition" => {
                self.define(scope, node);
                Flow::Next
            }
            "class_definition" => {
                self.class(scope, node);
                Flow::Next
            }
            "decorated_definition" => {
                self.decorated(scope, node);
                Flow::Next
            }
            "return_statement" => Flow::Return(node.part(0).map_or(Value::Nothing, |value| self.eval(scope, value))),
            "delete_statement" => {
                node.parts().into_iter().for_each(|target| self.delete(scope, target));
                Flow::Next
            }
            "break_statement" => Flow::Break,
            "continue_statement" => Flow::Continue,
            "global_statement" | "nonlocal_statement" => {
                for name in node.parts() {
                    scope.set_elsewhere(self.slice(scope, name), node.kind() == "global_statement");
                }
                Flow::Next
            }
            "raise_statement" => Flow::Raise,
            "if_statement" => self.condition(scope, node),
            "for_statement" => self.each(scope, node),
            "while_statement" => self.repeat(scope, node),
            "try_statement" => self.attempt(scope, node),
            "with_statement" => self.with(scope, node),
            "match_statement" => {
                let body = node.field("body");
                let cases: Vec<Option<Node<'t>>> =
                    body.into_iter().flat_map(|body| body.parts()).map(|case| case.field("consequence")).collect();
                self.either(scope, &cases)
            }
            _ => Flow::Next,
        }
    }

    /// An expression, or an assignment.
    fn simple(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) {
        match node.kind() {
            "assignment" => {
                if let (Some(left), Some(right)) = (node.field("left"), node.field("right")) {
                    let value = if right.kind() == "assignment" {
                        self.simple(scope, right);
                        right.field("left").map_or(Value::Unknown, |inner| self.eval(scope, inner))
                    } else {
                        self.eval(scope, right)
                    };
                    self.assign(scope, left, value);
                }
            }
            "augmented_assignment" => self.augment(scope, node),
            _ => {
                self.eval(scope, node);
            }
        }
    }

    fn augment(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) {
        let (Some(left), Some(right)) = (node.field("left"), node.field("right")) else { return };
        let (old, new) = (self.eval(scope, left), self.eval(scope, right));
        let operator = node.field("operator").map_or("", |operator| self.slice(scope, operator));
        match (&old, operator) {
            (Value::List(list), "+=") => self.extend(list, &new),
            (Value::Dict(dict), "|=") => self.update(dict, &new),
            _ => {
                let value = self.binary(&old, operator.trim_end_matches('='), &new);
                self.assign(scope, left, value);
            }
        }
    }

    /// Gives a value to a name, an item or several of them.
    pub(super) fn assign(&self, scope: &Rc<Scope<'t>>, target: Node<'t>, value: Value<'t>) {
        match target.kind() {
            "identifier" => {
                let name = self.slice(scope, target);
                if let Some(scope) = scope.place_elsewhere(name) {
                    let value = self.perhaps(scope.get(name), value);
                    scope.set(name, value);
                } else {
                    scope.set(name, value);
                }
            }
            "subscript" => {
                let (Some(object), Some(key)) = (target.field("value"), target.field("subscript")) else { return };
                let (object, key) = (self.eval(scope, object), self.eval(scope, key));
                match &object {
                    Value::Dict(dict) => self.set(dict, &key, value),
                    Value::List(list) => list.open(),
                    _ => {}
                }
            }
            "attribute" => {
                let (Some(object), Some(name)) = (target.field("object"), target.field("attribute")) else { return };
                if let Value::Class(class) = self.eval(scope, object) {
                    let name = self.slice(scope, name);
                    let value = self.perhaps(class.members.own(name), value);
                    class.members.set(name, value);
                }
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" | "expression_list" | "tuple" => {
                let parts = target.parts();
                let items = match &value {
                    Value::List(list) if list.is_closed() && list.items.borrow().len() == parts.len() => {
                        list.items.borrow().clone()
                    }
                    _ => vec![Value::Unknown; parts.len()],
                };
                parts.into_iter().zip(items).for_each(|(part, item)| self.assign(scope, part, item));
            }
            "parenthesized_expression" | "list_splat_pattern" => {
                if let Some(inner) = target.part(0) {
                    let value = if target.kind() == "list_splat_pattern" { Value::some_list() } else { value };
                    self.assign(scope, inner, value);
                }
            }
            _ => {}
        }
    }

    /// What something outside of the names here holds after it was given a value, on a way that may not be taken.
    fn perhaps(&self, old: Option<Value<'t>>, new: Value<'t>) -> Value<'t> {
        if self.is_certain() { new } else { old.unwrap_or(Value::Unknown).join(new) }
    }

    fn delete(&self, scope: &Rc<Scope<'t>>, target: Node<'t>) {
        match target.kind() {
            "identifier" => scope.remove(self.slice(scope, target)),
            "subscript" => {
                let (Some(object), Some(key)) = (target.field("value"), target.field("subscript")) else { return };
                let (object, key) = (self.eval(scope, object), self.eval(scope, key));
                if let Value::Dict(dict) = &object {
                    self.remove(dict, &key);
                } else if let Value::List(list) = &object {
                    list.open();
                }
            }
            _ => target.parts().into_iter().for_each(|part| self.delete(scope, part)),
        }
    }

    fn import(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let Some(source) = self.library.file(scope.file).source() else { return Flow::Raise };
        for import in imports::of_statement(source, node) {
            let file = self.library.resolve(scope.file, import.dots, &import.module);
            let names = match file.map(|file| self.imported(file)) {
                Some(None) => return Flow::Raise,
                Some(Some(names)) => Some(names),
                None => None,
            };
            if import.star {
                for (name, value) in names.map(|names| names.names()).unwrap_or_default() {
                    scope.set(&name, value);
                }
                continue;
            }
            let value = match (file, import.name, &names) {
                (Some(file), None, _) => Value::Module(file),
                (Some(file), Some(name), Some(names)) => {
                    match names.own(name).or_else(|| self.submodule(scope.file, &import)) {
                        Some(value) => value,
                        // A circle: the name comes later.
                        None if self.state.borrow().importing.contains(&file) => return Flow::Raise,
                        None => Value::Unknown,
                    }
                }
                _ => self.submodule(scope.file, &import).unwrap_or_else(|| Value::outside(&import.dotted())),
            };
            if let Some(bound) = import.bound {
                scope.set(bound, value);
            } else if let Some(first) = import.module.split('.').next() {
                // `import a.b` binds `a`.
                scope.set(first, Value::outside(first));
            }
        }
        Flow::Next
    }

    /// `from package import module`.
    fn submodule(&self, from: usize, import: &imports::Import<'t>) -> Option<Value<'t>> {
        let name = import.name?;
        self.library.resolve(from, import.dots, &imports::dotted(&import.module, Some(name))).map(Value::Module)
    }

    fn decorated(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) {
        let Some(definition) = node.field("definition") else { return };
        let Some(name) = definition.field("name").map(|name| self.slice(scope, name)) else { return };
        match definition.kind() {
            "class_definition" => self.class(scope, definition),
            _ => self.define(scope, definition),
        }
        let decorators = node.parts().into_iter().rev().filter(|part| part.kind() == "decorator");
        for decorator in decorators.filter_map(|decorator| decorator.part(0)) {
            let Some(value) = scope.own(name) else { return };
            let decorated = self.decorate(scope, decorator, value);
            scope.set(name, decorated);
        }
    }

    /// What a decorator makes of a function or a class.
    fn decorate(&self, scope: &Rc<Scope<'t>>, decorator: Node<'t>, value: Value<'t>) -> Value<'t> {
        let called = decorator.field("function").filter(|_| decorator.kind() == "call");
        let name = called.unwrap_or(decorator);
        match self.eval(scope, name) {
            Value::Outside(name) => match &*name {
                "classmethod" => value.bound_as(Binding::Class),
                "staticmethod" => value.bound_as(Binding::None),
                // A value that looks like an attribute.
                "property" | "cached_property" | "functools.cached_property" => Value::Unknown,
                // It gives what the function gives, or marks it.
                _ => value,
            },
            Value::Function(_) => {
                let decorator = self.eval(scope, decorator);
                self.call(&decorator, Arguments { list: vec![value], ..Arguments::default() })
            }
            _ => Value::Unknown,
        }
    }

    fn define(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) {
        let Some(name) = node.field("name") else { return };
        let function = Function::new(node, scope.seen_by_functions());
        scope.set(self.slice(scope, name), Value::Function(Rc::new(function)));
    }

    fn class(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) {
        let (Some(name), Some(body)) = (node.field("name"), node.field("body")) else { return };
        let bases = node.field("superclasses").map(|bases| bases.parts()).unwrap_or_default();
        let bases = bases
            .into_iter()
            .filter(|base| base.kind() != "keyword_argument")
            .map(|base| self.eval(scope, base))
            .collect();
        let members = Scope::of_class(scope);
        self.deeper(|| self.block(&members, body));
        let name = self.slice(scope, name);
        let class = Rc::new(Class { name: Rc::from(name), file: scope.file, node, bases, members });
        for value in class.members.names().into_values() {
            if let Value::Function(function) = value
                && function.owner.borrow().is_none()
            {
                *function.owner.borrow_mut() = Some(Rc::clone(&class));
            }
        }
        scope.set(name, Value::Class(class));
    }

    fn condition(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let mut cursor = node.walk();
        let others: Vec<Node<'t>> = node.children_by_field_name("alternative", &mut cursor).collect();
        let mut ways = vec![(node.field("condition"), node.field("consequence"))];
        ways.extend(others.iter().map(|other| match other.kind() {
            "elif_clause" => (other.field("condition"), other.field("consequence")),
            _ => (None, other.field("body")),
        }));
        self.ways(scope, &ways)
    }

    /// The first way whose condition is true; one without a condition always is.
    fn ways(&self, scope: &Rc<Scope<'t>>, ways: &[(Option<Node<'t>>, Option<Node<'t>>)]) -> Flow<'t> {
        let Some(((condition, body), rest)) = ways.split_first() else { return Flow::Next };
        let truth = condition.map_or(Some(true), |condition| self.eval(scope, condition).truth());
        match truth {
            Some(true) => body.map_or(Flow::Next, |body| self.block(scope, body)),
            Some(false) => self.ways(scope, rest),
            None => self.fork(
                scope,
                |scope| body.map_or(Flow::Next, |body| self.block(scope, body)),
                |scope| self.ways(scope, rest),
            ),
        }
    }

    /// One of these blocks is followed, or none.
    fn either(&self, scope: &Rc<Scope<'t>>, blocks: &[Option<Node<'t>>]) -> Flow<'t> {
        let Some((block, rest)) = blocks.split_first() else { return Flow::Next };
        self.fork(
            scope,
            |scope| block.map_or(Flow::Next, |block| self.block(scope, block)),
            |scope| self.either(scope, rest),
        )
    }

    /// Follows both of two ways, of which one is taken.
    fn fork(
        &self,
        scope: &Rc<Scope<'t>>,
        one: impl FnOnce(&Rc<Scope<'t>>) -> Flow<'t>,
        other: impl FnOnce(&Rc<Scope<'t>>) -> Flow<'t>,
    ) -> Flow<'t> {
        self.state.borrow_mut().uncertain += 1;
        let before = scope.names();
        self.steps(before.len() / 16);
        let first = one(scope);
        let after = scope.replace(before);
        let second = other(scope);
        self.state.borrow_mut().uncertain -= 1;
        match (first, second) {
            (Flow::Return(a), Flow::Return(b)) => Flow::Return(a.join(b)),
            (Flow::Raise, flow) => flow,
            (flow, Flow::Raise) => {
                scope.replace(after);
                flow
            }
            (Flow::Return(value), flow) => {
                self.may_return(value);
                flow
            }
            (flow, Flow::Return(value)) => {
                self.may_return(value);
                scope.replace(after);
                flow
            }
            (Flow::Next, Flow::Next) => {
                scope.join(after);
                Flow::Next
            }
            (Flow::Break, Flow::Break) => {
                scope.join(after);
                Flow::Break
            }
            (first, second) => {
                scope.join(after);
                self.may_have_ended();
                let is_over = !matches!(first, Flow::Next) && !matches!(second, Flow::Next);
                if is_over { Flow::Continue } else { Flow::Next }
            }
        }
    }

    /// From now on, until the end of the function or the loop, nothing is certain to happen.
    fn may_have_ended(&self) {
        self.state.borrow_mut().uncertain += 1;
    }

    /// Follows something that may end early; what is behind it happens as certainly as what is before.
    fn bounded<T>(&self, inside: impl FnOnce() -> T) -> T {
        let before = self.state.borrow().uncertain;
        let result = inside();
        self.state.borrow_mut().uncertain = before;
        result
    }

    fn may_return(&self, value: Value<'t>) {
        self.may_have_ended();
        if let Some(returned) = self.state.borrow_mut().returned.last_mut() {
            returned.push(value);
        }
    }

    fn each(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let (Some(left), Some(right), Some(body)) = (node.field("left"), node.field("right"), node.field("body"))
        else {
            return Flow::Next;
        };
        let over = self.eval(scope, right);
        let (items, is_all) = self.items(&over);
        let sure = if is_all { items.len() } else { self.sure(&over) };
        self.bounded(|| {
            let mut items = items.into_iter();
            for item in items.by_ref().take(sure) {
                self.assign(scope, left, item);
                match self.block(scope, body) {
                    Flow::Break => return Flow::Next,
                    Flow::Next | Flow::Continue => {}
                    other => return other,
                }
            }
            if is_all {
                return Flow::Next;
            }
            for item in items {
                let round = |scope: &Rc<Scope<'t>>| {
                    self.assign(scope, left, item);
                    self.block(scope, body)
                };
                if let flow @ (Flow::Return(_) | Flow::Raise) = self.fork(scope, round, |_| Flow::Next) {
                    return flow;
                }
            }
            self.rounds_perhaps(scope, body, |scope| self.assign(scope, left, Value::Unknown))
        })
    }

    /// Follows a loop for as long as its condition is known to hold.
    fn repeat(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let (Some(condition), Some(body)) = (node.field("condition"), node.field("body")) else { return Flow::Next };
        self.bounded(|| {
            while self.step() {
                match self.eval(scope, condition).truth() {
                    Some(false) => return Flow::Next,
                    Some(true) => {}
                    None => break,
                }
                match self.block(scope, body) {
                    Flow::Break => return Flow::Next,
                    Flow::Next | Flow::Continue => {}
                    other => return other,
                }
                if !self.is_certain() {
                    break;
                }
            }
            self.rounds_perhaps(scope, body, |_| {})
        })
    }

    /// Follows any number of rounds of a loop, without what one leaves for the next.
    fn rounds_perhaps(&self, scope: &Rc<Scope<'t>>, body: Node<'t>, begin: impl FnOnce(&Rc<Scope<'t>>)) -> Flow<'t> {
        let round = |scope: &Rc<Scope<'t>>| {
            self.forget(scope, body);
            begin(scope);
            match self.block(scope, body) {
                Flow::Break | Flow::Continue => Flow::Next,
                other => other,
            }
        };
        self.fork(scope, round, |_| Flow::Next)
    }

    /// Names that are given a value in this code are not known.
    fn forget(&self, scope: &Rc<Scope<'t>>, code: Node<'t>) {
        crate::python::syntax::any(code, |node| {
            let is_assignment = matches!(node.kind(), "assignment" | "augmented_assignment");
            if let Some(left) = node.field("left").filter(|left| is_assignment && left.kind() == "identifier") {
                scope.set(self.slice(scope, left), Value::Unknown);
            }
            false
        });
    }

    fn attempt(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let parts = node.parts();
        let handler = parts.iter().find(|part| part.kind().starts_with("except"));
        let handler = handler.and_then(|handler| handler.parts().into_iter().find(|part| part.kind() == "block"));
        let body = |scope: &Rc<Scope<'t>>| node.field("body").map_or(Flow::Next, |body| self.block(scope, body));
        let handled = |scope: &Rc<Scope<'t>>| handler.map_or(Flow::Raise, |handler| self.block(scope, handler));
        let flow = if handler.is_some() && self.may_be_missing(scope, node) {
            self.fork(scope, body, handled)
        } else {
            match body(scope) {
                Flow::Raise => handled(scope),
                flow => flow,
            }
        };
        for part in parts.iter().filter(|part| matches!(part.kind(), "else_clause" | "finally_clause")) {
            let Some(body) = part.parts().into_iter().find(|part| part.kind() == "block") else { continue };
            if matches!(flow, Flow::Next) || part.kind() == "finally_clause" {
                let after = self.block(scope, body);
                if !matches!(after, Flow::Next) {
                    return after;
                }
            }
        }
        flow
    }

    /// Does the body of a `try` import something that may not be installed?
    fn may_be_missing(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> bool {
        let Some(source) = self.library.file(scope.file).source() else { return true };
        let statements = node.field("body").map(|body| body.parts()).unwrap_or_default();
        let imports = statements.into_iter().filter(|statement| statement.kind().starts_with("import"));
        imports.flat_map(|statement| imports::of_statement(source, statement)).any(|import| {
            let root = import.module.split('.').next().unwrap_or_default();
            let is_found = self.library.resolve(scope.file, import.dots, &import.module).is_some()
                || self.submodule(scope.file, &import).is_some();
            !(is_found || import.dots == 0 && ALWAYS_THERE.contains(&root))
        })
    }

    fn with(&self, scope: &Rc<Scope<'t>>, node: Node<'t>) -> Flow<'t> {
        let clauses = node.parts().into_iter().filter(|part| part.kind() == "with_clause");
        for item in clauses.flat_map(|clause| clause.parts()) {
            let Some(value) = item.field("value").or_else(|| item.part(0)) else { continue };
            if value.kind() == "as_pattern" {
                let given = value.part(0).map_or(Value::Unknown, |value| self.eval(scope, value));
                let target = value.field("alias").and_then(|alias| alias.part(0).or(Some(alias)));
                if let Some(target) = target {
                    self.assign(scope, target, given);
                }
            } else {
                self.eval(scope, value);
            }
        }
        node.field("body").map_or(Flow::Next, |body| self.block(scope, body))
    }

    /// What a function returns with these names for its parameters.
    pub(super) fn run(&self, function: &Function<'t>, scope: &Rc<Scope<'t>>) -> Value<'t> {
        let Some(body) = function.node.field("body") else { return Value::Unknown };
        if function.node.kind() == "lambda" {
            return self.deeper(|| self.eval(scope, body)).unwrap_or(Value::Unknown);
        }
        self.state.borrow_mut().returned.push(Vec::new());
        let flow = self.bounded(|| self.deeper(|| self.block(scope, body)));
        let returned = self.state.borrow_mut().returned.pop().unwrap_or_default();
        let last = match flow {
            Some(Flow::Return(value)) => value,
            Some(Flow::Next | Flow::Break | Flow::Continue) => Value::Nothing,
            Some(Flow::Raise) => match returned.first() {
                // It returns, or it fails.
                Some(_) => return returned.into_iter().reduce(Value::join).unwrap_or(Value::Unknown),
                None => Value::Unknown,
            },
            None => Value::Unknown,
        };
        returned.into_iter().fold(last, Value::join)
    }
}
