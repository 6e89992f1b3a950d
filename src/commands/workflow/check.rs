//! `workflow check`: what is wrong with the loader nodes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::files;
use super::installation::{Installation, Installations};
use crate::allocator;
use crate::checks::{self, Checked, Hardware, Installed, Told};
use crate::cli::workflow::Check;
use crate::commands::problem;
use crate::install::Files;
use crate::models::Folders;
use crate::pipeline;
use crate::plan::{HEADROOM, devices};
use crate::render::Screen;
use crate::report::{CheckedFile, ChecksReport, Located, Outcome};
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
    told: Told,
    installations: Installations<'a>,
    hardware: Hardware,
    /// By the folder of ComfyUI.
    installed: HashMap<PathBuf, Installed>,
}

impl<'a> Surroundings<'a> {
    fn new(arguments: &'a Check) -> Self {
        let Check { installation, folders, vram, ram, headroom, .. } = arguments;
        let found = if vram.is_empty() { devices::found() } else { Vec::new() };
        let told = Told {
            comfyui: installation.comfyui.clone(),
            checkout: installation.node.clone(),
            vram: vram.clone(),
            ram_bytes: *ram,
            headroom_bytes: Some(*headroom).filter(|bytes| allocator::size(HEADROOM) != Some(*bytes)),
            base_directory: folders.base_directory.clone(),
            extra_model_paths: folders.extra_model_paths_config.clone(),
        };
        let ram_bytes = ram.or_else(|| devices::ram_beside(&found));
        let hardware = Hardware { vram: vram.clone(), ram_bytes, found, headroom_bytes: *headroom };
        let installations = Installations::cached(installation);
        Self { arguments, told, installations, hardware, installed: HashMap::new() }
    }

    fn check(&mut self, located: &Located, path: &Path, workflow: &Workflow) -> Result<CheckedFile> {
        let installation = self.installations.of(path)?;
        let Installation { node, comfyui, .. } = &*installation;
        if let Some(root) = comfyui
            && !self.installed.contains_key(root)
            && let Some(folders) = installation.folders(&self.arguments.folders)?
        {
            self.installed.insert(root.clone(), installed(root, &installation, folders));
        }
        let installed = comfyui.as_ref().and_then(|root| self.installed.get(root));
        let classes = self.installations.classes(path, workflow)?;
        let Checked { findings, .. } = checks::examine(workflow, &classes, installed, &self.hardware)?;
        let node = installed.and(node.as_ref()).map(|node| node.root.as_path());
        Ok(CheckedFile::new(located.clone(), workflow, &findings, |step| step.command(path, node, &self.told)))
    }
}

/// What is known of an installation besides its classes.
fn installed(comfyui: &Path, installation: &Installation, folders: Folders) -> Installed {
    let node = installation.node.as_ref();
    let no_node = || String::from("the node is not installed there");
    let effects = node.ok_or_else(no_node).and_then(|node| {
        pipeline::loaders_of(node, &Files::Folder(comfyui.to_owned()), None).map_err(|error| format!("{error:#}"))
    });
    Installed { effects, packs: node.map(|_| installation.packs()), folders }
}
