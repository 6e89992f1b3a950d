//! The nodes of workflows.

use crate::doctor::ReadWorkflow;
use crate::workflow::node::Mode;

/// The ids and classes of the nodes that run and whose class is such.
pub(in crate::doctor) fn nodes(read: &ReadWorkflow, is_such: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let workflow = &read.workflow;
    let uses = workflow.uses().unwrap_or_default().into_iter();
    let running = uses.filter(|used| workflow.mode(used) == Mode::Active);
    let such = running.filter(|used| is_such(&workflow.nodes()[used.node].class));
    such.map(|used| (workflow.id(used.node, &used.around), workflow.nodes()[used.node].class.clone())).collect()
}
