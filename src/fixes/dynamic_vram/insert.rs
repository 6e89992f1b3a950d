//! Puts code in: the function of `patches/dynamic-vram.py`, once for each file, and its calls.

use tree_sitter::Node;

use super::loaded::{Element, Load};
use crate::fixes::logger;
use crate::python::field::Fields as _;
use crate::python::origin::{Origin, origins};
use crate::python::source::walk;
use crate::python::syntax::{any, identifiers};
use crate::python::{Edit, Source};

/// What is put in; a comment at its top says what its names stand for.
const TEXT: &str = include_str!("../../../patches/dynamic-vram.py");

/// The function's name, where it is free.
pub(super) const NAME: &str = "hand_to_distorch";

/// The edits that call the function where the model of a mark was loaded, or why there are none.
pub(super) fn hand_over(load: &Load<'_>) -> Result<Vec<Edit>, &'static str> {
    let source = load.place.source;
    let position = match load.element {
        Element::Whole => String::new(),
        Element::At(at) => format!(", {at}"),
        Element::Other => return Err("it is not clear which part of what the loader returns is the model"),
    };
    let allocation = load.allocation.ok_or("it is not clear where the allocation comes from")?;
    let after = position_after(load, allocation.node)?;
    let kept = match &attributes_set(load, after)?[..] {
        [] => String::new(),
        names => format!(", kept=[{}]", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")),
    };
    let (function, name) = function(source, load.place.node);
    let (indent, newline) = (source.indent_at(after.start_byte()), source.newline_at(after.start_byte()));
    let call = format!(
        "{newline}{indent}{variable} = {name}({variable}, {allocation}{position}{kept})",
        variable = load.name,
        allocation = allocation.text(),
    );
    Ok(function.into_iter().chain([Edit::insert(source.line_end(after.end_byte()), call)]).collect())
}

/// The statement to put the call behind: the first one at which both the loader's output and the allocation are there, in a
/// block around the mark.
fn position_after<'p>(load: &Load<'p>, allocation: Node<'p>) -> Result<Node<'p>, &'static str> {
    const NO_PLACE: &str = "there is no place between the load and the mark to hand the model over";
    let source = load.place.source;
    let mut made: Vec<_> = load.set_by.clone();
    let mut names = Vec::new();
    walk(&mut allocation.walk(), |node| {
        names.extend((node.kind() == "identifier").then_some(node));
        true
    });
    for name in names {
        made.extend(origins(source, source.slice(name), name).into_iter().filter_map(|origin| match origin {
            Origin::Value { statement, .. } => Some(statement),
            _ => None,
        }));
    }
    let mark = *load.used_by.first().ok_or(NO_PLACE)?;
    let is_inside = |node: &Node<'p>| within(*node, load.place.node) || node.start_byte() >= load.place.node.end_byte();
    let start = load.used_by.iter().filter(|node| is_inside(node)).map(Node::start_byte).min().ok_or(NO_PLACE)?;
    let end = made.iter().filter(|node| node.end_byte() <= mark.start_byte()).map(Node::end_byte).max();
    let end = end.ok_or(NO_PLACE)?;
    // From the mark outwards: the last block that still has a whole statement up to there.
    let mut found = None;
    let mut below = mark;
    while let Some(block) = below.parent().filter(|node| node.kind() != "function_definition") {
        if matches!(block.kind(), "block" | "module") {
            let before = block.parts().into_iter().filter(|part| part.end_byte() <= start);
            let mut whole = before.filter(|part| part.end_byte() >= end);
            if let Some(statement) = whole.next() {
                found = Some(statement);
            }
        }
        below = block;
    }
    let found = found.ok_or(NO_PLACE)?;
    let shares_line = found
        .next_sibling()
        .is_some_and(|next| next.kind() != "comment" && next.start_position().row == found.end_position().row);
    if shares_line { Err("the statement shares its line with another one") } else { Ok(found) }
}

fn within(node: Node<'_>, other: Node<'_>) -> bool {
    node.start_byte() <= other.start_byte() && other.end_byte() <= node.end_byte()
}

/// Attributes that are set on the model itself from its load up to a statement: a model that is loaded a second time has
/// to be given them too.
fn attributes_set<'p>(load: &Load<'p>, until: Node<'p>) -> Result<Vec<&'p str>, &'static str> {
    let source = load.place.source;
    let mut names = vec![load.name];
    let mut found = Vec::new();
    let mut is_clear = true;
    let Some(block) = load.place.node.parent() else { return Ok(found) };
    walk(&mut block.walk(), |node| {
        let is_between = node.start_byte() >= load.place.node.end_byte() && node.end_byte() <= until.end_byte();
        let sides = node.field("left").zip(node.field("right")).filter(|_| is_between && node.kind() == "assignment");
        if let Some((left, right)) = sides {
            let uses = |node: Node<'p>| {
                any(node, |inner| inner.kind() == "identifier" && names.contains(&source.slice(inner)))
            };
            if left.kind() == "identifier" && uses(right) {
                names.push(source.slice(left));
            } else if left.kind() == "attribute" && uses(left) {
                let object = left.field("object").map(|object| source.slice(object)).unwrap_or_default();
                is_clear &= object.ends_with(".model") || object != load.name;
                found.extend(left.field("attribute").map(|name| source.slice(name)));
            }
        }
        true
    });
    found.sort_unstable();
    found.dedup();
    if is_clear { Ok(found) } else { Err("attributes are set on what was loaded before its allocation is known") }
}

