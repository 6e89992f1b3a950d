//! A GPU has no memory left.

use std::path::PathBuf;

use super::{dynamic_vram, fraction_of_device};
use crate::allocator::{self, Device, Logged, gigabytes};
use crate::checks::Step as CheckStep;
use crate::doctor::clues::{self, During, Shortage};
use crate::doctor::{Answer, Evidence, Facts, Problem, Rank, ReadWorkflow, Step};
use crate::inputs::Literal;
use crate::log::{Load, Outcome, Prompt, Raised, Start};
use crate::stages::Staged;
use crate::text::quoted;

pub(super) static PROBLEM: Problem = Problem {
    id: "out-of-memory",
    title: "A GPU runs out of memory",
    about: "The GPU that computes needs memory besides the weights: for a video, several gigabytes. If a string gives it more weights \
            than about three quarters of its memory, the computation often ends with \"Allocation on device\" or \"CUDA out of \
            memory\". If it already ends while a model is loaded, the amounts are more than the device has.",
    help: "Give that GPU less, and another one or the main memory more: `distorch-fix workflow set --fit --headroom SIZE`. Fewer \
           frames or a smaller picture help as well.",
    sources: &[
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/13",
        "https://github.com/pollockjj/ComfyUI-MultiGPU/issues/104",
        "https://github.com/Comfy-Org/ComfyUI/issues/6693",
    ],
    rank: Rank::Stops,
    find,
};

/// Headrooms are whole numbers of this.
const STEP_BYTES: u64 = 256 << 20;
/// What is free at least after a change, besides what was missing: allocators lose some in gaps.
const SLACK_BYTES: u64 = 512 << 20;
/// What was asked for, if the log does not say: layers of video models ask for about as much at once.
const UNKNOWN_BYTES: u64 = 1 << 30;

fn find(facts: &Facts) -> Answer {
    let on_gpu = |check: &crate::checks::Finding| {
        check.level > crate::lint::Level::Note && !check.message.contains(" are to lie on cpu,")
    };
    clues::both(in_log(facts), clues::checked(facts, &PROBLEM, &["no-fit", "no-room"], on_gpu))
}

fn in_log(facts: &Facts) -> Answer {
    let start = facts.last_start()?;
    let short = clues::raised(start)
        .filter_map(|(line, text, raised)| Some((line, text, raised, clues::shortage(raised, text)?)));
    let is_here = |(_, _, raised, short): &(u64, &str, &Raised, Shortage)| {
        !short.device.as_ref().is_some_and(Device::is_cpu) && !clues::is_of_pinned_memory(raised)
    };
    let Some((line, text, raised, short)) = short.filter(is_here).last() else { return Ok(Vec::new()) };
    let device = short.device.clone().or_else(|| compute(start, line));
    let name = device.as_ref().map_or_else(|| String::from("A GPU"), |device| format!("The GPU {device}"));
    let when = match (short.during, &raised.node) {
        (During::Load, _) => String::from(" while a model was loaded"),
        (During::Computation, Some((class, id))) => format!(" while node {id} ({class}) computed"),
        (During::Computation, None) => String::from(" during the computation"),
        (During::Unknown, _) => String::new(),
    };
    let amounts = match (short.asked_bytes, short.free_bytes) {
        (Some(asked), Some(free)) => {
            format!(": {:.2} GB were asked for, and {:.2} GB were free", gigabytes(asked), gigabytes(free))
        }
        (Some(asked), None) => format!(": {:.2} GB were asked for", gigabytes(asked)),
        _ => String::new(),
    };
    let remedy = remedy(facts, start, line, device.as_ref(), &short);
    let message = format!("{name} had no memory left{when}{amounts}{}", remedy.told);
    let mut finding = PROBLEM.finding(message, remedy.step).because(Evidence::log(text, line));
    finding.evidence.extend(remedy.evidence);
    Ok(vec![finding])
}

/// What to do, what to say about it, and what it follows from.
struct Remedy {
    told: String,
    step: Step,
    evidence: Option<Evidence>,
}

