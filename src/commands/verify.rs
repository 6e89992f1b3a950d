//! `verify`: runs the repaired code, or the code as it is if there is nothing to repair, over many scenarios.

use anyhow::Result;

use super::each::{View, each};
use crate::cli;
use crate::pipeline::Acted;
use crate::render::Screen;
use crate::report::{Command, Outcome, Report};

pub(super) fn run(arguments: &cli::Verify, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let report = Report::new(Command::Verify, target.accounting.into());
    let view = View {
        revision: arguments.history.rev.as_deref(),
        proof: Some(arguments.options()),
        ..View::new(target, arguments.output.format)
    };
    Ok(each(report, &view, screen, |_, _| Acted::looked(Ok(Outcome::InOrder)))?.outcome)
}
