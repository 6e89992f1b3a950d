//! Where a model that is marked was loaded: the expression that leads to it is followed back to the call that gave it.

use std::iter::successors;

use tree_sitter::Node;

use super::marks::{Mark, returned};
use crate::fixes::{Handover, Keep};
use crate::python::calls::{Code, Located, argument};
use crate::python::field::Fields as _;
use crate::python::origin::{Origin, origins};
use crate::python::syntax::{any, identifiers, last_name};
use crate::python::{FileId, Source};

/// A variable that holds what a loader returned, in the function that the marking is seen from.
#[derive(Clone, Debug)]
pub(super) struct Load<'p> {
    /// A statement that sets the variable.
    pub(super) place: Located<'p>,
    /// The variable; empty if there is none, and none is needed.
    pub(super) name: &'p str,
    /// Which element of it holds the model, if it is a tuple of outputs.
    pub(super) element: Element,
    /// Every statement that sets the variable.
    pub(super) set_by: Vec<Node<'p>>,
    /// The statements that lead from there to the mark, and it.
    pub(super) used_by: Vec<Node<'p>>,
    /// The expression that says which allocation is asked for, in the same function; none if that is not seen from there.
    pub(super) allocation: Option<Located<'p>>,
    /// Is the model taken from dynamic VRAM on the way?
    pub(super) is_static: bool,
    /// How it gets from there to the mark, if that can be run: not if the loader gives nothing that is dynamic.
    pub(super) handover: Option<Handover>,
}

/// Which part of what a loader returned holds the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// All of it.
    Whole,
    /// The element at this position.
    At(usize),
    /// One of its elements, or something else in it.
    Other,
}

/// How deep a value is followed.
const MOST_DEPTH: usize = 40;

/// Functions that give what they are given, or a part of it.
const PASSING: [&str; 7] = ["getattr", "tuple", "list", "copy", "deepcopy", "iter", "next"];

/// Where the model of a mark was loaded, seen from each function that leads to the mark; None for what could not be
/// followed.
pub(super) fn loads<'p>(code: &Code<'p>, keep: &Keep, mark: &Mark<'p>) -> Vec<Option<Load<'p>>> {
    let mut back = Back { code, keep, found: Vec::new(), open: Vec::new(), calls: 0 };
    let place = mark.place;
    let way = Way {
        element: Element::Whole,
        is_static: false,
        is_key: mark.is_key,
        used_by: statement(place.node).into_iter().collect(),
        allocation: allocation(place.with(mark.value)),
        through: Vec::new(),
    };
    back.follow(place.with(mark.model), &way, 0);
    back.found
}

/// The way from an expression to the mark.
#[derive(Clone)]
struct Way<'p> {
    element: Element,
    is_static: bool,
    is_key: bool,
    used_by: Vec<Node<'p>>,
    allocation: Option<Located<'p>>,
    /// The functions gone through.
    through: Vec<(FileId, String)>,
}

struct Back<'p, 'c> {
    code: &'c Code<'p>,
    keep: &'c Keep,
    found: Vec<Option<Load<'p>>>,
    /// The expressions on the way to the one that is being followed: a loop leads back to them.
    open: Vec<usize>,
    /// Calls that were gone back through.
    calls: usize,
}

/// What a call gives, as far as models are concerned.
enum Gives<'p> {
    /// What one of these is, or a part of it.
    Passed(Vec<Located<'p>>),
    /// A model that was not there before.
    Loaded,
}

