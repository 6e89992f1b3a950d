//! The plan of a workflow, for people: what lies on each device, stage by stage.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use crate::allocator::gigabytes;
use crate::plan::{Level, Usage};
use crate::render::Screen;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, NEXT, STRONG, UNSURE};
use crate::report::StagesReport;
use crate::stages::{Fitted, Named, Placing, Stage, Staged};
use crate::text::{counted, visible};

/// Characters of a bar that stands for all of a device's memory.
const BAR: u8 = 32;
/// What models are called in bars.
const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The colours of models in bars.
const COLORS: [AnsiColor; 6] =
    [AnsiColor::Blue, AnsiColor::Yellow, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Cyan, AnsiColor::BrightRed];

/// Shows the plan of a workflow.
pub(super) fn show(report: &StagesReport, screen: &mut Screen) -> Result<()> {
    let staged = &report.staged;
    screen.note(&notes(staged))?;
    screen.print(&models(report))?;
    if staged.models.iter().any(|model| model.named.is_some()) {
        for (at, stage) in staged.stages.iter().enumerate() {
            screen.print(&self::stage(staged, at, stage))?;
        }
        screen.print(&peaks(staged))?;
    }
    screen.print(&unknown(staged))?;
    if let Some(fitted) = &report.fitted {
        screen.print(&changes(staged, fitted.as_ref()))?;
    }
    Ok(screen.note(&verdict(staged))?)
}

fn notes(staged: &Staged) -> String {
    let notes = staged.devices.notes.iter().chain(&staged.notes);
    notes.fold(String::new(), |mut out, note| {
        let _ = writeln!(out, "{FAINT}note{FAINT:#}: {}", wrapped(&visible(note), 6, 6, columns()));
        out
    })
}

/// The letter of a model.
fn letter(model: usize) -> char {
    LETTERS.get(model).map_or('*', |letter| char::from(*letter))
}

fn style(model: usize) -> Style {
    COLORS[model % COLORS.len()].on_default()
}

fn marked(model: usize) -> String {
    let style = style(model).bold();
    format!("{style}{}{style:#}", letter(model))
}

fn models(report: &StagesReport) -> String {
    let staged = &report.staged;
    let count = counted(staged.models.len(), "model");
    let mut out = format!("{STRONG}{}{STRONG:#}: {count} in {}\n", report.file, counted(staged.stages.len(), "stage"));
    let names: Vec<String> = staged.models.iter().map(|model| visible(model.name()).into_owned()).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (at, (model, name)) in staged.models.iter().zip(&names).enumerate() {
        let load = &model.load;
        let size = match &model.named {
            Some(_) => format!("{:>6.2} GB", gigabytes(model.bytes())),
            None => format!("{:>9}", "unknown"),
        };
        let (id, class) = (visible(&load.node.id), visible(&load.node.class));
        let _ = writeln!(out, "  {} {name:<widest$}  {size}  node {id}, {class}", marked(at));
        let placed = match &load.placing {
            Ok(Placing::Distributed(string)) => visible(string.text()).into_owned(),
            Ok(_) => format!("whole on {}", visible(model.compute().as_str())),
            Err(_) => "unknown where".to_owned(),
        };
        let _ = writeln!(out, "    {FAINT}{placed}{FAINT:#}");
        for warning in staged
            .run(model)
            .into_iter()
            .flat_map(|run| &run.warnings)
            .filter(|warning| warning.level() == Level::Warning)
        {
            let text = visible(&warning.to_string()).into_owned();
            let _ = writeln!(out, "    {UNSURE}warning{UNSURE:#}: {}", wrapped(&text, 13, 6, columns()));
        }
    }
    out
}

/// Node ids by class: `CLIPTextEncode 6, 7`.
fn nodes(nodes: &[Named]) -> String {
    let mut classes: Vec<(&str, Vec<&str>)> = Vec::new();
    for node in nodes {
        match classes.iter_mut().find(|(class, _)| *class == node.class) {
            Some((_, ids)) => ids.push(&node.id),
            None => classes.push((&node.class, vec![&node.id])),
        }
    }
    let shown: Vec<String> = classes.iter().map(|(class, ids)| format!("{class} {}", ids.join(", "))).collect();
    visible(&shown.join(", ")).into_owned()
}

fn letters(models: &[usize]) -> String {
    models.iter().map(|model| marked(*model)).collect::<Vec<_>>().join(" ")
}

fn stage(staged: &Staged, at: usize, stage: &Stage) -> String {
    let mut out = format!("{STRONG}{}. {}{STRONG:#} with {}", at + 1, nodes(&stage.nodes), letters(&stage.models));
    if !stage.unloaded.is_empty() {
        let _ = write!(out, ", after unloading {}", letters(&stage.unloaded));
    }
    out.push('\n');
    for usage in &stage.usage {
        let total = gigabytes(usage.total_bytes);
        let used = gigabytes(usage.used_bytes());
        let device = visible(usage.device.as_str());
        let _ =
            writeln!(out, "  {device:<8}{}  {used:>6.2} of {total:.2} GB{}", bar(usage), remark(staged, stage, usage));
    }
    if !stage.in_doubt.is_empty() {
        let who = letters(&stage.in_doubt);
        let _ =
            writeln!(out, "  {FAINT}{who} may be unloaded before: that depends on what the computation needs{FAINT:#}");
    }
    let unknown: Vec<usize> =
        stage.models.iter().copied().filter(|model| staged.models[*model].named.is_none()).collect();
    if !unknown.is_empty() {
        let _ = writeln!(out, "  {FAINT}without {}, whose size is unknown{FAINT:#}", letters(&unknown));
    }
    if !stage.follows {
        let _ = writeln!(
            out,
            "  {FAINT}no link makes it wait for stage {at}: the order is ComfyUI's in a first run{FAINT:#}"
        );
    }
    out
}

