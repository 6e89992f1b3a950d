//! A load: its node, its string, its table, and the plan beside it.

use std::fmt::Write as _;

use anstyle::Style;

use crate::allocator::{gigabytes, readable};
use crate::render::bar;
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, STRONG, UNSURE};
use crate::report::{LoadDevice, LoadMode, LoadOutcome, LoadReport, LoaderMatch, PlannedLoad};
use crate::text::visible;

/// Characters of a bar that stands for all of a model.
const BAR: u8 = 12;
/// Columns of a number.
const CELL: usize = 10;

/// The colour of an outcome: whether it is what was asked decides.
pub(super) fn style(load: &LoadReport) -> Style {
    match (load.is_as_asked, load.outcome) {
        (Some(false), _) => BAD,
        (_, LoadOutcome::Unknown) | (None, LoadOutcome::Standard | LoadOutcome::Inert) => UNSURE,
        (_, LoadOutcome::Standard | LoadOutcome::Inert) => FAINT,
        _ => GOOD,
    }
}

/// The outcome in words.
pub(super) fn word(load: &LoadReport) -> &'static str {
    match (load.outcome, load.is_as_asked) {
        (LoadOutcome::Standard, Some(false)) => "not distributed (standard loading)",
        (outcome, _) => outcome.words(),
    }
}

pub(super) fn block(load: &LoadReport) -> String {
    let (style, word) = (style(load), word(load));
    let model = load.model.as_deref().unwrap_or("a model");
    let kind = load.kind.map(|kind| format!(", {kind}")).unwrap_or_default();
    let about = format!("{FAINT}{kind}, line {}{FAINT:#}", load.line);
    let mut out = format!("  {style}{word}{style:#}  {STRONG}{}{STRONG:#}{about}\n", visible(model));
    out.push_str(&nodes(&load.nodes));
    out.push_str(&string(load));
    if let Some(why) = &load.why {
        let _ = writeln!(out, "    {}", wrapped(&visible(why), 4, 6, columns()));
    }
    if load.devices.iter().any(|device| device.assigned_bytes.is_some() || device.planned_bytes.is_some()) {
        out.push_str(&table(load));
    }
    if let Some(head) = &load.head {
        let text = format!("{} are its head, which stays on {}", readable(head.bytes), head.device);
        let _ = writeln!(out, "    {FAINT}{}{FAINT:#}", wrapped(&visible(&text), 4, 6, columns()));
    }
    out.push_str(&on_cpu(load));
    out.push_str(&load.plan.as_ref().map(plan).unwrap_or_default());
    out
}

/// `node 37  UnetLoaderGGUFDisTorch2MultiGPU  high noise`
fn nodes(nodes: &[LoaderMatch]) -> String {
    let named = |node: &LoaderMatch| {
        let title = node.title.as_ref().map(|title| format!("  {title}")).unwrap_or_default();
        format!("{}  {}{title}", node.id, node.class)
    };
    match nodes {
        [] => String::new(),
        [node] => {
            let files = node.files.join(", ");
            let line = format!("node {}", named(node));
            let files =
                if files.is_empty() { String::new() } else { format!("    {FAINT}{}{FAINT:#}\n", visible(&files)) };
            format!("    {}\n{files}", wrapped(&visible(&line), 4, 6, columns()))
        }
        several => {
            let all: Vec<String> = several.iter().map(|node| node.id.clone()).collect();
            let line =
                format!("node {}: which of them is not known, since they have the same settings", all.join(" or "));
            format!("    {UNSURE}{}{UNSURE:#}\n", wrapped(&visible(&line), 4, 6, columns()))
        }
    }
}

/// The string, and how it was read.
fn string(load: &LoadReport) -> String {
    let Some(string) = &load.string else { return String::new() };
    let lent = match (load.virtual_vram_gb, &load.donor) {
        (Some(gigabytes), Some(donor)) if gigabytes > 0.0 && string.is_empty() => {
            format!("{gigabytes} GB of virtual VRAM from {donor}")
        }
        _ => String::new(),
    };
    let what = match (string.is_empty(), lent.is_empty()) {
        (false, _) => string.clone(),
        (true, false) => lent,
        (true, true) => "neither a string nor virtual VRAM".to_owned(),
    };
    let how: Vec<String> =
        mode(load).into_iter().chain(load.compute.as_ref().map(|device| format!("computed on {device}"))).collect();
    let how = if how.is_empty() { String::new() } else { format!("  ({})", how.join("; ")) };
    format!("    {}\n", wrapped(&visible(&(what + &how)), 4, 6, columns()))
}

/// What the node made of the string.
fn mode(load: &LoadReport) -> Option<String> {
    Some(match load.mode? {
        LoadMode::Nothing | LoadMode::VirtualVram => return None,
        LoadMode::Bytes => "bytes".to_owned(),
        LoadMode::GpuOnly => "bytes, the rest shared by the GPUs".to_owned(),
        LoadMode::Wildcard => format!("bytes, the rest to {}", load.wildcard.as_deref().unwrap_or("one device")),
        LoadMode::Ratio => "parts of the model".to_owned(),
        LoadMode::Fraction => "parts of the devices".to_owned(),
    })
}

