//! The second step: what the fixes find in the files.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Sources, Unread};
use crate::comfyui::{self, Asks, DynamicVram};
use crate::fixes::{self, Accounting, Fix, Host, Survey};
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
        let reach = if is_whole(checkout) { Reach::of(package) } else { Reach::all() };
        let reach = reach.with_definitions(package, &interest);
        for site in surveys.iter_mut().flat_map(|survey| &mut survey.sites) {
            site.unused = reach.unused(package, site.file, site.range.start);
        }
        let asks = Asks::of(package, &reach);
        let (asked, others) = surveys.into_iter().partition(|survey| fixes.contains(&survey.fix));
        Ok(Self { asked, others, release, asks, accounting })
    }

    /// The same without the repairs that are not needed, each with the reason.
    #[must_use]
    pub fn without(self, spared: &[(Fix, &str)]) -> Self {
        let spare = |survey: Survey| match spared.iter().find(|(fix, _)| *fix == survey.fix) {
            Some((_, why)) => survey.spared(why),
            None => survey,
        };
        let [asked, others] = [self.asked, self.others].map(|surveys| surveys.into_iter().map(spare).collect());
        Self { asked, others, ..self }
    }

    /// Those of all fixes.
    pub fn all(&self) -> impl Iterator<Item = &Survey> {
        self.asked.iter().chain(&self.others)
    }
}

/// The fixes that a ComfyUI, if it was read, has no need of, but for those that were `named`; each with the reason.
pub fn spared(comfyui: Option<&comfyui::Facts>, named: &[Fix]) -> Vec<(Fix, &'static str)> {
    let has_dynamic_vram = comfyui.map(|facts| facts.dynamic.state != DynamicVram::Absent);
    let unnamed = Fix::ALL.iter().filter(|fix| !named.contains(fix));
    unnamed.filter_map(|fix| Some((*fix, fix.spared(Host { has_dynamic_vram })?))).collect()
}

/// Are these all the files of the pack, so that code which they do not use is unused?
pub(super) fn is_whole(checkout: &Checkout) -> bool {
    checkout.evidence != install::Evidence::Named && checkout.file.parent() == Some(&checkout.root)
}
