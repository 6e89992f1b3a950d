//! What everybody asks of a syntax tree.

use tree_sitter::Node;

use super::source::{Source, walk};

/// Does this hold for the node, or for one below it?
pub fn any<'t>(node: Node<'t>, mut holds: impl FnMut(Node<'t>) -> bool) -> bool {
    let mut found = false;
    walk(&mut node.walk(), |inner| {
        found |= holds(inner);
        !found
    });
    found
}

/// The innermost node around `node`, itself included, of one of these kinds.
pub fn enclosing<'t>(node: Node<'t>, kinds: &[&str]) -> Option<Node<'t>> {
    let mut around = Some(node);
    while let Some(node) = around.filter(|node| !kinds.contains(&node.kind())) {
        around = node.parent();
    }
    around
}

/// The identifiers in a node, in order and each as often as it occurs.
pub fn identifiers<'t>(source: &'t Source, node: Node<'t>) -> Vec<&'t str> {
    let mut names = Vec::new();
    walk(&mut node.walk(), |inner| {
        names.extend((inner.kind() == "identifier").then(|| source.slice(inner)));
        true
    });
    names
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn nodes_are_found_below_and_around() {
        let text = "def f(a):\n    return [a + b for b in c]\n";
        let source = Source::parse(Path::new("a.py"), text.as_bytes().to_vec()).unwrap();
        assert_eq!(identifiers(&source, source.root()), ["f", "a", "a", "b", "b", "c"]);
        assert!(any(source.root(), |node| node.kind() == "binary_operator"));
        assert!(!any(source.root(), |node| node.kind() == "lambda"));
        let sum = source.root().descendant_for_byte_range(text.find('+').unwrap(), text.find('+').unwrap()).unwrap();
        assert_eq!(enclosing(sum, &["function_definition"]), source.root().child(0));
        assert_eq!(enclosing(sum, &["lambda"]), None);
    }
}
