//! `plan --workflow`: all loader nodes of a workflow at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::installation::Installations;
use crate::advice::Advise as _;
use crate::cli::plan::Plan;
use crate::plan::devices;
use crate::report::StagesReport;
use crate::stages::{self, Options, Outline};
use crate::workflow::Workflow;

/// Plans the workflow in a file.
pub(in crate::commands) fn plan(arguments: &Plan, file: &Path) -> Result<StagesReport> {
    let workflow = Workflow::open(file)?;
    let mut installations = Installations::cached(&arguments.installation);
    let installation = installations.of(file)?;
    let classes = installations.classes(file, &workflow)?;
    let folders = installation.folders(&arguments.folders)?;
    let mut outline = Outline::of(&workflow, &classes, folders.as_ref(), &instead(&arguments.model)?)?;
    outline.notes.extend(folders.into_iter().flat_map(|folders| folders.problems));
    let found = if arguments.vram.is_empty() { devices::found() } else { Vec::new() };
    let ram_bytes = arguments.ram.or_else(|| devices::ram_beside(&found));
    let devices = devices::devices(&arguments.vram, ram_bytes, &outline.strings(), || found)?;
    let options = Options {
        accounting: arguments.accounting.into(),
        policies: arguments.policies(),
        headroom_bytes: arguments.headroom,
        gpu: arguments.gpu_arch,
    };
    let staged = outline.plan(&devices, &options)?;
    let fitted = arguments.fit.then(|| stages::fit(&outline, &devices, &options)).transpose()?;
    Ok(StagesReport::new(file, staged, fitted))
}

/// `NODE=MODEL`: what to take instead of a node's file.
pub(in crate::commands) fn instead(models: &[PathBuf]) -> Result<HashMap<String, PathBuf>> {
    let pair = |model: &PathBuf| {
        let text = model.to_string_lossy();
        let (node, file) = text.split_once('=').ok_or_else(|| {
            anyhow!("{text}: which node of the workflow loads it?").help(
                "write --model 37=wan2.2-14b:Q6_K, with the id of the node or the name of its file before the `=`",
            )
        })?;
        Ok((node.to_owned(), PathBuf::from(file)))
    };
    models.iter().map(pair).collect()
}
