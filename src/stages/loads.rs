//! The models that the loader nodes of a workflow load: which file, and where its weights are to go.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use anyhow::Result;

use super::flow::Kind;
use super::prompt::Prompt;
use crate::allocator::{AllocationString, Device, full_allocation};
use crate::inputs::{Class, Literal, Part};
use crate::models::{Folders, Lookup};
use crate::workflow::json::{Kind as JsonKind, Value};
use crate::workflow::node::Values;
use crate::workflow::{Held, Loader, Workflow};

/// A node, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// Its id, as in ComfyUI's prompts.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
}

/// Where the weights of a model are to go.
#[derive(Debug, Clone, PartialEq)]
pub enum Placing {
    /// As this string says.
    Distributed(AllocationString),
    /// To this device as a whole; ComfyUI leaves in the main memory what has no room there.
    Whole(Device),
    /// Likewise, to the device that ComfyUI chooses: its first GPU.
    Default,
}

/// What a loader node says of one of its models.
#[derive(Debug, Clone)]
pub struct Load {
    /// The node.
    pub node: Named,
    /// Which of its models.
    pub kind: Kind,
    /// The names of its files, as in the node.
    pub names: Vec<String>,
    /// Its files; or why they are not known.
    pub files: Result<Vec<PathBuf>, String>,
    /// Where its weights are to go; or why that is not known.
    pub placing: Result<Placing, String>,
    /// The allocation string of the node, if it has a place for one.
    pub string: Option<Editable>,
    /// The type that the node is told to load weights in.
    pub weight_type: Option<Dtype>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
}

/// An allocation string that can be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Editable {
    /// What stands there.
    pub text: String,
    /// The index of its widget in the class.
    pub widget: usize,
    compute: Device,
    gigabytes: f64,
    donor: String,
}

impl Editable {
    /// What the node makes of another text, with the rest of its settings as they are.
    pub fn full(&self, text: &str) -> String {
        full_allocation(text, &self.compute, self.gigabytes, &self.donor)
    }

    /// The compute device.
    pub fn compute(&self) -> &Device {
        &self.compute
    }
}

/// Where to look for files, and what to take instead of some.
pub(super) struct Sources<'a> {
    pub(super) folders: Option<&'a Folders>,
    /// By the id of a node or the name of a file in it.
    pub(super) instead: &'a HashMap<String, PathBuf>,
}

/// The kinds of models that a loader gives: by the types of its outputs, or else by the name of its class.
pub(super) fn kinds(class: &Class, outputs: Option<&[String]>) -> Vec<Kind> {
    let declared = |kind: &Kind| outputs.is_some_and(|outputs| outputs.iter().any(|output| output == kind.name()));
    let declared: Vec<Kind> = Kind::ALL.into_iter().filter(declared).collect();
    if !declared.is_empty() {
        return declared;
    }
    let name = class.base.as_deref().unwrap_or(&class.name).to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    if has("checkpoint") || has("diffusersloader") {
        vec![Kind::Model, Kind::Clip, Kind::Vae]
    } else if has("controlnet") {
        vec![Kind::ControlNet]
    } else if has("clipvision") {
        vec![Kind::ClipVision]
    } else if has("clip") {
        vec![Kind::Clip]
    } else if has("vae") {
        vec![Kind::Vae]
    } else {
        vec![Kind::Model]
    }
}

/// What a loader says of one of its models. `is_main` is the first of them, which is what the settings of most are for.
pub(super) fn load(loader: &Loader<'_, '_>, kind: Kind, is_main: bool, sources: &Sources<'_>) -> Load {
    let node = Named {
        id: loader.id.clone(),
        class: loader.node.class.clone(),
        title: loader.node.title.clone().filter(|title| *title != loader.node.class),
    };
    let mut notes = Vec::new();
    let (names, files) = files(loader, &node.id, sources, &mut notes);
    let part = part(loader.class, kind, is_main);
    let string = part.and_then(|part| editable(loader, part).ok().flatten());
    let placing = placing(loader, kind, part);
    Load { node, kind, names, files, placing, string, weight_type: weight_type(loader), notes }
}

