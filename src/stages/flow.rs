//! Which loaded models reach which node, and which nodes put them to work.
//!
//! A loader only makes a model. Its weights go to their devices when a node computes with it: one that takes it and gives
//! something that is computed, such as a latent or an image. Nodes that give a model again (LoRA, model sampling), or
//! something to sample with (guiders, sigmas), only pass it on.
//!
//! What an input takes is its type in files of the frontend. Files for the API have no types; there it is the name of the
//! input.

use super::order::Order;
use super::prompt::{Link, Prompt, Step};

/// What a loader gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A diffusion model
    Model,
    /// A text encoder
    Clip,
    /// A VAE
    Vae,
    /// An encoder of images
    ClipVision,
    /// A `ControlNet`, which is loaded with the diffusion model
    ControlNet,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 5] = [Self::Model, Self::Clip, Self::Vae, Self::ClipVision, Self::ControlNet];

    /// Its name as the type of an input.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "MODEL",
            Self::Clip => "CLIP",
            Self::Vae => "VAE",
            Self::ClipVision => "CLIP_VISION",
            Self::ControlNet => "CONTROL_NET",
        }
    }
}

/// A model on its way from its loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Carried {
    /// The step of the loader.
    loader: usize,
    kind: Kind,
    /// The last of the patches on the way, as an index of all.
    patch: Option<usize>,
}

/// A model at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The step of the loader.
    pub(super) loader: usize,
    /// Which of its models.
    pub(super) kind: Kind,
    /// The steps that load LoRA files for it, in their order.
    pub(super) patches: Vec<usize>,
}

/// The most models that are followed through one node. Merging nodes take two or three.
const MOST_CARRIED: usize = 32;
/// What is linked to an input, beyond models.
const GUIDER: &str = "GUIDER";
const CONDITIONING: &str = "CONDITIONING";
/// Types of outputs that say nothing of a computation with a model.
const PASSIVE: [&str; 14] = [
    "MODEL",
    "CLIP",
    "VAE",
    "CLIP_VISION",
    "CONTROL_NET",
    GUIDER,
    "SIGMAS",
    "SAMPLER",
    "NOISE",
    "FLOAT",
    "INT",
    "STRING",
    "BOOLEAN",
    "COMBO",
];
/// Types of inputs that a VAE can be at work for; without one of these, a node with a VAE has nothing to encode or decode.
const PIXELS: [&str; 5] = ["IMAGE", "LATENT", "MASK", "VIDEO", "AUDIO"];

/// The models at work in each step, in the order of `order`.
pub(super) fn work(
    prompt: &Prompt,
    order: &Order,
    loads: impl Fn(usize, Kind) -> bool,
    patches: impl Fn(usize) -> bool,
) -> Vec<Vec<Work>> {
    let steps = &prompt.steps;
    let mut flow = Flow { carried: vec![Vec::new(); steps.len()], patched: Vec::new() };
    let gives = given(prompt);
    let mut work = Vec::with_capacity(order.steps.len());
    for &at in &order.steps {
        let step = &steps[at];
        let arrived = flow.arrived(step, at, &loads);
        work.push(flow.at_work(step, &arrived, &gives[at]));
        let patch = patches(at);
        let mut carried: Vec<Carried> = Vec::new();
        for mut model in arrived {
            if patch && matches!(model.kind, Kind::Model | Kind::Clip) {
                flow.patched.push((at, model.patch));
                model.patch = Some(flow.patched.len() - 1);
            }
            if carried.len() < MOST_CARRIED
                && carried.iter().all(|known| (known.loader, known.kind) != (model.loader, model.kind))
            {
                carried.push(model);
            }
        }
        flow.carried[at] = carried;
    }
    work
}

struct Flow {
    /// The models that each step passes on.
    carried: Vec<Vec<Carried>>,
    /// Steps that load LoRA files, each with the patch before it.
    patched: Vec<(usize, Option<usize>)>,
}

impl Flow {
    /// The models that are linked to a step; of a loader, those that it loads.
    fn arrived(&self, step: &Step, at: usize, loads: &impl Fn(usize, Kind) -> bool) -> Vec<Carried> {
        let own = Kind::ALL.into_iter().filter(|kind| loads(at, *kind));
        let own = own.map(|kind| Carried { loader: at, kind, patch: None });
        let linked = step.links.iter().flat_map(|link| {
            let takes = takes(link);
            self.carried[link.from].iter().copied().filter(move |model| match takes {
                // Whatever a node takes without saying what.
                None => true,
                Some(GUIDER) => matches!(model.kind, Kind::Model | Kind::ControlNet),
                Some(CONDITIONING) => model.kind == Kind::ControlNet,
                Some(kind) => model.kind.name() == kind,
            })
        });
        own.chain(linked).collect()
    }

