//! The workflows of a setup: what each loader gets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::advice::{self, Advise as _};
use crate::allocator::gigabytes;
use crate::checks::{Step, Told};
use crate::cli;
use crate::cli::setup::Setup;
use crate::commands::workflow::edit;
use crate::commands::workflow::fit::{Fitted, Fitter, Fitting};
use crate::commands::workflow::installation::Installations;
use crate::commands::workflow::set::look_at_plan;
use crate::inputs::Kind;
use crate::install::layout::Installation;
use crate::install::{self, Checkout};
use crate::machine::Machine;
use crate::plan::devices;
use crate::report::setup::{SetupLoader, SetupState, SetupStep};
use crate::text::{quoted, real_or_same, shown};
use crate::workflow::change::{Change, Conversion, Fate, Selection, Wanted, convert, set_each};
use crate::workflow::{Container, Workflow};

/// What is known besides the workflows.
pub(super) struct Workflows<'a> {
    pub(super) arguments: &'a Setup,
    pub(super) installation: &'a Installation,
    pub(super) checkout: &'a Checkout,
    pub(super) told: &'a Told,
    pub(super) machine: &'a Machine,
}

/// A workflow that is to be changed, or is as it should be.
pub(super) struct Prepared {
    /// The file as it was named.
    pub(super) path: PathBuf,
    /// Its text, and the one that it is to have.
    pub(super) texts: [String; 2],
    /// The workflow as it is to be.
    pub(super) after: Workflow,
}

