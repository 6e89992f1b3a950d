//! What the code of a checkout logs with, so that a repair speaks through the same logger.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::source::walk;

/// The logger that these statements use, or else the function, or the file if the name belongs to the module. `None` if
/// these statements print; an import if nothing logs.
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
    if let Some(logger) = logs_with(source, function, lasting) {
        return (Some(logger), None);
    }
    let (logger, import) = of_module(source);
    (Some(logger), import)
}

/// The logger that a module uses under a name that belongs to it; an import if nothing logs.
pub(super) fn of_module(source: &Source) -> (&str, Option<&'static str>) {
    let lasting = |object: Node<'_>| is_module_name(source, object);
    let found = module_logger(source).or_else(|| logs_with(source, source.root(), lasting));
    match found {
        Some(logger) => (logger, None),
        // If it were imported in a function, the statements before would not know it.
        None => ("logging", (!module_names(source, "logging")).then_some("import logging")),
    }
}

/// The object of the first call of a logger's method below `node`, if it is `wanted`.
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

/// Does the path to an object begin with a name that the module itself imports or assigns?
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
