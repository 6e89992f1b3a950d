//! All that is known, as tables.

use std::fmt::Write as _;

use super::finding::place;
use crate::allocator::gigabytes;
use crate::doctor::Known;
use crate::lint::Level;
use crate::render::columns::{columns, wrapped};
use crate::render::human::plan::stages::{self, verdict};
use crate::render::style::{BAD, FAINT, GOOD, STRONG, UNSURE};
use crate::report::DoctorReport;
use crate::report::doctor::{ExaminedWorkflow, FactGroup, FactReport, GpuReport, PlaceReport, RunLoad};
use crate::text::{counted, visible};

/// The widest name of a fact that others are aligned with.
const WIDEST: usize = 24;

/// The facts about one thing.
pub(super) fn group(group: &FactGroup) -> String {
    let names = group.facts.iter().map(|fact| fact.name.chars().count());
    let width = names.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut out = format!("{STRONG}{}{STRONG:#}\n", group.title);
    for fact in &group.facts {
        out.push_str(&line(fact, width));
    }
    out
}

fn line(fact: &FactReport, width: usize) -> String {
    let value = match &fact.value {
        Known::Is(value) => value.clone(),
        Known::Unknown(why) => format!("unknown, because {why}"),
    };
    // A folder is its own place.
    let at = match &fact.place {
        Some(at @ PlaceReport::File { line: Some(_), .. }) => format!(" ({})", place(at)),
        _ => String::new(),
    };
    let behind = width.max(fact.name.chars().count()) + 4;
    let text = wrapped(&format!("{value}{at}"), behind, width + 4, columns());
    let style = if fact.value.ok().is_some() { anstyle::Style::new() } else { UNSURE };
    format!("  {FAINT}{:<width$}{FAINT:#}  {style}{text}{style:#}\n", fact.name)
}

/// The GPUs.
pub(super) fn gpus(report: &DoctorReport) -> String {
    let Known::Is(gpus) = &report.gpus else { return String::new() };
    let mut out = format!("{STRONG}GPUs{STRONG:#}\n");
    for GpuReport { index, device, name, total_bytes, free_bytes } in gpus {
        let total = gigabytes(*total_bytes);
        let free = free_bytes.map(|bytes| format!(", {:.1} GB free", gigabytes(bytes))).unwrap_or_default();
        let device = device.ok().map_or_else(|| String::from("cuda:?"), Clone::clone);
        let _ =
            writeln!(out, "  {FAINT}{device}{FAINT:#}  {}, {total:.1} GB{free} (nvidia-smi: {index})", visible(name));
    }
    out
}

/// A workflow: how many problems its checks found, and where its models go.
pub(super) fn workflow(workflow: &ExaminedWorkflow) -> String {
    let checks = &workflow.checks;
    let mut out = format!("{STRONG}Workflow{STRONG:#} {}\n", visible(&checks.path.shown()));
    let count = |level| checks.findings.iter().filter(|found| found.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let _ = match &checks.error {
        Some(error) => writeln!(out, "  {UNSURE}{}{UNSURE:#}", wrapped(&error.message, 2, 2, columns())),
        None if errors + warnings == 0 => writeln!(out, "  {GOOD}its loader nodes are in order{GOOD:#}"),
        None => {
            let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
            let path = crate::text::quoted(std::path::Path::new(&checks.path.shown()));
            let command = format!("{STRONG}distorch-fix workflow check {path}{STRONG:#}");
            writeln!(out, "  {BAD}{errors}, {warnings}{BAD:#}: {command}")
        }
    };
    match &workflow.plan {
        Known::Is(plan) => {
            for line in stages::peaks(&plan.staged).lines().skip(1) {
                let _ = writeln!(out, "{line}");
            }
            let _ = write!(out, "  {}", verdict(&plan.staged));
        }
        Known::Unknown(why) => {
            let text = wrapped(&format!("no plan, because {}", visible(why)), 2, 4, columns());
            let _ = writeln!(out, "  {FAINT}{text}{FAINT:#}");
        }
    }
    out
}

/// The last run.
pub(super) fn run(report: &DoctorReport) -> String {
    let mut out = format!("{STRONG}Last run{STRONG:#}\n");
    let run = match &report.run {
        Known::Is(run) => run,
        Known::Unknown(why) => {
            let _ = writeln!(out, "  {UNSURE}unknown, because {}{UNSURE:#}", visible(why));
            return out;
        }
    };
    let time = run.time.as_deref().map(|time| format!(", until {}", visible(time))).unwrap_or_default();
    let _ = writeln!(out, "  {}{time}", run.log.shown());
    if let Some(why) = &run.outdated {
        let _ = writeln!(out, "  {UNSURE}{}{UNSURE:#}", wrapped(&visible(why), 2, 2, columns()));
    }
    let (prompts, loads) = (counted(run.prompts, "prompt"), counted(run.loads.len(), "model"));
    let _ = writeln!(out, "  {prompts} and {loads} loaded since the last start");
    for load in run.loads.iter().rev().take(MOST_LOADS).rev() {
        out.push_str(&self::load(load));
    }
    out
}

/// The most loads that are shown.
const MOST_LOADS: usize = 12;

fn load(load: &RunLoad) -> String {
    let style = match load.is_right {
        Some(true) => GOOD,
        Some(false) => BAD,
        None => UNSURE,
    };
    let model = load.model.as_deref().unwrap_or("a model");
    let string = load.string.as_deref().filter(|string| !string.is_empty());
    let string = string.map(|string| format!(", {string}")).unwrap_or_default();
    let text = format!("{}{string}: {}", visible(model), load.outcome);
    let used = 4 + load.line.to_string().len();
    format!("  {FAINT}{}{FAINT:#}  {style}{}{style:#}\n", load.line, wrapped(&text, used, used, columns()))
}
