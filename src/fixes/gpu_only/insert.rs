//! Inserts code: the text of `patches/gpu-only.py` with the file's own names, indentation and line endings.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use crate::edit::Edit;
use crate::fixes::logger;
use crate::fixes::spare::first_name;
use crate::python::Source;
use crate::python::source::{is_apart, walk};

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
    let free = |name: &str| first_name(name, |name| !taken.contains(&name));
    let remainder = if amount.kind() == "identifier" {
        source.slice(amount).to_owned()
    } else {
        // Computed once, before anything that it depends on changes.
        let name = free("remaining_bytes");
        lines.push((0, format!("{name} = {}", source.slice(amount))));
        name
    };
    let (logger, import) = logger::near(source, function, &near);
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
    if is_apart(block) { source.indent_unit(block) } else { source.unit() }
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
