//! `apply`: repairs, shows the diff, writes.

use std::path::Path;

use anyhow::Result;

use super::each::{Subject, View, each};
use super::in_order;
use crate::cli;
use crate::render::Screen;
use crate::report::{CheckoutReport, Command, Outcome, Report};
use crate::store::{self, Store};

pub(super) fn run(arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let mut report = Report::new(Command::Apply, target.accounting.into());
    report.dry_run = arguments.dry_run;
    let view = View {
        judges: true,
        comfyui: arguments.surroundings.comfyui.as_deref(),
        proof: arguments.proof.options(true),
        ..View::new(target, arguments.output.format)
    };
    each(report, &view, screen, |subject, report| apply(subject, arguments, report))
}

fn apply(subject: &Subject<'_>, arguments: &cli::Apply, report: &mut CheckoutReport) -> Result<Outcome> {
    report.patch(subject.repair, Path::new(""));
    if !arguments.dry_run {
        write(subject, report)?;
    }
    in_order(report)
}

/// Writes every file or, where one of them cannot be written, none.
fn write(Subject { checkout, repair, .. }: &Subject<'_>, report: &mut CheckoutReport) -> Result<()> {
    if repair.changes.is_empty() {
        store::tidy(checkout);
        return Ok(());
    }
    Store::of(checkout)?.repair(&repair.replacements())?;
    report.changes.iter_mut().for_each(|change| change.written = true);
    Ok(())
}
