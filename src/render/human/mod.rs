//! For people at a terminal: the checkout, the findings, the verdicts, and the outcome.

mod checks;
mod doctor;
mod findings;
mod guard;
mod loaders;
mod log;
mod patch;
mod plan;
mod proof;
mod revert;
mod setup;
mod status;
mod table;
mod workflow;
mod workflow_change;

use std::fmt::Write as _;
use std::io;

use anyhow::Result;

pub use self::log::{concluded, told};

use crate::comfyui::{Fit, Kind, Pair};
use crate::fixes::Status;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, INDENT, STRONG, UNSURE, label};
use crate::render::{Examined, Render, Screen};
use crate::report::{CheckoutReport, ComfyUiReport, Command, Report};
use crate::text::{counted, visible};

/// Shows things to people.
pub struct Human;

impl Render<CheckoutReport> for Human {
    fn render(&self, checkout: &CheckoutReport, screen: &mut Screen) -> Result<()> {
        Ok(screen.note(&header(checkout))?)
    }
}

impl Render<Examined<'_>> for Human {
    fn render(&self, examined: &Examined<'_>, screen: &mut Screen) -> Result<()> {
        let Examined { checkout, package, run } = examined;
        match run.command {
            Command::Diff => patches(checkout, screen)?,
            command => {
                screen.note(&header(checkout))?;
                match command {
                    Command::Check => screen.print(&findings::all(checkout, *package))?,
                    Command::Apply => screen.print(&findings::not_understood(checkout, *package))?,
                    Command::Diff | Command::Verify => {}
                }
                // `apply` has repaired its findings by the time this is read.
                let pair = checkout.pair.filter(|_| command == Command::Check);
                let pair = pair.map(|found| self::pair(found, checkout)).unwrap_or_default();
                let loaders = if command == Command::Check { loaders::lines(checkout) } else { String::new() };
                let verdicts = verdicts(checkout) + &pair + &loaders;
                screen.note(&(verdicts + &proof::line(&checkout.verification)))?;
                match command {
                    Command::Apply => changes(checkout, run.dry_run, screen)?,
                    Command::Verify => screen.note(&proof::elapsed(&checkout.verification))?,
                    Command::Check | Command::Diff => {}
                }
            }
        }
        checkout.warnings.iter().for_each(|warning| screen.warning(warning));
        Ok(())
    }
}

impl Render<Report> for Human {
    fn render(&self, report: &Report, screen: &mut Screen) -> Result<()> {
        if report.command == Command::Diff {
            return Ok(());
        }
        if report.totals.checkouts > 1 {
            screen.note(&totals(report))?;
        }
        if let Some(command) = &report.next {
            screen.note(&format!(
                "To repair: {STRONG}{command}{STRONG:#}\n           (--dry-run shows the change and writes nothing)\n"
            ))?;
        }
        Ok(())
    }
}

/// The checkout and where it belongs.
fn header(checkout: &CheckoutReport) -> String {
    let mut out = String::new();
    if checkout.is_named {
        let _ = writeln!(out, "{STRONG}{}{STRONG:#}", checkout.file.shown());
    } else {
        let disabled = if checkout.disabled { " (disabled)" } else { "" };
        let _ = writeln!(out, "{STRONG}{}{STRONG:#}{disabled} in {}", checkout.name(), checkout.root.shown());
    }
    let mut facts = vec![checkout.evidence.clone()];
    facts.extend(checkout.revision.as_ref().map(|revision| format!("as of {revision}")));
    if let Some(git) = &checkout.git {
        facts.extend(git.commit.as_deref().map(|commit| {
            let branch = git.branch.as_deref().map_or_else(|| "detached".to_owned(), |name| format!("branch {name}"));
            let describe = git.describe.as_deref().map(|describe| format!(", {describe}")).unwrap_or_default();
            format!("{branch} at {commit}{describe}")
        }));
        let state = |modified| if modified { "distorch_2.py edited since" } else { "distorch_2.py as committed" };
        facts.extend(git.modified.map(|modified| state(modified).to_owned()));
    }
    facts.extend(checkout.release.as_ref().map(|release| format!("by its code: {release}")));
    for fact in facts {
        let _ = writeln!(out, "{FAINT}  {}{FAINT:#}", visible(&fact));
    }
    if let Some(comfyui) = &checkout.comfyui {
        let _ = writeln!(out, "{FAINT}  {}{FAINT:#}", wrapped(&comfyui.sentence(), 2, 4, columns()));
    }
    out
}

