//! The arguments of `workflow`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::change::{CONVERT_EXAMPLES, Convert, REVERT_EXAMPLES, Revert, SET_EXAMPLES, Set};
use super::plan::{device_size, size};
use super::shared::one_of;
use crate::allocator::Device;
use crate::models;
use crate::plan::HEADROOM;
use crate::render::{CHECKS, Format, WORKFLOWS};
use crate::report::{ChecksReport, WorkflowsReport};

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix workflow show wan2.2.json
  distorch-fix workflow show ComfyUI_00001_.png --comfyui ~/ComfyUI
  distorch-fix workflow convert wan2.2.json --string 'cuda:0,8gb;cuda:1,12gb;cpu,*'
  distorch-fix workflow set 'cuda:0,8gb;cuda:1,12gb;cpu,*' wan2.2.json
  distorch-fix workflow revert wan2.2.json";

const SHOW_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow show wan2.2.json
  distorch-fix workflow show ~/ComfyUI/user/default/workflows
  distorch-fix workflow show ComfyUI_00001_.png video_00001.mp4
  distorch-fix workflow show wan2.2.json --checkout 2.4.7

Exit codes:
  0  all files were read
  2  one could not be read";

const CHECK_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow check wan2.2.json
  distorch-fix workflow check wan2.2.json --comfyui ~/ComfyUI --vram cuda:0=12gb --vram cuda:1=16gb
  distorch-fix workflow check ~/ComfyUI/user/default/workflows --format github

Exit codes:
  0  nothing is wrong; there may be notes
  1  something is
  2  a file could not be read";

/// The arguments of `workflow`.
#[derive(Debug, Args)]
pub struct Workflow {
    /// What to do with workflows.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with workflows.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every loader node: its model, its device and its allocation string; write nothing
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Say what is wrong with the loader nodes, and what to do; write nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Give every DisTorch2 loader an allocation string
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
    /// Turn other loaders into DisTorch2 loaders; links and values stay
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(Convert),
    /// Undo what `set` and `convert` did
    #[command(after_help = REVERT_EXAMPLES)]
    Revert(Revert),
}

/// Which workflows.
#[derive(Debug, Args)]
pub struct Files {
    /// A workflow as JSON, or a file that ComfyUI saved with one: PNG, WEBP, MP4, MOV, WEBM, MKV, FLAC, safetensors. A
    /// folder stands for the JSON files in it that are workflows
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// What decides which input has which value.
#[derive(Debug, Args)]
pub struct Installation {
    /// Read the inputs of node classes from this ComfyUI [default: the one around the file or the current folder]
    #[arg(long, value_name = "PATH")]
    pub comfyui: Option<PathBuf>,

    /// Read them from this checkout of ComfyUI-MultiGPU, or take those of this release, such as 2.4.7 [default: the
    /// checkout in that ComfyUI, else the release that the workflow names]
    #[arg(long = "checkout", value_name = "PATH|VERSION")]
    pub node: Option<PathBuf>,
}

/// Where the model files are.
#[derive(Debug, Args)]
pub struct ModelFolders {
    /// The base directory that ComfyUI is started with, for its models
    #[arg(long, value_name = "PATH")]
    pub base_directory: Option<PathBuf>,

    /// A file of further model folders that ComfyUI is started with (repeatable); the one in its own folder is
    /// always read
    #[arg(long, value_name = "FILE")]
    pub extra_model_paths_config: Vec<PathBuf>,
}

impl ModelFolders {
    /// What ComfyUI is told.
    pub fn arguments(&self) -> models::Arguments {
        models::Arguments {
            base_directory: self.base_directory.clone(),
            extra_model_paths: self.extra_model_paths_config.clone(),
        }
    }
}

/// The arguments of `workflow show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Which workflows.
    #[command(flatten)]
    pub files: Files,

    /// What decides which input has which value.
    #[command(flatten)]
    pub installation: Installation,

    /// How to print the nodes
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(WORKFLOWS.iter()))]
    pub format: &'static Format<WorkflowsReport>,
}

/// The arguments of `workflow check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Which workflows.
    #[command(flatten)]
    pub files: Files,

    /// What decides which input has which value.
    #[command(flatten)]
    pub installation: Installation,

    /// Where the model files are.
    #[command(flatten)]
    pub folders: ModelFolders,

    /// The memory of a GPU (repeatable) [default: what nvidia-smi reports]
    #[arg(long, value_name = "DEVICE=SIZE", value_parser = device_size)]
    pub vram: Vec<(Device, u64)>,

    /// The main memory [default: that of this machine if nvidia-smi reports its GPUs, else 64 GB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub ram: Option<u64>,

    /// Memory to keep free on every GPU for the computation
    #[arg(long, value_name = "SIZE", default_value = HEADROOM, value_parser = size)]
    pub headroom: u64,

    /// How to print the findings
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(CHECKS.iter()))]
    pub format: &'static Format<ChecksReport>,
}
