//! Named tuples: items of a class of their own that are tuples too.
//!
//! ```text
//! class Item(NamedTuple):                           Item = namedtuple("Item", "size name module params")
//!     size: int
//!     name: str
//! ```
//!
//! The class may be in another file of ComfyUI than the load list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tree_sitter::Node;

use super::module::base_names;
use crate::python::Source;
use crate::python::field::Fields;
use crate::python::source::walk;

/// The fields of each class, by its name.
pub(super) type Classes = BTreeMap<String, Vec<String>>;

/// The most imported names that are looked up; known versions of ComfyUI have one or none.
const MOST_NAMES: usize = 16;

/// The classes that a file defines, outside of functions and classes. A name that may also be something else is not one
/// of them.
pub(super) fn defined(source: &Source) -> Classes {
    let mut classes = BTreeMap::new();
    bindings(source, |name, by| {
        let fields = match by.kind() {
            "class_definition" => of_class(source, by),
            "assignment" => by.field("right").and_then(|right| of_call(source, right)),
            _ => None,
        };
        let name = source.slice(name);
        let fields = fields.filter(|_| !classes.contains_key(name));
        classes.insert(name, fields);
    });
    classes.into_iter().filter_map(|(name, fields)| Some((name.to_owned(), fields?))).collect()
}

/// Visits the names that a file gives values outside of functions and classes, each with the node that does so: a
/// definition, an assignment, or its part of an import.
fn bindings<'t>(source: &'t Source, mut bind: impl FnMut(Node<'t>, Node<'t>)) {
    walk(&mut source.root().walk(), |node| {
        let is_definition = matches!(node.kind(), "class_definition" | "function_definition");
        match node.kind() {
            "import_from_statement" => {
                let mut cursor = node.walk();
                for part in node.children_by_field_name("name", &mut cursor) {
                    bind(part.field("alias").unwrap_or(part), part);
                }
            }
            "assignment" => node.field("left").into_iter().for_each(|name| bind(name, node)),
            _ if is_definition => node.field("name").into_iter().for_each(|name| bind(name, node)),
            _ => {}
        }
        !is_definition
    });
}

fn of_class(source: &Source, class: Node<'_>) -> Option<Vec<String>> {
    let is_decorated = class.parent().is_some_and(|around| around.kind() == "decorated_definition");
    if is_decorated || !base_names(source, class).contains(&"NamedTuple") {
        return None;
    }
    let mut fields = Vec::new();
    for part in class.field("body")?.parts() {
        let inner = part.part(0).unwrap_or(part);
        if inner.kind() == "assignment" && inner.field("type").is_some() {
            fields.push(source.slice(inner.field("left")?).to_owned());
        } else if part.field("name").is_some_and(|name| source.slice(name).starts_with("__")) {
            // Such a class decides itself what iterating over it gives.
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

/// The classes that functions call and that their file imports from other files of ComfyUI. `look` gives a file by its
/// path.
pub(super) fn imported(source: &Source, functions: &[Node<'_>], look: &dyn Fn(&Path) -> Option<Source>) -> Classes {
    let class = |(name, origin): (&str, Option<Origin<'_>>)| {
        let Origin { module, name: there } = origin?;
        let file = paths(module)?.iter().find_map(|path| look(path))?;
        Some((name.to_owned(), defined(&file).remove(there)?))
    };
    origins(source, &called(source, functions)).into_iter().take(MOST_NAMES).filter_map(class).collect()
}

/// Where a name is imported from.
struct Origin<'t> {
    module: &'t str,
    name: &'t str,
}

/// Where the file imports these names from; None for a name that it also gives a value in another way.
fn origins<'t>(source: &'t Source, names: &BTreeSet<&'t str>) -> BTreeMap<&'t str, Option<Origin<'t>>> {
    let mut origins = BTreeMap::new();
    bindings(source, |name, by| {
        if let Some(name) = names.get(source.slice(name)) {
            let module = by.parent().and_then(|import| import.field("module_name"));
            let origin = module.filter(|_| !origins.contains_key(name)).map(|module| Origin {
                module: source.slice(module),
                name: source.slice(by.field("name").unwrap_or(by)),
            });
            origins.insert(*name, origin);
        }
    });
    origins
}

/// The names that are called as they are.
fn called<'t>(source: &'t Source, functions: &[Node<'t>]) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
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
