//! Everything that is known of an installation. Each part may be missing, with a reason.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Known;
use crate::checks::{self, Told};
use crate::comfyui::{self, Conflict, Pair};
use crate::fixes::{Fix, Site};
use crate::inputs::Classes;
use crate::install::Checkout;
use crate::install::launch::Launch;
use crate::install::layout::Installation;
use crate::install::python::Packages;
use crate::loaders::Loaders;
use crate::log::{Log, Start};
use crate::machine::{Card, Machine, numbered};
use crate::models::Arguments;
use crate::pipeline::Repair;
use crate::revert::Reversal;
use crate::stages::Staged;
use crate::workflow::Workflow;

/// Everything that is known of an installation.
pub struct Facts {
    /// Where everything is, and how ComfyUI is started.
    pub installation: Installation,
    /// The node.
    pub node: Known<NodeFacts>,
    /// ComfyUI.
    pub comfyui: Known<comfyui::Facts>,
    /// The packages in its Python.
    pub packages: Known<Packages>,
    /// The folders in its `custom_nodes`, by name.
    pub packs: Known<Vec<Pack>>,
    /// The machine.
    pub machine: Machine,
    /// The workflows that were named, or else the newest ones.
    pub workflows: Vec<WorkflowFacts>,
    /// The log.
    pub log: Known<LogFacts>,
}

/// What is known of the node.
pub struct NodeFacts {
    /// Where it is.
    pub checkout: Checkout,
    /// How it was installed, which decides what an update does.
    pub source: NodeSource,
    /// Further checkouts that ComfyUI loads.
    pub others: Vec<PathBuf>,
    /// When one of its Python files was changed last.
    pub changed: Option<SystemTime>,
    /// What its code shows.
    pub code: Known<NodeCode>,
}

/// How a node was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeSource {
    /// It is a clone.
    Git,
    /// From the registry of ComfyUI: an update overwrites its files.
    Registry,
    /// Copied there.
    Copied,
}

/// What the code of a node shows.
pub struct NodeCode {
    /// Its files, and what the fixes found in them.
    pub repair: Repair,
    /// How its places that read load lists work with this ComfyUI; None if it has none.
    pub pair: Option<Pair>,
    /// What else is incompatible, and not repaired by `apply`.
    pub conflicts: Vec<Conflict>,
    /// Which of its loaders act, and which have no effect; None if ComfyUI was not read.
    pub loaders: Option<Loaders>,
    /// What is known of a repair of it.
    pub reversal: Known<Reversal>,
}

/// A folder in `custom_nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The name of the folder.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// Does ComfyUI leave it out?
    pub is_disabled: bool,
}

/// What is known of a workflow.
pub struct WorkflowFacts {
    /// Its file.
    pub path: PathBuf,
    /// What is in it, if it could be read.
    pub read: Known<ReadWorkflow>,
}

/// A workflow that could be read.
pub struct ReadWorkflow {
    /// The workflow.
    pub workflow: Workflow,
    /// The classes of its nodes.
    pub classes: Classes,
    /// What the checks of workflows found.
    pub findings: checks::Findings,
    /// Where its models go, and when.
    pub staged: Known<Staged>,
}

/// What is known of the log.
#[derive(Debug)]
pub struct LogFacts {
    /// Its file.
    pub path: PathBuf,
    /// What it says.
    pub log: Log,
    /// Why it is not about the installation as it is now; None if it is.
    pub outdated: Option<String>,
}

impl Facts {
    /// The last start in the log, if the log is about the installation as it is now.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn last_start(&self) -> Result<&Start, String> {
        let facts = self.log.get()?;
        if let Some(why) = &facts.outdated {
            return Err(why.clone());
        }
        facts.log.starts.last().ok_or_else(|| String::from("the log has no lines of a ComfyUI"))
    }

    /// The version of a package in its Python; None if it is not installed.
    ///
    /// # Errors
    ///
    /// Why the packages are unknown.
    pub fn package(&self, name: &str) -> Result<Option<&str>, String> {
        Ok(self.packages.get()?.version(name))
    }

    /// What commands about this installation have to be told.
    pub fn told(&self) -> Told {
        let arguments = Arguments::of(&self.installation);
        Told {
            comfyui: Some(self.installation.comfyui.clone()),
            checkout: self.node.ok().map(|node| node.checkout.root.clone()).filter(|node| !self.is_inside(node)),
            base_directory: arguments.base_directory,
            extra_model_paths: arguments.extra_model_paths,
            ..Told::default()
        }
    }

    /// Is a checkout one that is found by the folder of ComfyUI?
    fn is_inside(&self, node: &Path) -> bool {
        node.starts_with(&self.installation.comfyui)
    }

    /// The name that torch has for a GPU; or why it is unknown.
    pub fn device_of(&self, card: &Card) -> Known<String> {
        let cards = self.machine.gpus.as_deref().unwrap_or_default();
        let setting =
            |launch: &Launch| (launch.variable("CUDA_DEVICE_ORDER").map(str::to_owned), launch.visible_devices());
        let mut settings = self.installation.launches.iter().map(setting);
        let (order, visible) = settings.next().unwrap_or_default();
        if settings.any(|other| other != (order.clone(), visible.clone())) {
            return Known::unknown("ComfyUI is started in several ways, which number the GPUs differently");
        }
        match numbered(cards, order.as_deref(), visible.as_deref()) {
            Ok(seen) => match seen.iter().position(|seen| *seen == card) {
                Some(number) => Known::Is(format!("cuda:{number}")),
                None => Known::unknown("ComfyUI is started so that it does not see this GPU"),
            },
            Err(why) => Known::unknown(why),
        }
    }

    /// The workflows that could be read, each with its file.
    pub fn read_workflows(&self) -> impl Iterator<Item = (&PathBuf, &ReadWorkflow)> {
        self.workflows.iter().filter_map(|workflow| Some((&workflow.path, workflow.read.ok()?)))
    }
}

impl NodeCode {
    /// The places that a fix is about, each with its file and its line, from 1.
    pub fn sites(&self, fix: Fix) -> impl Iterator<Item = (&Site, PathBuf, usize)> {
        let surveys = self.repair.surveys.all().filter(move |survey| survey.fix == fix);
        surveys.flat_map(|survey| &survey.sites).map(|site| {
            let before = self.repair.sources.package.text(site.file).unwrap_or_default();
            let before = before.get(..site.range.start).unwrap_or_default();
            (site, self.repair.sources.path(site.file), before.matches('\n').count() + 1)
        })
    }
}
