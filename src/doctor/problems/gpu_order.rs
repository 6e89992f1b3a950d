//! CUDA numbers the GPUs otherwise than nvidia-smi.

use crate::doctor::clues::{self, Way};
use crate::doctor::{Answer, Evidence, Facts, Finding, Problem, Rank, Step};
use crate::log::Start;
use crate::machine::Card;

pub(in crate::doctor) static PROBLEM: Problem = Problem {
    id: "gpu-order",
    title: "CUDA and nvidia-smi number the GPUs differently",
    about: "CUDA numbers GPUs by their speed, the fastest first; nvidia-smi and most monitors number them by their place in the \
            machine. With cards that differ, a string that was made with the one order puts its amounts on the other cards, and so \
            does a plan with the sizes that nvidia-smi reports.",
    help: "Set CUDA_DEVICE_ORDER=PCI_BUS_ID where ComfyUI is started: CUDA then numbers them as nvidia-smi does.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/191",
        "https://github.com/crystian/ComfyUI-Crystools/issues/227",
        "https://docs.nvidia.com/cuda/cuda-c-programming-guide/#env-vars",
    ],
    rank: Rank::Wrong,
    find,
};

const VARIABLE: &str = "CUDA_DEVICE_ORDER";
const BY_PLACE: &str = "PCI_BUS_ID";

fn find(facts: &Facts) -> Answer {
    let cards = clues::cards(facts)?;
    if cards.len() < 2 || are_alike(cards) {
        return Ok(Vec::new());
    }
    let ways = clues::ways(facts);
    if let Some(way) = ways.iter().find(|way| chooses(way)) {
        return Err(format!("{} chooses GPUs itself, which numbers them anew", way.name()));
    }
    let by_place = ways.iter().find(|way| way.variable(VARIABLE) == Some(BY_PLACE));
    let start = match facts.last_start() {
        Ok(start) if start.devices.iter().any(|device| device.name.starts_with("cuda:")) => start,
        _ if by_place.is_some() => return Ok(Vec::new()),
        Ok(_) => return Err(String::from("the log does not say which GPU ComfyUI calls cuda:0, and the GPUs differ")),
        Err(why) => return Err(format!("the GPUs differ, and only a log shows which one ComfyUI calls cuda:0: {why}")),
    };
    let Some((device, seen, card, line)) = different(start, cards) else { return Ok(Vec::new()) };
    if let Some(way) = by_place {
        return Err(format!(
            "the log shows another order, and {} sets {VARIABLE}: the log is of another start",
            way.name()
        ));
    }
    let name = card.name.as_deref().unwrap_or_default();
    let message = format!("{device} is the {seen}, and the GPU {} of nvidia-smi is the {name}", card.index);
    let step = step(facts, &ways);
    let names_gpus = clues::wanted_devices(facts).iter().any(|(device, ..)| device.starts_with("cuda:"));
    let rank = if names_gpus { Rank::Wrong } else { Rank::Note };
    let finding =
        PROBLEM.finding(message, step).ranked(rank).because(Evidence::log(format!("Device: {device} {seen}"), line));
    Ok(vec![finding.because(Evidence::output(format!("{}: {name}", card.index), "nvidia-smi"))])
}

/// What makes the order known before a log shows it; None if it does not matter, or is known or chosen.
pub(in crate::doctor) fn precaution(facts: &Facts) -> Option<Finding> {
    let cards = clues::cards(facts).ok().filter(|cards| cards.len() > 1 && !are_alike(cards))?;
    let ways = clues::ways(facts);
    if ways.iter().any(|way| chooses(way) || way.variable(VARIABLE) == Some(BY_PLACE)) {
        return None;
    }
    let message = "The GPUs differ, and CUDA numbers the fastest one 0; the amounts are for the order of nvidia-smi";
    let listed = cards.iter().map(|card| format!("{}: {}", card.index, card.name.as_deref().unwrap_or_default()));
    let evidence = Evidence::output(listed.collect::<Vec<_>>().join(", "), "nvidia-smi");
    Some(PROBLEM.finding(message, step(facts, &ways)).because(evidence))
}

/// What makes CUDA number them as nvidia-smi does.
fn step(facts: &Facts, ways: &[Way<'_>]) -> Step {
    match ways.first() {
        Some(way) => way.start_with_variable(facts, VARIABLE, BY_PLACE),
        None => Step::Advice(format!("set the variable `{VARIABLE}={BY_PLACE}` where ComfyUI is started")),
    }
}

/// Are they cards of the same kind, whose order does not matter?
fn are_alike(cards: &[Card]) -> bool {
    cards.iter().all(|card| card.name == cards[0].name && card.total_bytes == cards[0].total_bytes)
}

/// Does it say which GPUs are used, and so how they are numbered?
fn chooses(way: &Way<'_>) -> bool {
    way.value("--cuda-device").is_some_and(|devices| devices != "all")
        || way.has("--default-device")
        || way.variable("CUDA_VISIBLE_DEVICES").is_some()
}

/// A device that the log calls by another name than nvidia-smi does the card of this number.
fn different<'a>(start: &'a Start, cards: &'a [Card]) -> Option<(&'a str, &'a str, &'a Card, u64)> {
    start.devices.iter().find_map(|device| {
        let index = clues::index_of(&device.name)?;
        let card = cards.iter().find(|card| usize::try_from(card.index) == Ok(index))?;
        let name = card.name.as_deref()?;
        let is_known = cards.iter().any(|card| card.name.as_deref() == Some(&device.card));
        (is_known && device.card != name).then_some((&*device.name, &*device.card, card, device.line))
    })
}
