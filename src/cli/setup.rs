//! The arguments of `setup`.

use std::path::PathBuf;

use clap::Args;

use super::change::Machine;
use super::shared::one_of;
use crate::render::{Format, SETUPS};
use crate::report::SetupReport;

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix setup ~/ComfyUI --workflow wan2.2.json
  distorch-fix setup 'D:\\ComfyUI_windows_portable' --workflow wan2.2.json flux.json
  distorch-fix setup ~/ComfyUI --workflow wan2.2.json --dry-run
  distorch-fix setup ~/ComfyUI --workflow wan2.2.json --vram cuda:0=12gb --vram cuda:1=16gb
  distorch-fix setup --undo ~/ComfyUI

It shows four steps, with the command that does each alone, and asks once before it writes anything:
  1  repair the node                         distorch-fix apply
  2  set every loader of the workflows       distorch-fix workflow convert, workflow set --fit
  3  keep the repair through updates         distorch-fix guard install
  4  say what to start ComfyUI with          distorch-fix doctor

Steps that are done already stay as they are. --undo takes back what setup did, and nothing else.

Exit codes:
  0  everything is set up, or would be without --dry-run; with --undo: everything is taken back
  1  something is left to do: it was not confirmed, or a step could not be done
  2  it failed; what was done before that is said, and --undo takes it back";

/// The arguments of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// ComfyUI, the folder with `run_nvidia_gpu.bat`, the node, or any folder in or around them
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// The workflows to set up, as JSON files (repeatable)
    #[arg(long = "workflow", value_name = "FILE", num_args = 1.., conflicts_with = "undo")]
    pub workflows: Vec<PathBuf>,

    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,

    /// Show everything, ask nothing, write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,

    /// Take back what `setup` did
    #[arg(long)]
    pub undo: bool,

    /// How to print the steps
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(SETUPS.iter()))]
    pub format: &'static Format<SetupReport>,

    /// The machine.
    #[command(flatten, next_help_heading = "The machine")]
    pub machine: Machine,
}
