//! A pack that replaces ComfyUI's `_load_list` by its own.
//!
//! ```text
//! comfy.model_patcher.ModelPatcher._load_list = regress_load_list
//! ```
//!
//! The pack's own places then read what that function returns, whatever the ComfyUI. So does ComfyUI's own code, which
//! may be written for other items.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use super::load_list::{Shape, Unclear, shapes};
use super::module::{LOAD_LIST, Module};
use super::pair::Fit;
use super::{PATCHER, bytes};
use crate::cache::{Cache, Key};
use crate::fixes::{self, Accounting, State, load_list};
use crate::install::Files;
use crate::python::field::Fields;
use crate::python::imports::imports;
use crate::python::reach::Reach;
use crate::python::source::walk;
use crate::python::syntax::attribute_set;
use crate::python::{FileId, Package, Place, Source};

/// The most aliases of aliases that are followed.
const MOST_ALIASES: usize = 8;
/// The module that has the classes whose load lists are read.
const MODULE: &str = "model_patcher";

/// One assignment that replaces a class's `_load_list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replaced {
    /// The file.
    pub file: FileId,
    /// The assignment.
    pub range: Range<usize>,
    /// ComfyUI's class.
    pub class: String,
    /// The items that the pack's function gives.
    pub shapes: Result<Vec<Shape>, Unclear>,
    /// Whether it is done whenever the function around it is called.
    pub is_certain: bool,
    /// The methods of that class that the pack replaces, this one included.
    pub methods: BTreeSet<String>,
}

/// May a text assign the method: is its name in front of an equals sign, or in quotes as for `setattr`?
fn may_assign(text: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), LOAD_LIST).any(|at| {
        let after = text[at + LOAD_LIST.len()..].trim_start();
        let is_stored = after.starts_with([':', ',', ')']) || (after.starts_with('=') && !after.starts_with("=="));
        is_stored || text[..at].ends_with(['"', '\''])
    })
}

/// Every such assignment in code that is used.
pub(super) fn read(package: &Package, reach: &Reach) -> Vec<Replaced> {
    let mut found = Vec::new();
    for file in package.mentioning(LOAD_LIST).into_iter().filter(|file| reach.has(*file)) {
        if !package.text(file).is_some_and(may_assign) {
            continue;
        }
        let Ok(source) = package.source(file) else { continue };
        let all: Vec<_> = assignments(source)
            .into_iter()
            .filter(|assigned| reach.unused(package, file, assigned.node.start_byte()).is_none())
            .collect();
        let module = Module::of(source);
        for assigned in all.iter().filter(|assigned| assigned.method == LOAD_LIST) {
            if gives_back(source, assigned.value) {
                continue;
            }
            let shapes = match function(source, assigned) {
                Some(function) => shapes(&module, function),
                None => Err(Unclear {
                    place: source.place(assigned.value.start_byte()),
                    why: String::from("it is not a function of this file"),
                }),
            };
            let of_class = all.iter().filter(|other| other.class == assigned.class);
            found.push(Replaced {
                file,
                range: assigned.node.byte_range(),
                class: assigned.class.to_owned(),
                shapes,
                is_certain: is_certain(source, assigned.node),
                methods: of_class.map(|other| other.method.to_owned()).collect(),
            });
        }
    }
    found
}

/// `Class.method = value`, or `setattr(Class, "method", value)`, for a class of ComfyUI's.
struct Assigned<'t> {
    node: Node<'t>,
    class: &'t str,
    method: &'t str,
    value: Node<'t>,
}

fn assignments(source: &Source) -> Vec<Assigned<'_>> {
    let mut found = Vec::new();
    walk(&mut source.root().walk(), |node| {
        if let Some((object, method, value)) = attribute_set(source, node)
            && let Some(class) = class(source, object, MOST_ALIASES)
        {
            found.push(Assigned { node, class, method, value });
        }
        true
    });
    found
}

/// The class of `comfy.model_patcher` that an expression is; None for anything else.
fn class<'t>(source: &'t Source, node: Node<'t>, aliases: usize) -> Option<&'t str> {
    if node.kind() == "attribute" {
        let object = source.slice(node.field("object")?);
        let is_module = object.rsplit('.').next() == Some(MODULE)
            || imports(source).iter().any(|import| import.bound == Some(object) && is_patcher(&import.dotted()));
        return is_module.then(|| node.field("attribute").map(|name| source.slice(name)))?;
    }
    let name = (node.kind() == "identifier").then(|| source.slice(node))?;
    let imported = imports(source).into_iter().find(|import| import.bound == Some(name));
    if let Some(import) = imported {
        return import.name.filter(|_| is_patcher(&import.module));
    }
    let (left, aliases) = (assigned_to(source, name), aliases.checked_sub(1)?);
    // A name that is given several things may be any of them.
    let [value] = left[..] else { return None };
    class(source, value, aliases)
}

fn is_patcher(dotted: &str) -> bool {
    dotted.split('.').eq(["comfy", MODULE])
}

/// The values that are assigned to a name, anywhere in the file.
fn assigned_to<'t>(source: &'t Source, name: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(&mut source.root().walk(), |node| {
        if node.kind() == "assignment" && node.field("left").is_some_and(|left| source.slice(left) == name) {
            found.extend(node.field("right"));
        }
        true
    });
    found
}

/// Does it restore a `_load_list` that was there before?
fn gives_back(source: &Source, value: Node<'_>) -> bool {
    let is_old = |value: Node<'_>| match value.kind() {
        "attribute" => value.field("attribute").is_some_and(|name| source.slice(name) == LOAD_LIST),
        "call" => source.slice(value).starts_with("getattr(") && source.slice(value).contains(LOAD_LIST),
        _ => false,
    };
    is_old(value)
        || (value.kind() == "identifier" && {
            let values = assigned_to(source, source.slice(value));
            !values.is_empty() && values.into_iter().all(is_old)
        })
}

