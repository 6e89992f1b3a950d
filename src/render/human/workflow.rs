//! The loader nodes of workflows, as a table for each file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use anyhow::Result;

use super::Human;
use super::table::{Cell, needed, table};
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{FAINT, NEXT, STRONG, UNSURE};
use crate::render::{Render, Screen};
use crate::report::{
    InputsKnownBy, LoaderKind, LoaderNodeReport, NodeMode, PartReport, SettingOrigin, SettingReport, SettingValue,
    WorkflowForm, WorkflowReport, WorkflowsReport,
};
use crate::text::{counted, visible};

impl Render<WorkflowsReport> for Human {
    fn render(&self, report: &WorkflowsReport, screen: &mut Screen) -> Result<()> {
        for file in &report.files {
            match &file.error {
                Some(error) => screen.error(error),
                None => screen.print(&block(file))?,
            }
        }
        Ok(())
    }
}

fn block(file: &WorkflowReport) -> String {
    let path = visible(&file.path);
    let about = wrapped(&about(file), width(&path, 0) + 2, 2, columns());
    let mut out = format!("{STRONG}{path}{STRONG:#}  {FAINT}{about}{FAINT:#}\n");
    let head = ["Node", "Mode", "Class", "Model", "Device", "Allocation string"];
    let rows: Vec<[Cell; 6]> = file.loaders.iter().map(row).collect();
    if rows.is_empty() {
        // The head alone says nothing.
    } else if columns().is_none_or(|columns| needed(head, &rows) <= columns) {
        out.push_str(&table(head, rows, columns()));
    } else {
        let head = ["Node", "Class, model, device and allocation string"];
        out.push_str(&table(head, file.loaders.iter().map(stacked).collect(), columns()));
    }
    for note in notes(file) {
        let _ = writeln!(out, "{FAINT}note{FAINT:#}: {}", wrapped(&visible(&note), 6, 6, columns()));
    }
    out
}

/// A row for a narrow terminal, with everything but the id in one column.
fn stacked(node: &LoaderNodeReport) -> [Cell; 2] {
    let [id, mode, class, models, devices, strings] = row(node);
    let mut lines = class;
    if let (Some((class, _)), Some((mode, _))) = (lines.first_mut(), mode.first()) {
        let _ = write!(class, " ({mode})");
    }
    lines.extend(models);
    for (at, (device, style)) in devices.into_iter().enumerate() {
        match strings.get(at).filter(|(string, _)| !string.is_empty()) {
            Some((string, style)) => lines.push((format!("{device}  {string}"), *style)),
            None => lines.push((device, style)),
        }
    }
    [id, lines]
}

fn about(file: &WorkflowReport) -> String {
    let form = match file.form {
        Some(WorkflowForm::Api) => "for the API",
        _ => "of the frontend",
    };
    let container = file.container.filter(|name| *name != "JSON").map(|name| format!(" in {name}")).unwrap_or_default();
    let loaders = match file.loaders.len() {
        0 => String::from("no loader node"),
        some => counted(some, "loader node"),
    };
    format!("workflow {form}{container}: {loaders} of {}", counted(file.nodes, "node"))
}

fn row(node: &LoaderNodeReport) -> [Cell; 6] {
    let is_active = node.mode == NodeMode::Active;
    // What does not run is of less interest.
    let style = |style: Style| if is_active { style } else { FAINT };
    let mode = match node.mode {
        NodeMode::Active => Vec::new(),
        NodeMode::Bypassed => vec![(String::from("bypassed"), FAINT)],
        NodeMode::Muted => vec![(String::from("muted"), FAINT)],
    };
    let line = |text: &str, wanted: Style| (visible(text).into_owned(), style(wanted));
    let mut class = vec![line(&node.class, if node.kind == LoaderKind::Plain { FAINT } else { Style::new() })];
    class.extend(node.title.iter().filter(|title| **title != node.class).map(|title| line(title, FAINT)));
    let models = node.models.iter().map(|model| said(model, "none")).map(|(text, wanted)| line(&text, wanted));
    let label = |part: &PartReport| part.label.as_ref().map(|label| format!("{label} ")).unwrap_or_default();
    let devices = node.parts.iter().map(|part| {
        let (text, wanted) = said(&part.device, "none");
        line(&(label(part) + &text), wanted)
    });
    // A line for each part, or none at all.
    let has_string = node.parts.iter().any(|part| part.string.is_some());
    let strings = node.parts.iter().filter(|_| has_string).map(|part| {
        let (text, wanted) = string(part);
        line(&if text.is_empty() { text } else { label(part) + &text }, wanted)
    });
    [vec![line(&node.id, STRONG)], mode, class, models.collect(), devices.collect(), strings.collect()]
}

