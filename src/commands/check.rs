//! `check`: says what `apply` would repair.

use anyhow::{Result, bail};

use super::{Outcome, choose, each};
use crate::cli;
use crate::install::Checkout;
use crate::repair::Repair;
use crate::report::{Screen, findings, human, proof};

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
    screen.note(&human::verdicts(&repair))?;
    if let Some(refusal) = human::refusal(&repair) {
        bail!(refusal);
    }
    let proof = arguments.proof.options().map(|options| repair.verify(&options));
    screen.note(&proof::line(proof.as_ref()))?;
    if let Some(refusal) = proof.as_ref().and_then(proof::refusal) {
        bail!(refusal);
    }
    Ok(if repair.is_needed() { Outcome::Found } else { Outcome::InOrder })
}
