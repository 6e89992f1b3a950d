//! Pinokio: `api/<app>/app` with ComfyUI, its Python in `app/env`, and `api/<app>/start.js`.
//!
//! Source: `start.js` and `_ENVIRONMENT` of pinokiofactory/comfy, and the documentation of Pinokio.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Draft, Kind, Layout, Places};
use crate::install::config::json;
use crate::install::{is_root, named};

pub(super) const KIND: Kind = Kind { of, inside, usual };

/// The most apps that are looked at.
const MOST_APPS: usize = 1_000;

fn of(comfyui: &Path, _: &Places) -> Option<Draft> {
    let app = comfyui.parent()?;
    let is_of_pinokio = app.join("pinokio.js").is_file()
        || app.parent().is_some_and(|api| named(api, "api") && app.join("start.js").is_file());
    is_of_pinokio.then(|| Draft {
        root: app.to_owned(),
        pythons: vec![comfyui.join("env"), app.join("env")],
        logs: vec![app.join("logs")],
        ..Draft::new(Layout::Pinokio, comfyui)
    })
}

/// Each ComfyUI of Pinokio's home, of its `api`, or of one app.
fn inside(folder: &Path, places: &Places) -> Vec<PathBuf> {
    let api = if named(folder, "api") { folder.to_owned() } else { folder.join("api") };
    let apps = fs::read_dir(api).into_iter().flatten().take(MOST_APPS).flatten().map(|entry| entry.path());
    let comfyuis = apps.chain([folder.to_owned()]).flat_map(|app| ["app", "ComfyUI"].map(|name| app.join(name)));
    let mut comfyuis: Vec<_> =
        comfyuis.filter(|folder| is_root(folder)).filter(|comfyui| of(comfyui, places).is_some()).collect();
    comfyuis.sort();
    comfyuis
}

fn usual(places: &Places) -> Vec<Draft> {
    let set = places.settings().and_then(|settings| {
        let (value, _) = json(&settings.join("Pinokio").join("config.json"), &mut Vec::new())?;
        value.get("home")?.as_str().map(PathBuf::from)
    });
    let homes = [set, places.variable("PINOKIO_HOME"), places.home().map(|home| home.join("pinokio"))];
    let homes = homes.into_iter().flatten().chain([places.root().join("pinokio")]);
    let comfyuis = homes.flat_map(|home| inside(&home, places));
    comfyuis.filter_map(|comfyui| of(&comfyui, places)).collect()
}
