//! Opens the files of models.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::advice::Advise as _;

/// A file, and how many bytes it has. Anything else at a path, such as a pipe that would block, is an error.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let shown = path.display();
    let cannot = || format!("{shown}: cannot be opened");
    let help = "check that it is there and can be read";
    let about = fs::metadata(path).with_context(cannot).help(help)?;
    ensure!(about.is_file(), anyhow!("{shown}: not a file").help("name the file of a model"));
    Ok((File::open(path).with_context(cannot).help_open(help)?, about.len()))
}
