//! The node classes of an installation, read from its Python.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use super::evaluate::Evaluator;
use super::library::Library;
use super::value::{Class as Definition, Dict, Value};
use super::{Choices, Class, Classes, Kind, KnownBy, Literal, Part, Widget, WidgetKind};

/// Where every pack lists its classes.
const MAPPINGS: &str = "NODE_CLASS_MAPPINGS";
/// What a loader gives.
const LOADED: [&str; 5] = ["MODEL", "CLIP", "VAE", "CLIP_VISION", "CONTROL_NET"];
/// The types of inputs that are widgets.
const WIDGETS: [&str; 4] = ["INT", "FLOAT", "STRING", "BOOLEAN"];

/// Reads the classes of the node, and those of the wanted names from ComfyUI and from the packs beside the node.
///
/// `node` is the folder of the checkout and `comfyui` that of ComfyUI, if there is one.
pub fn installed(node: Option<&Path>, comfyui: Option<&Path>, wanted: &[&str]) -> Classes {
    let mut library = Library::default();
    let custom_nodes = comfyui.map(|comfyui| comfyui.join("custom_nodes"));
    if let Some(comfyui) = comfyui {
        library.add(comfyui, &comfyui.join("nodes.py"), None);
        library.add_folder(comfyui, &comfyui.join("comfy_extras"), None);
    }
    let folders = [custom_nodes.as_deref(), node.and_then(Path::parent)];
    for folder in folders.into_iter().flatten() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        library.packs.extend(folders.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    }
    library.packs.sort();
    library.packs.dedup();
    let own = library.len();
    if let Some(node) = node {
        let name = node.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        library.add(node, &node.join("__init__.py"), Some(&name));
        library.add_folder(node, node, Some(&name));
    }
    let packs = library.len();
    if let Some(custom_nodes) = &custom_nodes {
        for pack in library.packs.clone() {
            let folder = custom_nodes.join(&pack);
            if node.is_none_or(|node| node != folder) {
                library.add_folder(&folder, &folder, Some(&pack));
            }
        }
    }
    let evaluator = Evaluator::new(&library);
    let mut classes = Vec::new();
    if own < packs {
        classes.extend(mapped(&evaluator, own).iter().filter_map(|(name, value)| class(&evaluator, name, value, true)));
    }
    let bases: Vec<String> =
        classes.iter().filter(|class| !class.parts.is_empty()).filter_map(|class| class.base.clone()).collect();
    let wanted = wanted.iter().map(|name| (*name).to_owned()).chain(bases.iter().cloned());
    let mut wanted: Vec<String> = wanted.filter(|name| !classes.iter().any(|class| class.name == *name)).collect();
    wanted.sort();
    wanted.dedup();
    for name in wanted {
        let Some(value) = evaluator.registered(&name) else { continue };
        let Some(mut class) = class(&evaluator, &name, &value, false) else { continue };
        if class.kind == Kind::Other && bases.contains(&name) {
            class.kind = Kind::Plain;
        }
        classes.push(class);
    }
    Classes::new(classes)
}

/// The classes that a file lists.
fn mapped<'t>(evaluator: &Evaluator<'t>, file: usize) -> Vec<(Rc<str>, Value<'t>)> {
    match evaluator.module(file).get(MAPPINGS) {
        Some(Value::Dict(dict)) => dict.entries.borrow().clone(),
        _ => Vec::new(),
    }
}

