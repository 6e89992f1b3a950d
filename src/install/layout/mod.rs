//! Installations of ComfyUI of every kind: where the program, the node packs, the user's files, Python and the logs are,
//! and how it is started.
//!
//! ```text
//! a path, or the usual places ─> kinds (a module and a line each) ─> Draft ─ read: launches, extra_model_paths ─> Installation
//! ```
//!
//! Only folders on the way to something are listed, never those of models or those inside of packs.

mod comfy_cli;
mod desktop;
mod desktop2;
mod docker;
mod draft;
mod find;
mod folder;
mod git;
mod pinokio;
mod places;
mod portable;
mod stability_matrix;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Result;

pub use places::{Os, Places};

use super::launch::Launch;
pub(super) use draft::Draft;

/// What an installation was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layout {
    /// The portable archive for Windows, with its own Python.
    Portable,
    /// The Desktop app: ComfyUI is in the app, and the node packs in a folder of the user.
    Desktop,
    /// Comfy Desktop 2.
    Desktop2,
    /// comfy-cli.
    ComfyCli,
    /// Stability Matrix.
    StabilityMatrix,
    /// Pinokio.
    Pinokio,
    /// An image of a container, seen from inside or through its volumes.
    Docker,
    /// A clone.
    Git,
    /// A folder without a repository.
    Folder,
}

/// An installation.
#[derive(Debug, Clone)]
pub struct Installation {
    /// What it was made with.
    pub layout: Layout,
    /// The folder that has all of it, or at least ComfyUI.
    pub root: PathBuf,
    /// The folder with `main.py`.
    pub comfyui: PathBuf,
    /// The base directory, with `custom_nodes`, `user` and `models`: the folder of ComfyUI if nothing else is set.
    pub base: PathBuf,
    /// The user directory, with workflows and the Manager's log.
    pub user: PathBuf,
    /// The folders of node packs, in ComfyUI's order; they need not exist.
    pub custom_nodes: Vec<PathBuf>,
    /// The program of the installation's Python.
    pub python: Option<PathBuf>,
    /// Each way in which it is started.
    pub launches: Vec<Launch>,
    /// Files that add folders of models and packs, in the order in which ComfyUI reads them.
    pub extra_model_paths: Vec<PathBuf>,
    /// What is wrong with its configuration, each a sentence with the place.
    pub problems: Vec<String>,
    /// Where its log can be; those that exist, the newest first.
    pub logs: Vec<PathBuf>,
}

/// A kind of installation.
struct Kind {
    /// Is the ComfyUI in this folder of the kind?
    of: fn(&Path, &Places) -> Option<Draft>,
    /// Each ComfyUI that belongs to a folder of the kind, which itself is none.
    inside: fn(&Path, &Places) -> Vec<PathBuf>,
    /// Those in the usual places.
    usual: fn(&Places) -> Vec<Draft>,
}

/// Every kind. Of those that recognise a ComfyUI, the first counts; the last is for what is left.
const KINDS: [Kind; 9] = [
    desktop::KIND,
    desktop2::KIND,
    portable::KIND,
    stability_matrix::KIND,
    pinokio::KIND,
    docker::KIND,
    comfy_cli::KIND,
    git::KIND,
    folder::KIND,
];

/// The installation that a path means: anything in it, or a folder that has only one. Errors say what was found instead.
pub fn installation(path: &Path) -> Result<Installation> {
    find::installation(path, &Places::here())
}

/// All installations in the usual places, each once.
pub fn everywhere() -> Vec<Installation> {
    find::everywhere(&Places::here())
}

/// The installation in a usual place that a path belongs to although its ComfyUI is elsewhere: by its base directory, or by
/// a folder of packs.
pub fn around(path: &Path) -> Option<&'static Installation> {
    static EVERYWHERE: LazyLock<Vec<Installation>> = LazyLock::new(everywhere);
    find::around(path, &EVERYWHERE)
}

/// The folders of packs that a ComfyUI has outside of its own folder, as far as they exist.
pub(super) fn packs_elsewhere(comfyui: &Path) -> Vec<PathBuf> {
    let Ok(installation) = installation(comfyui) else { return Vec::new() };
    let is_elsewhere = |folder: &PathBuf| !folder.starts_with(comfyui) && folder.is_dir();
    installation.custom_nodes.into_iter().filter(is_elsewhere).collect()
}

/// [`installation`] on a system that is described.
pub fn installation_on(places: &Places, path: &Path) -> Result<Installation> {
    find::installation(path, places)
}

/// [`everywhere`] on a system that is described.
pub fn everywhere_on(places: &Places) -> Vec<Installation> {
    find::everywhere(places)
}
