//! The arguments of `workflow`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::shared::one_of;
use crate::models;
use crate::render::{Format, WORKFLOWS};
use crate::report::WorkflowsReport;

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix workflow show wan2.2.json
  distorch-fix workflow show ComfyUI_00001_.png --comfyui ~/ComfyUI
  distorch-fix workflow convert --string 'cuda:0,8gb;cuda:1,12gb;cpu,*' wan2.2.json
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

const SET_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow set 'cuda:0,8gb;cuda:1,12gb;cpu,*' wan2.2.json
  distorch-fix workflow set 'cuda:0,8gb;cpu,*' wan2.2.json --model '*high*' --dry-run
  distorch-fix workflow set 'cuda:1,*' wan2.2.json --class '*CLIPLoader*' --device cuda:1
  distorch-fix workflow set '' ~/ComfyUI/user/default/workflows

Exit codes:
  0  every selected loader is set
  1  a loader was left as it is, or there is none
  2  a file could not be read or written";

const CONVERT_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow convert wan2.2.json --dry-run
  distorch-fix workflow convert wan2.2.json --string 'cuda:0,8gb;cuda:1,12gb;cpu,*'
  distorch-fix workflow convert ComfyUI_00001_.png --output wan2.2.json

Exit codes:
  0  every selected loader is converted, or was before
  1  a loader was left as it is, or there is none
  2  a file could not be read or written";

const REVERT_EXAMPLES: &str = "\
Examples:
  distorch-fix workflow revert wan2.2.json
  distorch-fix workflow revert wan2.2.json --dry-run

Exit codes:
  0  the edits are undone, or there are none
  2  they cannot be undone";

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

    /// A file of further model folders that ComfyUI is started with (repeatable); extra_model_paths.yaml in its folder is
    /// read without this
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

/// The arguments of `workflow set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The allocation string, as in the node; an empty one clears it
    #[arg(value_name = "STRING", allow_hyphen_values = true)]
    pub string: String,

    /// Which workflows.
    #[command(flatten)]
    pub files: Files,

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

/// The arguments of `workflow convert`.
#[derive(Debug, Args)]
pub struct Convert {
    /// Which workflows.
    #[command(flatten)]
    pub files: Files,

    /// The allocation string of the new loaders
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub string: Option<String>,

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
