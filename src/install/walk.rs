//! The search downward. It looks at folders, not at files, and leaves out those that hold many files and no nodes.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::{DirEntry, WalkDir};

use super::recognise::{Evidence, Recognised, recognise};
use super::{NearMiss, named};

/// Deep enough for `Users/me/AI/ComfyUI_windows_portable/ComfyUI/custom_nodes/.disabled/X`.
const DEEPEST: usize = 8;

/// Never searched, wherever they are. A virtual environment under any other name has its mass in `site-packages` too.
const NEVER: [&str; 8] =
    [".git", "node_modules", "__pycache__", "site-packages", "venv", ".venv", "python_embeded", "python_embedded"];

/// Not searched beside a `custom_nodes` folder. Elsewhere these are names that anyone may give to a folder that holds
/// a whole ComfyUI (`/home/user`, `D:\temp`).
const DATA: [&str; 6] = ["models", "output", "input", "temp", "user", "web"];

/// What a walk came upon.
pub(super) struct Walked {
    pub(super) found: Vec<(PathBuf, Evidence)>,
    pub(super) near_misses: Vec<NearMiss>,
}

/// Searches all beneath `top`, but not `top` itself. An error only where `top` cannot be read.
pub(super) fn beneath(top: &Path) -> Result<Walked> {
    let mut walked = Walked { found: Vec::new(), near_misses: Vec::new() };
    let mut links = Links::new(top);
    let mut entries = WalkDir::new(top).follow_links(true).max_depth(DEEPEST).into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => {
                return Err(error).with_context(|| format!("cannot search {}: may you read it?", top.display()));
            }
            Err(error) => {
                walked.near_misses.extend(unreadable(&error));
                continue;
            }
        };
        if !entry.file_type().is_dir() || entry.depth() == 0 {
            continue;
        }
        if !visit(&entry, &mut walked) || !links.follow(&entry) {
            entries.skip_current_dir();
        }
    }
    Ok(walked)
}

/// Notes what a folder is; whether its subfolders are to be searched too.
fn visit(entry: &DirEntry, walked: &mut Walked) -> bool {
    let folder = entry.path();
    if is_pruned(folder) {
        return false;
    }
    match recognise(folder) {
        Recognised::Checkout(evidence) => {
            walked.found.push((folder.to_path_buf(), evidence));
            return false;
        }
        Recognised::NearMiss(reason) => walked.near_misses.push(NearMiss { path: folder.to_path_buf(), reason }),
        Recognised::Other => {}
    }
    !is_node(folder)
}

fn is_pruned(folder: &Path) -> bool {
    let is_any_of = |names: &[&str]| names.iter().any(|name| named(folder, name));
    is_any_of(&NEVER) || is_any_of(&DATA) && folder.with_file_name("custom_nodes").is_dir()
}

/// ComfyUI loads what stands in `custom_nodes` itself; a node's own subfolders are not nodes.
fn is_node(folder: &Path) -> bool {
    let inside = |name| folder.parent().is_some_and(|parent| named(parent, name));
    inside("custom_nodes") && !named(folder, ".disabled") || inside(".disabled")
}

/// A folder that one may not read might hold what was searched for. What vanished meanwhile, and links that lead
/// nowhere or in a circle, do not.
fn unreadable(error: &walkdir::Error) -> Option<NearMiss> {
    let cause = error.io_error().filter(|cause| cause.kind() == ErrorKind::PermissionDenied)?;
    Some(NearMiss { path: error.path()?.to_path_buf(), reason: format!("cannot be read: {cause}") })
}

/// Which linked folders to enter.
struct Links {
    top: PathBuf,
    entered: HashSet<PathBuf>,
}

impl Links {
    fn new(top: &Path) -> Self {
        Self { top: fs::canonicalize(top).unwrap_or_else(|_| top.to_path_buf()), entered: HashSet::new() }
    }

    /// Links that lead into the searched tree are left to the walk, which gets there anyway; those that lead above it
    /// (Wine makes one to `/`) would search the whole disk; all others are entered once. A link `custom_nodes` is
    /// always entered, because it tells which ComfyUI the nodes are for, and as nodes are not entered it is cheap.
    fn follow(&mut self, entry: &DirEntry) -> bool {
        if !entry.path_is_symlink() || named(entry.path(), "custom_nodes") {
            return true;
        }
        fs::canonicalize(entry.path()).is_ok_and(|target| {
            !target.starts_with(&self.top) && !self.top.starts_with(&target) && self.entered.insert(target)
        })
    }
}
