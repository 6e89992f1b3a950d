//! Text encoders that compute on the CPU.

use super::context::{loads_text_encoder, text};
use super::{Check, Context, Finding, Level};

pub(super) const CHECK: Check = Check {
    id: "text-encoder-on-cpu",
    level: Level::Note,
    title: "The text encoder computes on the CPU",
    about: "Guides put the text encoder on the CPU, so that the GPUs are left to the diffusion model. Encoding a prompt then takes \
            longer, often some ten seconds, once for each new prompt. Where the GPUs have room for it, it need not.",
    help: "Nothing, if you want the GPUs for the diffusion model. Else set its device to a GPU.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let on_cpu = context.loaders.iter().filter(|loader| {
        let encodes =
            |label: Option<&str>| label == Some("clip") || (label.is_none() && loads_text_encoder(loader.class));
        loader.class.parts.iter().any(|part| encodes(part.label.as_deref()) && text(loader, part.device) == Some("cpu"))
    });
    let nodes: Vec<_> = on_cpu.map(|loader| context.reference(loader)).collect();
    if nodes.is_empty() {
        return Vec::new();
    }
    let message = "the text encoder computes on the CPU: slower, but it spares the GPUs, as guides advise";
    vec![CHECK.finding(message).of(nodes)]
}
