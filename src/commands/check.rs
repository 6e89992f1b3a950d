//! `check`: says what `apply` would repair.

use anyhow::{Result, bail};

use super::{Outcome, choose, each};
use crate::cli::{self, Target};
use crate::install::Checkout;
use crate::repair::Repair;
use crate::report::{Screen, findings, human};

pub(super) fn run(arguments: &cli::Check, screen: &mut Screen) -> Result<Outcome> {
    let checkouts = choose(&arguments.target, arguments.all)?;
    let outcome = each(&checkouts, screen, |checkout, screen| check(checkout, &arguments.target, screen))?;
    if outcome == Outcome::Found {
        screen.note(&human::run_apply(&arguments.target, arguments.all))?;
    }
    Ok(outcome)
}

fn check(checkout: &Checkout, target: &Target, screen: &mut Screen) -> Result<Outcome> {
    screen.note(&human::checkout(checkout))?;
    let repair = Repair::of(checkout, &target.fixes(), target.accounting.into())?;
    screen.print(&findings::all(&repair))?;
    screen.note(&human::verdicts(&repair))?;
    if let Some(refusal) = human::refusal(&repair) {
        bail!(refusal);
    }
    Ok(if repair.is_needed() { Outcome::Found } else { Outcome::InOrder })
}
