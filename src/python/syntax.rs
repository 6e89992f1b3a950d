//! Common questions about a syntax tree.

use tree_sitter::Node;

use super::field::Fields as _;
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

/// The operations of a chain such as `a + b + c`, which nest to the left, from the innermost on. They are all of the
/// kind of `node`, the outermost. Walking the list needs no stack, however long the chain is.
pub fn operations<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut chain = vec![node];
    let inner = |outer: &Node<'t>| outer.field("left").filter(|left| left.kind() == node.kind());
    while let Some(inner) = chain.last().and_then(inner) {
        chain.push(inner);
    }
    chain.reverse();
    chain
}

/// `name`, or the last name of `object.name`; `None` for anything else.
pub fn last_name(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "identifier" => Some(node),
        "attribute" => node.field("attribute"),
        _ => None,
    }
}

/// The definition of this name, of one of these kinds, at the top of a file.
pub fn top_definition<'t>(source: &'t Source, kinds: &[&str], name: &str) -> Option<Node<'t>> {
    let is_it = |node: &Node<'_>| {
        kinds.contains(&node.kind()) && node.field("name").is_some_and(|found| source.slice(found) == name)
    };
    source.root().parts().into_iter().find(is_it)
}

/// The object, the name and the value of `object.name = value` or `setattr(object, "name", value)`.
pub fn attribute_set<'t>(source: &'t Source, node: Node<'t>) -> Option<(Node<'t>, &'t str, Node<'t>)> {
    match node.kind() {
        "assignment" => {
            let (left, right) = (node.field("left")?, node.field("right")?);
            (left.kind() == "attribute").then_some(())?;
            Some((left.field("object")?, source.slice(left.field("attribute")?), right))
        }
        "call" => {
            (source.slice(node.field("function")?) == "setattr").then_some(())?;
            let [object, name, value] = node.field("arguments")?.parts()[..] else { return None };
            let name = name.part(1).filter(|content| content.kind() == "string_content")?;
            Some((object, source.slice(name), value))
        }
        _ => None,
    }
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

    #[test]
    fn a_chain_is_walked_from_its_innermost_operation() {
        let source = Source::parse(Path::new("a.py"), b"a + b * c + (d + e)".to_vec()).unwrap();
        let sum = source.root().child(0).and_then(|statement| statement.child(0)).unwrap();
        let texts: Vec<_> = operations(sum).into_iter().map(|operation| source.slice(operation)).collect();
        assert_eq!(texts, ["a + b * c", "a + b * c + (d + e)"]);
    }
}
