//! A repair that an update has undone, or that the next one will.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, NodeSource, Problem, Rank, Step};
use crate::revert::{Absence, FileOutcome, Reverted};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "lost-repair",
    title: "An update undoes the repair",
    about: "The repair is in files of the node, and an update brings new ones. ComfyUI-Manager puts edited files of a clone into a \
            stash, and overwrites those of a node from the registry; `git pull` refuses. None of them says so.",
    help: "Before an update run `distorch-fix revert`, and after it `distorch-fix apply`.",
    sources: &[
        "https://github.com/Comfy-Org/ComfyUI-Manager/issues/976",
        "https://github.com/Comfy-Org/ComfyUI/issues/6726",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    let node = facts.node.get()?;
    let code = node.code.get()?;
    let reversal = code.reversal.get()?;
    let root = quoted(&node.checkout.root);
    let lost = reversal.files.iter().find_map(|file| Some((file, lost(file)?)));
    if let Some((file, how)) = lost.filter(|_| code.repair.is_needed()) {
        let finding = PROBLEM.finding(format!("The repair is gone: {how}"), clues::apply(node));
        return Ok(vec![finding.because(Evidence::file("it was repaired, and is not any more", &file.path, None))]);
    }
    let present = reversal.files.iter().find(|file| !matches!(file.outcome, FileOutcome::Absent(_)));
    let Some(file) = present else { return Ok(Vec::new()) };
    let (how, before) = match node.source {
        NodeSource::Git => (
            "ComfyUI-Manager puts the repaired file into a stash",
            format!("`distorch-fix revert {root}` before it and "),
        ),
        NodeSource::Registry | NodeSource::Copied => ("it overwrites the repaired file", String::new()),
    };
    let message = format!("The next update of the node undoes the repair: {how}");
    let step = Step::Advice(format!("when you update the node, run {before}`distorch-fix apply {root}` after it"));
    let finding = PROBLEM.finding(message, step).ranked(Rank::Note);
    Ok(vec![finding.because(Evidence::file("it holds the repair", &file.path, None))])
}

/// How a repair was lost, if it was and nobody undid it.
fn lost(file: &Reverted) -> Option<&'static str> {
    match file.outcome {
        FileOutcome::Absent(Absence::Stashed) => Some("an update put the repaired file into a stash"),
        FileOutcome::Absent(Absence::Updated) => Some("an update brought another file"),
        FileOutcome::Absent(Absence::Replaced) => Some("the file was replaced"),
        FileOutcome::Absent(Absence::Undone | Absence::Gone)
        | FileOutcome::Whole(_)
        | FileOutcome::Merged(_)
        | FileOutcome::Clashing(_)
        | FileOutcome::TooLong => None,
    }
}
