//! What takes time to find out about a package, and what that depends on.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::cache::Key;
use crate::comfyui::Asks;
use crate::fixes::{self, Accounting, Fix, Survey};
use crate::gather::Unread;
use crate::install::{self, Checkout};
use crate::python::Package;
use crate::python::reach::Reach;
use crate::verify::{Evidence, Options};

/// What was found in a package.
#[derive(Serialize, Deserialize)]
pub(super) struct Found {
    /// For all fixes.
    pub(super) surveys: Vec<Survey>,
    /// The upstream releases that it is like.
    pub(super) release: Option<String>,
    /// What it asks of its ComfyUI beside load lists.
    pub(super) asks: Asks,
    /// What running it came to, if it was run.
    pub(super) evidence: Option<Evidence>,
}

impl Found {
    /// Surveys a package. Nothing is run yet.
    pub(super) fn of(checkout: &Checkout, package: &Package, accounting: Accounting) -> Result<Self> {
        let root = checkout.file.parent().unwrap_or(&checkout.root);
        let mut surveys = fixes::survey(package, Fix::ALL, accounting)
            .map_err(|(file, reason)| Unread { path: root.join(package.path(file)), reason })?;
        let release = surveys.iter().find_map(|survey| survey.fix.release(package, survey)).map(str::to_owned);
        let mut interest = Asks::files(package);
        interest.extend(surveys.iter().flat_map(|survey| &survey.sites).map(|site| site.file));
        let reach = if is_whole(checkout) { Reach::of(package, &interest) } else { Reach::all() };
        for site in surveys.iter_mut().flat_map(|survey| &mut survey.sites) {
            site.unused = reach.unused(package, site.file, site.range.start);
        }
        let asks = Asks::of(package, &reach);
        Ok(Self { surveys, release, asks, evidence: None })
    }
}

/// Are the files of the package all those of the pack, so that what nothing in them uses is not used?
fn is_whole(checkout: &Checkout) -> bool {
    checkout.evidence != install::Evidence::Named && checkout.file.parent() == Some(&checkout.root)
}

/// All that it depends on.
pub(super) fn key(
    checkout: &Checkout,
    package: &Package,
    fixes: &[Fix],
    accounting: Accounting,
    proof: Option<&Options>,
) -> Key {
    // What is added to the options is part of this by itself.
    let asked = Key::new("repair").with(format!("{fixes:?} {accounting:?} {proof:?} {}", is_whole(checkout)));
    let files = (0..package.len()).map(|file| (package.path(file), package.bytes(file)));
    files.fold(asked, |key, (path, bytes)| key.with(path.as_os_str().as_encoded_bytes()).with(bytes))
}
