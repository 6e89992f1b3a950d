//! The text encoder computes on the CPU.

use crate::allocator::{Device, gigabytes};
use crate::doctor::clues;
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, Step};
use crate::log::{Load, LoadKind, Mode};
use crate::stages::{Kind, Model, Staged};
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "text-encoder-on-cpu",
    title: "The text encoder computes on the CPU",
    about: "With its device set to `cpu`, which is the default of the advanced checkpoint loader, a text encoder computes on the CPU: \
            often some ten seconds for each new prompt. Guides advise it, so that the GPUs are left to the diffusion model. In \
            versions of the node before 2.4.6, virtual VRAM put all of its layers on the device that lends it.",
    help: "Nothing, if you want the GPUs for the diffusion model. Else give the node a GPU as its device.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/97",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/108",
    ],
    rank: Rank::Note,
    find,
};

fn find(facts: &Facts) -> Answer {
    let checked = clues::checked(facts, &PROBLEM, &["text-encoder-on-cpu"], |_| true).map(|mut found| {
        for finding in &mut found {
            if let Some(step) = step(facts, finding) {
                finding.step = step;
            }
        }
        found
    });
    clues::both(checked, in_log(facts))
}

/// A command that moves it to a GPU on which there is room for it.
fn step(facts: &Facts, finding: &crate::doctor::Finding) -> Option<Step> {
    let (path, node) = finding.evidence.iter().find_map(|evidence| match &evidence.place {
        crate::doctor::Place::Node(path, node) => Some((path, node)),
        _ => None,
    })?;
    let (_, read) = facts.read_workflows().find(|(known, _)| *known == path)?;
    let staged = read.staged.ok();
    let model = staged.and_then(|staged| staged.models.iter().find(|model| model.load.node.id == *node));
    Some(match (staged, model) {
        (Some(staged), Some(model)) if model.load.string.is_some() && model.named.is_some() => {
            match room(staged, model) {
                Some(gpu) => Step::Command(format!(
                    "distorch-fix workflow set \"{gpu},100%\" {} --node {node} --device {gpu}{}",
                    quoted(path),
                    facts.told().installation()
                )),
                None => Step::Advice(String::from("leave it there: no GPU has room for it beside the other models")),
            }
        }
        _ => Step::Advice(String::from("leave it there if the GPUs are short of memory; else set its device to a GPU")),
    })
}

/// The GPU that has most memory left at all times, if that is enough for a model.
fn room(staged: &Staged, model: &Model) -> Option<Device> {
    let needed = model.bytes().saturating_add(staged.options.headroom_bytes);
    let gpus = staged.peaks().into_iter().map(|(usage, _)| usage).filter(|usage| !usage.device.is_cpu());
    gpus.filter(|usage| usage.free_bytes() >= needed)
        .max_by_key(crate::plan::Usage::free_bytes)
        .map(|usage| usage.device)
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let on_cpu = start
        .banners
        .iter()
        .rev()
        .find(|banner| banner.loads == Some(LoadKind::TextEncoder) && banner.compute.as_deref() == Some("cpu"));
    if let Some(banner) = on_cpu {
        let step = "leave it there if the GPUs are short of memory; else set the device of its loader node to a GPU";
        let finding = PROBLEM.finding("The text encoder computes on the CPU", Step::Advice(step.into()));
        return Ok(vec![finding.because(clues::banner_place(banner))]);
    }
    let version = facts.node.ok().and_then(|node| node.checkout.version.clone());
    let Some(version) = version.filter(|version| is_before_2_4_6(version)) else { return Ok(Vec::new()) };
    let lent = clues::loads(start).rev().find(|load| load.kind == Some(LoadKind::TextEncoder) && is_all_lent(load));
    Ok(lent.map(|load| {
        let gb = gigabytes(load.total_bytes.or(load.cpu_bytes).unwrap_or_default());
        let message = format!("All {gb:.2} GB of the text encoder went to the device that lends memory: the node is of version {version}");
        let step = Step::Advice(String::from("update ComfyUI-MultiGPU to 2.4.6 or newer"));
        PROBLEM.finding(message, step).ranked(Rank::Costs).because(Evidence::log("the table of devices and layers", load.last_line))
    }).into_iter().collect())
}

/// Is all of it on the CPU, though only a part was to be borrowed?
fn is_all_lent(load: &Load) -> bool {
    let large = |row: &&crate::log::Assigned| !row.is_tiny;
    load.mode == Mode::VirtualVram
        && load.assigned.iter().filter(large).count() > 0
        && load.assigned.iter().filter(large).all(|row| row.device == "cpu" || row.bytes == 0)
}

fn is_before_2_4_6(version: &str) -> bool {
    let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    numbers.is_some_and(|numbers| numbers.first() == Some(&2) && numbers < vec![2, 4, 6])
}

/// Does a model of this kind encode text?
pub(super) fn encodes(kind: Kind) -> bool {
    kind == Kind::Clip
}
