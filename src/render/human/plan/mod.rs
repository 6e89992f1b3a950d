//! A plan, for people: the tables of the node's log, and what they leave out.

mod proposals;
pub(super) mod stages;

use std::fmt::Write as _;

use anyhow::Result;

use super::Human;
use crate::allocator::{Accounting, Policy, gigabytes, readable};
use crate::plan::lora::Matched;
use crate::plan::modules::Modules;
use crate::plan::tensor::Tensor;
use crate::plan::types::{Types, name_of};
use crate::plan::{Level, Plan, Planned, Run, Usage};
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, STRONG, UNSURE};
use crate::render::{self, Render, Screen};
use crate::report::{ModelsReport, PlanReport};
use crate::text::{counted, visible};

/// Characters of a bar that stands for all of a device's memory.
const BAR: u8 = 20;

impl Render<PlanReport> for Human {
    fn render(&self, report: &PlanReport, screen: &mut Screen) -> Result<()> {
        let ModelsReport { plan, proposals } = match report {
            PlanReport::Models(report) => &**report,
            PlanReport::Workflow(report) => return stages::show(report, screen),
        };
        screen.note(&notes(plan))?;
        for planned in &plan.models {
            screen.note(&model(planned))?;
            for run in &planned.runs {
                screen.print(&devices(plan, planned, run))?;
                screen.print(&warnings(run))?;
            }
            screen.note(&layers(planned))?;
            screen.note(&log(planned))?;
        }
        if plan.models.len() > 1 {
            screen.print(&together(plan))?;
        }
        if let Some(proposals) = proposals {
            screen.print(&proposals::block(plan, proposals))?;
        }
        Ok(screen.note(&verdict(plan, proposals.is_some()))?)
    }
}

/// Where sizes come from, if they were not given.
fn notes(plan: &Plan) -> String {
    plan.devices.notes.iter().fold(String::new(), |mut out, note| {
        let _ = writeln!(out, "{FAINT}note{FAINT:#}: {}", wrapped(&visible(note), 6, 6, columns()));
        out
    })
}

fn model(planned: &Planned) -> String {
    let modules = &planned.named.modules;
    let model = &modules.model;
    let [resident, offload] = [Accounting::Resident, Accounting::Offload].map(|which| model.total_bytes(which));
    let mut out = format!("{STRONG}{}{STRONG:#}\n", visible(&planned.named.name));
    let _ = writeln!(out, "  {}", visible(&planned.named.origin));
    let layers = counted(model.blocks().len(), "layer");
    let types = modules.types.map(|types| loaded(planned, types)).unwrap_or_default();
    let _ = writeln!(out, "  {:.2} GB in {layers}{types}", gigabytes(resident));
    if offload != resident {
        let _ =
            writeln!(out, "  {:.2} GB with what casting and patching costs (--accounting offload)", gigabytes(offload));
    }
    for file in &modules.patched.files {
        out.push_str(&patched(file));
    }
    if modules.reserve_bytes > 0 {
        let reserve = readable(modules.reserve_bytes);
        let _ = writeln!(out, "  including {reserve} that ComfyUI-GGUF reserves for unpacking the largest weight");
    }
    if modules.unlisted_bytes > 0 {
        let unlisted = readable(modules.unlisted_bytes);
        let _ = writeln!(out, "  plus {unlisted} that belong to no layer and are not placed");
    }
    if let [first, rest @ ..] = &modules.ignored[..] {
        let ignored = counted(rest.len() + 1, "tensor");
        let _ = writeln!(out, "  {ignored} of the file ignored, as ComfyUI does, such as {}", visible(first));
    }
    if !modules.ordered {
        out.push_str(&doubt(modules));
    }
    out
}

/// Why its order is unknown, and what follows from that.
fn doubt(modules: &Modules) -> String {
    let why = modules.doubt.as_deref().unwrap_or("only its size is known");
    let so = match modules.architecture {
        Some(_) => "layers and sizes are those of that architecture, and may differ from what ComfyUI builds",
        None => {
            "layers without weights are missing, the order and kinds of the others are guessed, and at the edge of a device \
             one layer may be another"
        }
    };
    format!("  the order of its layers is unknown: {}\n  so {so}\n", visible(why))
}

