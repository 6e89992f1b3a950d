//! What one fix found in a checkout.

use serde::{Deserialize, Serialize};

use super::{Fix, Site, Standing, State};
use crate::python::FileId;

/// The result of a survey in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The file has nothing that this fix is about.
    NotApplicable,
    /// Nothing to do.
    InOrder,
    /// There is something to repair.
    #[serde(rename = "to-repair")]
    Needed,
    /// The file has something that this fix is about, but it was not understood.
    NotUnderstood,
}

impl Status {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::InOrder => "in order",
            Self::Needed => "to repair",
            Self::NotUnderstood => "not understood",
        }
    }
}

/// Everything that one fix found in a checkout.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Survey {
    /// The fix.
    pub fix: Fix,
    /// The result.
    pub status: Status,
    /// The places, by file and position.
    pub sites: Vec<Site>,
    /// The reason for the status, if the sites do not show it.
    pub note: Option<String>,
    /// The files whose values were followed.
    pub files: Vec<FileId>,
}

impl Survey {
    pub(super) fn new(fix: Fix, mut sites: Vec<Site>, note: Option<String>) -> Self {
        sites.sort_by_key(|site| (site.file, site.range.start, site.range.end));
        let has = |standing| sites.iter().any(|site: &Site| site.state.standing == standing);
        let status = if has(Standing::Repairable) {
            Status::Needed
        } else if has(Standing::InOrder) {
            Status::InOrder
        } else if has(Standing::Unknown) {
            Status::NotUnderstood
        } else {
            Status::NotApplicable
        };
        Self { fix, status, sites, note, files: Vec::new() }
    }

    /// The same without its edits.
    pub(crate) fn without_edits(mut self) -> Self {
        for site in &mut self.sites {
            site.edits.clear();
        }
        self
    }

    /// The same where nothing needs to be repaired, and why.
    #[must_use]
    pub fn spared(mut self, why: &str) -> Self {
        if self.status == Status::Needed {
            self.status = Status::InOrder;
            self.note = Some(format!("not needed: {why}"));
            for site in self.sites.iter_mut().filter(|site| site.state.needs_fix()) {
                site.state = State::SPARED;
                site.edits.clear();
            }
        }
        self
    }

    /// Would it change anything?
    pub fn is_edited(&self) -> bool {
        self.sites.iter().any(|site| !site.edits.is_empty())
    }

    /// How many sites are in a state.
    pub fn count(&self, state: State) -> usize {
        self.sites.iter().filter(|site| site.state == state).count()
    }

    /// The survey in a few words.
    pub fn verdict(&self) -> String {
        match self.status {
            Status::NotApplicable => self.note.clone().unwrap_or_else(|| self.fix.about().absent.to_owned()),
            _ if self.count(State::SPARED) > 0 => self.note.clone().unwrap_or_default(),
            _ => self.fix.verdict(self),
        }
    }
}
