//! Carries out what was prepared. How to take a step back is noted before the step.

use std::env;

use anyhow::{Context as _, Result};

use super::prepare::Prepared;
use crate::advice::Advise as _;
use crate::commands::apply;
use crate::commands::workflow::edit;
use crate::guard::State;
use crate::pipeline::Repair;
use crate::report::SetupReport;
use crate::report::setup::{SetupKind, SetupState, SetupStep};
use crate::store::Replacement;
use crate::store::setup::{Done, Guarded, Setups};
use crate::text::real_or_same;
use crate::workflow::json;

impl Prepared<'_> {
    /// Carries out each step in turn, up to the first that fails.
    pub(super) fn carry_out(&mut self) -> Result<()> {
        let Self { report, facts, comfyui, workflows, guard, guarded } = self;
        let root = &facts.checkout.root;
        let setups = Setups::of(comfyui, usize::try_from(json::MOST_BYTES)?)?;
        let done = setups.read()?.filter(|done| done.node == *root).unwrap_or_else(|| Done::new(root));
        let mut notes = Notes { setups, done };
        let repair = facts.repair.as_ref();
        notes.step(
            step(report, SetupKind::Repair, 0),
            |done| done.note_repair(&repair.map(Repair::replacements).unwrap_or_default()),
            || apply::write(facts).map(drop),
        )?;
        for (at, workflow) in workflows.iter().enumerate() {
            let [old, new] = &workflow.texts;
            let real = real_or_same(&workflow.path);
            let is_changed = old != new;
            notes.step(
                step(report, SetupKind::Workflow, at),
                |done| done.note_workflow(&Replacement { path: real.clone(), old, new }),
                || {
                    let replacement = Replacement { path: workflow.path.clone(), old, new };
                    if is_changed { edit::store(&workflow.path)?.repair(&[replacement]) } else { Ok(()) }
                },
            )?;
            report.may_be_open |= is_changed && edit::is_listed(&workflow.path);
        }
        let program =
            env::current_exe().context("cannot find the path of this program").help("start it by its full path")?;
        let settings = Guarded {
            folder: guard.folder().to_owned(),
            program: program.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        notes.step(
            step(report, SetupKind::Guard, 0),
            // One that was there stays when this is taken back.
            |done| done.guard = done.guard.take().or((*guarded == State::Absent).then_some(settings)),
            || guard.install(&program),
        )
    }
}

/// The step of a kind; of several the one at this place.
fn step(report: &mut SetupReport, kind: SetupKind, at: usize) -> Option<&mut SetupStep> {
    report.steps.iter_mut().filter(|step| step.kind == kind).nth(at)
}

/// What was done so far, and where that is kept.
struct Notes {
    setups: Setups,
    done: Done,
}

impl Notes {
    /// Carries out a step, if there is something to do in it. What fails is not noted any more.
    fn step(
        &mut self,
        step: Option<&mut SetupStep>,
        note: impl FnOnce(&mut Done),
        act: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let Some(step) = step.filter(|step| step.state.is_to_do()) else { return Ok(()) };
        let before = self.done.clone();
        note(&mut self.done);
        let acted = self.setups.write(&self.done).and_then(|()| act());
        match &acted {
            Ok(()) if step.state == SetupState::ToDo => step.state = SetupState::Done,
            Ok(()) => {}
            Err(_) => {
                step.state = SetupState::Failed;
                self.done = before;
                // The error of the step is the one to be told.
                let _ = self.setups.write(&self.done);
            }
        }
        acted
    }
}