    fn at_work(&self, step: &Step, arrived: &[Carried], gives: &[&str]) -> Vec<Work> {
        let computes = gives.is_empty() || gives.iter().any(|kind| !PASSIVE.contains(kind));
        // A context of everything is passed on; something of each kind is in it.
        let is_bundle = step.links.iter().any(|link| takes(link).is_none())
            && Kind::ALL.iter().filter(|kind| arrived.iter().any(|model| model.kind == **kind)).count() > 2;
        if !computes || is_bundle {
            return Vec::new();
        }
        let has_pixels = step.links.iter().any(|link| takes(link).is_some_and(|kind| PIXELS.contains(&kind)));
        let samples = arrived.iter().any(|model| model.kind == Kind::Model)
            && (gives.is_empty() || gives.iter().any(|kind| !PASSIVE.contains(kind) && *kind != CONDITIONING));
        let is_linked = |kind: Kind| step.links.iter().any(|link| takes(link) == Some(kind.name()));
        let works = |model: &&Carried| match model.kind {
            Kind::Model => samples,
            Kind::ControlNet => samples && !is_linked(Kind::ControlNet),
            Kind::Vae => has_pixels && is_linked(Kind::Vae),
            kind => is_linked(kind),
        };
        arrived.iter().filter(works).map(|model| self.with_patches(model)).collect()
    }

    fn with_patches(&self, model: &Carried) -> Work {
        let mut patches = Vec::new();
        let mut next = model.patch;
        while let Some((step, before)) = next.map(|patch| self.patched[patch]) {
            patches.push(step);
            next = before;
        }
        patches.reverse();
        Work { loader: model.loader, kind: model.kind, patches }
    }
}

/// What each step gives: the types of its outputs in the file, or else what is made of them.
pub(super) fn given(prompt: &Prompt) -> Vec<Vec<&str>> {
    let steps = &prompt.steps;
    let mut gives: Vec<Vec<&str>> =
        steps.iter().map(|step| step.outputs.iter().flatten().map(String::as_str).collect()).collect();
    for step in steps {
        for link in &step.links {
            if steps[link.from].outputs.is_none() {
                gives[link.from].push(takes(link).unwrap_or("*"));
            }
        }
    }
    gives
}

