//! The commands: each combines the steps, and decides nothing that a step could decide.

mod apply;
mod check;
mod choose;
mod comfyuis;
mod completions;
mod diff;
mod doctor;
mod each;
mod examine;
mod guard;
mod log;
mod man;
mod next;
mod plan;
mod revert;
mod search;
mod setup;
mod status;
mod verify;
mod workflow;

use anyhow::{Error, Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::cli::{Cli, Command};
use crate::pipeline::Facts;
use crate::render::Screen;
use crate::report::{Outcome, Problem};
use crate::text;

/// Runs a command, and reports its error.
pub fn run(cli: &Cli) -> Outcome {
    let mut screen = Screen::new(cli.color.into(), cli.quiet);
    let result = match &cli.command {
        Command::Setup(arguments) => setup::run(arguments, &mut screen),
        Command::Apply(arguments) => apply::run(arguments, &mut screen),
        Command::Check(arguments) => check::run(arguments, &mut screen),
        Command::Diff(arguments) => diff::run(arguments, &mut screen),
        Command::Revert(arguments) => revert::run(arguments, &mut screen),
        Command::Status(arguments) => status::run(arguments, &mut screen),
        Command::Verify(arguments) => verify::run(arguments, &mut screen),
        Command::Plan(arguments) => plan::run(arguments, &mut screen),
        Command::Workflow(arguments) => workflow::run(arguments, &mut screen),
        Command::Doctor(arguments) => doctor::run(arguments, &mut screen),
        Command::Log(arguments) => log::run(arguments, &mut screen),
        Command::Guard(arguments) => guard::run(arguments, &mut screen),
        Command::Completions(arguments) => completions::run(arguments, &mut screen),
        Command::Man(arguments) => man::run(arguments, &mut screen),
    };
    result.unwrap_or_else(|error| {
        screen.error(&problem(&error));
        Outcome::Failed
    })
}

/// In order; fails if there are places left that are wrong for this ComfyUI.
fn in_order(facts: &Facts<'_>) -> Result<Outcome> {
    if let Some(conflict) = facts.judgement.as_ref().and_then(|judgement| judgement.conflicts.first()) {
        bail!(anyhow!("{}", conflict.message).help(&conflict.help));
    }
    if facts.stays_broken() {
        bail!(anyhow!("some places read items of 5 fields only, and this ComfyUI gives others").help(
            "update ComfyUI, or install a release of the node that was made for it; `distorch-fix check` shows the places"
        ));
    }
    Ok(Outcome::InOrder)
}

/// An error that is not about one checkout.
fn problem(error: &Error) -> Problem {
    Problem::of(error, &text::logical_dir().unwrap_or_default())
}
