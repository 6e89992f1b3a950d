//! `apply`: repairs, shows the diff, writes.

use anyhow::Result;

use super::{Outcome, choose, each, judge};
use crate::cli;
use crate::install::Checkout;
use crate::repair::{Change, Repair};
use crate::report::{Screen, diff, findings, human};
use crate::store::Staged;

pub(super) fn run(arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let checkouts = choose(&arguments.target, arguments.all)?;
    each(&checkouts, screen, |checkout, screen| apply(checkout, arguments, screen))
}

fn apply(checkout: &Checkout, arguments: &cli::Apply, screen: &mut Screen) -> Result<Outcome> {
    let target = &arguments.target;
    screen.note(&human::checkout(checkout))?;
    let repair = Repair::of(checkout, &target.fixes(), target.accounting.into())?;
    screen.print(&findings::not_understood(&repair))?;
    judge(&repair, arguments.proof.options(true).as_ref(), screen)?;
    if repair.changes.is_empty() {
        screen.note(&human::already_in_order(&repair))?;
        return Ok(Outcome::InOrder);
    }
    for change in &repair.changes {
        screen.note(&diff::coloured(&repair, change))?;
    }
    if arguments.dry_run {
        screen.note(&human::dry_run(&repair))?;
        return Ok(Outcome::InOrder);
    }
    write(&repair, checkout)?;
    screen.note(&human::written(&repair))?;
    Ok(Outcome::InOrder)
}

/// Writes every file or, where one of them cannot be written, none.
fn write(repair: &Repair, checkout: &Checkout) -> Result<()> {
    let stage = |change: &Change| {
        let old = repair.package.bytes(change.file);
        Staged::new(&checkout.root, &repair.path(change.file), old, change.text.as_bytes())
    };
    let staged = repair.changes.iter().map(stage).collect::<Result<Vec<_>>>()?;
    staged.into_iter().try_for_each(Staged::commit)
}