/// The compute device of the loader nodes of the prompt that failed at this line, if they have only one.
fn compute(start: &Start, line: u64) -> Option<Device> {
    let prompt = prompt_at(start, line)?;
    let failed = prompt.loads.iter().find(|load| matches!(load.outcome, Outcome::Failed { .. }));
    let of_load = failed.or(prompt.loads.last()).and_then(|load| start.banners.get(load.banner?)?.compute.as_deref());
    let banners = start.banners.get(prompt.banners.clone()).unwrap_or_default();
    let mut computes: Vec<&str> = banners.iter().filter_map(|banner| banner.compute.as_deref()).collect();
    computes.retain(|device| *device != "cpu");
    computes.dedup();
    let only = if computes.len() == 1 { computes.first().copied() } else { None };
    of_load.filter(|device| *device != "cpu").or(only).map(Device::from)
}

fn remedy(facts: &Facts, start: &Start, line: u64, device: Option<&Device>, short: &Shortage) -> Remedy {
    // Smaller amounts change nothing as long as the node does not act.
    if let Some(inert) = inert(start, line)
        && let Ok(code) = facts.node.get().and_then(|node| node.code.get())
    {
        return Remedy {
            told: format!(", and dynamic VRAM kept {} from the node", clues::name_of(inert)),
            step: dynamic_vram::step(facts, code),
            evidence: Some(Evidence::log("it was to be distributed, and was not", inert.line)),
        };
    }
    let asked_bytes = short.asked_bytes.unwrap_or(UNKNOWN_BYTES);
    let missing_bytes = asked_bytes.saturating_sub(short.free_bytes.unwrap_or(0)) + SLACK_BYTES;
    let workflow = workflow_of(facts, start, line);
    if let Some((path, read)) = workflow.filter(|(_, read)| clues::is_planned(read)) {
        let staged = read.staged.ok();
        let headroom_bytes = headroom(staged, device, short, missing_bytes);
        let told = crate::checks::Told { headroom_bytes: Some(headroom_bytes), ..facts.told() };
        let node = facts.node.ok().map(|node| node.checkout.root.as_path());
        return Remedy {
            told: format!("; the next step keeps {:.2} GB free for that", gigabytes(headroom_bytes)),
            step: Step::Command(CheckStep::Fit.command(path, node, &told)),
            evidence: peak(staged, device).map(|text| Evidence::file(text, path, None)),
        };
    }
    // Without a plan, the tables of the log show what the device has.
    let load = clues::loads(start).rev().find(|load| load.line <= line && !load.planned.is_empty());
    let lowered = load.and_then(|load| Some((load, lowered(load, device?, missing_bytes)?)));
    match lowered {
        Some((load, string)) => {
            let model = clues::name_of(load);
            Remedy {
                told: format!("; {:.2} GB less there are enough", gigabytes(missing_bytes)),
                step: set(facts, workflow, load, &string).unwrap_or_else(|| {
                    Step::Advice(format!(
                        "write `{string}` into expert_mode_allocations of the node that loads {model}"
                    ))
                }),
                evidence: Some(Evidence::log(format!("the plan for {model}"), load.line)),
            }
        }
        None => Remedy {
            told: String::new(),
            step: Step::Advice(String::from(
                "name the workflow with `--workflow FILE`, so that amounts can be computed that fit; fewer frames or a smaller \
                 picture help as well",
            )),
            evidence: None,
        },
    }
}

/// The prompt that a line of the log belongs to.
fn prompt_at(start: &Start, line: u64) -> Option<&Prompt> {
    start.prompts.iter().find(|prompt| (prompt.line..=prompt.last_line).contains(&line))
}

/// A model of the same prompt that was to be distributed, and was not.
fn inert(start: &Start, line: u64) -> Option<&Load> {
    prompt_at(start, line)?.loads.iter().find(|load| dynamic_vram::is_inert(load))
}

/// A command that gives a string to the only node that has the one of a load.
fn set(facts: &Facts, workflow: Option<(&PathBuf, &ReadWorkflow)>, load: &Load, string: &str) -> Option<Step> {
    let (path, read) = workflow?;
    let before = Logged::of(load.string.as_deref()?).expert;
    if before.is_empty() {
        return None;
    }
    let loaders = read.workflow.loaders(&read.classes).ok()?;
    let mut alike = loaders.iter().filter(|loader| match &loader.class.parts[..] {
        [part] => part.string.and_then(|widget| loader.value(widget)) == Some(&Literal::Text(before.to_owned())),
        _ => false,
    });
    let loader = alike.next().filter(|_| alike.next().is_none())?;
    let (file, installation) = (quoted(path), facts.told().installation());
    Some(Step::Command(format!("distorch-fix workflow set \"{string}\" {file} --node {}{installation}", loader.id)))
}

