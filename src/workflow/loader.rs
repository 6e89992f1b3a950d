//! Loader nodes as they act when the workflow runs: once for each use, through the subgraphs around them.

use std::ops::Range;

use anyhow::{Result, bail};

use super::Workflow;
use super::json::{Id, Kind as JsonKind, Value};
use super::node::{Mode, Node, Origin, Values};
use crate::inputs::{Class, Classes, Kind, Literal};

/// The most uses of nodes in a workflow. A subgraph that is used twice in each of twenty others would have a million.
const MOST_USES: usize = 1_000_000;
/// The longest way that a link takes through reroutes, which could lead in a circle.
const MOST_STEPS: usize = 1_000;

/// A use of a node: the same definition of a subgraph can be used several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The index of the node.
    pub node: usize,
    /// The indices of the instances around it, the outermost first.
    pub around: Vec<usize>,
}

/// A loader node in use.
#[derive(Debug, Clone)]
pub struct Loader<'w, 'c> {
    /// The node.
    pub node: &'w Node,
    /// Which use of it.
    pub used: Use,
    /// Its id as in ComfyUI's prompts: those of the instances around it and its own, with colons.
    pub id: String,
    /// Does it run? No, if an instance around it does not.
    pub mode: Mode,
    /// Its class.
    pub class: &'c Class,
    /// The value of each widget of its class.
    pub settings: Vec<Held>,
}

/// What a widget has in a workflow.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// A value that stands in the file.
    Stored {
        /// The value.
        value: Literal,
        /// Where it stands: with the node, an instance around it, or a primitive node.
        site: Range<usize>,
    },
    /// Nothing: the frontend takes the default.
    Default,
    /// Nothing, and no frontend gives it one: the node gets nothing.
    Absent,
    /// What another node will give it, which is only known when the workflow runs.
    Linked {
        /// The node.
        to: String,
    },
    /// It is not known.
    Unknown {
        /// Why.
        why: &'static str,
    },
}

impl Workflow {
    /// The use of every node, in the order of the file, inner ones behind their instance.
    pub fn uses(&self) -> Result<Vec<Use>> {
        let mut uses = Vec::new();
        // Not by recursion: subgraphs can be nested deeply.
        let mut open: Vec<(usize, Vec<usize>)> = self.in_graph(0).rev().map(|node| (node, Vec::new())).collect();
        while let Some((node, around)) = open.pop() {
            if uses.len() == MOST_USES {
                bail!("the subgraphs make more than {MOST_USES} nodes of this workflow");
            }
            if let Some(graph) = self.definition(&self.nodes[node].class) {
                let inner: Vec<usize> = around.iter().copied().chain([node]).collect();
                open.extend(self.in_graph(graph).rev().map(|node| (node, inner.clone())));
            }
            uses.push(Use { node, around });
        }
        Ok(uses)
    }

    /// The nodes of a graph.
    fn in_graph(&self, graph: usize) -> impl DoubleEndedIterator<Item = usize> {
        // The nodes of a graph follow each other.
        let first = self.nodes.partition_point(|node| node.graph < graph);
        let end = self.nodes.partition_point(|node| node.graph <= graph);
        first..end
    }

    /// The graph that nodes of this class are instances of.
    pub fn definition(&self, class: &str) -> Option<usize> {
        self.by_class.get(class).copied()
    }

    /// The loader nodes in use.
    pub fn loaders<'w, 'c>(&'w self, classes: &'c Classes) -> Result<Vec<Loader<'w, 'c>>> {
        let loaders = self.uses()?.into_iter().filter_map(|used| {
            let class = classes.get(&self.nodes[used.node].class).filter(|class| class.kind != Kind::Other)?;
            Some(self.loader(used, class))
        });
        Ok(loaders.collect())
    }

