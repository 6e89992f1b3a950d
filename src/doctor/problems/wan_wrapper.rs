//! Nodes of `ComfyUI-WanVideoWrapper`, which DisTorch2 does not reach.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, Step};
use crate::log::RemarkKind;
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "wan-wrapper",
    title: "Nodes of ComfyUI-WanVideoWrapper are not distributed",
    about: "ComfyUI-WanVideoWrapper loads and runs models with code of its own. This node offers its loaders with a device to choose, \
            but no allocation string: they swap blocks themselves (\"WanVideo Block Swap\"). If the versions of the two packs do not \
            match, the node says \"Failed to register nodes for ComfyUI-WanVideoWrapper\", and those loaders are missing.",
    help: "To distribute a WAN model, load it with the loaders of ComfyUI or ComfyUI-GGUF. If the nodes are missing, update both packs.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/149",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/blob/main/__init__.py",
    ],
    rank: Rank::Wrong,
    find,
};

/// Loaders of diffusion models, of both packs.
const LOADERS: [&str; 2] = ["WanVideoModelLoader", "WanVideoModelLoaderMultiGPU"];

fn find(facts: &Facts) -> Answer {
    clues::both(in_log(facts), in_workflows(facts))
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let failed = start.remarks.iter().rev().find_map(|remark| match &remark.kind {
        RemarkKind::RegisterFailed { module, why } if is_wrapper(module) => Some((remark, why)),
        _ => None,
    });
    let Some((remark, why)) = failed else { return Ok(Vec::new()) };
    let message = format!("The node could not register its loaders for ComfyUI-WanVideoWrapper: {why}");
    let packs = facts.packs.ok().into_iter().flatten();
    let pack = packs.filter(|pack| !pack.is_disabled).find(|pack| is_wrapper(&pack.name));
    let step = match pack {
        Some(pack) if pack.path.join(".git").exists() => Step::Command(format!("git -C {} pull", quoted(&pack.path))),
        _ => Step::Advice(String::from("update ComfyUI-WanVideoWrapper and ComfyUI-MultiGPU")),
    };
    Ok(vec![PROBLEM.finding(message, step).because(Evidence::log(remark.text.clone(), remark.line))])
}

/// Is it the pack, however its folder is written?
fn is_wrapper(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.to_ascii_lowercase().ends_with("wanvideowrapper")
}

fn in_workflows(facts: &Facts) -> Answer {
    if facts.read_workflows().next().is_none() {
        return Err(String::from("no workflow is known (--workflow)"));
    }
    let mut found: Vec<Finding> = Vec::new();
    for (path, read) in facts.read_workflows() {
        let nodes = clues::nodes(read, |class| LOADERS.contains(&class));
        let Some((id, class)) = nodes.first() else { continue };
        let message = format!(
            "Node {id} ({class}) loads its model with code of ComfyUI-WanVideoWrapper, which DisTorch2 does not reach"
        );
        let step = "set the blocks to swap in its node \"WanVideo Block Swap\", or load the model with UNETLoaderDisTorch2MultiGPU and \
                    ComfyUI's own samplers";
        let mut finding = PROBLEM.finding(message, Step::Advice(step.into())).ranked(Rank::Note);
        for (id, class) in nodes {
            finding = finding.because(Evidence::node(class, path, id));
        }
        found.push(finding);
    }
    Ok(found)
}
