//! `diff`: prints the patch and nothing else.

use anyhow::{Result, bail};

use super::{Outcome, one};
use crate::cli::Target;
use crate::repair::Repair;
use crate::report::{Screen, human};

pub(super) fn run(target: &Target, screen: &mut Screen) -> Result<Outcome> {
    let checkout = one(target, "help: name the one that you mean; a patch is for one checkout")?;
    let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
    if let Some(refusal) = human::refusal(&repair) {
        bail!(refusal);
    }
    for change in &repair.changes {
        screen.patch(&repair, change)?;
    }
    Ok(Outcome::InOrder)
}
