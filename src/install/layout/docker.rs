//! Containers: ComfyUI where images have it, seen from inside, and folders of the machine that a compose file puts there.

use std::path::{Path, PathBuf};

use super::{Draft, Kind, Layout, Os, Places};
use crate::install::is_root;
use crate::install::launch::compose;

pub(super) const KIND: Kind = Kind { of, inside, usual };

/// Where images have ComfyUI.
const IN_IMAGES: [&str; 12] = [
    "root/ComfyUI",
    "app/ComfyUI",
    "app",
    "workspace/ComfyUI",
    "ComfyUI",
    "comfyui",
    "opt/ComfyUI",
    "opt/comfyui",
    "comfy/mnt/ComfyUI",
    "default-comfyui-bundle/ComfyUI",
    "workspace/runpod-slim/ComfyUI",
    "stable-diffusion",
];

fn of(comfyui: &Path, places: &Places) -> Option<Draft> {
    let is_inside = is_container(places) && IN_IMAGES.iter().any(|name| comfyui == places.root().join(name));
    if is_inside {
        let pythons = ["opt/venv", "venv", "opt/environments/python/comfyui", "opt/conda", "usr/local", "usr"];
        return Some(Draft {
            pythons: pythons.map(|name| places.root().join(name)).to_vec(),
            ..Draft::new(Layout::Docker, comfyui)
        });
    }
    let mounted = comfyui.ancestors().take(3).find(|folder| compose::mounts(folder, comfyui, places))?;
    Some(Draft { root: mounted.to_owned(), ..Draft::new(Layout::Docker, comfyui) })
}

/// The folders that a compose file in this folder puts into containers, if they have a ComfyUI.
fn inside(folder: &Path, places: &Places) -> Vec<PathBuf> {
    compose::mounted(folder, places).into_iter().filter(|folder| is_root(folder)).collect()
}

fn usual(places: &Places) -> Vec<Draft> {
    if !is_container(places) {
        return Vec::new();
    }
    let comfyuis = IN_IMAGES.iter().map(|name| places.root().join(name)).filter(|folder| is_root(folder));
    comfyuis.filter_map(|comfyui| of(&comfyui, places)).collect()
}

fn is_container(places: &Places) -> bool {
    let marks = [".dockerenv", "run/.containerenv"];
    places.os == Os::Linux && marks.iter().any(|mark| places.root().join(mark).exists())
}
