//! The strings with which a workflow fits a machine.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use super::installation::Installation;
use crate::cli::change::Machine;
use crate::inputs::Classes;
use crate::plan::devices::{self, Found};
use crate::stages::{self, Editable, Kind, Load, Options, Outline, Placing};
use crate::workflow::Workflow;
use crate::workflow::change::OwnString;

/// A machine that workflows are fitted to.
pub(in crate::commands) struct Fitter<'a> {
    machine: &'a Machine,
    found: Vec<Found>,
    ram_bytes: Option<u64>,
}

/// The strings of a workflow's loaders.
pub(in crate::commands) enum Fitting {
    /// Everything fits with these, also where they are what the loaders have.
    Fits(Vec<Fitted>),
    /// What fits is unknown.
    Unknown {
        /// Why.
        why: String,
        /// How many models have files that are not known, and how many models there are.
        files: (usize, usize),
        /// With these strings, loaders that distribute nothing share their models among the GPUs by their memory.
        shared: Vec<Fitted>,
    },
    /// Nothing was found with which it fits.
    Nothing,
}

/// A string for a loader, and the name of the model that it is for.
pub(in crate::commands) struct Fitted {
    pub(in crate::commands) model: String,
    pub(in crate::commands) own: OwnString,
}

impl<'a> Fitter<'a> {
    /// This machine, or the one that is described.
    pub(in crate::commands) fn new(machine: &'a Machine) -> Self {
        Self::of(machine, if machine.vram.is_empty() { devices::found() } else { Vec::new() })
    }

    /// The same, where the GPUs of this machine were looked for already; they count if none is described.
    pub(in crate::commands) fn of(machine: &'a Machine, found: Vec<Found>) -> Self {
        let found = if machine.vram.is_empty() { found } else { Vec::new() };
        let ram_bytes = machine.ram.or_else(|| devices::ram_beside(&found));
        Self { machine, found, ram_bytes }
    }

    /// Are its GPUs known?
    pub(in crate::commands) fn has_gpus(&self) -> bool {
        !(self.machine.vram.is_empty() && self.found.is_empty())
    }

    /// Finds the strings of a workflow. Fails if its loaders name what the machine does not have.
    pub(in crate::commands) fn fit(
        &self,
        workflow: &Workflow,
        classes: &Classes,
        installation: &Installation,
    ) -> Result<Fitting> {
        let folders = installation.folders(&self.machine.folders)?;
        let outline = Outline::of(workflow, classes, folders.as_ref(), &HashMap::new())?;
        let vram = &self.machine.vram;
        let devices = devices::devices(vram, self.ram_bytes, &outline.strings(), || self.found.clone())?;
        let options = Options::with_headroom(self.machine.headroom);
        let mut fitted: Vec<Option<Fitted>> = outline.loads.iter().map(own).collect();
        if fitted.iter().all(Option::is_none) {
            return Ok(Fitting::Fits(Vec::new()));
        }
        let staged = outline.plan(&devices, &options)?;
        if let Some(why) = staged.unknown.into_iter().next() {
            let shares = devices::shares(devices.machine.listed().filter(|(device, _)| !device.is_cpu()));
            for (load, fitted) in outline.loads.iter().zip(&mut fitted).filter(|(load, _)| is_idle(load)) {
                if let (Some(fitted), Some(shares), true) = (fitted, &shares, load.kind != Kind::ControlNet) {
                    fitted.own.string.clone_from(shares);
                }
            }
            let files = (outline.loads.iter().filter(|load| load.files.is_err()).count(), outline.loads.len());
            return Ok(Fitting::Unknown { why, files, shared: fitted.into_iter().flatten().collect() });
        }
        let Some(found) = stages::fit(&outline, &devices, &options)? else { return Ok(Fitting::Nothing) };
        for (model, string) in found.changes {
            fitted[model].as_mut().context("a string that is changed has a place")?.own.string = string;
        }
        Ok(Fitting::Fits(fitted.into_iter().flatten().collect()))
    }
}

/// The string that a loader has, if it has a place for one.
fn own(load: &Load) -> Option<Fitted> {
    let Editable { text, widget, .. } = load.string.as_ref()?;
    let own = OwnString { node: load.node.id.clone(), widget: *widget, string: text.clone() };
    Some(Fitted { model: load.names.first().cloned().unwrap_or_default(), own })
}

/// Does it have a GPU, and distribute nothing?
fn is_idle(load: &Load) -> bool {
    let has_gpu = load.string.as_ref().is_some_and(|string| !string.compute().is_cpu());
    has_gpu && matches!(load.placing, Ok(Placing::Whole(_) | Placing::Default))
}
