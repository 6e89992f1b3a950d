//! The downward search. It examines folders, not files, and skips those that hold many files but no nodes.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::{DirEntry, WalkDir};

use super::recognise::{Evidence, Recognised, recognise};
use super::{NearMiss, named};

use crate::text;

/// Deep enough for `Users/me/AI/ComfyUI_windows_portable/ComfyUI/custom_nodes/.disabled/X`.
const DEEPEST: usize = 8;

/// Never searched, wherever they are. A virtual environment of any other name has most of its files in `site-packages`
/// too.
const NEVER: [&str; 8] =
    [".git", "node_modules", "__pycache__", "site-packages", "venv", ".venv", "python_embeded", "python_embedded"];

/// Not searched next to a `custom_nodes` folder. Elsewhere a folder of such a name may contain a whole ComfyUI
/// (`/home/user`, `D:\temp`).
const DATA: [&str; 6] = ["models", "output", "input", "temp", "user", "web"];

/// The results of a walk.
pub(super) struct Walked {
    pub(super) found: Vec<(PathBuf, Evidence)>,
    pub(super) near_misses: Vec<NearMiss>,
}

/// Searches everything below `top`, but not `top` itself. Fails only if `top` cannot be read.
pub(super) fn beneath(top: &Path) -> Result<Walked> {
    let mut walked = Walked { found: Vec::new(), near_misses: Vec::new() };
    let mut links = Links::new(top);
    let mut entries = WalkDir::new(top).follow_links(true).max_depth(DEEPEST).into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => {
                return Err(error).with_context(|| format!("cannot search {}: check its permissions", top.display()));
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

/// Records what a folder is; returns whether to search its subfolders too.
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

/// ComfyUI loads what is directly in `custom_nodes`; a node's own subfolders are not nodes.
fn is_node(folder: &Path) -> bool {
    let inside = |name| folder.parent().is_some_and(|parent| named(parent, name));
    inside("custom_nodes") && !named(folder, ".disabled") || inside(".disabled")
}

/// A folder that cannot be read might contain a checkout. Folders that vanished meanwhile, and links that lead nowhere
/// or in a circle, do not.
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
        Self { top: text::real_or_same(top), entered: HashSet::new() }
    }

    /// Links into the searched tree are not followed, since the walk gets there anyway, nor are links above it (Wine
    /// makes one to `/`), which would search the whole disk. All others are entered once. A link `custom_nodes` is
    /// always entered, because it shows which ComfyUI the nodes are for; that is cheap, as nodes are not entered.
    fn follow(&mut self, entry: &DirEntry) -> bool {
        if !entry.path_is_symlink() || named(entry.path(), "custom_nodes") {
            return true;
        }
        text::real(entry.path()).is_ok_and(|target| {
            !target.starts_with(&self.top) && !self.top.starts_with(&target) && self.entered.insert(target)
        })
    }
}
