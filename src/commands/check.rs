//! `check`: says what `apply` would repair.

use anyhow::Result;

use super::{each, judge};
use crate::cli;
use crate::report::{Command, Outcome, Report, Screen};

pub(super) fn run(arguments: &cli::Check, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let report = Report::new(Command::Check, target.accounting.into());
    each(report, target, arguments.output.format, screen, |subject, report| {
        judge(subject.repair, arguments.proof.options(false).as_ref(), report)?;
        Ok(if subject.repair.is_needed() { Outcome::ToRepair } else { Outcome::InOrder })
    })
}
