//! Reads the UI form, which the frontend saves: version 0.4, where a link is a list, and 1, where it is an object; with
//! subgraphs in `definitions` and group nodes in `extra`.

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::{Result, anyhow, bail};

use super::json::{Kind, Value};
use super::node::{Graph, Input, Mode, Node, Origin, Pack, Values};
use crate::advice::Advise as _;

/// The node in whose place a subgraph has its inputs.
const INPUT_NODE: &str = "-10";
/// The node in whose place it has its outputs.
const OUTPUT_NODE: &str = "-20";
/// What a group node's class begins with.
const GROUP_PREFIX: &str = "workflow>";
/// The same before version 1.2.63 of the frontend.
const OLD_GROUP_PREFIX: &str = "workflow/";

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
        let class = format!("{GROUP_PREFIX}{name}");
        let graph = Graph { class: Some(class), name: Some(name.into_owned()), is_group: true, ..Graph::default() };
        reader.graph(group, graph);
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
            if link.to == OUTPUT_NODE
                && let Some(output) = graph.outputs.get_mut(link.to_slot)
            {
                *output = Some(origin);
            }
            if let Some(id) = link.id {
                by_id.insert(id, origin);
            } else {
                by_target.insert((link.to, link.to_slot), origin);
            }
        }
        drop(index);
        for (node, id) in nodes.into_iter().zip(ids) {
            let input = |(slot, input): (usize, Value<'_>)| {
                let linked = input.get("link").filter(|link| !link.is_null());
                let named = linked.map(|link| by_id.get(link.raw()).copied().unwrap_or(Origin::Nowhere));
                Input {
                    name: input.get("name").and_then(text).unwrap_or_default(),
                    widget: input.get("widget").and_then(|widget| widget.get("name").and_then(text)),
                    origin: by_target.get(&(Cow::Borrowed(id.as_str()), slot)).copied().or(named),
                }
            };
            let inputs = node.get("inputs").into_iter().flat_map(Value::elements).enumerate().map(input).collect();
            let properties = node.get("properties");
            let property = |key| properties.and_then(|properties| properties.get(key)).and_then(text);
            self.nodes.push(Node {
                id,
                graph: at,
                class: node.get("type").and_then(text).map(current).unwrap_or_default(),
                title: node.get("title").and_then(text),
                mode: Mode::of(node.get("mode")),
                values: Values::of(node.get("widgets_values")),
                inputs,
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
        // How many instances of others each has inside, and in which graphs each has instances.
        let mut inside = vec![0_usize; self.graphs.len()];
        let mut instances = vec![Vec::new(); self.graphs.len()];
        for node in &self.nodes {
            if let Some(&graph) = by_class.get(node.class.as_str()) {
                inside[node.graph] += 1;
                instances[graph].push(node.graph);
            }
        }
        // Those that have nothing inside, then those that have only them, until none is left.
        let mut done: Vec<usize> = (0..inside.len()).filter(|graph| inside[*graph] == 0).collect();
        while let Some(graph) = done.pop() {
            for around in std::mem::take(&mut instances[graph]) {
                inside[around] -= 1;
                if inside[around] == 0 {
                    done.push(around);
                }
            }
        }
        // The outermost graph contains no graph that contains it, and may only be one that contains a circle.
        let Some(circle) = (1..inside.len()).find(|graph| inside[*graph] > 0) else { return Ok(()) };
        let name = self.graphs[circle].name.as_deref().unwrap_or("without a name");
        bail!(
            anyhow!("the subgraph `{name}` contains itself, or one that does")
                .help("delete one of its instances; ComfyUI cannot run it")
        );
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

/// A class, with what group nodes have begun with since.
fn current(class: String) -> String {
    match class.strip_prefix(OLD_GROUP_PREFIX) {
        Some(name) => format!("{GROUP_PREFIX}{name}"),
        None => class,
    }
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
