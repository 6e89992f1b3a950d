//! A changed LoRA makes the node distribute its model anew.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::{Load, Outcome, Prompt, Start};

pub(super) static PROBLEM: Problem = Problem {
    id: "changed-patches",
    title: "A changed LoRA loads its model anew",
    about: "A LoRA is added to the weights when the model is distributed. With another strength, or another LoRA, the node restores \
            the weights and goes through the whole model again, which takes long for a large one. That is intended: only the first \
            run with new settings is slow.",
    help: "Nothing, or find the strength with a smaller file of the model first.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/193"],
    rank: Rank::Note,
    find,
};

fn find(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let patches: Vec<_> = facts
        .read_workflows()
        .flat_map(|(path, read)| clues::nodes(read, is_lora).into_iter().map(move |(id, class)| (path, id, class)))
        .collect();
    let Some((model, load)) = again(start) else { return Ok(Vec::new()) };
    if patches.is_empty() && facts.read_workflows().next().is_some() {
        return Err(format!(
            "{model} was distributed anew though its loader did not run, and no workflow that is known has a LoRA"
        ));
    }
    let message =
        format!("{model} was distributed anew though its loader did not run again: a LoRA before it was changed");
    let (message, rank) = match patches.first() {
        Some(_) => (message, Rank::Note),
        None => (format!("{message}, or another node that changes the model"), Rank::Note),
    };
    let step = Step::Advice(String::from("nothing is wrong: only the first run with new settings is slow"));
    let evidence = "the tables are printed again, and no `Full allocation string:` before them";
    let mut finding = PROBLEM.finding(message, step).ranked(rank).because(Evidence::log(evidence, load.line));
    if let Some((path, id, class)) = patches.first() {
        finding = finding.because(Evidence::node(class.clone(), *path, id.clone()));
    }
    Ok(vec![finding])
}

/// Does a node of this class add a LoRA?
fn is_lora(class: &str) -> bool {
    class.to_ascii_lowercase().contains("lora")
}

/// A load with all tables, in a prompt in which no loader ran, of a model that was loaded with the same string before. A
/// load of the same patches as before has no tables.
fn again(start: &Start) -> Option<(&str, &Load)> {
    let distributed = |load: &&Load| load.outcome == Outcome::Distributed && !load.planned.is_empty();
    for (at, prompt) in start.prompts.iter().enumerate().rev() {
        if !prompt.banners.is_empty() || !prompt.is_begun_here {
            continue;
        }
        for load in prompt.loads.iter().filter(distributed) {
            let Some(model) = load.model.as_deref() else { continue };
            let same = |other: &&Load| {
                other.model == load.model && other.planned == load.planned && other.final_string == load.final_string
            };
            let count = |prompt: &Prompt| prompt.loads.iter().filter(distributed).filter(same).count();
            // Of two models of the same class, the second is not the first one again.
            if count(prompt) == 1 && start.prompts[..at].iter().any(|earlier| count(earlier) == 1) {
                return Some((model, load));
            }
        }
    }
    None
}
