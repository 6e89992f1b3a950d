//! What is known besides the log: workflows and models.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;

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
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(arguments: &'a cli::log::Log) -> Result<Self> {
        let mut loaders = Loaders::default();
        let mut installations = Installations::cached(&arguments.installation);
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
        Ok(Self { arguments, loaders, models, loras })
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
                    self.compare(load, |card, accounting| outline.open(node.load, card, accounting))
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

    fn of_model(&self, load: &Load) -> Result<Comparison, String> {
        let fits = self.models.iter().find(|named| has_layers_of(named, load));
        let named = fits.ok_or_else(|| "no --model has the layers of this one".to_owned())?;
        self.compare(load, |card, accounting| {
            let loras = if accounting == Accounting::Offload { self.loras.clone() } else { Vec::new() };
            let text_encoder = load.kind == Some(LoadKind::TextEncoder);
            let loading = Loading { card, loras, weight_type: None, text_encoder };
            let opened = NamedModel::open(Path::new(&named.name), &loading);
            opened.map(|named| (named, loading)).map_err(|error| format!("{error:#}"))
        })
    }

    fn compare(
        &self,
        load: &Load,
        open: impl Fn(Card, Accounting) -> Result<(NamedModel, Loading), String>,
    ) -> Result<Comparison, String> {
        compare(load, self.arguments.gpu_arch, open)
    }
}
