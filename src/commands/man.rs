//! `man`: prints a manual page, or writes all of them into a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::advice::Advise as _;
use crate::cli::{self, Cli};
use crate::render::Screen;
use crate::report::Outcome;

pub(super) fn run(arguments: &cli::Man, screen: &mut Screen) -> Result<Outcome> {
    let mut command = Cli::command();
    // Only then do the commands know their full names, such as `distorch-fix check`, and their common options.
    command.build();
    match &arguments.into {
        Some(folder) => write(command, folder)
            .context("cannot write the pages")
            .help_with(|| format!("check the permissions of {}", folder.display()))?,
        None => print(&command, arguments.page.as_deref(), screen)?,
    }
    Ok(Outcome::InOrder)
}

fn write(command: Command, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

fn print(command: &Command, page: Option<&str>, screen: &mut Screen) -> Result<()> {
    // A command of a command is called like its page: workflow-show.
    let mut names = page.into_iter().flat_map(|page| page.split(['-', ' ']));
    let Some(page) = names.try_fold(command, |command, name| command.find_subcommand(name)) else {
        let names: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        bail!(anyhow!("there is no such command").help(format!("the commands are {}", names.join(", "))));
    };
    let mut text = Vec::new();
    Man::new(page.clone()).render(&mut text)?;
    screen.document(&String::from_utf8(text)?)?;
    Ok(())
}
