//! The arguments of `guard`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix guard install ~/ComfyUI
  distorch-fix guard status ~/ComfyUI
  distorch-fix guard remove ~/ComfyUI

An update of the node brings the old code back: ComfyUI-Manager stashes your changes before it pulls, and an update from the
registry writes over them. The guard is a folder in custom_nodes that this computer's own user puts there. ComfyUI runs it at
every start, before any node: it repairs the node as `distorch-fix apply` does, if there is a need. It never stops a start:
after 3 seconds, or on any error, it writes a line into the log, and ComfyUI goes on.

Set the environment variable DISTORCH_FIX_GUARD to off to start without it.";

/// The arguments of `guard`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct Guard {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with the guard.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put the guard into `custom_nodes`, or bring it up to date
    #[command(
        after_help = "Examples:\n  distorch-fix guard install ~/ComfyUI\n  distorch-fix guard install 'D:\\ComfyUI_windows_portable'"
    )]
    Install(Place),
    /// Show whether the guard is there, and whether it works; write nothing
    #[command(
        after_help = "Examples:\n  distorch-fix guard status ~/ComfyUI\n\nExit codes:\n  0  it is there, and works\n  1  it is not, or does not\n  2  it could not be looked at"
    )]
    Status(Place),
    /// Remove the guard; the repair stays
    #[command(after_help = "Examples:\n  distorch-fix guard remove ~/ComfyUI")]
    Remove(Place),
    /// Repair the nodes of a folder if there is a need: what the guard runs
    #[command(hide = true)]
    Run(Run),
}

/// Which installation.
#[derive(Debug, Args)]
pub struct Place {
    /// ComfyUI, its `custom_nodes`, the node's folder, or any folder in or around them
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// The arguments of `guard run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The version of distorch-fix that installed the guard
    #[arg(long, value_name = "VERSION")]
    pub installed_by: String,

    /// The ComfyUI that is starting
    #[arg(long, value_name = "PATH")]
    pub comfyui: Option<PathBuf>,

    /// The folder of node packs
    pub custom_nodes: PathBuf,
}
