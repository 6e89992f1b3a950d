//! What `setup` does, step by step; then what became of each step, and what comes next.

use std::fmt::Write as _;

use anstyle::Style;
use anyhow::Result;

use super::Human;
use crate::render::columns::{columns, width, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, NEXT, STRONG, UNSURE};
use crate::render::{Planned, Render, Screen};
use crate::report::SetupReport;
use crate::report::setup::{SetupEnding, SetupLoader, SetupState, SetupStep};
use crate::text::{listed, visible};

/// Columns in front of everything behind the title of a step.
const INDENT: usize = 3;

/// All steps, before anything is written.
impl Render<Planned<'_>> for Human {
    fn render(&self, Planned(report): &Planned<'_>, screen: &mut Screen) -> Result<()> {
        screen.note(&head(report))?;
        for (at, step) in report.steps.iter().enumerate() {
            screen.print(&block(at + 1, step))?;
        }
        Ok(())
    }
}

/// What became of them. Those that were shown before are not shown again.
impl Render<SetupReport> for Human {
    fn render(&self, report: &SetupReport, screen: &mut Screen) -> Result<()> {
        if matches!(report.ending, SetupEnding::Done | SetupEnding::Failed) && !report.is_undo {
            screen.note(&results(report))?;
        }
        Ok(screen.print(&end(report))?)
    }
}

fn head(report: &SetupReport) -> String {
    let version =
        |version: &Option<String>| version.as_ref().map(|text| format!(" {}", visible(text))).unwrap_or_default();
    let (comfyui, node) = (version(&report.comfyui_version), version(&report.node_version));
    let what = if report.is_undo { "Taking back the setup of" } else { "Setup of" };
    let mut out = format!("{STRONG}{what} ComfyUI{comfyui} with ComfyUI-MultiGPU{node}{STRONG:#}\n");
    let _ = writeln!(out, "  in {}", report.comfyui.shown());
    for gpu in &report.gpus {
        let _ = writeln!(out, "  {}", visible(gpu));
    }
    out
}

/// A step with its number.
fn block(number: usize, step: &SetupStep) -> String {
    let (style, state) = state(step.state);
    let mut out = format!("{STRONG}{number}. {}{STRONG:#} {style}[{state}]{style:#}\n", step.title);
    let mut line = |style: Style, text: &str| {
        let _ = writeln!(out, "{:INDENT$}{style}{}{style:#}", "", wrapped(text, INDENT, INDENT, columns()));
    };
    step.about.iter().for_each(|sentence| line(Style::new(), sentence));
    step.help.iter().for_each(|sentence| line(NEXT, sentence));
    out.push_str(&loaders(&step.loaders));
    for changed in &step.lines {
        let _ =
            writeln!(out, "{:INDENT$}{NEXT}Change line {} of {} to{NEXT:#}", "", changed.line, changed.path.shown());
        // It is to be copied, so it is not wrapped.
        let _ = writeln!(out, "{:INDENT$}  {STRONG}{}{STRONG:#}", "", visible(&changed.after));
    }
    for command in &step.commands {
        let _ = writeln!(out, "{:INDENT$}{FAINT}> {}{FAINT:#}", "", visible(command));
    }
    out
}

/// The loaders: node, model, string; with the string on a line of its own where there is no room beside the model.
fn loaders(loaders: &[SetupLoader]) -> String {
    let widest = |text: fn(&SetupLoader) -> &str| loaders.iter().map(|loader| width(&visible(text(loader)), 0)).max();
    let ids = widest(|loader| &loader.id).unwrap_or(0);
    let models = widest(|loader| file(&loader.model)).unwrap_or(0);
    let strings = widest(|loader| &loader.string).unwrap_or(0);
    let is_beside = columns().is_none_or(|columns| INDENT + 2 + ids + 2 + models + 2 + strings <= columns);
    let mut out = String::new();
    for loader in loaders {
        let (id, model, string) = (visible(&loader.id), visible(file(&loader.model)), visible(&loader.string));
        let style = if loader.is_changed { GOOD } else { FAINT };
        let string = if string.is_empty() { "nothing".into() } else { string };
        let _ = write!(out, "{:INDENT$}  {id:<ids$}  {model}", "");
        let gap = if is_beside {
            " ".repeat(models - width(&model, 0) + 2)
        } else {
            format!("\n{}", " ".repeat(INDENT + 2 + ids + 2))
        };
        let _ = writeln!(out, "{gap}{style}{string}{style:#}");
    }
    out
}

