//! `diff`: prints the patch and nothing else.

use anyhow::{Result, bail};

use super::{Outcome, one};
use crate::cli;
use crate::repair::Repair;
use crate::report::{Screen, human, proof};

pub(super) fn run(arguments: &cli::Diff, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    let checkout = one(target, "help: name the one that you mean; a patch is for one checkout")?;
    let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
    if let Some(refusal) = human::refusal(&repair) {
        bail!(refusal);
    }
    if let Some(refusal) = arguments.proof.options(false).and_then(|options| proof::refusal(&repair.verify(&options))) {
        bail!(refusal);
    }
    for change in &repair.changes {
        screen.patch(&repair, change)?;
    }
    Ok(Outcome::InOrder)
}
