//! Which modules ComfyUI builds from a file, of which class, in which order.
//!
//! Every architecture is an `outline` in the folder `outlines`: facts, no code. The first one whose conditions
//! the file meets, which explains all tensors of the file and misses none, is taken. Where none is, the modules are
//! those that the names show (`unknown`), and their order is not known.
//!
//! Source: the module trees of ComfyUI 0.33.0, as its own loaders build them (`tests/real`, which also says where 0.8.0 and
//! 0.18.1 differ); `_load_list()` in `comfy/model_patcher.py` for what is listed; `comfy/model_detection.py` and
//! `detect_te_model()` in `comfy/sd.py` for the conditions.

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
    let mut doubt = None;
    for outline in candidates(&names) {
        let renamed = naming::renamed(tensors, &outline.renames);
        let renamed_names = renamed.as_deref().map(Names::new);
        let walk = match (&renamed, &renamed_names) {
            (Some(renamed), Some(names)) => Walk::new(&outline, renamed, names),
            _ => Walk::new(&outline, tensors, &names),
        };
        let architecture = outline.title(|condition| names.holds(condition));
        if let Some(why) = walk.doubt {
            doubt.get_or_insert_with(|| format!("taken for {}, but {why}", architecture.unwrap_or("a known model")));
            continue;
        }
        return Built {
            architecture,
            is_text_encoder: outline.is_text_encoder(),
            compute_types: outline.types(|condition| names.holds(condition)),
            modules: walk.modules,
            order_known: true,
            doubt: None,
            unlisted: walk.unlisted,
        };
    }
    let (modules, unlisted) = unknown::modules(tensors);
    let doubt = Some(doubt.unwrap_or_else(|| "no architecture with such tensors is known".to_owned()));
    Built { modules, doubt, unlisted, ..Built::default() }
}

/// The outlines whose conditions hold.
fn candidates(names: &Names<'_>) -> impl Iterator<Item = Outline> {
    let meets = |text: &&'static str| Outline::conditions_of(text).iter().all(|condition| names.holds(condition));
    registry::OUTLINES.into_iter().filter(meets).filter_map(|text| Outline::parse(text).ok())
}
