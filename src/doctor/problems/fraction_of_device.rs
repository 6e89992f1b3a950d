//! A string of fractions, which are of the devices and not of the model.

use super::out_of_memory;
use crate::allocator::{Logged, Mode};
use crate::checks::Step as CheckStep;
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::lint::Level;

pub(super) static PROBLEM: Problem = Problem {
    id: "fraction-of-device",
    title: "A fraction of a device is taken for a fraction of the model",
    about: "An amount such as 0.95 is a fraction of the device's memory. `cuda:0,0.95;cuda:1,0.95` fills the first GPU to 95 % with \
            weights before the second gets any, and nothing is left for the computation.",
    help: "Write gigabytes, which say the same, or percents of the model: `cuda:0,50%;cuda:1,50%`.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/85"],
    rank: Rank::Stops,
    find,
};

fn find(facts: &Facts) -> Answer {
    clues::both(in_workflows(facts), in_log(facts))
}

/// Is a string one of fractions?
pub(super) fn is_fraction(string: &str) -> bool {
    let expert = Logged::of(string).expert;
    !expert.is_empty() && Mode::of(expert) == Mode::Fraction
}

fn in_workflows(facts: &Facts) -> Answer {
    clues::planned(
        facts,
        |_| Ok(()),
        |path, read, staged| {
            let mut found = Vec::new();
            let is_full = |check: &&crate::checks::Finding| {
                ["no-fit", "no-room"].contains(&check.check.id) && check.level > Level::Note
            };
            for model in &staged.models {
                let Some(planned) = model.planned.as_ref().filter(|planned| is_fraction(planned.string.expert()))
                else {
                    continue;
                };
                let id = &model.load.node.id;
                let holds = |check: &&crate::checks::Finding| check.nodes.iter().any(|node| node.id == *id);
                let Some(full) = read.findings.found.iter().filter(is_full).find(holds) else { continue };
                let string = planned.string.expert();
                let message = format!(
                    "`{string}` of node {id} ({}) is of the devices, not of {}: {}",
                    model.load.node.class,
                    model.name(),
                    full.message
                );
                let node = facts.node.ok().map(|node| node.checkout.root.as_path());
                let step = Step::Command(CheckStep::Fit.command(path, node, &facts.told()));
                let rank = if full.level == Level::Error { Rank::Stops } else { Rank::Wrong };
                found.push(PROBLEM.finding(message, step).ranked(rank).because(Evidence::node(
                    format!("`{string}`"),
                    path,
                    id.clone(),
                )));
            }
            found
        },
    )
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let Some((line, load)) = out_of_memory::failed_with_fractions(start) else { return Ok(Vec::new()) };
    let string = Logged::of(load.string.as_deref().unwrap_or_default()).expert;
    let model = clues::name_of(load);
    let message =
        format!("The fractions in `{string}` are of the devices, not of {model}, and a GPU had no memory left");
    let planned = load.planned.iter().filter(|row| row.bytes > 0 && row.device != "cpu");
    // Three quarters of each: what guides allow weights.
    let amounts = planned.map(|row| {
        let most = row.total_bytes / 4 * 3;
        format!("{},{:.2}gb", row.device, crate::allocator::gigabytes(row.bytes.min(most)))
    });
    let amounts: Vec<String> = amounts.collect();
    let step = if amounts.is_empty() {
        Step::Advice(String::from("write gigabytes, or percents of the model, into the string of the loader node"))
    } else {
        Step::Advice(format!("write `{};cpu,*` into the loader node", amounts.join(";")))
    };
    let finding = PROBLEM.finding(message, step).because(Evidence::log(format!("`{string}`"), load.line));
    Ok(vec![finding.because(Evidence::log("out of memory", line))])
}
