//! A string without virtual VRAM leaves old releases of the node without a compute device.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::inputs::Literal;
use crate::workflow::Loader;
use crate::workflow::node::Mode;

pub(super) static PROBLEM: Problem = Problem {
    id: "no-compute-device",
    title: "A string without virtual VRAM stops this release of the node",
    about: "Releases up to 2.2.0 take the compute device from the settings of virtual VRAM. With an allocation string and \
            `virtual_vram_gb` at 0 there is none, and the node stops with \"KeyError: ''\".",
    help: "Update ComfyUI-MultiGPU to 2.2.1 or later, or set `virtual_vram_gb` above 0.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/93"],
    rank: Rank::Stops,
    find,
};

/// The releases that do so.
const SINCE: [u32; 3] = [2, 0, 0];
const BEFORE: [u32; 3] = [2, 2, 1];

fn find(facts: &Facts) -> Answer {
    let node = facts.node.get()?;
    let version = node.checkout.version.as_deref().ok_or("the node does not say which release it is")?;
    let version = numbers(version).ok_or_else(|| format!("`{version}` is not the number of a release"))?;
    if version < SINCE || version >= BEFORE {
        return Ok(Vec::new());
    }
    clues::both(in_workflows(facts), in_log(facts))
}

fn in_workflows(facts: &Facts) -> Answer {
    let mut is_known = false;
    for (path, read) in facts.read_workflows() {
        let Ok(loaders) = read.workflow.loaders(&read.classes) else { continue };
        is_known = true;
        let active = loaders.iter().filter(|loader| loader.mode == Mode::Active);
        if let Some(loader) = active.into_iter().find(|loader| lacks_device(loader)) {
            let message = format!("Node {} has a string and no virtual VRAM, with which this release stops", loader.id);
            let evidence = Evidence::node("`virtual_vram_gb` is 0 beside a string", path, &*loader.id);
            return Ok(vec![PROBLEM.finding(message, step(facts)).because(evidence)]);
        }
    }
    if is_known { Ok(Vec::new()) } else { Err(String::from("no workflow is known (--workflow)")) }
}

fn lacks_device(loader: &Loader<'_, '_>) -> bool {
    loader.class.parts.iter().any(|part| {
        let string = part.string.and_then(|widget| loader.value(widget));
        let gigabytes = part.virtual_vram.and_then(|widget| loader.value(widget));
        matches!(string, Some(Literal::Text(string)) if !string.is_empty())
            && matches!(gigabytes, Some(Literal::Number(gigabytes)) if *gigabytes <= 0.0)
    })
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let is_it = |message: &str| message.trim() == "''";
    let raised = clues::raised(start).find(|(_, _, raised)| raised.class == "KeyError" && is_it(&raised.message));
    let Some((line, text, _)) = raised else { return Ok(Vec::new()) };
    let message = "The node stopped, because a string without virtual VRAM leaves it without a compute device";
    Ok(vec![PROBLEM.finding(message, step(facts)).because(Evidence::log(text, line))])
}

fn step(facts: &Facts) -> Step {
    clues::update(facts, "2.2.1")
}

/// `2.2.0`
fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?])
}
