//! What ComfyUI runs of a workflow: its nodes and their links, without subgraphs, reroutes, muted and bypassed nodes.
//!
//! Source: `graphToPrompt` in `src/utils/executionUtil.ts` of ComfyUI's frontend.

use std::collections::HashMap;

use anyhow::Result;

use crate::workflow::json::Value;
use crate::workflow::node::{Mode, Origin};
use crate::workflow::{Form, Node, Use, Workflow};

/// The longest way that a link takes through subgraphs, reroutes and bypassed nodes, which could lead in a circle.
const MOST_STEPS: usize = 1_000;
/// Nodes of a common pack that pass a link on without a line: what is set under a name can be got elsewhere.
const SET: &str = "SetNode";
const GET: &str = "GetNode";
/// Nodes of the frontend that only say something to people.
const NOTES: [&str; 3] = ["Note", "MarkdownNote", "Label (rgthree)"];

/// The nodes that run.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    /// In the order of the file.
    pub(super) steps: Vec<Step>,
}

/// A node that runs.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Its id, as in ComfyUI's prompts.
    pub(super) id: String,
    /// The index of the node in the workflow.
    pub(super) node: usize,
    /// Its class.
    pub(super) class: String,
    /// What is linked to it, in the order of its inputs.
    pub(super) links: Vec<Link>,
    /// The types of its outputs; None if the file does not say.
    pub(super) outputs: Option<Vec<String>>,
}

/// A link to an input.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The name of the input.
    pub(super) name: String,
    /// Its type; None if the file does not say, or it takes any.
    pub(super) kind: Option<String>,
    /// The index of the step that it comes from.
    pub(super) from: usize,
}

impl Prompt {
    /// What runs of a workflow.
    pub(super) fn of(workflow: &Workflow) -> Result<Self> {
        let flat = Flat::new(workflow)?;
        let mut steps = Vec::new();
        let mut index = vec![None; flat.uses.len()];
        let runs = |at: &usize| {
            let node = &workflow.nodes()[flat.uses[*at].node];
            flat.modes[*at] == Mode::Active && !is_virtual(node) && workflow.definition(&node.class).is_none()
        };
        let running: Vec<usize> = (0..flat.uses.len()).filter(runs).collect();
        running.iter().enumerate().for_each(|(step, at)| index[*at] = Some(step));
        for at in running {
            let used = &flat.uses[at];
            let node = &workflow.nodes()[used.node];
            let slots = Slots::of(workflow, used.node);
            let links = node.inputs.iter().enumerate().filter_map(|(slot, input)| {
                let from = index[flat.source(at, input.origin?)?]?;
                Some(Link { name: input.name.clone(), kind: slots.input(slot), from })
            });
            steps.push(Step {
                id: workflow.id(used.node, &used.around),
                node: used.node,
                class: node.class.clone(),
                links: links.collect(),
                outputs: slots.outputs,
            });
        }
        Ok(Self { steps })
    }
}

/// Is it only there for the frontend?
fn is_virtual(node: &Node) -> bool {
    let class = node.class.as_str();
    node.is_primitive() || node.is_reroute() || NOTES.contains(&class) || [SET, GET].contains(&class)
}

/// The types of a node's inputs and outputs, as the file says.
struct Slots {
    inputs: Vec<Option<String>>,
    outputs: Option<Vec<String>>,
}

impl Slots {
    fn of(workflow: &Workflow, node: usize) -> Self {
        let place = workflow.json().value(workflow.nodes()[node].place);
        if workflow.form() == Form::Api {
            return Self { inputs: Vec::new(), outputs: None };
        }
        let types = |key| {
            let of = |slot: Value<'_>| slot.get("type").and_then(Value::text).map(std::borrow::Cow::into_owned);
            place.get(key).map(|slots| slots.elements().map(of).collect::<Vec<_>>())
        };
        let outputs = types("outputs").unwrap_or_default().into_iter().map(Option::unwrap_or_default);
        Self { inputs: types("inputs").unwrap_or_default(), outputs: Some(outputs.collect()) }
    }

