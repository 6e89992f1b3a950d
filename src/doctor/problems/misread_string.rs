//! A string that the node reads differently than it is meant, or not at all.

use crate::allocator::Device;
use crate::doctor::clues;
use crate::doctor::{Answer, Facts, Problem, Rank, Step};
use crate::lint::{self, Fields, Level};

pub(super) static PROBLEM: Problem = Problem {
    id: "misread-string",
    title: "An allocation string does not say what it seems to",
    about: "The node reads an allocation string with little care. It ignores what it does not understand, and often without a word: \
            a comma for a semicolon, a decimal comma, a forgotten unit or a part without an amount change where the model goes, \
            and a device that torch does not know makes the node stop.",
    help: "Write devices and amounts as `device,amount`, with semicolons between them: `cuda:0,8gb;cuda:1,6gb;cpu,*`.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/blob/main/distorch_2.py",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/85",
    ],
    rank: Rank::Wrong,
    find,
};

fn find(facts: &Facts) -> Answer {
    let is_wrong = |check: &crate::checks::Finding| check.level > Level::Note;
    clues::both(clues::checked(facts, &PROBLEM, &["string", "no-device"], is_wrong), in_log(facts))
}

/// What loader nodes printed.
fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    // The newest first: what was printed before it may have been corrected since.
    let since = clues::last_prompt(start).map_or(0, |prompt| prompt.line);
    for banner in start.banners.iter().rev().filter(|banner| banner.line >= since) {
        if seen.contains(&banner.string.as_str()) || banner.string.is_empty() {
            continue;
        }
        seen.push(&banner.string);
        let compute = Device::from(banner.compute.as_deref().unwrap_or("cuda:0"));
        let lint = lint::lint(&Fields {
            string: &banner.string,
            compute: &compute,
            virtual_vram_gb: banner.virtual_vram_gb.unwrap_or(0.0),
            donor: banner.donor.as_deref().unwrap_or("cpu"),
        });
        let Some(worst) = lint.findings.iter().max_by_key(|finding| finding.level) else { continue };
        let rank = match worst.level {
            Level::Error => Rank::Stops,
            Level::Warning => Rank::Wrong,
            Level::Note => continue,
        };
        let step = match &lint.instead {
            Some(instead) => format!("write `{instead}` into the loader node instead of `{}`", banner.string),
            None => worst.help.clone(),
        };
        let message = format!("In the string `{}`, {}", banner.string, worst.effect);
        found.push(PROBLEM.finding(message, Step::Advice(step)).ranked(rank).because(clues::banner_place(banner)));
    }
    Ok(found)
}
