//! A folder with ComfyUI in it, and nothing that says what made it.

use super::{Draft, Kind, Layout, Places};
use crate::install::is_root;

pub(super) const KIND: Kind = Kind { of: |_, _| None, inside: |_, _| Vec::new(), usual };

pub(super) fn usual(places: &Places) -> Vec<Draft> {
    let home = places.home();
    let below_home = ["", "AI", "ai", "src", "git", "projects", "Desktop", "Downloads"]
        .into_iter()
        .filter_map(|name| Some(home.as_ref()?.join(name)));
    let folders = below_home.chain(places.documents()).chain([places.root().to_owned(), places.root().join("opt")]);
    let comfyuis = folders.flat_map(|folder| ["ComfyUI", "comfyui"].map(|name| folder.join(name)));
    comfyuis.filter(|folder| is_root(folder)).map(|folder| Draft::new(Layout::Folder, &folder)).collect()
}
