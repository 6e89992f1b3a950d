//! The node reads the items of ComfyUI's load lists, and this ComfyUI gives them other fields than it reads.

use crate::comfyui::{Fit, Pair};
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "load-list",
    title: "The node reads load lists wrongly",
    about: "ComfyUI hands the node a list of a model's layers. Since 0.3.76 each item has five fields, and versions of \
            the node up to 2.5.10 read four: they stop with \"too many values to unpack (expected 4)\".",
    help: "`distorch-fix apply` repairs the node for both forms.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/147",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/160",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/162",
    ],
    rank: Rank::Stops,
    find,
};

fn find(facts: &Facts) -> Answer {
    let node = facts.node.get()?;
    let code = node.code.get()?;
    facts.comfyui.get()?;
    match code.pair {
        Some(Pair::Known(Fit::Broken)) => {}
        Some(Pair::Known(Fit::Unclear)) => return Err(String::from("its code was not understood")),
        Some(Pair::Either { .. }) => return Err(String::from("the load lists of this ComfyUI were not understood")),
        Some(Pair::Known(Fit::Works | Fit::WorksToday)) | None => return Ok(Vec::new()),
    }
    let message = "The node stops, or misplaces layers, as soon as a model is loaded";
    let step = Step::Command(format!("distorch-fix apply {}", quoted(&node.checkout.root)));
    let mut finding = PROBLEM.finding(message, step);
    for (site, path, line) in code.sites(crate::fixes::load_list::LOAD_LIST) {
        if site.state.needs_fix() && site.unused.is_none() {
            finding = finding.because(Evidence::file(site.message.clone(), path, Some(line)));
        }
    }
    Ok(vec![finding])
}
