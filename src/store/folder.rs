//! Where the journal of a checkout or of a file is kept: not beside it, where `git status` or ComfyUI would show it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use git2::{ObjectType, Oid};

use crate::advice::Advise as _;
use crate::install::Checkout;
use crate::text;

/// The name of the folder, in a repository or in the user's state folder.
const NAME: &str = "distorch-fix";

/// For a clone, worktree or submodule in its own git directory; otherwise in the user's state folder, by the checkout's
/// real path.
pub(super) fn of(checkout: &Checkout) -> Result<PathBuf> {
    if let Some(git) = checkout.git.as_ref().filter(|git| git.is_own()) {
        return Ok(git.git_dir.join(NAME));
    }
    let root = text::real(&checkout.root)
        .with_context(|| format!("cannot look at {}", checkout.root.display()))
        .help("check that it still exists")?;
    of_path(&root)
}

/// In the user's state folder, by a real path.
pub(super) fn of_path(path: &Path) -> Result<PathBuf> {
    let user = etcetera::choose_base_strategy()
        .context("cannot find your home folder")
        .help("set HOME, or XDG_STATE_HOME, and try again")?;
    let name = Oid::hash_object(ObjectType::Blob, text::plain(path).as_os_str().as_encoded_bytes())?;
    // Windows has no state folder, and what is about this machine's files must not roam to another: the folder of caches is
    // the one that stays.
    let folder =
        user.state_dir().map_or_else(|| user.cache_dir().join(NAME).join("journals"), |state| state.join(NAME));
    Ok(folder.join(name.to_string()))
}
