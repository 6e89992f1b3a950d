//! Evidence that a store is that of the remainder: it stores something left over, in code that looks for wildcards.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use tree_sitter::Node;

use super::MOST;
use crate::fixes::{LOOKED_FOR, Subject};
use crate::python::Source;
use crate::python::flow::Store;
use crate::python::flow::value::Spot;
use crate::python::source::walk;
use crate::python::syntax::{any, enclosing, identifiers};

/// For each function (by its node's id) the names that something is subtracted from, or that are given to it.
#[derive(Default)]
pub(super) struct LeftOver<'p>(HashMap<usize, HashSet<&'p str>>);

impl<'p> LeftOver<'p> {
    /// Is it something left over: a difference, or a name that something is subtracted from in this function?
    pub(super) fn is_it(&mut self, source: &'p Source, function: Node<'p>, amount: Node<'p>) -> bool {
        if is_difference(amount) {
            return true;
        }
        let known = self.0.entry(function.id()).or_insert_with(|| Self::identifiers(source, function));
        known.contains(source.slice(amount)) || identifiers(source, amount).iter().any(|name| known.contains(name))
    }

    fn identifiers(source: &'p Source, function: Node<'p>) -> HashSet<&'p str> {
        let mut found = subtracted(source, function);
        // A helper is passed what is left over.
        if let Some(parameters) = function.child_by_field_name("parameters") {
            found.extend(identifiers(source, parameters));
        }
        found
    }
}

/// Is it a difference, or a name that something is subtracted from in this function?
pub(super) fn is_subtracted(source: &Source, function: Node<'_>, amount: Node<'_>) -> bool {
    let names = subtracted(source, function);
    is_difference(amount) || identifiers(source, amount).iter().any(|name| names.contains(name))
}

/// The names that something is subtracted from in a function, or that a difference is given to.
fn subtracted<'p>(source: &'p Source, function: Node<'p>) -> HashSet<&'p str> {
    let mut found = HashSet::default();
    walk(&mut function.walk(), |node| {
        let left = || node.child_by_field_name("left").map(|left| source.slice(left));
        let is_taken = |operator: Node<'_>| operator.kind() == "-=";
        match node.kind() {
            "augmented_assignment" if node.child_by_field_name("operator").is_some_and(is_taken) => {
                found.extend(left());
            }
            "assignment" if node.child_by_field_name("right").is_some_and(is_difference) => found.extend(left()),
            _ => {}
        }
        true
    });
    found
}

fn is_difference(node: Node<'_>) -> bool {
    let is_minus = |operator: Node<'_>| operator.kind() == "-";
    any(node, |inner| inner.kind() == "binary_operator" && inner.child_by_field_name("operator").is_some_and(is_minus))
}

/// Strings that show what a function is about. A store can only be that of the remainder if its function, or that of
/// its default, is related to them.
#[derive(Default)]
pub(super) struct Marks<'p> {
    /// The strings.
    markers: Vec<Spot<'p>>,
    /// The names of the functions that have one.
    functions: Vec<&'p str>,
    /// The names outside of functions whose value is one.
    constants: Vec<&'p str>,
    /// What is known of functions (by their nodes' ids).
    known: HashMap<usize, bool>,
}

impl<'p> Marks<'p> {
    /// The asterisks that are looked for: where wildcards are recognised.
    pub(super) fn of_wildcards(subject: &Subject<'p>) -> Self {
        let is_asterisk = |(name, _): &(&str, Node<'_>)| *name == "gpu-only.marker";
        Self::found(subject, |source| {
            LOOKED_FOR.captures(source).into_iter().filter(is_asterisk).map(|(_, node)| node).collect()
        })
    }

    /// The separators of quotas, as in `"cuda:0,12gb;cuda:1,16gb"`, also inside of a pattern: where quotas are read.
    pub(super) fn of_quotas(subject: &Subject<'p>) -> Self {
        Self::found(subject, |source| {
            let mut found = Vec::new();
            walk(&mut source.root().walk(), |node| {
                let text = || source.slice(node);
                if node.kind() == "string_content" && text().contains([',', ';']) && !text().contains(' ') {
                    found.push(node);
                }
                true
            });
            found
        })
    }

    fn found(subject: &Subject<'p>, strings: impl Fn(&'p Source) -> Vec<Node<'p>>) -> Self {
        let mut found = Self::default();
        if subject.flow.stores.is_empty() {
            return found;
        }
        for file in &subject.flow.files {
            let Some(source) = subject.source(*file) else { continue };
            for node in strings(source) {
                found.markers.push(Spot { file: *file, node });
                if let Some(function) = enclosing(node, &["function_definition"]) {
                    found.functions.extend(function.child_by_field_name("name").map(|name| source.slice(name)));
                } else {
                    let assignment = enclosing(node, &["assignment"]);
                    let name = assignment.and_then(|assignment| assignment.child_by_field_name("left"));
                    found.constants.extend(name.map(|name| source.slice(name)));
                }
            }
        }
        found
    }

    /// Is a store, or a default that reaches it, related to them?
    pub(super) fn concern(&mut self, subject: &Subject<'p>, store: &Store<'p>) -> bool {
        let of_text = |text: &Spot<'p>| {
            let function = enclosing(text.node, &["function_definition"])?;
            Some(Spot { file: text.file, node: function })
        };
        let function = Spot { file: store.spot.file, node: store.function };
        std::iter::once(function).chain(store.texts.iter().take(MOST).filter_map(of_text)).any(|function| {
            if let Some(known) = self.known.get(&function.node.id()) {
                return *known;
            }
            let are_in = self.are_in(subject, function);
            self.known.insert(function.node.id(), are_in);
            are_in
        })
    }

    /// Does a function have one: itself, through a constant, or by calling a function that has one?
    fn are_in(&self, subject: &Subject<'p>, function: Spot<'p>) -> bool {
        let range = function.node.byte_range();
        let inside = |marker: &Spot<'p>| marker.file == function.file && range.contains(&marker.node.start_byte());
        if self.markers.iter().any(inside) {
            return true;
        }
        let Some(source) = subject.source(function.file) else { return false };
        let mut looks = false;
        walk(&mut function.node.walk(), |node| {
            let called = node.child_by_field_name("function").filter(|_| node.kind() == "call");
            let name = called.map(|called| called.child_by_field_name("attribute").unwrap_or(called));
            looks |= name.is_some_and(|name| self.functions.contains(&source.slice(name)))
                || (node.kind() == "identifier" && self.constants.contains(&source.slice(node)));
            !looks
        });
        looks
    }
}
