//! The main memory is full, or nearly so, of weights.

use crate::allocator::{Device, gigabytes};
use crate::doctor::clues::{self, During};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, Step};
use crate::stages::Staged;
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "main-memory",
    title: "Weights fill the main memory",
    about: "What a string gives to `cpu`, and what no amount covers, lies in the main memory. ComfyUI also keeps the models of a \
            workflow there after they are used, such as both models of WAN 2.2, so that the next run need not read them again. That \
            is expected; if it is more than the machine has, the system swaps, or ends ComfyUI.",
    help: "Give the GPUs more, if they have room (`distorch-fix workflow set --fit`), start ComfyUI with `--cache-none`, or take \
           smaller files.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/69",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/95",
        "https://github.com/Comfy-Org/ComfyUI/issues/9250",
    ],
    rank: Rank::Stops,
    find,
};

fn find(facts: &Facts) -> Answer {
    clues::both(in_log(facts), in_workflows(facts))
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let short = clues::raised(start).filter_map(|(line, text, raised)| {
        let short = clues::shortage(raised, text)?;
        short.device.as_ref().is_some_and(Device::is_cpu).then_some((line, text, short))
    });
    let Some((line, text, short)) = short.last() else { return Ok(Vec::new()) };
    let asked =
        short.asked_bytes.map(|bytes| format!(": {:.2} GB were asked for", gigabytes(bytes))).unwrap_or_default();
    let when = if short.during == During::Load { " while a model was loaded" } else { "" };
    let message = format!("The main memory was used up{when}{asked}");
    let mut finding = PROBLEM.finding(message, less(facts)).because(Evidence::log(text, line));
    if let Some(ram) = start.ram_bytes {
        finding = finding.because(Evidence::log(format!("{:.2} GB of main memory", gigabytes(ram)), start.line));
    }
    // With the newest run of each model, what it put there.
    let mut seen = Vec::new();
    for load in clues::loads(start).rev().filter(|load| load.cpu_bytes.is_some_and(|bytes| bytes > 0)) {
        if !seen.contains(&&load.model) {
            seen.push(&load.model);
            let (model, bytes) = (clues::name_of(load), load.cpu_bytes.unwrap_or_default());
            finding = finding
                .because(Evidence::log(format!("{:.2} GB of {model} on the CPU", gigabytes(bytes)), load.last_line));
        }
    }
    Ok(vec![finding])
}

/// What makes ComfyUI keep less.
fn less(facts: &Facts) -> Step {
    let ways = clues::ways(facts);
    match ways.first() {
        Some(way) if way.has("--cache-none") => Step::Advice(String::from(
            "give the main memory less in the strings of the loader nodes, take smaller files, or add memory: ComfyUI keeps nothing \
             from run to run already",
        )),
        Some(way) => way.start_with(facts, "--cache-none", &["--cache-classic", "--cache-lru", "--cache-ram"]),
        None => Step::Advice(String::from("start ComfyUI with `--cache-none`")),
    }
}

fn in_workflows(facts: &Facts) -> Answer {
    let usable = |staged: &Staged| {
        let is_known = staged.devices.ram_known;
        is_known.then_some(()).ok_or_else(|| String::from("the size of the main memory is unknown"))
    };
    clues::planned(facts, usable, |path, _, staged| {
        let Some((usage, stage)) = staged.peaks().into_iter().find(|(usage, _)| usage.device.is_cpu()) else {
            return Vec::new();
        };
        let (used, total) = (usage.used_bytes(), usage.total_bytes);
        if used <= total / 2 {
            return Vec::new();
        }
        let models = held(staged, &usage.model_bytes);
        let (used_gb, total_gb) = (gigabytes(used), gigabytes(total));
        let (rank, step, verdict) = if used > total {
            (Rank::Stops, less(facts), "more than there is")
        } else if used > total / 10 * 9 {
            (Rank::Costs, less(facts), "the system will swap")
        } else {
            let command = {
                let told = facts.told();
                format!("distorch-fix plan --workflow {}{}{}", quoted(path), told.installation(), told.machine())
            };
            (Rank::Note, Step::Command(command), "that is expected")
        };
        let message = format!("{used_gb:.2} of {total_gb:.2} GB of main memory hold weights: {verdict}");
        let node = staged.stages[stage].nodes.first().map(|node| node.id.clone()).unwrap_or_default();
        let mut finding: Finding = PROBLEM.finding(message, step).ranked(rank);
        for (model, bytes, why, id) in models {
            let text = format!("{:.2} GB of {model}: {why}", gigabytes(bytes));
            finding = finding.because(Evidence::node(text, path, id));
        }
        vec![finding.because(Evidence::node("most is there when this node runs", path, node))]
    })
}

/// The models in the main memory, the largest first: the name, the bytes, why, and the node.
fn held(staged: &Staged, model_bytes: &[u64]) -> Vec<(String, u64, &'static str, String)> {
    let models = staged.models.iter().zip(model_bytes).filter(|(_, bytes)| **bytes > 0);
    let mut held: Vec<_> = models
        .map(|(model, bytes)| {
            let own = staged.run(model).map(|run| {
                let rows = run.allocation.devices.iter().zip(&run.resident_bytes);
                rows.filter(|(row, _)| row.device.is_cpu()).map(|(_, bytes)| *bytes).sum::<u64>()
            });
            let why = match own {
                Some(own) if own == *bytes => "its string puts that there",
                _ if model.compute().is_cpu() => "it computes there",
                _ => "it waits there while others are at work",
            };
            (model.name().to_owned(), *bytes, why, model.load.node.id.clone())
        })
        .collect();
    held.sort_by_key(|(_, bytes, ..)| std::cmp::Reverse(*bytes));
    held
}