/// What an input takes; None if it takes anything, or its name says nothing.
fn takes(link: &Link) -> Option<&str> {
    if let Some(kind) = &link.kind {
        return Some(kind);
    }
    let name = link.name.to_ascii_lowercase();
    let has = |part: &str| name.contains(part);
    let kind = if has("clip_vision") {
        if has("output") { "CLIP_VISION_OUTPUT" } else { "CLIP_VISION" }
    } else if has("control_net") || has("controlnet") {
        "CONTROL_NET"
    } else if has("clip") {
        "CLIP"
    } else if has("vae") {
        "VAE"
    } else if has("upscale_model") || has("style_model") {
        "another model"
    } else if has("model") || has("unet") {
        "MODEL"
    } else if has("guider") {
        GUIDER
    } else if has("positive") || has("negative") || has("conditioning") {
        CONDITIONING
    } else if has("sigmas") {
        "SIGMAS"
    } else if name == "sampler" {
        "SAMPLER"
    } else if has("noise") {
        "NOISE"
    } else if has("samples") || has("latent") {
        "LATENT"
    } else if has("image") || has("pixels") || has("frames") {
        "IMAGE"
    } else if has("mask") {
        "MASK"
    } else if has("video") {
        "VIDEO"
    } else if has("audio") {
        "AUDIO"
    } else {
        return None;
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Workflow;

    /// `node: model+lora` for each node at which models are at work, in the order of the run.
    fn at_work(text: &str) -> Vec<String> {
        let prompt = Prompt::of(&Workflow::parse(text.to_owned()).unwrap()).unwrap();
        let order = Order::of(&prompt).unwrap();
        let loads = |at: usize, kind: Kind| match prompt.steps[at].class.as_str() {
            "UNETLoader" => kind == Kind::Model,
            "CLIPLoader" => kind == Kind::Clip,
            "VAELoader" => kind == Kind::Vae,
            "ControlNetLoader" => kind == Kind::ControlNet,
            "CheckpointLoaderSimple" => matches!(kind, Kind::Model | Kind::Clip | Kind::Vae),
            _ => false,
        };
        let patches = |at: usize| prompt.steps[at].class.starts_with("Lora");
        let id = |at: usize| prompt.steps[at].id.as_str();
        let shown = |(at, work): (&usize, Vec<Work>)| {
            let model = |work: &Work| {
                let loras = work.patches.iter().fold(String::new(), |all, patch| all + "+" + id(*patch));
                format!(" {}.{}{loras}", id(work.loader), work.kind.name())
            };
            (!work.is_empty()).then(|| format!("{}:{}", id(*at), work.iter().map(model).collect::<String>()))
        };
        let work = work(&prompt, &order, loads, patches);
        order.steps.iter().zip(work).filter_map(shown).collect()
    }

    /// Id, class, and what is linked to which input.
    type Api<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    fn api(nodes: &[Api<'_>]) -> String {
        let node = |(id, class, links): &Api<'_>| {
            let links: Vec<_> = links.iter().map(|(name, from)| format!(r#""{name}": ["{from}", 0]"#)).collect();
            format!(r#""{id}": {{"class_type": "{class}", "inputs": {{{}}}}}"#, links.join(","))
        };
        format!("{{{}}}", nodes.iter().map(node).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn models_work_where_something_is_computed_with_them() {
        let text = api(&[
            ("high", "UNETLoader", &[]),
            ("low", "UNETLoader", &[]),
            ("te", "CLIPLoader", &[]),
            ("vae", "VAELoader", &[]),
            ("lora", "LoraLoader", &[("model", "high"), ("clip", "te")]),
            ("shift", "ModelSamplingSD3", &[("model", "lora")]),
            ("text", "CLIPTextEncode", &[("clip", "lora")]),
            ("i2v", "WanImageToVideo", &[("positive", "text"), ("vae", "vae")]),
            ("first", "KSamplerAdvanced", &[("model", "shift"), ("positive", "i2v"), ("latent_image", "i2v")]),
            ("second", "KSamplerAdvanced", &[("model", "low"), ("positive", "i2v"), ("latent_image", "first")]),
            ("decode", "VAEDecode", &[("samples", "second"), ("vae", "vae")]),
            ("save", "SaveVideo", &[("images", "decode")]),
        ]);
        assert_eq!(
            at_work(&text),
            ["text: te.CLIP+lora", "first: high.MODEL+lora", "second: low.MODEL", "decode: vae.VAE"]
        );
    }

    #[test]
    fn guiders_and_controlnets_are_at_work_where_is_sampled() {
        let text = api(&[
            ("c", "CheckpointLoaderSimple", &[]),
            ("cn", "ControlNetLoader", &[]),
            ("text", "CLIPTextEncode", &[("clip", "c")]),
            ("image", "LoadImage", &[]),
            ("encode", "VAEEncode", &[("pixels", "image"), ("vae", "c")]),
            ("apply", "ControlNetApply", &[("conditioning", "text"), ("control_net", "cn"), ("image", "image")]),
            ("sigmas", "BasicScheduler", &[("model", "c")]),
            ("guider", "BasicGuider", &[("model", "c"), ("conditioning", "apply")]),
            (
                "sample",
                "SamplerCustomAdvanced",
                &[("guider", "guider"), ("sigmas", "sigmas"), ("latent_image", "encode")],
            ),
            ("decode", "VAEDecode", &[("samples", "sample"), ("vae", "c")]),
            ("save", "SaveImage", &[("images", "decode")]),
        ]);
        assert_eq!(
            at_work(&text),
            ["encode: c.VAE", "text: c.CLIP", "sample: c.MODEL cn.CONTROL_NET", "decode: c.VAE"]
        );
    }

    #[test]
    fn the_types_of_a_file_count_before_names() {
        let text = r#"{"nodes": [
            {"id": 1, "type": "UNETLoader", "outputs": [{"type": "MODEL"}]},
            {"id": 2, "type": "Custom", "inputs": [{"name": "x", "type": "MODEL", "link": 1}], "outputs": [{"type": "MODEL"}]},
            {"id": 3, "type": "Other", "inputs": [{"name": "y", "type": "MODEL", "link": 2}], "outputs": [{"type": "LATENT"}]},
            {"id": 4, "type": "SaveLatent", "inputs": [{"name": "model", "type": "LATENT", "link": 3}], "outputs": []}],
          "links": [[1,1,0,2,0,"MODEL"],[2,2,0,3,0,"MODEL"],[3,3,0,4,0,"LATENT"]]}"#;
        assert_eq!(at_work(text), ["3: 1.MODEL"]);
    }
}
