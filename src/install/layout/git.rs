//! A clone of ComfyUI.

use std::path::Path;

use super::{Draft, Kind, Layout, Places, folder};

pub(super) const KIND: Kind = Kind { of, inside: |_, _| Vec::new(), usual };

fn of(comfyui: &Path, _: &Places) -> Option<Draft> {
    comfyui.join(".git").exists().then(|| Draft::new(Layout::Git, comfyui))
}

fn usual(places: &Places) -> Vec<Draft> {
    folder::usual(places).into_iter().filter_map(|draft| of(&draft.comfyui, places)).collect()
}
