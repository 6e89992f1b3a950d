//! The node classes of an installation, read from its Python.

use std::path::Path;
use std::rc::Rc;

use super::evaluate::Evaluator;
use super::library::Library;
use super::value::{Class as Definition, Dict, Value};
use super::widgets::{takes_model, widgets};
use super::{Class, Classes, Kind, KnownBy, LOADED};
use super::{kept, parts};
use crate::cache::Cache;
use crate::text;

/// Where every pack lists its classes.
const MAPPINGS: &str = "NODE_CLASS_MAPPINGS";

/// Reads the classes of the node, and those of the wanted names from ComfyUI and from the packs beside the node.
///
/// `node` is the folder of the checkout and `comfyui` that of ComfyUI, if there is one. If the same files have been read for
/// the same names before, the answer comes from the cache.
pub fn installed(node: Option<&Path>, comfyui: Option<&Path>, wanted: &[&str], cache: Option<&Cache>) -> Classes {
    let mut library = Library::default();
    if let Some(comfyui) = comfyui {
        library.add_comfyui(comfyui);
    }
    let init = node.filter(|node| node.join("__init__.py").is_file()).map(|node| library.add_node(node));
    let real = node.and_then(|node| text::real(node).ok());
    let folders =
        [comfyui.map(|comfyui| comfyui.join("custom_nodes")), node.and_then(Path::parent).map(Path::to_owned)];
    for folder in folders.into_iter().flatten() {
        library.add_packs(&folder, real.as_deref());
    }
    kept::classes(&library, [node, comfyui], wanted, cache, || {
        let evaluator = Evaluator::new(&library);
        let mut classes = match init {
            Some(init) => evaluator.limited(|| own(&evaluator, init)).unwrap_or_default(),
            None => Classes::default(),
        };
        others(&evaluator, wanted, &mut classes);
        classes
    })
}

/// The classes that the node registers.
fn own(evaluator: &Evaluator<'_>, init: usize) -> Classes {
    let mut classes = Classes::default();
    let Some(Value::Dict(mappings)) = evaluator.module(init).get(MAPPINGS) else { return classes };
    classes.is_complete = !mappings.may_have_others();
    for (name, value) in mappings.entries.borrow().iter() {
        if mappings.is_perhaps(name) {
            classes.perhaps.insert(name.to_string());
        }
        classes.add(name, class(evaluator, name, value, true));
    }
    classes
}

/// The classes of these names that others register, and those that the node's wrap.
fn others(evaluator: &Evaluator<'_>, wanted: &[&str], classes: &mut Classes) {
    let with_parts = classes.known.values().filter(|class| !class.parts.is_empty());
    let bases: Vec<String> = with_parts.filter_map(|class| class.base.clone()).collect();
    let mut wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).chain(bases.iter().cloned()).collect();
    wanted.retain(|name| !classes.known.contains_key(name) && !classes.unknown.contains_key(name));
    wanted.sort();
    wanted.dedup();
    for name in wanted {
        let found = evaluator.limited(|| {
            let value = evaluator.registered(&name)?;
            Some(class(evaluator, &name, &value, false))
        });
        let mut class = match found {
            Some(Some(class)) => class,
            Some(None) => continue,
            None => Err("there is too much code to follow".to_owned()),
        };
        if let Ok(class) = &mut class
            && class.kind == Kind::Other
            && bases.contains(&name)
        {
            class.kind = Kind::Plain;
        }
        classes.add(&name, class);
    }
}

impl<'t> Evaluator<'t> {
    /// The class that a name is registered for, in ComfyUI or a pack.
    pub(super) fn registered(&self, name: &str) -> Option<Value<'t>> {
        // The files of the packs beside the node are not even looked for if it is in none of these.
        for file in self.library.own().chain(std::iter::once_with(|| self.library.others()).flatten()) {
            if !self.library.file(file).quotes(name) {
                continue;
            }
            let scope = self.module(file);
            if let Some(Value::Dict(dict)) = scope.get(MAPPINGS)
                && let Some(value) = dict.get(name)
            {
                return Some(value);
            }
            let is_it = |value: &Value<'t>| matches!(value, Value::Class(class) if self.node_id(class).as_deref() == Some(name));
            if let Some(value) = scope.names().into_values().find(is_it) {
                return Some(value);
            }
        }
        None
    }

    /// What is registered under a name, if this is the list of all classes: ComfyUI adds to it what other files define.
    pub(super) fn missing(&self, dict: &Rc<Dict<'t>>, name: &str) -> Option<Value<'t>> {
        let is_core = |file: usize| {
            let file = self.library.file(file);
            file.pack.is_none() && file.name == "nodes.py"
        };
        let core = self.library.own().find(|file| is_core(*file))?;
        match self.module(core).get(MAPPINGS) {
            Some(Value::Dict(all)) if Rc::ptr_eq(&all, dict) => self.registered(name),
            _ => None,
        }
    }
}

/// A class, or why its inputs are not known.
fn class<'t>(evaluator: &Evaluator<'t>, name: &str, value: &Value<'t>, is_own: bool) -> Result<Class, String> {
    let Value::Class(definition) = value else { return Err("what is registered for it is not known".to_owned()) };
    let file = evaluator.library.file(definition.file);
    let line = definition.node.start_position().row + 1;
    let place = || format!("{}:{line}", file.name);
    let types = match evaluator.input_types(definition) {
        Some(Value::Dict(types)) => types,
        Some(_) => return Err(format!("its inputs cannot be followed from {}", place())),
        None => return Err(format!("no inputs are defined at {}", place())),
    };
    let widgets = widgets(&types).map_err(|what| format!("{what}, from {}", place()))?;
    let base = definition.bases.iter().find_map(|base| match base {
        Value::Class(base) => Some(base.name.to_string()),
        _ => None,
    });
    let parts = if is_own { parts::of_class(evaluator, definition, &widgets) } else { Vec::new() };
    let has_models = widgets.iter().any(|widget| widget.categories().is_some());
    let gives = evaluator.gives(definition);
    let loads = has_models && gives.iter().any(|given| LOADED.contains(&given.as_str())) && !takes_model(&types);
    let kind = match Kind::of_loader(name, &parts) {
        Kind::MultiGpu | Kind::Plain if !loads => Kind::Other,
        kind => kind,
    };
    let known_by = KnownBy::Source { file: file.name.clone(), line };
    Ok(Class { name: name.to_owned(), base, pack: file.pack.clone(), kind, widgets, parts, known_by })
}

impl<'t> Evaluator<'t> {
    /// The types that a class gives.
    fn gives(&self, class: &Rc<Definition<'t>>) -> Vec<String> {
        match self.member(class, "RETURN_TYPES", &Value::Nothing, 0) {
            Some(Value::List(list)) => {
                list.items.borrow().iter().filter_map(|item| item.as_text().map(str::to_owned)).collect()
            }
            _ => self.outputs(class),
        }
    }
}
