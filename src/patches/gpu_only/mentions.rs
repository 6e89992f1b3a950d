//! What stands in a piece of code.

use tree_sitter::Node;

use crate::python::Source;
use crate::python::source::walk;

/// The identifiers in an expression.
pub(super) fn names<'p>(source: &'p Source, node: Node<'p>) -> Vec<&'p str> {
    let mut names = Vec::new();
    walk(&mut node.walk(), |inner| {
        if inner.kind() == "identifier" {
            names.push(source.slice(inner));
        }
        true
    });
    names
}

/// Does any of these identifiers (or this whole expression) stand somewhere in `node`?
pub(super) fn mentions(source: &Source, node: Node<'_>, wanted: &[&str]) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= matches!(inner.kind(), "identifier" | "attribute" | "subscript" | "boolean_operator")
            && wanted.contains(&source.slice(inner));
        !found
    });
    found
}

pub(super) fn mentions_kind(node: Node<'_>, kind: &str) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= inner.kind() == kind;
        !found
    });
    found
}

pub(super) fn first_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).find(|child| child.kind() != "comment")
}

pub(super) fn last_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).filter(|child| child.kind() != "comment").last()
}
