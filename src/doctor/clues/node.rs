//! What several problems ask of the node, and how it is updated.

use std::path::PathBuf;

use crate::comfyui::DynamicVram;
use crate::doctor::{Facts, NodeFacts, NodeSource, Step};
use crate::python::FileId;
use crate::text::quoted;

/// The folder of the node's registry entry.
const REGISTRY: &str = "comfyui-multigpu";

/// What repairs the node.
pub(in crate::doctor) fn apply(node: &NodeFacts) -> Step {
    Step::Command(format!("distorch-fix apply {}", quoted(&node.checkout.root)))
}

/// What updates the node; `since` is the release that helps.
pub(in crate::doctor) fn update(facts: &Facts, since: &str) -> Step {
    let Ok(node) = facts.node.get() else {
        return Step::Advice(format!("install ComfyUI-MultiGPU {since} or later"));
    };
    let git = node.checkout.git.as_ref();
    let has_branch = git.and_then(|git| git.head.as_ref()).is_some_and(|head| head.branch.is_some());
    let is_modified = git.is_some_and(|git| git.modified != Some(false));
    match node.source {
        NodeSource::Git if has_branch && !is_modified => {
            Step::Command(format!("git -C {} pull --ff-only", quoted(&node.checkout.root)))
        }
        NodeSource::Registry => Step::Command(format!("comfy node update {REGISTRY}")),
        NodeSource::Git | NodeSource::Copied => {
            Step::Advice(format!("update ComfyUI-MultiGPU to {since} or later with ComfyUI-Manager"))
        }
    }
}

/// The first place at which the node's code has this word: its file, and its line, from 1.
///
/// # Errors
///
/// Why its code is unknown.
pub(in crate::doctor) fn mention(facts: &Facts, word: &str) -> Result<Option<(PathBuf, usize)>, String> {
    let code = facts.node.get()?.code.get()?;
    let sources = &code.repair.sources;
    let line = |file: FileId| {
        let text = sources.package.text(file)?;
        let line = text.lines().position(|line| line.contains(word))?;
        Some((sources.path(file), line + 1))
    };
    Ok(sources.package.ids().find_map(line))
}

/// Does this ComfyUI have dynamic VRAM, be it on or off?
///
/// # Errors
///
/// Why that is unknown.
pub(in crate::doctor) fn has_dynamic_vram(facts: &Facts) -> Result<bool, String> {
    Ok(facts.comfyui.get()?.dynamic.state != DynamicVram::Absent)
}
