//! Translates Python that the sandbox does not run to Python that it does, with the same meaning.
//!
//! Code that cannot be translated stays as it is and is noted as a [lack](Translation::lacks), so that a refusal can
//! name it.

mod classes;
mod matching;

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

pub(super) use self::classes::Methods;
use crate::edit::{Edit, Edits, Overlap};
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;
use crate::python::syntax::enclosing;

/// What is known of the program around a piece of code that is translated.
pub(super) struct Context<'c> {
    /// The methods of its classes.
    pub(super) methods: &'c Methods,
    /// The functions and classes that its names may be.
    pub(super) defined: &'c BTreeSet<&'c str>,
    /// Names that another file of the program defines too, and their new names.
    pub(super) renamed: &'c BTreeMap<&'c str, &'c str>,
    /// Translate arithmetic too, in case operands turn out to be truth values, mappings or strings? That makes programs
    /// slower.
    pub(super) arithmetic: bool,
}

/// A piece of code, translated.
pub(super) struct Translation {
    pub(super) text: String,
    /// The functions of the package that decorate it.
    pub(super) decorators: Vec<String>,
    /// Features it uses that the sandbox lacks, each with its line in the file.
    pub(super) lacks: Vec<(usize, String)>,
}

/// Translates a function (or any statement), with those of its decorators that matter.
pub(super) fn translate(source: &Source, node: Node<'_>, context: &Context<'_>) -> Translation {
    let mut translator = Translator { source, context, lacks: Vec::new() };
    let mut text = translator.text(node);
    let mut decorators = Vec::new();
    let decorated = node.parent().filter(|parent| parent.kind() == "decorated_definition");
    for decorator in decorated.iter().flat_map(Fields::parts) {
        if let Some(name) = translator.kept(decorator) {
            decorators.push((name.to_owned(), source.slice(decorator)));
        }
    }
    for (_, decorator) in decorators.iter().rev() {
        text.insert_str(0, &format!("{decorator}\n"));
    }
    let decorators = decorators.into_iter().map(|(name, _)| name).collect();
    Translation { text, decorators, lacks: translator.lacks }
}

struct Translator<'t> {
    source: &'t Source,
    context: &'t Context<'t>,
    lacks: Vec<(usize, String)>,
}

/// Builtins that return an iterator in Python, and a list in the sandbox.
const LAZY: [&str; 5] = ["enumerate", "filter", "map", "reversed", "zip"];
/// Functions that consume their whole argument at once, so that a list works just as well.
const CONSUMING: [&str; 15] = [
    "all",
    "any",
    "dict",
    "enumerate",
    "filter",
    "frozenset",
    "join",
    "list",
    "map",
    "max",
    "min",
    "set",
    "sorted",
    "sum",
    "tuple",
];
/// Operators whose operands may be truth values in Python, but not in the sandbox.
const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "//", "%", "**"];

impl<'t> Translator<'t> {
    fn text(&mut self, node: Node<'t>) -> String {
        let mut edits = Vec::new();
        let may_yield = self.source.slice(node).contains("yield");
        walk(&mut node.walk(), |inner| self.visit(inner, may_yield, &mut edits));
        let base = node.start_byte();
        for edit in &mut edits {
            edit.range = (edit.range.0 - base, edit.range.1 - base);
        }
        let text = self.source.slice(node);
        Edits::new(edits).map_or_else(|Overlap| text.to_owned(), |edits| edits.apply(text))
    }

