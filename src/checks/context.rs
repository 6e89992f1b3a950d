//! What is known of a workflow and of the machine that it is to run on.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{NodeRef, Step, shifted};
use crate::allocator::Device;
use crate::comfyui::LoaderKind;
use crate::inputs::{Class, Classes, Kind, Literal, Part};
use crate::loaders::Loaders;
use crate::models::Folders;
use crate::stages::{Model, Staged};
use crate::workflow::node::Mode;
use crate::workflow::{Held, Loader, Use, Workflow};

/// What is known besides the workflow. Each may be missing, with a reason.
#[derive(Debug, Default)]
pub struct Known<'c> {
    /// What DisTorch2 does to each kind of model in the installation; or why that is not known.
    pub effects: Option<Result<&'c Loaders, String>>,
    /// The names of the folders in `custom_nodes`; None if no checkout of the node is installed there.
    pub packs: Option<&'c [String]>,
    /// Where models are.
    pub folders: Option<&'c Folders>,
    /// The GPUs of the machine.
    pub gpus: Gpus,
    /// The plan of the workflow; or why there is none.
    pub staged: Option<Result<&'c Staged, String>>,
}

/// The GPUs of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Gpus {
    /// They are not known.
    #[default]
    Unknown,
    /// All of one maker, such as those that `nvidia-smi` reports: none of another kind is known.
    OfKind(&'static str, Vec<Device>),
    /// All, as the user says.
    All(Vec<Device>),
}

/// A workflow with what is known of it.
pub struct Context<'c> {
    /// The workflow.
    pub workflow: &'c Workflow,
    /// The classes of its nodes.
    pub classes: &'c Classes,
    /// Everything else.
    pub known: Known<'c>,
    /// The uses of nodes that run.
    pub(super) uses: Vec<Use>,
    /// The loader nodes that run.
    pub(super) loaders: Vec<Loader<'c, 'c>>,
}

/// An allocation of a loader node, with its values as far as they are known.
pub(super) struct Allotment<'a> {
    pub(super) loader: &'a Loader<'a, 'a>,
    pub(super) part: &'a Part,
    /// The allocation string; None if it is not known.
    pub(super) string: Option<&'a str>,
    /// The virtual VRAM in GB; None if it is not known.
    pub(super) gigabytes: Option<f64>,
    /// The compute device; None if it is not known, or not set.
    pub(super) compute: Option<&'a str>,
    /// The donor; None if it is not known, or if the class has none.
    pub(super) donor: Option<&'a str>,
}

impl<'c> Context<'c> {
    /// # Errors If subgraphs in subgraphs make too many nodes.
    pub fn new(workflow: &'c Workflow, classes: &'c Classes, known: Known<'c>) -> anyhow::Result<Self> {
        let uses: Vec<Use> = workflow.uses()?.into_iter().filter(|used| workflow.mode(used) == Mode::Active).collect();
        let loaders = workflow.loaders_of(uses.iter().cloned(), classes).collect();
        Ok(Self { workflow, classes, known, uses, loaders })
    }

    /// The loader nodes whose values are in their places.
    pub(super) fn in_place(&self) -> impl Iterator<Item = &Loader<'c, 'c>> {
        self.loaders.iter().filter(|loader| shifted::wrong(loader).is_none())
    }

    /// Every allocation of the nodes of `DisTorch2` and of the first `DisTorch`, if their values are in their places.
    pub(super) fn allotments(&self) -> impl Iterator<Item = Allotment<'_>> {
        let parts = self.in_place().flat_map(|loader| loader.class.parts.iter().map(move |part| (loader, part)));
        parts.filter(|(_, part)| part.string.is_some()).map(|(loader, part)| Allotment {
            loader,
            part,
            string: part.string.and_then(|widget| text_or(loader, widget, "")),
            gigabytes: part.virtual_vram.map_or(Some(0.0), |widget| number(loader, widget)),
            compute: text(loader, part.device),
            donor: part.donor.and_then(|widget| text(loader, widget)),
        })
    }

    /// The loader node of a model in the plan, if it runs.
    pub(super) fn loader(&self, model: &Model) -> Option<&Loader<'c, 'c>> {
        self.loaders.iter().find(|loader| loader.id == model.load.node.id)
    }

    /// A loader node for a finding.
    pub(super) fn reference(&self, loader: &Loader<'_, '_>) -> NodeRef {
        NodeRef::new(loader.id.clone(), loader.node, self.workflow.json().value(loader.node.place).span())
    }

    /// Any node for a finding.
    pub(super) fn reference_of(&self, used: &Use) -> NodeRef {
        let node = &self.workflow.nodes()[used.node];
        NodeRef::new(self.workflow.id(used.node, &used.around), node, self.workflow.json().value(node.place).span())
    }

    /// Where each of these nodes comes among those that run.
    pub(super) fn positions(&self, ids: &HashSet<&str>) -> HashMap<String, usize> {
        let named = self.uses.iter().map(|used| self.workflow.id(used.node, &used.around)).enumerate();
        named.filter(|(_, id)| ids.contains(&**id)).map(|(at, id)| (id, at)).collect()
    }

    /// What DisTorch2 does to what a class loads, if the installation is known.
    pub(super) fn effect(&self, class: &Class) -> Option<&'c crate::loaders::Loader> {
        let kind = loaded(class)?;
        let effects = *self.known.effects.as_ref()?.as_ref().ok()?;
        effects.each.iter().find(|loader| loader.kind == kind)
    }

    /// The nodes that distribute their models.
    pub(super) fn distributing(&self) -> impl Iterator<Item = &Loader<'c, 'c>> {
        self.loaders.iter().filter(|loader| matches!(loader.class.kind, Kind::DisTorch2 | Kind::DisTorch))
    }

    /// Is there one?
    pub(super) fn distributes(&self) -> bool {
        self.distributing().next().is_some()
    }

    /// What makes the workflow fit: only loaders of `DisTorch2` have strings.
    pub(super) fn step_to_fit(&self) -> Step {
        if self.distributes() { Step::Fit } else { Step::Convert }
    }
}

