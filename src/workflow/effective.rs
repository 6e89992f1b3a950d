//! Which value of a widget takes effect: the node's own, that of an instance around it, or what is linked to it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Workflow;
use super::json::{Id, Kind, Value};
use super::loader::Held;
use super::node::{Mode, Node, Origin, Values};
use super::uses::Use;
use crate::inputs::Literal;

/// Up to so many inputs of a node are looked through each time. It is seldom more, and workflows can have a million nodes.
const FEW_INPUTS: usize = 16;
/// The longest way that a link takes through subgraphs and reroutes, which could lead in a circle.
const MOST_STEPS: usize = 1_000;

/// The values of a workflow that take effect. What it has looked up of a node, it keeps: a node can have a million inputs,
/// and be used as often.
pub(super) struct Effective<'w> {
    workflow: &'w Workflow,
    /// Of each node with many inputs: these by their names and by the names of their widgets.
    inputs: RefCell<HashMap<usize, HashMap<&'w str, usize>>>,
    /// Of each instance: its values by the inner node and widget that they are for.
    promoted: RefCell<HashMap<usize, Promoted<'w>>>,
    /// Of each group node's graph: how many values there are before those of each node, and how many in all.
    counts: RefCell<HashMap<usize, Vec<usize>>>,
}

/// The values of an instance, by the inner node and widget that they are for.
type Promoted<'w> = HashMap<(&'w str, &'w str), Id>;

/// Where a value is looked for: at a node, within some instances.
#[derive(Clone, Copy)]
struct Place<'u> {
    node: usize,
    around: &'u [usize],
}

impl<'w> Effective<'w> {
    pub(super) fn new(workflow: &'w Workflow) -> Self {
        Self { workflow, inputs: RefCell::default(), promoted: RefCell::default(), counts: RefCell::default() }
    }

    /// What a widget has, by its position and its name.
    pub(super) fn held(&self, used: &Use, position: usize, name: &str) -> Held {
        let node = &self.workflow.nodes[used.node];
        if self.workflow.graphs[node.graph].is_group {
            return self.in_group(used, position, name);
        }
        let place = Place { node: used.node, around: &used.around };
        self.follow(place, name, node.values.of_widget(position, name))
    }

    /// Follows what is linked to a widget, or shown of it by the instance around it, until there is a value.
    fn follow(&self, place: Place<'_>, name: &str, stored: Option<Id>) -> Held {
        let nodes = &self.workflow.nodes;
        let (mut place, mut name, mut stored) = (place, name, stored);
        let mut holder = place.node;
        for _ in 0..MOST_STEPS {
            let node = &nodes[place.node];
            match self.input(place.node, name) {
                None | Some(Origin::Nowhere) => {
                    // An instance can show a widget without an input for it.
                    let shown = place.around.last().and_then(|instance| self.promoted(*instance, &node.id, name));
                    return self.stored(holder, shown.or(stored));
                }
                Some(Origin::Outside { slot }) => {
                    let Some((&instance, outer)) = place.around.split_last() else {
                        return Held::Unknown { why: "it is linked to an input of no subgraph" };
                    };
                    let Some(input) = self.workflow.graphs[node.graph].inputs.get(slot) else {
                        return Held::Unknown { why: "it is linked to an input that its subgraph does not have" };
                    };
                    let own = self.promoted(instance, "-1", input);
                    if let Some(value) = own.or_else(|| self.promoted(instance, &node.id, name)) {
                        (holder, stored) = (instance, Some(value));
                    }
                    (place, name) = (Place { node: instance, around: outer }, input);
                }
                Some(Origin::Node { node: from, .. }) => {
                    let source = &nodes[from];
                    if source.is_primitive() {
                        return self.stored(from, source.values.of_widget(0, "value"));
                    }
                    if source.mode != Mode::Active {
                        return Held::Unknown { why: "it is linked to a node that does not run" };
                    }
                    if source.is_reroute() {
                        let Some(input) = source.inputs.first().filter(|input| input.origin.is_some()) else {
                            return Held::Unknown { why: "it is linked to a reroute that leads nowhere" };
                        };
                        // A reroute has no value of its own.
                        (place, name) = (Place { node: from, ..place }, &input.name);
                        (holder, stored) = (from, None);
                        continue;
                    }
                    return Held::Linked { to: self.workflow.id(from, place.around) };
                }
            }
        }
        Held::Unknown { why: "its links lead in a circle" }
    }

