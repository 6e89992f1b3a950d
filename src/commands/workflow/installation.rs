//! Which classes a workflow is read with: those of the installation, or of a release.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::env;
use std::path::{self, Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow};

use crate::advice::Advise as _;
use crate::cache::Cache;
use crate::checks;
use crate::cli;
use crate::cli::workflow::ModelFolders;
use crate::inputs::{self, Classes};
use crate::install::{self, Checkout, layout};
use crate::models::{self, Folders};
use crate::workflow::Workflow;

/// The installations of some workflows, each looked for once, and read once for all workflows whose classes are known
/// already.
pub(in crate::commands) struct Installations<'a> {
    arguments: &'a cli::workflow::Installation,
    cache: Option<Cache>,
    /// By the folder of ComfyUI.
    known: HashMap<Option<PathBuf>, Known>,
}

/// What is known of an installation.
struct Known {
    installation: Rc<Installation>,
    wanted: BTreeSet<String>,
    /// None if there is no installation.
    classes: Option<Classes>,
}

/// An installation, as far as there is one.
pub(in crate::commands) struct Installation {
    /// The checkout of the node.
    pub(super) node: Option<Checkout>,
    /// The release that the user named instead.
    release: Option<String>,
    /// The folder of ComfyUI.
    pub(in crate::commands) comfyui: Option<PathBuf>,
    /// Where everything that belongs to the ComfyUI is, read when it is needed.
    layout: OnceCell<Option<layout::Installation>>,
}

impl<'a> Installations<'a> {
    pub(in crate::commands) fn new(arguments: &'a cli::workflow::Installation) -> Self {
        Self { arguments, cache: None, known: HashMap::new() }
    }

    /// With the cache of earlier answers, for commands that write nothing.
    pub(in crate::commands) fn cached(arguments: &'a cli::workflow::Installation) -> Self {
        Self { cache: Cache::of_user(), ..Self::new(arguments) }
    }

    /// The installation for a workflow in this file.
    pub(in crate::commands) fn of(&mut self, file: &Path) -> Result<Rc<Installation>> {
        Ok(Rc::clone(&self.known(file)?.installation))
    }

    /// The classes of the nodes of a workflow in this file.
    pub(in crate::commands) fn classes(&mut self, file: &Path, workflow: &Workflow) -> Result<Classes> {
        let cache = self.cache.clone();
        let known = self.known(file)?;
        let before = known.wanted.len();
        known.wanted.extend(workflow.may_load().map(str::to_owned));
        if known.wanted.len() > before {
            let wanted: Vec<&str> = known.wanted.iter().map(String::as_str).collect();
            known.classes = known.installation.classes(&wanted, cache.as_ref())?;
        }
        Ok(workflow.classes(known.classes.clone()))
    }

    fn known(&mut self, file: &Path) -> Result<&mut Known> {
        let comfyui = comfyui(self.arguments, file)?;
        if !self.known.contains_key(&comfyui) {
            let installation = Rc::new(Installation::of(self.arguments, comfyui.clone())?);
            self.known.insert(comfyui.clone(), Known { installation, wanted: BTreeSet::new(), classes: None });
        }
        self.known.get_mut(&comfyui).context("an installation that was just looked for is known")
    }
}

impl Installation {
    /// Its classes; of other packs and of ComfyUI those that are wanted. None if there is no installation.
    fn classes(&self, wanted: &[&str], cache: Option<&Cache>) -> Result<Option<Classes>> {
        let (node, comfyui) = (self.node.as_ref().map(|node| node.root.as_path()), self.comfyui.as_deref());
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

    /// Where its models are; None without a ComfyUI.
    pub(in crate::commands) fn folders(&self, named: &ModelFolders) -> Result<Option<Folders>> {
        let Some(comfyui) = &self.comfyui else { return Ok(None) };
        let mut arguments = named.arguments();
        if let Some(layout) = self.layout()
            && arguments == models::Arguments::default()
        {
            arguments = models::Arguments::of(layout);
            // ComfyUI does not start with another one; nobody named it here, so that is not an error.
            arguments.extra_model_paths.retain(|file| install::extra_model_paths(file).is_ok());
        }
        Folders::of(comfyui, &arguments).map(Some)
    }

    fn layout(&self) -> Option<&layout::Installation> {
        self.layout.get_or_init(|| layout::installation(self.comfyui.as_deref()?).ok()).as_ref()
    }

    /// The names of all folders with packs.
    pub(super) fn packs(&self) -> Vec<String> {
        let folders = self.layout().into_iter().flat_map(|layout| &layout.custom_nodes);
        folders.flat_map(|folder| checks::packs(folder)).collect()
    }

    /// The node that the user named, else the one in ComfyUI.
    fn of(arguments: &cli::workflow::Installation, comfyui: Option<PathBuf>) -> Result<Self> {
        let named_release = arguments.node.as_deref().filter(|node| !node.exists()).and_then(Path::to_str);
        if let Some(release) = named_release {
            let release = Some(release.to_owned());
            return Ok(Self { node: None, release, comfyui, layout: OnceCell::new() });
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
        Ok(Self { node, release: None, comfyui, layout: OnceCell::new() })
    }
}

/// The ComfyUI that the user named, else the one around a file, else that around the current folder.
fn comfyui(arguments: &cli::workflow::Installation, file: &Path) -> Result<Option<PathBuf>> {
    let Some(named) = &arguments.comfyui else {
        return Ok(install::comfyui_around(&path::absolute(file)?).or_else(|| within(&env::current_dir().ok()?)));
    };
    let found = within(&path::absolute(named)?).ok_or_else(|| anyhow!("{}: no ComfyUI there", named.display()));
    found.help("name the folder with its main.py").map(Some)
}

/// The ComfyUI that a folder is, or is in.
fn within(folder: &Path) -> Option<PathBuf> {
    install::comfyui_around(&folder.join("any"))
}

/// The checkout that ComfyUI loads, in or around a folder.
fn checkout(folder: &Path) -> Result<Option<Checkout>> {
    Ok(install::locate(folder)?.checkouts.into_iter().find(|checkout| !checkout.disabled))
}
