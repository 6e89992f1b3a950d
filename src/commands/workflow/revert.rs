//! `workflow revert`: undoes what `set` and `convert` did.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::cli::change::Revert;
use crate::commands::problem;
use crate::commands::revert::take_back;
use crate::render::{Human, Render as _, Screen};
use crate::report::{Ending, Outcome, ReversalReport, Subject};
use crate::revert::Reversal;
use crate::text::real_or_same;

pub(super) fn run(arguments: &Revert, screen: &mut Screen) -> Outcome {
    let mut outcome = Outcome::InOrder;
    let mut done = BTreeSet::new();
    for path in arguments.files.iter().filter(|path| done.insert(real_or_same(path))) {
        if let Err(error) = one(path, arguments.dry_run, screen) {
            screen.error(&problem(&error));
            outcome = Outcome::Failed;
        }
    }
    outcome
}

fn one(path: &Path, dry_run: bool, screen: &mut Screen) -> Result<()> {
    let store = super::edit::store(path)?;
    let reversal = Reversal::of_workflow(path, &store)?;
    let (ending, result) = take_back(&reversal, Subject::Workflow, dry_run, |replacements| store.revert(replacements));
    if ending == Ending::Nothing && !dry_run {
        store.tidy_beside();
    }
    Human.render(&ReversalReport::new(&reversal, Subject::Workflow, ending), screen)?;
    result
}
