//! `revert`: takes a repair back.

use anyhow::{Result, bail};

use super::{Outcome, one_at};
use crate::cli;
use crate::report::{Screen, human, revert};
use crate::revert::Reversal;
use crate::store::{self, Store};

pub(super) fn run(arguments: &cli::Revert, screen: &mut Screen) -> Result<Outcome> {
    let checkout = one_at(&arguments.path, "help: name the one that you mean")?;
    screen.note(&human::checkout(&checkout))?;
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
