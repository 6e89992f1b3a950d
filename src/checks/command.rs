//! A step as a command, to be copied.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Step;
use crate::allocator::Device;
use crate::text::quoted;

/// What a command has to be told: what the user told this one.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// `--comfyui`
    pub comfyui: Option<PathBuf>,
    /// `--checkout`
    pub checkout: Option<PathBuf>,
    /// `--vram`
    pub vram: Vec<(Device, u64)>,
    /// `--ram`
    pub ram_bytes: Option<u64>,
    /// `--headroom`, if it is not the usual one.
    pub headroom_bytes: Option<u64>,
    /// `--base-directory`
    pub base_directory: Option<PathBuf>,
    /// `--extra-model-paths-config`
    pub extra_model_paths: Vec<PathBuf>,
}

impl Step {
    /// The command for a file, with the node at this place.
    pub fn command(&self, file: &Path, node: Option<&Path>, told: &Told) -> String {
        let file = quoted(file);
        match self {
            Self::Set { string, node, part } => {
                let part = part.as_ref().map(|part| format!(" --part {part}")).unwrap_or_default();
                format!("distorch-fix workflow set \"{string}\" {file} --node {node}{part}{}", told.installation())
            }
            Self::Fit => format!("distorch-fix workflow set --fit {file}{}{}", told.installation(), told.machine()),
            // Virtual VRAM, which new loaders have, makes models unload each other; they get strings in the next step.
            Self::Convert => format!("distorch-fix workflow convert {file} --virtual-vram 0{}", told.installation()),
            Self::Apply => node.map_or_else(
                || String::from("distorch-fix apply"),
                |node| format!("distorch-fix apply {}", quoted(node)),
            ),
        }
    }
}

impl Told {
    /// The arguments that name the installation.
    pub fn installation(&self) -> String {
        let named = [("--comfyui", &self.comfyui), ("--checkout", &self.checkout)];
        named.into_iter().filter_map(|(name, path)| Some(format!(" {name} {}", quoted(path.as_ref()?)))).collect()
    }

    /// The arguments that describe the machine and its models.
    pub fn machine(&self) -> String {
        let mut out = String::new();
        for (device, bytes) in &self.vram {
            let _ = write!(out, " --vram {device}={}", size(*bytes));
        }
        if let Some(bytes) = self.ram_bytes {
            let _ = write!(out, " --ram {}", size(bytes));
        }
        if let Some(bytes) = self.headroom_bytes {
            let _ = write!(out, " --headroom {}", size(bytes));
        }
        if let Some(folder) = &self.base_directory {
            let _ = write!(out, " --base-directory {}", quoted(folder));
        }
        for file in &self.extra_model_paths {
            let _ = write!(out, " --extra-model-paths-config {}", quoted(file));
        }
        out
    }
}

/// A size as it is written, in the largest unit of which it is a whole number.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}b"),
    }
}
