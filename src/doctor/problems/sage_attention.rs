//! `SageAttention` gets a tensor that is not on a GPU.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::LoadKind;

pub(super) static PROBLEM: Problem = Problem {
    id: "sage-attention",
    title: "SageAttention stops on a tensor that is not on a GPU",
    about: "SageAttention computes on NVIDIA's GPUs only, and stops with \"Input tensors must be on cuda.\" if anything that it gets \
            is elsewhere, such as when the diffusion model computes on the CPU. Why else it happens with this node is not known.",
    help: "Let the diffusion model compute on a GPU, or start ComfyUI without `--use-sage-attention`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/119",
        "https://github.com/kijai/ComfyUI-KJNodes/issues/407",
    ],
    rank: Rank::Stops,
    find,
};

const OPTION: &str = "--use-sage-attention";

fn find(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let stopped = clues::raised(start).filter(|(_, text, raised)| {
        let says = |said: &str| said.contains("Input tensors must be on cuda");
        says(&raised.message) || says(text)
    });
    let Some((line, text, _)) = stopped.last() else { return Ok(Vec::new()) };
    let evidence = Evidence::log(text, line);
    let on_cpu = start.banners.iter().rev().find(|banner| {
        banner.line < line && banner.loads == Some(LoadKind::Diffusion) && banner.compute.as_deref() == Some("cpu")
    });
    if let Some(banner) = on_cpu {
        let message = "SageAttention computes on GPUs only, and the diffusion model is set to compute on the CPU";
        let step = Step::Advice(String::from("set the device of the node that loads the diffusion model to `cuda:0`"));
        return Ok(vec![PROBLEM.finding(message, step).because(evidence).because(clues::banner_place(banner))]);
    }
    let message = "SageAttention got a tensor that is not on a GPU; no diffusion model is set to compute on the CPU, and the cause is \
                   unknown";
    let node = facts.read_workflows().find_map(|(path, read)| {
        let nodes = clues::nodes(read, |class| class.to_ascii_lowercase().contains("sageattention"));
        nodes.into_iter().next().map(|(id, class)| (path, id, class))
    });
    let way = clues::ways(facts).into_iter().find(|way| way.has(OPTION));
    let finding = match (node, way) {
        (_, Some(way)) => {
            PROBLEM.finding(message, way.start_with(facts, "", &[OPTION])).because(way.evidence(format!("`{OPTION}`")))
        }
        (Some((path, id, class)), None) => PROBLEM
            .finding(message, Step::Advice(format!("bypass node {id} ({class})")))
            .because(Evidence::node(class, path, id)),
        (None, None) => PROBLEM.finding(message, Step::Advice(format!("start ComfyUI without `{OPTION}`"))),
    };
    Ok(vec![finding.because(evidence)])
}
