//! A repair that an update has undone, or that the next one will.

use std::path::Path;

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Finding, NodeFacts, NodeSource, Problem, Rank, Step};
use crate::guard::{Guard, State};
use crate::revert::{Absence, FileOutcome, Reverted};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "lost-repair",
    title: "An update undoes the repair",
    about: "The repair is in files of the node, and an update brings new ones. ComfyUI-Manager puts edited files of a clone into a \
            stash, and overwrites those of a node from the registry; `git pull` refuses. None of them says so.",
    help: "`distorch-fix guard install` lets ComfyUI repair the node at every start. Without it, run `distorch-fix revert` before an \
           update and `distorch-fix apply` after it.",
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
    let lost = reversal.files.iter().find_map(|file| Some((file, lost(file)?)));
    if let Some((file, how)) = lost.filter(|_| code.repair.is_needed()) {
        let finding = PROBLEM.finding(format!("The repair is gone: {how}"), clues::apply(node));
        return Ok(vec![finding.because(Evidence::file("it was repaired, and is not any more", &file.path, None))]);
    }
    let present = reversal.files.iter().find(|file| !matches!(file.outcome, FileOutcome::Absent(_)));
    let Some(file) = present else { return Ok(by_hand(node).into_iter().collect()) };
    if facts.installation.custom_nodes.iter().any(|folder| is_guarded(folder)) {
        return Ok(Vec::new());
    }
    let how = match node.source {
        NodeSource::Git => "ComfyUI-Manager puts the repaired file into a stash",
        NodeSource::Registry | NodeSource::Copied => "it overwrites the repaired file",
    };
    let message = format!("The next update of the node undoes the repair: {how}");
    let step = Step::Command(format!("distorch-fix guard install {}", quoted(&node.checkout.root)));
    let finding = PROBLEM.finding(message, step).ranked(Rank::Note);
    Ok(vec![finding.because(Evidence::file("it holds the repair", &file.path, None))])
}

/// Is there a guard that works?
fn is_guarded(custom_nodes: &Path) -> bool {
    matches!(Guard::of(custom_nodes).state(), State::Installed(_, None))
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

/// Edits of somebody else's, which an update treats alike.
fn by_hand(node: &NodeFacts) -> Option<Finding> {
    let is_edited = node.checkout.git.as_ref().is_some_and(|git| git.modified == Some(true));
    let root = quoted(&node.checkout.root);
    let step = Step::Command(format!("git -C {root} diff --output=edits.patch"));
    let message = "The node was edited by hand: `git pull` refuses, and ComfyUI-Manager puts the edits into a stash";
    let evidence = Evidence::file("it is not as it was committed", &node.checkout.file, None);
    is_edited.then(|| PROBLEM.finding(message, step).ranked(Rank::Note).because(evidence))
}
