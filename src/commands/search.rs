//! Searches that did not find exactly one checkout.

use anyhow::{Error, anyhow};

use crate::advice::Advise as _;
use crate::install::{Checkout, Search};
use crate::text::{shown, visible};

/// The most near misses, or checkouts, that are listed.
const MOST_LISTED: usize = 12;

/// No checkout: the folders that were searched, and the near misses.
pub(super) fn none_found(search: &Search) -> Error {
    let near_misses = search.near_misses.iter();
    anyhow!("found no ComfyUI-MultiGPU with a distorch_2.py")
        .details(search.looked_in.iter().map(|folder| format!("  looked in {}", shown(folder))))
        .details(listed(near_misses.map(|near| format!("not taken: {}: {}", shown(&near.path), visible(&near.reason)))))
        .help("name the folder of the node, or of the ComfyUI that it is installed in")
}

/// More than one checkout, and none named.
pub(super) fn several_found(checkouts: &[Checkout]) -> Error {
    anyhow!("found {} checkouts", checkouts.len()).details(listed(checkouts.iter().map(named)))
}

/// Only disabled checkouts, and none of them named.
pub(super) fn all_disabled(checkouts: &[Checkout]) -> Error {
    anyhow!("found only disabled checkouts, which ComfyUI does not load").details(listed(checkouts.iter().map(named)))
}

fn named(checkout: &Checkout) -> String {
    let disabled = if checkout.disabled { " (disabled)" } else { "" };
    shown(&checkout.root) + disabled
}

fn listed(lines: impl ExactSizeIterator<Item = String>) -> impl Iterator<Item = String> {
    let more = lines.len().saturating_sub(MOST_LISTED);
    let lines = lines.take(MOST_LISTED).map(|line| format!("  {line}"));
    lines.chain((more > 0).then(|| format!("  … and {more} more")))
}