impl Workflows<'_> {
    /// Prepares each workflow, in the order in which they were named, and says what is to be done with it. Fails if one cannot
    /// be read, or not be written.
    pub(super) fn prepare(&self) -> Result<Vec<(Prepared, SetupStep)>> {
        let named =
            cli::workflow::Installation { comfyui: self.told.comfyui.clone(), node: Some(self.checkout.root.clone()) };
        let mut installations = Installations::new(&named);
        let fitter =
            Fitter::of(&self.arguments.machine, devices::numbered(self.machine.gpus.as_deref().unwrap_or_default()));
        let mut done = BTreeSet::new();
        let files = self.arguments.workflows.iter().filter(|path| done.insert(real_or_same(path)));
        files.map(|path| self.one(path, &mut installations, &fitter)).collect()
    }

    fn one(
        &self,
        path: &Path,
        installations: &mut Installations<'_>,
        fitter: &Fitter<'_>,
    ) -> Result<(Prepared, SetupStep)> {
        ensure!(
            !path.is_dir(),
            anyhow!("{} is a folder", shown(path)).help("name workflows after --workflow, and PATH before it")
        );
        let workflow = Workflow::open(path)?;
        let is_plain = matches!(workflow.container(), Container::Json(encoding) if encoding.is_utf8());
        ensure!(
            is_plain,
            anyhow!("{}: only workflows in JSON files in UTF-8 are set up", shown(path))
                .help("open it in ComfyUI, and save it there")
        );
        let unset = |state, why: &str, help| {
            let step = SetupStep::unset(&self.installation.comfyui, path, state, why, help);
            Self::prepared(path, &workflow, workflow.text(), step)
        };
        if !fitter.has_gpus() {
            let why = self.machine.gpus.as_ref().err().map_or("no GPU was found", String::as_str);
            let help =
                "If this is not the computer that runs ComfyUI, name its GPUs: --vram cuda:0=12gb --vram cuda:1=16gb.";
            return unset(SetupState::Unknown, why, vec![String::from(help)]);
        }
        let classes = installations.classes(path, &workflow)?;
        let installed = installations.of(path)?;
        // Virtual VRAM, which new loaders have, makes models unload each other.
        let wanted = Wanted { virtual_vram: Some(0.0), ..Wanted::default() };
        let how = Conversion { wanted, version: self.checkout.version.clone() };
        let cannot = || format!("{}: its loaders cannot be converted", shown(path));
        let converted = convert(&workflow, &classes, &Selection::default(), &how).with_context(cannot)?;
        let middle = Workflow::parse(converted.text.clone())?;
        if !middle.loaders(&classes)?.iter().any(|loader| loader.class.kind == Kind::DisTorch2) {
            let why = "none of its loaders can become one of DisTorch2 with the packs that are installed here";
            let help = format!("To see more: distorch-fix workflow check {}", quoted(path));
            return unset(SetupState::Impossible, why, vec![help]);
        }
        let (why, fitted) = match fitter.fit(&middle, &classes, &installed) {
            Ok(Fitting::Fits(fitted)) => (None, fitted),
            Ok(Fitting::Unknown { why, files: (0, _), shared }) => (Some(why), shared),
            Ok(Fitting::Unknown { files: (unknown, all), shared, .. }) => {
                let check = quoted(path);
                let why = format!(
                    "the files of {unknown} of its {all} models were not found (`distorch-fix workflow check {check}` says \
                     where they are looked for)"
                );
                (Some(why), shared)
            }
            Ok(Fitting::Nothing) => {
                let why = "no amounts were found with which it fits these GPUs and the main memory";
                let help = format!("Smaller files of its models may fit; {}.", look_at_plan(path));
                return unset(SetupState::Impossible, why, vec![help]);
            }
            Err(error) => {
                let help = advice::help(&error).into_iter().map(|help| format!("To go on, {help}.")).collect();
                return unset(SetupState::Impossible, &format!("{error:#}"), help);
            }
        };
        let own: Vec<_> = fitted.iter().map(|fitted| fitted.own.clone()).collect();
        let set = set_each(&middle, &classes, &own)?;
        let step = self.step(path, &converted, &set, &fitted, why.as_deref());
        Self::prepared(path, &workflow, &set.text, step)
    }

    fn prepared(path: &Path, workflow: &Workflow, text: &str, step: SetupStep) -> Result<(Prepared, SetupStep)> {
        let texts = edit::in_place(path, workflow, text)?;
        let after = Workflow::parse(text.to_owned())?;
        Ok((Prepared { path: path.to_owned(), texts, after }, step))
    }

    fn step(&self, path: &Path, converted: &Change, set: &Change, fitted: &[Fitted], why: Option<&str>) -> SetupStep {
        let was: BTreeMap<&str, &str> =
            converted.nodes.iter().filter_map(|node| Some((&*node.id, node.was.as_deref()?))).collect();
        let changed: BTreeSet<&str> =
            set.nodes.iter().filter(|node| matches!(node.fate, Fate::Changed { .. })).map(|node| &*node.id).collect();
        let loaders: Vec<SetupLoader> = fitted
            .iter()
            .map(|Fitted { model, own }| SetupLoader {
                id: own.node.clone(),
                model: model.clone(),
                was: was.get(&*own.node).map(|class| (*class).to_owned()),
                string: own.string.clone(),
                is_changed: was.contains_key(&*own.node) || changed.contains(&*own.node),
            })
            .collect();
        let commands = self.commands(path, !was.is_empty(), fitted, &changed, why.is_none());
        let step = SetupStep::workflow(&self.installation.comfyui, path, loaders, converted);
        let headroom = format!("{:.1} GB", gigabytes(self.arguments.machine.headroom));
        let step = match why {
            None => step.fitting(&headroom),
            Some(why) => step.sharing(why),
        };
        SetupStep { commands, ..step }
    }

    /// The commands that do the same.
    fn commands(
        &self,
        path: &Path,
        converts: bool,
        fitted: &[Fitted],
        changed: &BTreeSet<&str>,
        fits: bool,
    ) -> Vec<String> {
        let mut told = self.told.clone();
        // A ComfyUI around the file is found without being named.
        let around = std::path::absolute(path).ok().and_then(|path| install::comfyui_around(&path));
        told.comfyui = told.comfyui.filter(|comfyui| around.as_ref() != Some(comfyui));
        let mut commands = Vec::new();
        if converts {
            commands.push(Step::Convert.command(path, None, &told));
        }
        if fits && (converts || !changed.is_empty()) {
            commands.push(Step::Fit.command(path, None, &told));
        }
        if !fits {
            let mut by_string: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for own in fitted.iter().map(|fitted| &fitted.own).filter(|own| changed.contains(&*own.node)) {
                by_string.entry(&own.string).or_default().push(&own.node);
            }
            let set = |(string, nodes): (&str, Vec<&str>)| {
                let (file, nodes) = (quoted(path), nodes.join(" --node "));
                format!("distorch-fix workflow set \"{string}\" {file} --node {nodes}{}", told.installation())
            };
            commands.extend(by_string.into_iter().map(set));
        }
        commands
    }
}
