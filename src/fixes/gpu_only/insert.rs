//! Inserts code: the text of `patches/gpu-only.py` with the file's own names, indentation and line endings.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use crate::python::field::Fields as _;
use crate::python::source::walk;
use crate::python::{Edit, Source};

/// The text to insert; a comment at its top explains its placeholder names.
const SHARE: &str = include_str!("../../../patches/gpu-only.py");

/// Lines of code, each with how many levels it is indented.
pub(super) type Lines = Vec<(usize, String)>;

/// The code that shares `amount` among the GPUs of `container`, to be inserted near the statements `near` in
/// `function`, `instead_of` other code there.
pub(super) fn share<'p>(
    source: &'p Source,
    function: Node<'p>,
    container: Node<'p>,
    amount: Node<'p>,
    near: RangeInclusive<Node<'p>>,
    instead_of: Option<Node<'p>>,
) -> Lines {
    let mut lines = Lines::new();
    let taken = identifiers(source, function, instead_of);
    let free = |name: &str| {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        // There are always more numbers than names.
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken.contains(&name.as_str()))
            .unwrap_or_default()
    };
    let remainder = if amount.kind() == "identifier" {
        source.slice(amount).to_owned()
    } else {
        // Computed once, before anything that it depends on changes.
        let name = free("remaining_bytes");
        lines.push((0, format!("{name} = {}", source.slice(amount))));
        name
    };
    let (logger, import) = logger(source, function, &near);
    lines.extend(import.map(|import| (0, import.to_owned())));
    let names = [
        ("ALLOCATIONS", source.slice(container).to_owned()),
        ("REMAINDER", remainder),
        ("SHARED", free("gpu_bytes")),
        ("GPUS", free("gpu_devices")),
        ("DEVICE", free("gpu")),
    ];
    for line in SHARE.lines().filter(|line| !line.starts_with('#')) {
        let code = line.trim_start();
        let mut text = match &logger {
            Some(logger) => code.replace("LOGGER", logger),
            None => code.replace("LOGGER.info(", "print(").replace("LOGGER.warning(", "print("),
        };
        for (placeholder, name) in &names {
            text = replace_word(&text, placeholder, name);
        }
        lines.push(((line.len() - code.len()) / 4, text));
    }
    lines
}

/// Indents the statements from `first` to `last` of `block` under `test`, followed by another branch (its header and
/// lines). `None` if they share lines with others.
pub(super) fn behind_test(
    source: &Source,
    block: Node<'_>,
    first: Node<'_>,
    last: Node<'_>,
    test: &str,
    otherwise: Option<(String, Lines)>,
) -> Option<Vec<Edit>> {
    let (start, end) = (first.start_byte(), last.end_byte());
    let newline = source.newline_at(start);
    let unit = unit(source, block);
    let own_line = source.text()[source.line_start(start)..start].trim_start_matches('\u{feff}').trim().is_empty();
    if last
        .next_sibling()
        .is_some_and(|next| next.start_position().row == last.end_position().row && next.kind() != "comment")
    {
        return None;
    }
    let mut indent = source.indent_at(start).to_owned();
    let mut edits = Vec::new();
    if own_line {
        let strings = source.multi_line_strings(&(start..end));
        let mut line = source.line_start(start);
        edits.push(Edit::insert(line, format!("{indent}{test}{newline}{unit}")));
        while let Some(next) = source.text()[line..end].find('\n').map(|newline| line + newline + 1) {
            line = next;
            let in_string = strings.iter().any(|string| string.start < line && line < string.end);
            if !in_string && !source.line_at(line).trim().is_empty() {
                edits.push(Edit::insert(line, unit));
            }
        }
    } else if first.prev_sibling().is_none() && first.start_position().row == last.end_position().row {
        // `if …: statement`: the statement moves to a line of its own, still after a colon.
        indent.push_str(unit);
        let colon = source.text()[..start].trim_end_matches([' ', '\t']).len();
        edits.push(Edit::replace(colon..start, format!("{newline}{indent}{test} ")));
    } else {
        return None;
    }
    if let Some((header, lines)) = otherwise {
        let body = render(&lines, &format!("{indent}{unit}"), unit, newline);
        edits.push(Edit::insert(source.line_end(end), format!("{newline}{indent}{header}{newline}{body}")));
    }
    Some(edits)
}

/// Adds an `else` with these lines to an `if` statement.
pub(super) fn otherwise(source: &Source, branches: Node<'_>, lines: &Lines) -> Option<Edit> {
    let newline = source.newline_at(branches.start_byte());
    let indent = source.indent_at(branches.start_byte());
    let unit = unit(source, branches.child_by_field_name("consequence")?);
    let body = render(lines, &format!("{indent}{unit}"), unit, newline);
    Some(Edit::insert(source.line_end(branches.end_byte()), format!("{newline}{indent}else:{newline}{body}")))
}

/// Replaces the statements of a branch (its `body`) by these lines. `None` if it is not a plain block on lines of its
/// own.
pub(super) fn in_place_of(source: &Source, branches: Node<'_>, body: Node<'_>, lines: &Lines) -> Option<Edit> {
    let start = body.start_byte();
    if body.kind() != "block" || !source.text()[source.line_start(start)..start].trim().is_empty() {
        return None;
    }
    let newline = source.newline_at(start);
    let unit = unit(source, branches.child_by_field_name("consequence")?);
    let text = render(lines, source.indent_at(start), unit, newline);
    Some(Edit::replace(source.line_start(start)..body.end_byte(), text))
}

fn render(lines: &Lines, indent: &str, unit: &str, newline: &str) -> String {
    let lines: Vec<_> = lines.iter().map(|(level, text)| format!("{indent}{}{text}", unit.repeat(*level))).collect();
    lines.join(newline)
}

/// One level of indentation: that of the block, or that of the file if the block is on its header's line.
fn unit<'p>(source: &'p Source, block: Node<'p>) -> &'p str {
    let apart =
        |block: Node<'p>| block.parent().is_some_and(|parent| parent.start_position().row < block.start_position().row);
    if apart(block) {
        return source.indent_unit(block);
    }
    let mut found = None;
    walk(&mut source.root().walk(), |node| {
        if found.is_none() && node.kind() == "block" && apart(node) {
            found = Some(node);
        }
        found.is_none()
    });
    source.indent_unit(found.unwrap_or(block))
}

/// The logger that these statements use, or else the function, or the file if the name belongs to the module. `None` if
/// these statements print; an import if nothing logs.
fn logger<'p>(
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
    let found = logs_with(source, function, lasting)
        .or_else(|| module_logger(source))
        .or_else(|| logs_with(source, source.root(), lasting));
    match found {
        Some(logger) => (Some(logger), None),
        // If it were imported in the function, the statements before would not know it.
        None => (Some("logging"), (!module_names(source, "logging")).then_some("import logging")),
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

fn identifiers<'p>(source: &'p Source, function: Node<'p>, except: Option<Node<'p>>) -> Vec<&'p str> {
    let mut found = Vec::new();
    walk(&mut function.walk(), |node| {
        if Some(node) == except {
            return false;
        }
        if node.kind() == "identifier" {
            found.push(source.slice(node));
        }
        true
    });
    found
}

/// Replaces `word` by `name` wherever it is a whole word.
fn replace_word(text: &str, word: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let before = rest[..at].chars().next_back().is_some_and(is_part);
        let after = rest[at + word.len()..].chars().next().is_some_and(is_part);
        out.push_str(&rest[..at]);
        out.push_str(if before || after { word } else { name });
        rest = &rest[at + word.len()..];
    }
    out + rest
}
