//! What a setup did to an installation, so that it can be undone as one.
//!
//! The journal of a file has all of its edits. This one has only those of the setup, for all files together, and is kept
//! beside them: the state before a setup may be that after other edits.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::journal::{Journal, Scope, name};
use super::lock::Lock;
use super::{Replacement, folder, staged};
use crate::advice::Advise as _;
use crate::text;

/// The format of the file; no other is read.
const FORMAT: u32 = 1;
/// The most bytes of the file that are read.
const MOST_BYTES: u64 = 1 << 30;
/// What it is called.
const NAME: &str = "setup.json";

/// What was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Done {
    format: u32,
    /// The node that was repaired.
    #[serde(with = "name")]
    pub node: PathBuf,
    /// Its files.
    pub repair: Journal,
    /// The workflows that were set, by their real paths.
    pub workflows: Journal,
    /// The guard that was installed.
    pub guard: Option<Guarded>,
}

/// A guard that was not there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// Its folder.
    #[serde(with = "name")]
    pub folder: PathBuf,
    /// The program that it runs.
    #[serde(with = "name")]
    pub program: PathBuf,
    /// The version of it.
    pub version: String,
}

impl Done {
    /// Nothing yet, to an installation with this node.
    pub fn new(node: &Path) -> Self {
        Self {
            format: FORMAT,
            node: node.to_owned(),
            repair: Journal::default(),
            workflows: Journal::default(),
            guard: None,
        }
    }

    /// Notes the repair of files of the node, before it is made. Their paths are relative to its folder.
    pub fn note_repair(&mut self, replacements: &[Replacement<'_>]) {
        for replacement in replacements {
            let real = |path: &Path| text::resolved(path).unwrap_or_else(|_| path.to_owned());
            let (node, file) = (real(&self.node), real(&replacement.path));
            self.repair.note(file.strip_prefix(node).unwrap_or(&file), replacement, None);
        }
    }

    /// Notes the change of a workflow, before it is made.
    pub fn note_workflow(&mut self, replacement: &Replacement<'_>) {
        self.workflows.note(&replacement.path, replacement, None);
    }

    /// Forgets a workflow.
    pub fn strike_workflow(&mut self, path: &Path) {
        self.workflows.strike(path);
    }

    /// Is there nothing to undo?
    pub fn is_empty(&self) -> bool {
        self.repair.records.is_empty() && self.workflows.records.is_empty() && self.guard.is_none()
    }

    fn fault(&self, most_bytes: usize) -> Option<&'static str> {
        let workflow = |record: &super::Record| Scope::File { name: record.path.clone(), most_bytes };
        self.repair.fault(|_| Scope::Checkout).or_else(|| self.workflows.fault(workflow))
    }
}

/// Where it is kept, while nobody else can write to it.
#[derive(Debug)]
pub struct Setups {
    folder: PathBuf,
    most_bytes: usize,
    _lock: Lock,
}

impl Setups {
    /// Those of the ComfyUI in a folder; its workflows have at most so many bytes.
    pub fn of(comfyui: &Path, most_bytes: usize) -> Result<Self> {
        let comfyui = text::resolved(comfyui)
            .with_context(|| format!("cannot look at {}", comfyui.display()))
            .help("check that it still exists")?;
        let folder = folder::of_path(&comfyui)?;
        let lock = Lock::take(&folder)?;
        Ok(Self { folder, most_bytes, _lock: lock })
    }

    /// What was done and not undone; None if there is nothing.
    pub fn read(&self) -> Result<Option<Done>> {
        let path = self.folder.join(NAME);
        let read = || -> Result<Option<Done>> {
            let about = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                about => about?,
            };
            ensure!(about.is_file() && about.len() <= MOST_BYTES, "not written by distorch-fix");
            let done: Done = serde_json::from_slice(&fs::read(&path)?)?;
            ensure!(done.format == FORMAT, "unsupported format {} (expected {FORMAT})", done.format);
            if let Some(fault) = done.fault(self.most_bytes) {
                bail!("it {fault}");
            }
            Ok(Some(done))
        };
        read()
            .with_context(|| format!("cannot use {}, which says what setup did", path.display()))
            .help("delete it; `distorch-fix revert`, `workflow revert` and `guard remove` undo the parts")
    }

    /// Replaces it atomically; removes it if there is nothing to undo.
    pub fn write(&self, done: &Done) -> Result<()> {
        let text = (!done.is_empty()).then(|| serde_json::to_vec_pretty(done)).transpose()?;
        staged::keep(&self.folder, NAME, text.as_deref())
    }
}
