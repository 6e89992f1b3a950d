//! What was changed in a workflow.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Human, patch};
use crate::render::style::{FAINT, GOOD, STRONG};
use crate::render::{Render, Screen};
use crate::report::{ChangeEnding, ChangedNode, NodeFate, NodeMode, Problem, WorkflowChangeReport};
use crate::text::{counted, visible};

impl Render<WorkflowChangeReport> for Human {
    fn render(&self, report: &WorkflowChangeReport, screen: &mut Screen) -> Result<()> {
        let path = visible(&report.path);
        if report.ending == ChangeEnding::NoLoaders {
            let convertible = match report.convertible {
                0 => String::new(),
                some => format!(" (`distorch-fix workflow convert` would convert {some})"),
            };
            screen.note(&format!("{STRONG}{path}{STRONG:#}: no loader to change{convertible}\n"))?;
            return Ok(());
        }
        let mut out = format!("{STRONG}{path}{STRONG:#}\n");
        report.nodes.iter().for_each(|node| push(&mut out, node));
        screen.note(&out)?;
        if let Some(patch) = &report.patch {
            screen.note(&patch::coloured(patch))?;
        }
        screen.note(&end(report))?;
        for node in &report.nodes {
            if let NodeFate::Left { why, help } = &node.fate {
                screen.warning(&Problem {
                    message: format!("{path}: node {} was left as it is: {}", visible(&node.id), visible(why)),
                    details: Vec::new(),
                    help: vec![visible(help).into_owned()],
                    path: None,
                    place: None,
                });
            }
        }
        Ok(())
    }
}

fn push(out: &mut String, node: &ChangedNode) {
    let title = node.title.as_ref().filter(|title| **title != node.class);
    let title = title.map(|title| format!(" `{}`", visible(title))).unwrap_or_default();
    let mode = match node.mode {
        NodeMode::Active => "",
        NodeMode::Bypassed => " (bypassed)",
        NodeMode::Muted => " (muted)",
    };
    let _ = write!(out, "  {} {}{title}{mode}: ", visible(&node.id), visible(&node.class));
    let _ = match &node.fate {
        NodeFate::Changed(what) => writeln!(out, "{}", visible(&what.join(", "))),
        NodeFate::Same => writeln!(out, "{FAINT}as wanted already{FAINT:#}"),
        NodeFate::Left { .. } => writeln!(out, "left as it is"),
    };
    for note in &node.notes {
        let _ = writeln!(out, "    {FAINT}note{FAINT:#}: {}", visible(note));
    }
}

/// What was done.
fn end(report: &WorkflowChangeReport) -> String {
    let changed = report.nodes.iter().filter(|node| matches!(node.fate, NodeFate::Changed(_))).count();
    let nodes = counted(changed, "node");
    match &report.ending {
        ChangeEnding::NoLoaders | ChangeEnding::Failed => String::new(),
        ChangeEnding::Nothing => String::from("Nothing to write.\n"),
        ChangeEnding::DryRun => format!("Dry run: {nodes} to change, nothing was written.\n"),
        ChangeEnding::Written { to: Some(to), .. } => {
            format!("{GOOD}Wrote{GOOD:#} {}: {nodes} changed.\n", visible(to))
        }
        ChangeEnding::Written { to: None, is_listed } => {
            let path = visible(&report.path);
            let open = "If it is open in ComfyUI, close it there without saving and open it again: ComfyUI keeps the old \
                        version, and saving would bring that back.\n";
            format!(
                "{GOOD}Wrote{GOOD:#} {path}: {nodes} changed. `distorch-fix workflow revert` undoes it.\n{}",
                if *is_listed { open } else { "" }
            )
        }
    }
}
