//! `revert`: undoes a repair.

use anyhow::{Error, Result, anyhow};

use super::choose::{Chosen, one};
use crate::advice::Advise as _;
use crate::cli;
use crate::render::{Human, Render as _, Screen};
use crate::report::{CheckoutReport, Ending, Outcome, ReversalReport, Subject};
use crate::revert::{FileOutcome, Reversal};
use crate::store::{self, Replacement, Store};
use crate::text::shown;

pub(super) fn run(arguments: &cli::Revert, screen: &mut Screen) -> Result<Outcome> {
    let Chosen { given, base, checkout } = one(&arguments.path)?;
    Human.render(&CheckoutReport::begun(&given, &base, &checkout), screen)?;
    let store = Store::of(&checkout)?;
    let reversal = Reversal::of(&checkout, &store)?;
    let (ending, result) =
        take_back(&reversal, Subject::Checkout, arguments.dry_run, |replacements| store.revert(replacements));
    if ending == Ending::Nothing && !arguments.dry_run {
        store::tidy(&checkout);
    }
    Human.render(&ReversalReport::new(&reversal, Subject::Checkout, ending), screen)?;
    result.map(|()| Outcome::InOrder)
}

/// Writes every file or, if one of them cannot be reverted, none.
pub(super) fn take_back(
    reversal: &Reversal,
    subject: Subject,
    dry_run: bool,
    write: impl FnOnce(&[Replacement<'_>]) -> Result<()>,
) -> (Ending, Result<()>) {
    if let Some(refusal) = refusal(reversal, subject) {
        return (Ending::Refused, Err(refusal));
    }
    let replacements = reversal.replacements();
    match (replacements.is_empty(), dry_run) {
        (true, _) => (Ending::Nothing, Ok(())),
        (false, true) => (Ending::DryRun, Ok(())),
        (false, false) => match write(&replacements) {
            Ok(()) => (Ending::Written, Ok(())),
            Err(error) => (Ending::Failed, Err(error)),
        },
    }
}

/// Why nothing can be reverted, if so, and what to do.
fn refusal(reversal: &Reversal, subject: Subject) -> Option<Error> {
    let file =
        reversal.files.iter().find(|file| matches!(file.outcome, FileOutcome::Clashing(_) | FileOutcome::TooLong))?;
    let (path, change) = (shown(&file.path), subject.change());
    Some(match &file.outcome {
        FileOutcome::Clashing(clashes) => anyhow!(
            "{path}: {} edited again since, so nothing was written",
            match clashes.len() {
                1 => format!("one place of the {change} was"),
                count => format!("{count} places of the {change} were"),
            }
        )
        .help(format!("undo those lines by hand: - is what is there now, + what was there before the {change}")),
        _ => anyhow!("{path} has grown too long to compare").help(match subject {
            Subject::Checkout => "restore the file, or install the node again",
            Subject::Workflow => "restore the file, or set its loaders again",
        }),
    })
}
