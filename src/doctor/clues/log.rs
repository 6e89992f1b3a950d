//! What the last start in the log shows.

use crate::allocator::Logged;
use std::path::PathBuf;

use crate::doctor::{Evidence, Facts};
use crate::inputs::Literal;
use crate::log::{Banner, End, Load, LoadKind, Prompt, Raised, RemarkKind, Start};
use crate::workflow::node::Mode;

/// The last prompt that has ended.
pub(in crate::doctor) fn last_prompt(start: &Start) -> Option<&Prompt> {
    start.prompts.iter().rev().find(|prompt| prompt.end != End::Open).or_else(|| start.prompts.last())
}

/// The loads of all prompts, in order.
pub(in crate::doctor) fn loads(start: &Start) -> impl DoubleEndedIterator<Item = &Load> {
    start.prompts.iter().flat_map(|prompt| &prompt.loads)
}

/// The exceptions that nothing has succeeded after, each with the line and the text of its remark: an earlier one is not
/// what is wrong now.
pub(in crate::doctor) fn raised(start: &Start) -> impl Iterator<Item = (u64, &str, &Raised)> {
    let executed = |prompt: &&Prompt| matches!(prompt.end, End::Executed { .. });
    let since = start.prompts.iter().filter(executed).map(|prompt| prompt.last_line).max().unwrap_or(0);
    start.remarks.iter().filter(move |remark| remark.line > since).filter_map(|remark| match &remark.kind {
        RemarkKind::Exception(raised) | RemarkKind::OutOfMemory(raised) | RemarkKind::FatalException(raised) => {
            Some((remark.line, remark.text.as_str(), raised))
        }
        _ => None,
    })
}

/// What a load loads, for people.
pub(in crate::doctor) fn name_of(load: &Load) -> &str {
    match (&load.model, load.kind) {
        (Some(model), _) => model,
        (None, Some(LoadKind::Diffusion)) => "the diffusion model",
        (None, Some(LoadKind::TextEncoder)) => "the text encoder",
        (None, Some(LoadKind::Vae)) => "the VAE",
        (None, Some(LoadKind::Other) | None) => "a model",
    }
}

/// A banner as evidence.
pub(in crate::doctor) fn banner_place(banner: &Banner) -> Evidence {
    Evidence::log(format!("`Full allocation string: {}`", banner.text), banner.line)
}

/// The devices that loader nodes of the workflows name, each with its workflow and node.
pub(in crate::doctor) fn wanted_devices(facts: &Facts) -> Vec<(String, PathBuf, String)> {
    let mut wanted = Vec::new();
    for (path, read) in facts.read_workflows() {
        let Ok(loaders) = read.workflow.loaders(&read.classes) else { continue };
        for loader in loaders.iter().filter(|loader| loader.mode == Mode::Active) {
            for part in &loader.class.parts {
                let text = |widget: Option<usize>| match loader.value(widget?)? {
                    Literal::Text(text) => Some(text.as_str()),
                    _ => None,
                };
                let string = Logged::of(text(part.string).unwrap_or_default()).expert;
                let named = crate::allocator::parts(string).map(|part| &string[part.device]);
                let lends = text(part.virtual_vram).is_some() || string.is_empty();
                let donor = text(part.donor).filter(|_| lends);
                for device in text(Some(part.device)).into_iter().chain(donor).chain(named) {
                    wanted.push((device.to_owned(), path.clone(), loader.id.clone()));
                }
            }
        }
    }
    wanted
}
