//! A file that a repair changes.

use serde::Serialize;

use super::located::Located;
use super::patch::Patch;
use crate::pipeline::Change;

/// A file that a repair changes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangeReport {
    /// The file.
    pub path: Located,
    /// How many replacements it has, each counted once.
    pub edits: usize,
    /// The patch for `git apply`; with `apply` and `diff` only.
    pub patch: Option<Patch>,
    /// Was it written?
    pub written: bool,
}

impl ChangeReport {
    pub(super) fn new(path: &Located, change: &Change, patch: Option<Patch>, written: bool) -> Self {
        Self { path: path.clone(), edits: change.edits.len(), patch, written }
    }
}
