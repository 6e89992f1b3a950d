//! `workflow`: what the loader nodes of workflows are set to, and setting them.

mod check;
mod convert;
pub(super) mod edit;
mod files;
pub(super) mod fit;
pub(super) mod installation;
pub(super) mod plan;
mod revert;
pub(super) mod set;
mod show;

use anyhow::Result;

use crate::cli::workflow::{Command, Workflow};
use crate::render::Screen;
use crate::report::Outcome;

pub(super) fn run(arguments: &Workflow, screen: &mut Screen) -> Result<Outcome> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments, screen),
        Command::Set(arguments) => set::run(arguments, screen),
        Command::Convert(arguments) => convert::run(arguments, screen),
        Command::Revert(arguments) => Ok(revert::run(arguments, screen)),
        Command::Check(arguments) => check::run(arguments, screen),
    }
}
