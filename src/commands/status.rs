//! `status`: says who repaired a checkout and when, and what an update would do to that.

use anyhow::Result;

use super::choose::{Chosen, one};
use crate::cli;
use crate::fixes::{Accounting, Fix};
use crate::repair::Repair;
use crate::report::{CheckoutReport, Outcome, Screen, human, status};
use crate::revert::Reversal;
use crate::store::Store;

pub(super) fn run(arguments: &cli::Status, screen: &mut Screen) -> Result<Outcome> {
    let Chosen { given, base, checkout } = one(&arguments.path)?;
    screen.note(&human::header(&CheckoutReport::new(&given, &base, &checkout)))?;
    let store = Store::of(&checkout)?;
    let reversal = Reversal::of(&checkout, &store)?;
    let repair = Repair::of(&checkout, Fix::ALL, Accounting::Resident)?;
    screen.print(&status::status(&checkout, &repair, &reversal, &store))?;
    Ok(Outcome::InOrder)
}
