//! The arguments of `log`.

use std::path::PathBuf;

use clap::Args;

use super::plan::gpu;
use super::shared::one_of;
use super::workflow::{Installation, ModelFolders};
use crate::plan::Gpu;
use crate::render::{Format, LOGS};
use crate::report::LogReport;

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix log ~/ComfyUI                            the newest log of an installation
  distorch-fix log comfyui.log --workflow wan2.2.json   name the loader nodes, compare with their plan
  distorch-fix log run.txt --model high.gguf            compare with the plan of one model
  python main.py 2>&1 | distorch-fix log -              live: a verdict after each prompt
  docker logs comfyui 2>&1 | distorch-fix log - --report

Exit codes:
  0  every load did what was asked, or the log has none and says why
  1  one did not: it was to be distributed, and was not
  2  the log could not be read";

/// The arguments of `log`.
#[derive(Debug, Args)]
pub struct Log {
    /// A file with what ComfyUI printed, `-` for standard input, or an installation, whose newest log is then read: the
    /// folder of ComfyUI, or any in or around it
    #[arg(value_name = "FILE|-|PATH", default_value = ".")]
    pub source: PathBuf,

    /// Show every start of ComfyUI in detail, and let each count for the exit code, not only the newest one; judge every
    /// load of a large log
    #[arg(long)]
    pub all: bool,

    /// Show nothing until standard input ends, and then the report as for a file. Without it, a pipe is passed on to
    /// standard output as it is, and verdicts go to standard error
    #[arg(long)]
    pub report: bool,

    /// Name the loader nodes by this workflow, and compare their loads with its plan (repeatable): a JSON file, or what
    /// ComfyUI saved
    #[arg(long, value_name = "FILE")]
    pub workflow: Vec<PathBuf>,

    /// What decides which input has which value.
    #[command(flatten)]
    pub installation: Installation,

    /// Where the model files are.
    #[command(flatten)]
    pub folders: ModelFolders,

    /// Compare loads with the plan of this model (repeatable): a GGUF or safetensors file, an index of safetensors files,
    /// or a built-in profile such as wan2.2-14b:Q6_K. It is taken for those loads that have the same layers
    #[arg(long, value_name = "MODEL")]
    pub model: Vec<PathBuf>,

    /// A LoRA file that patches these models (repeatable)
    #[arg(long, value_name = "FILE")]
    pub lora: Vec<PathBuf>,

    /// The architecture of the compute GPU, as in `plan` [default: fp16 and bf16 without fp8, as on
    /// ampere]
    #[arg(long, value_name = "ARCH", value_parser = gpu)]
    pub gpu_arch: Option<Gpu>,

    /// How to print the report
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(LOGS.iter()))]
    pub format: &'static Format<LogReport>,
}
