//! Nodes whose class the installation does not have.

use super::{Check, Context, Finding, Level, NodeRef};
use crate::inputs::names;

pub(super) const CHECK: Check = Check {
    id: "missing-class",
    level: Level::Error,
    title: "The installation has no such node",
    about: "The installed ComfyUI-MultiGPU does not register the class of a node, so ComfyUI shows it in red and refuses the \
            workflow. It registers the loaders for GGUF files only if ComfyUI-GGUF is in `custom_nodes`, and likewise those \
            for other packs; some classes came with a later release.",
    help: "Install the pack that the node wraps, or update ComfyUI-MultiGPU.",
    find,
};

/// A part of the names of the loaders that need it, and the pack.
const GGUF: (&str, &str) = ("GGUF", "ComfyUI-GGUF");

fn find(context: &Context<'_>) -> Vec<Finding> {
    let Some(packs) = context.known.packs else { return Vec::new() };
    let nodes = context.workflow.nodes();
    let missing = context.uses.iter().filter(|used| {
        let node = &nodes[used.node];
        // Other packs may have such names too, and say so.
        let is_own = node.pack.name.as_ref().is_none_or(|name| name.to_ascii_lowercase().contains("multigpu"));
        names::is_own(&node.class) && is_own && context.classes.has(&node.class) == Some(false)
    });
    let mut by_class: Vec<(&str, Vec<NodeRef>)> = Vec::new();
    for used in missing {
        let (class, node) = (nodes[used.node].class.as_str(), context.reference_of(used));
        match by_class.iter_mut().find(|(known, _)| *known == class) {
            Some((_, nodes)) => nodes.push(node),
            None => by_class.push((class, vec![node])),
        }
    }
    let findings = by_class.into_iter().map(|(class, nodes)| {
        let lacks_gguf = class.contains(GGUF.0) && !packs.iter().any(|pack| is_same(pack, GGUF.1));
        let (message, help) = if lacks_gguf {
            (
                format!("the installation does not have `{class}`, because {} is not in custom_nodes", GGUF.1),
                format!("install {}", GGUF.1),
            )
        } else {
            (
                format!("the installed ComfyUI-MultiGPU does not have `{class}`"),
                format!("install the pack that has `{}`, or update ComfyUI-MultiGPU", names::base(class)),
            )
        };
        CHECK.finding(message).of(nodes).help(help)
    });
    findings.collect()
}

/// Names of folders as the node compares them: letters and digits only.
fn is_same(pack: &str, name: &str) -> bool {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    plain(pack) == plain(name)
}
