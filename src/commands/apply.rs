//! `apply`: repairs, shows the diff, writes.

use std::path::PathBuf;

use anyhow::Result;

use super::each::{View, each};
use super::in_order;
use crate::cli;
use crate::pipeline::{Acted, Facts, Repair};
use crate::render::Screen;
use crate::report::{Command, Outcome, Report};
use crate::store::{self, Store};

pub(super) fn run(arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let judged = &arguments.judged;
    let mut report = Report::new(Command::Apply, judged.target.accounting.into());
    report.dry_run = arguments.dry_run;
    let view = View { proof: arguments.proof.options(true), ..View::judging(judged, arguments.output.format) };
    let report = each(report, &view, screen, |facts, _| {
        let written = if arguments.dry_run { Ok(false) } else { write(facts) };
        Acted {
            patches_from: Some(PathBuf::new()),
            is_written: *written.as_ref().unwrap_or(&false),
            result: written.and_then(|_| in_order(facts)),
        }
    })?;
    Ok(report.outcome)
}

/// Writes every file or, if one of them cannot be written, none. Returns whether there was anything to write.
pub(super) fn write(Facts { checkout, repair, .. }: &Facts<'_>) -> Result<bool> {
    let replacements = repair.as_ref().map(Repair::replacements).unwrap_or_default();
    if replacements.is_empty() {
        store::tidy(checkout);
        return Ok(false);
    }
    Store::of(checkout)?.repair(&replacements)?;
    Ok(true)
}