/// The settings of a loader for one of its models.
fn part(class: &Class, kind: Kind, is_main: bool) -> Option<&Part> {
    let labelled = |label: &str| class.parts.iter().find(|part| part.label.as_deref() == Some(label));
    match (&class.parts[..], kind) {
        ([], _) => None,
        ([only], _) => is_main.then_some(only),
        (_, Kind::Model) => labelled("unet").or(class.parts.first()),
        (_, Kind::Clip) => labelled("clip"),
        (_, Kind::Vae) => labelled("vae"),
        _ => None,
    }
}

/// The value of a widget; what a short list or an API file leaves out is at its default.
fn value(loader: &Loader<'_, '_>, widget: usize) -> Result<Literal, String> {
    let about = &loader.class.widgets[widget];
    let name = &about.name;
    match loader.settings.get(widget) {
        Some(Held::Stored { value, .. }) => Ok(value.clone()),
        Some(Held::Default | Held::Absent) => about.default.clone().ok_or_else(|| format!("its `{name}` is not set")),
        Some(Held::Linked { to }) => Err(format!("its `{name}` comes from node {to} when the workflow runs")),
        Some(Held::Unknown { why }) => Err(format!("its `{name}` is not known: {why}")),
        None => Err(format!("its `{name}` is not known")),
    }
}

fn text(loader: &Loader<'_, '_>, widget: usize) -> Result<String, String> {
    match value(loader, widget)? {
        Literal::Text(text) => Ok(text),
        _ => Err(format!("its `{}` is not text", loader.class.widgets[widget].name)),
    }
}

fn device(loader: &Loader<'_, '_>, widget: usize) -> Result<Device, String> {
    if loader.settings.get(widget) == Some(&Held::Absent) {
        return Err(format!("its `{}` is missing", loader.class.widgets[widget].name));
    }
    text(loader, widget).map(|name| Device::from(&*name))
}

/// The string of a part with what else the node makes the allocation of; None if the class has no such widget.
fn editable(loader: &Loader<'_, '_>, part: &Part) -> Result<Option<Editable>, String> {
    let Some(widget) = part.string else { return Ok(None) };
    let gigabytes = match part.virtual_vram.map(|widget| value(loader, widget)).transpose()? {
        Some(Literal::Number(gigabytes)) => gigabytes,
        None => 0.0,
        Some(_) => return Err("its virtual VRAM is not a number".to_owned()),
    };
    let donor = part.donor.map(|widget| text(loader, widget)).transpose()?.unwrap_or_else(|| "cpu".to_owned());
    let compute = device(loader, part.device)?;
    Ok(Some(Editable { text: text(loader, widget)?, widget, compute, gigabytes, donor }))
}

fn placing(loader: &Loader<'_, '_>, kind: Kind, part: Option<&Part>) -> Result<Placing, String> {
    let Some(part) = part else {
        // ComfyUI's own loader of text encoders has a choice, and the advanced one of checkpoints a device for the VAE.
        let own = loader
            .class
            .widgets
            .iter()
            .position(|widget| widget.name == "device" || (kind == Kind::Vae && widget.name == "vae_device"));
        return match own.map(|widget| text(loader, widget)).transpose()? {
            Some(name) if name != "default" => Ok(Placing::Whole(Device::from(&*name))),
            _ => Ok(Placing::Default),
        };
    };
    // ComfyUI has no patcher for these that the node would find.
    if kind == Kind::ControlNet {
        return device(loader, part.device).map(Placing::Whole);
    }
    match editable(loader, part)? {
        None => device(loader, part.device).map(Placing::Whole),
        Some(string) => {
            let full = string.full(&string.text);
            if full.is_empty() {
                return Ok(Placing::Whole(string.compute));
            }
            let parsed = AllocationString::parse(&full);
            parsed
                .map(Placing::Distributed)
                .map_err(|error| format!("the node cannot parse `{}`: {error}", string.text))
        }
    }
}

