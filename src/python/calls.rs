//! Functions and their calls across the files of a package, matched by name.
//!
//! That is coarse: two functions of one name are taken for each other. Whoever asks must be right either way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::iter::successors;

use tree_sitter::Node;

use super::field::Fields as _;
use super::reach::Reach;
use super::source::Source;
use super::syntax::{enclosing, last_name};
use super::{FileId, Package};

/// A node of a file of the package.
#[derive(Clone, Copy, Debug)]
pub struct Located<'p> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub source: &'p Source,
    /// The node.
    pub node: Node<'p>,
}

impl<'p> Located<'p> {
    /// Another node of the same file.
    pub fn with(self, node: Node<'p>) -> Self {
        Self { node, ..self }
    }

    /// Its text.
    pub fn text(self) -> &'p str {
        self.source.slice(self.node)
    }
}

/// How many levels a word is below what it is looked for in: `setattr(x, "word", y)` is the deepest.
const AROUND: usize = 5;

/// The files of a package that are used, and the first one in any case.
#[derive(Debug)]
pub struct Code<'p> {
    package: &'p Package,
    reach: Reach,
    /// By name: they are asked for again and again.
    functions: RefCell<HashMap<String, Vec<Located<'p>>>>,
}

impl<'p> Code<'p> {
    /// Of a package.
    pub fn of(package: &'p Package) -> Self {
        Self { package, reach: Reach::of(package), functions: RefCell::default() }
    }

    /// Every node that is wanted and has `word` in it, standing by itself, at most five levels below. Only what is
    /// around the word is looked at: going through the trees of a pack takes much longer.
    pub fn nodes(&self, word: &str, wanted: impl Fn(Located<'p>) -> bool) -> Vec<Located<'p>> {
        let mut found: Vec<Located<'p>> = Vec::new();
        for file in self.package.mentioning(word) {
            let is_used = file == FileId::FIRST || self.reach.has(file);
            let Some(source) = self.package.source(file).ok().filter(|_| is_used) else { continue };
            for at in memchr::memmem::find_iter(source.text().as_bytes(), word) {
                let inner = source.root().descendant_for_byte_range(at, at + word.len());
                let around = successors(inner, Node::parent).take(AROUND);
                for node in around.filter(|_| inner.is_some_and(|inner| source.slice(inner) == word)) {
                    let located = Located { file, source, node };
                    let is_new = || !found.iter().rev().any(|known| known.file == file && known.node == node);
                    if wanted(located) && is_new() {
                        found.push(located);
                    }
                }
            }
        }
        found
    }

    /// The functions of this name.
    pub fn functions(&self, name: &str) -> Vec<Located<'p>> {
        if let Some(known) = self.functions.borrow().get(name) {
            return known.clone();
        }
        let found = self.nodes(name, |at| {
            let is_named = at.node.field("name").is_some_and(|found| at.source.slice(found) == name);
            at.node.kind() == "function_definition" && is_named
        });
        self.functions.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// The calls of a function by its name, as `name(…)` or `object.name(…)`.
    pub fn calls(&self, function: Located<'p>) -> Vec<Located<'p>> {
        let Some(name) = function.node.field("name").map(|name| function.source.slice(name)) else { return Vec::new() };
        self.nodes(name, |at| {
            let called = at.node.field("function").filter(|_| at.node.kind() == "call").and_then(last_name);
            called.is_some_and(|called| at.source.slice(called) == name)
        })
    }
}

/// The names of a function's parameters, in order.
pub fn parameters(function: Located<'_>) -> Vec<&str> {
    let parts = function.node.field("parameters").map(|list| list.parts()).unwrap_or_default();
    let names = parts.into_iter().filter_map(|part| match part.kind() {
        "identifier" => Some(part),
        "default_parameter" | "typed_default_parameter" => part.field("name"),
        "typed_parameter" => part.part(0).filter(|name| name.kind() == "identifier"),
        _ => None,
    });
    names.map(|name| function.source.slice(name)).collect()
}

/// What a call gives to a parameter, if it is written out.
pub fn argument<'p>(function: Located<'p>, call: Located<'p>, parameter: &str) -> Option<Node<'p>> {
    let arguments = call.node.field("arguments")?.parts();
    let named = arguments.iter().filter(|part| part.kind() == "keyword_argument");
    for keyword in named {
        if keyword.field("name").is_some_and(|name| call.source.slice(name) == parameter) {
            return keyword.field("value");
        }
    }
    let is_bound = call.node.field("function").is_some_and(|called| called.kind() == "attribute")
        && enclosing(function.node.parent()?, &["function_definition", "class_definition"])
            .is_some_and(|around| around.kind() == "class_definition");
    let at = parameters(function).iter().skip(usize::from(is_bound)).position(|name| *name == parameter)?;
    let positional = |part: &&Node<'p>| part.kind() != "keyword_argument";
    let given: Vec<_> = arguments.iter().filter(positional).take(at + 1).collect();
    let is_clear = given.iter().all(|part| !part.kind().ends_with("splat"));
    given.get(at).filter(|_| is_clear).map(|part| **part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_to_parameters_by_name_or_by_place() {
        let text = "class C:\n    def f(self, a, b=1): pass\n\nC().f(x, b=y)\no.f(p, q)\no.f(*r, s)\n";
        let package = Package::new([("a.py".into(), text.into())]);
        let code = Code::of(&package);
        let [function] = code.functions("f")[..] else { panic!("one function") };
        let given: Vec<_> = code
            .calls(function)
            .into_iter()
            .map(|call| ["a", "b"].map(|name| argument(function, call, name).map(|node| call.source.slice(node))))
            .collect();
        assert_eq!(given, [[Some("x"), Some("y")], [Some("p"), Some("q")], [None, None]]);
    }
}
