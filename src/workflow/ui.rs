//! Reads the UI form, which the frontend saves: version 0.4, where a link is a list, and 1, where it is an object; with
//! subgraphs in `definitions` and group nodes in `extra`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail};

use super::json::{Kind, Value};
use super::node::{Graph, Input, Mode, Node, Origin, Pack, Values};

/// The node in whose place a subgraph has its inputs.
const INPUT_NODE: &str = "-10";
/// The node in whose place it has its outputs.
const OUTPUT_NODE: &str = "-20";
/// What a group node's class begins with, in old files and in older ones.
const GROUP_PREFIXES: [&str; 2] = ["workflow>", "workflow/"];

/// Is this a workflow of the frontend?
pub(super) fn is_ui(root: Value<'_>) -> bool {
    root.get("nodes").is_some_and(|nodes| nodes.kind() == Kind::Array)
}

/// Its graphs, the outermost one first, and the nodes of all of them.
pub(super) fn read(root: Value<'_>) -> Result<(Vec<Graph>, Vec<Node>)> {
    let mut reader = Reader::default();
    reader.graph(root, Graph::default());
    // Each can have definitions of its own.
    let mut open = vec![root];
    while let Some(around) = open.pop() {
        let subgraphs = around.get("definitions").and_then(|definitions| definitions.get("subgraphs"));
        for subgraph in subgraphs.into_iter().flat_map(Value::elements) {
            let Some(class) = subgraph.get("id").map(id) else { continue };
            let name = subgraph.get("name").and_then(text);
            let names = |key| {
                subgraph.get(key).into_iter().flat_map(Value::elements).map(|slot| slot.get("name").and_then(text))
            };
            let inputs = names("inputs").map(Option::unwrap_or_default).collect();
            let outputs = names("outputs").map(|_| None).collect();
            reader.graph(subgraph, Graph { class: Some(class), name, inputs, outputs, is_group: false });
            open.push(subgraph);
        }
    }
    let groups = root.get("extra").and_then(|extra| extra.get("groupNodes"));
    for (name, group) in groups.into_iter().flat_map(Value::members) {
        let Some(name) = name.text() else { continue };
        for prefix in GROUP_PREFIXES {
            let graph = Graph {
                class: Some(format!("{prefix}{name}")),
                name: Some(name.clone().into_owned()),
                is_group: true,
                ..Graph::default()
            };
            if root.raw().contains(&format!("{prefix}{name}")) {
                reader.graph(group, graph);
            }
        }
    }
    reader.acyclic()?;
    Ok((reader.graphs, reader.nodes))
}

#[derive(Default)]
struct Reader {
    graphs: Vec<Graph>,
    nodes: Vec<Node>,
}

impl Reader {
    /// Adds a graph and its nodes.
    fn graph(&mut self, value: Value<'_>, mut graph: Graph) {
        let at = self.graphs.len();
        let first = self.nodes.len();
        let nodes: Vec<Value<'_>> = value.get("nodes").into_iter().flat_map(Value::elements).collect();
        let ids: Vec<String> =
            nodes.iter().enumerate().map(|(index, node)| node_id(*node, index, graph.is_group)).collect();
        let index: HashMap<&str, usize> =
            ids.iter().enumerate().map(|(index, id)| (id.as_str(), first + index)).collect();
        let origin = |link: &Link<'_>| match link.from.as_ref() {
            INPUT_NODE => Origin::Outside { slot: link.from_slot },
            from => index.get(from).map_or(Origin::Nowhere, |&node| Origin::Node { node, slot: link.from_slot }),
        };
        let mut by_id: HashMap<&str, Origin> = HashMap::new();
        let mut by_target: HashMap<(Cow<'_, str>, usize), Origin> = HashMap::new();
        for link in
            value.get("links").into_iter().flat_map(Value::elements).filter_map(|link| Link::of(link, graph.is_group))
        {
            let origin = origin(&link);
            if link.to == OUTPUT_NODE {
                if let Some(output) = graph.outputs.get_mut(link.to_slot) {
                    *output = Some(origin);
                }
            }
            if let Some(id) = link.id {
                by_id.insert(id, origin);
            } else {
                by_target.insert((link.to, link.to_slot), origin);
            }
        }
        for (node, id) in nodes.iter().zip(&ids) {
            let inputs = node.get("inputs").into_iter().flat_map(Value::elements).enumerate().map(|(slot, input)| {
                let linked = input.get("link").filter(|link| !link.is_null());
                let named = linked.map(|link| by_id.get(link.raw()).copied().unwrap_or(Origin::Nowhere));
                Input {
                    name: input.get("name").and_then(text).unwrap_or_default(),
                    is_widget: input.get("widget").is_some_and(|widget| !widget.is_null()),
                    origin: by_target.get(&(Cow::Borrowed(id.as_str()), slot)).copied().or(named),
                }
            });
            let properties = node.get("properties");
            let property = |key| properties.and_then(|properties| properties.get(key)).and_then(text);
            self.nodes.push(Node {
                id: id.clone(),
                graph: at,
                class: node.get("type").and_then(text).unwrap_or_default(),
                title: node.get("title").and_then(text),
                mode: Mode::of(node.get("mode")),
                values: Values::of(node.get("widgets_values")),
                inputs: inputs.collect(),
                promoted: properties.and_then(|properties| properties.get("proxyWidgets")).map(promoted),
                pack: Pack { name: property("cnr_id").or_else(|| property("aux_id")), version: property("ver") },
                place: node.id(),
            });
        }
        self.graphs.push(graph);
    }

