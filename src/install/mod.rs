//! The user's machine: where the ComfyUI-MultiGPU checkout is, what git knows about it, and which ComfyUI it belongs
//! to.
//!
//! The search goes upward first (is the user inside a checkout?), then downward from the given path, and last through
//! the ComfyUI that encloses it. Nothing that is found is ever run, and nothing is written.

mod comfyui;
mod config;
mod extra;
mod files;
mod git;
pub mod launch;
pub mod layout;
mod pyproject;
pub mod python;
mod recognise;
mod revision;
mod walk;

pub use comfyui::ComfyUi;
pub(crate) use comfyui::{is_root, version};
pub(crate) use extra::normal;
pub use extra::{Extra, extra_model_paths};
pub use files::Files;
pub use git::{GitFacts, Head};
pub use recognise::{Evidence, FILE_NAME};
pub use revision::Revision;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::text;

use recognise::{Recognised, recognise};

use crate::advice::Advise as _;

/// The folder of the nearest ComfyUI above a path.
pub fn comfyui_around(path: &Path) -> Option<PathBuf> {
    comfyui::around(path).map(|comfyui| comfyui.root)
}

/// The result of a search.
#[derive(Debug)]
pub struct Search {
    /// Where the search began, as the user gave it.
    pub start: PathBuf,
    /// Every checkout found: enabled ones first, then by path.
    pub checkouts: Vec<Checkout>,
    /// Near misses: what looked like a checkout but is not one, by path.
    pub near_misses: Vec<NearMiss>,
    /// The folders that were searched, in order.
    pub looked_in: Vec<PathBuf>,
}

/// One ComfyUI-MultiGPU folder. Paths are absolute, and written as the user reaches them (links are not resolved).
#[derive(Debug)]
pub struct Checkout {
    /// The node's folder.
    pub root: PathBuf,
    /// `distorch_2.py`, or the file that the user named instead.
    pub file: PathBuf,
    /// Why this is recognised as a checkout.
    pub evidence: Evidence,
    /// ComfyUI does not load it: `X.disabled`, or `custom_nodes/.disabled/X`.
    pub disabled: bool,
    /// `version` of the `[project]` table of `pyproject.toml`.
    pub version: Option<String>,
    /// What git knows, if the folder has a repository of its own.
    pub git: Option<GitFacts>,
    /// The ComfyUI that the folder is installed in.
    pub comfyui: Option<ComfyUi>,
}

/// A folder that looked like a checkout but is not one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearMiss {
    /// The folder.
    pub path: PathBuf,
    /// Why not, for people.
    pub reason: String,
}

/// Finds the checkouts that `start` means: a file, a checkout, `custom_nodes`, a ComfyUI root, or any folder above or
/// below one of them. Finding none is not an error; a `start` that cannot be read is.
pub fn locate(start: &Path) -> Result<Search> {
    const HELP: &str = "name distorch_2.py, the ComfyUI-MultiGPU folder, or the folder of ComfyUI";
    let (kind, places) = fs::metadata(start)
        .and_then(|about| Ok((about.file_type(), Places::of(start)?)))
        .with_context(|| format!("cannot look at {}", start.display()))
        .help_path(start, HELP)?;
    if kind.is_dir() {
        return search(start, &places);
    }
    if !kind.is_file() {
        bail!(anyhow!("{} is neither a file nor a folder", start.display()).help(HELP));
    }
    let folders = places.parents();
    if !start.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("py")) {
        return search(start, &folders);
    }
    let (root, file, evidence) = match folders.climb() {
        (Climb::Checkout(root, evidence), true) => (root, places.shown, evidence),
        // Reached through a link from elsewhere: only the real file is inside the checkout.
        (Climb::Checkout(root, evidence), false) => (root, places.real, evidence),
        _ => (folders.shown.clone(), places.shown, Evidence::Named),
    };
    Ok(Search {
        start: start.to_path_buf(),
        checkouts: vec![Checkout::survey(root, file, evidence)],
        near_misses: Vec::new(),
        looked_in: vec![folders.shown],
    })
}

/// Searches from a folder: what encloses it, then what is beneath it, then beneath the ComfyUI that encloses it, then in the
/// folders of packs that this ComfyUI has elsewhere.
fn search(start: &Path, folder: &Places) -> Result<Search> {
    let mut near_misses = Vec::new();
    let mut looked_in = vec![folder.shown.clone()];
    let found = match folder.climb().0 {
        Climb::Checkout(root, evidence) => vec![(root, evidence)],
        higher => {
            let mut walked = walk::beneath(&folder.shown)?;
            near_misses.append(&mut walked.near_misses);
            match higher {
                Climb::Comfy(top) => {
                    if walked.found.is_empty() && top != folder.shown {
                        walked = walk::beneath(&top)?;
                        near_misses.append(&mut walked.near_misses);
                        looked_in.push(top.clone());
                    }
                    if walked.found.is_empty() {
                        for packs in layout::packs_elsewhere(&top) {
                            let mut beneath = walk::beneath(&packs)?;
                            walked.found.append(&mut beneath.found);
                            near_misses.append(&mut beneath.near_misses);
                            looked_in.push(packs);
                        }
                    }
                }
                Climb::NearMiss(near_miss) => near_misses.push(near_miss),
                _ => {}
            }
            walked.found
        }
    };
    near_misses.sort();
    near_misses.dedup();
    Ok(Search { start: start.to_path_buf(), checkouts: distinct(found), near_misses, looked_in })
}

