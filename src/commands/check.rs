//! `check`: says what `apply` would repair.

use anyhow::Result;

use super::{Outcome, choose};
use crate::cli::Target;
use crate::repair::Repair;
use crate::report::{Screen, human};

pub(super) fn run(target: &Target, screen: &mut Screen) -> Result<Outcome> {
    let mut outcome = Outcome::InOrder;
    for checkout in choose(target)? {
        screen.note(&human::checkout(&checkout))?;
        let repair = Repair::of(&checkout, &target.fixes(), target.accounting.into())?;
        screen.print(&human::findings(&repair))?;
        screen.note(&human::verdicts(&repair))?;
        outcome = outcome.max(if repair.not_understood() {
            Outcome::Failed
        } else if repair.is_needed() {
            screen.note(&human::run_apply(target))?;
            Outcome::Found
        } else {
            Outcome::InOrder
        });
    }
    Ok(outcome)
}
