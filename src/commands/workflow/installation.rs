//! Which classes a workflow is read with: those of the installation, or of a release.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::cli;
use crate::inputs::{self, Classes};
use crate::install;
use crate::workflow::Workflow;

/// The installation, as far as there is one.
pub(super) struct Installation {
    /// The checkout of the node.
    pub(super) node: Option<PathBuf>,
    /// The folder of ComfyUI.
    pub(super) comfyui: Option<PathBuf>,
}

impl Installation {
    /// What the user named, else the ComfyUI around a file, else that around the current folder.
    pub(super) fn of(arguments: &cli::workflow::Installation, file: &Path) -> Result<Self> {
        let comfyui = match &arguments.comfyui {
            Some(named) => Some(comfyui(named)?),
            None => install::comfyui_around(&absolute(file)?).or_else(|| within(&env::current_dir().ok()?)),
        };
        let node = match (&arguments.node, &comfyui) {
            (Some(named), _) => Some(
                checkout(named)?
                    .with_context(|| format!("{}: no ComfyUI-MultiGPU there", named.display()))
                    .help("name its folder")?,
            ),
            (None, Some(comfyui)) => checkout(comfyui)?,
            (None, None) => None,
        };
        Ok(Self { node, comfyui })
    }

    /// The classes of a workflow's nodes.
    pub(super) fn classes(&self, workflow: &Workflow) -> Classes {
        let mut wanted: Vec<&str> = workflow.nodes().iter().map(|node| node.class.as_str()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        inputs::installed(self.node.as_deref(), self.comfyui.as_deref(), &wanted)
    }
}

/// The ComfyUI that a folder is, or is in.
fn within(folder: &Path) -> Option<PathBuf> {
    install::comfyui_around(&folder.join("any"))
}

fn absolute(file: &Path) -> Result<PathBuf> {
    Ok(std::path::absolute(file)?)
}

fn comfyui(named: &Path) -> Result<PathBuf> {
    match within(&absolute(named)?) {
        Some(root) => Ok(root),
        None => bail!(anyhow!("{}: no ComfyUI there", named.display()).help("name the folder with its main.py")),
    }
}

/// The checkout that ComfyUI loads, in or around a folder.
fn checkout(folder: &Path) -> Result<Option<PathBuf>> {
    let search = install::locate(folder)?;
    Ok(search.checkouts.into_iter().find(|checkout| !checkout.disabled).map(|checkout| checkout.root))
}