    /// Fails if a graph is inside of itself.
    fn acyclic(&self) -> Result<()> {
        let by_class: HashMap<&str, usize> =
            self.graphs.iter().enumerate().filter_map(|(at, graph)| Some((graph.class.as_deref()?, at))).collect();
        let mut inside: Vec<HashSet<usize>> = vec![HashSet::new(); self.graphs.len()];
        for node in &self.nodes {
            if let Some(&graph) = by_class.get(node.class.as_str()) {
                inside[node.graph].insert(graph);
            }
        }
        // Those that have nothing inside, then those that have only them, until none is left.
        let mut left: HashSet<usize> = (0..self.graphs.len()).collect();
        while !left.is_empty() {
            let done: Vec<usize> = left.iter().copied().filter(|graph| inside[*graph].is_disjoint(&left)).collect();
            if done.is_empty() {
                let names: Vec<&str> = left.iter().filter_map(|graph| self.graphs[*graph].name.as_deref()).collect();
                let name = names.iter().min().copied().unwrap_or("without a name");
                bail!("the subgraph `{name}` contains itself");
            }
            for graph in done {
                left.remove(&graph);
            }
        }
        Ok(())
    }
}

/// A link.
struct Link<'j> {
    /// None in a group node, where links have no number.
    id: Option<&'j str>,
    from: Cow<'j, str>,
    from_slot: usize,
    to: Cow<'j, str>,
    to_slot: usize,
}

impl<'j> Link<'j> {
    fn of(value: Value<'j>, is_group: bool) -> Option<Self> {
        let slot = |value: Value<'_>| value.raw().parse().ok();
        let (id, ends) = match value.kind() {
            Kind::Object => {
                let keys = ["origin_id", "origin_slot", "target_id", "target_slot"];
                (value.get("id"), keys.map(|key| value.get(key)))
            }
            Kind::Array if is_group => (None, [0, 1, 2, 3].map(|at| value.element(at))),
            Kind::Array => (value.element(0), [1, 2, 3, 4].map(|at| value.element(at))),
            _ => return None,
        };
        let [from, from_slot, to, to_slot] = ends;
        let end = |value: Option<Value<'j>>| value.map(|value| value.text().unwrap_or(Cow::Borrowed(value.raw())));
        Some(Self {
            id: id.map(Value::raw),
            from: end(from)?,
            from_slot: slot(from_slot?)?,
            to: end(to)?,
            to_slot: to_slot.and_then(slot).unwrap_or(usize::MAX),
        })
    }
}

fn node_id(node: Value<'_>, index: usize, is_group: bool) -> String {
    let given = if is_group { node.get("index") } else { node.get("id") };
    given.map_or_else(|| index.to_string(), id)
}

/// A number as it is written, or a text.
fn id(value: Value<'_>) -> String {
    value.text().map_or_else(|| value.raw().to_owned(), Cow::into_owned)
}

fn text(value: Value<'_>) -> Option<String> {
    value.text().map(Cow::into_owned)
}

fn promoted(value: Value<'_>) -> Vec<(String, String)> {
    let pair = |pair: Value<'_>| {
        let mut parts = pair.elements().map(id);
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    };
    value.elements().map(pair).collect()
}