impl<'t> Evaluator<'t> {
    /// The class that a name is registered for, in ComfyUI or a pack.
    pub(super) fn registered(&self, name: &str) -> Option<Value<'t>> {
        let quoted = [format!("\"{name}\""), format!("'{name}'")];
        for file in 0..self.library.len() {
            if !quoted.iter().any(|quoted| self.library.file(file).mentions(quoted)) {
                continue;
            }
            let scope = self.module(file);
            if let Some(Value::Dict(dict)) = scope.get(MAPPINGS)
                && let Some(value) = dict.get(name)
            {
                return Some(value);
            }
            let classes = scope.names().into_values();
            let schemas = classes
                .filter(|value| matches!(value, Value::Class(class) if self.node_id(class).as_deref() == Some(name)));
            if let Some(value) = schemas.into_iter().next() {
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
        let core = (0..self.library.len()).find(|file| is_core(*file))?;
        match self.module(core).get(MAPPINGS) {
            Some(Value::Dict(all)) if Rc::ptr_eq(&all, dict) => self.registered(name),
            _ => None,
        }
    }
}

/// A class, if its inputs are known.
fn class<'t>(evaluator: &Evaluator<'t>, name: &str, value: &Value<'t>, is_own: bool) -> Option<Class> {
    let Value::Class(definition) = value else { return None };
    let Value::Dict(types) = evaluator.input_types(definition)? else { return None };
    let widgets = widgets(&types)?;
    let base = definition.bases.first().and_then(|base| match base {
        Value::Class(base) => Some(base.name.to_string()),
        _ => None,
    });
    let file = evaluator.library.file(definition.file);
    let parts = if is_own { parts(&widgets) } else { Vec::new() };
    let has_models = widgets.iter().any(|widget| matches!(widget.kind, WidgetKind::Combo(Choices::Models(_))));
    let gives = evaluator.gives(definition);
    let loads = has_models && gives.iter().any(|given| LOADED.contains(&given.as_str())) && !takes_model(&types);
    let kind = match parts.iter().any(|part| part.string.is_some()) {
        true if name.contains("DisTorch2") => Kind::DisTorch2,
        true => Kind::DisTorch,
        false if !parts.is_empty() && loads => Kind::MultiGpu,
        false if loads => Kind::Plain,
        false => Kind::Other,
    };
    Some(Class {
        name: name.to_owned(),
        base,
        pack: file.pack.clone(),
        kind,
        widgets,
        parts,
        known_by: KnownBy::Source { file: file.name.clone(), line: definition.node.start_position().row + 1 },
    })
}

/// Does a class have a model as its input, as a node does that changes one?
fn takes_model(types: &Dict<'_>) -> bool {
    groups(types).into_iter().flatten().any(|(_, value, _)| {
        let Value::List(entry) = &value else { return false };
        let first = entry.items.borrow().first().cloned();
        first.as_ref().and_then(Value::as_text).is_some_and(|kind| LOADED.contains(&kind))
    })
}

/// The inputs, required ones first; None if there may be others.
fn groups<'t>(types: &Dict<'t>) -> Option<Vec<(Rc<str>, Value<'t>, bool)>> {
    if types.is_open.get() {
        return None;
    }
    let mut inputs = Vec::new();
    for (group, is_optional) in [("required", false), ("optional", true)] {
        match types.get(group) {
            Some(Value::Dict(group)) if !group.is_open.get() => {
                inputs.extend(
                    group.entries.borrow().iter().map(|(name, value)| (Rc::clone(name), value.clone(), is_optional)),
                );
            }
            None => {}
            Some(_) => return None,
        }
    }
    Some(inputs)
}

