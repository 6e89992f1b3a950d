//! Everything that a setup would do. Nothing is written yet.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::in_command;
use super::workflows::{self, Workflows};
use crate::allocator::{gigabytes, size};
use crate::cache::Cache;
use crate::checks::Told;
use crate::cli::setup::Setup;
use crate::comfyui;
use crate::commands::guard;
use crate::doctor::{self, Named};
use crate::guard::{Guard, State};
use crate::install::Files;
use crate::install::layout::Installation;
use crate::machine::{Card, Machine};
use crate::pipeline::{Facts, Repair};
use crate::plan::HEADROOM;
use crate::report::SetupReport;
use crate::report::setup::{SetupStep, Subjects};
use crate::store::replaceable;
use crate::text::{quoted, real_or_same};

/// Everything that is needed to carry it out.
pub(super) struct Prepared<'c> {
    /// The steps: the repair, each workflow, the guard, and the start.
    pub(super) report: SetupReport,
    pub(super) facts: Facts<'c>,
    pub(super) comfyui: PathBuf,
    pub(super) workflows: Vec<workflows::Prepared>,
    pub(super) guard: Guard,
    /// Its state before.
    pub(super) guarded: State,
}

impl<'c> Prepared<'c> {
    /// Prepares every step. Fails if one of them makes the others pointless.
    pub(super) fn new(arguments: &Setup, facts: Facts<'c>, installation: Installation) -> Result<Self> {
        let (checkout, comfyui) = (facts.checkout, installation.comfyui.clone());
        let machine = machine(arguments);
        let path = in_command(arguments);
        let told = told(arguments, &installation, &facts);
        let workflows = Workflows { arguments, installation: &installation, checkout, told: &told, machine: &machine };
        let (workflows, steps): (Vec<_>, Vec<_>) = workflows.prepare()?.into_iter().unzip();
        let guard = guard::of_installation(&installation)?;
        let guarded = guard.state();

        let cache = Cache::of_user();
        let version = comfyui::read(&Files::Folder(comfyui.clone()), cache.as_ref()).ok().and_then(|read| read.version);
        let mut report = SetupReport::new(
            Subjects {
                comfyui: &comfyui,
                comfyui_version: version,
                node_version: checkout.version.clone(),
                gpus: if workflows.is_empty() { Vec::new() } else { gpus(&machine) },
                path: path.clone(),
                arguments: further(arguments, &told),
            },
            false,
        );
        report.steps.push(SetupStep::repair(&facts, &path));
        if workflows.is_empty() {
            report.steps.push(SetupStep::no_workflow());
        }
        report.steps.extend(steps);
        report.steps.push(SetupStep::guard(&comfyui, &guard, &guarded, &path));
        let changed: Vec<_> =
            workflows.iter().map(|workflow| (workflow.path.clone(), workflow.after.clone())).collect();
        let named = Named { changed: &changed, ..Named::default() };
        let known = doctor::gather(installation, &named, || machine, cache.as_ref(), &|_| ());
        let mut files = String::new();
        for workflow in &workflows {
            let _ = write!(files, " --workflow {}", quoted(&workflow.path));
        }
        report.steps.push(SetupStep::start(&comfyui, &doctor::start(&known), &path, &files));
        let prepared = Self { report, facts, comfyui, workflows, guard, guarded };
        prepared.can_be_carried_out()?;
        Ok(prepared)
    }

    /// Fails if a file may not be replaced: that is better known before the first one is.
    fn can_be_carried_out(&self) -> Result<()> {
        let replacements = self.facts.repair.as_ref().map(Repair::replacements).unwrap_or_default();
        let workflows = self.workflows.iter().filter(|workflow| workflow.texts[0] != workflow.texts[1]);
        let files = replacements.iter().map(|replacement| &*replacement.path).chain(workflows.map(|each| &*each.path));
        for file in files {
            replaceable(&real_or_same(file))?;
        }
        Ok(())
    }
}

/// What the commands for workflows have to be told.
fn told(arguments: &Setup, installation: &Installation, facts: &Facts<'_>) -> Told {
    let machine = &arguments.machine;
    let root = &facts.checkout.root;
    Told {
        comfyui: Some(installation.comfyui.clone()),
        checkout: Some(root.clone()).filter(|root| !root.starts_with(&installation.comfyui)),
        vram: machine.vram.clone(),
        ram_bytes: machine.ram,
        headroom_bytes: Some(machine.headroom).filter(|bytes| size(HEADROOM) != Some(*bytes)),
        base_directory: machine.folders.base_directory.clone(),
        extra_model_paths: machine.folders.extra_model_paths_config.clone(),
    }
}

/// The machine, with the GPUs that the user names.
fn machine(arguments: &Setup) -> Machine {
    let named = &arguments.machine.vram;
    let machine = Machine::here();
    if named.is_empty() {
        return machine;
    }
    let number = |device: &str| device.strip_prefix("cuda:").and_then(|number| number.parse().ok());
    let cards = named.iter().filter_map(|(device, bytes)| {
        Some(Card { index: number(device.as_str())?, total_bytes: *bytes, ..Card::default() })
    });
    Machine { gpus: Ok(cards.collect()), ..machine }
}

/// The GPUs, for people.
fn gpus(machine: &Machine) -> Vec<String> {
    let cards = machine.gpus.as_deref().unwrap_or_default();
    let each = cards.iter().map(|card| {
        let name = card.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        format!("cuda:{}  {name}{:.1} GB", card.index, gigabytes(card.total_bytes))
    });
    each.collect()
}

/// The arguments behind PATH, to run it again.
fn further(arguments: &Setup, told: &Told) -> String {
    let mut out = String::new();
    if !arguments.workflows.is_empty() {
        out.push_str(" --workflow");
    }
    for file in &arguments.workflows {
        let _ = write!(out, " {}", quoted(file));
    }
    out + &told.machine()
}