/// An allocation string, or what takes effect without one.
fn string(part: &PartReport) -> (String, Style) {
    let Some(string) = &part.string else { return (String::new(), FAINT) };
    let is_empty = match &string.value {
        SettingValue::Text(text) => text.is_empty(),
        _ => matches!(string.origin, SettingOrigin::Absent),
    };
    if !is_empty {
        return said(string, "none");
    }
    match part.virtual_vram.as_ref() {
        Some(SettingReport { value: SettingValue::Number(gigabytes), .. }) if *gigabytes > 0.0 => {
            let donor =
                part.donor.as_ref().map(|donor| format!(" from {}", said(donor, "nowhere").0)).unwrap_or_default();
            (format!("none; {gigabytes} GB of virtual VRAM{donor}"), FAINT)
        }
        Some(vram) if matches!(vram.origin, SettingOrigin::Linked | SettingOrigin::Unknown) => {
            (String::from("none; virtual VRAM unknown"), UNSURE)
        }
        _ => (String::from("none: not distributed"), UNSURE),
    }
}

/// A value, or why there is none.
fn said(setting: &SettingReport, nothing: &str) -> (String, Style) {
    let value = match &setting.value {
        SettingValue::Text(text) => text.clone(),
        SettingValue::Number(number) => number.to_string(),
        SettingValue::Boolean(boolean) => boolean.to_string(),
        SettingValue::None => String::from(nothing),
    };
    match setting.origin {
        SettingOrigin::Stored => (value, Style::new()),
        // The default of a device depends on the machine.
        SettingOrigin::Default if setting.value == SettingValue::None => (String::from("default"), Style::new()),
        SettingOrigin::Default => (format!("{value} (default)"), Style::new()),
        SettingOrigin::Absent => (String::from(nothing), FAINT),
        SettingOrigin::Linked => (format!("from node {}", setting.from.as_deref().unwrap_or("?")), NEXT),
        SettingOrigin::Unknown => (String::from("unknown"), UNSURE),
    }
}

/// How the positions of the values are known where the source does not say it, and why values are not known.
fn notes(file: &WorkflowReport) -> Vec<String> {
    let mut by_how: BTreeMap<&InputsKnownBy, Vec<&str>> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for node in &file.loaders {
        if !matches!(node.known_by, InputsKnownBy::Source { .. }) && node.kind != LoaderKind::Plain {
            by_how.entry(&node.known_by).or_default().push(&node.class);
        }
        let parts = node.parts.iter();
        let settings = parts.flat_map(|part| [Some(&part.device), part.string.as_ref(), part.virtual_vram.as_ref()]);
        for setting in node.models.iter().chain(settings.flatten()) {
            if let Some(why) = setting.why {
                unknown.entry(why).or_default().push(format!("`{}` of node {}", setting.input, node.id));
            }
        }
    }
    let known = by_how.into_iter().map(|(how, mut classes)| {
        classes.sort_unstable();
        classes.dedup();
        let classes = classes.join(", ");
        match how {
            InputsKnownBy::Release { release } => {
                format!("which value is which: as in release {release} of the node, for {classes}")
            }
            _ => format!(
                "which value is which: guessed from the values, as nothing says which release saved them, for {classes}"
            ),
        }
    });
    let unknown = unknown.into_iter().map(|(why, settings)| format!("unknown, because {why}: {}", settings.join(", ")));
    file.notes.iter().map(|note| (*note).to_owned()).chain(known).chain(unknown).collect()
}