/// A model's file without its folder.
fn file(model: &str) -> &str {
    model.rsplit(['/', '\\']).next().unwrap_or(model)
}

fn state(state: SetupState) -> (Style, &'static str) {
    match state {
        SetupState::ToDo => (NEXT, "to do"),
        SetupState::Done => (GOOD, "done"),
        SetupState::Already => (GOOD, "nothing to do"),
        SetupState::ForYou => (UNSURE, "for you to do"),
        SetupState::Unknown => (UNSURE, "unknown"),
        SetupState::Partly => (UNSURE, "in part"),
        SetupState::Impossible => (BAD, "not possible"),
        SetupState::Failed => (BAD, "failed"),
    }
}

/// What was done, a line for each step.
fn results(report: &SetupReport) -> String {
    let mut out = String::new();
    for (at, step) in report.steps.iter().enumerate() {
        if matches!(step.state, SetupState::Done | SetupState::Partly | SetupState::Failed | SetupState::ToDo) {
            let (style, state) = match step.state {
                SetupState::ToDo => (UNSURE, "not done"),
                SetupState::Partly => (GOOD, "done in part"),
                other => state(other),
            };
            let _ = writeln!(out, "{}. {} {style}[{state}]{style:#}", at + 1, step.title);
        }
    }
    out
}

/// What comes next.
fn end(report: &SetupReport) -> String {
    let SetupReport { command, undo, next, .. } = report;
    let mut out = String::new();
    let mut line = |text: &str| {
        let _ = writeln!(out, "{}", wrapped(text, 0, 0, columns()));
    };
    let then = format!("Start ComfyUI, queue the workflow, and `{}` tells whether it worked.", visible(next));
    match report.ending {
        _ if report.is_undo => return undo_end(report),
        SetupEnding::Nothing if report.left().is_empty() => {
            line(&format!("{GOOD}Everything is set up.{GOOD:#} {then}"));
        }
        SetupEnding::Nothing => {
            line(&format!("{UNSURE}All is done, but for step {}:{UNSURE:#} see above.", listed(report.left())));
        }
        SetupEnding::DryRun => line("Dry run: nothing was written."),
        SetupEnding::Declined => line("Nothing was written."),
        SetupEnding::NotAsked => {
            line("Nothing was written. To do all of this, run it again with --yes:");
            line(&format!("{STRONG}{} --yes{STRONG:#}", visible(command)));
        }
        SetupEnding::Done => {
            match &report.left()[..] {
                [] => line(&format!("{GOOD}Done.{GOOD:#} {then}")),
                left => line(&format!("{UNSURE}Done, but for step {}:{UNSURE:#} see above. {then}", listed(left))),
            }
            if report.may_be_open {
                line("If the workflow is open in ComfyUI, close it there without saving, and open it again.");
            }
            line(&format!("`{}` takes all of it back.", visible(undo)));
        }
        SetupEnding::Failed => {
            line(&format!(
                "{BAD}It stopped there.{BAD:#} What was done before that stays; `{}` takes it back.",
                visible(undo)
            ));
        }
    }
    out
}

fn undo_end(report: &SetupReport) -> String {
    let text = match report.ending {
        SetupEnding::Nothing if report.steps.is_empty() => "Nothing to take back: setup did nothing here.",
        SetupEnding::Nothing => "Nothing was left to take back.",
        SetupEnding::DryRun => "Dry run: nothing was written.",
        SetupEnding::Failed => "A part was left as it is.",
        _ => "All that setup did is taken back. Restart ComfyUI: it keeps the old code until then.",
    };
    wrapped(text, 0, 0, columns()) + "\n"
}
