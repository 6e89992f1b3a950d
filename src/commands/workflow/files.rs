//! The files that the user names, and the workflows in the folders that the user names.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Error, Result, anyhow, bail};
use walkdir::WalkDir;

use crate::advice::Advise as _;
use crate::cli::workflow::Files;
use crate::workflow::{NotAWorkflow, Workflow};

/// The most JSON files that are looked at in a folder.
const MOST_FILES: usize = 10_000;

/// Opens the files one after the other. Other JSON files of a folder are left out; a folder without workflows is an
/// error.
pub(super) fn each(files: &Files, mut take: impl FnMut(&Path, Result<Workflow>) -> Result<()>) -> Result<()> {
    for path in &files.files {
        if !path.is_dir() {
            take(path, Workflow::open(path))?;
            continue;
        }
        let found = match json_files(path) {
            Ok(found) => found,
            Err(error) => {
                take(path, Err(error))?;
                continue;
            }
        };
        let mut taken = 0;
        for file in found {
            let workflow = Workflow::open(&file);
            let is_other = |error: &Error| error.downcast_ref::<NotAWorkflow>().is_some();
            if workflow.as_ref().err().is_some_and(is_other) {
                continue;
            }
            taken += 1;
            take(&file, workflow)?;
        }
        if taken == 0 {
            let help = "name the folder that ComfyUI saves to: user/default/workflows";
            take(path, Err(anyhow!("{}: no workflows in this folder", path.display()).help(help)))?;
        }
    }
    Ok(())
}

/// The JSON files of a folder and the folders in it, by path.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry =
            entry.with_context(|| format!("{}: cannot be searched", folder.display())).help("name its files")?;
        let is_json = entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json && entry.file_type().is_file() {
            files.push(entry.into_path());
        }
        if files.len() > MOST_FILES {
            bail!(anyhow!("{}: more than {MOST_FILES} JSON files", folder.display()).help("name a folder in it"));
        }
    }
    Ok(files)
}
