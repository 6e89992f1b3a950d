//! `apply`: repairs, shows the diff, writes.

use anyhow::Result;

use super::{Outcome, choose};
use crate::cli;
use crate::install::Checkout;
use crate::repair::Repair;
use crate::report::{Screen, diff, human};
use crate::store;

pub(super) fn run(arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let mut outcome = Outcome::InOrder;
    for checkout in choose(&arguments.target)? {
        outcome = outcome.max(repair(&checkout, arguments, screen)?);
    }
    Ok(outcome)
}

fn repair(checkout: &Checkout, arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    screen.note(&human::checkout(checkout))?;
    let repair = Repair::of(checkout, &target.fixes(), target.accounting.into())?;
    screen.note(&human::verdicts(&repair))?;
    if repair.not_understood() {
        screen.print(&human::findings(&repair))?;
        screen.error(&human::nothing_written(&repair));
        return Ok(Outcome::Failed);
    }
    if !repair.is_needed() {
        screen.note(&human::already_in_order(&repair))?;
        return Ok(Outcome::InOrder);
    }
    for change in &repair.changes {
        screen.note(&diff::coloured(&repair, change))?;
    }
    if arguments.dry_run {
        screen.note(&human::dry_run(&repair))?;
        return Ok(Outcome::InOrder);
    }
    for change in &repair.changes {
        let old = repair.package.bytes(change.file);
        store::replace(&checkout.root, &repair.path(change.file), old, change.text.as_bytes())?;
        screen.note(&human::written(&repair, change))?;
    }
    screen.note(human::RESTART)?;
    Ok(Outcome::InOrder)
}
