//! The command line arguments and their help.

pub mod change;
pub mod doctor;
pub mod guard;
pub mod log;
pub mod plan;
pub mod setup;
mod shared;
pub mod workflow;

use std::path::PathBuf;

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::shared::{Accounting, FindingsOutput, History, Judged, Output, Proof, Surroundings, Target};

use self::shared::engine;
use crate::cache::Cache;
use crate::verify;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Repairs ComfyUI-MultiGPU (DisTorch2) for current ComfyUI
///
/// A ComfyUI update changed the items of a list that ComfyUI-MultiGPU unpacks: DisTorch2 stops with "too many values to
/// unpack", or puts everything on one device. Whatever the byte quotas ("cuda:0,12gb;cuda:1,16gb") do not cover spills
/// onto the CPU. And ComfyUI's dynamic VRAM makes the safetensors loaders do nothing. distorch-fix finds the affected
/// code by what it does, so it works on any version. It repairs that code, and runs the result in a sandbox before
/// writing it.
#[derive(Debug, Parser)]
#[command(bin_name = "distorch-fix", version, styles = STYLES, disable_help_subcommand = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,

    /// Print only findings and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  distorch-fix setup ~/ComfyUI --workflow wan2.2.json
                                         repair the node, set the loaders, keep the repair
  distorch-fix check                     is the node here in need of repair?
  distorch-fix apply ~/ComfyUI           repair it
  distorch-fix apply --dry-run           show what apply would do, write nothing
  distorch-fix diff > repair.patch       a patch for `git apply`
  distorch-fix check --format sarif      the findings, for code scanning
  distorch-fix plan --fit --model m.gguf propose allocation strings for this model
  distorch-fix log ~/ComfyUI             did it work?

Exit codes:
  0  in order; for apply and setup: now in order, or would be without --dry-run
  1  check found something; setup left something to do; plan found that it does not fit; log shows a load that did not do what was asked
  2  it failed, or the answer could not be determined";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Do all that a ComfyUI with several GPUs needs: repair the node, set the loaders, keep the repair
    #[command(after_help = setup::EXAMPLES)]
    Setup(setup::Setup),
    /// Repair a checkout: show the diff, then write it
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// Show what `apply` would repair, and where; write nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Print what `apply` would change, as a patch for `git apply`; write nothing
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Diff),
    /// Undo a repair: restore the original text, keep later edits elsewhere in the file
    #[command(after_help = REVERT_EXAMPLES)]
    Revert(Revert),
    /// Show who repaired a checkout and when, and whether it can be updated; write nothing
    #[command(after_help = STATUS_EXAMPLES)]
    Status(Status),
    /// Run the repaired code over many more scenarios than `apply` and `check` do; write nothing
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Show where each part of a model will go, and whether it fits, without loading it
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::Plan),
    /// Show, check, set up and convert the loader nodes of workflows
    #[command(after_help = workflow::EXAMPLES)]
    Workflow(workflow::Workflow),
    /// Say what is wrong in an installation of ComfyUI with this node, and what to do; write nothing
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Doctor),
    /// Say what a log of ComfyUI shows: was each model distributed as asked?
    #[command(after_help = log::EXAMPLES)]
    Log(log::Log),
    /// Repair the node at every start of ComfyUI, so that an update does not undo the repair
    #[command(after_help = guard::EXAMPLES)]
    Guard(guard::Guard),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print a manual page, or write all of them into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(Man),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  distorch-fix apply ~/ComfyUI --dry-run
  distorch-fix apply ~/ComfyUI --fix load-list
  distorch-fix apply 'D:\\ComfyUI_windows_portable' --accounting offload";

const CHECK_EXAMPLES: &str = "\
Examples:
  distorch-fix check ~/ComfyUI/custom_nodes/ComfyUI-MultiGPU
  distorch-fix check --fix load-list && echo ready for current ComfyUI
  distorch-fix check --all ~/ComfyUI 'D:\\ComfyUI_windows_portable'
  distorch-fix check --format github";

const DIFF_EXAMPLES: &str = "\
Examples:
  distorch-fix diff ~/ComfyUI > repair.patch
  git -C ~/ComfyUI/custom_nodes/ComfyUI-MultiGPU apply ~/repair.patch";

const REVERT_EXAMPLES: &str = "\
Examples:
  distorch-fix revert ~/ComfyUI --dry-run
  distorch-fix revert ~/ComfyUI          before an update; then `distorch-fix apply` again";

const STATUS_EXAMPLES: &str = "\
Examples:
  distorch-fix status ~/ComfyUI";

const VERIFY_EXAMPLES: &str = "\
Examples:
  distorch-fix verify ~/ComfyUI
  distorch-fix verify ~/ComfyUI --scenarios 5000 --seed 7
  distorch-fix verify ~/ComfyUI --python python3";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  distorch-fix completions bash > ~/.local/share/bash-completion/completions/distorch-fix
  distorch-fix completions powershell >> $PROFILE";

const MAN_EXAMPLES: &str = "\
Examples:
  distorch-fix man check | man -l -
  distorch-fix man --into ~/.local/share/man/man1";

/// The arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Which checkouts, and what they are judged by.
    #[command(flatten)]
    pub judged: Judged,

    /// Which state of them.
    #[command(flatten)]
    pub history: History,

    /// Whether and where the repaired code is run.
    #[command(flatten)]
    pub proof: Proof,

    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// The node's folder, its file, ComfyUI, or any folder above or below
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Show everything, write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// The arguments of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The node's folder, its file, ComfyUI, or any folder above or below
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which checkouts, and which fixes.
    #[command(flatten)]
    pub target: Target,

    /// Which state of it.
    #[command(flatten)]
    pub history: History,

    /// Number of random scenarios, in addition to the fixed ones
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(..=20_000))]
    pub scenarios: u32,

    /// Seed of the random scenarios
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,

    /// Run the code in this Python (isolated, but not sandboxed) instead of the built-in sandbox
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,

    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
}

impl Verify {
    /// How to verify.
    pub fn options(&self) -> verify::Options {
        verify::Options {
            scenarios: self.scenarios as usize,
            seed: self.seed,
            crossed: true,
            engine: engine(self.python.as_ref()),
        }
    }
}

/// The arguments of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Which checkouts, and what they are judged by.
    #[command(flatten)]
    pub judged: Judged,

    /// Whether and where the result is run.
    #[command(flatten)]
    pub proof: Proof,

    /// Show everything, write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,

    /// How the report is written.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Which checkouts, and what they are judged by.
    #[command(flatten)]
    pub judged: Judged,

    /// Which state of it.
    #[command(flatten)]
    pub history: History,

    /// Treat warnings as findings, but for what only may be so
    #[arg(long)]
    pub strict: bool,

    /// Whether and where the result is run.
    #[command(flatten)]
    pub proof: Proof,

    /// Ignore the cache: run everything again
    #[arg(long)]
    pub no_cache: bool,

    /// How the report is written.
    #[command(flatten)]
    pub output: FindingsOutput,
}

impl Check {
    /// The cache of earlier answers. It is not used with the user's own Python, which may have changed.
    pub fn cache(&self) -> Option<Cache> {
        let may_be_used = !self.no_cache && self.proof.python.is_none();
        may_be_used.then(Cache::of_user).flatten()
    }
}

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// The arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The command that the page is about [default: distorch-fix itself]
    #[arg(value_name = "COMMAND")]
    pub page: Option<String>,

    /// Write all pages into this folder, replacing existing ones
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    pub into: Option<PathBuf>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::AlwaysAnsi,
            Color::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