/// The names of its files, and the files.
fn files(
    loader: &Loader<'_, '_>,
    id: &str,
    sources: &Sources<'_>,
    notes: &mut Vec<String>,
) -> (Vec<String>, Result<Vec<PathBuf>, String>) {
    let mut names = Vec::new();
    let mut files = Ok(Vec::new());
    for (widget, categories) in loader.class.models() {
        let found = text(loader, widget).and_then(|name| {
            names.push(name.clone());
            let instead = sources.instead.get(id).or_else(|| sources.instead.get(&name));
            instead.map_or_else(|| file(sources.folders, categories, &name, notes), |file| Ok(file.clone()))
        });
        match (&mut files, found) {
            (Ok(files), Ok(file)) => files.push(file),
            (Ok(_), Err(why)) => files = Err(why),
            (Err(_), _) => {}
        }
    }
    if names.is_empty() && files.is_ok() {
        let instead = sources.instead.get(id).cloned();
        files = instead.map(|file| vec![file]).ok_or_else(|| "which file it loads is not known".to_owned());
    }
    (names, files)
}

/// The file of a name, in the first of some categories that has one.
pub(super) fn file(
    folders: Option<&Folders>,
    categories: &[String],
    name: &str,
    notes: &mut Vec<String>,
) -> Result<PathBuf, String> {
    let Some(folders) = folders else {
        return Err(format!("`{name}` cannot be looked for: no ComfyUI is known"));
    };
    let mut searched: Vec<String> = Vec::new();
    for category in categories {
        match folders.find(category, name) {
            Lookup::Found { path, .. } => return Ok(path),
            Lookup::Otherwise { path, name: by } => {
                notes.push(format!("`{name}` is called `{by}` here, so ComfyUI refuses it until it is chosen again"));
                return Ok(path);
            }
            Lookup::BuiltIn => return Err(format!("`{name}` is not one file")),
            Lookup::Missing { looked_in } => {
                let folders = looked_in.iter().map(|folder| crate::text::shown(folder));
                searched.extend(folders);
            }
        }
    }
    searched.dedup();
    if searched.is_empty() {
        return Err(format!("`{name}` cannot be looked for: the folders for {} are not known", categories.join(", ")));
    }
    Err(format!("`{name}` is in none of {}", searched.join(", ")))
}

fn weight_type(loader: &Loader<'_, '_>) -> Option<Dtype> {
    let widget = loader.class.widgets.iter().position(|widget| widget.name == "weight_dtype")?;
    match text(loader, widget).ok()?.as_str() {
        "fp8_e4m3fn" | "fp8_e4m3fn_fast" => Some(Dtype::F8_E4M3),
        "fp8_e5m2" => Some(Dtype::F8_E5M2),
        _ => None,
    }
}

/// Does this class load LoRA files? By its name, as there are many.
pub(super) fn is_lora(class: &str) -> bool {
    class.to_ascii_lowercase().contains("lora")
}

/// The most values of a node that are looked at for names of files.
const MOST_VALUES: usize = 10_000;

/// The LoRA files that a node names, those that are switched off left out.
pub(super) fn lora_names(workflow: &Workflow, prompt: &Prompt, step: usize) -> Vec<String> {
    let values = match &workflow.nodes()[prompt.steps[step].node].values {
        Values::List { place, .. } | Values::Named { place, .. } => workflow.json().value(*place),
        Values::None => return Vec::new(),
    };
    let mut names = Vec::new();
    let mut open: Vec<Value<'_>> = vec![values];
    for _ in 0..MOST_VALUES {
        let Some(value) = open.pop() else { break };
        match value.kind() {
            JsonKind::Text => {
                names.extend(value.text().filter(|text| is_model_file(text)).map(Cow::into_owned));
            }
            JsonKind::Array => open.extend(value.elements()),
            JsonKind::Object if value.get("on").and_then(Value::boolean) != Some(false) => {
                open.extend(value.members().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    names.reverse();
    names
}

fn is_model_file(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["safetensors", "sft", "pt", "pth", "ckpt", "bin", "gguf"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}
