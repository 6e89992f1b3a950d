//! Puts code in: the function of `patches/dynamic-vram.py`, once for each file, and its calls.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::loaded::{Element, Load, statement};
use crate::edit::Edit;
use crate::fixes::logger;
use crate::fixes::spare::first_name;
use crate::python::field::Fields as _;
use crate::python::origin::{Origin, is_bound, origins};
use crate::python::syntax::{any, identifiers, top_definition};
use crate::python::{FileId, Source};

/// What is put in; a comment at its top says what its names stand for.
const TEXT: &str = include_str!("../../../patches/dynamic-vram.py");

/// The function's name, where it is free.
pub(super) const NAME: &str = "hand_to_distorch";

/// The edits that call the function where the model of a mark was loaded, or why there are none.
pub(super) fn hand_over(load: &Load<'_>, functions: &mut Functions) -> Result<Vec<Edit>, &'static str> {
    let source = load.place.source;
    let position = match load.element {
        Element::Whole => String::new(),
        Element::At(at) => format!(", {at}"),
        Element::Other => return Err("it is not clear which part of what the loader returns is the model"),
    };
    let allocation = load.allocation.ok_or("it is not clear where the allocation comes from")?;
    let place = place(load, allocation.node)?;
    let kept = attributes_set(load, place.offset());
    let kept = if kept.is_empty() { String::new() } else { format!(", kept=[{}]", kept.join(", ")) };
    let Function { name, lines } = functions.entry(load.place.file).or_insert_with(|| function(source));
    let call = format!("{0} = {name}({0}, {1}{position}{kept})", load.name, allocation.text());
    let function = lines.as_ref().map(|lines| {
        let at = before_code(source, load.place.node);
        let newline = source.newline_at(at);
        Edit::insert(at, lines.join(newline) + &newline.repeat(3))
    });
    Ok(function.into_iter().chain([place.insert(source, &call)]).collect())
}

/// The functions of all files in which models are handed over.
pub(super) type Functions = BTreeMap<FileId, Function>;

/// The function of a file.
pub(super) struct Function {
    /// Its name there.
    name: String,
    /// Its lines; none if it is there.
    lines: Option<Vec<String>>,
}

/// Where a statement is put.
enum Place<'p> {
    After(Node<'p>),
    Before(Node<'p>),
}

impl Place<'_> {
    fn offset(&self) -> usize {
        match self {
            Self::After(node) => node.end_byte(),
            Self::Before(node) => node.start_byte(),
        }
    }

    fn insert(&self, source: &Source, statement: &str) -> Edit {
        let (Self::After(node) | Self::Before(node)) = self;
        let (indent, newline) = (source.indent_at(node.start_byte()), source.newline_at(node.start_byte()));
        match self {
            Self::After(node) => {
                Edit::insert(source.line_end(node.end_byte()), format!("{newline}{indent}{statement}"))
            }
            Self::Before(node) => {
                Edit::insert(source.line_start(node.start_byte()), format!("{indent}{statement}{newline}"))
            }
        }
    }
}

/// The first place, in the outermost block, at which both the loader's output and the allocation are sure to be there, and
/// from which on the mark is led to.
fn place<'p>(load: &Load<'p>, allocation: Node<'p>) -> Result<Place<'p>, &'static str> {
    let source = load.place.source;
    let mark = *load.used_by.first().ok_or(NO_PLACE)?;
    let mut names = vec![load.name];
    names.extend(identifiers(source, allocation));
    // What may fail where it is evaluated stays under the conditions that it is under.
    let innermost = statement(allocation).and_then(|statement| statement.parent());
    let may_fail = allocation.kind() != "identifier";
    let mut made: Vec<_> = load.set_by.clone();
    for name in &names[1..] {
        made.extend(origins(source, name, allocation).into_iter().filter_map(|origin| match origin {
            Origin::Value { statement, .. } => Some(statement),
            _ => None,
        }));
    }
    let made = made.iter().map(Node::end_byte).filter(|end| *end <= mark.start_byte()).max().ok_or(NO_PLACE)?;
    let leads = load.used_by.iter().map(Node::start_byte).filter(|start| *start >= load.place.node.end_byte());
    let leads = leads.min().ok_or(NO_PLACE)?;
    let mut found = None;
    let mut below = mark;
    while let Some(block) = below.parent().filter(|node| node.kind() != "function_definition") {
        if matches!(block.kind(), "block" | "module") {
            let mut next = block.parts().into_iter().skip_while(|part| part.start_byte() < made);
            let fits =
                |next: &Node<'p>| next.start_byte() <= leads && names.iter().all(|name| is_bound(source, name, *next));
            if let Some(next) = next.next().filter(fits) {
                found = Some(next);
            }
            if may_fail && innermost == Some(block) {
                break;
            }
        }
        below = block;
    }
    let next = found.ok_or(NO_PLACE)?;
    let before = next.prev_named_sibling().filter(|before| !before.is_extra());
    let begins_line =
        |node: Node<'p>| source.text()[source.line_start(node.start_byte())..node.start_byte()].trim().is_empty();
    match before {
        _ if !begins_line(next) => Err("the statement shares its line with another one"),
        Some(before) => Ok(Place::After(before)),
        None => Ok(Place::Before(next)),
    }
}

