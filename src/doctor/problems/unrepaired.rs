//! The node has something that `apply` repairs, and that no other problem is about.

use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank};
use crate::fixes::Status;
use crate::text::listed;

pub(super) static PROBLEM: Problem = Problem {
    id: "unrepaired",
    title: "The node is not repaired",
    about: "Every version of the node sends what the quotas of a string do not cover to the CPU, and leaves safetensors models to \
            ComfyUI's dynamic VRAM. Whether that shows depends on the model, the string, and how ComfyUI is started.",
    help: "`distorch-fix apply` repairs it, and `distorch-fix apply --dry-run` shows how.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/blob/main/distorch_2.py",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/186",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    let node = facts.node.get()?;
    let code = node.code.get()?;
    let surveys = code.repair.surveys.asked.iter();
    // What reads load lists is judged together with ComfyUI, by problems of its own.
    let needed: Vec<_> =
        surveys.filter(|survey| survey.status == Status::Needed && !survey.fix.about().reads_items).collect();
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let names = listed(needed.iter().map(|survey| survey.fix));
    let mut finding = PROBLEM.finding(format!("The node lacks what `apply` repairs: {names}"), clues::apply(node));
    for survey in needed {
        let mut sites = code.sites(survey.fix).filter(|(site, ..)| site.state.needs_fix() && site.unused.is_none());
        if let Some((_, path, line)) = sites.next() {
            finding = finding.because(Evidence::file(survey.fix.about().problem, path, Some(line)));
        }
    }
    Ok(if finding.evidence.is_empty() { Vec::new() } else { vec![finding] })
}
