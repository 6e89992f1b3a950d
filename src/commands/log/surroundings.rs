//! What is known besides the log: workflows and models.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;

use super::source::Source;
use crate::advice::Advise as _;
use crate::allocator::Accounting;
use crate::cli;
use crate::commands::workflow::{installation::Installations, plan::instead};
use crate::log::{Ended, Load, LoadKind, Outcome, Prompt, Start};
use crate::plan::{Card, Loading, Lora, NamedModel};
use crate::report::PromptReport;
use crate::seen::plan::{compare, has_layers_of};
use crate::seen::{About, Comparison, Loaders};
use crate::stages::Outline;
use crate::text::shown;
use crate::workflow::Workflow;

/// What was given besides the log.
pub(super) struct Surroundings<'a> {
    arguments: &'a cli::log::Log,
    loaders: Loaders,
    /// Those given with `--model` alone.
    models: Vec<NamedModel>,
    loras: Vec<Lora>,
    /// What was opened already: a log has many loads of few models.
    opened: RefCell<HashMap<String, Opened>>,
}

/// A model as it is loaded; or why it is not known.
type Opened = Result<(NamedModel, Loading), String>;

impl<'a> Surroundings<'a> {
    /// What the arguments name. Workflows are read with the ComfyUI that the log is of, unless another is named.
    pub(super) fn new(arguments: &'a cli::log::Log, source: &Source) -> Result<Self> {
        let mut loaders = Loaders::default();
        let cli::workflow::Installation { comfyui, node } = &arguments.installation;
        let comfyui = comfyui.clone().or_else(|| source.comfyui.clone());
        let installation = cli::workflow::Installation { comfyui, node: node.clone() };
        let mut installations = Installations::cached(&installation);
        let is_of_workflow = !arguments.workflow.is_empty();
        let instead = if is_of_workflow { instead(&arguments.model)? } else { HashMap::new() };
        for file in &arguments.workflow {
            let workflow = Workflow::open(file)?;
            let classes = installations.classes(file, &workflow)?;
            let folders = installations.of(file)?.folders(&arguments.folders)?;
            let outline = Outline::of(&workflow, &classes, folders.as_ref(), &instead);
            loaders.add(&shown(file), outline.help("leave this --workflow out, or name the one that ran")?);
        }
        let loras = arguments.lora.iter().map(|file| Lora::open(file)).collect::<Result<Vec<_>>>()?;
        let named = arguments.model.iter().filter(|_| !is_of_workflow);
        let models = named.map(|name| NamedModel::open(name, &Loading::default())).collect::<Result<_>>()?;
        Ok(Self { arguments, loaders, models, loras, opened: RefCell::default() })
    }

    /// What is known of a load.
    pub(super) fn about(&self, start: &Start, prompt: &Prompt, load: &Load) -> About<'_> {
        let nodes = self.loaders.of(start, prompt, load);
        let has_tables = load.outcome == Outcome::Distributed && !load.assigned.is_empty();
        let plan = if !has_tables {
            None
        } else if !self.models.is_empty() {
            Some(self.of_model(load))
        } else if !self.arguments.workflow.is_empty() {
            Some(match &nodes[..] {
                [] => Err("no node of the workflow has this string".to_owned()),
                [node] => {
                    let outline = self.loaders.outline(node.workflow);
                    let name = format!("{}:{}", node.workflow, node.load);
                    self.compare(load, &name, |card, accounting| outline.open(node.load, card, accounting))
                }
                _ => Err("which node it is of is not known".to_owned()),
            })
        } else {
            None
        };
        About { nodes, plan }
    }

    /// The report about a prompt that has just ended.
    pub(super) fn prompt(&self, ended: &Ended) -> PromptReport {
        let Ended { start, prompt } = ended;
        PromptReport::new(prompt, start, |load| self.about(start, prompt, load))
    }

    /// Beside the model that has the same layers; of several, one that agrees.
    fn of_model(&self, load: &Load) -> Result<Comparison, String> {
        let mut first = None;
        for named in self.models.iter().filter(|named| has_layers_of(named, load)) {
            match self.compare(load, &named.name, |card, accounting| self.open(named, load, card, accounting)) {
                Ok(comparison) if comparison.agrees => return Ok(comparison),
                other => first = first.or(Some(other)),
            }
        }
        first.unwrap_or_else(|| Err("no --model has the layers of this one".to_owned()))
    }

    /// A model as it is loaded on a card.
    fn open(&self, named: &NamedModel, load: &Load, card: Card, accounting: Accounting) -> Opened {
        let loras = if accounting == Accounting::Offload { self.loras.clone() } else { Vec::new() };
        let text_encoder = load.kind == Some(LoadKind::TextEncoder);
        let loading = Loading { card, loras, weight_type: None, text_encoder };
        let opened = NamedModel::open(Path::new(&named.name), &loading);
        opened.map(|named| (named, loading)).map_err(|error| format!("{error:#}"))
    }

    /// Compares a load with a model of this name, each way of loading it opened once.
    fn compare(
        &self,
        load: &Load,
        name: &str,
        open: impl Fn(Card, Accounting) -> Opened,
    ) -> Result<Comparison, String> {
        compare(load, self.arguments.gpu_arch, |card, accounting| {
            let key = format!("{name} {:?} {card:?} {accounting:?}", load.kind);
            if let Some(known) = self.opened.borrow().get(&key) {
                return known.clone();
            }
            let opened = open(card, accounting);
            self.opened.borrow_mut().insert(key, opened.clone());
            opened
        })
    }
}
