//! Loader nodes that are not told to distribute anything.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::{Asked, LoadKind, Outcome, Start};

pub(super) static PROBLEM: Problem = Problem {
    id: "not-distributed",
    title: "A loader distributes nothing",
    about: "A DisTorch2 node whose allocation string is empty and whose virtual VRAM is 0 does nothing of its own: its line \"Full \
            allocation string:\" ends with the colon, and ComfyUI loads the model as ever, onto one device. \
            So does any loader that is not of DisTorch2.",
    help: "`distorch-fix workflow convert` makes DisTorch2 loaders of plain ones, and `distorch-fix workflow set` gives them an \
           allocation string, with `--fit` one that fits this machine.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/184",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/blob/main/wrappers.py",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    clues::both(
        clues::checked(facts, &PROBLEM, &["not-distributed", "plain-loader"], |_| true),
        facts.last_start().map(in_log),
    )
}

fn in_log(start: &Start) -> Vec<crate::doctor::Finding> {
    let since = clues::last_prompt(start).map_or(0, |prompt| prompt.line);
    let empty = start.banners.iter().filter(|banner| banner.line >= since && banner.is_empty);
    let mut finding: Option<crate::doctor::Finding> = None;
    for banner in empty {
        // An autoencoder is small: upstream's own examples leave it as it is.
        let (what, rank) = match banner.loads {
            Some(LoadKind::Vae) => ("a VAE", Rank::Note),
            Some(LoadKind::Diffusion) => ("a diffusion model", Rank::Wrong),
            Some(LoadKind::TextEncoder) => ("a text encoder", Rank::Wrong),
            _ => ("a model", Rank::Wrong),
        };
        let message = format!("The DisTorch2 loader of {what} has neither an allocation string nor virtual VRAM");
        let step = || {
            let text = "set expert_mode_allocations or virtual_vram_gb in that node; with its workflow, `--workflow FILE`, the \
                        command is named";
            Step::Advice(text.into())
        };
        let evidence = Evidence::log("`Full allocation string:` with nothing behind it", banner.line);
        let worse = PROBLEM.finding(message, step()).ranked(rank);
        finding = Some(match finding {
            Some(known) if known.rank <= rank => known.because(evidence),
            Some(known) => crate::doctor::Finding { evidence: known.evidence, ..worse }.because(evidence),
            None => worse.because(evidence),
        });
    }
    let Some(mut finding) = finding else { return Vec::new() };
    let standard = clues::loads(start).find(|load| {
        load.line >= since && load.asked == Asked::Nothing && matches!(load.outcome, Outcome::Standard { .. })
    });
    if let Some(load) = standard {
        let model = clues::name_of(load);
        finding = finding.because(Evidence::log(format!("ComfyUI loaded {model} itself"), load.last_line));
    }
    vec![finding]
}
