//! The names from outside that a piece of code uses.

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;
use crate::python::syntax::identifiers;

/// The name under which a file mentions load lists.
pub(super) const LIST: &str = "_load_list";

/// The key under which an analysis gives its placement.
pub(super) const ASSIGNMENTS: &str = "block_assignments";

/// What a piece of code uses, found in one pass.
#[derive(Default)]
pub(super) struct Uses<'p> {
    /// Each name that is looked up, with the attributes that are read of it (as in
    /// `comfy.model_management.get_total_memory`), and whether the last is called.
    pub(super) chains: Vec<(&'p str, Vec<&'p str>, bool)>,
    /// The names that it binds itself: parameters, targets, functions.
    pub(super) bound: BTreeSet<&'p str>,
    /// The strings in it that show what a function is for, and [`LIST`] if it mentions that.
    pub(super) strings: BTreeSet<&'p str>,
    /// The imports in it.
    pub(super) imports: Vec<Node<'p>>,
}

impl<'p> Uses<'p> {
    pub(super) fn of(source: &'p Source, node: Node<'p>) -> Self {
        let mut uses = Self::default();
        // Names that are parts of something already noted.
        let mut noted: BTreeSet<usize> = BTreeSet::new();
        walk(&mut node.walk(), |inner| {
            // Half of the nodes are commas and the like.
            if !inner.is_named() {
                return true;
            }
            let kind = inner.kind();
            match kind {
                "import_statement" | "import_from_statement" => {
                    uses.imports.push(inner);
                    return false;
                }
                "type" | "decorator" | "comment" => return false,
                "string_content" => {
                    let text = source.slice(inner);
                    if [ASSIGNMENTS, "%", LIST].contains(&text) {
                        uses.strings.insert(text);
                    }
                }
                "call" => {
                    if let Some(function) = inner.field("function") {
                        uses.chain(source, function, true, &mut noted);
                    }
                }
                "attribute" => uses.chain(source, inner, false, &mut noted),
                "identifier" if !noted.contains(&inner.id()) => uses.chain(source, inner, false, &mut noted),
                "keyword_argument" => noted.extend(inner.field("name").map(|name| name.id())),
                _ => {}
            }
            for field in binding_fields(kind) {
                if let Some(target) = inner.field(field) {
                    uses.bind(source, target);
                }
            }
            true
        });
        uses
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'p str> {
        self.chains.iter().map(|(name, _, _)| *name)
    }

    /// Notes `name.attribute.attribute` as a whole.
    fn chain(&mut self, source: &'p Source, node: Node<'p>, called: bool, noted: &mut BTreeSet<usize>) {
        if noted.contains(&node.id()) {
            return;
        }
        let mut attributes = Vec::new();
        let mut inner = node;
        while inner.kind() == "attribute" {
            noted.insert(inner.id());
            let (Some(object), Some(attribute)) = (inner.field("object"), inner.field("attribute")) else {
                return;
            };
            noted.insert(attribute.id());
            let attribute = source.slice(attribute);
            if attribute == LIST {
                self.strings.insert(attribute);
            }
            attributes.push(attribute);
            inner = object;
        }
        if inner.kind() == "identifier" {
            noted.insert(inner.id());
            attributes.reverse();
            self.chains.push((source.slice(inner), attributes, called));
        }
    }

    fn bind(&mut self, source: &'p Source, target: Node<'p>) {
        walk(&mut target.walk(), |inner| {
            if inner.kind() == "identifier" {
                self.bound.insert(source.slice(inner));
            }
            !matches!(inner.kind(), "subscript" | "attribute" | "type")
        });
    }
}

/// Where a node of this kind gives names values.
fn binding_fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => &["left"],
        "named_expression" | "function_definition" | "class_definition" => &["name", "parameters"],
        "lambda" => &["parameters"],
        "as_pattern" => &["alias"],
        _ => &[],
    }
}

/// The names that a file gives values outside of functions, or by `global` inside of them, or imports anywhere (what is
/// imported in a function is taken out of its text); None if it takes all names of another module.
pub(super) fn known(source: &Source) -> Option<BTreeSet<&str>> {
    let mut known = BTreeSet::new();
    let mut stars = false;
    let mut functions = Vec::new();
    walk(&mut source.root().walk(), |node| {
        let kind = node.kind();
        let is_inside = functions.last().is_some_and(|end| node.start_byte() < *end);
        match kind {
            "wildcard_import" => stars = true,
            "import_statement" | "import_from_statement" | "global_statement" => {
                known.extend(identifiers(source, node));
            }
            "function_definition" | "lambda" if !is_inside => functions.push(node.end_byte()),
            _ => {}
        }
        let fields = if is_inside { &[] } else { binding_fields(kind) };
        for target in fields.iter().filter(|field| **field != "parameters").filter_map(|field| node.field(field)) {
            known.extend(identifiers(source, target));
        }
        let is_function = matches!(kind, "function_definition" | "lambda");
        !is_function || ["import", "global"].iter().any(|word| source.slice(node).contains(word))
    });
    (!stars).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_what_it_binds_outside_of_functions_imports_or_calls_global() {
        let text = "import os.path\nfrom a import b as c\nd = 1\nfor e in d: pass\nclass F: pass\n\
                    def g(h):\n    import i\n    global j\n    j = k = 1\n    def l(): m = import_it\nn = lambda o: o\n";
        let source = Source::parse("a.py".as_ref(), text.as_bytes().to_vec()).unwrap();
        let known = known(&source).unwrap();
        for name in ["os", "c", "d", "e", "F", "g", "i", "j", "n"] {
            assert!(known.contains(name), "{name}");
        }
        for name in ["h", "k", "l", "m", "o"] {
            assert!(!known.contains(name), "{name}");
        }
    }

    #[test]
    fn a_file_with_a_star_import_may_know_anything() {
        let source = Source::parse("a.py".as_ref(), b"from a import *\n".to_vec()).unwrap();
        assert_eq!(known(&source), None);
    }
}
