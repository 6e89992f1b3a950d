//! All steps but the proof, for every fix.

use anyhow::Result;

use super::{Asked, Judgement, Memory, Repair, Sources, Surveys, judge, spared};
use crate::cache::Cache;
use crate::comfyui::Facts;
use crate::fixes::{Accounting, Fix};
use crate::install::{Checkout, Files};
use crate::verify::Verdict;

/// Reads and surveys a checkout, and judges it by a ComfyUI if there is one: its files, and its facts or why it could not
/// be read. Nothing is run.
pub fn look<'c>(
    checkout: &Checkout,
    comfyui: Option<(&Files, &'c Result<Facts>)>,
    cache: Option<&Cache>,
) -> Result<(Repair, Judgement<'c>)> {
    let sources = Sources::read(checkout, None)?;
    let spared = spared(comfyui.and_then(|(_, facts)| facts.as_ref().ok()), &[]);
    let accounting = Accounting::Resident;
    let asked = Asked { fixes: Fix::ALL, spared: &spared, accounting, proof: None };
    let memory = Memory::of(cache, checkout, &sources, &asked);
    let surveys = memory.surveys(|| Ok(Surveys::of(checkout, &sources, Fix::ALL, accounting)?.without(&spared)))?;
    let repair = Repair::new(sources, surveys)?;
    memory.verdict(&repair.surveys, None::<fn() -> Verdict>);
    let judgement = judge(checkout, &repair, comfyui, false, cache);
    Ok((repair, judgement))
}
