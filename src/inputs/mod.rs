//! Which inputs a node class has, and in which order: where the allocation string of a loader stands.
//!
//! ComfyUI's frontend stores the values of a node's widgets as a list without names. What a value means is decided by the
//! class's `INPUT_TYPES` in the version that is installed.

mod builtin;
mod call;
mod container;
mod evaluate;
mod expression;
mod installed;
mod kept;
mod library;
pub mod names;
mod parts;
mod pattern;
mod releases;
mod schema;
mod scope;
mod uses;
mod value;
mod widgets;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub use installed::installed;
pub use releases::{Meaning, meanings, releases};

/// The types of what loaders give.
pub const LOADED: [&str; 5] = ["MODEL", "CLIP", "VAE", "CLIP_VISION", "CONTROL_NET"];

/// The node classes of an installation, or of a release.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Classes {
    known: HashMap<String, Class>,
    /// Those whose inputs are not known, and why.
    unknown: HashMap<String, String>,
    /// Those that the node registers, or not.
    perhaps: HashSet<String>,
    /// Those that are only here to say which of their values is which.
    layouts: HashSet<String>,
    /// Are all classes of the node among these?
    is_complete: bool,
}

/// A node class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    /// Its name in workflows.
    pub name: String,
    /// The class that it wraps.
    pub base: Option<String>,
    /// The folder of the pack that defines it; None for ComfyUI itself.
    pub pack: Option<String>,
    /// What kind of node it is.
    pub kind: Kind,
    /// Its widgets, in the order in which the frontend stores their values.
    pub widgets: Vec<Widget>,
    /// What can be allocated with it.
    pub parts: Vec<Part>,
    /// How that is known.
    pub known_by: KnownBy,
}

/// What kind of node a class is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A loader of this node with an allocation string, of `DisTorch2`
    DisTorch2,
    /// One of the first `DisTorch`
    DisTorch,
    /// A loader of this node that puts a model on one device
    MultiGpu,
    /// A loader without a device of its own
    Plain,
    /// Not a loader
    Other,
}

impl Kind {
    /// The kind of a loader, by its name and what can be allocated with it.
    fn of_loader(name: &str, parts: &[Part]) -> Self {
        match parts.iter().any(|part| part.string.is_some()) {
            true if name.contains("DisTorch2") => Self::DisTorch2,
            true => Self::DisTorch,
            false if !parts.is_empty() => Self::MultiGpu,
            false => Self::Plain,
        }
    }
}

/// How the inputs of a class are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnownBy {
    /// Read from the source of what is installed.
    Source {
        /// The file, relative to the installation, with slashes.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// From the table of releases.
    Release(String),
    /// Guessed from the pattern of the values: device, number, device, text.
    Pattern,
}

/// An input with a value of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Widget {
    /// Its name.
    pub name: String,
    /// What values it takes.
    pub kind: WidgetKind,
    /// Its value where a workflow has none.
    pub default: Option<Literal>,
    /// Is it an optional input?
    pub is_optional: bool,
}

impl Class {
    /// The widgets that name model files, with the categories that those are of.
    pub fn models(&self) -> impl Iterator<Item = (usize, &[String])> {
        self.widgets.iter().enumerate().filter_map(|(at, widget)| Some((at, widget.categories()?)))
    }
}

impl Widget {
    /// The categories of the model files that it names; None if it names none.
    pub fn categories(&self) -> Option<&[String]> {
        match &self.kind {
            WidgetKind::Combo(Choices::Models(categories)) => Some(categories),
            _ => None,
        }
    }
}

/// What values a widget takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum WidgetKind {
    /// One of a list
    Combo(Choices),
    /// A number
    Number,
    /// `true` or `false`
    Boolean,
    /// Any text
    Text,
    /// It could not be followed
    Unknown,
}

/// The list of a combo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choices {
    /// These
    Fixed(Vec<String>),
    /// The files of these categories of models, such as `diffusion_models`
    Models(Vec<String>),
    /// The devices that the node finds
    Devices,
    /// It could not be followed
    Unknown,
}

/// One allocation of a class, as indices of its widgets. Most loaders have one; the advanced checkpoint loader has one for
/// the model and one for the text encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which, if there are several: `unet`, `clip`.
    pub label: Option<String>,
    /// The compute device.
    pub device: usize,
    /// The allocation string.
    pub string: Option<usize>,
    /// The virtual VRAM, in GB.
    pub virtual_vram: Option<usize>,
    /// The device that lends memory for it.
    pub donor: Option<usize>,
    /// Whether other models are to leave before it loads.
    pub eject: Option<usize>,
}

/// A value of a widget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Literal {
    /// A text
    Text(String),
    /// A number
    Number(#[serde(with = "kept::bits")] f64),
    /// `true` or `false`
    Boolean(bool),
    /// `null`
    Null,
    /// A list or an object
    Other,
}

impl Classes {
    /// All classes of a node; of two with the same name, the later one counts.
    pub fn new(classes: impl IntoIterator<Item = Class>) -> Self {
        let known = classes.into_iter().map(|class| (class.name.clone(), class)).collect();
        Self { known, is_complete: true, ..Self::default() }
    }

    fn add(&mut self, name: &str, class: Result<Class, String>) {
        match class {
            Ok(class) => {
                self.known.insert(name.to_owned(), class);
            }
            Err(why) => {
                self.unknown.insert(name.to_owned(), why);
            }
        }
    }

    /// The class of a name.
    pub fn get(&self, name: &str) -> Option<&Class> {
        self.known.get(name)
    }

    /// Why the inputs of a class are not known, if it is there.
    pub fn why_unknown(&self, name: &str) -> Option<&str> {
        self.unknown.get(name).map(String::as_str)
    }

    /// The classes whose inputs are not known, and why.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unknown.iter().map(|(name, why)| (name.as_str(), why.as_str()))
    }

    /// Is there a class of this name? None if that is not known: if it depends on the machine, for example.
    ///
    /// Of other packs and of ComfyUI, only the classes are here that were asked for.
    pub fn has(&self, name: &str) -> Option<bool> {
        let is_class = self.known.contains_key(name) && !self.layouts.contains(name);
        if is_class || self.unknown.contains_key(name) {
            return (!self.perhaps.contains(name)).then_some(true);
        }
        self.is_complete.then_some(false)
    }

    /// These classes, and for those that are not among them or not known, the others'.
    pub fn or(mut self, others: Self) -> Self {
        for (name, class) in others.known {
            if !self.known.contains_key(&name) && self.has(&name) != Some(false) {
                self.unknown.remove(&name);
                self.known.insert(name, class);
            }
        }
        self
    }

    /// These classes, and others, which are not there but whose values a workflow has: [`has`](Self::has) says of them
    /// what it said before. Where the inputs of a class are only known from a release or by a guess, the others' count.
    pub fn with_layouts(mut self, others: Vec<Class>) -> Self {
        for class in others {
            match self.known.get(&class.name) {
                Some(Class { known_by: KnownBy::Source { .. }, .. }) => continue,
                Some(_) => {}
                None if self.unknown.remove(&class.name).is_some() => {}
                None => {
                    self.layouts.insert(class.name.clone());
                }
            }
            self.known.insert(class.name.clone(), class);
        }
        self
    }

    /// All classes, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        let mut classes: Vec<&Class> = self.known.values().collect();
        classes.sort_by(|a, b| a.name.cmp(&b.name));
        classes.into_iter()
    }
}