/// Where it went, by device.
fn table(load: &LoadReport) -> String {
    let plan = load.plan.as_ref().filter(|plan| plan.unknown.is_none());
    let largest = load.devices.iter().flat_map(|device| [device.assigned_bytes, device.planned_bytes]).flatten().max();
    let unit = if largest.is_some_and(|bytes| gigabytes(bytes) >= 1.0) { Unit::Gb } else { Unit::Mb };
    let has_asked = load.devices.iter().any(|device| device.asked_bytes.is_some());
    let has_assigned = load.devices.iter().any(|device| device.assigned_bytes.is_some());
    let row = |cells: [(bool, String); 5]| {
        let [device, rest @ ..] = cells.map(|(is_shown, text)| if is_shown { Some(text) } else { None });
        let rest = rest.into_iter().flatten().fold(String::new(), |out, cell| out + &format!("{cell:>CELL$}"));
        format!("{:<8}{rest}", device.unwrap_or_default())
    };
    let head = ["Asked", "Planned", "Assigned", "By plan"].map(str::to_owned);
    let [asked, planned, assigned, by_plan] = head;
    let line = row([
        (true, unit.name().to_owned()),
        (has_asked, asked),
        (true, planned),
        (has_assigned, assigned),
        (plan.is_some(), by_plan),
    ]);
    let mut out = format!("    {FAINT}{line}{FAINT:#}\n");
    let all: u64 = load.devices.iter().filter_map(|device| device.assigned_bytes).fold(0, u64::saturating_add);
    for device in &load.devices {
        let by_plan = plan.and_then(|plan| plan.devices.iter().find(|planned| planned.device == device.device));
        let line = row([
            (true, visible(&device.device).into_owned()),
            (has_asked, device.asked_bytes.map_or_else(String::new, |bytes| unit.of(bytes))),
            (true, device.planned_bytes.map_or_else(String::new, |bytes| unit.rough(bytes))),
            (has_assigned, device.assigned_bytes.map_or_else(String::new, |bytes| unit.of(bytes))),
            (plan.is_some(), by_plan.map_or_else(String::new, |planned| unit.of(planned.bytes))),
        ]);
        let _ = writeln!(out, "    {line}{}", share(device, all, width(&line, 0) + 4));
    }
    out
}

/// Its share of the model, as a bar if there is room.
fn share(device: &LoadDevice, all: u64, columns_before: usize) -> String {
    let Some(bytes) = device.assigned_bytes.filter(|_| all > 0) else { return String::new() };
    if columns().is_some_and(|columns| columns < columns_before + 2 + bar::width(BAR)) {
        return String::new();
    }
    let part = gigabytes(bytes) / gigabytes(all);
    format!("  {}", bar::bar(part, BAR, if device.device == "cpu" { UNSURE } else { GOOD }))
}

/// The unit of a table.
#[derive(Clone, Copy)]
enum Unit {
    Gb,
    Mb,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Gb => "in GB",
            Self::Mb => "in MB",
        }
    }

    fn of(self, bytes: u64) -> String {
        match self {
            Self::Gb => format!("{:.2}", gigabytes(bytes)),
            Self::Mb => format!("{:.2}", gigabytes(bytes) * 1024.0),
        }
    }

    /// A size that is only known to 0.01 GB.
    fn rough(self, bytes: u64) -> String {
        match self {
            Self::Gb => self.of(bytes),
            Self::Mb => format!("{:.0}", gigabytes(bytes) * 1024.0),
        }
    }
}

/// How much is in the main memory.
fn on_cpu(load: &LoadReport) -> String {
    let (Some(cpu), Some(total)) = (load.cpu_bytes, load.total_bytes) else { return String::new() };
    let text = if cpu == 0 {
        format!("all of {} is on the GPUs", readable(total))
    } else {
        let why = if load.spills { ", though the string names only GPUs: no quota covers that" } else { "" };
        format!("{} of {} is on the CPU{why}", readable(cpu), readable(total))
    };
    let style = if load.spills { UNSURE } else { Style::new() };
    format!("    {style}{}{style:#}\n", wrapped(&text, 4, 6, columns()))
}

/// What the plan says beside it.
fn plan(plan: &PlannedLoad) -> String {
    let line = |style: Style, word: &str, text: &str| {
        format!("    {style}plan{word}{style:#}: {}\n", wrapped(&visible(text), word.len() + 10, 6, columns()))
    };
    if let Some(why) = &plan.unknown {
        return line(UNSURE, " unknown", why);
    }
    let node = match plan.repaired {
        Some(true) => ", the node repaired",
        Some(false) => ", the node as shipped",
        None => "",
    };
    let about = format!("{}{node}", plan.model.as_deref().unwrap_or("the model"));
    let mut out = if plan.agrees { line(GOOD, " agrees", &about) } else { line(UNSURE, " differs", &about) };
    for difference in &plan.differences {
        let _ = writeln!(out, "      {}", wrapped(&visible(difference), 6, 8, columns()));
    }
    out
}