/// Surveys what was found, each real folder once, in the order that [`Search`] promises.
fn distinct(found: Vec<(PathBuf, Evidence)>) -> Vec<Checkout> {
    let mut by_identity: HashMap<PathBuf, Checkout> = HashMap::new();
    for (root, evidence) in found {
        let identity = text::real_or_same(&root);
        let file = root.join(FILE_NAME);
        let checkout = Checkout::survey(root, file, evidence);
        if by_identity.get(&identity).is_none_or(|known| checkout.rank() < known.rank()) {
            by_identity.insert(identity, checkout);
        }
    }
    let mut checkouts: Vec<Checkout> = by_identity.into_values().collect();
    checkouts.sort_by(|a, b| (a.disabled, &a.root).cmp(&(b.disabled, &b.root)));
    checkouts
}

impl Checkout {
    fn survey(root: PathBuf, file: PathBuf, evidence: Evidence) -> Self {
        Self {
            disabled: is_disabled(&root),
            version: pyproject::read(&root).and_then(|project| project.version),
            git: git::facts(&root, &file),
            comfyui: comfyui::around(&root),
            root,
            file,
            evidence,
        }
    }

    /// Of two paths to the same real folder, the lower is shown: through a ComfyUI rather than past it, enabled rather
    /// than disabled.
    fn rank(&self) -> (bool, bool, &Path) {
        (self.comfyui.is_none(), self.disabled, &self.root)
    }
}

fn is_disabled(root: &Path) -> bool {
    let ends_disabled = |name: &OsStr| name.to_string_lossy().to_ascii_lowercase().ends_with(".disabled");
    root.file_name().is_some_and(ends_disabled) || root.parent().is_some_and(|folder| named(folder, ".disabled"))
}

/// A place by two paths, the one that the user sees and the real one. They differ if there are links, and either may be
/// the one that leads up to a ComfyUI.
struct Places {
    shown: PathBuf,
    real: PathBuf,
}

/// The first result for the folders above a place, from the inside out.
enum Climb {
    Checkout(PathBuf, Evidence),
    NearMiss(NearMiss),
    Comfy(PathBuf),
    Nothing,
}

impl Places {
    fn of(start: &Path) -> std::io::Result<Self> {
        let real = text::real(start)?;
        let shown: PathBuf = if cfg!(windows) {
            // Windows resolves `..` before links, and `real` would have a prefix that nobody types.
            std::path::absolute(start)?
        } else if start.components().any(|part| part == Component::ParentDir) {
            // `link/..` is not the folder of `link`: only the file system knows what is above.
            real.clone()
        } else {
            text::logical_dir()?.join(start)
        };
        // Without the `.` and the `/` at the end that `start` may have.
        let shown = shown.components().collect();
        Ok(Self { shown, real })
    }

    fn parents(&self) -> Self {
        let parent = |path: &Path| path.parent().unwrap_or(path).to_path_buf();
        Self { shown: parent(&self.shown), real: parent(&self.real) }
    }

    /// The climb, and whether it followed the shown path.
    fn climb(&self) -> (Climb, bool) {
        match climb(&self.shown) {
            Climb::Nothing => (climb(&self.real), false),
            reached => (reached, true),
        }
    }
}

fn climb(from: &Path) -> Climb {
    for folder in from.ancestors() {
        match recognise(folder) {
            Recognised::Checkout(evidence) => {
                return Climb::Checkout(folder.to_path_buf(), evidence);
            }
            // A user who names a folder that is not a checkout does not mean the one next to it.
            Recognised::NearMiss(reason) => {
                return Climb::NearMiss(NearMiss { path: folder.to_path_buf(), reason });
            }
            Recognised::Other if named(folder, "custom_nodes") || comfyui::is_root(folder) => {
                return Climb::Comfy(folder.to_path_buf());
            }
            Recognised::Other => {}
        }
    }
    Climb::Nothing
}

/// Whether the folder has this name; Windows and macOS ignore case, so this does too.
fn named(folder: &Path, name: &str) -> bool {
    folder.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// The most bytes of a file that should be small.
const SMALL_BYTES: u64 = 1 << 20;

/// The text of a file that should be small, without a byte order mark. None for anything else, so that a pipe cannot
/// block, nor a huge file fill the memory.
fn small_text(path: &Path) -> Option<String> {
    let about = fs::metadata(path).ok()?;
    if !about.is_file() || about.len() > SMALL_BYTES {
        return None;
    }
    Some(without_mark(&fs::read(path).ok()?))
}

fn without_mark(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}