    fn input(&self, slot: usize) -> Option<String> {
        self.inputs.get(slot).cloned().flatten().filter(|kind| kind != "*")
    }
}

/// All uses of nodes, with what is needed to follow a link from one to another.
struct Flat<'w> {
    workflow: &'w Workflow,
    uses: Vec<Use>,
    /// Does it run? Not if an instance around it does not.
    modes: Vec<Mode>,
    /// The use of the instance around each.
    parents: Vec<Option<usize>>,
    /// The use of a node within that of an instance.
    index: HashMap<(Option<usize>, usize), usize>,
    /// Who sets something under a name.
    set: HashMap<String, usize>,
}

impl<'w> Flat<'w> {
    fn new(workflow: &'w Workflow) -> Result<Self> {
        let uses = workflow.uses()?;
        let mut parents = Vec::with_capacity(uses.len());
        let mut index = HashMap::with_capacity(uses.len());
        // Inner ones follow their instance.
        let mut around: Vec<usize> = Vec::new();
        for (at, used) in uses.iter().enumerate() {
            around.truncate(used.around.len());
            let parent = around.last().copied();
            parents.push(parent);
            index.insert((parent, used.node), at);
            if workflow.definition(&workflow.nodes()[used.node].class).is_some() {
                around.push(at);
            }
        }
        let modes = uses.iter().map(|used| workflow.mode(used)).collect();
        let mut flat = Self { workflow, uses, modes, parents, index, set: HashMap::new() };
        let setters = (0..flat.uses.len()).filter(|at| flat.class(*at) == SET);
        flat.set = setters.filter_map(|at| Some((flat.name_set(at)?, at))).collect();
        Ok(flat)
    }

    fn class(&self, at: usize) -> &str {
        &self.workflow.nodes()[self.uses[at].node].class
    }

    /// The name under which a node sets or gets something.
    fn name_set(&self, at: usize) -> Option<String> {
        let value = self.workflow.nodes()[self.uses[at].node].values.of_widget(0, "value")?;
        self.workflow.json().value(value).text().map(std::borrow::Cow::into_owned)
    }

    /// The use of the node that runs at the other end of a link; None if there is none.
    fn source(&self, at: usize, origin: Origin) -> Option<usize> {
        let nodes = self.workflow.nodes();
        let (mut parent, mut origin) = (self.parents[at], origin);
        let mut graph = nodes[self.uses[at].node].graph;
        for _ in 0..MOST_STEPS {
            match origin {
                Origin::Nowhere => return None,
                Origin::Outside { slot } => {
                    let instance = &nodes[self.uses[parent?].node];
                    let name = self.workflow.graphs()[graph].inputs.get(slot)?;
                    let input = instance.inputs.iter().find(|input| input.is_of(name) || input.name == *name)?;
                    (graph, origin) = (instance.graph, input.origin?);
                    parent = self.parents[parent?];
                }
                Origin::Node { node, slot } => {
                    let from = *self.index.get(&(parent, node))?;
                    let class = nodes[node].class.as_str();
                    let next = match (self.modes[from], self.workflow.definition(class)) {
                        (Mode::Muted, _) => return None,
                        (Mode::Bypassed, _) => self.bypassed(node, slot)?,
                        (Mode::Active, Some(inner)) => {
                            (parent, graph) = (Some(from), inner);
                            self.workflow.graphs()[inner].outputs.get(slot).copied().flatten()?
                        }
                        (Mode::Active, None) if nodes[node].is_reroute() || class == SET => {
                            nodes[node].inputs.first()?.origin?
                        }
                        (Mode::Active, None) if class == GET => {
                            let setter = *self.set.get(&self.name_set(from)?)?;
                            let node = self.uses[setter].node;
                            (parent, graph) = (self.parents[setter], nodes[node].graph);
                            nodes[node].inputs.first()?.origin?
                        }
                        (Mode::Active, None) => return Some(from),
                    };
                    origin = next;
                }
            }
        }
        None
    }

