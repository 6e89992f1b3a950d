//! Two diffusion models make each other leave the compute device.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, Place, Problem, Rank, Step};
use crate::inputs::Literal;
use crate::log::{Asked, Load, LoadKind, Outcome};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "eviction",
    title: "Two diffusion models take turns on a device",
    about: "Virtual VRAM of more than 0, even beside an allocation string, makes the node unload every other model from the compute \
            device before it loads this one. Two models with it, such as the high and low noise models of WAN 2.2, are then loaded \
            anew for every run.",
    help: "If both fit, give both an allocation string and set their virtual VRAM to 0.",
    sources: &["https://github.com/pollockjj/ComfyUI-MultiGPU/issues/155"],
    rank: Rank::Costs,
    find,
};

fn find(facts: &Facts) -> Answer {
    let checked = clues::checked(facts, &PROBLEM, &["eviction"], |_| true).map(|found| {
        let with_step = |finding: Finding| {
            // That it costs time is known if both would fit.
            let rank = if finding.rank == Rank::Note { Rank::Note } else { Rank::Costs };
            Finding { step: step(facts, &finding).unwrap_or_else(|| finding.step.clone()), ..finding }.ranked(rank)
        };
        found.into_iter().map(with_step).collect()
    });
    clues::both(checked, in_log(facts))
}

/// A command that sets the virtual VRAM of all of them to 0, if they have the same string.
fn step(facts: &Facts, finding: &Finding) -> Option<Step> {
    let nodes = finding.evidence.iter().filter_map(|evidence| match &evidence.place {
        Place::Node(path, node) => Some((path, node)),
        _ => None,
    });
    let nodes: Vec<_> = nodes.collect();
    let (path, _) = *nodes.first()?;
    let (_, read) = facts.read_workflows().find(|(known, _)| *known == path)?;
    let loaders = read.workflow.loaders(&read.classes).ok()?;
    let string_of = |id: &String| {
        let loader = loaders.iter().find(|loader| loader.id == *id)?;
        match loader.value(loader.class.parts.first()?.string?)? {
            Literal::Text(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        }
    };
    let strings: Option<Vec<&str>> = nodes.iter().map(|(_, id)| string_of(id)).collect();
    let strings = strings?;
    let string = strings.first().filter(|first| strings.iter().all(|string| string == *first))?;
    let ids: Vec<&str> = nodes.iter().map(|(_, id)| id.as_str()).collect();
    let selected = ids.join(" --node ");
    let installation = facts.told().installation();
    Some(Step::Command(format!(
        "distorch-fix workflow set \"{string}\" {} --node {selected} --virtual-vram 0{installation}",
        quoted(path)
    )))
}

/// Two loaders that unload each other's model, and loads of both in more than one prompt.
fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let evicts = |at: &usize| {
        let banner = &start.banners[*at];
        banner.loads == Some(LoadKind::Diffusion)
            && banner.virtual_vram_gb.is_some_and(|gb| gb > 0.0)
            && banner.donor.is_some()
            && banner.compute.as_deref().is_some_and(|compute| compute != "cpu")
    };
    let evicting: Vec<usize> = (0..start.banners.len()).filter(evicts).collect();
    let pair = evicting.iter().enumerate().find_map(|(at, first)| {
        let alike = |second: &&usize| start.banners[**second].compute == start.banners[*first].compute;
        evicting[at + 1..].iter().find(alike).map(|second| (&start.banners[*first], &start.banners[*second]))
    });
    let Some((first, second)) = pair else { return Ok(Vec::new()) };
    let is_loaded = |load: &&Load| {
        load.kind == Some(LoadKind::Diffusion)
            && load.asked == Asked::Distribution
            && matches!(load.outcome, Outcome::Distributed | Outcome::Reused)
    };
    let turns = start.prompts.iter().filter(|prompt| prompt.loads.iter().filter(is_loaded).count() > 1);
    let turns: Vec<_> = turns.collect();
    let Some(last) = turns.last().filter(|_| turns.len() > 1) else { return Ok(Vec::new()) };
    let compute = first.compute.as_deref().unwrap_or_default();
    let message = format!(
        "Two diffusion models were loaded anew in each of {} prompts: their virtual VRAM makes them unload each other \
                           from {compute}",
        turns.len()
    );
    let step = "if there is room for both, set virtual_vram_gb to 0 in their loader nodes, beside an allocation string";
    let finding = PROBLEM.finding(message, Step::Advice(step.into()));
    let finding = finding.because(clues::banner_place(first)).because(clues::banner_place(second));
    Ok(vec![finding.because(Evidence::log("both are loaded in this prompt", last.line))])
}