impl<'p> Back<'p, '_> {
    fn follow(&mut self, at: Located<'p>, way: &Way<'p>, depth: usize) {
        if self.open.contains(&at.node.id()) {
            return;
        }
        if depth > MOST_DEPTH {
            self.found.push(None);
            return;
        }
        self.open.push(at.node.id());
        self.expression(at, way, depth);
        self.open.pop();
    }

    fn expression(&mut self, at: Located<'p>, way: &Way<'p>, depth: usize) {
        let node = at.node;
        match node.kind() {
            "none" => {}
            "identifier" => self.name(at, way, depth),
            "attribute" => {
                let element = if way.element == Element::Whole { Element::Whole } else { Element::Other };
                self.part(at, node.field("object"), &Way { element, ..way.clone() }, depth);
            }
            "subscript" => {
                let index = node.field("subscript").filter(|index| index.kind() == "integer");
                let index = index.and_then(|index| at.source.slice(index).parse().ok());
                let element = match (way.element, index) {
                    (Element::Whole, Some(index)) => Element::At(index),
                    _ => Element::Other,
                };
                self.part(at, node.field("value"), &Way { element, ..way.clone() }, depth);
            }
            "conditional_expression" => {
                self.part(at, node.part(0), way, depth);
                self.part(at, node.part(2), way, depth);
            }
            "parenthesized_expression" | "boolean_operator" => {
                for part in node.parts() {
                    self.part(at, Some(part), way, depth);
                }
            }
            "named_expression" => self.part(at, node.field("value"), way, depth),
            "call" => {
                let is_static = way.is_static || self.makes_static(at);
                match self.gives(at, way) {
                    Gives::Passed(given) => {
                        let way = Way { is_static, is_key: false, through: self.through(at, way), ..way.clone() };
                        for given in given {
                            self.follow(given, &way, depth + 1);
                        }
                    }
                    // It has no name that it could be given a plain patcher under, and may not need one.
                    Gives::Loaded => self.found.push(is_static.then(|| Load {
                        place: at,
                        name: "",
                        element: way.element,
                        set_by: Vec::new(),
                        used_by: way.used_by.clone(),
                        allocation: way.allocation,
                        is_static,
                        handover: None,
                    })),
                }
            }
            _ => self.found.push(None),
        }
    }

    fn part(&mut self, at: Located<'p>, part: Option<Node<'p>>, way: &Way<'p>, depth: usize) {
        match part {
            Some(part) => self.follow(at.with(part), way, depth + 1),
            None => self.found.push(None),
        }
    }

    fn name(&mut self, at: Located<'p>, way: &Way<'p>, depth: usize) {
        let origins = origins(at.source, at.text(), at.node);
        let loaded = origins.iter().find_map(|origin| match origin {
            Origin::Value { value, statement } if value.kind() == "call" => {
                let call = at.with(*value);
                matches!(self.gives(call, way), Gives::Loaded).then_some((call, *statement))
            }
            _ => None,
        });
        if let Some((call, statement)) = loaded {
            let set_by = origins.iter().filter_map(|origin| match origin {
                Origin::Value { statement, .. } => Some(*statement),
                _ => None,
            });
            let makes_static = self.makes_static(call);
            self.found.push(Some(Load {
                place: at.with(statement),
                name: at.text(),
                element: way.element,
                set_by: set_by.collect(),
                used_by: way.used_by.clone(),
                allocation: way.allocation,
                is_static: way.is_static || makes_static,
                handover: (!makes_static).then(|| self.handover(call, at.text(), way)),
            }));
            return;
        }
        if origins.is_empty() {
            self.found.push(None);
        }
        for origin in origins {
            match origin {
                Origin::Value { value, statement } => {
                    let mut way = way.clone();
                    way.used_by.push(statement);
                    self.follow(at.with(value), &way, depth + 1);
                }
                Origin::Element { of, at: index } => {
                    let mut way = way.clone();
                    way.used_by.extend(statement(of));
                    way.element = match (way.element, index) {
                        (Element::Whole, Some(index)) => Element::At(index),
                        _ => Element::Other,
                    };
                    self.follow(at.with(of), &way, depth + 1);
                }
                Origin::Parameter(function) => self.caller(at.with(function), at.text(), way, depth),
                Origin::Definition(_) | Origin::Import(_) => self.found.push(None),
            }
        }
    }

    /// Goes on in each function that calls this one.
    fn caller(&mut self, function: Located<'p>, parameter: &str, way: &Way<'p>, depth: usize) {
        self.calls += 1;
        if self.calls > MOST_DEPTH {
            self.found.push(None);
            return;
        }
        for call in self.code.calls(function) {
            let Some(given) = argument(function, call, parameter) else {
                self.found.push(None);
                continue;
            };
            let asked = way.allocation.and_then(|asked| {
                let is_parameter = |origin: &Origin<'_>| *origin == Origin::Parameter(function.node);
                let is_given = origins(asked.source, asked.text(), asked.node).iter().all(is_parameter);
                let is_name = asked.node.kind() == "identifier";
                let given = argument(function, call, asked.text()).filter(|_| is_given && is_name);
                given.and_then(|given| allocation(call.with(given)))
            });
            let used_by = statement(call.node).into_iter().collect();
            let through = self.through(call, way);
            self.follow(call.with(given), &Way { used_by, allocation: asked, through, ..way.clone() }, depth + 1);
        }
    }

    /// The functions gone through, and those that a call may be of.
    fn through(&self, call: Located<'p>, way: &Way<'p>) -> Vec<(FileId, String)> {
        let name =
            call.node.field("function").and_then(last_name).map(|name| call.source.slice(name)).unwrap_or_default();
        let functions = if way.is_key { Vec::new() } else { self.code.functions(name) };
        let mut through = way.through.clone();
        through.extend(functions.into_iter().map(|function| (function.file, name.to_owned())));
        through
    }

    /// How the model gets from this call to the mark.
    fn handover(&self, call: Located<'p>, variable: &str, way: &Way<'p>) -> Handover {
        let at = match way.element {
            Element::Whole => None,
            Element::At(at) => Some(at),
            // Whatever is found in it.
            Element::Other => Some(0),
        };
        let allocation = way.allocation.map(|asked| identifiers(asked.source, asked.node)).unwrap_or_default();
        Handover {
            file: call.file,
            call: call.node.byte_range(),
            variable: variable.to_owned(),
            at,
            allocation: allocation.into_iter().map(str::to_owned).collect(),
            keep: self.keep.clone(),
            through: way.through.clone(),
        }
    }

    fn gives(&self, call: Located<'p>, way: &Way<'p>) -> Gives<'p> {
        let Some((function, arguments)) = call.node.field("function").zip(call.node.field("arguments")) else {
            return Gives::Loaded;
        };
        let first = || arguments.part(0).map(|part| call.with(part)).into_iter().collect::<Vec<_>>();
        let name = last_name(function).map(|name| call.source.slice(name)).unwrap_or_default();
        if way.is_key {
            // A key is made of the model somehow.
            return Gives::Passed(first());
        }
        if let Some(object) = function.field("object").filter(|_| matches!(name, "clone" | "copy")) {
            let is_module = call.source.slice(object) == "copy";
            return Gives::Passed(if is_module { first() } else { vec![call.with(object)] });
        }
        if PASSING.contains(&name) {
            return Gives::Passed(first());
        }
        let mut passed = Vec::new();
        for function in self.code.functions(name) {
            for parameter in passes(function) {
                passed.extend(argument(function, call, parameter).map(|given| call.with(given)));
            }
        }
        if passed.is_empty() { Gives::Loaded } else { Gives::Passed(passed) }
    }

    /// Does this call, or a function of the package that it leads to, ask for a patcher that is not dynamic?
    fn makes_static(&self, call: Located<'p>) -> bool {
        let mut open = vec![call];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(at) = open.pop() {
            let is_static = any(at.node, |node| asks_for_plain(at.source, node));
            if is_static {
                return true;
            }
            let mut names = Vec::new();
            any(at.node, |node| {
                names.extend(node.field("function").filter(|_| node.kind() == "call").and_then(last_name));
                false
            });
            for name in names.into_iter().map(|name| at.source.slice(name)) {
                if !seen.contains(&name) && seen.len() < 100 {
                    seen.push(name);
                    open.extend(self.code.functions(name));
                }
            }
        }
        false
    }
}

