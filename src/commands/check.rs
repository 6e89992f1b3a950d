//! `check`: says what `apply` would repair.

use anyhow::Result;

use super::{Outcome, choose, each, judge};
use crate::cli;
use crate::install::Checkout;
use crate::repair::Repair;
use crate::report::{Screen, findings, human};

pub(super) fn run(arguments: &cli::Check, screen: &mut Screen) -> Result<Outcome> {
    let checkouts = choose(&arguments.target, arguments.all)?;
    let outcome = each(&checkouts, screen, |checkout, screen| check(checkout, arguments, screen))?;
    if outcome == Outcome::Found {
        screen.note(&human::run_apply(&arguments.target, arguments.all))?;
    }
    Ok(outcome)
}

fn check(checkout: &Checkout, arguments: &cli::Check, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    screen.note(&human::checkout(checkout))?;
    let repair = Repair::of(checkout, &target.fixes(), target.accounting.into())?;
    screen.print(&findings::all(&repair))?;
    judge(&repair, arguments.proof.options(false).as_ref(), screen)?;
    Ok(if repair.is_needed() { Outcome::Found } else { Outcome::InOrder })
}
