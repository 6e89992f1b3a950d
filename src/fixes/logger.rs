//! What the code of a checkout logs with, so that a repair speaks through the same logger.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

/// What is logged with in these statements, or else in the function, or in the file where the name is the module's own.
/// Nothing if these statements print; and an import if nobody logs.
pub(super) fn near<'p>(
    source: &'p Source,
    function: Node<'p>,
    near: &RangeInclusive<Node<'p>>,
) -> (Option<&'p str>, Option<&'static str>) {
    let mut prints = false;
    let mut statement = Some(*near.start());
    while let Some(node) = statement {
        if let Some(logger) = logs_with(source, node, |_| true) {
            return (Some(logger), None);
        }
        walk(&mut node.walk(), |inner| {
            let called = inner.child_by_field_name("function").filter(|_| inner.kind() == "call");
            prints |= called.is_some_and(|called| source.slice(called) == "print");
            !prints
        });
        statement = node.next_named_sibling().filter(|_| node != *near.end());
    }
    if prints {
        return (None, None);
    }
    // Another function's logger may be a name that only exists there.
    let lasting = |object: Node<'p>| is_module_name(source, object);
    match logs_with(source, function, lasting) {
        Some(logger) => (Some(logger), None),
        None => {
            let (logger, import) = of_module(source);
            (Some(logger), import)
        }
    }
}

/// What is logged with in a module, under a name of its own; and an import if nobody logs.
pub(super) fn of_module(source: &Source) -> (&str, Option<&'static str>) {
    let lasting = |object: Node<'_>| is_module_name(source, object);
    let found = module_logger(source).or_else(|| logs_with(source, source.root(), lasting));
    match found {
        Some(logger) => (logger, None),
        // Imported in a function, it would be unknown there to what stands before.
        None => ("logging", (!module_names(source, "logging")).then_some("import logging")),
    }
}

/// What the first call of a logger's method below `node` is made on, of those that are `wanted`.
fn logs_with<'p>(source: &'p Source, node: Node<'p>, wanted: impl Fn(Node<'p>) -> bool) -> Option<&'p str> {
    let mut found = None;
    walk(&mut node.walk(), |inner| {
        if found.is_none()
            && inner.kind() == "call"
            && let Some(called) = inner.child_by_field_name("function")
            && let Some(method) = called.child_by_field_name("attribute")
            && matches!(source.slice(method), "info" | "warning" | "debug" | "error")
            && let Some(object) = called.child_by_field_name("object").filter(|object| wanted(*object))
        {
            found = Some(source.slice(object));
        }
        found.is_none()
    });
    found
}

/// `logger = logging.getLogger("…")`, in the module itself.
fn module_logger(source: &Source) -> Option<&str> {
    let root = source.root();
    let mut cursor = root.walk();
    let assignments = root.named_children(&mut cursor).filter_map(|statement| statement.part(0));
    let mut loggers = assignments.filter(|node| node.kind() == "assignment").filter_map(|assignment| {
        let called = assignment.child_by_field_name("right")?.child_by_field_name("function")?;
        let name = assignment.child_by_field_name("left").filter(|left| left.kind() == "identifier")?;
        source.slice(called).trim_start_matches("logging.").eq("getLogger").then(|| source.slice(name))
    });
    loggers.next()
}

/// Is an object reached from a name that the module itself imports or assigns?
fn is_module_name(source: &Source, object: Node<'_>) -> bool {
    let mut name = object;
    while let Some(inner) = name.child_by_field_name("object") {
        name = inner;
    }
    if name.kind() != "identifier" {
        return false;
    }
    module_names(source, source.slice(name))
}

/// Does the module itself import or assign this name?
fn module_names(source: &Source, name: &str) -> bool {
    let mut found = false;
    walk(&mut source.root().walk(), |node| {
        found |= match node.kind() {
            "assignment" => node.child_by_field_name("left").is_some_and(|left| source.slice(left) == name),
            "import_statement" | "import_from_statement" => {
                let words = source.slice(node).split(|c: char| !c.is_alphanumeric() && c != '_');
                words.into_iter().any(|word| word == name)
            }
            _ => false,
        };
        !found && !matches!(node.kind(), "function_definition" | "class_definition" | "lambda")
    });
    found
}