    /// What a bypassed node passes on: the input of the output's type, that with the same number before others.
    fn bypassed(&self, node: usize, slot: usize) -> Option<Origin> {
        let slots = Slots::of(self.workflow, node);
        let kind = slots.outputs.as_ref()?.get(slot)?.clone();
        let inputs = &self.workflow.nodes()[node].inputs;
        let fits = |at: &usize| slots.inputs.get(*at).is_some_and(|input| input.as_ref() == Some(&kind));
        let found = [slot].into_iter().filter(fits).chain((0..inputs.len()).filter(fits)).next()?;
        inputs[found].origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id <- ids` for each node that runs.
    fn links(text: &str) -> Vec<String> {
        let prompt = Prompt::of(&Workflow::parse(text.to_owned()).unwrap()).unwrap();
        let shown = |step: &Step| {
            let from: Vec<&str> = step.links.iter().map(|link| prompt.steps[link.from].id.as_str()).collect();
            format!("{} <- {}", step.id, from.join(" "))
        };
        prompt.steps.iter().map(shown).collect()
    }

    #[test]
    fn links_lead_through_subgraphs_reroutes_and_bypassed_nodes() {
        let text = r#"{"nodes": [
            {"id": 1, "type": "UNETLoader", "outputs": [{"type": "MODEL"}]},
            {"id": 2, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 1}]},
            {"id": 3, "type": "inner", "inputs": [{"name": "model", "type": "MODEL", "link": 2}], "outputs": [{"type": "MODEL"}]},
            {"id": 4, "type": "LoraLoader", "mode": 4,
             "inputs": [{"name": "clip", "type": "CLIP", "link": null}, {"name": "model", "type": "MODEL", "link": 3}],
             "outputs": [{"type": "MODEL"}, {"type": "CLIP"}]},
            {"id": 5, "type": "KSampler", "inputs": [{"name": "model", "type": "MODEL", "link": 4}]},
            {"id": 6, "type": "KSampler", "mode": 2, "inputs": [{"name": "model", "type": "MODEL", "link": 5}]},
            {"id": 7, "type": "SetNode", "widgets_values": ["m"], "inputs": [{"name": "MODEL", "type": "MODEL", "link": 6}]},
            {"id": 8, "type": "GetNode", "widgets_values": ["m"], "outputs": [{"type": "MODEL"}]},
            {"id": 9, "type": "KSampler", "inputs": [{"name": "model", "type": "MODEL", "link": 7}]}],
          "links": [[1,1,0,2,0,"MODEL"],[2,2,0,3,0,"MODEL"],[3,3,0,4,1,"MODEL"],[4,4,0,5,0,"MODEL"],[5,1,0,6,0,"MODEL"],
                    [6,1,0,7,0,"MODEL"],[7,8,0,9,0,"MODEL"]],
          "definitions": {"subgraphs": [{"id": "inner", "inputs": [{"name": "model"}], "outputs": [{"name": "out"}],
            "nodes": [{"id": 1, "type": "ModelSamplingSD3", "inputs": [{"name": "model", "type": "MODEL", "link": 1}],
                       "outputs": [{"type": "MODEL"}]}],
            "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0, "type": "MODEL"},
                      {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "MODEL"}]}]}}"#;
        assert_eq!(links(text), ["1 <- ", "3:1 <- 1", "5 <- 3:1", "9 <- 1"]);
    }

    #[test]
    fn links_that_lead_in_a_circle_end() {
        let text = r#"{"nodes": [
            {"id": 1, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 2}]},
            {"id": 2, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 1}]},
            {"id": 3, "type": "KSampler", "inputs": [{"name": "model", "type": "MODEL", "link": 3}]}],
          "links": [[1,1,0,2,0,"*"],[2,2,0,1,0,"*"],[3,2,0,3,0,"*"]]}"#;
        assert_eq!(links(text), ["3 <- "]);
    }
}
