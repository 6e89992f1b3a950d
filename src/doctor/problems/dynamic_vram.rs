//! ComfyUI's dynamic VRAM takes models away from the node, whose loaders then do nothing.

use crate::comfyui::LoaderKind;
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, NodeCode, Problem, Rank, Step};
use crate::fixes::Status;
use crate::fixes::dynamic_vram::DYNAMIC_VRAM;
use crate::loaders::{Effect, Loader};
use crate::log::{Asked, Load, Outcome};
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "dynamic-vram",
    title: "Dynamic VRAM takes models away from DisTorch2",
    about: "Since 0.16.0 ComfyUI manages the memory of models by itself, which it calls dynamic VRAM. Loaders of safetensors files \
            then print their allocation string and distribute nothing: the other GPUs stay empty. GGUF loaders act as before.",
    help: "`distorch-fix apply` makes the node give ComfyUI a plain model where it is to be distributed. Or start ComfyUI with \
           `--disable-dynamic-vram`, or load GGUF files.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/186",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/191",
        "https://github.com/Comfy-Org/ComfyUI/pull/12658",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    if !clues::has_dynamic_vram(facts)? {
        return Ok(Vec::new());
    }
    let code = facts.node.get()?.code.get()?;
    if let Ok(start) = facts.last_start()
        && let Some(load) = clues::loads(start).rev().find(|load| is_inert(load))
    {
        let model = load.model.as_deref().unwrap_or("a model");
        let message = format!("ComfyUI kept {model} from the node, which was to distribute it");
        let evidence =
            Evidence::log("the model is prepared for dynamic VRAM, and nothing is distributed", load.last_line);
        return Ok(vec![with_code(PROBLEM.finding(message, step(facts, code)).because(evidence), facts, code)]);
    }
    let inert = kinds(facts, code)?;
    if inert.is_empty() {
        return Ok(Vec::new());
    }
    let Some(evidence) = clues::dynamic_vram(facts)? else { return Ok(Vec::new()) };
    let kinds = listed(inert.iter().map(|loader| loader.kind));
    let message = format!("The node's loaders of {kinds} distribute nothing");
    let mut finding = PROBLEM.finding(message, step(facts, code)).because(evidence);
    let nodes = in_workflows(facts);
    // Nothing that is known needs those loaders.
    if nodes.is_empty() && facts.read_workflows().next().is_some() {
        finding = finding.ranked(Rank::Note);
    }
    finding.evidence.extend(nodes);
    Ok(vec![with_code(finding, facts, code)])
}

/// Did dynamic VRAM keep a model from the node that was to distribute it?
pub(super) fn is_inert(load: &Load) -> bool {
    matches!(load.outcome, Outcome::Inert { .. }) && load.asked == Asked::Distribution
}

/// The loaders that have no effect while dynamic VRAM is active.
fn kinds<'f>(facts: &Facts, code: &'f NodeCode) -> Result<Vec<&'f Loader>, String> {
    let loaders = code.loaders.as_ref().ok_or("what the node's loaders do with this ComfyUI is unknown")?;
    let inert: Vec<&Loader> = loaders.each.iter().filter(|loader| loader.effect == Effect::InertWhileDynamic).collect();
    let has_gguf = facts.packs.ok().is_some_and(|packs| packs.iter().any(|pack| is_of_gguf(&pack.name)));
    let is_there = |kind: LoaderKind| match kind {
        // No ComfyUI distributes ControlNets.
        LoaderKind::ControlNet => false,
        LoaderKind::GgufDiffusion | LoaderKind::GgufTextEncoder => has_gguf,
        _ => true,
    };
    let is_unknown = |loader: &&Loader| loader.effect == Effect::Unknown && is_there(loader.kind);
    match loaders.each.iter().find(is_unknown) {
        Some(unknown) if inert.is_empty() => {
            Err(format!("what the node does to {} is unknown: {}", unknown.kind, unknown.reason.why))
        }
        _ => Ok(inert),
    }
}

fn is_of_gguf(pack: &str) -> bool {
    pack.to_ascii_lowercase().contains("gguf")
}

/// The nodes of workflows that have no effect.
fn in_workflows(facts: &Facts) -> Vec<Evidence> {
    let found = facts.read_workflows().flat_map(|(path, read)| {
        let found = read.findings.found.iter().filter(|found| found.check.id == "dynamic-vram");
        found.flat_map(move |found| {
            found
                .nodes
                .iter()
                .map(move |node| Evidence::node(format!("{} is one of them", node.class), path, &*node.id))
        })
    });
    found.collect()
}

/// With the place in ComfyUI that gives the model another patcher.
fn with_code(finding: Finding, facts: &Facts, code: &NodeCode) -> Finding {
    let inert = kinds(facts, code).unwrap_or_default();
    let place = inert.iter().find_map(|loader| Some((loader, loader.reason.place.as_ref()?)));
    match place {
        Some((loader, (path, place))) => {
            finding.because(Evidence::file(loader.reason.why.clone(), path, Some(place.line)))
        }
        None => finding,
    }
}

/// The repair of the node if there is one, else the option that turns it off.
/// What makes the loaders act: the repair, or else a start without dynamic VRAM.
pub(super) fn step(facts: &Facts, code: &NodeCode) -> Step {
    let is_repairable =
        code.repair.surveys.all().any(|survey| survey.fix == DYNAMIC_VRAM && survey.status == Status::Needed);
    if let Some(node) = facts.node.ok().filter(|_| is_repairable) {
        return clues::apply(node);
    }
    clues::turn_dynamic_vram_off(facts)
}