/// The edit that puts the function into a file, if it is not there yet, and its name.
fn function(source: &Source, load: Node<'_>) -> (Vec<Edit>, String) {
    let taken = identifiers(source, source.root());
    let numbered = (2..).map(|number| format!("{NAME}_{number}"));
    let mut names = std::iter::once(NAME.to_owned()).chain(numbered);
    let is_there = |name: &str| source.text().contains(&format!("def {name}(")) && defined(source, name).is_some();
    let name = names.find(|name| is_there(name) || !taken.contains(&name.as_str())).unwrap_or_default();
    if is_there(&name) {
        return (Vec::new(), name);
    }
    let (logger, import) = logger::of_module(source);
    let after = anchor(source, load);
    let at = after.map_or_else(
        || source.text().len() - source.text().trim_start_matches('\u{feff}').len(),
        |after| source.line_end(after.end_byte()),
    );
    let newline = source.newline_at(at);
    let text = text(&name, logger, import, unit(source), newline);
    let text = match after {
        Some(_) => format!("{newline}{newline}{newline}{text}"),
        None => format!("{text}{newline}{newline}{newline}"),
    };
    (vec![Edit::insert(at, text)], name)
}

/// The function's text, without a line ending at its end.
fn text(name: &str, logger: &str, import: Option<&str>, unit: &str, newline: &str) -> String {
    let mut lines = Vec::new();
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        let code = line.trim_start();
        let level = (line.len() - code.len()) / 4;
        lines.push(format!(
            "{}{}",
            unit.repeat(level),
            code.replace("HAND(", &format!("{name}(")).replace("LOGGER.", &format!("{logger}."))
        ));
        // Behind its first line, the documentation.
        if lines.len() == 2 {
            lines.extend(import.map(|import| format!("{unit}{import}")));
        }
    }
    lines.join(newline)
}

/// The function as it is in a file, if it is ours.
pub(super) fn defined<'p>(source: &'p Source, name: &str) -> Option<Node<'p>> {
    let definition = source.root().parts().into_iter().find(|node| {
        node.kind() == "function_definition" && node.field("name").is_some_and(|found| source.slice(found) == name)
    })?;
    let newline = source.newline_at(definition.start_byte());
    let (logger, import) = logger::of_module(source);
    let expected = text(name, logger, import, source.indent_unit(definition.field("body")?), newline);
    (source.slice(definition).trim_end() == expected).then_some(definition)
}

/// One level of indentation, as the file's first block has it.
fn unit(source: &Source) -> &str {
    let mut found = None;
    any(source.root(), |node| {
        let is_apart = node.parent().is_some_and(|parent| parent.start_position().row < node.start_position().row);
        found = Some(node).filter(|_| node.kind() == "block" && is_apart);
        found.is_some()
    });
    found.map_or("    ", |block| source.indent_unit(block))
}

/// The statement to put the function behind: the last import, or what makes the logger, before the code that loads.
fn anchor<'p>(source: &'p Source, load: Node<'p>) -> Option<Node<'p>> {
    let (logger, _) = logger::of_module(source);
    let makes_logger = |node: Node<'p>| {
        let assignment = node.part(0).filter(|part| part.kind() == "assignment");
        assignment.and_then(|assignment| assignment.field("left")).is_some_and(|left| source.slice(left) == logger)
    };
    let before = source.root().parts().into_iter().take_while(|node| !within(*node, load));
    before
        .filter(|node| {
            node.kind().starts_with("import") || node.kind() == "future_import_statement" || makes_logger(*node)
        })
        .last()
}
