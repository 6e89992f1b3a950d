//! Searches that did not end at one checkout.

use std::fmt::Write as _;

use crate::install::{Checkout, Search};
use crate::text::{shown, visible};

/// Near misses, or checkouts, that are listed at most.
const MOST_LISTED: usize = 12;

/// No checkout: where it was looked for, and what came close.
pub(super) fn none_found(search: &Search) -> String {
    let mut text = String::from("found no ComfyUI-MultiGPU with a distorch_2.py");
    for folder in &search.looked_in {
        let _ = write!(text, "\n  looked in {}", shown(folder));
    }
    let near_misses = search.near_misses.iter();
    list(&mut text, near_misses.map(|near| format!("not taken: {}: {}", shown(&near.path), visible(&near.reason))));
    text + "\nhelp: name the folder of the node, or of the ComfyUI that it is installed in"
}

/// More than one checkout, and no word on which.
pub(super) fn several_found(checkouts: &[Checkout]) -> String {
    let mut text = format!("found {} checkouts", checkouts.len());
    list(&mut text, checkouts.iter().map(named));
    text
}

/// Only disabled checkouts, and none of them named.
pub(super) fn all_disabled(checkouts: &[Checkout]) -> String {
    let mut text = String::from("found only disabled checkouts, which ComfyUI does not load");
    list(&mut text, checkouts.iter().map(named));
    text
}

fn named(checkout: &Checkout) -> String {
    let disabled = if checkout.disabled { " (disabled)" } else { "" };
    shown(&checkout.root) + disabled
}

fn list(text: &mut String, mut lines: impl ExactSizeIterator<Item = String>) {
    for line in lines.by_ref().take(MOST_LISTED) {
        let _ = write!(text, "\n  {line}");
    }
    if lines.len() > 0 {
        let _ = write!(text, "\n  … and {} more", lines.len());
    }
}