/// The attributes, as strings, that are set on what was loaded, or on a part of it, from its load up to an offset. They may
/// be set on the patcher, which another one takes the place of.
fn attributes_set(load: &Load<'_>, until: usize) -> Vec<String> {
    let source = load.place.source;
    let mut names = vec![load.name];
    let mut found = BTreeSet::new();
    let Some(block) = load.place.node.parent() else { return Vec::new() };
    any(block, |node| {
        let is_between = node.start_byte() >= load.place.node.end_byte() && node.end_byte() <= until;
        let sides = node.field("left").zip(node.field("right")).filter(|_| is_between && node.kind() == "assignment");
        if let Some((left, right)) = sides {
            let uses = |node: Node<'_>| identifiers(source, node).iter().any(|name| names.contains(name));
            if left.kind() == "identifier" && uses(right) {
                names.push(source.slice(left));
            } else if let Some(object) = left.field("object").filter(|object| uses(*object)) {
                let is_models = object.field("attribute").is_some_and(|part| source.slice(part) == "model");
                let name = left.field("attribute").filter(|_| !is_models);
                found.extend(name.map(|name| format!("\"{}\"", source.slice(name))));
            }
        }
        false
    });
    found.into_iter().collect()
}

const NO_PLACE: &str = "there is no place between the load and the mark to hand the model over";

/// The function of a file, under a name that is free in it.
fn function(source: &Source) -> Function {
    let taken = identifiers(source, source.root());
    let is_there = |name: &str| defined(source, name).is_some();
    let name = first_name(NAME, |name| is_there(name) || !taken.contains(&name));
    if is_there(&name) {
        return Function { name, lines: None };
    }
    let (logger, import) = logger::of_module(source);
    let lines = lines(&name, logger, import, source.unit());
    Function { name, lines: Some(lines) }
}

/// The function's lines, without their endings.
fn lines(name: &str, logger: &str, import: Option<&str>, unit: &str) -> Vec<String> {
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
    lines
}

/// The function as it is in a file, if it is ours.
pub(super) fn defined<'p>(source: &'p Source, name: &str) -> Option<Node<'p>> {
    let definition = top_definition(source, &["function_definition"], name)?;
    let newline = source.newline_at(definition.start_byte());
    let (logger, import) = logger::of_module(source);
    let expected = lines(name, logger, import, source.indent_unit(definition.field("body")?));
    (source.slice(definition).trim_end() == expected.join(newline)).then_some(definition)
}

/// Where the function goes: before the first function or class of the module, with the comments that belong to it, or
/// before the statement that loads, if that comes first.
fn before_code(source: &Source, load: Node<'_>) -> usize {
    let is_code = |node: &Node<'_>| node.kind().ends_with("_definition") || node.end_byte() >= load.start_byte();
    let Some(mut first) = source.root().parts().into_iter().find(is_code) else { return 0 };
    while let Some(comment) = first.prev_named_sibling().filter(|node| node.kind() == "comment") {
        let gap = first.start_position().row - comment.end_position().row;
        let begins_line = source.line_at(comment.start_byte()).trim_start_matches('\u{feff}').starts_with('#');
        if gap > 2 || !begins_line {
            break;
        }
        first = comment;
    }
    source.line_start(first.start_byte()).max(source.text().len() - source.text().trim_start_matches('\u{feff}').len())
}
