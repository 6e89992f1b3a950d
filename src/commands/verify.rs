//! `verify`: runs the repaired code, or the code as it is where there is nothing to repair, over many scenarios.

use anyhow::Result;

use super::{View, each, judge};
use crate::cli;
use crate::report::{Command, Outcome, Report, Screen};

pub(super) fn run(arguments: &cli::Verify, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let report = Report::new(Command::Verify, target.accounting.into());
    let revision = arguments.history.rev.as_deref();
    let view = View { revision, proof: Some(arguments.options()), ..View::default() };
    each(report, target, &view, arguments.output.format.into(), screen, |subject, report| {
        judge(subject, report)?;
        Ok(Outcome::InOrder)
    })
}
