//! Named tuples: items of a class of their own, which are tuples all the same.
//!
//! ```text
//! class Item(NamedTuple):                           Item = namedtuple("Item", "size name module params")
//!     size: int
//!     name: str
//! ```
//!
//! The class may be in another file of ComfyUI than the load list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tree_sitter::Node;

use super::module::base_names;
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;

/// The fields of each class, by its name.
pub(super) type Classes = BTreeMap<String, Vec<String>>;

/// Files that classes are looked for in; more than one has not been seen.
const MOST_FILES: usize = 4;

/// The classes that a file defines at its top. A name that stands for anything else as well is none of them.
pub(super) fn defined(source: &Source) -> Classes {
    let mut classes = Classes::new();
    for node in source.root().parts() {
        let node = if node.kind() == "expression_statement" { node.part(0).unwrap_or(node) } else { node };
        let Some(name) = node.field("definition").unwrap_or(node).field("name").or_else(|| node.field("left")) else {
            continue;
        };
        let name = source.slice(name).to_owned();
        let fields = match node.kind() {
            "class_definition" => of_class(source, node),
            "assignment" => node.field("right").and_then(|right| of_call(source, right)),
            _ => None,
        };
        match fields {
            Some(fields) if !classes.contains_key(&name) => classes.insert(name, fields),
            _ => classes.remove(&name),
        };
    }
    classes
}

fn of_class(source: &Source, class: Node<'_>) -> Option<Vec<String>> {
    if !base_names(source, class).contains(&"NamedTuple") {
        return None;
    }
    let mut fields = Vec::new();
    for part in class.field("body")?.parts() {
        let inner = part.part(0).unwrap_or(part);
        if inner.kind() == "assignment" && inner.field("type").is_some() {
            fields.push(source.slice(inner.field("left")?).to_owned());
        } else if part.field("name").is_some_and(|name| source.slice(name).starts_with("__")) {
            // It decides itself what comes out of it.
            return None;
        }
    }
    Some(fields)
}

/// `namedtuple("Item", "size name")`, and with a list of names.
fn of_call(source: &Source, call: Node<'_>) -> Option<Vec<String>> {
    let function = call.field("function")?;
    let function = function.field("attribute").unwrap_or(function);
    let [_, names] = call.field("arguments")?.parts()[..] else { return None };
    if source.slice(function) != "namedtuple" || !matches!(names.kind(), "string" | "list" | "tuple") {
        return None;
    }
    let mut fields = Vec::new();
    let mut is_plain = true;
    walk(&mut names.walk(), |node| {
        match node.kind() {
            "string_content" => {
                let names = source.slice(node).split([',', ' ', '\n', '\t']).filter(|name| !name.is_empty());
                fields.extend(names.map(str::to_owned));
            }
            "identifier" | "interpolation" | "escape_sequence" | "call" => is_plain = false,
            _ => {}
        }
        true
    });
    is_plain.then_some(fields)
}

/// The classes that functions call and that the file, which is in `folder`, imports from others of ComfyUI. `look` gives
/// these by their paths in its folder.
pub(super) fn imported(source: &Source, functions: &[Node<'_>], look: &dyn Fn(&Path) -> Option<Source>) -> Classes {
    let called = called(source, functions);
    let mut classes = Classes::new();
    let mut own = Vec::new();
    let mut looks = 0;
    walk(&mut source.root().walk(), |node| {
        if node.kind() != "import_from_statement" {
            if matches!(node.kind(), "class_definition" | "function_definition" | "assignment") {
                own.extend(node.field("name").or_else(|| node.field("left")).map(|name| source.slice(name)));
            }
            return true;
        }
        let mut cursor = node.walk();
        for part in node.children_by_field_name("name", &mut cursor) {
            let there = part.field("name").unwrap_or(part);
            let here = source.slice(part.field("alias").unwrap_or(there));
            let module = node.field("module_name").and_then(|module| paths(source.slice(module)));
            if let Some(paths) = module.filter(|_| called.contains(&here) && looks < MOST_FILES) {
                looks += 1;
                let file = paths.iter().find_map(|path| look(path));
                let fields = file.and_then(|file| defined(&file).remove(source.slice(there)));
                match fields {
                    Some(fields) if !classes.contains_key(here) => classes.insert(here.to_owned(), fields),
                    _ => classes.remove(here),
                };
            }
        }
        false
    });
    classes.retain(|name, _| !own.contains(&name.as_str()));
    classes
}

/// The names that are called as they are.
fn called<'t>(source: &'t Source, functions: &[Node<'t>]) -> Vec<&'t str> {
    let mut names = Vec::new();
    for function in functions {
        walk(&mut function.walk(), |node| {
            let function = (node.kind() == "call").then(|| node.field("function")).flatten();
            names.extend(function.filter(|name| name.kind() == "identifier").map(|name| source.slice(name)));
            true
        });
    }
    names
}

/// Where a module may be, as a file beside `comfy/model_patcher.py` names it; None outside of ComfyUI.
fn paths(module: &str) -> Option<[PathBuf; 2]> {
    let name = module.trim_start_matches('.');
    let folder = match module.len() - name.len() {
        0 if name.starts_with("comfy") => Path::new(""),
        1 => Path::new("comfy"),
        2 => Path::new(""),
        _ => return None,
    };
    let path = name.split('.').fold(folder.to_path_buf(), |path, part| path.join(part.trim()));
    Some([path.with_extension("py"), path.join("__init__.py")])
}