    fn slice(&self, node: Node<'t>) -> &'t str {
        self.source.slice(node)
    }

    fn lack(&mut self, node: Node<'t>, what: impl Into<String>) {
        self.lacks.push((self.source.place(node.start_byte()).line, what.into()));
    }

    /// Translates a node. True if its children are still to be visited.
    fn visit(&mut self, node: Node<'t>, may_yield: bool, edits: &mut Vec<Edit>) -> bool {
        let replaced = match node.kind() {
            "import_statement" | "import_from_statement" | "future_import_statement" => Some("pass".to_owned()),
            "type" | "comment" | "case_pattern" => return false,
            "decorator" => self.kept(node).is_none().then(|| "#".to_owned()),
            "class_definition" => self.class(node),
            "function_definition" if may_yield && yields(node) => {
                generator(self.source, node, edits);
                None
            }
            "yield" => self.yielded(node),
            "return_statement" if may_yield && enclosing(node, &["function_definition"]).is_some_and(yields) => {
                Some(format!("return iter({OUT})"))
            }
            "delete_statement" => self.deleted(node),
            "match_statement" => {
                self.matching(node, edits);
                None
            }
            "assignment" => self.assignment(node),
            "binary_operator" => self.binary(node),
            "augmented_assignment" if self.context.arithmetic => self.augmented(node),
            "call" => self.call(node),
            "attribute" => self.property(node),
            "identifier" if !self.context.renamed.is_empty() && is_lookup(node) => {
                self.context.renamed.get(self.slice(node)).map(|name| (*name).to_owned())
            }
            "generator_expression" if is_kept_for_later(self.source, node) => {
                let inner = self.parts_of(node);
                // If it is the only argument, its parentheses are those of the call.
                let is_argument = node.parent().is_some_and(|call| call.field("arguments") == Some(node));
                Some(if is_argument { format!("(iter({inner}))") } else { format!("iter({inner})") })
            }
            "await" => {
                self.lack(node, "`await`");
                None
            }
            _ => None,
        };
        match replaced {
            Some(text) => {
                edits.push(Edit::replace(node.byte_range(), text));
                false
            }
            None => !matches!(node.kind(), "delete_statement" | "decorator"),
        }
    }

    /// The text of a node with its parts translated, but not the node itself.
    fn parts_of(&mut self, node: Node<'t>) -> String {
        let mut text = String::new();
        let mut done = node.start_byte();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            text.push_str(&self.source.text()[done..child.start_byte()]);
            text.push_str(&self.text(child));
            done = child.end_byte();
        }
        text.push_str(&self.source.text()[done..node.end_byte()]);
        text
    }

    /// The function of the package that a decorator names. Others (`torch.no_grad()`, `lru_cache`) do not change a
    /// function's result.
    fn kept(&self, decorator: Node<'t>) -> Option<&'t str> {
        let mut node = decorator.part(0).filter(|_| decorator.kind() == "decorator")?;
        while let Some(inner) = node.field("function").or_else(|| node.field("object")) {
            node = inner;
        }
        Some(self.slice(node)).filter(|name| self.context.defined.contains(name))
    }

    fn yielded(&mut self, node: Node<'t>) -> Option<String> {
        let value = node.part(0)?;
        if !matches!(node.parent()?.kind(), "expression_statement") {
            self.lack(node, "a `yield` whose value is used");
            return None;
        }
        let from = self.slice(node)["yield".len()..].trim_start().starts_with("from");
        let method = if from { "extend" } else { "append" };
        let text = self.text(value);
        let text = if value.kind() == "expression_list" { format!("({text})") } else { text };
        Some(format!("{OUT}.{method}({text})"))
    }

    fn deleted(&mut self, node: Node<'t>) -> Option<String> {
        let target = node.part(0)?;
        let targets = if target.kind() == "expression_list" { target.parts() } else { vec![target] };
        let mut texts = Vec::new();
        for target in targets {
            let (Some(value), Some(key)) = (target.field("value"), target.field("subscript")) else { continue };
            let value = self.text(value);
            if key.kind() == "slice" {
                let bounds: Vec<_> = self.slice(key).split(':').collect();
                let [start, end] = bounds.as_slice() else {
                    self.lack(node, "`del` of a slice with a step");
                    return None;
                };
                let bound = |text: &str| if text.trim().is_empty() { "None".to_owned() } else { text.to_owned() };
                texts.push(format!("harness_cut({value}, {}, {})", bound(start), bound(end)));
            } else {
                texts.push(format!("{value}.pop({})", self.text(key)));
            }
        }
        Some(if texts.is_empty() { "pass".to_owned() } else { texts.join("; ") })
    }

    /// `a[0], b.c = value`: the sandbox only allows names in a pattern.
    fn assignment(&mut self, node: Node<'t>) -> Option<String> {
        let (left, right) = (node.field("left")?, node.field("right")?);
        if !matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern") || right.kind() == "assignment" {
            return None;
        }
        let targets = left.parts();
        let is_name = |target: &Node<'t>| !matches!(target.kind(), "subscript" | "attribute");
        if targets.iter().all(is_name) || node.parent()?.kind() != "expression_statement" {
            return None;
        }
        let name = |at: usize| format!("harness_target_{at}");
        let mut names = Vec::new();
        let mut assigned = Vec::new();
        for (at, target) in targets.iter().enumerate() {
            if is_name(target) {
                names.push(self.slice(*target).to_owned());
            } else {
                names.push(name(at));
                assigned.push(format!("{} = {}", self.text(*target), name(at)));
            }
        }
        Some(format!("{} = {}; {}", names.join(", "), self.text(right), assigned.join("; ")))
    }

