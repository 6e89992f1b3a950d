//! The pack whose GGUF loaders `DisTorch2` builds on: known by the loaders that it has, and by the patcher that they use.
//!
//! ```text
//! custom_nodes/*  →  packs that have a loader `UnetLoaderGGUF` or `CLIPLoaderGGUF` and a patcher of their own
//!                 →  the patcher that each loader puts in the place of ComfyUI's: plain, or dynamic
//! ```
//!
//! Nothing is run. A file is parsed only where its text names what is looked for.

mod classes;
mod makes;
mod search;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use search::find;

use crate::cache::{Cache, Key};
use crate::comfyui::{LoaderKind, Patchers};
use crate::python::{Package, Place};

/// The loaders that the node builds on, by kind.
const LOADERS: [(LoaderKind, &[&str]); 2] = [
    (LoaderKind::GgufDiffusion, &["UnetLoaderGGUF", "UnetLoaderGGUFAdvanced"]),
    (
        LoaderKind::GgufTextEncoder,
        &["CLIPLoaderGGUF", "DualCLIPLoaderGGUF", "TripleCLIPLoaderGGUF", "QuadrupleCLIPLoaderGGUF"],
    ),
];

/// A pack that has such loaders.
#[derive(Debug)]
pub struct Pack {
    /// Its folder, in `custom_nodes`.
    pub root: PathBuf,
    package: Package,
}

/// What was found in `custom_nodes`.
#[derive(Debug, Default)]
pub struct Installed {
    /// The packs, by folder.
    pub packs: Vec<Pack>,
    /// Was there more than is looked at?
    pub is_cut: bool,
}

/// The patcher that a loader puts in the place of ComfyUI's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Put {
    /// Its name.
    pub name: String,
    /// Is it dynamic?
    pub is_dynamic: bool,
    /// The file that defines it, relative to the folder of the pack.
    pub path: PathBuf,
    /// Where.
    pub place: Place,
}

impl Pack {
    /// The patcher of each kind of loader while ComfyUI's dynamic VRAM is active, or why it is unknown; none for a kind
    /// that the pack has no loader of.
    pub(super) fn puts(&self, patchers: &Patchers, cache: Option<&Cache>) -> Vec<(LoaderKind, Result<Put, String>)> {
        let package = &self.package;
        let key = package.parts().fold(Key::new("gguf").with(format!("{patchers:?}")), Key::with);
        if let Some(told) = cache.and_then(|cache| cache.get(&key)) {
            return told;
        }
        let told: Vec<_> = LOADERS
            .iter()
            .filter_map(|(kind, names)| Some((*kind, makes::patcher(package, patchers, names)?)))
            .collect();
        if let Some(cache) = cache {
            cache.keep(&key, &told);
        }
        told
    }
}
