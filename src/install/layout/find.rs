//! From a path, or from nowhere, to installations.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Draft, Installation, KINDS, Places};
use crate::advice::Advise as _;
use crate::install::{is_root, launch};
use crate::text::{self, real_or_same, shown};

/// How far below a folder a ComfyUI is looked for.
const DEEPEST: usize = 3;
/// The most folders that are looked into on the way.
const MOST_FOLDERS: usize = 2_000;
/// The most installations that are listed.
const MOST_LISTED: usize = 12;

/// See [`super::installation`].
pub(super) fn installation(path: &Path, places: &Places) -> Result<Installation> {
    const HELP: &str = "name the folder of ComfyUI, or one that is in it";
    let real = text::real(path).with_context(|| format!("cannot look at {}", path.display())).help_path(path, HELP)?;
    // `link/..` is not the folder of `link`: only the file system knows what is above.
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    let shown_path: PathBuf =
        if goes_up { real.clone() } else { text::logical_dir()?.join(path).components().collect() };
    for path in [&shown_path, &real] {
        if let Some(comfyui) = path.ancestors().find(|folder| is_root(folder)) {
            return Ok(draft(comfyui, places).read(places));
        }
    }
    let mut found: Vec<PathBuf> = Vec::new();
    // What is directly in the user's folder does not surround everything in there.
    let home = places.home();
    let is_around =
        |folder: &&Path| *folder == shown_path || !home.as_ref().is_some_and(|home| home.starts_with(folder));
    for folder in shown_path.ancestors().take_while(is_around) {
        found = KINDS.iter().flat_map(|kind| (kind.inside)(folder, places)).collect();
        if !found.is_empty() {
            break;
        }
    }
    if found.is_empty() {
        let all = everywhere(places);
        if let Some(installation) = around(&shown_path, &all) {
            return Ok(installation.clone());
        }
        found = below(&shown_path);
    }
    let found = distinct(found);
    match &found[..] {
        [comfyui] => Ok(draft(comfyui, places).read(places)),
        [] => bail!(anyhow!("{}: no ComfyUI in or around it", shown(path)).help(HELP)),
        several => {
            let listed = several.iter().take(MOST_LISTED).map(|folder| format!("  {}", shown(folder)));
            bail!(
                anyhow!("{}: {} ComfyUIs are in it", shown(path), several.len())
                    .details(listed)
                    .help("name the one that you mean")
            )
        }
    }
}

/// See [`super::everywhere`].
pub(super) fn everywhere(places: &Places) -> Vec<Installation> {
    usual(places).into_iter().map(|draft| draft.read(places)).collect()
}

/// See [`super::around`].
pub(super) fn around<'i>(path: &Path, installations: &'i [Installation]) -> Option<&'i Installation> {
    let own = real_or_same(path);
    let contains = |folder: &PathBuf| path.starts_with(folder) || own.starts_with(real_or_same(folder));
    // The folder of packs is the closer evidence: base directories can be in one another.
    let has_packs = |installation: &&Installation| installation.custom_nodes.iter().any(contains);
    let is_base = |installation: &&Installation| contains(&installation.base) || contains(&installation.user);
    installations.iter().find(has_packs).or_else(|| installations.iter().find(is_base))
}

/// Those in the usual places, each once.
pub(super) fn usual(places: &Places) -> Vec<Draft> {
    let mut seen = HashSet::new();
    let started = launch::started(places).into_iter().map(|comfyui| draft(&comfyui, places));
    let all = KINDS.iter().flat_map(|kind| (kind.usual)(places)).chain(started);
    let once = |draft: &Draft| seen.insert((real_or_same(&draft.comfyui), draft.base.as_deref().map(real_or_same)));
    all.filter(|draft| is_root(&draft.comfyui)).filter(once).collect()
}

/// The ComfyUI in this folder, by the first kind that recognises it.
pub(super) fn draft(comfyui: &Path, places: &Places) -> Draft {
    let known = KINDS.iter().find_map(|kind| (kind.of)(comfyui, places));
    known.unwrap_or_else(|| Draft::new(super::Layout::Folder, comfyui))
}

/// Each ComfyUI below a folder, level by level down to where there is one.
fn below(top: &Path) -> Vec<PathBuf> {
    let mut level = vec![top.to_owned()];
    let mut looked_into = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for folder in &level {
            looked_into += 1;
            if looked_into > MOST_FOLDERS {
                return Vec::new();
            }
            let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_FOLDERS).flatten();
            next.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        next.sort();
        let found: Vec<_> = next.iter().filter(|folder| is_root(folder)).cloned().collect();
        if !found.is_empty() {
            return found;
        }
        level = next;
    }
    Vec::new()
}

fn distinct(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    folders.into_iter().filter(|folder| seen.insert(real_or_same(folder))).collect()
}
