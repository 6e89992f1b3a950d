//! The arguments of `workflow set`, `convert` and `revert`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::plan::{device_size, size};
use super::workflow::{Files, Installation, ModelFolders};
use crate::allocator::Device;
use crate::plan::HEADROOM;

pub(super) const SET_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow set 'cuda:0,8gb;cuda:1,12gb;cpu,*' wan2.2.json
  distorch-fix workflow set 'cuda:0,8gb;cpu,*' wan2.2.json --model '*high*' --dry-run
  distorch-fix workflow set 'cuda:1,100%' wan2.2.json --class '*CLIPLoader*' --device cuda:1
  distorch-fix workflow set '' ~/ComfyUI/user/default/workflows
  distorch-fix workflow set --fit wan2.2.json --vram cuda:0=12gb --vram cuda:1=16gb

Exit codes:
  0  every selected loader is set
  1  a loader was left as it is, or there is none
  2  a file could not be read or written";

pub(super) const CONVERT_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow convert wan2.2.json --dry-run
  distorch-fix workflow convert wan2.2.json --string 'cuda:0,8gb;cuda:1,12gb;cpu,*'
  distorch-fix workflow convert ComfyUI_00001_.png --output wan2.2.json

Exit codes:
  0  every selected loader is converted, or was before
  1  a loader was left as it is, or there is none
  2  a file could not be read or written";

pub(super) const REVERT_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow revert wan2.2.json
  distorch-fix workflow revert wan2.2.json --dry-run

Exit codes:
  0  the edits are undone, or there are none
  2  they cannot be undone";

/// Which loaders are changed.
#[derive(Debug, Args)]
pub struct Selected {
    /// Only the node of this id, such as 37, or 12:37 inside of subgraph node 12; * stands for any text (repeatable)
    #[arg(long = "node", value_name = "ID")]
    pub nodes: Vec<String>,

    /// Only nodes of this class; * stands for any text (repeatable)
    #[arg(long = "class", value_name = "CLASS")]
    pub classes: Vec<String>,

    /// Only nodes that load this file, with or without its folder; * stands for any text (repeatable)
    #[arg(long = "model", value_name = "FILE")]
    pub models: Vec<String>,
}

/// What else the loaders are set to.
#[derive(Debug, Args)]
pub struct Further {
    /// Set their compute device too, such as cuda:0
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,

    /// Set their virtual VRAM too
    #[arg(long, value_name = "GB", value_parser = gigabytes)]
    pub virtual_vram: Option<f64>,

    /// Of loaders with an allocation for each part, set only this one
    #[arg(long, value_name = "PART", value_parser = ["unet", "clip"])]
    pub part: Option<String>,
}

/// The machine and its models, which strings are to fit.
#[derive(Debug, Args)]
pub struct Machine {
    /// The memory of a GPU (repeatable) [default: what nvidia-smi reports]
    #[arg(long, value_name = "DEVICE=SIZE", value_parser = device_size)]
    pub vram: Vec<(Device, u64)>,

    /// The main memory [default: that of this machine if nvidia-smi reports its GPUs, else 64 GB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub ram: Option<u64>,

    /// Memory to keep free on every GPU for the computation
    #[arg(long, value_name = "SIZE", default_value = HEADROOM, value_parser = size)]
    pub headroom: u64,

    /// Where the model files are.
    #[command(flatten)]
    pub folders: ModelFolders,
}

/// How it is written.
#[derive(Debug, Args)]
pub struct Writing {
    /// Show the changes, but write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Write the workflow to this new file, and leave the one that it is in as it is; for workflows in pictures and videos
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub output: Option<PathBuf>,
}

/// Which loaders are changed, and how.
#[derive(Debug, Args)]
pub struct Change {
    /// Which loaders.
    #[command(flatten)]
    pub selected: Selected,

    /// What else they are set to.
    #[command(flatten)]
    pub further: Further,

    /// How it is written.
    #[command(flatten)]
    pub writing: Writing,

    /// What decides which input has which value.
    #[command(flatten)]
    pub installation: Installation,
}

/// The arguments of `workflow set`.
#[derive(Debug, Args)]
#[command(override_usage = "distorch-fix workflow set [OPTIONS] <STRING> <FILE>...
       distorch-fix workflow set [OPTIONS] --fit <FILE>...")]
#[command(group(ArgGroup::new("sizes").args(["vram", "ram"]).multiple(true).requires("fit")))]
pub struct Set {
    /// The allocation string, as in the node; an empty one clears it
    #[arg(value_name = "STRING", allow_hyphen_values = true)]
    pub string: OsString,

    /// A workflow as JSON, or with --output a file that ComfyUI saved with one. A folder stands for the JSON files in it
    /// that are workflows
    #[arg(value_name = "FILE", required_unless_present = "fit")]
    pub files: Vec<PathBuf>,

    /// Instead of one string for all, the strings with which the workflow fits: those of `plan --workflow FILE --fit`
    #[arg(long, conflicts_with_all = ["nodes", "classes", "models", "device", "virtual_vram", "part"])]
    pub fit: bool,

    /// The machine.
    #[command(flatten, next_help_heading = "With --fit")]
    pub machine: Machine,

    /// Which loaders, and how they are changed.
    #[command(flatten)]
    pub change: Change,
}

/// The arguments of `workflow convert`.
#[derive(Debug, Args)]
pub struct Convert {
    /// Which workflows.
    #[command(flatten)]
    pub files: Files,

    /// The allocation string of the new loaders
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub string: Option<String>,

    /// Which loaders, and how they are changed.
    #[command(flatten)]
    pub change: Change,
}

/// The arguments of `workflow revert`.
#[derive(Debug, Args)]
pub struct Revert {
    /// A workflow as JSON
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Show the changes, but write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Virtual VRAM as the node takes it.
fn gigabytes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=128.0).contains(&number) => Ok(number),
        _ => Err(String::from("a number from 0 to 128")),
    }
}
