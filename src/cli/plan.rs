//! The arguments of `plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use safetensors::Dtype;

use super::shared::{Accounting, one_of};
use super::workflow::{Installation, ModelFolders};
use crate::allocator::{self, Device, Policy};
use crate::plan::{Gpu, HEADROOM};
use crate::render::{Format, PLANS};
use crate::report::PlanReport;

pub(super) const EXAMPLES: &str = "\
Examples:
  distorch-fix plan 'cuda:0,12gb;cuda:1,16gb' --model wan2.2-14b:Q6_K --lora speed.safetensors --accounting offload
  distorch-fix plan 'cuda:0,50%;cpu,50%' --model model.gguf --vram cuda:0=12gb --ram 64gb
  distorch-fix plan --fit --model high.gguf --model low.gguf
  distorch-fix plan 'cuda:0,8gb;cpu,*' --model-size 11.2gb --svg plan.svg
  distorch-fix plan --workflow wan2.2.json --comfyui ~/ComfyUI --svg plan.svg

Exit codes:
  0  it fits
  1  it does not: a device gets more than it has
  2  it failed, or the answer could not be determined";

/// The arguments of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// An allocation string as in the node; one for all models, or one for each in the same order
    #[arg(value_name = "STRING", required_unless_present_any = ["fit", "workflow"])]
    pub strings: Vec<String>,

    /// A GGUF or safetensors file, an index of safetensors files, or a built-in profile such as wan2.2-14b:Q6_K
    /// (repeatable, for a workflow of several models); with --workflow, NODE=MODEL takes it instead of the file of that
    /// node, named by its id or by the name of its file
    #[arg(long, value_name = "MODEL", required_unless_present_any = ["model_size", "workflow"])]
    pub model: Vec<PathBuf>,

    /// Plan all loader nodes of a workflow, each with its own string and model file: a JSON file, or what ComfyUI saved
    #[arg(long, value_name = "FILE", conflicts_with_all = ["strings", "model_size", "lora", "weight_dtype", "clip", "compute"])]
    pub workflow: Option<PathBuf>,

    /// What decides which input has which value.
    #[command(flatten)]
    pub installation: Installation,

    /// Where the model files are.
    #[command(flatten)]
    pub folders: ModelFolders,

    /// Plan a model by its size alone; listed after those given with --model
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub model_size: Vec<u64>,

    /// The memory of a GPU (repeatable) [default: what nvidia-smi reports, else the quotas of the string]
    #[arg(long, value_name = "DEVICE=SIZE", value_parser = device_size)]
    pub vram: Vec<(Device, u64)>,

    /// The main memory [default: that of this machine if nvidia-smi reports its GPUs, else 64 GB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub ram: Option<u64>,

    /// The architecture of the compute GPU: its name (pascal, turing, ampere, ada, blackwell, …; gtx16 for the GTX 16
    /// series), its compute capability (8.6 or sm86), or AMD's name for it (gfx1100); fp32 for a ComfyUI with
    /// --force-fp32. It decides which types ComfyUI loads and computes in
    /// [default: what nvidia-smi reports, else fp16 and bf16 without fp8, as on ampere]
    #[arg(long, value_name = "ARCH", value_parser = gpu)]
    pub gpu_arch: Option<Gpu>,

    /// A LoRA file that patches the models (repeatable); its header says which layers, and each of those counts more with
    /// --accounting offload
    #[arg(long, value_name = "FILE")]
    pub lora: Vec<PathBuf>,

    /// The `weight_dtype` of the loader node, for diffusion models in safetensors files
    #[arg(long, value_name = "TYPE", default_value = "default")]
    pub weight_dtype: WeightType,

    /// What counts as the size of a layer
    #[arg(long, value_name = "WHICH", default_value = "resident")]
    pub accounting: Accounting,

    /// The node as shipped, or repaired [default: both, where they differ]
    #[arg(long, value_name = "WHICH")]
    pub mode: Option<Mode>,

    /// The models are text encoders, whose heads stay on the compute device
    #[arg(long)]
    pub clip: bool,

    /// The compute device, where the string does not name one
    #[arg(long, value_name = "DEVICE", default_value = "cuda:0", value_parser = device)]
    pub compute: Device,

    /// Propose strings that fit
    #[arg(long)]
    pub fit: bool,

    /// Memory to keep free on every device for the computation
    #[arg(long, value_name = "SIZE", default_value = HEADROOM, value_parser = size)]
    pub headroom: u64,

    /// How to print the plan
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = one_of(PLANS.iter()))]
    pub format: &'static Format<PlanReport>,

    /// Write a picture of the distribution to this file too
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

impl Plan {
    /// The policies to plan under.
    pub fn policies(&self) -> Vec<Policy> {
        match self.mode {
            None => vec![Policy::CpuFallback, Policy::GpuOnly],
            Some(Mode::Current) => vec![Policy::CpuFallback],
            Some(Mode::Repaired) => vec![Policy::GpuOnly],
        }
    }
}

/// The types that a loader node can load weights in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightType {
    /// What ComfyUI chooses
    Default,
    /// 8 bits
    #[value(name = "fp8_e4m3fn")]
    Fp8E4m3fn,
    /// The same, with multiplications in 8 bits too
    #[value(name = "fp8_e4m3fn_fast")]
    Fp8E4m3fnFast,
    /// 8 bits of another kind
    #[value(name = "fp8_e5m2")]
    Fp8E5m2,
}

impl WeightType {
    /// The type; `None` if ComfyUI chooses.
    pub fn dtype(self) -> Option<Dtype> {
        match self {
            Self::Default => None,
            Self::Fp8E4m3fn | Self::Fp8E4m3fnFast => Some(Dtype::F8_E4M3),
            Self::Fp8E5m2 => Some(Dtype::F8_E5M2),
        }
    }
}

/// Which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As shipped: what no quota covers goes to the CPU
    Current,
    /// Repaired: the listed GPUs share it
    Repaired,
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    allocator::size(text).ok_or_else(|| "a size is a number and a unit: 12gb, 1.5gb, 512mb".to_owned())
}

pub(super) fn gpu(text: &str) -> Result<Gpu, String> {
    Gpu::of_name(text)
        .ok_or_else(|| "write a name such as ampere, a compute capability such as 8.6, or gfx1100".to_owned())
}

fn device(text: &str) -> Result<Device, String> {
    let name = text.trim();
    let is_plain = !name.is_empty() && !name.contains([',', ';', '#', '=']);
    if is_plain { Ok(name.into()) } else { Err("a device is written like cuda:0".to_owned()) }
}

pub(super) fn device_size(text: &str) -> Result<(Device, u64), String> {
    let (name, bytes) = text.split_once('=').ok_or("write it like cuda:0=12gb")?;
    let device = device(name)?;
    if device.is_cpu() {
        return Err("the main memory is set with --ram".to_owned());
    }
    Ok((device, size(bytes)?))
}