    fn stored(&self, holder: usize, stored: Option<Id>) -> Held {
        match stored {
            Some(stored) => {
                let value = self.workflow.json.value(stored);
                Held::Stored { value: literal(value), site: value.span() }
            }
            None if self.workflow.is_api() => Held::Absent,
            None if matches!(self.workflow.nodes[holder].values, Values::Named { .. }) => {
                Held::Unknown { why: "the node stores its values by name, without this one" }
            }
            None => Held::Default,
        }
    }

    /// What is linked to an input of a node.
    fn input(&self, node: usize, name: &str) -> Option<Origin> {
        let inputs = &self.workflow.nodes[node].inputs;
        if inputs.len() <= FEW_INPUTS {
            let by_widget = || inputs.iter().find(|input| input.widget.as_deref() == Some(name));
            return inputs.iter().find(|input| input.name == name).or_else(by_widget)?.origin;
        }
        let mut known = self.inputs.borrow_mut();
        let by_name = known.entry(node).or_insert_with(|| {
            let mut by_name = HashMap::new();
            for (at, input) in inputs.iter().enumerate() {
                by_name.entry(input.name.as_str()).or_insert(at);
            }
            for (at, input) in inputs.iter().enumerate() {
                if let Some(widget) = &input.widget {
                    by_name.entry(widget.as_str()).or_insert(at);
                }
            }
            by_name
        });
        by_name.get(name).and_then(|at| inputs[*at].origin)
    }

    /// The value that an instance stores for a widget inside of it. Where it stores `null`, the inner node's counts.
    fn promoted(&self, instance: usize, inner: &str, name: &str) -> Option<Id> {
        let node = &self.workflow.nodes[instance];
        let mut known = self.promoted.borrow_mut();
        let values = known.entry(instance).or_insert_with(|| {
            let shown: Vec<(&str, &str)> = match &node.promoted {
                Some(promoted) => promoted.iter().map(|(node, widget)| (node.as_str(), widget.as_str())).collect(),
                // Before there was such a list, an instance had a widget for each input that takes the place of one.
                None => node
                    .inputs
                    .iter()
                    .filter(|input| input.widget.is_some())
                    .map(|input| ("-1", &*input.name))
                    .collect(),
            };
            let named = shown.into_iter().enumerate();
            let values = named.filter_map(|(at, key)| Some((key, node.values.of_widget(at, key.1)?)));
            values.filter(|(_, value)| !self.workflow.json.value(*value).is_null()).collect()
        });
        let values: &Promoted<'_> = values;
        values.get(&(inner, name)).copied()
    }

    /// The value of a node in a group node, whose instance has all values in one list.
    fn in_group(&self, used: &Use, position: usize, name: &str) -> Held {
        let why = "it is in a group node, which does not say where its values stand";
        let Some(&instance) = used.around.last() else { return Held::Unknown { why } };
        if self.input(used.node, name).is_some() {
            return Held::Unknown { why: "it is linked inside of a group node" };
        }
        let graph = self.workflow.nodes[used.node].graph;
        let nodes = self.workflow.in_graph(graph);
        let index = used.node - nodes.start;
        let mut known = self.counts.borrow_mut();
        let before = known.entry(graph).or_insert_with(|| {
            let counts = self.workflow.nodes[nodes].iter().map(count);
            std::iter::once(0)
                .chain(counts.scan(0, |sum, count| {
                    *sum += count;
                    Some(*sum)
                }))
                .collect()
        });
        let is_own = before[index] + position < before[index + 1];
        match &self.workflow.nodes[instance].values {
            Values::List { values, .. } if before.last() == Some(&values.len()) && is_own => {
                self.stored(instance, values.get(before[index] + position).copied())
            }
            _ => Held::Unknown { why },
        }
    }
}

/// How many values a node has in a list.
fn count(node: &Node) -> usize {
    match &node.values {
        Values::List { values, .. } => values.len(),
        _ => 0,
    }
}

pub(super) fn literal(value: Value<'_>) -> Literal {
    match value.kind() {
        Kind::Null => Literal::Null,
        Kind::Boolean => Literal::Boolean(value.raw() == "true"),
        Kind::Number => value.number().map_or(Literal::Other, Literal::Number),
        Kind::Text => value.text().map_or(Literal::Other, |text| Literal::Text(text.into_owned())),
        Kind::Array | Kind::Object => Literal::Other,
    }
}
