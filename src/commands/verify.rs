//! `verify`: runs the repaired code, or the code as it is where there is nothing to repair, over many scenarios.

use anyhow::{Result, bail};

use super::{Outcome, one};
use crate::cli;
use crate::repair::Repair;
use crate::report::{Screen, human, proof};

pub(super) fn run(arguments: &cli::Verify, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let checkout = one(target, "help: name the one that you mean")?;
    screen.note(&human::checkout(&checkout))?;
    let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
    screen.note(&human::verdicts(&repair))?;
    if let Some(refusal) = human::refusal(&repair) {
        bail!(refusal);
    }
    let verdict = repair.verify(&arguments.options());
    screen.print(&proof::line(Some(&verdict)))?;
    if let Some(refusal) = proof::refusal(&verdict) {
        bail!("{refusal}\nhelp: the random scenarios were made from --seed {}", arguments.seed);
    }
    Ok(Outcome::InOrder)
}
