//! Names that a repair adds to a file.

use tree_sitter::Node;

use crate::python::Source;
use crate::python::syntax::any;

/// A name that can be assigned anywhere in this file without effect: `_`, unless it is read (with gettext, `_` is a
/// function).
pub(super) fn unused_name(source: &Source) -> String {
    let is_unused = |name: &str| !is_read_in_file(source, name);
    if is_unused("_") { "_".to_owned() } else { first_name("_rest", is_unused) }
}

/// The first of `name`, `name_2`, `name_3`, … that will do.
pub(super) fn first_name(name: &str, will_do: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    // There are always more numbers than names.
    std::iter::once(name.to_owned()).chain(numbered).find(|name| will_do(name)).unwrap_or_default()
}

/// How many occurrences of a name are examined; with more, it counts as read. Each costs a walk down the tree.
const MOST_PLACES: usize = 10_000;

/// Is a name read anywhere in the file? Examines the occurrences of the word, not the whole tree.
fn is_read_in_file(source: &Source, name: &str) -> bool {
    let bytes = source.text().as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let stands_alone = |start: &usize| {
        let (before, after) = (bytes[..*start].last(), bytes.get(start + name.len()));
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    };
    let mut places = memchr::memmem::find_iter(bytes, name).filter(stands_alone);
    let is_read = places.by_ref().take(MOST_PLACES).any(|start| {
        let node = source.root().descendant_for_byte_range(start, start + name.len());
        node.is_some_and(|node| is_reading(source, node, name))
    });
    is_read || places.next().is_some()
}

/// Is a name read in this function?
pub(super) fn is_read(source: &Source, function: Node<'_>, name: &str) -> bool {
    any(function, |node| is_reading(source, node, name))
}

/// Is this node a name that is read, not one that is given a value?
fn is_reading(source: &Source, node: Node<'_>, name: &str) -> bool {
    if node.kind() != "identifier" || source.slice(node) != name {
        return false;
    }
    let mut target = node;
    while let Some(outer) = target.parent() {
        match outer.kind() {
            "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" => target = outer,
            "assignment" | "for_statement" | "for_in_clause" => {
                return outer.child_by_field_name("left") != Some(target);
            }
            "parameters" | "lambda_parameters" => return false,
            _ => return true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(text: &str) -> String {
        unused_name(&Source::parse("a.py".as_ref(), text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_name_is_spare_until_it_is_read() {
        for text in ["", "for _ in x:\n    pass\n", "a, _ = b\n", "def f(_):\n    pass\n", "'_'  # _\n"] {
            assert_eq!(spare(text), "_", "{text}");
        }
        assert_eq!(spare("_ = gettext\n_('text')\n"), "_rest");
        assert_eq!(spare("_ = _rest = 1\nprint(_, _rest)\n"), "_rest_2");
    }

    #[test]
    fn longer_names_are_other_names_however_many_there_are() {
        for longer in ["_a", "a_", "a_b", "_1", "__", "_\u{e9}", "\u{e9}_"] {
            assert_eq!(spare(&format!("print({longer})\n").repeat(MOST_PLACES + 1)), "_", "{longer}");
        }
    }

    #[test]
    fn a_name_that_stands_in_too_many_places_is_not_spare() {
        assert_eq!(spare(&"_ = 1\n".repeat(MOST_PLACES + 1)), "_rest");
        assert_eq!(spare(&"_ = 1\n".repeat(MOST_PLACES)), "_");
    }
}
