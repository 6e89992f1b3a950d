//! Which checkouts the user means.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};

use super::search;
use crate::advice::Advise as _;
use crate::cli::Target;
use crate::install::{self, Checkout};
use crate::text::{self, real_or_same};

/// A checkout to act on.
pub(super) struct Chosen {
    /// The PATH that led to it.
    pub(super) given: PathBuf,
    /// The absolute folder of that PATH.
    pub(super) base: PathBuf,
    pub(super) checkout: Checkout,
}

/// The checkouts that the PATHs lead to, each once, and errors for the PATHs that lead to none.
pub(super) fn choose(target: &Target) -> (Vec<Chosen>, Vec<Error>) {
    let mut chosen = Vec::new();
    let mut errors = Vec::new();
    let mut known = HashSet::new();
    for path in &target.paths {
        match of_path(path, target.all) {
            Ok(found) => {
                chosen.extend(found.into_iter().filter(|found| known.insert(real_or_same(&found.checkout.file))));
            }
            Err(error) => errors.push(error),
        }
    }
    (chosen, errors)
}

/// The one checkout that a PATH leads to.
pub(super) fn one(given: &Path) -> Result<Chosen> {
    let mut found = of_path(given, false)?;
    Ok(found.swap_remove(0))
}

/// The one that a PATH leads to, or all of them if that was asked for.
fn of_path(given: &Path, all: bool) -> Result<Vec<Chosen>> {
    const HELP: &str = "name the one that you mean, or use --all";
    let search = install::locate(given)?;
    if search.checkouts.is_empty() {
        bail!(search::none_found(&search));
    }
    let base = search.looked_in.into_iter().next().unwrap_or_default();
    let mut checkouts = search.checkouts;
    if !all {
        // A disabled node is only used if it was named.
        let pointed_at = checkouts.len() == 1 && is_within(given, &checkouts[0]);
        match checkouts.iter().filter(|checkout| !checkout.disabled || pointed_at).count() {
            // Enabled ones come first.
            1 => checkouts.truncate(1),
            0 => bail!(search::all_disabled(&checkouts).help(HELP)),
            _ => bail!(search::several_found(&checkouts).help(HELP)),
        }
    }
    let chosen = |checkout| Chosen { given: given.to_owned(), base: base.clone(), checkout };
    Ok(checkouts.into_iter().map(chosen).collect())
}

fn is_within(path: &Path, checkout: &Checkout) -> bool {
    let real = |path: &Path| text::real(path).ok();
    real(path).zip(real(&checkout.root)).is_some_and(|(path, root)| path.starts_with(root))
}
