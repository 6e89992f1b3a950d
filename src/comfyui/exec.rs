//! Interprets a `_load_list` abstractly: every path through it, with the tuples that reach the list it returns.
//!
//! Much less is followed than in [`crate::python::flow`], which looks for what is done with items. Here it is enough to
//! know tuples, the list they are added to, and conditions that the call decides. A list that cannot be followed is
//! marked as doubtful, with the place.
//!
//! # Why it is not run in the sandbox
//!
//! The functions of a checkout are (see [`crate::verify`]), and a `_load_list` could be: on a model made for it, whose
//! names and modules are recognised in the items. That was tried with the 178 different texts of `model_patcher.py`
//! with a `_load_list` that 19 repositories have, and with 42 changes of the newest one. A run takes a millisecond, but
//! it shows less, and what it shows may be wrong:
//!
//! | | read | run |
//! |---|---|---|
//! | the 150 texts whose items are plain tuples | right | right, once the model had been made to fit in four rounds |
//! | 20 changes that ask other things of modules, parameters or ComfyUI | right | 7 right, 13 errors |
//! | 5 changes where the model, an option or the machine decides how many fields there are | right | wrong |
//! | 5 changes of the order of the fields | right, since [`Mark`](super::value::Mark)s are followed | right |
//! | 12 other ways to make items | 6 right, 6 unclear | 8 right, 4 unclear |
//!
//! An error says nothing about the items: most of what a new version of ComfyUI asks of a module does not affect them,
//! but the model made for the run would need it anyway. (One that has everything, which the sandbox cannot have, still
//! failed on 6 of the 20.) And a run takes one path: it does not know that another machine takes another. Requiring
//! that some run takes each branch does not help: ten of the texts have harmless branches that the model does not
//! reach, and only reading them shows that they are harmless.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::module::Module;
use super::value::{List, Path, Value};
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;

/// Nesting that is followed.
const DEEPEST: usize = 100;
/// The most statements and expressions of a file that are followed; ComfyUI's own function has some hundreds.
const STEPS: usize = 200_000;
/// The most switches that are tried; ComfyUI's own function has one.
const SWITCHES: usize = 8;
/// How often a loop's body is followed, because it may change something for its next round.
const ROUNDS: usize = 6;

/// A parameter that is given something else than its default.
pub(super) type Argument<'t> = (&'t str, bool);

/// What a call gives to parameters, by their names; for any other it is the default.
pub(super) type Given<'t> = BTreeMap<&'t str, Value<'t>>;

/// The parameters that are switches, with the value that is not their default.
pub(super) fn switches<'t>(source: &'t Source, function: Node<'t>) -> Vec<Argument<'t>> {
    let switch = |(name, default): (&'t str, Option<Node<'t>>)| match default?.kind() {
        "false" => Some((name, true)),
        "true" => Some((name, false)),
        _ => None,
    };
    parameters(source, function).into_iter().filter_map(switch).take(SWITCHES).collect()
}

/// The list that the function gives when it is called with this argument, or with none.
pub(super) fn run<'t>(module: &Module<'t>, function: Node<'t>, argument: Option<Argument<'t>>) -> List<'t> {
    let given = argument.map(|(name, on)| (name, Value::Truth(on))).into_iter().collect();
    let mut run = Run { module, source: module.source, depth: 0, calls: Vec::new(), gave_up: None };
    let list = run.call(function, given);
    match run.gave_up {
        None => list,
        Some(node) => List::doubtful(node, "too deep or too large to follow"),
    }
}

/// Names and defaults of the parameters behind `self`.
fn parameters<'t>(source: &'t Source, function: Node<'t>) -> Vec<(&'t str, Option<Node<'t>>)> {
    let Some(list) = function.field("parameters") else { return Vec::new() };
    let named = |parameter: Node<'t>| {
        let name = parameter.field("name").or_else(|| parameter.part(0)).unwrap_or(parameter);
        (source.slice(name), parameter.field("value"))
    };
    list.parts().into_iter().skip(1).map(named).collect()
}

pub(super) struct Run<'m, 't> {
    pub(super) module: &'m Module<'t>,
    pub(super) source: &'t Source,
    depth: usize,
    /// The functions that are being run, the innermost last.
    pub(super) calls: Vec<Call<'t>>,
    /// The first place that was too deep, or beyond the limit.
    gave_up: Option<Node<'t>>,
}

/// One function that is being run.
pub(super) struct Call<'t> {
    pub(super) function: Node<'t>,
    /// What its `return`s give.
    returned: List<'t>,
    /// What its `yield`s give, if there are any.
    pub(super) yielded: Option<List<'t>>,
    /// For each loop around: the paths that leave it, or go on with the next round.
    loops: Vec<Path<'t>>,
}

