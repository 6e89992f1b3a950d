//! The commands: each puts the steps together, and decides nothing that a step could decide.

mod apply;
mod check;
mod diff;
mod revert;
mod status;
mod verify;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Error, Result, bail};

use crate::cli::{Cli, Command, Target};
use crate::install::{self, Checkout};
use crate::repair::Repair;
use crate::report::{Screen, human, proof, search};
use crate::verify::{Options, Verdict};

/// How a run ended. The only place where exit codes are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Everything is in order.
    InOrder,
    /// There is something to repair.
    Found,
    /// It could not be done, or could not be told.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::InOrder => 0,
            Outcome::Found => 1,
            Outcome::Failed => 2,
        })
    }
}

/// Runs what was asked for, and reports what went wrong.
pub fn run(cli: &Cli) -> Outcome {
    let mut screen = Screen::new(cli.color, cli.quiet);
    let result = match &cli.command {
        Command::Apply(arguments) => apply::run(arguments, &mut screen),
        Command::Check(arguments) => check::run(arguments, &mut screen),
        Command::Diff(arguments) => diff::run(arguments, &mut screen),
        Command::Revert(arguments) => revert::run(arguments, &mut screen),
        Command::Status(arguments) => status::run(arguments, &mut screen),
        Command::Verify(arguments) => verify::run(arguments, &mut screen),
    };
    result.unwrap_or_else(|error| {
        // Whoever read the output has stopped reading, as `head` does: there is nobody to tell.
        if !is_closed_pipe(&error) {
            screen.error(&error);
        }
        Outcome::Failed
    })
}

/// Acts on one checkout after the other. What goes wrong with one does not keep the others from their turn.
fn each(
    checkouts: &[Checkout],
    screen: &mut Screen,
    act: impl Fn(&Checkout, &mut Screen) -> Result<Outcome>,
) -> Result<Outcome> {
    let mut worst = Outcome::InOrder;
    for checkout in checkouts {
        worst = worst.max(match act(checkout, screen) {
            Err(error) if !is_closed_pipe(&error) => {
                screen.error(&error);
                Outcome::Failed
            }
            result => result?,
        });
    }
    Ok(worst)
}

/// Says what each fix found and what running it came to; fails where a repair was not understood or not verified.
fn judge(repair: &Repair, options: Option<&Options>, screen: &mut Screen) -> Result<Option<Verdict>> {
    if let Some(refusal) = human::refusal(repair) {
        screen.note(&human::verdicts(repair))?;
        bail!(refusal);
    }
    let verdict = options.map(|options| repair.verify(options));
    screen.note(&(human::verdicts(repair) + &proof::line(verdict.as_ref())))?;
    if let Some(refusal) = verdict.as_ref().and_then(proof::refusal) {
        bail!(refusal);
    }
    Ok(verdict)
}

fn is_closed_pipe(error: &Error) -> bool {
    let is_closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is_closed)
}

/// The checkouts to act on: the one that is meant, or all of them if that was asked for.
fn choose(target: &Target, all: bool) -> Result<Vec<Checkout>> {
    if all {
        return found(&target.path);
    }
    one(target, "help: name the one that you mean, or use --all").map(|checkout| vec![checkout])
}

/// The one checkout that is meant; the `help` is for when that is not clear.
fn one(target: &Target, help: &str) -> Result<Checkout> {
    one_at(&target.path, help)
}

/// The one checkout that a path means.
fn one_at(path: &Path, help: &str) -> Result<Checkout> {
    let mut checkouts = found(path)?;
    // A disabled node is acted on only if it was pointed at.
    let pointed_at = checkouts.len() == 1 && is_within(path, &checkouts[0]);
    match checkouts.iter().filter(|checkout| !checkout.disabled || pointed_at).count() {
        // Enabled ones come first.
        1 => Ok(checkouts.swap_remove(0)),
        0 => bail!("{}\n{help}", search::all_disabled(&checkouts)),
        _ => bail!("{}\n{help}", search::several_found(&checkouts)),
    }
}

/// Every checkout that the user may mean, enabled ones first.
fn found(path: &Path) -> Result<Vec<Checkout>> {
    let search = install::locate(path)?;
    if search.checkouts.is_empty() {
        bail!(search::none_found(&search));
    }
    Ok(search.checkouts)
}

fn is_within(path: &Path, checkout: &Checkout) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(path).zip(real(&checkout.root)).is_some_and(|(path, root)| path.starts_with(root))
}