/// How the checkout works with the ComfyUI.
fn pair(pair: Pair, checkout: &CheckoutReport) -> String {
    let name = "comfyui";
    if let Some(conflict) = checkout.conflicts.first() {
        let own = if checkout.reads_rightly() { "; its own places read that rightly" } else { "" };
        let own = if conflict.kind == Kind::ReplacedLoadList { own } else { "" };
        return format!("{}{BAD}broken{BAD:#}: {}{own}\n", label(name), conflict.verdict());
    }
    let fields = checkout.comfyui.as_ref().and_then(ComfyUiReport::fields);
    let with = fields.map(|fields| format!(" with items of {fields}")).unwrap_or_default();
    let (style, verdict) = match pair {
        Pair::Known(Fit::Works) => (GOOD, format!("works{with}")),
        Pair::Known(Fit::Broken) => (BAD, format!("broken{with}")),
        Pair::Known(fit @ (Fit::WorksToday | Fit::Unclear)) => (UNSURE, fit.to_string()),
        Pair::Either { four: Fit::Works, five: Fit::Works } => (GOOD, "works, with 4 fields as with 5".to_owned()),
        Pair::Either { four, five } => (UNSURE, format!("unknown ComfyUI: with 4 fields {four}, with 5 {five}")),
    };
    format!("{}{style}{verdict}{style:#}\n", label(name))
}

/// One line per fix.
fn verdicts(checkout: &CheckoutReport) -> String {
    let mut out = String::new();
    for survey in &checkout.fixes {
        let style = match survey.status {
            Status::Needed => BAD,
            Status::InOrder => GOOD,
            Status::NotApplicable => FAINT,
            Status::NotUnderstood => UNSURE,
        };
        let (fix, word) = (survey.fix.name(), survey.status.name());
        let verdict = wrapped(&survey.verdict, INDENT + word.len() + 2, INDENT, columns());
        let _ = writeln!(out, "{}{style}{word}{style:#}: {verdict}", label(fix));
    }
    out
}

/// What `apply` changes, and whether it was written.
fn changes(checkout: &CheckoutReport, dry_run: bool, screen: &mut Screen) -> io::Result<()> {
    for patch in checkout.changes.iter().filter_map(|change| change.patch.as_ref()) {
        screen.note(&patch::coloured(patch))?;
    }
    let mut out = String::new();
    let written: Vec<_> = checkout.changes.iter().filter(|change| change.written).collect();
    if checkout.error.is_some() && written.is_empty() {
        return Ok(());
    }
    if checkout.changes.is_empty() {
        let _ = writeln!(out, "{GOOD}Already in order{GOOD:#}: nothing was written to {}.", checkout.file.shown());
    } else if dry_run {
        let edits: usize = checkout.changes.iter().map(|change| change.edits).sum();
        let (edits, files) = (counted(edits, "edit"), counted(checkout.changes.len(), "file"));
        let _ = writeln!(out, "Dry run: {edits} in {files}, nothing was written.");
    } else {
        for change in written {
            let (path, edits) = (change.path.shown(), counted(change.edits, "edit"));
            let _ = writeln!(out, "{GOOD}Repaired{GOOD:#} {path} ({edits}).");
        }
        out.push_str("Restart ComfyUI: it keeps the old code until then.\n");
    }
    screen.note(&out)
}

/// What `diff` prints: the patches and nothing else, byte for byte unless standard output is a terminal.
fn patches(checkout: &CheckoutReport, screen: &mut Screen) -> io::Result<()> {
    for patch in checkout.changes.iter().filter_map(|change| change.patch.as_ref()) {
        if screen.is_terminal() {
            screen.print(&patch::coloured(patch))?;
        } else {
            screen.document(patch.plain())?;
        }
    }
    Ok(())
}

/// `3 checkouts: 1 to repair, 2 in order`.
fn totals(report: &Report) -> String {
    let totals = &report.totals;
    let done = match report.command {
        Command::Apply if report.dry_run => "would be in order",
        Command::Apply => "now in order",
        Command::Verify => "verified",
        Command::Check | Command::Diff => "in order",
    };
    let parts =
        [(totals.to_repair, BAD, "to repair"), (totals.failed, UNSURE, "failed"), (totals.in_order, GOOD, done)];
    let parts = parts.iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, style, what)| format!("{style}{count} {what}{style:#}")).collect();
    format!("{STRONG}{}{STRONG:#}: {}\n", counted(totals.checkouts, "checkout"), parts.join(", "))
}
