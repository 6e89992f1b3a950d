//! Uses of nodes: the same definition of a subgraph can be used several times, and with it each node in it.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};

use super::Workflow;
use super::node::Mode;
use crate::advice::Advise as _;

/// The most uses of nodes in a workflow.
const MOST_USES: usize = 2_000_000;
/// The most instances of subgraphs. One that is used twice in each of twenty others would have a million.
const MOST_INSTANCES: usize = 100_000;
/// Subgraphs in subgraphs.
const MOST_DEPTH: usize = 64;

/// A use of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The index of the node.
    pub node: usize,
    /// The indices of the instances around it, the outermost first.
    pub around: Arc<[usize]>,
}

impl Workflow {
    /// The use of every node, in the order of the file, inner ones behind their instance. Fails if subgraphs in
    /// subgraphs make too many.
    pub fn uses(&self) -> Result<Vec<Use>> {
        let outermost: Arc<[usize]> = Arc::default();
        let mut uses = Vec::new();
        let mut instances = 0;
        // Not by recursion: subgraphs can be nested deeply.
        let mut open: Vec<Use> =
            self.in_graph(0).rev().map(|node| Use { node, around: Arc::clone(&outermost) }).collect();
        while let Some(used) = open.pop() {
            let depth = used.around.len() + 1;
            if let Some(graph) = self.definition(&self.nodes[used.node].class) {
                instances += 1;
                let around: Arc<[usize]> = used.around.iter().copied().chain([used.node]).collect();
                open.extend(self.in_graph(graph).rev().map(|node| Use { node, around: Arc::clone(&around) }));
            }
            uses.push(used);
            let excess = [
                (uses.len() + open.len() > MOST_USES, MOST_USES, "nodes"),
                (instances > MOST_INSTANCES, MOST_INSTANCES, "instances of subgraphs"),
                (depth > MOST_DEPTH, MOST_DEPTH, "subgraphs in each other"),
            ];
            if let Some((_, most, what)) = excess.into_iter().find(|(is_exceeded, ..)| *is_exceeded) {
                bail!(
                    anyhow!("it has more than {most} {what}, with those inside of subgraphs counted at each use")
                        .help("use its subgraphs less often")
                );
            }
        }
        Ok(uses)
    }

    /// The nodes of a graph.
    pub(super) fn in_graph(&self, graph: usize) -> std::ops::Range<usize> {
        // The nodes of a graph follow each other.
        let first = self.nodes.partition_point(|node| node.graph < graph);
        let end = self.nodes.partition_point(|node| node.graph <= graph);
        first..end
    }

    /// The graph that nodes of this class are instances of.
    pub fn definition(&self, class: &str) -> Option<usize> {
        self.by_class.get(class).copied()
    }

    /// The id of a node in a graph within these instances, as in ComfyUI's prompts: the ids of all of them, with colons.
    pub fn id(&self, node: usize, around: &[usize]) -> String {
        let ids: Vec<&str> = around.iter().chain([&node]).map(|node| self.nodes[*node].id.as_str()).collect();
        ids.join(":")
    }

    /// Does it run? Not if an instance around it does not.
    pub fn mode(&self, used: &Use) -> Mode {
        let around = used.around.iter().map(|instance| self.nodes[*instance].mode);
        around.fold(self.nodes[used.node].mode, Mode::max)
    }
}
