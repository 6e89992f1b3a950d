//! Which classes a workflow is read with: those of the installation, or of a release.

use std::collections::BTreeSet;
use std::env;
use std::path::{self, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use crate::advice::Advise as _;
use crate::cache::Cache;
use crate::cli;
use crate::inputs::{self, Classes};
use crate::install;
use crate::workflow::Workflow;

/// The installations of some workflows, each read once for all workflows whose classes are known already.
#[derive(Default)]
pub(super) struct Installations {
    read: Vec<Read>,
    cache: Option<Cache>,
}

/// What was read of an installation.
struct Read {
    installation: Installation,
    wanted: BTreeSet<String>,
    /// None if there is no installation.
    classes: Option<Classes>,
}

/// An installation, as far as there is one.
#[derive(PartialEq, Eq)]
pub(super) struct Installation {
    /// The checkout of the node.
    pub(super) node: Option<PathBuf>,
    /// The release that the user named instead.
    release: Option<String>,
    /// The folder of ComfyUI.
    pub(super) comfyui: Option<PathBuf>,
}

impl Installations {
    /// With the cache of earlier answers, for commands that write nothing.
    pub(super) fn cached() -> Self {
        Self { cache: Cache::of_user(), ..Self::default() }
    }

    /// The classes of the nodes of a workflow in this file.
    pub(super) fn classes(
        &mut self,
        arguments: &cli::workflow::Installation,
        file: &Path,
        workflow: &Workflow,
    ) -> Result<Classes> {
        let installation = Installation::of(arguments, file)?;
        let at = self.read.iter().position(|read| read.installation == installation).unwrap_or_else(|| {
            self.read.push(Read { installation, wanted: BTreeSet::new(), classes: None });
            self.read.len() - 1
        });
        let read = &mut self.read[at];
        let known = read.wanted.len();
        read.wanted.extend(workflow.may_load().map(str::to_owned));
        if read.wanted.len() > known {
            let wanted: Vec<&str> = read.wanted.iter().map(String::as_str).collect();
            read.classes = read.installation.classes(&wanted, self.cache.as_ref())?;
        }
        Ok(workflow.classes(read.classes.clone()))
    }
}

impl Installation {
    /// Its classes; of other packs and of ComfyUI those that are wanted. None if there is no installation.
    fn classes(&self, wanted: &[&str], cache: Option<&Cache>) -> Result<Option<Classes>> {
        let (node, comfyui) = (self.node.as_deref(), self.comfyui.as_deref());
        let installed = || inputs::installed(node, comfyui, wanted, cache);
        let Some(release) = &self.release else {
            return Ok((node.is_some() || comfyui.is_some()).then(installed));
        };
        let of_release = Classes::of_release(release)
            .ok_or_else(|| anyhow!("{release}: neither a checkout of ComfyUI-MultiGPU nor one of its releases"))
            .help_with(|| {
                format!("name its folder, or a release such as {}", inputs::releases().next_back().unwrap_or("2.6.3"))
            })?;
        Ok(Some(if comfyui.is_some() { installed().or(of_release) } else { of_release }))
    }

    /// What the user named, else the ComfyUI around a file, else that around the current folder.
    pub(super) fn of(arguments: &cli::workflow::Installation, file: &Path) -> Result<Self> {
        let comfyui = match &arguments.comfyui {
            Some(named) => Some(
                within(&path::absolute(named)?)
                    .ok_or_else(|| anyhow!("{}: no ComfyUI there", named.display()))
                    .help("name the folder with its main.py")?,
            ),
            None => install::comfyui_around(&path::absolute(file)?).or_else(|| within(&env::current_dir().ok()?)),
        };
        let named_release = arguments.node.as_deref().filter(|node| !node.exists()).and_then(Path::to_str);
        if let Some(release) = named_release {
            let release = Some(release.to_owned());
            return Ok(Self { node: None, release, comfyui });
        }
        let node = match (&arguments.node, &comfyui) {
            (Some(named), _) => Some(
                checkout(named)?
                    .with_context(|| format!("{}: no ComfyUI-MultiGPU there", named.display()))
                    .help("name its folder")?,
            ),
            (None, Some(comfyui)) => checkout(comfyui)?,
            (None, None) => None,
        };
        Ok(Self { node, release: None, comfyui })
    }
}

/// The ComfyUI that a folder is, or is in.
fn within(folder: &Path) -> Option<PathBuf> {
    install::comfyui_around(&folder.join("any"))
}

/// The checkout that ComfyUI loads, in or around a folder.
fn checkout(folder: &Path) -> Result<Option<PathBuf>> {
    let search = install::locate(folder)?;
    Ok(search.checkouts.into_iter().find(|checkout| !checkout.disabled).map(|checkout| checkout.root))
}
