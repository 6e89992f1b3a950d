//! `workflow check`: what is wrong with the loader nodes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::files;
use super::installation::{Installation, Installations};
use crate::allocator;
use crate::checks::{self, Context, Gpus, Known, Step};
use crate::cli::plan::HEADROOM;
use crate::cli::workflow::Check;
use crate::commands::next::quoted;
use crate::commands::problem;
use crate::inputs::Classes;
use crate::install::{Checkout, Files};
use crate::loaders::Loaders;
use crate::models::Folders;
use crate::pipeline;
use crate::plan::devices::{self, Found};
use crate::render::Screen;
use crate::report::{CheckedFile, ChecksReport, Located, Outcome};
use crate::stages::{Options, Outline, Staged};
use crate::text;
use crate::workflow::{Workflow, unreadable};

pub(super) fn run(arguments: &Check, screen: &mut Screen) -> Result<Outcome> {
    let mut report = ChecksReport::default();
    let mut surroundings = Surroundings::new(arguments);
    files::each(&arguments.files, |path, workflow| {
        let located = Located::new(&text::logical_dir()?, &std::path::absolute(path)?);
        let checked = workflow
            .and_then(|workflow| surroundings.check(&located, path, &workflow).with_context(|| unreadable(path)));
        report.add(checked.unwrap_or_else(|error| CheckedFile::failed(located.clone(), problem(&error))));
        Ok(())
    })?;
    arguments.format.renderer.render(&report, screen)?;
    Ok(report.outcome())
}

/// What is known besides the workflows, looked up once for all of them.
struct Surroundings<'a> {
    arguments: &'a Check,
    installations: Installations<'a>,
    found: Vec<Found>,
    gpus: Gpus,
    /// By the folder of ComfyUI.
    of_comfyui: HashMap<PathBuf, OfComfyUi>,
}

/// What is known of an installation besides its classes.
struct OfComfyUi {
    effects: Result<Loaders, String>,
    packs: Vec<String>,
    folders: Folders,
}

impl<'a> Surroundings<'a> {
    fn new(arguments: &'a Check) -> Self {
        let is_given = !arguments.vram.is_empty();
        let found = if is_given { Vec::new() } else { devices::found() };
        let gpus = if is_given {
            Gpus::All(arguments.vram.iter().map(|(device, _)| device.clone()).collect())
        } else if found.is_empty() {
            Gpus::Unknown
        } else {
            Gpus::OfKind("cuda", found.iter().map(|found| found.device.clone()).collect())
        };
        Self {
            arguments,
            installations: Installations::cached(&arguments.installation),
            found,
            gpus,
            of_comfyui: HashMap::new(),
        }
    }

    fn check(&mut self, located: &Located, path: &Path, workflow: &Workflow) -> Result<CheckedFile> {
        let installation = self.installations.of(path)?;
        let Installation { node, comfyui, .. } = &*installation;
        if let Some(root) = comfyui
            && !self.of_comfyui.contains_key(root)
        {
            let read = OfComfyUi::read(root, node.as_ref(), &self.arguments.folders.arguments())?;
            self.of_comfyui.insert(root.clone(), read);
        }
        let of_comfyui = comfyui.as_ref().and_then(|root| self.of_comfyui.get(root));
        let folders = of_comfyui.map(|of_comfyui| &of_comfyui.folders);
        let classes = self.installations.classes(path, workflow)?;
        let staged = match self.gpus {
            Gpus::Unknown => Err(String::from("the GPUs of the machine are not known (--vram)")),
            _ => staged(self.arguments, &self.found, workflow, &classes, folders).map_err(|error| format!("{error:#}")),
        };
        let known = Known {
            effects: of_comfyui.map(|of_comfyui| of_comfyui.effects.as_ref().map_err(Clone::clone)),
            packs: of_comfyui.filter(|_| node.is_some()).map(|of_comfyui| of_comfyui.packs.as_slice()),
            folders,
            gpus: self.gpus.clone(),
            staged: Some(staged.as_ref().map_err(Clone::clone)),
        };
        let findings = checks::check(&Context::new(workflow, &classes, known)?);
        let node = of_comfyui.and(node.as_ref()).map(|node| node.root.as_path());
        Ok(CheckedFile::new(located.clone(), workflow, &findings, |step| command(step, path, node, self.arguments)))
    }
}

