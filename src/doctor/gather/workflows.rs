//! The workflows: those that the user names, or else the newest that ComfyUI has saved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Result;
use walkdir::WalkDir;

use crate::allocator;
use crate::cache::Cache;
use crate::checks::{self, Hardware, Installed};
use crate::doctor::{Known, Named, NodeFacts, Pack, ReadWorkflow, WorkflowFacts};
use crate::inputs;
use crate::install::layout::Installation;
use crate::machine::Machine;
use crate::models::Folders;
use crate::plan::HEADROOM;
use crate::workflow::{NotAWorkflow, Workflow};

/// How many workflows are taken if none are named.
const MOST_TAKEN: usize = 3;
/// The most files of a user that are looked at.
const MOST_FILES: usize = 10_000;

/// What is known besides the workflows.
pub(super) struct Surroundings<'s> {
    installation: &'s Installation,
    node: Option<&'s Path>,
    installed: Option<Installed>,
    hardware: Hardware,
    cache: Option<&'s Cache>,
}

impl<'s> Surroundings<'s> {
    pub(super) fn new(
        installation: &'s Installation,
        node: &'s Known<NodeFacts>,
        packs: &Known<Vec<Pack>>,
        folders: Result<Folders>,
        machine: &Machine,
        cache: Option<&'s Cache>,
    ) -> Self {
        let code = node.get().and_then(|node| node.code.get());
        let loaders = code.and_then(|code| {
            code.loaders.clone().ok_or_else(|| String::from("the ComfyUI of this installation could not be read"))
        });
        let names = packs.ok().map(|packs| packs.iter().map(|pack| pack.name.clone()).collect());
        let installed = folders.ok().map(|folders| Installed {
            effects: loaders,
            packs: names.filter(|_| node.ok().is_some()),
            folders,
        });
        let found = machine.gpus.iter().flatten().map(Into::into).collect();
        let ram_bytes = machine.memory.map(|memory| memory.total_bytes);
        let headroom_bytes = allocator::size(HEADROOM).unwrap_or(0);
        let hardware = Hardware { vram: Vec::new(), ram_bytes, found, headroom_bytes };
        let node = node.ok().map(|node| node.checkout.root.as_path());
        Self { installation, node, installed, hardware, cache }
    }

    /// These workflows; if there are none, the newest.
    pub(super) fn read(&self, named: &Named<'_>) -> Vec<WorkflowFacts> {
        let Named { workflows, changed, .. } = named;
        let opened: Vec<(PathBuf, Result<Workflow>)> = if workflows.is_empty() && changed.is_empty() {
            let is_other = |error: &anyhow::Error| error.downcast_ref::<NotAWorkflow>().is_some();
            let opened = newest(&self.installation.user).into_iter().map(|path| (path.clone(), Workflow::open(&path)));
            opened.filter(|(_, workflow)| !workflow.as_ref().err().is_some_and(is_other)).take(MOST_TAKEN).collect()
        } else {
            let named = workflows.iter().map(|path| (path.clone(), Workflow::open(path)));
            named.chain(changed.iter().map(|(path, workflow)| (path.clone(), Ok(workflow.clone())))).collect()
        };
        let read = |(path, workflow): (PathBuf, Result<Workflow>)| {
            let read = workflow.and_then(|workflow| self.examine(workflow));
            WorkflowFacts { path, read: read.into() }
        };
        opened.into_iter().map(read).collect()
    }

    fn examine(&self, workflow: Workflow) -> Result<ReadWorkflow> {
        let wanted: BTreeSet<&str> = workflow.may_load().collect();
        let wanted: Vec<&str> = wanted.into_iter().collect();
        let installed = inputs::installed(self.node, Some(&self.installation.comfyui), &wanted, self.cache);
        let classes = workflow.classes(Some(installed));
        let checked = checks::examine(&workflow, &classes, self.installed.as_ref(), &self.hardware)?;
        Ok(ReadWorkflow { workflow, classes, findings: checked.findings, staged: checked.staged.into() })
    }
}

/// The workflows that ComfyUI has saved for any of its users, the newest first.
fn newest(user: &Path) -> Vec<PathBuf> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    let users = std::fs::read_dir(user).into_iter().flatten().flatten().map(|entry| entry.path().join("workflows"));
    for entry in users.flat_map(|folder| WalkDir::new(folder).into_iter().flatten()).take(MOST_FILES) {
        let is_json = entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json && let Some(time) = super::node::modified(entry.path()) {
            files.push((time, entry.into_path()));
        }
    }
    // Of the same time, by name.
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    files.into_iter().map(|(_, path)| path).collect()
}
