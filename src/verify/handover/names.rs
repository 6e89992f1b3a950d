//! The names that a statement reads and binds, but for those in its blocks.

use std::collections::BTreeSet;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::syntax::any;
use crate::verify::desugar::is_lookup;

/// Does a statement look one of these names up, outside of its blocks?
pub(super) fn mentions(source: &Source, node: Node<'_>, names: &BTreeSet<&str>) -> bool {
    looked_up(node).into_iter().any(|name| names.contains(source.slice(name)))
}

/// The names that a statement looks up or binds; with those in its blocks for a whole function.
pub(super) fn read<'p>(source: &'p Source, node: Node<'p>) -> Vec<&'p str> {
    looked_up(node).into_iter().map(|name| source.slice(name)).collect()
}

/// The names that a statement binds.
pub(super) fn bound<'p>(source: &'p Source, node: Node<'p>) -> Vec<&'p str> {
    let mut names = Vec::new();
    walk(&mut node.walk(), |inner| {
        let targets: &[&'static str] = match inner.kind() {
            "assignment" | "augmented_assignment" | "for_statement" => &["left"],
            "named_expression" | "function_definition" | "class_definition" => &["name"],
            "as_pattern" => &["alias"],
            "global_statement" | "nonlocal_statement" => return false,
            _ => &[],
        };
        for target in targets.iter().filter_map(|field| inner.field(field)) {
            walk(&mut target.walk(), |part| {
                names.extend((part.kind() == "identifier").then(|| source.slice(part)));
                !matches!(part.kind(), "subscript" | "attribute")
            });
        }
        inner == node || !is_apart(inner)
    });
    names
}

fn looked_up(node: Node<'_>) -> Vec<Node<'_>> {
    let mut names = Vec::new();
    let is_whole = node.kind() == "module";
    walk(&mut node.walk(), |inner| {
        let is_name = inner.kind() == "identifier" && is_lookup(inner);
        names.extend(is_name.then_some(inner));
        is_whole || inner == node || !is_apart(inner)
    });
    names
}

/// Is it a part of a statement that is a statement, or has some, itself?
fn is_apart(node: Node<'_>) -> bool {
    node.kind() == "block"
        || node.kind().ends_with("_clause") && !matches!(node.kind(), "for_in_clause" | "if_clause" | "with_clause")
}

/// Is it a statement, or a clause of one, with a block?
pub(super) fn any_block(node: Node<'_>) -> bool {
    node.kind() == "block" || node.parts().iter().any(|part| part.kind() == "block" || part.kind().ends_with("_clause"))
}

/// The names that a statement and its blocks bind.
pub(super) fn bound_below<'p>(source: &'p Source, node: Node<'p>) -> Vec<&'p str> {
    let mut names = bound(source, node);
    any(node, |inner| {
        if inner.kind() == "block" {
            names.extend(inner.parts().into_iter().flat_map(|part| bound(source, part)));
        }
        false
    });
    names
}