/// The parameters of a function that it returns, or a part of them.
fn passes(function: Located<'_>) -> Vec<&str> {
    let mut passed = Vec::new();
    let mut open = returned(function);
    let mut seen = Vec::new();
    while let Some(at) = open.pop() {
        if seen.contains(&at.node.id()) || seen.len() > 200 {
            continue;
        }
        seen.push(at.node.id());
        match at.node.kind() {
            "identifier" => {
                for origin in origins(at.source, at.text(), at.node) {
                    match origin {
                        Origin::Parameter(of) if of == function.node => passed.push(at.text()),
                        Origin::Value { value, .. } => open.push(at.with(value)),
                        Origin::Element { of, .. } => open.push(at.with(of)),
                        Origin::Parameter(_) | Origin::Definition(_) | Origin::Import(_) => {}
                    }
                }
            }
            "attribute" => open.extend(at.node.field("object").map(|object| at.with(object))),
            "subscript" => open.extend(at.node.field("value").map(|value| at.with(value))),
            "conditional_expression" | "parenthesized_expression" | "boolean_operator" | "tuple" | "list" => {
                open.extend(at.node.parts().into_iter().map(|part| at.with(part)));
            }
            "call" => {
                let function = at.node.field("function");
                let name = function.and_then(last_name).map(|name| at.source.slice(name)).unwrap_or_default();
                let object = function.and_then(|function| function.field("object"));
                if matches!(name, "clone" | "copy") {
                    open.extend(object.map(|object| at.with(object)));
                }
                if PASSING.contains(&name) {
                    let arguments = at.node.field("arguments").map(|list| list.parts()).unwrap_or_default();
                    open.extend(arguments.into_iter().take(1).map(|part| at.with(part)));
                }
            }
            _ => {}
        }
    }
    passed.sort_unstable();
    passed.dedup();
    passed
}

/// `clone(disable_dynamic=True)` and the like; or the plain patcher's own class.
fn asks_for_plain(source: &Source, node: Node<'_>) -> bool {
    match node.kind() {
        "keyword_argument" => {
            let is_named = node.field("name").is_some_and(|name| source.slice(name) == "disable_dynamic");
            is_named && node.field("value").is_some_and(|value| value.kind() == "true")
        }
        "call" => {
            let name = node.field("function").and_then(last_name);
            name.is_some_and(|name| source.slice(name) == "ModelPatcher")
        }
        _ => false,
    }
}

/// The expression that says which allocation is asked for, if it may be written a second time.
fn allocation(kept: Located<'_>) -> Option<Located<'_>> {
    match kept.node.kind() {
        "dictionary" => match kept.node.parts()[..] {
            [pair] => allocation(kept.with(pair.field("value")?)),
            _ => None,
        },
        "identifier" => match origins(kept.source, kept.text(), kept.node)[..] {
            [Origin::Value { value, .. }] if value.kind() == "dictionary" => allocation(kept.with(value)),
            _ => Some(kept),
        },
        "attribute" | "subscript" | "string" | "parenthesized_expression" | "conditional_expression" => {
            let runs = any(kept.node, |node| matches!(node.kind(), "call" | "named_expression" | "await"));
            (!runs).then_some(kept)
        }
        _ => None,
    }
}

/// The statement around an expression.
pub(super) fn statement(node: Node<'_>) -> Option<Node<'_>> {
    let is_statement = |node: &Node<'_>| node.parent().is_some_and(|block| matches!(block.kind(), "block" | "module"));
    successors(Some(node), Node::parent).find(is_statement)
}