    fn binary(&mut self, node: Node<'t>) -> Option<String> {
        let (left, operator, right) = (node.field("left")?, node.field("operator")?.kind(), node.field("right")?);
        let is_text = matches!(left.kind(), "string" | "concatenated_string");
        if operator == "%" && (is_text || self.context.arithmetic) {
            return Some(format!("harness_percent({}, {})", self.text(left), self.text(right)));
        }
        if !self.context.arithmetic {
            return None;
        }
        let (left, right) = (self.text(left), self.text(right));
        match operator {
            "|" => Some(format!("harness_union({left}, {right})")),
            _ if ARITHMETIC.contains(&operator) => {
                Some(format!("harness_number({left}) {operator} harness_number({right})"))
            }
            _ => None,
        }
    }

    fn augmented(&mut self, node: Node<'t>) -> Option<String> {
        let (left, operator, right) = (node.field("left")?, node.field("operator")?.kind(), node.field("right")?);
        let (left, right) = (self.text(left), self.text(right));
        match operator {
            "|=" => Some(format!("{left} = harness_union_into({left}, {right})")),
            _ if ARITHMETIC.contains(&&operator[..operator.len() - 1]) => {
                Some(format!("{left} {operator} harness_number({right})"))
            }
            _ => None,
        }
    }

    fn call(&mut self, node: Node<'t>) -> Option<String> {
        let (function, arguments) = (node.field("function")?, node.field("arguments")?);
        if self.slice(function).ends_with("chain.from_iterable") {
            return Some(format!("harness_flatten{}", self.text(arguments)));
        }
        if function.kind() == "attribute" {
            return self.method(node, function, arguments);
        }
        let name = if function.kind() == "identifier" { self.slice(function) } else { "" };
        if name == "object" && arguments.parts().is_empty() {
            return Some("Nothing()".to_owned());
        }
        let own = name == "sum" && self.context.arithmetic;
        if own || (LAZY.contains(&name) && is_kept_for_later(self.source, node)) {
            let arguments = self.text(arguments);
            return Some(if own { format!("harness_sum{arguments}") } else { format!("iter({name}{arguments})") });
        }
        None
    }
}

/// Is an identifier looked up as a name, rather than an attribute or the name of an argument?
pub(super) fn is_lookup(identifier: Node<'_>) -> bool {
    let parent = identifier.parent();
    !parent.is_some_and(|parent| match parent.kind() {
        "attribute" => parent.field("attribute") == Some(identifier),
        "keyword_argument" => parent.field("name") == Some(identifier),
        _ => false,
    })
}

/// Is the result kept or iterated over step by step, rather than consumed at once? Then it matters that it is an
/// iterator.
fn is_kept_for_later(source: &Source, node: Node<'_>) -> bool {
    let mut value = node;
    let mut parent = node.parent();
    if parent.is_some_and(|call| call.field("arguments") == Some(node)) {
        // `f(x for x in items)`
    } else if let Some(list) = parent.filter(|list| list.kind() == "argument_list") {
        value = list;
        parent = list.parent();
    }
    let Some(parent) = parent else { return false };
    match parent.kind() {
        "call" if parent.field("arguments") == Some(value) => {
            let function = parent.field("function");
            let name = function.map(|function| source.slice(function.field("attribute").unwrap_or(function)));
            name.is_some_and(|name| !CONSUMING.contains(&name))
        }
        "for_statement" | "for_in_clause" | "list_splat" | "call" => false,
        _ => true,
    }
}

/// The list that replaces what a generator yields. Code that consumes all of it sees no difference.
const OUT: &str = "harness_yielded";

fn generator(source: &Source, function: Node<'_>, edits: &mut Vec<Edit>) {
    let Some(body) = function.field("body") else { return };
    let (start, end) = (body.start_byte(), body.end_byte());
    let indent = source.indent_at(start).to_owned();
    edits.push(Edit::insert(start, format!("{OUT} = []\n{indent}")));
    edits.push(Edit::insert(end, format!("\n{indent}return iter({OUT})")));
}

fn yields(function: Node<'_>) -> bool {
    let mut found = false;
    if let Some(body) = function.field("body").filter(|_| function.kind() == "function_definition") {
        walk(&mut body.walk(), |node| {
            found |= node.kind() == "yield";
            !found && !matches!(node.kind(), "function_definition" | "lambda" | "class_definition")
        });
    }
    found
}
