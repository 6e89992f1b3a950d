//! The portable archive for Windows: `ComfyUI`, `python_embeded` and `run_*.bat` in one folder.
//!
//! Source: `.ci/windows_*_base_files` of ComfyUI.

use std::path::{Path, PathBuf};

use super::{Draft, Kind, Layout, Places};
use crate::install::is_root;

pub(super) const KIND: Kind = Kind { of, inside, usual };

/// Its Python; some archives write the name rightly.
const PYTHONS: [&str; 2] = ["python_embeded", "python_embedded"];
/// What people and archives call its folder.
const NAMES: [&str; 4] = ["ComfyUI_windows_portable", "ComfyUI_windows_portable_nvidia", "ComfyUI_portable", "ComfyUI"];

fn of(comfyui: &Path, _: &Places) -> Option<Draft> {
    let root = comfyui.parent()?;
    let pythons: Vec<PathBuf> =
        PYTHONS.map(|name| root.join(name)).into_iter().filter(|folder| folder.is_dir()).collect();
    (!pythons.is_empty()).then(|| Draft { root: root.to_owned(), pythons, ..Draft::new(Layout::Portable, comfyui) })
}

fn inside(folder: &Path, places: &Places) -> Vec<PathBuf> {
    let comfyui = folder.join("ComfyUI");
    if is_root(&comfyui) && of(&comfyui, places).is_some() { vec![comfyui] } else { Vec::new() }
}

fn usual(places: &Places) -> Vec<Draft> {
    let home = places.home();
    let below_home = ["", "Desktop", "Downloads"].into_iter().filter_map(|name| Some(home.as_ref()?.join(name)));
    let folders = below_home.chain(places.documents()).chain([places.root().to_owned()]);
    let roots = folders.flat_map(|folder| NAMES.map(|name| folder.join(name)));
    roots.flat_map(|root| inside(&root, places)).filter_map(|comfyui| of(&comfyui, places)).collect()
}