/// The widgets of `INPUT_TYPES`; None if one cannot be followed, because the others may then stand elsewhere.
fn widgets(types: &Dict<'_>) -> Option<Vec<Widget>> {
    let mut widgets = Vec::new();
    for (name, entry, is_optional) in groups(types)? {
        let Value::List(entry) = entry else { return None };
        let entry = entry.items.borrow();
        let options = match entry.get(1) {
            Some(Value::Dict(options)) => Some(Rc::clone(options)),
            _ => None,
        };
        let option = |key| options.as_ref().and_then(|options| options.get(key));
        if option("forceInput").and_then(|forced| forced.truth()) == Some(true) {
            continue;
        }
        let kind = match entry.first()? {
            Value::Unknown | Value::Made(_) => return None,
            Value::Text(kind) if &**kind == "COMBO" => {
                WidgetKind::Combo(option("options").map_or(Choices::Unknown, |list| choices(&list)))
            }
            Value::Text(kind) if WIDGETS.contains(&&**kind) => match &**kind {
                "STRING" => WidgetKind::Text,
                "BOOLEAN" => WidgetKind::Boolean,
                _ => WidgetKind::Number,
            },
            list @ Value::List(_) => WidgetKind::Combo(choices(list)),
            // A socket.
            _ => continue,
        };
        let default = option("default").map(|value| literal(&value)).unwrap_or_else(|| match &kind {
            WidgetKind::Combo(Choices::Fixed(values)) => values.first().cloned().map(Literal::Text),
            _ => None,
        });
        let has_control = option("control_after_generate").and_then(|value| value.truth()) == Some(true)
            || (matches!(kind, WidgetKind::Number) && matches!(&*name, "seed" | "noise_seed"));
        widgets.push(Widget { name: name.to_string(), kind, default, is_optional });
        if has_control {
            let kind = WidgetKind::Combo(Choices::Unknown);
            widgets.push(Widget { name: "control_after_generate".to_owned(), kind, default: None, is_optional: true });
        }
    }
    Some(widgets)
}

fn choices(list: &Value<'_>) -> Choices {
    let Value::List(list) = list else { return Choices::Unknown };
    let models = list.models.borrow();
    if !models.is_empty() {
        let mut models: Vec<String> = models.iter().map(ToString::to_string).collect();
        models.dedup();
        return Choices::Models(models);
    }
    let items = list.items.borrow();
    let texts: Option<Vec<String>> = items.iter().map(|item| item.as_text().map(str::to_owned)).collect();
    match texts {
        Some(texts) if !list.is_open.get() => Choices::Fixed(texts),
        // What the machine has is not known, but each has this one.
        _ if items.iter().any(|item| item.as_text() == Some("cpu")) => Choices::Devices,
        _ => Choices::Unknown,
    }
}

fn literal(value: &Value<'_>) -> Option<Literal> {
    match value {
        Value::Text(text) => Some(Literal::Text(text.to_string())),
        Value::Number(number) => Some(Literal::Number(*number)),
        Value::Boolean(truth) => Some(Literal::Boolean(*truth)),
        Value::Nothing => Some(Literal::Null),
        _ => None,
    }
}

/// What can be allocated with these widgets. They are recognised by their kinds and by what their names end in, which has
/// been the same in every release; what comes before that tells several apart.
pub(super) fn parts(widgets: &[Widget]) -> Vec<Part> {
    let is_device = |widget: &Widget| matches!(widget.kind, WidgetKind::Combo(Choices::Devices));
    let devices: Vec<usize> =
        (0..widgets.len()).filter(|at| is_device(&widgets[*at]) && !widgets[*at].name.contains("donor")).collect();
    let strings: Vec<usize> = (0..widgets.len())
        .filter(|at| widgets[*at].kind == WidgetKind::Text && widgets[*at].name.contains("allocation"))
        .collect();
    let named = |label: &str, what: &str| {
        let found =
            |widget: &Widget| widget.name.contains(what) && (label.is_empty() || widget.name.starts_with(label));
        widgets.iter().position(found)
    };
    let part = |device: usize| {
        let name = &widgets[device].name;
        let label = name.split("compute_device").next().unwrap_or_default().split("device").next().unwrap_or_default();
        let string = strings
            .iter()
            .copied()
            .find(|at| devices.len() == 1 || (!label.is_empty() && widgets[*at].name.starts_with(label)));
        Part {
            label: (devices.len() > 1 && !label.is_empty()).then(|| label.trim_end_matches('_').to_owned()),
            device,
            string,
            virtual_vram: string.and_then(|_| named(label, "virtual_vram")),
            donor: string.and_then(|_| named(label, "donor")),
        }
    };
    devices.iter().map(|device| part(*device)).collect()
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
