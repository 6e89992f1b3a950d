//! What is known of a workflow's models before the machine is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::contents;
use super::flow::{self, Kind, Work};
use super::loads::{self, Load, Named, Placing, Sources};
use super::order::Order;
use super::prompt::{Prompt, Step};
use crate::advice::Advise as _;
use crate::allocator::{Accounting, AllocationString};
use crate::inputs::Classes;
use crate::models::Folders;
use crate::plan::{Card, Loading, NamedModel};
use crate::workflow::node::Mode;
use crate::workflow::{Loader, Workflow};

/// The most nodes that compute with models. Each is a step of the simulation of all of memory.
const MOST_COMPUTING: usize = 1_000;
/// With more, it is not looked up which of them need each other.
const MOST_COMPARED: usize = 100;

/// The models of a workflow and when they are at work.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// The models, in the order in which they are first at work.
    pub loads: Vec<Load>,
    /// The nodes that compute with them, in their order.
    pub(super) computing: Vec<Computing>,
    /// The LoRA files for each model.
    loras: Vec<Vec<Result<PathBuf, String>>>,
    /// What is not known.
    pub unknown: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// A node that computes with models.
#[derive(Debug, Clone)]
pub(super) struct Computing {
    pub(super) node: Named,
    /// The models, as indices.
    pub(super) loads: Vec<usize>,
    /// The models that have been read by then.
    pub(super) read: Vec<usize>,
    /// Does it need the one before it?
    pub(super) follows: bool,
}

impl Outline {
    /// Finds the models of a workflow. `instead` has files to take instead of what is found, by the id of a node or the
    /// name of a file in it.
    ///
    /// # Errors If the workflow cannot be run, or has no loader node.
    pub fn of(
        workflow: &Workflow,
        classes: &Classes,
        folders: Option<&Folders>,
        instead: &HashMap<String, PathBuf>,
    ) -> Result<Self> {
        let prompt = Prompt::of(workflow)?;
        let order = Order::of(&prompt)?;
        let all = workflow.loaders(classes)?;
        let loaders: HashMap<&str, &Loader<'_, '_>> = all
            .iter()
            .filter(|loader| loader.mode == Mode::Active)
            .map(|loader| (loader.id.as_str(), loader))
            .collect();
        if loaders.is_empty() {
            bail!(
                anyhow!("no loader node that is known here runs in this workflow, so there is nothing to plan").help(
                    "a loader that is muted or bypassed does not run; --comfyui and --checkout say where classes are read"
                )
            );
        }
        let given: Vec<Vec<Kind>> = prompt
            .steps
            .iter()
            .map(|step| loaders.get(step.id.as_str()).map_or_else(Vec::new, |loader| kinds(loader, step)))
            .collect();
        let work = flow::work(
            &prompt,
            &order,
            |step, kind| given[step].contains(&kind),
            |step| loads::is_lora(&prompt.steps[step].class),
        );
        let sources = Sources { folders, instead };
        let mut outline = Self::default();
        outline.read(&prompt, &order, &work, |step, kind| {
            let loader = loaders.get(prompt.steps[step].id.as_str())?;
            Some(loads::load(loader, kind, given[step].first() == Some(&kind), &sources))
        })?;
        if outline.loads.is_empty() {
            bail!(
                anyhow!("no node computes with the models of this workflow's loaders, so there is nothing to plan")
                    .help("link the loaders to nodes that encode, sample or decode")
            );
        }
        outline.find_loras(workflow, &prompt, &work, folders);
        outline.tell_idle(&prompt, &order, &given, &work);
        outline.tell_strangers(&prompt, &order, &given);
        Ok(outline)
    }

    /// The strings of all models.
    pub fn strings(&self) -> Vec<AllocationString> {
        let string = |load: &Load| match &load.placing {
            Ok(Placing::Distributed(string)) => Some(string.clone()),
            _ => None,
        };
        self.loads.iter().filter_map(string).collect()
    }

    /// What the files of a model hold, as they are loaded on a card; or why that is not known.
    pub fn open(&self, load: usize, card: Card, accounting: Accounting) -> Result<(NamedModel, Loading), String> {
        contents::open(&self.loads[load], card, self.loras(load), accounting, &mut Vec::new())
    }