/// The types that it is loaded and computed in.
fn loaded(planned: &Planned, types: Types) -> String {
    let is_packed = planned.named.contents.tensors.iter().any(Tensor::is_opaque);
    let (weights, cast) = (name_of(types.weights), types.cast.map(name_of));
    match (is_packed, cast) {
        (true, _) => format!(", packed as in the file, computed in {}", cast.unwrap_or(weights)),
        (false, Some(cast)) if cast != weights => format!(", loaded in {weights}, computed in {cast}"),
        (false, _) => format!(", loaded in {weights}"),
    }
}

/// What a LoRA file patches.
fn patched(file: &Matched) -> String {
    let name = visible(&file.name);
    let unknown = match &file.unknown[..] {
        [] => String::new(),
        [first, ..] => format!(", {} are not, such as {}", file.unknown.len(), visible(first)),
    };
    format!("  patched by {name}: {} of its names match layers of this model{unknown}\n", file.known)
}

fn devices(plan: &Plan, planned: &Planned, run: &Run) -> String {
    let node = match (planned.is_alike(&plan.options), run.policy) {
        (true, _) => "The node, repaired or not",
        (false, Policy::CpuFallback) => "The node as shipped",
        (false, Policy::GpuOnly) => "The node, repaired",
    };
    let counted = match plan.options.accounting {
        Accounting::Resident => "counts the weights",
        Accounting::Offload => "counts the weights, and what casting and patching costs",
    };
    let mut out = format!("{STRONG}{node}{STRONG:#} ({counted})\n");
    let counts_more = plan.options.accounting == Accounting::Offload;
    let head = ["VRAM GB", "Dev %", "Model GB", "Dist %", "Counted", "Weights", "Free GB"].map(str::to_owned);
    let _ = writeln!(out, "  {FAINT}{}{FAINT:#}", row("Device", head, counts_more));
    let bytes = run.resident_bytes.iter().zip(&run.counted_bytes);
    for (device, (&resident, &counted)) in run.allocation.devices.iter().zip(bytes) {
        let [name, vram, part, model, share] = device.cells();
        let free = gigabytes(device.total_bytes) - gigabytes(resident);
        let [counted, weights, free] = [gigabytes(counted), gigabytes(resident), free].map(|gb| format!("{gb:.2}"));
        let line = row(&visible(&name), [vram, part, model, share, counted, weights, free], counts_more);
        let _ = writeln!(out, "  {line}{}", bar(resident, device.total_bytes, width(&line, 0) + 2));
    }
    out
}

/// The columns of the node's own table, and three more; the counted bytes only if they differ from what the weights
/// take.
fn row(device: &str, cells: [String; 7], counts_more: bool) -> String {
    let [vram, part, model, share, counted, weights, free] = cells;
    let counted = if counts_more { format!("{counted:>10}") } else { String::new() };
    format!("{device:<8}{vram:>9}{part:>9}{model:>11}{share:>10}{counted}{weights:>10}{free:>10}")
}

/// How much of a device its weights take, after a line of this many columns or, if there is no room, below it; red if
/// they are more than it has.
fn bar(used_bytes: u64, total_bytes: u64, columns_before: usize) -> String {
    let needed = columns_before + 2 + render::bar::width(BAR);
    let lead = if columns().is_some_and(|columns| columns < needed) { "\n          " } else { "  " };
    let used = if total_bytes > 0 { gigabytes(used_bytes) / gigabytes(total_bytes) } else { 0.0 };
    let style = if used > 1.0 { BAD } else { GOOD };
    format!("{lead}{}", render::bar::bar(used, BAR, style))
}

