//! What is to be warned of, and what to do about it.

use anyhow::{Error, anyhow};

use super::{Effect, Loader, Loaders};
use crate::advice::Advise as _;
use crate::comfyui::LoaderKind;
use crate::text::listed;

/// The kinds of ComfyUI's own loaders that a patcher decides about.
const SAFETENSORS: [LoaderKind; 5] =
    [LoaderKind::Diffusion, LoaderKind::TextEncoder, LoaderKind::Vae, LoaderKind::ClipVision, LoaderKind::Checkpoint];
/// Those of ComfyUI-GGUF.
const GGUF: [LoaderKind; 2] = [LoaderKind::GgufDiffusion, LoaderKind::GgufTextEncoder];

impl Loaders {
    /// A warning about what has no effect, and true; or about what may have none, and false. `ControlNet` loaders have none
    /// with any ComfyUI, which no option changes, so they are no reason to warn.
    pub fn warning(&self) -> Option<(Error, bool)> {
        let inert = self.with(Effect::InertWhileDynamic, &[&GGUF[..], &SAFETENSORS].concat());
        let (kinds, have, is_certain) = if inert.is_empty() {
            (self.with(Effect::Unknown, &SAFETENSORS), "may have", false)
        } else {
            (inert, "have", true)
        };
        if kinds.is_empty() {
            return None;
        }
        let acts = if self.gguf_acts() { "; GGUF loaders act" } else { "" };
        let error =
            anyhow!("DisTorch2's {} {have} no effect while this ComfyUI's dynamic VRAM is active{acts}", named(&kinds));
        Some((error.help(self.remedy()), is_certain))
    }

    /// What to do about loaders that have no effect.
    fn remedy(&self) -> String {
        let off = match self.off.first() {
            Some(option) => format!("start ComfyUI with {option}"),
            None => String::from("turn dynamic VRAM off"),
        };
        let gguf = if self.gguf_acts() { ", or load GGUF files" } else { "" };
        off + gguf
    }

    fn gguf_acts(&self) -> bool {
        self.with(Effect::Acts, &GGUF).len() == GGUF.len()
    }

    /// The kinds of these that have such an effect.
    fn with(&self, effect: Effect, kinds: &[LoaderKind]) -> Vec<LoaderKind> {
        let has = |loader: &&Loader| loader.effect == effect && kinds.contains(&loader.kind);
        self.each.iter().filter(has).map(|loader| loader.kind).collect()
    }
}

/// `safetensors loaders`, `loaders of VAEs and checkpoints`.
fn named(kinds: &[LoaderKind]) -> String {
    let has = |all: &[LoaderKind]| all.iter().all(|kind| kinds.contains(kind));
    match (has(&SAFETENSORS), has(&GGUF)) {
        (true, true) => return String::from("safetensors and GGUF loaders"),
        (true, false) if kinds.len() == SAFETENSORS.len() => return String::from("safetensors loaders"),
        _ => {}
    }
    format!("loaders of {}", listed(kinds))
}
