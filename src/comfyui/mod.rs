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

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

pub use argument::named;
pub use asks::{Asks, Conflict, Kind};
pub use dynamic::{Dynamic, DynamicVram, LoaderKind, Made, Patchers, Switches};
pub use load_list::{LoadList, Order, Shape, Unclear};
pub use pair::{Fit, Pair, judge};

use crate::advice::Advise as _;
use crate::cache::{Cache, Key};
use crate::install::{Files, version};
use crate::python::Source;
use crate::python::source::MAX_BYTES;

/// Where load lists are made, relative to the folder of ComfyUI.
pub const PATCHER: &str = "comfy/model_patcher.py";

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
    /// Whether it takes over models from `DisTorch2`, and which.
    pub dynamic: Dynamic,
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
    let key = Key::new("comfyui").with(&patcher);
    let parsed = OnceCell::new();
    let source = || match parsed.get() {
        Some(source) => Ok(source),
        None => parse(PATCHER, patcher.clone()).map(|source| parsed.get_or_init(|| source)),
    };
    let load_lists = if let Some(told) = cache.and_then(|cache| cache.get(&key)) {
        told
    } else {
        // The key does not cover other files.
        let is_all = Cell::new(true);
        let look = |path: &Path| {
            is_all.set(false);
            look(files, path.to_str()?)
        };
        let told = load_list::read(source()?, &look);
        if let Some(cache) = cache.filter(|_| is_all.get()) {
            cache.keep(&key, &told);
        }
        told
    };
    let has_patcher = memchr::memmem::find(&patcher, dynamic::MARK.as_bytes()).is_some();
    // That one of these files is odd is no reason to know nothing of the others.
    let key = Dynamic::files(has_patcher).into_iter().fold(Key::new("dynamic"), |key, path| {
        let bytes = bytes(files, path).ok().flatten();
        key.with([u8::from(bytes.is_some())]).with(bytes.unwrap_or_default())
    });
    let dynamic = if let Some(told) = cache.and_then(|cache| cache.get(&key)) {
        told
    } else {
        let told = Dynamic::read(source()?, &|path| look(files, path));
        if let Some(cache) = cache {
            cache.keep(&key, &told);
        }
        told
    };
    Ok(Facts { root: files.root().to_path_buf(), revision, version: version(files), load_lists, dynamic })
}

/// A file of ComfyUI; None if it is missing, or no Python.
fn look(files: &Files, path: &str) -> Option<Source> {
    parse(path, bytes(files, path).ok()??).ok()
}

fn bytes(files: &Files, path: &str) -> Result<Option<Vec<u8>>> {
    files.read(Path::new(path), MAX_BYTES as u64)
}

fn parse(path: &str, bytes: Vec<u8>) -> Result<Source> {
    Source::parse(Path::new(path), bytes).map_err(|reason| {
        anyhow!("{path}: {reason}").help("restore the file, or name another ComfyUI, or another revision of it")
    })
}