fn warnings(run: &Run) -> String {
    run.warnings.iter().fold(String::new(), |mut out, warning| {
        let (style, word) = match warning.level() {
            Level::Misfit => (BAD, "does not fit"),
            Level::Warning => (UNSURE, "warning"),
            Level::Note => (FAINT, "note"),
        };
        let text = visible(&warning.to_string()).into_owned();
        let _ = writeln!(out, "{style}{word}{style:#}: {}", wrapped(&text, word.len() + 2, 4, columns()));
        out
    })
}

/// The layer table, as the node logs it.
fn layers(planned: &Planned) -> String {
    let mut out = format!("{STRONG}Layers{STRONG:#}\n");
    let line = |cells: &[String; 4]| format!("{:<18}{:>7}{:>14}{:>10}", cells[0], cells[1], cells[2], cells[3]);
    let head = line(&["Layer Type", "Layers", "Memory (MB)", "% Total"].map(str::to_owned));
    let _ = writeln!(out, "  {FAINT}{head}{FAINT:#}");
    for row in &planned.runs[0].allocation.layers {
        let _ = writeln!(out, "  {}", line(&row.cells()));
    }
    out
}

/// What to look for in ComfyUI's log.
fn log(planned: &Planned) -> String {
    let mut out = format!("{STRONG}In ComfyUI's log{STRONG:#}\n");
    let _ = writeln!(out, "  [MultiGPU DisTorch V2] Full allocation string: {}", visible(planned.string.text()));
    for run in &planned.runs {
        let who = match (planned.runs.len(), run.policy) {
            (1, _) => "",
            (_, Policy::CpuFallback) => "  (as shipped)",
            (_, Policy::GpuOnly) => "  (repaired)",
        };
        let allocation = &run.allocation;
        let _ = writeln!(out, "  [MultiGPU DisTorch V2] Final Allocation String:{FAINT}{who}{FAINT:#}");
        let _ = writeln!(out, "  {}", visible(&allocation.allocation_string));
        if let Some(line) = allocation.remainder.log_line() {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// What all models take together, if they stay loaded at the same time.
fn together(plan: &Plan) -> String {
    let Some(&policy) = plan.options.policies.last() else { return String::new() };
    let node = if policy == Policy::GpuOnly { "the node, repaired" } else { "the node as shipped" };
    let mut out = format!("{STRONG}All models at the same time{STRONG:#} ({node})\n");
    let head = format!("{:<8}{:>9}{:>10}{:>10}", "Device", "VRAM GB", "Weights", "Free GB");
    let _ = writeln!(out, "  {FAINT}{head}{FAINT:#}");
    let usage = plan.usage(policy);
    for used in &usage {
        let [total, weights] = [used.total_bytes, used.used_bytes()].map(gigabytes);
        let name = visible(used.device.as_str());
        let cells = format!("{name:<8}{total:>9.2}{weights:>10.2}{:>10.2}", total - weights);
        let _ = writeln!(out, "  {cells}{}", bar(used.used_bytes(), used.total_bytes, width(&cells, 0) + 2));
    }
    let is_over = |used: &&Usage| used.used_bytes() > used.total_bytes;
    if let Some(over) = usage.iter().find(is_over) {
        let _ = writeln!(
            out,
            "{UNSURE}warning{UNSURE:#}: {} does not hold all of them; ComfyUI has to unload one before it loads the next",
            visible(over.device.as_str())
        );
    }
    out
}

fn verdict(plan: &Plan, proposed: bool) -> String {
    let warned = plan.models.iter().flat_map(|planned| &planned.runs).flat_map(|run| &run.warnings);
    match (plan.fits(), proposed) {
        (true, _) if warned.into_iter().any(|warning| warning.level() == Level::Warning) => {
            format!("{GOOD}It fits{GOOD:#}, but see the warnings.\n")
        }
        (true, _) if plan.devices.assumed => {
            format!("{GOOD}It fits{GOOD:#} if the GPUs are at least as large as their quotas.\n")
        }
        (true, _) => format!("{GOOD}It fits.{GOOD:#}\n"),
        (false, true) => format!("{BAD}It does not fit.{BAD:#}\n"),
        (false, false) => format!("{BAD}It does not fit.{BAD:#} `--fit` proposes strings that do.\n"),
    }
}