impl OfComfyUi {
    fn read(root: &Path, node: Option<&Checkout>, arguments: &crate::models::Arguments) -> Result<Self> {
        let packs = fs::read_dir(root.join("custom_nodes")).into_iter().flatten().flatten();
        let packs =
            packs.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned());
        let no_node = || String::from("the node is not installed there");
        let effects = node.ok_or_else(no_node).and_then(|node| effects(node, root));
        Ok(Self { effects, packs: packs.collect(), folders: Folders::of(root, arguments)? })
    }
}

/// What the node does to each kind of model; or why that is not known.
fn effects(node: &Checkout, comfyui: &Path) -> Result<Loaders, String> {
    pipeline::loaders_of(node, &Files::Folder(comfyui.to_owned()), None).map_err(|error| format!("{error:#}"))
}

fn staged(
    arguments: &Check,
    found: &[Found],
    workflow: &Workflow,
    classes: &Classes,
    folders: Option<&Folders>,
) -> Result<Staged> {
    let outline = Outline::of(workflow, classes, folders, &HashMap::new())?;
    let devices = devices::devices(&arguments.vram, arguments.ram, &outline.strings(), || found.to_vec())?;
    outline.plan(&devices, &Options::with_headroom(arguments.headroom))
}

/// A step as a command, to be copied. It knows of the installation and the machine what this one was told.
fn command(step: &Step, file: &Path, node: Option<&Path>, arguments: &Check) -> String {
    let file = quoted(file);
    match step {
        Step::Set { string, node, part } => {
            let part = part.as_ref().map(|part| format!(" --part {part}")).unwrap_or_default();
            format!("distorch-fix workflow set \"{string}\" {file} --node {node}{part}{}", installed(arguments))
        }
        Step::Fit => format!("distorch-fix workflow set --fit {file}{}{}", installed(arguments), machine(arguments)),
        // Virtual VRAM, which new loaders have, makes models unload each other; they get strings in the next step.
        Step::Convert => format!("distorch-fix workflow convert {file} --virtual-vram 0{}", installed(arguments)),
        Step::Apply => node
            .map_or_else(|| String::from("distorch-fix apply"), |node| format!("distorch-fix apply {}", quoted(node))),
    }
}

/// The arguments that name the installation.
fn installed(arguments: &Check) -> String {
    let named = [("--comfyui", &arguments.installation.comfyui), ("--checkout", &arguments.installation.node)];
    named.into_iter().filter_map(|(name, path)| Some(format!(" {name} {}", quoted(path.as_ref()?)))).collect()
}

/// The arguments that describe the machine and its models.
fn machine(arguments: &Check) -> String {
    let mut out = String::new();
    for (device, bytes) in &arguments.vram {
        let _ = write!(out, " --vram {device}={}", size(*bytes));
    }
    if let Some(bytes) = arguments.ram {
        let _ = write!(out, " --ram {}", size(bytes));
    }
    if allocator::size(HEADROOM) != Some(arguments.headroom) {
        let _ = write!(out, " --headroom {}", size(arguments.headroom));
    }
    if let Some(folder) = &arguments.folders.base_directory {
        let _ = write!(out, " --base-directory {}", quoted(folder));
    }
    for file in &arguments.folders.extra_model_paths_config {
        let _ = write!(out, " --extra-model-paths-config {}", quoted(file));
    }
    out
}

/// A size as it is written, in the largest unit of which it is a whole number.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match units.into_iter().find(|(unit, _)| bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}b"),
    }
}
