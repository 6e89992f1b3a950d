//! `status`: says who repaired a checkout and when, and what an update would do to that.

use anyhow::Result;

use super::{Outcome, one_at};
use crate::cli;
use crate::patches::{Accounting, Fix};
use crate::repair::Repair;
use crate::report::{Screen, human, status};
use crate::revert::Reversal;
use crate::store::Store;

pub(super) fn run(arguments: &cli::Status, screen: &mut Screen) -> Result<Outcome> {
    let checkout = one_at(&arguments.path, "help: name the one that you mean")?;
    screen.note(&human::checkout(&checkout))?;
    let store = Store::of(&checkout)?;
    let reversal = Reversal::of(&checkout, &store)?;
    let repair = Repair::of(&checkout, &Fix::ALL, Accounting::Resident)?;
    screen.print(&status::status(&checkout, &repair, &reversal, &store))?;
    Ok(Outcome::InOrder)
}
