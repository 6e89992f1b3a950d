//! A clone of ComfyUI.

use std::path::{Path, PathBuf};

use super::{Draft, Kind, Layout, Places, folder};

pub(super) const KIND: Kind = Kind { of, inside, usual };

fn of(comfyui: &Path, _: &Places) -> Option<Draft> {
    comfyui.join(".git").exists().then(|| Draft::new(Layout::Git, comfyui))
}

fn inside(_: &Path, _: &Places) -> Vec<PathBuf> {
    Vec::new()
}

fn usual(places: &Places) -> Vec<Draft> {
    folder::usual(places).into_iter().filter_map(|draft| of(&draft.comfyui, places)).collect()
}
