//! A string names GPUs only, and a part of the model goes to the main memory.

use crate::allocator::Logged;
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, NodeCode, Problem, Rank, Step};
use crate::fixes::gpu_only::GPU_ONLY;
use crate::log::{Load, Mode};
use crate::plan::Warning;

pub(super) static PROBLEM: Problem = Problem {
    id: "cpu-remainder",
    title: "A part of the model is in the main memory, though only GPUs were named",
    about: "What the amounts of a string do not cover goes to the device with `*`, and without one to the main memory: that is the \
            node's default, even if the string names GPUs only. Those layers are copied to the GPU at every step, which is slow.",
    help: "`distorch-fix apply` makes the node keep the remainder on the GPUs that are named. Or give one of them a `*`, such as \
           `cuda:0,4gb;cuda:1,*`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/160",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/blob/main/distorch_2.py",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    let code = facts.node.get().and_then(|node| node.code.get());
    let is_repaired = code.as_ref().is_ok_and(|code| !needs_repair(code));
    if is_repaired {
        return Ok(Vec::new());
    }
    clues::both(in_workflows(facts), in_log(facts))
}

/// Does the node's code do so?
fn needs_repair(code: &NodeCode) -> bool {
    code.sites(GPU_ONLY).any(|(site, ..)| site.state.needs_fix() && site.unused.is_none())
}

/// What to do: repair the node if that is where it is known to be.
fn step(facts: &Facts, string: &str) -> Step {
    match facts.node.ok().filter(|node| node.code.ok().is_some_and(needs_repair)) {
        Some(node) => clues::apply(node),
        None => Step::Advice(format!("write `{}` into the loader node", with_wildcard(string))),
    }
}

/// A string whose last GPU takes whatever is left.
fn with_wildcard(string: &str) -> String {
    let expert = Logged::of(string).expert.trim_end_matches(';');
    match expert.rsplit_once(',') {
        Some((before, _)) => format!("{before},*"),
        None => expert.to_owned(),
    }
}

fn in_workflows(facts: &Facts) -> Answer {
    clues::planned(
        facts,
        |_| Ok(()),
        |path, _, staged| {
            let mut found = Vec::new();
            for model in &staged.models {
                let Some(planned) = &model.planned else { continue };
                let spills = planned.runs.iter().flat_map(|run| &run.warnings).find_map(|warning| match warning {
                    Warning::Spill { bytes } => Some(*bytes),
                    _ => None,
                });
                let Some(bytes) = spills else { continue };
                let (name, node, string) = (model.name(), &model.load.node, planned.string.expert());
                let gb = crate::allocator::gigabytes(bytes);
                let message = format!("{gb:.2} GB of {name} go to the main memory, though `{string}` names GPUs only");
                let evidence = Evidence::node(
                    format!("`{string}` covers {gb:.2} GB less than the model has"),
                    path,
                    node.id.clone(),
                );
                found.push(PROBLEM.finding(message, step(facts, string)).because(evidence));
            }
            found
        },
    )
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let Some(load) = clues::loads(start).rev().find(|load| spills(load)) else { return Ok(Vec::new()) };
    let string = load.string.as_deref().unwrap_or_default();
    let gb = crate::allocator::gigabytes(load.cpu_bytes.unwrap_or_default());
    let model = clues::name_of(load);
    let message = format!("{gb:.2} GB of {model} went to the main memory, though only GPUs were named");
    let evidence = Evidence::log("the remainder was assigned to the wildcard device `cpu`", load.line);
    Ok(vec![PROBLEM.finding(message, step(facts, string)).because(evidence)])
}

/// Did the remainder of a string with GPUs only go to the main memory?
fn spills(load: &Load) -> bool {
    let to_cpu = matches!(&load.mode, Mode::Wildcard { device } if device == "cpu");
    let names_cpu = |string: &str| Logged::of(string).expert.contains("cpu");
    let only_gpus = !load.requested.is_empty() && load.requested.iter().all(|quota| quota.device != "cpu");
    // `cpu,*` is not among the amounts: only the string shows it.
    let is_asked = load.string.as_deref().is_none_or(names_cpu);
    to_cpu && only_gpus && !is_asked && load.cpu_bytes.is_some_and(|bytes| bytes > 0)
}
