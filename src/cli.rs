//! Every argument and its help.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::patches;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Repairs ComfyUI-MultiGPU (DisTorch2) for current ComfyUI
///
/// A ComfyUI update changed the items of a list that ComfyUI-MultiGPU unpacks: DisTorch2 stops with "too many values to
/// unpack", or puts everything on one device. And what does not fit the byte quotas ("cuda:0,12gb;cuda:1,16gb") spills
/// onto the CPU. distorch-fix finds both places by what the code does, whatever the version, and repairs them.
#[derive(Debug, Parser)]
#[command(version, styles = STYLES, disable_help_subcommand = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to colour the output
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: Color,

    /// Print findings and errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  distorch-fix check                     what is the matter with the node around here?
  distorch-fix apply ~/ComfyUI           repair it
  distorch-fix apply --dry-run           show what apply would do, write nothing
  distorch-fix diff > repair.patch       a patch for `git apply`

Exit codes:
  0  in order; for apply: now in order, or would be without --dry-run
  1  check found something that apply would repair
  2  it could not be done, or could not be told";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Repair a checkout: show the diff, then write it
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// Say what `apply` would repair, and where; write nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Print what `apply` would change, as a patch for `git apply`; write nothing
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Target),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  distorch-fix apply ~/ComfyUI --dry-run
  distorch-fix apply ~/ComfyUI --fix load-list
  distorch-fix apply 'D:\\ComfyUI_windows_portable' --accounting offload";

const CHECK_EXAMPLES: &str = "\
Examples:
  distorch-fix check ~/ComfyUI/custom_nodes/ComfyUI-MultiGPU
  distorch-fix check --fix load-list && echo ready for current ComfyUI";

const DIFF_EXAMPLES: &str = "\
Examples:
  distorch-fix diff ~/ComfyUI > repair.patch
  git -C ~/ComfyUI/custom_nodes/ComfyUI-MultiGPU apply ~/repair.patch";

/// Which checkout, and which fixes.
#[derive(Debug, Args)]
pub struct Target {
    /// The node's folder, its file, ComfyUI, or any folder above or below
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// Only this fix; may be given twice [default: both]
    #[arg(long = "fix", value_name = "FIX")]
    pub fixes: Vec<Fix>,

    /// What counts as the size of a layer
    #[arg(long, value_name = "WHICH", default_value = "resident")]
    pub accounting: Accounting,
}

impl Target {
    /// The fixes asked for, each once.
    pub fn fixes(&self) -> Vec<patches::Fix> {
        let asked = |fix: &patches::Fix| self.fixes.is_empty() || self.fixes.iter().any(|named| named.fix() == *fix);
        patches::Fix::ALL.into_iter().filter(asked).collect()
    }
}

/// The arguments of `apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// Which checkout, and which fixes.
    #[command(flatten)]
    pub target: Target,

    /// Repair every checkout that is found, disabled ones too
    #[arg(long)]
    pub all: bool,

    /// Show everything, write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Which checkout, and which fixes.
    #[command(flatten)]
    pub target: Target,

    /// Check every checkout that is found, disabled ones too
    #[arg(long)]
    pub all: bool,
}

/// A fix, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fix {
    /// Read load-list items of any number of fields
    LoadList,
    /// Share what the byte quotas leave over among the listed GPUs
    GpuOnly,
}

impl Fix {
    fn fix(self) -> patches::Fix {
        match self {
            Self::LoadList => patches::Fix::LoadList,
            Self::GpuOnly => patches::Fix::GpuOnly,
        }
    }
}

/// What counts as the size of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accounting {
    /// The bytes that its weights occupy, as upstream counts since 2.5.11
    Resident,
    /// Those and what casting or patching them costs, about three times as much for GGUF
    Offload,
}

impl From<Accounting> for patches::Accounting {
    fn from(accounting: Accounting) -> Self {
        match accounting {
            Accounting::Resident => Self::Resident,
            Accounting::Offload => Self::Offload,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
