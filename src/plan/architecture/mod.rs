//! Which modules ComfyUI builds from a file, of which class, in which order.
//!
//! Every architecture is an `outline` in the folder `outlines`: facts, no code. ComfyUI chooses an architecture by a
//! few tensors (the conditions of an outline), builds it, and loads the file without being strict: it ignores tensors
//! that the model lacks, and what the file lacks keeps its initial values. So the outline that fits exactly is used, or
//! else the first one whose conditions the file meets. If it is unclear what ComfyUI builds, the order is unknown. If
//! no outline explains most of the file, the modules are derived from the names (`unknown`).
//!
//! Source: the module trees of ComfyUI 0.33.0, as its own loaders build them (`tests/real`, which also says where 0.8.0 and
//! 0.18.1 differ); `_load_list()` in `comfy/model_patcher.py` for what is listed; `comfy/model_detection.py` and
//! `detect_te_model()` in `comfy/sd.py` for the conditions.

mod looked_at;
mod names;
mod naming;
mod outline;
mod registry;
#[cfg(test)]
mod tests;
mod unknown;
mod walk;

use self::names::Names;
use self::outline::Outline;
use self::walk::Walk;
use super::built::Built;
use super::tensor::Tensor;

pub use self::naming::{is_text, named_as_in_comfyui};

/// The model that ComfyUI builds from these tensors, named as [`named_as_in_comfyui`] gives them.
pub fn build(tensors: &[Tensor]) -> Built {
    let names = Names::new(tensors);
    let mut first = None;
    for outline in candidates(&names) {
        // The first may lack something, but must not add more than the file has. Others must fit exactly.
        let most_missing = if first.is_none() { tensors.len() } else { 0 };
        let attempt = Attempt::new(&outline, tensors, &names, most_missing);
        if attempt.is_exact() {
            return attempt.built;
        }
        first.get_or_insert(attempt);
    }
    match first {
        Some(attempt) if attempt.explains_most => attempt.built,
        first => {
            let doubt = first.and_then(|attempt| attempt.built.doubt);
            let doubt = doubt.unwrap_or_else(|| "no architecture with such tensors is known".to_owned());
            let (modules, unlisted) = unknown::modules(tensors);
            Built { modules, doubt: Some(doubt), unlisted, ..Built::default() }
        }
    }
}

/// A model built by an outline.
struct Attempt {
    built: Built,
    /// Does most of the file have a place in the outline?
    explains_most: bool,
}

impl Attempt {
    fn new(outline: &Outline, tensors: &[Tensor], names: &Names<'_>, most_missing: usize) -> Self {
        let renamed = naming::renamed(tensors, &outline.renames);
        let renamed_names = renamed.as_deref().map(Names::new);
        let walk = match (&renamed, &renamed_names) {
            (Some(renamed), Some(names)) => Walk::new(outline, renamed, names, most_missing),
            _ => Walk::new(outline, tensors, names, most_missing),
        };
        let architecture = outline.title(|condition| names.holds(condition));
        let doubt = walk.doubt().map(|why| format!("taken for {}, but {why}", architecture.unwrap_or("a known model")));
        let explains_most = walk.explains_most();
        let built = Built {
            architecture,
            is_text_encoder: outline.is_text_encoder(),
            is_vae: outline.is_vae(),
            compute_types: outline.types(|condition| names.holds(condition)),
            order_known: doubt.is_none(),
            doubt,
            modules: walk.modules,
            unlisted: walk.unlisted,
            ignored: walk.ignored,
        };
        Self { built, explains_most }
    }

    fn is_exact(&self) -> bool {
        self.built.order_known && self.built.ignored.is_empty()
    }
}

/// The outlines whose conditions hold.
fn candidates(names: &Names<'_>) -> impl Iterator<Item = Outline> {
    let meets = |text: &&'static str| Outline::conditions_of(text).iter().all(|condition| names.holds(condition));
    registry::OUTLINES.into_iter().filter(meets).filter_map(|text| Outline::parse(text).ok())
}