    /// The LoRA files for a model.
    pub(super) fn loras(&self, load: usize) -> &[Result<PathBuf, String>] {
        &self.loras[load]
    }

    /// The nodes that compute, and the models that they need.
    fn read(
        &mut self,
        prompt: &Prompt,
        order: &Order,
        work: &[Vec<Work>],
        load: impl Fn(usize, Kind) -> Option<Load>,
    ) -> Result<()> {
        let mut known: BTreeMap<(usize, Kind), usize> = BTreeMap::new();
        for work in work.iter().flatten() {
            let key = (work.loader, work.kind);
            if !known.contains_key(&key)
                && let Some(load) = load(work.loader, work.kind)
            {
                known.insert(key, self.loads.len());
                self.loads.push(load);
            }
        }
        let computing = work.iter().filter(|work| !work.is_empty()).count();
        if computing > MOST_COMPUTING {
            bail!("more than {MOST_COMPUTING} nodes compute with models");
        }
        let mut position = vec![usize::MAX; prompt.steps.len()];
        order.steps.iter().enumerate().for_each(|(at, step)| position[*step] = at);
        let mut before = None;
        for (at, (&step, work)) in order.steps.iter().zip(work).enumerate() {
            let loads: Vec<usize> =
                work.iter().filter_map(|work| known.get(&(work.loader, work.kind)).copied()).collect();
            if loads.is_empty() {
                continue;
            }
            let read = known.iter().filter(|((loader, _), _)| position[*loader] < at).map(|(_, load)| *load);
            let follows = computing > MOST_COMPARED || before.is_none_or(|before| Order::needs(prompt, step, before));
            let node = named(&prompt.steps[step]);
            self.computing.push(Computing { node, loads, read: read.collect(), follows });
            before = Some(step);
        }
        if order.outputs.len() > 1 {
            self.notes.push(format!(
                "it has {} outputs; ComfyUI runs them in any order, and here that of the file is taken",
                order.outputs.len()
            ));
        }
        Ok(())
    }

    fn find_loras(&mut self, workflow: &Workflow, prompt: &Prompt, work: &[Vec<Work>], folders: Option<&Folders>) {
        self.loras = vec![Vec::new(); self.loads.len()];
        let categories = ["loras".to_owned()];
        for (load, loras) in self.loads.iter().zip(&mut self.loras) {
            let is_same = |work: &&Work| prompt.steps[work.loader].id == load.node.id && work.kind == load.kind;
            let mut steps: Vec<usize> = Vec::new();
            for patch in work.iter().flatten().filter(is_same).flat_map(|work| &work.patches) {
                if !steps.contains(patch) {
                    steps.push(*patch);
                }
            }
            let names = steps.iter().flat_map(|step| loads::lora_names(workflow, prompt, *step));
            *loras = names.map(|name| loads::file(folders, &categories, &name, &mut self.notes)).collect();
        }
    }

    /// Says which loaders load for nothing.
    fn tell_idle(&mut self, prompt: &Prompt, order: &Order, given: &[Vec<Kind>], work: &[Vec<Work>]) {
        let at_work: HashSet<usize> = work.iter().flatten().map(|work| work.loader).collect();
        for &step in &order.steps {
            if !given[step].is_empty() && !at_work.contains(&step) {
                let Named { id, class, .. } = named(&prompt.steps[step]);
                self.notes.push(format!("node {id} ({class}): nothing that is known to compute uses its model"));
            }
        }
    }

    /// Says which other nodes give models.
    fn tell_strangers(&mut self, prompt: &Prompt, order: &Order, given: &[Vec<Kind>]) {
        let gives = flow::given(prompt);
        for &step in &order.steps {
            let about = &prompt.steps[step];
            let is_model = |kind: &&str| kind.ends_with("MODEL") || ["CLIP", "VAE"].contains(kind);
            if gives[step].iter().any(is_model) && given[step].is_empty() && about.links.is_empty() {
                self.unknown.push(format!("node {} ({}): how it loads its model is not known", about.id, about.class));
            }
        }
    }
}

fn kinds(loader: &Loader<'_, '_>, step: &Step) -> Vec<Kind> {
    loads::kinds(loader.class, step.outputs.as_deref())
}

fn named(step: &Step) -> Named {
    Named { id: step.id.clone(), class: step.class.clone(), title: None }
}
