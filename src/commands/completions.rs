//! `completions`: prints a script that completes commands and options in a shell.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::{Cli, Completions};
use crate::render::Screen;
use crate::report::Outcome;

pub(super) fn run(arguments: &Completions, screen: &mut Screen) -> Result<Outcome> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    // Into memory first: the generator panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    screen.document(&String::from_utf8(script)?)?;
    Ok(Outcome::InOrder)
}
