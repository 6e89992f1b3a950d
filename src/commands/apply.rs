//! `apply`: repairs, shows the diff, writes.

use anyhow::Result;

use super::{Outcome, choose, each, judge};
use crate::cli;
use crate::install::Checkout;
use crate::repair::Repair;
use crate::report::{Screen, diff, findings, human};
use crate::store::{self, Store};

pub(super) fn run(arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let checkouts = choose(&arguments.target, arguments.all)?;
    each(&checkouts, screen, |checkout, screen| apply(checkout, arguments, screen))
}

fn apply(checkout: &Checkout, arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    screen.note(&human::checkout(checkout))?;
    let repair = Repair::of(checkout, &target.fixes(), target.accounting.into())?;
    screen.print(&findings::not_understood(&repair))?;
    judge(&repair, arguments.proof.options(true).as_ref(), screen)?;
    if repair.changes.is_empty() {
        if !arguments.dry_run {
            store::tidy(checkout);
        }
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
    Store::of(checkout)?.repair(&repair.replacements())?;
    screen.note(&human::written(&repair))?;
    Ok(Outcome::InOrder)
}
