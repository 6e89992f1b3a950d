//! `check`: shows what `apply` would repair.

use anyhow::Result;

use super::each::{View, each};
use crate::cli;
use crate::pipeline::Acted;
use crate::render::Screen;
use crate::report::{Command, Outcome, Report};

pub(super) fn run(arguments: &cli::Check, screen: &mut Screen) -> Result<Outcome> {
    Ok(report(arguments, screen)?.outcome)
}

/// Checks, and shows what it found.
pub(super) fn report(arguments: &cli::Check, screen: &mut Screen) -> Result<Report> {
    let judged = &arguments.judged;
    let report = Report::new(Command::Check, judged.target.accounting.into());
    let view = View {
        revision: arguments.history.rev.as_deref(),
        proof: arguments.proof.options(false),
        cache: arguments.cache(),
        ..View::judging(judged, arguments.output.format)
    };
    each(report, &view, screen, |facts, _| {
        let is_warned = arguments.strict && facts.is_warned();
        let found = facts.is_needed() || facts.stays_broken() || is_warned;
        Acted::looked(Ok(if found { Outcome::Found } else { Outcome::InOrder }))
    })
}
