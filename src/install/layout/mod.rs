//! Placeholder until the layouts are merged.

#![allow(missing_docs, reason = "a placeholder")]

use std::path::{Path, PathBuf};

use super::launch::Launch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Git,
    Folder,
}

#[derive(Debug, Clone)]
pub struct Installation {
    pub layout: Layout,
    pub root: PathBuf,
    pub comfyui: PathBuf,
    pub base: PathBuf,
    pub user: PathBuf,
    pub custom_nodes: Vec<PathBuf>,
    pub python: Option<PathBuf>,
    pub launches: Vec<Launch>,
    pub extra_model_paths: Vec<PathBuf>,
    pub problems: Vec<String>,
    pub logs: Vec<PathBuf>,
}

pub fn installation(_path: &Path) -> anyhow::Result<Installation> {
    anyhow::bail!("a placeholder")
}

pub fn everywhere() -> Vec<Installation> {
    Vec::new()
}
