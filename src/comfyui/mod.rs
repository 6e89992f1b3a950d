//! The ComfyUI that a checkout runs under, read from ComfyUI's source.
//!
//! ```text
//! PATH, PATH@REV  →  Files  →  Facts: the items of its load lists, dynamic VRAM  ┐
//!                              Survey: the states of the places that read them  ┴→  Pair
//! ```
//!
//! Its version is shown, but decides nothing. Nothing is run, and nothing on disk changes.

mod argument;
mod asks;
mod dynamic;
mod eval;
mod exec;
mod load_list;
mod module;
mod named_tuple;
mod names;
mod needs;
mod pair;
mod replaced;
mod suspicion;
mod value;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

pub use argument::named;
pub use asks::{Asks, Conflict, Kind};
pub use dynamic::{DynamicVram, OFF};
pub use load_list::{LoadList, Order, Shape, Unclear};
pub use pair::{Fit, Pair, judge};

use crate::advice::Advise as _;
use crate::cache::{Cache, Key};
use crate::install::{Files, version};
use crate::python::Source;
use crate::python::source::MAX_BYTES;

/// Where load lists are made, relative to the folder of ComfyUI.
pub const PATCHER: &str = "comfy/model_patcher.py";

/// The file with ComfyUI's command line options.
const OPTIONS: &str = "comfy/cli_args.py";

/// What a ComfyUI's source shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its folder, or repository.
    pub root: PathBuf,
    /// The revision that was read, as `NAME (ID)`; None for the files on disk.
    pub revision: Option<String>,
    /// From `comfyui_version.py`, else from `pyproject.toml`; old versions have neither.
    pub version: Option<String>,
    /// Every `_load_list` of [`PATCHER`], in order of place; none in versions before 0.3.5.
    pub load_lists: Vec<LoadList>,
    /// Whether it takes over models from `DisTorch2`.
    pub dynamic_vram: DynamicVram,
}

/// Reads a ComfyUI. Fails if [`PATCHER`] is not there, or cannot be read as Python; the error leaves it to the caller
/// to say which ComfyUI it is about. The answer for the same files is taken from the cache, if there is one.
pub fn read(files: &Files, cache: Option<&Cache>) -> Result<Facts> {
    let revision = files.revision().map(ToString::to_string);
    let Some(patcher) = bytes(files, PATCHER)? else {
        let place = revision.map_or_else(String::new, |revision| format!(" at {revision}"));
        bail!(
            anyhow!("there is no {PATCHER}{place}")
                .help("it is older than load lists, or incomplete; name another ComfyUI, or another revision of it")
        );
    };
    // If this file is odd, the other may still be fine.
    let options = bytes(files, OPTIONS).ok().flatten();
    let key = Key::new("comfyui").with(&patcher).with(options.as_deref().unwrap_or_default());
    let (load_lists, dynamic_vram) = if let Some(told) = cache.and_then(|cache| cache.get(&key)) {
        told
    } else {
        let patcher = parse(PATCHER, patcher)?;
        let options = options.and_then(|options| parse(OPTIONS, options).ok());
        // The key does not cover other files.
        let is_all = Cell::new(true);
        let look = |path: &Path| {
            is_all.set(false);
            let path = path.to_str()?;
            parse(path, bytes(files, path).ok()??).ok()
        };
        let told = (load_list::read(&patcher, &look), dynamic::read(&patcher, options.as_ref()));
        if let Some(cache) = cache.filter(|_| is_all.get()) {
            cache.keep(&key, &told);
        }
        told
    };
    Ok(Facts { root: files.root().to_path_buf(), revision, version: version(files), load_lists, dynamic_vram })
}

fn bytes(files: &Files, path: &str) -> Result<Option<Vec<u8>>> {
    files.read(Path::new(path), MAX_BYTES as u64)
}

fn parse(path: &str, bytes: Vec<u8>) -> Result<Source> {
    Source::parse(Path::new(path), bytes).map_err(|reason| {
        anyhow!("{path}: {reason}").help("restore the file, or name another ComfyUI, or another revision of it")
    })
}