/// Where the value of a widget stands in the file.
pub(super) fn site(loader: &Loader<'_, '_>, widget: usize) -> Option<Range<usize>> {
    match loader.settings.get(widget)? {
        Held::Stored { site, .. } => Some(site.clone()),
        _ => None,
    }
}

/// A text.
pub(super) fn text<'a>(loader: &'a Loader<'_, '_>, widget: usize) -> Option<&'a str> {
    match loader.value(widget)? {
        Literal::Text(text) => Some(text),
        _ => None,
    }
}

/// A text, or what the node takes for it if an API file has none.
fn text_or<'a>(loader: &'a Loader<'_, '_>, widget: usize, absent: &'a str) -> Option<&'a str> {
    if loader.settings.get(widget) == Some(&Held::Absent) { Some(absent) } else { text(loader, widget) }
}

fn number(loader: &Loader<'_, '_>, widget: usize) -> Option<f64> {
    match loader.value(widget)? {
        Literal::Number(number) => Some(*number),
        _ => None,
    }
}

/// What kind of model a class loads, by the folders that its files are in; None if they are none of those.
pub(super) fn loaded(class: &Class) -> Option<LoaderKind> {
    let (_, categories) = class.models().next()?;
    let has = |name: &str| categories.iter().any(|category| category == name);
    let kinds = [
        ("unet_gguf", LoaderKind::GgufDiffusion),
        ("clip_gguf", LoaderKind::GgufTextEncoder),
        ("diffusion_models", LoaderKind::Diffusion),
        ("unet", LoaderKind::Diffusion),
        ("text_encoders", LoaderKind::TextEncoder),
        ("clip", LoaderKind::TextEncoder),
        ("vae", LoaderKind::Vae),
        ("vae_approx", LoaderKind::Vae),
        ("clip_vision", LoaderKind::ClipVision),
        ("checkpoints", LoaderKind::Checkpoint),
        ("controlnet", LoaderKind::ControlNet),
    ];
    kinds.into_iter().find(|(name, _)| has(name)).map(|(_, kind)| kind)
}

/// Does a class load a diffusion model?
pub(super) fn loads_diffusion(class: &Class) -> bool {
    matches!(loaded(class), Some(LoaderKind::GgufDiffusion | LoaderKind::Diffusion | LoaderKind::Checkpoint))
}

/// Does a class load a text encoder and nothing else?
pub(super) fn loads_text_encoder(class: &Class) -> bool {
    matches!(loaded(class), Some(LoaderKind::GgufTextEncoder | LoaderKind::TextEncoder))
}

impl Allotment<'_> {
    /// Does it make the node distribute the model? None if that is not known.
    pub(super) fn acts(&self) -> Option<bool> {
        match (self.string, self.gigabytes) {
            (Some(""), Some(gigabytes)) => Some(gigabytes > 0.0),
            (Some(string), _) if !string.is_empty() => Some(true),
            (_, Some(gigabytes)) if gigabytes > 0.0 => Some(true),
            _ => None,
        }
    }

    /// Does the node unload everything from the compute device first? It does so for GPUs only.
    pub(super) fn evicts(&self) -> bool {
        let on_gpu = self.compute.is_some_and(|compute| compute != "cpu");
        on_gpu
            && self.gigabytes.is_some_and(|gigabytes| gigabytes > 0.0)
            && self.donor.is_some_and(|donor| !donor.is_empty())
    }

    /// `` `unet` of `` for one of several, else nothing.
    pub(super) fn label(&self) -> String {
        self.part.label.as_ref().map(|label| format!("{label}: ")).unwrap_or_default()
    }
}
