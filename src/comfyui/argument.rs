//! What `PATH` and `PATH@REV` mean.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::install::{Files, Revision, is_root};

/// The help if it names none.
const HELP: &str = "name the folder of ComfyUI; add `@` and a revision for one that is not checked out";

/// The ComfyUI that an argument names: `PATH`, or `PATH@REV` for a revision of the repository there. If the whole
/// argument exists as a path, it is that path. Otherwise the longest existing `PATH` counts, since `@` may be in either
/// part.
pub fn named(argument: &OsStr) -> Result<Files> {
    let whole = Path::new(argument);
    if whole.exists() {
        return folder(whole);
    }
    let text = argument.to_str().unwrap_or_default();
    let mut parts = text.rmatch_indices('@').map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]));
    match parts.find(|(path, _)| path.exists()) {
        Some((path, "")) => bail!(anyhow!("no revision is named after the `@` of {}@", path.display()).help(HELP)),
        Some((path, name)) => revision(path, name),
        None => bail!(anyhow!("there is no {}", whole.display()).help(HELP)),
    }
}

/// A ComfyUI on disk; `path` may be its folder, or the one around it, as in the portable version.
fn folder(path: &Path) -> Result<Files> {
    match root(path) {
        Some(root) => Ok(Files::Folder(root)),
        None => {
            bail!(anyhow!("{} is not a ComfyUI folder: it has no main.py next to comfy/", path.display()).help(HELP))
        }
    }
}

fn root(path: &Path) -> Option<PathBuf> {
    [path.to_path_buf(), path.join("ComfyUI")].into_iter().find(|folder| is_root(folder))
}

/// A revision of the repository at `path`, which may be bare, or have something else checked out.
fn revision(path: &Path, name: &str) -> Result<Files> {
    let files = Files::Revision(Revision::find(&root(path).unwrap_or_else(|| path.to_path_buf()), name)?);
    if ["main.py", "comfy"].iter().all(|part| files.has(Path::new(part))) {
        return Ok(files);
    }
    bail!(
        anyhow!("{} is not a ComfyUI folder at `{name}`: it has no main.py next to comfy/ there", path.display())
            .help(HELP)
    )
}