/// The function of the file that is assigned: the innermost one of this name that can be seen from there.
fn function<'t>(source: &'t Source, assigned: &Assigned<'t>) -> Option<Node<'t>> {
    if assigned.value.kind() != "identifier" {
        return None;
    }
    let name = source.slice(assigned.value);
    let mut scope = Some(assigned.node);
    while let Some(around) = scope {
        if matches!(around.kind(), "block" | "module") {
            let own: Vec<_> = around.parts().into_iter().filter_map(|part| defines(source, part, name)).collect();
            if let [function] = own[..] {
                return Some(function);
            }
            if !own.is_empty() {
                return None;
            }
        }
        scope = around.parent();
    }
    None
}

fn defines<'t>(source: &'t Source, statement: Node<'t>, name: &str) -> Option<Node<'t>> {
    let is_it = statement.kind() == "function_definition"
        && statement.field("name").is_some_and(|own| source.slice(own) == name);
    is_it.then_some(statement)
}

/// Is a statement run whenever the function around it is called, at least for the first time?
fn is_certain(source: &Source, statement: Node<'_>) -> bool {
    let mut below = statement;
    while let Some(around) = below.parent() {
        let fine = match around.kind() {
            "if_statement" => around.field("consequence") == Some(below) && is_once(source, around, below),
            "try_statement" => around.field("body") == Some(below),
            kind => !matches!(
                kind,
                "elif_clause" | "else_clause" | "except_clause" | "for_statement" | "while_statement" | "case_clause"
            ),
        };
        if !fine {
            return false;
        }
        below = around;
    }
    true
}

/// `if not hasattr(Class, "_patched"):` with `Class._patched = …` below it.
fn is_once(source: &Source, statement: Node<'_>, block: Node<'_>) -> bool {
    let Some(condition) = statement.field("condition").filter(|condition| condition.kind() == "not_operator") else {
        return false;
    };
    let call = condition.field("argument").filter(|call| call.kind() == "call");
    let name = call.and_then(|call| call.field("arguments")?.part(1)?.part(1)).map(|name| source.slice(name));
    let is_asked = call
        .and_then(|call| call.field("function"))
        .is_some_and(|function| matches!(source.slice(function), "hasattr" | "getattr"));
    let sets = |name: &str| block.parts().into_iter().any(|part| source.slice(part).contains(&format!(".{name} =")));
    is_asked && name.is_some_and(sets)
}

/// A place in ComfyUI's own code that reads a load list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reader {
    /// The method that it is in, and the class of that.
    method: String,
    class: Option<String>,
    /// Where, in `comfy/model_patcher.py`.
    pub(super) place: Place,
    state: State,
}

impl Reader {
    /// `ModelPatcher.load`.
    pub(super) fn name(&self) -> String {
        self.class.iter().chain([&self.method]).map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// The places in ComfyUI's own code that read its load lists, found like those of a pack.
pub(super) fn readers(files: &Files, cache: Option<&Cache>) -> Option<Vec<Reader>> {
    let text = bytes(files, PATCHER).ok()??;
    let key = Key::new("readers").with(&text);
    if let Some(known) = cache.and_then(|cache| cache.get(&key)) {
        return Some(known);
    }
    let package = Package::new([(Path::new(PATCHER).to_owned(), text)]);
    let surveys = fixes::survey(&package, &[load_list::LOAD_LIST], Accounting::Resident).ok()?;
    let source = package.source(FileId::FIRST).ok()?;
    let reader = |site: &fixes::Site| {
        let node = source.root().descendant_for_byte_range(site.range.start, site.range.end)?;
        let (method, class) = method(source, node)?;
        let place = source.place(site.range.start);
        Some(Reader { method: method.to_owned(), class: class.map(str::to_owned), place, state: site.state })
    };
    let readers: Vec<_> = surveys.iter().flat_map(|survey| &survey.sites).filter_map(reader).collect();
    if let Some(cache) = cache {
        cache.keep(&key, &readers);
    }
    Some(readers)
}

/// The outermost function around a node, and the class that it is a method of.
fn method<'t>(source: &'t Source, node: Node<'t>) -> Option<(&'t str, Option<&'t str>)> {
    let name = |node: Node<'t>| node.field("name").map(|name| source.slice(name));
    let (mut method, mut class, mut around) = (None, None, node.parent());
    while let Some(node) = around {
        match node.kind() {
            "function_definition" => (method, class) = (name(node), None),
            "class_definition" => class = class.or_else(|| name(node)),
            _ => {}
        }
        around = node.parent();
    }
    method.map(|method| (method, class))
}

/// The first place in ComfyUI's code that is right for its own items and wrong for those of the pack.
pub(super) fn broken<'r>(replaced: &Replaced, readers: &'r [Reader], own: &[Shape]) -> Option<&'r Reader> {
    let Ok(shapes) = &replaced.shapes else { return None };
    let fits = |state: State, shapes: &[Shape]| {
        let shapes = shapes.iter().filter(|shape| shape.argument.is_none());
        shapes.map(|shape| Fit::with(state, shape)).max().unwrap_or(Fit::Unclear)
    };
    readers.iter().find(|reader| {
        let is_replaced = reader.class.as_ref() == Some(&replaced.class) && replaced.methods.contains(&reader.method);
        !is_replaced && fits(reader.state, own) <= Fit::WorksToday && fits(reader.state, shapes) == Fit::Broken
    })
}