/// What is wrong on a device.
fn remark(staged: &Staged, stage: &Stage, usage: &Usage) -> String {
    let used = usage.used_bytes();
    if staged.is_over(usage) {
        return format!("  {BAD}{:.2} GB too much{BAD:#}", gigabytes(used - usage.total_bytes));
    }
    let computes = stage.models.iter().any(|model| *staged.models[*model].compute() == usage.device);
    let free = usage.free_bytes();
    if computes && !usage.device.is_cpu() && free < staged.options.headroom_bytes {
        return format!("  {UNSURE}{:.2} GB left to compute in{UNSURE:#}", gigabytes(free));
    }
    String::new()
}

/// A device's memory, with the letters of the models where their weights are.
fn bar(usage: &Usage) -> String {
    let total = gigabytes(usage.total_bytes.max(usage.used_bytes()).max(1));
    let width = |bytes: u64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the bar")]
        let width = (gigabytes(bytes) / total * f64::from(BAR)).round() as usize;
        width
    };
    let columns = usize::from(BAR);
    let (mut out, mut end, mut sum) = (String::new(), 0, 0_u64);
    for (model, &bytes) in usage.model_bytes.iter().enumerate() {
        sum = sum.saturating_add(bytes);
        // Something is shown of whatever is there.
        let next = width(sum).max(end + usize::from(bytes > 0)).min(columns);
        if next > end {
            let style = style(model);
            let _ = write!(out, "{style}{}{style:#}", letter(model).to_string().repeat(next - end));
            end = next;
        }
    }
    let empty = "·".repeat(columns - end);
    format!("{out}{FAINT}{empty}{FAINT:#}")
}

pub(in crate::render::human) fn peaks(staged: &Staged) -> String {
    let mut out = format!("{STRONG}At most{STRONG:#}\n");
    for (usage, stage) in staged.peaks() {
        let (used, total) = (gigabytes(usage.used_bytes()), gigabytes(usage.total_bytes));
        let device = visible(usage.device.as_str());
        let _ = match usage.used_bytes() {
            0 => writeln!(out, "  {device:<8}{used:>6.2} of {total:.2} GB"),
            _ => writeln!(out, "  {device:<8}{used:>6.2} of {total:.2} GB, in stage {}", stage + 1),
        };
    }
    out
}

fn unknown(staged: &Staged) -> String {
    staged.unknown.iter().fold(String::new(), |mut out, why| {
        let _ = writeln!(out, "{UNSURE}unknown{UNSURE:#}: {}", wrapped(&visible(why), 9, 4, columns()));
        out
    })
}

/// The strings to enter in the nodes.
fn changes(staged: &Staged, fitted: Option<&Fitted>) -> String {
    let headroom = gigabytes(staged.options.headroom_bytes);
    let mut out = format!("{STRONG}What fits{STRONG:#} (with {headroom:.1} GB free on every GPU)\n");
    match fitted.map(|fitted| &fitted.changes[..]) {
        None => {
            let _ = writeln!(
                out,
                "  {UNSURE}nothing was found{UNSURE:#}: less --headroom, smaller models, or more memory is needed"
            );
        }
        Some([]) => out.push_str("  everything as it is\n"),
        Some(changes) => {
            for (model, string) in changes {
                let node = &staged.models[*model].load.node;
                let (id, string) = (visible(&node.id), visible(string));
                let _ = writeln!(out, "  {} node {id}: {NEXT}{string}{NEXT:#}", marked(*model));
            }
        }
    }
    out
}

pub(in crate::render::human) fn verdict(staged: &Staged) -> String {
    let known = if staged.unknown.is_empty() { "" } else { ", as far as it is known" };
    let over = staged.peaks().into_iter().find(|(usage, _)| staged.is_over(usage));
    match over {
        _ if staged.models.iter().all(|model| model.named.is_none()) => {
            format!("{UNSURE}Whether it fits is unknown.{UNSURE:#}\n")
        }
        Some((usage, stage)) => {
            let lacking = gigabytes(usage.used_bytes() - usage.total_bytes);
            let device = visible(usage.device.as_str());
            format!("{BAD}It does not fit{BAD:#}: {device} lacks {lacking:.2} GB in stage {}{known}.\n", stage + 1)
        }
        None if staged.unknown.is_empty() => format!("{GOOD}It fits at every stage.{GOOD:#}\n"),
        None => format!("{UNSURE}It fits{known}.{UNSURE:#} The rest is unknown.\n"),
    }
}
