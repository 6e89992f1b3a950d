//! What could not be checked, and why: once for each check and file.

use super::context::{Context, Gpus};
use super::{Check, Unchecked, device, dynamic_vram, missing_class, model_file, room, shifted};
use crate::inputs::KnownBy;
use crate::loaders::Effect;

/// Why much is not known.
const NO_INSTALLATION: &str = "no installation is known (--comfyui)";

/// Nothing is missing for a workflow without loader nodes.
pub(super) fn unchecked(context: &Context<'_>) -> Vec<Unchecked> {
    if context.loaders.is_empty() {
        return Vec::new();
    }
    let known = &context.known;
    let are_guessed = context.loaders.iter().any(|loader| loader.class.known_by == KnownBy::Pattern);
    let missing: [(&'static Check, Option<String>); 5] = [
        (&shifted::CHECK, why(are_guessed, "which value is which is guessed from the values of the nodes")),
        (&missing_class::CHECK, why(known.packs.is_none(), NO_INSTALLATION)),
        (&device::CHECK, why(known.gpus == Gpus::Unknown, "the GPUs of the machine are not known (--vram)")),
        (&model_file::CHECK, why(known.folders.is_none(), NO_INSTALLATION)),
        (&dynamic_vram::CHECK, effects(context)),
    ];
    let missing = missing.into_iter().chain([(&room::CHECK, plan(context))]);
    missing.filter_map(|(check, why)| Some(Unchecked { check, why: why? })).collect()
}

fn why(is_missing: bool, why: &str) -> Option<String> {
    is_missing.then(|| why.to_owned())
}

/// Why it is not known what the node does to what it is to distribute.
fn effects(context: &Context<'_>) -> Option<String> {
    if !context.distributes() {
        return None;
    }
    match &context.known.effects {
        None => Some(NO_INSTALLATION.to_owned()),
        Some(Err(why)) => Some(why.clone()),
        Some(Ok(_)) => {
            let effects = context.distributing().filter_map(|loader| context.effect(loader.class));
            effects.filter(|told| told.effect == Effect::Unknown).map(|told| told.reason.why.clone()).next()
        }
    }
}

/// Why it is not known whether everything fits.
fn plan(context: &Context<'_>) -> Option<String> {
    match context.known.staged.as_ref().filter(|_| context.distributes())? {
        Err(why) => Some(why.clone()),
        Ok(staged) => {
            let are_files_known = staged.models.iter().all(|model| model.load.files.is_ok());
            let why = staged.unknown.first()?;
            Some(if are_files_known { why.clone() } else { String::from("not all model files are known") })
        }
    }
}