impl<'t> Run<'_, 't> {
    /// Runs a function; the list that it gives.
    pub(super) fn call(&mut self, function: Node<'t>, mut given: Given<'t>) -> List<'t> {
        if self.calls.iter().any(|call| call.function == function) {
            return List::doubtful(function, "calls itself");
        }
        let Some(body) = function.field("body") else { return List::default() };
        let mut path = Path::default();
        for (name, default) in parameters(self.source, function) {
            let default = default.map_or(Value::Other(function), |value| self.eval(&mut Path::default(), value));
            path.names.insert(name, given.remove(name).unwrap_or(default));
        }
        self.calls.push(Call { function, returned: List::default(), yielded: None, loops: Vec::new() });
        self.block(&mut path, body);
        self.calls.pop().map(|call| call.yielded.unwrap_or(call.returned)).unwrap_or_default()
    }

    /// Counts one step into `node`; false if it is one too many, or too deep.
    pub(super) fn enter(&mut self, node: Node<'t>) -> bool {
        self.work(1);
        let fine = self.module.steps.get() <= STEPS && self.depth < DEEPEST;
        if fine {
            self.depth += 1;
        } else {
            self.gave_up = self.gave_up.or(Some(node));
        }
        fine
    }

    /// A copy of a path. Copying is work too, and counts as such.
    pub(super) fn split(&self, path: &Path<'t>) -> Path<'t> {
        self.work(path.names.len() / 4);
        path.clone()
    }

    fn work(&self, steps: usize) {
        self.module.steps.set(self.module.steps.get() + steps);
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn block(&mut self, path: &mut Path<'t>, block: Node<'t>) {
        let mut cursor = block.walk();
        for statement in block.named_children(&mut cursor) {
            if path.ended || !self.enter(statement) {
                return;
            }
            self.statement(path, statement);
            self.leave();
        }
    }

    fn statement(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        match node.kind() {
            "expression_statement" | "assert_statement" | "delete_statement" | "decorated_definition" => {
                self.parts(path, node);
            }
            "if_statement" => self.branch(path, node),
            "for_statement" | "while_statement" => self.repeat(path, node),
            "with_statement" | "try_statement" => self.guarded(path, node),
            "return_statement" => {
                self.give_back(path, node);
                path.ended = true;
            }
            "raise_statement" => path.ended = true,
            "break_statement" | "continue_statement" => {
                let left = std::mem::replace(path, Path { ended: true, ..Path::default() });
                if let Some(around) = self.calls.last_mut().and_then(|call| call.loops.last_mut()) {
                    around.merge(left, node);
                }
            }
            "pass_statement" | "comment" | "import_statement" | "import_from_statement" => {}
            _ => self.lose(path, node),
        }
    }

    fn give_back(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        let Some(value) = node.part(0) else { return };
        let list = match self.eval(path, value) {
            Value::List(list) => list,
            _ => List::doubtful(value, "what is returned is not a list that is made here"),
        };
        if let Some(call) = self.calls.last_mut() {
            call.returned.join(&list);
        }
    }

    /// `if` with its `elif` and `else`.
    fn branch(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        let mut out = Path { ended: true, ..Path::default() };
        let mut decided = false;
        let others = node.parts();
        let branches = std::iter::once(node)
            .chain(others.into_iter().filter(|other| matches!(other.kind(), "elif_clause" | "else_clause")));
        for branch in branches {
            let holds = match branch.field("condition") {
                Some(condition) => self.truth(path, condition),
                None => Some(true),
            };
            let block = branch.field("consequence").or_else(|| branch.field("body"));
            if holds != Some(false)
                && let Some(block) = block
            {
                let mut inside = self.split(path);
                self.block(&mut inside, block);
                out.merge(inside, node);
            }
            if holds == Some(true) {
                decided = true;
                break;
            }
        }
        if !decided {
            out.merge(self.split(path), node);
        }
        *path = out;
    }

    fn repeat(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        let left = node.field("left");
        let items = left.zip(node.field("right")).map(|(left, right)| self.items(path, left, right));
        let Some(body) = node.field("body") else { return };
        for round in 0..ROUNDS {
            let before = self.split(path);
            let mut inside = self.split(path);
            if let Some(condition) = node.field("condition") {
                self.eval(&mut inside, condition);
            }
            if let (Some(left), Some(items)) = (left, &items) {
                self.take(&mut inside, left, items);
            }
            if let Some(call) = self.calls.last_mut() {
                call.loops.push(Path { ended: true, ..Path::default() });
            }
            self.block(&mut inside, body);
            path.merge(inside, node);
            if let Some(left) = self.calls.last_mut().and_then(|call| call.loops.pop()) {
                path.merge(left, node);
            }
            if *path == before {
                break;
            }
            if round + 1 == ROUNDS {
                self.lose(path, node);
            }
        }
        if let Some(block) = node.field("alternative").and_then(|otherwise| otherwise.field("body")) {
            self.block(path, block);
        }
    }

    /// `with` and `try`: the body may end anywhere, and its handlers begin from anywhere.
    fn guarded(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        let mut before = self.split(path);
        if let Some(items) = node.part(0).filter(|part| part.kind() == "with_clause") {
            self.eval(path, items);
        }
        if let Some(body) = node.field("body") {
            self.block(path, body);
        }
        before.merge(self.split(path), node);
        let mut cursor = node.walk();
        let clauses: Vec<_> =
            node.named_children(&mut cursor).filter(|child| child.kind().ends_with("_clause")).collect();
        for clause in clauses {
            let mut cursor = clause.walk();
            let block = clause.named_children(&mut cursor).find(|child| child.kind() == "block");
            match (clause.kind(), block) {
                ("else_clause" | "finally_clause", Some(block)) => self.block(path, block),
                (_, Some(block)) => {
                    let mut inside = self.split(&before);
                    clause.parts().into_iter().filter(|part| *part != block).for_each(|part| {
                        self.eval(&mut inside, part);
                    });
                    self.block(&mut inside, block);
                    path.merge(inside, node);
                }
                (_, None) => self.lose(path, clause),
            }
        }
    }

    /// What a loop iterates over, and the target of each element; without the number that `enumerate` adds.
    pub(super) fn items(&mut self, path: &mut Path<'t>, left: Node<'t>, right: Node<'t>) -> (Node<'t>, Value<'t>) {
        if right.kind() == "call"
            && right.field("function").is_some_and(|function| self.source.slice(function) == "enumerate")
            && let [_, rest] = left.parts()[..]
            && let Some(items) = right.field("arguments").and_then(|arguments| arguments.part(0))
        {
            return (rest, self.eval(path, items));
        }
        (left, self.eval(path, right))
    }

    /// Binds what a loop takes from `items` one by one.
    pub(super) fn take(&mut self, path: &mut Path<'t>, left: Node<'t>, (target, items): &(Node<'t>, Value<'t>)) {
        let element = match items {
            Value::List(list) => list.element(*target),
            _ => Value::Other(*target),
        };
        if left != *target {
            self.bind(path, left, Value::Other(left));
        }
        self.bind(path, *target, element);
    }

    /// Binds a name; whatever else stands on the left of an assignment is not followed.
    pub(super) fn bind(&mut self, path: &mut Path<'t>, left: Node<'t>, value: Value<'t>) {
        if left.kind() == "identifier" {
            path.names.insert(self.source.slice(left), value);
            return;
        }
        let targets = left.parts();
        if matches!(left.kind(), "pattern_list" | "tuple_pattern")
            && let Some(fields) = value.fields(targets.len(), left)
        {
            for (target, field) in targets.into_iter().zip(fields) {
                self.bind(path, target, field);
            }
            return;
        }
        let of_list = matches!(left.kind(), "subscript" | "attribute");
        if of_list || matches!(value, Value::List(_)) {
            self.doubt(path, left, "the list is changed in a way that is not followed");
        }
        if !of_list {
            let names = self.identifiers(left);
            path.names.extend(names.into_iter().map(|name| (name, Value::Other(left))));
        }
    }

    /// Forgets what this code, which is not followed, may change.
    fn lose(&mut self, path: &mut Path<'t>, node: Node<'t>) {
        self.doubt(path, node, "the list is used in code that is not followed");
        for name in self.identifiers(node) {
            if path.names.get(name).is_some_and(|value| !matches!(value, Value::List(_))) {
                path.names.insert(name, Value::Other(node));
            }
        }
    }

    /// Marks every list that is mentioned here as doubtful.
    pub(super) fn doubt(&mut self, path: &mut Path<'t>, node: Node<'t>, why: &'static str) {
        for name in self.identifiers(node) {
            if let Some(Value::List(list)) = path.names.get_mut(name) {
                list.doubt = list.doubt.or(Some((node, why)));
            }
        }
    }

    fn identifiers(&self, node: Node<'t>) -> Vec<&'t str> {
        let mut names = Vec::new();
        walk(&mut node.walk(), |part| {
            names.extend((part.kind() == "identifier").then(|| self.source.slice(part)));
            true
        });
        names
    }
}
