//! The second step: what the fixes find in the files.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Sources, Unread};
use crate::comfyui::Asks;
use crate::fixes::{self, Accounting, Fix, Survey};
use crate::install::{self, Checkout};
use crate::python::reach::Reach;

/// What was found.
#[derive(Clone, Serialize, Deserialize)]
pub struct Surveys {
    /// By each fix that was asked for, in the order of [`Fix::ALL`].
    pub asked: Vec<Survey>,
    /// By the other fixes, whose edits are not made.
    pub others: Vec<Survey>,
    /// The upstream releases that it matches.
    pub release: Option<String>,
    /// What it requires of its ComfyUI besides load lists.
    pub asks: Asks,
    /// What counts as the size of a layer.
    pub accounting: Accounting,
}

impl Surveys {
    /// Surveys the files of a checkout. Nothing is run.
    pub fn of(checkout: &Checkout, sources: &Sources, fixes: &[Fix], accounting: Accounting) -> Result<Self> {
        let package = &sources.package;
        let mut surveys = fixes::survey(package, Fix::ALL, accounting)
            .map_err(|(file, reason)| Unread { path: sources.path(file), reason })?;
        let release = surveys.iter().find_map(|survey| survey.fix.release(package, survey)).map(str::to_owned);
        let mut interest = Asks::files(package);
        interest.extend(surveys.iter().flat_map(|survey| &survey.sites).map(|site| site.file));
        let reach = if is_whole(checkout) { Reach::of(package, &interest) } else { Reach::all() };
        for site in surveys.iter_mut().flat_map(|survey| &mut survey.sites) {
            site.unused = reach.unused(package, site.file, site.range.start);
        }
        let asks = Asks::of(package, &reach);
        let (asked, others) = surveys.into_iter().partition(|survey| fixes.contains(&survey.fix));
        Ok(Self { asked, others, release, asks, accounting })
    }

    /// Those of all fixes.
    pub(super) fn all(&self) -> impl Iterator<Item = &Survey> {
        self.asked.iter().chain(&self.others)
    }
}

/// Are these all the files of the pack, so that code which they do not use is unused?
pub(super) fn is_whole(checkout: &Checkout) -> bool {
    checkout.evidence != install::Evidence::Named && checkout.file.parent() == Some(&checkout.root)
}
