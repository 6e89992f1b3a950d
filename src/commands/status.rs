//! `status`: shows who repaired a checkout and when, and what an update would do to the repair.

use anyhow::Result;

use super::choose::{Chosen, one};
use crate::cli;
use crate::fixes::{Accounting, Fix};
use crate::pipeline::Repair;
use crate::render::{Human, Render as _, Screen};
use crate::report::{CheckoutReport, Outcome, StatusReport};
use crate::revert::Reversal;
use crate::store::Store;

pub(super) fn run(arguments: &cli::Status, screen: &mut Screen) -> Result<Outcome> {
    let Chosen { given, base, checkout } = one(&arguments.path)?;
    Human.render(&CheckoutReport::begun(&given, &base, &checkout), screen)?;
    let store = Store::of(&checkout)?;
    let reversal = Reversal::of(&checkout, &store)?;
    let repair = Repair::of(&checkout, None, Fix::ALL, Accounting::Resident)?;
    Human.render(&StatusReport::new(&checkout, &repair, &reversal, &store), screen)?;
    Ok(Outcome::InOrder)
}
