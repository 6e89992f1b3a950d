//! The order in which ComfyUI runs the nodes of a prompt, if nothing is kept from an earlier run.
//!
//! Of the nodes that are ready it takes one that is an output, or else one that an output waits for, or one that such a
//! node waits for; of equal ones the one that was found first on the way back from the outputs.
//!
//! Source: `TopologicalSort.add_node` and `ExecutionList.ux_friendly_pick_node` in `comfy_execution/graph.py` of ComfyUI.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, anyhow, bail};

use super::prompt::{Prompt, Step};
use crate::advice::Advise as _;

/// The order of a prompt.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    /// The indices of the steps that run, in their order.
    pub(super) steps: Vec<usize>,
    /// The steps that are outputs.
    pub(super) outputs: Vec<usize>,
}

/// Parts of the names of nodes that save or show something, and so are run for their own sake.
const OUTPUTS: [&str; 8] = ["Save", "Preview", "Show", "Display", "Combine", "Export", "Upload", "Output"];

impl Order {
    /// The order of all steps that an output needs.
    ///
    /// # Errors If links lead in a circle: ComfyUI refuses such a prompt.
    pub(super) fn of(prompt: &Prompt) -> Result<Self> {
        let steps = &prompt.steps;
        let outputs = outputs(steps);
        let found = found(steps, &outputs);
        let mut rank = vec![None; steps.len()];
        found.iter().enumerate().for_each(|(rank_of, step)| rank[*step] = Some(rank_of));
        let mut blocking: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        let mut blocked = vec![0_usize; steps.len()];
        for &step in &found {
            let mut from: Vec<usize> = steps[step].links.iter().map(|link| link.from).collect();
            from.sort_unstable();
            from.dedup();
            blocked[step] = from.len();
            for from in from {
                blocking[from].push(step);
            }
        }
        let urgency = urgency(&blocking, &outputs);
        let key = |step: usize| Reverse((urgency[step], rank[step], step));
        let mut ready: BinaryHeap<_> =
            found.iter().filter(|step| blocked[**step] == 0).map(|step| key(*step)).collect();
        let mut order = Vec::with_capacity(found.len());
        while let Some(Reverse((_, _, step))) = ready.pop() {
            order.push(step);
            for &next in &blocking[step] {
                blocked[next] -= 1;
                if blocked[next] == 0 {
                    ready.push(key(next));
                }
            }
        }
        if order.len() < found.len() {
            let in_circle = found.iter().find(|step| blocked[**step] > 0).map_or("", |step| &steps[*step].id);
            bail!(
                anyhow!("the links of node {in_circle} lead in a circle, or come from one")
                    .help("ComfyUI does not run this workflow; remove a link of the circle")
            );
        }
        Ok(Self { steps: order, outputs })
    }

    /// Does a step need another one, directly or not?
    pub(super) fn needs(prompt: &Prompt, step: usize, other: usize) -> bool {
        let mut seen = vec![false; prompt.steps.len()];
        let mut open = vec![step];
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            for link in &prompt.steps[at].links {
                if !std::mem::replace(&mut seen[link.from], true) {
                    open.push(link.from);
                }
            }
        }
        false
    }
}

/// The steps that ComfyUI runs for their own sake. Which ones those are is in the Python of their classes; here they are
/// those that nothing is linked to, and that have no output or the name of a node that saves or shows something. If there
/// are none, all to which nothing is linked.
fn outputs(steps: &[Step]) -> Vec<usize> {
    let mut is_used = vec![false; steps.len()];
    steps.iter().flat_map(|step| &step.links).for_each(|link| is_used[link.from] = true);
    let last: Vec<usize> = (0..steps.len()).filter(|step| !is_used[*step]).collect();
    let is_output = |step: &&usize| {
        let Step { class, outputs, links, .. } = &steps[**step];
        let has_none = outputs.as_ref().is_some_and(Vec::is_empty) && !links.is_empty();
        has_none || OUTPUTS.iter().any(|part| class.contains(part))
    };
    let outputs: Vec<usize> = last.iter().filter(is_output).copied().collect();
    if outputs.is_empty() { last } else { outputs }
}