/// The workflow whose strings the log shows in the prompt that failed; else the only one that distributes.
fn workflow_of<'f>(facts: &'f Facts, start: &Start, line: u64) -> Option<(&'f PathBuf, &'f ReadWorkflow)> {
    let distributes = |read: &ReadWorkflow| {
        read.workflow.loaders(&read.classes).is_ok_and(|loaders| {
            loaders.iter().any(|loader| loader.class.parts.iter().any(|part| part.string.is_some()))
        })
    };
    let candidates: Vec<_> = facts.read_workflows().filter(|(_, read)| distributes(read)).collect();
    let prompt = start.prompts.iter().find(|prompt| (prompt.line..=prompt.last_line).contains(&line));
    let banners = prompt.and_then(|prompt| start.banners.get(prompt.banners.clone())).unwrap_or_default();
    let shown = |read: &ReadWorkflow| {
        let has = |string: &str| !string.is_empty() && read.workflow.text().contains(string);
        banners.iter().any(|banner| has(&banner.string))
    };
    let matching = candidates.iter().find(|(_, read)| shown(read));
    matching.or(candidates.first().filter(|_| candidates.len() == 1)).copied()
}

/// What to keep free for the computation: what it had by the plan and did not suffice, and what was missing.
fn headroom(staged: Option<&Staged>, device: Option<&Device>, short: &Shortage, missing_bytes: u64) -> u64 {
    let usual = allocator::size(crate::plan::HEADROOM).unwrap_or(0);
    let left = staged.and_then(|staged| {
        let (usage, _) = staged.peaks().into_iter().find(|(usage, _)| Some(&usage.device) == device)?;
        Some(usage.free_bytes())
    });
    let free = if short.during == During::Load { 0 } else { left.unwrap_or(usual).max(usual) };
    let bytes = free.saturating_add(missing_bytes).max(usual);
    bytes.div_ceil(STEP_BYTES) * STEP_BYTES
}

/// How full the plan makes a device.
fn peak(staged: Option<&Staged>, device: Option<&Device>) -> Option<String> {
    let (usage, _) = staged?.peaks().into_iter().find(|(usage, _)| Some(&usage.device) == device)?;
    Some(format!(
        "by the plan, weights take {:.2} of the {:.2} GB of {}",
        gigabytes(usage.used_bytes()),
        gigabytes(usage.total_bytes),
        usage.device
    ))
}

/// A string that puts less on a device, as far as other GPUs of the plan have room, and the rest into the main memory.
fn lowered(load: &Load, device: &Device, less_bytes: u64) -> Option<String> {
    let most = |total: u64| total / 4 * 3;
    let mut rest = 0;
    let mut amounts: Vec<(&str, u64, u64)> = Vec::new();
    for row in load.planned.iter().filter(|row| row.device != "cpu" && row.bytes > 0) {
        let is_it = row.device == device.as_str();
        let kept = if is_it { row.bytes.saturating_sub(less_bytes).min(most(row.total_bytes)) } else { row.bytes };
        rest += row.bytes - kept;
        amounts.push((&row.device, kept, row.total_bytes));
    }
    if rest == 0 {
        return None;
    }
    for (name, bytes, total) in &mut amounts {
        if *name != device.as_str() {
            let more = most(*total).saturating_sub(*bytes).min(rest);
            *bytes += more;
            rest -= more;
        }
    }
    let listed = amounts.iter().filter(|(_, bytes, _)| *bytes > 0);
    let listed: Vec<String> = listed.map(|(name, bytes, _)| format!("{name},{:.2}gb", gigabytes(*bytes))).collect();
    Some(format!("{};cpu,*", listed.join(";")).trim_start_matches(';').to_owned())
}

/// Has the last run failed because a GPU had no memory left, with a model in fractions of devices?
pub(super) fn failed_with_fractions(start: &Start) -> Option<(u64, &Load)> {
    let is_short = |(line, text, raised): (u64, &str, &Raised)| {
        let short = clues::shortage(raised, text)?;
        (!short.device.is_some_and(|device| device.is_cpu())).then_some(line)
    };
    let line = clues::raised(start).filter_map(is_short).last()?;
    let prompt = start.prompts.iter().find(|prompt| (prompt.line..=prompt.last_line).contains(&line))?;
    let load =
        prompt.loads.iter().find(|load| fraction_of_device::is_fraction(load.string.as_deref().unwrap_or_default()))?;
    Some((line, load))
}
