//! `workflow`: what the loader nodes of workflows are set to.

mod files;
mod installation;
mod show;

use anyhow::Result;

use crate::cli::workflow::{Command, Workflow};
use crate::render::Screen;
use crate::report::Outcome;

pub(super) fn run(arguments: &Workflow, screen: &mut Screen) -> Result<Outcome> {
    match &arguments.command {
        Command::Show(arguments) => show::run(arguments, screen),
    }
}
