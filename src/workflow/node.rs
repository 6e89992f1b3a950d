//! The nodes of a workflow as they stand in the file.

use super::json::{Id, Kind, Value};

/// A graph: the outermost one, or the definition of a subgraph or of a group node.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// What nodes have as their class that are instances of it; None for the outermost graph.
    pub class: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
    /// Its inputs, in the order of their slots.
    pub inputs: Vec<String>,
    /// Where each of its outputs comes from.
    pub outputs: Vec<Option<Origin>>,
    /// Is it that of a group node, whose instance has the values of all its nodes in one list?
    pub is_group: bool,
}

/// A node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its number or name, unique in its graph.
    pub id: String,
    /// The index of its graph.
    pub graph: usize,
    /// Its class, or the class of the [`Graph`] that it is an instance of.
    pub class: String,
    /// Its title, if it has one of its own.
    pub title: Option<String>,
    /// Does it run?
    pub mode: Mode,
    /// The values of its widgets.
    pub values: Values,
    /// Its inputs, as far as the file lists them.
    pub inputs: Vec<Input>,
    /// Which widgets of inner nodes an instance shows: node and widget, in the order of the instance's values. The node
    /// is `-1` for an input of the subgraph.
    pub promoted: Option<Vec<(String, String)>>,
    /// The pack that it comes from, as the file says.
    pub pack: Pack,
    /// The whole node in the file.
    pub place: Id,
}

/// Does a node run?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// It runs
    Active,
    /// It is passed by: its inputs go to the nodes behind it
    Bypassed,
    /// It is left out, with everything that needs it
    Muted,
}

/// The node of the frontend with one value, for whatever is linked to it.
const PRIMITIVE: &str = "PrimitiveNode";
/// The nodes of the frontend that only pass a link on: its own, and that of a common pack.
const REROUTES: [&str; 2] = ["Reroute", "Reroute (rgthree)"];

impl Node {
    /// Does it only give its value to whatever is linked to it?
    pub fn is_primitive(&self) -> bool {
        self.class == PRIMITIVE
    }

    /// Does it only pass a link on?
    pub fn is_reroute(&self) -> bool {
        REROUTES.contains(&self.class.as_str())
    }
}

impl Mode {
    /// A node's `mode`. `LiteGraph` has further ones, which ComfyUI treats like the first.
    pub(super) fn of(mode: Option<Value<'_>>) -> Self {
        match mode.map(Value::raw) {
            Some("2") => Self::Muted,
            Some("4") => Self::Bypassed,
            _ => Self::Active,
        }
    }
}

/// The values of a node's widgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// In the order of the widgets; a short list leaves the rest at their defaults.
    List {
        /// The whole list.
        place: Id,
        /// Its elements.
        values: Vec<Id>,
    },
    /// By name: in API files, and of some nodes in others.
    Named {
        /// The whole object.
        place: Id,
        /// Names and values.
        values: Vec<(String, Id)>,
    },
    /// The file has none: all are at their defaults.
    None,
}

impl Values {
    /// Reads `widgets_values`.
    pub(super) fn of(value: Option<Value<'_>>) -> Self {
        let Some(value) = value else { return Self::None };
        match value.kind() {
            Kind::Array => Self::List { place: value.id(), values: value.elements().map(Value::id).collect() },
            Kind::Object => {
                let named = value.members().filter_map(|(key, value)| Some((key.text()?.into_owned(), value.id())));
                Self::Named { place: value.id(), values: named.collect() }
            }
            _ => Self::None,
        }
    }

    /// The value of a widget, by its position or its name.
    pub fn of_widget(&self, position: usize, name: &str) -> Option<Id> {
        match self {
            Self::List { values, .. } => values.get(position).copied(),
            Self::Named { values, .. } => values.iter().find(|(known, _)| known == name).map(|(_, value)| *value),
            Self::None => None,
        }
    }
}

/// An input of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The widget whose place it takes.
    pub widget: Option<String>,
    /// What is linked to it.
    pub origin: Option<Origin>,
}

impl Input {
    /// The name of the class's input: in an instance of a subgraph, the file can have another one for the socket.
    pub fn is_of(&self, widget: &str) -> bool {
        self.widget.as_deref().unwrap_or(&self.name) == widget
    }
}

/// Where a link begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// At an output of a node
    Node {
        /// Its index in the workflow.
        node: usize,
        /// The output.
        slot: usize,
    },
    /// At an input of the graph
    Outside {
        /// Which.
        slot: usize,
    },
    /// The file does not say
    Nowhere,
}

/// The pack that a node comes from, as far as the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pack {
    /// Its name in the registry, or on GitHub.
    pub name: Option<String>,
    /// Its version, or the commit.
    pub version: Option<String>,
}
