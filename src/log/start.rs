//! What a log says of one start of a server.

use super::prompt::{Banner, Prompt};
use super::remark::Remark;

/// One start of a ComfyUI server, as far as its lines are in the log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// Its first line in the log.
    pub line: u64,
    /// Which of several servers in one log it is: a service of `docker compose`, or a process id.
    pub source: Option<String>,
    /// Who wrote the lines, by their prefix.
    pub container: Container,
    /// What the lines were collected with after that, by the prefix in front of the container's.
    pub collector: Option<Container>,
    /// Does the log show the beginning of this start? If not, it has been cut there, and more may have been printed.
    pub is_begun_here: bool,
    /// The version of ComfyUI.
    pub comfyui: Option<String>,
    /// The version of its frontend.
    pub frontend: Option<String>,
    /// The version of `PyTorch`.
    pub pytorch: Option<String>,
    /// The version of Python.
    pub python: Option<String>,
    /// The version of comfy-aimdo.
    pub aimdo: Option<String>,
    /// The command line, if a line shows it.
    pub arguments: Option<Vec<String>>,
    /// The devices that ComfyUI said it sees.
    pub devices: Vec<SeenDevice>,
    /// The memory of the first device.
    pub vram_bytes: Option<u64>,
    /// The memory of the machine.
    pub ram_bytes: Option<u64>,
    /// How ComfyUI manages the memory of devices, as `NORMAL_VRAM`.
    pub vram_state: Option<String>,
    /// How much memory may be pinned, if that is on.
    pub pinned_bytes: Option<u64>,
    /// Whether dynamic VRAM is on; `None` if no line says so.
    pub dynamic_vram: Option<DynamicVram>,
    /// The custom nodes that were imported, or failed to.
    pub packs: Vec<SeenPack>,
    /// The classes that the node says it has registered.
    pub mappings: Option<Vec<String>>,
    /// What the log shows of the node itself.
    pub node: NodeSeen,
    /// What the loader nodes printed, in order; the newest only if there are very many.
    pub banners: Vec<Banner>,
    /// The prompts, in the order in which they ended; the newest only if there are very many.
    pub prompts: Vec<Prompt>,
    /// Lines that matter by themselves; the newest only if there are very many.
    pub remarks: Vec<Remark>,
}

/// Who wrote the lines, or what they were collected with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Container {
    /// Standard output and error as they are, in a terminal or a file.
    #[default]
    Console,
    /// The file of ComfyUI-Manager: `[2025-01-31 12:00:00.123] `.
    Manager,
    /// An error report, or what the server shows under `/internal/logs/raw`: `2025-01-31T12:00:00.123456 - `.
    ErrorReport,
    /// A file made by `--verbose LEVEL FILE`: `[2025-01-31 12:00:00,123] [INFO] `. It never has lines of the node.
    VerboseFile,
    /// The log of ComfyUI Desktop: `[2025-01-31 12:00:00.123] [info]  `.
    Desktop,
    /// A report of old: `2025-01-31 12:00:00,123 - root - INFO - `.
    OldReport,
    /// systemd's journal, or syslog: `Jan 31 12:00:00 host python[123]: `.
    Journal,
    /// `docker logs --timestamps`: `2025-01-31T12:00:00.123456789Z `.
    Docker,
    /// `docker compose logs`: `comfyui-1  | `.
    Compose,
    /// Text quoted in an issue or a mail: `> `.
    Quote,
    /// Another time or level in front of each line.
    Timestamp,
}

/// A device that ComfyUI said it sees: `Device: cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDevice {
    /// `cuda:0`.
    pub name: String,
    /// `NVIDIA GeForce RTX 3060`; empty if the line has no name.
    pub card: String,
    /// Where.
    pub line: u64,
}

/// Whether dynamic VRAM is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DynamicVram {
    /// ComfyUI said that it is.
    Enabled,
    /// ComfyUI said that it is not.
    Disabled {
        /// The reason that it gave.
        why: String,
    },
}

/// A folder of custom nodes: `   0.1 seconds (IMPORT FAILED): /path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPack {
    /// As printed.
    pub path: String,
    /// Did its import fail?
    pub failed: bool,
    /// Why, if a line says so.
    pub why: Option<String>,
    /// Where.
    pub line: u64,
}

/// What a log shows of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeSeen {
    /// Its first line.
    pub line: Option<u64>,
    /// Its first line that is printed only when one of its `DisTorch2` loaders runs, or a model is loaded for one.
    pub used: Option<u64>,
    /// How it called itself in the newest such line, as `MultiGPU DisTorch V2`: this differs by version.
    pub prefix: Option<String>,
}
