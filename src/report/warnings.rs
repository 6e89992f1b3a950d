//! Warnings that are not about the checkout.

use std::path::Path;

use anyhow::anyhow;

use super::Problem;
use crate::advice::Advise as _;
use crate::comfyui::{DynamicVram, Facts, Fit, OFF, Pair};
use crate::verify::Spill;

/// A version's own rule still sends some layers to the CPU.
pub(super) fn spill(spill: &Spill, base: &Path) -> Problem {
    let warning = anyhow!(
        "byte quotas still send layers to the CPU: this version puts layers that fit no quota there, {} % of the model in \
         one scenario ({:?})",
        spill.percent,
        spill.text
    )
    .help("`apply` leaves that rule as it is; a later version of the node keeps such layers on the compute device");
    Problem::of(&warning, base)
}

/// Everything to be warned of under this ComfyUI, with this verdict about the pair.
pub(super) fn all(facts: Option<&Facts>, pair: Option<Pair>, base: &Path) -> Vec<Problem> {
    let dynamic = match facts.map(|facts| facts.dynamic_vram) {
        Some(DynamicVram::ByDefault(_)) => Some("have"),
        Some(DynamicVram::Unclear(_)) => Some("may have"),
        Some(DynamicVram::Absent | DynamicVram::OnRequest(_)) | None => None,
    };
    let dynamic = dynamic.map(|have| {
        anyhow!(
            "DisTorch2's safetensors loaders {have} no effect while this ComfyUI's dynamic VRAM is active; GGUF loaders \
             and models on the CPU are not affected"
        )
        .help(format!("start ComfyUI with {OFF}, or load GGUF files"))
    });
    let untold = match pair {
        Some(Pair::Known(Fit::Unclear)) => Some(
            anyhow!("cannot determine whether this file works with this ComfyUI")
                .help("update distorch-fix, or report it"),
        ),
        Some(Pair::Either { four: Fit::Works | Fit::WorksToday, five: Fit::Works | Fit::Broken }) | None => None,
        Some(Pair::Either { four, five }) if four != five => Some(
            anyhow!("what this ComfyUI's load lists hold is not known: with 4 fields {four}, with 5 {five}")
                .help("name the ComfyUI with --comfyui PATH"),
        ),
        Some(_) => None,
    };
    dynamic.into_iter().chain(untold).map(|warning| Problem::of(&warning, base)).collect()
}
