//! The commands: each puts the steps together, and decides nothing that a step could decide.

mod apply;
mod check;
mod diff;

use std::io;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::{Cli, Command, Target};
use crate::install::{self, Checkout, Search};
use crate::report::{self, Screen};

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
        Command::Check(target) => check::run(target, &mut screen),
        Command::Diff(target) => diff::run(target, &mut screen),
    };
    result.unwrap_or_else(|error| {
        let closed = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        // Whoever read the output has stopped reading, as `head` does: there is nobody to tell.
        if !error.chain().any(closed) {
            screen.error(&format!("{error:#}"));
        }
        Outcome::Failed
    })
}

/// The checkouts that a command is to act on: the only one, or all of them if that was asked for.
fn choose(target: &Target) -> Result<Vec<Checkout>> {
    let search = install::locate(&target.path)?;
    if search.checkouts.is_empty() {
        bail!(report::none_found(&search));
    }
    let Search { checkouts, .. } = search;
    if target.all {
        return Ok(checkouts);
    }
    // A disabled node is acted on only if it was pointed at.
    let pointed_at = checkouts.len() == 1 && is_within(target, &checkouts[0]);
    let (enabled, disabled): (Vec<_>, Vec<_>) =
        checkouts.into_iter().partition(|checkout| !checkout.disabled || pointed_at);
    match enabled.len() {
        1 => Ok(enabled),
        0 => bail!(report::all_disabled(&disabled)),
        _ => bail!(report::several_found(&enabled, &disabled)),
    }
}

fn is_within(target: &Target, checkout: &Checkout) -> bool {
    let real = |path: &std::path::Path| std::fs::canonicalize(path).ok();
    real(&target.path).zip(real(&checkout.root)).is_some_and(|(path, root)| path.starts_with(root))
}
