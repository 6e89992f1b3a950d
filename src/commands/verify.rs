//! `verify`: runs the repaired code, or the code as it is where there is nothing to repair, over many scenarios.

use anyhow::Result;

use super::{Outcome, judge, one};
use crate::cli;
use crate::repair::Repair;
use crate::report::{Screen, human, proof};

pub(super) fn run(arguments: &cli::Verify, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let checkout = one(target, "help: name the one that you mean")?;
    screen.note(&human::checkout(&checkout))?;
    let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
    let verdict = judge(&repair, Some(&arguments.options()), screen)?;
    screen.note(&verdict.as_ref().map(proof::elapsed).unwrap_or_default())?;
    Ok(Outcome::InOrder)
}
