//! Files as they are on disk, or as they were in a revision.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::revision::Revision;
use super::{SMALL_BYTES, small_text, without_mark};
use crate::advice::Advise as _;

/// Where files are read from. Nothing is ever written there.
#[derive(Debug)]
pub enum Files {
    /// This folder.
    Folder(PathBuf),
    /// A repository's object database; what is checked out does not matter, and is left alone.
    Revision(Revision),
}

impl Files {
    /// The folder, or the repository, as the user reaches it.
    pub fn root(&self) -> &Path {
        match self {
            Self::Folder(root) => root,
            Self::Revision(revision) => &revision.root,
        }
    }

    /// The revision, unless this is a folder.
    pub fn revision(&self) -> Option<&Revision> {
        match self {
            Self::Folder(_) => None,
            Self::Revision(revision) => Some(revision),
        }
    }

    /// Is there a file or a folder at this relative path?
    pub fn has(&self, path: &Path) -> bool {
        match self {
            Self::Folder(root) => root.join(path).exists(),
            Self::Revision(revision) => revision.has(path),
        }
    }

    /// The bytes of the file at this relative path; None if there is none. Fails if it is not a plain file, cannot be
    /// read, or has more than `most_bytes`.
    pub fn read(&self, path: &Path, most_bytes: u64) -> Result<Option<Vec<u8>>> {
        let root = match self {
            Self::Folder(root) => root,
            Self::Revision(revision) => return revision.read(path, most_bytes),
        };
        let path = root.join(path);
        let Ok(about) = fs::metadata(&path) else { return Ok(None) };
        if !about.is_file() {
            bail!(anyhow!("{} is not a file", path.display()).help("restore it, or name another folder"));
        }
        if about.len() > most_bytes {
            bail!(
                anyhow!("{} has {} bytes, more than the limit of {most_bytes}", path.display(), about.len())
                    .help("restore it")
            );
        }
        fs::read(&path)
            .map(Some)
            .with_context(|| format!("cannot read {}", path.display()))
            .help("check its permissions")
    }

    /// The text of a file that should be small, without a byte order mark; None for anything else.
    pub(super) fn small_text(&self, path: &Path) -> Option<String> {
        match self {
            Self::Folder(root) => small_text(&root.join(path)),
            Self::Revision(revision) => Some(without_mark(&revision.read(path, SMALL_BYTES).ok()??)),
        }
    }
}
