//! Children by the name of their field, without searching the grammar's names each time, and by their order.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use tree_sitter::{Language, Node};

/// The fields that are looked up while values are followed, which is very often.
const NAMES: [&str; 24] = [
    "alias",
    "alternative",
    "argument",
    "arguments",
    "attribute",
    "body",
    "condition",
    "consequence",
    "definition",
    "function",
    "guard",
    "key",
    "left",
    "module_name",
    "name",
    "object",
    "operator",
    "parameters",
    "right",
    "subject",
    "subscript",
    "superclasses",
    "type",
    "value",
];

static IDS: LazyLock<[Option<NonZeroU16>; NAMES.len()]> = LazyLock::new(|| {
    let language = Language::from(tree_sitter_python::LANGUAGE);
    NAMES.map(|name| language.field_id_for_name(name))
});

/// Children by field.
pub(crate) trait Fields<'tree> {
    /// The first child in the field of this name.
    fn field(&self, name: &'static str) -> Option<Node<'tree>>;

    /// The named children, without the comments and line continuations that may be between any two.
    fn parts(&self) -> Vec<Node<'tree>>;

    /// One of these.
    fn part(&self, at: usize) -> Option<Node<'tree>>;
}

impl<'tree> Fields<'tree> for Node<'tree> {
    // Inlined where the name is a literal, the search for it happens at compile time.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "it is the point of this function")]
    fn field(&self, name: &'static str) -> Option<Node<'tree>> {
        let mut at = 0;
        while at < NAMES.len() {
            if NAMES[at] == name {
                return self.child_by_field_id(IDS[at]?.get());
            }
            at += 1;
        }
        self.child_by_field_name(name)
    }

    fn parts(&self) -> Vec<Node<'tree>> {
        let mut cursor = self.walk();
        self.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
    }

    fn part(&self, at: usize) -> Option<Node<'tree>> {
        let mut cursor = self.walk();
        self.named_children(&mut cursor).filter(|child| !child.is_extra()).nth(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_one_of_the_grammar() {
        let unknown: Vec<_> = NAMES.iter().zip(IDS.iter()).filter(|(_, id)| id.is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