/// All steps that the outputs need, in the order in which ComfyUI finds them.
fn found(steps: &[Step], outputs: &[usize]) -> Vec<usize> {
    let mut is_found = vec![false; steps.len()];
    let mut found = Vec::new();
    for &output in outputs {
        let mut open = vec![output];
        while let Some(step) = open.pop() {
            if !std::mem::replace(&mut is_found[step], true) {
                found.push(step);
                open.extend(steps[step].links.iter().map(|link| link.from));
            }
        }
    }
    found
}

/// 0 for outputs, 1 and 2 for what is one or two steps before one, and 3 for all others.
fn urgency(blocking: &[Vec<usize>], outputs: &[usize]) -> Vec<u8> {
    let mut urgency = vec![3; blocking.len()];
    for &output in outputs {
        urgency[output] = 0;
    }
    for near in [1, 2] {
        let nearer: Vec<usize> = (0..blocking.len())
            .filter(|step| urgency[*step] == 3 && blocking[*step].iter().any(|next| urgency[*next] == near - 1))
            .collect();
        for step in nearer {
            urgency[step] = near;
        }
    }
    urgency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;

    fn order(text: &str) -> Result<Vec<String>> {
        let prompt = Prompt::of(&Workflow::parse(text.to_owned())?)?;
        Ok(Order::of(&prompt)?.steps.iter().map(|step| prompt.steps[*step].id.clone()).collect())
    }

    /// What ComfyUI 0.33.0's `ExecutionList` gives for the same prompt.
    #[test]
    fn nodes_run_in_the_order_of_comfyui() {
        let text = r#"{
            "unet": {"class_type": "UNETLoader", "inputs": {}}, "clip": {"class_type": "CLIPLoader", "inputs": {}},
            "vae": {"class_type": "VAELoader", "inputs": {}},
            "pos": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0]}},
            "neg": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["clip", 0]}},
            "latent": {"class_type": "EmptyLatentImage", "inputs": {}},
            "sample": {"class_type": "KSampler", "inputs": {"model": ["unet", 0], "positive": ["pos", 0],
                       "negative": ["neg", 0], "latent_image": ["latent", 0]}},
            "decode": {"class_type": "VAEDecode", "inputs": {"samples": ["sample", 0], "vae": ["vae", 0]}},
            "save": {"class_type": "SaveImage", "inputs": {"images": ["decode", 0]}},
            "unused": {"class_type": "VAEDecode", "inputs": {"samples": ["sample", 0], "vae": ["vae", 0]}}}"#;
        assert_eq!(order(text).unwrap(), ["vae", "latent", "clip", "neg", "pos", "unet", "sample", "decode", "save"]);
    }

    #[test]
    fn a_circle_is_an_error() {
        let text = r#"{"a": {"class_type": "A", "inputs": {"x": ["b", 0]}}, "b": {"class_type": "B", "inputs": {"x": ["a", 0]}},
            "c": {"class_type": "Save", "inputs": {"x": ["a", 0]}}}"#;
        assert!(order(text).unwrap_err().to_string().ends_with("lead in a circle, or come from one"));
        assert!(order(r#"{"a": {"class_type": "A", "inputs": {"x": ["a", 0]}}}"#).unwrap().is_empty());
    }

    #[test]
    fn a_long_chain_is_ordered_without_recursion() {
        let node = |at: usize| match at {
            0 => r#""0": {"class_type": "A", "inputs": {}}"#.to_owned(),
            _ => format!(r#""{at}": {{"class_type": "A", "inputs": {{"x": ["{}", 0]}}}}"#, at - 1),
        };
        let nodes: Vec<String> = (0..50_000).map(node).collect();
        assert_eq!(order(&format!("{{{}}}", nodes.join(","))).unwrap().len(), 50_000);
    }
}
