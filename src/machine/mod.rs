//! The machine: its GPUs as `nvidia-smi` reports them, its memory and its system.
//!
//! `nvidia-smi` is the only program that is run, from a folder in which programs are installed and never from the current
//! one, with a time limit.

mod nvidia_smi;

use std::env;
use std::path::Path;

pub use nvidia_smi::{Card, parsed};
use nvidia_smi::{cards, program};

/// What is known of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// NVIDIA's GPUs, in the order of `nvidia-smi`; or why they are not known.
    pub gpus: Result<Vec<Card>, String>,
    /// The main memory.
    pub memory: Option<Memory>,
    /// The operating system, with its version if that is known.
    pub os: String,
    /// Is it a Linux inside of Windows? The main memory is then what Windows gives it.
    pub is_wsl: bool,
}

/// The main memory and what it is extended with, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it; in a container, what the container may use.
    pub total_bytes: u64,
    /// What programs can still get, without what the system keeps for files.
    pub free_bytes: u64,
    /// Space on a disk that extends it.
    pub swap_bytes: u64,
    /// How much of that is free.
    pub free_swap_bytes: u64,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        Self { gpus: gpus(), memory: memory(), os: os(), is_wsl: is_wsl() }
    }
}

/// NVIDIA's GPUs on this machine, in the order of `nvidia-smi`; or why they are not known.
pub fn gpus() -> Result<Vec<Card>, String> {
    let program = program().ok_or("nvidia-smi is not installed")?;
    cards(&program)
}

/// The main memory of this machine; None if the system does not tell.
pub fn memory() -> Option<Memory> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let mut memory = Memory {
        total_bytes: system.total_memory(),
        free_bytes: system.available_memory(),
        swap_bytes: system.total_swap(),
        free_swap_bytes: system.free_swap(),
    };
    if let Some(limits) = system.cgroup_limits() {
        memory.total_bytes = memory.total_bytes.min(limits.total_memory);
        memory.free_bytes = memory.free_bytes.min(limits.free_memory);
    }
    (memory.total_bytes > 0).then_some(memory)
}

fn os() -> String {
    sysinfo::System::long_os_version().unwrap_or_else(|_| env::consts::OS.to_owned())
}

fn is_wsl() -> bool {
    cfg!(target_os = "linux") && Path::new("/usr/lib/wsl/lib").is_dir()
}
