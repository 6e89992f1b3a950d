//! `diff`: prints the patch and nothing else.

use anyhow::Result;

use super::{Outcome, choose};
use crate::cli::Target;
use crate::repair::Repair;
use crate::report::{Screen, human};

pub(super) fn run(target: &Target, screen: &mut Screen) -> Result<Outcome> {
    let mut outcome = Outcome::InOrder;
    for checkout in choose(target)? {
        let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
        if repair.not_understood() {
            screen.error(&human::nothing_written(&repair));
            outcome = Outcome::Failed;
            continue;
        }
        for change in &repair.changes {
            screen.patch(&repair, change)?;
        }
    }
    Ok(outcome)
}