    /// A use of a node, with the values of its widgets.
    pub fn loader<'c>(&self, used: Use, class: &'c Class) -> Loader<'_, 'c> {
        let node = &self.nodes[used.node];
        let settings = class.widgets.iter().enumerate().map(|(at, widget)| self.held(&used, at, &widget.name));
        let around = used.around.iter().map(|instance| &self.nodes[*instance]);
        let mode = around.clone().map(|instance| instance.mode).fold(node.mode, Mode::max);
        let ids: Vec<&str> = around.map(|instance| instance.id.as_str()).chain([node.id.as_str()]).collect();
        Loader { node, id: ids.join(":"), mode, class, settings: settings.collect(), used }
    }

    /// What a widget has, by its position and its name.
    pub fn held(&self, used: &Use, position: usize, name: &str) -> Held {
        let node = &self.nodes[used.node];
        if self.graphs[node.graph].is_group {
            return self.in_group(used, position, name);
        }
        let stored = node.values.of_widget(position, name);
        if let Some(link) = self.link(used, name) {
            return self.follow(used, link, stored, name);
        }
        self.stored(node, stored)
    }

    fn stored(&self, node: &Node, stored: Option<Id>) -> Held {
        match stored {
            Some(stored) => {
                let value = self.json.value(stored);
                Held::Stored { value: literal(value), site: value.span() }
            }
            None if self.is_api() => Held::Absent,
            None if matches!(node.values, Values::Named { .. }) => {
                Held::Unknown { why: "the node stores its values by name, without this one" }
            }
            None => Held::Default,
        }
    }

    fn link(&self, used: &Use, name: &str) -> Option<Origin> {
        let inputs = &self.nodes[used.node].inputs;
        inputs.iter().find(|input| input.name == name).and_then(|input| input.origin)
    }

    /// The value behind a link. A stored value counts only where the link leads to an input of a subgraph that nothing is
    /// linked to.
    fn follow(&self, used: &Use, link: Origin, stored: Option<Id>, name: &str) -> Held {
        let (mut link, mut stored, mut name) = (link, stored, name);
        let mut inner = &self.nodes[used.node];
        let mut around = used.around.as_slice();
        for _ in 0..MOST_STEPS {
            match link {
                Origin::Nowhere => return self.stored(inner, stored),
                Origin::Outside { slot } => {
                    let Some((&instance, outer)) = around.split_last() else {
                        return Held::Unknown { why: "it is linked to an input of no subgraph" };
                    };
                    let instance = &self.nodes[instance];
                    let Some(input) = self.graphs[inner.graph].inputs.get(slot) else {
                        return Held::Unknown { why: "it is linked to an input that its subgraph does not have" };
                    };
                    stored = self.promoted(instance, input, &inner.id, name).or(stored);
                    (inner, around, name) = (instance, outer, input);
                    match inner.inputs.iter().find(|known| known.name == *input).and_then(|known| known.origin) {
                        Some(next) => link = next,
                        None => return self.stored(inner, stored),
                    }
                }
                Origin::Node { node, .. } => {
                    let from = &self.nodes[node];
                    match from.class.as_str() {
                        "PrimitiveNode" => return self.stored(from, from.values.of_widget(0, "value")),
                        "Reroute" => match from.inputs.first().and_then(|input| input.origin) {
                            Some(next) => {
                                // A reroute has no value of its own.
                                (inner, link, stored) = (from, next, None);
                            }
                            None => return Held::Unknown { why: "it is linked to a reroute that leads nowhere" },
                        },
                        _ => {
                            let ids = around
                                .iter()
                                .map(|instance| self.nodes[*instance].id.as_str())
                                .chain([from.id.as_str()]);
                            return Held::Linked { to: ids.collect::<Vec<_>>().join(":") };
                        }
                    }
                }
            }
        }
        Held::Unknown { why: "its links lead in a circle" }
    }

    /// The value that an instance stores for a widget inside of it.
    fn promoted(&self, instance: &Node, input: &str, inner: &str, name: &str) -> Option<Id> {
        let position = match &instance.promoted {
            Some(promoted) => promoted
                .iter()
                .position(|(node, widget)| (node == "-1" && widget == input) || (node == inner && widget == name))?,
            None => instance.inputs.iter().filter(|input| input.is_widget).position(|known| known.name == input)?,
        };
        instance.values.of_widget(position, input).filter(|value| !self.json.value(*value).is_null())
    }

    /// The value of a node in a group node, whose instance has all values in one list.
    fn in_group(&self, used: &Use, position: usize, name: &str) -> Held {
        let why = "it is in a group node, which does not say where its values stand";
        let Some(&instance) = used.around.last() else { return Held::Unknown { why } };
        if self.link(used, name).is_some() {
            return Held::Unknown { why: "it is linked inside of a group node" };
        }
        let count = |node: usize| match &self.nodes[node].values {
            Values::List { values, .. } => values.len(),
            _ => 0,
        };
        let graph = self.nodes[used.node].graph;
        let before: usize = self.in_graph(graph).take_while(|node| *node != used.node).map(count).sum();
        let all: usize = self.in_graph(graph).map(count).sum();
        let instance = &self.nodes[instance];
        match &instance.values {
            Values::List { values, .. } if values.len() == all && position < count(used.node) => {
                self.stored(instance, values.get(before + position).copied())
            }
            _ => Held::Unknown { why },
        }
    }
}

fn literal(value: Value<'_>) -> Literal {
    match value.kind() {
        JsonKind::Null => Literal::Null,
        JsonKind::Boolean => Literal::Boolean(value.raw() == "true"),
        JsonKind::Number => value.number().map_or(Literal::Other, Literal::Number),
        JsonKind::Text => value.text().map_or(Literal::Other, |text| Literal::Text(text.into_owned())),
        JsonKind::Array | JsonKind::Object => Literal::Other,
    }
}
