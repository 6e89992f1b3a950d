//! `revert`: takes a repair back.

use anyhow::{Result, bail};

use super::choose::{Chosen, one};
use crate::cli;
use crate::report::{CheckoutReport, Outcome, Screen, human, revert};
use crate::revert::Reversal;
use crate::store::{self, Store};

pub(super) fn run(arguments: &cli::Revert, screen: &mut Screen) -> Result<Outcome> {
    let Chosen { given, base, checkout } = one(&arguments.path)?;
    screen.note(&human::header(&CheckoutReport::new(&given, &base, &checkout)))?;
    let store = Store::of(&checkout)?;
    let reversal = Reversal::of(&checkout, &store)?;
    screen.print(&revert::clashes(&reversal))?;
    if let Some(refusal) = revert::refusal(&reversal) {
        bail!(refusal);
    }
    screen.note(&revert::absences(&reversal))?;
    let replacements = reversal.replacements();
    for file in reversal.files.iter().filter(|file| file.text().is_some()) {
        screen.note(&revert::diff(file))?;
    }
    match (arguments.dry_run, replacements.is_empty()) {
        (true, _) => {}
        (false, true) => store::tidy(&checkout),
        (false, false) => store.revert(&replacements)?,
    }
    screen.note(&revert::end(&reversal, arguments.dry_run))?;
    Ok(Outcome::InOrder)
}
