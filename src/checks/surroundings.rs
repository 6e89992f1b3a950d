//! Checking a workflow by all that is known of its installation and of the machine.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Context, Findings, Gpus, Known, check};
use crate::allocator::Device;
use crate::inputs::Classes;
use crate::loaders::Loaders;
use crate::models::Folders;
use crate::plan::devices::{self, Found};
use crate::stages::{Options, Outline, Staged};
use crate::workflow::Workflow;

/// What is known of an installation besides its classes.
pub struct Installed {
    /// What DisTorch2 does to each kind of model; or why that is not known.
    pub effects: Result<Loaders, String>,
    /// The names of the folders in `custom_nodes`; None if no checkout of the node is installed there.
    pub packs: Option<Vec<String>>,
    /// Where models are.
    pub folders: Folders,
}

/// A machine: as the user describes it, or as it is.
#[derive(Debug, Clone, Default)]
pub struct Hardware {
    /// The GPUs that the user gave.
    pub vram: Vec<(Device, u64)>,
    /// The main memory, if it is known.
    pub ram_bytes: Option<u64>,
    /// Those that were found, if the user gave none.
    pub found: Vec<Found>,
    /// Memory to keep free on every GPU for the computation.
    pub headroom_bytes: u64,
}

/// A workflow that was checked.
pub struct Checked {
    /// What is wrong with its loader nodes.
    pub findings: Findings,
    /// Where its models go, and when; or why that is not known.
    pub staged: Result<Staged, String>,
}

/// The names of the folders in one with packs.
pub fn packs(custom_nodes: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(custom_nodes).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned())
}

impl Hardware {
    /// Its GPUs, for the checks.
    pub fn gpus(&self) -> Gpus {
        if !self.vram.is_empty() {
            Gpus::All(self.vram.iter().map(|(device, _)| device.clone()).collect())
        } else if self.found.is_empty() {
            Gpus::Unknown
        } else {
            Gpus::OfKind("cuda", self.found.iter().map(|found| found.device.clone()).collect())
        }
    }

    /// Plans a workflow on it. `instead` has files to take instead of what is found.
    fn plan(&self, workflow: &Workflow, classes: &Classes, folders: Option<&Folders>) -> Result<Staged> {
        let instead: HashMap<String, PathBuf> = HashMap::new();
        let outline = Outline::of(workflow, classes, folders, &instead)?;
        let devices = devices::devices(&self.vram, self.ram_bytes, &outline.strings(), || self.found.clone())?;
        outline.plan(&devices, &Options::with_headroom(self.headroom_bytes))
    }
}

/// Plans and checks a workflow.
///
/// # Errors If subgraphs in subgraphs make too many nodes.
pub fn examine(
    workflow: &Workflow,
    classes: &Classes,
    installed: Option<&Installed>,
    hardware: &Hardware,
) -> Result<Checked> {
    let (gpus, folders) = (hardware.gpus(), installed.map(|installed| &installed.folders));
    let staged = match gpus {
        Gpus::Unknown => Err(String::from("the GPUs of the machine are not known (--vram)")),
        _ => hardware.plan(workflow, classes, folders).map_err(|error| format!("{error:#}")),
    };
    let known = Known {
        effects: installed.map(|installed| installed.effects.as_ref().map_err(Clone::clone)),
        packs: installed.and_then(|installed| installed.packs.as_deref()),
        folders,
        gpus,
        staged: Some(staged.as_ref().map_err(Clone::clone)),
    };
    let findings = check(&Context::new(workflow, classes, known)?);
    Ok(Checked { findings, staged })
}
