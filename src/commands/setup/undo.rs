//! `setup --undo`: takes back what setups did, and nothing else.

use std::path::Path;

use anyhow::{Error, Result};

use super::in_command;
use crate::advice;
use crate::cli::setup::Setup;
use crate::commands::revert::take_back;
use crate::commands::workflow::edit;
use crate::guard::{Guard, Removal, State};
use crate::install::layout;
use crate::install::{self, Checkout};
use crate::render::{Human, Planned, Render as _, Screen};
use crate::report::setup::{SetupEnding, SetupKind, SetupState, SetupStep, Subjects, reversed};
use crate::report::{Ending, Outcome, SetupReport, Subject};
use crate::revert::Reversal;
use crate::store::setup::{Done, Guarded, Setups};
use crate::store::{Journal, Record, Store};
use crate::text::{quoted, shown, shown_name};
use crate::workflow::json;

/// The state of a part, what is said of it, and what to do.
type Part = (SetupState, String, Vec<String>);

pub(super) fn run(arguments: &Setup, screen: &mut Screen) -> Result<Outcome> {
    let comfyui = layout::installation(&arguments.path)?.comfyui;
    let setups = Setups::of(&comfyui, usize::try_from(json::MOST_BYTES)?)?;
    let subjects = Subjects {
        comfyui: &comfyui,
        comfyui_version: None,
        node_version: None,
        gpus: Vec::new(),
        path: in_command(arguments),
        arguments: String::new(),
    };
    let mut report = SetupReport::new(subjects, true);
    if let Some(done) = setups.read()? {
        let mut undo = Undo { setups, done, dry_run: arguments.dry_run, comfyui: &comfyui, steps: Vec::new() };
        undo.guard()?;
        undo.workflows()?;
        undo.repair(&in_command(arguments))?;
        report.steps = undo.steps;
    }
    let is = |states: &[SetupState]| report.steps.iter().any(|step| states.contains(&step.state));
    let ending = if is(&[SetupState::Impossible, SetupState::Failed]) {
        SetupEnding::Failed
    } else if is(&[SetupState::ToDo]) {
        SetupEnding::DryRun
    } else if is(&[SetupState::Done]) {
        SetupEnding::Done
    } else {
        SetupEnding::Nothing
    };
    let report = report.ended(ending, None);
    if arguments.format.asks {
        Human.render(&Planned(&report), screen)?;
    }
    arguments.format.renderer.render(&report, screen)?;
    Ok(report.outcome())
}

struct Undo<'a> {
    setups: Setups,
    done: Done,
    dry_run: bool,
    comfyui: &'a Path,
    steps: Vec<SetupStep>,
}

impl Undo<'_> {
    /// First, so that no start repairs the node again.
    fn guard(&mut self) -> Result<()> {
        let Some(guarded) = self.done.guard.clone() else { return Ok(()) };
        let part = removed(&guarded, self.dry_run);
        let title = String::from("Remove the guard");
        self.part(&guarded.folder, (SetupKind::Guard, title), part, |done| done.guard = None)
    }

    /// The last one that was set comes first.
    fn workflows(&mut self) -> Result<()> {
        for record in self.done.workflows.records.clone().into_iter().rev() {
            let path = record.path.clone();
            let part = workflow(&record, self.dry_run).unwrap_or_else(|error| failed(&error));
            let title = (SetupKind::Workflow, format!("Restore {}", shown_name(&path)));
            self.part(&path, title, part, |done| done.strike_workflow(&path))?;
        }
        Ok(())
    }

    fn repair(&mut self, path: &str) -> Result<()> {
        if self.done.repair.records.is_empty() {
            return Ok(());
        }
        let (root, records) = (self.done.node.clone(), self.done.repair.records.clone());
        let found = install::locate(&root).ok().into_iter().flat_map(|search| search.checkouts);
        let part = match found.into_iter().find(|checkout| checkout.root == root) {
            Some(checkout) => repair(&checkout, records, self.dry_run, path).unwrap_or_else(|error| failed(&error)),
            None => (SetupState::Already, String::from("The node is not there any more."), Vec::new()),
        };
        let title = (SetupKind::Repair, String::from("Restore the code of the node"));
        self.part(&root, title, part, |done| done.repair = Journal::default())
    }

    /// Adds a part. What is taken back, or gone, is not noted any more.
    fn part(
        &mut self,
        path: &Path,
        title: (SetupKind, String),
        (state, about, help): Part,
        forget: impl FnOnce(&mut Done),
    ) -> Result<()> {
        self.steps.push(SetupStep::undone(self.comfyui, path, title, (state, about), help));
        if !self.dry_run && matches!(state, SetupState::Done | SetupState::Already) {
            forget(&mut self.done);
            self.setups.write(&self.done)?;
        }
        Ok(())
    }
}

/// Removes a guard, if it is still the one that setup installed.
fn removed(guarded: &Guarded, dry_run: bool) -> Part {
    let guard = Guard::of(guarded.folder.parent().unwrap_or(&guarded.folder));
    let left = |why: &str| {
        let help = format!(
            "To remove it: distorch-fix guard remove {}",
            quoted(guarded.folder.parent().unwrap_or(Path::new(".")))
        );
        (SetupState::Impossible, format!("{why}, so it was left there."), vec![help])
    };
    match guard.state() {
        State::Absent => (SetupState::Already, String::from("It is not there any more."), Vec::new()),
        State::Foreign(_) => left("Something else is in its place"),
        State::Installed(settings, _)
            if (&settings.program, &settings.version) != (&guarded.program, &guarded.version) =>
        {
            left("It was installed again since, with another program")
        }
        State::Installed(..) if dry_run => (SetupState::ToDo, String::from("Its folder is removed."), Vec::new()),
        State::Installed(..) => match guard.remove() {
            Ok(Removal::Left(_)) => (
                SetupState::Done,
                format!("It is removed; other files are left in {}.", shown(guard.folder())),
                Vec::new(),
            ),
            Ok(_) => (SetupState::Done, String::from("Its folder is removed."), Vec::new()),
            Err(error) => failed(&error),
        },
    }
}

fn workflow(record: &Record, dry_run: bool) -> Result<Part> {
    let path = &record.path;
    let store = edit::store(path)?;
    let reversal = Reversal::of_workflow_records(path, vec![record.clone()])?;
    let by_hand = format!("distorch-fix workflow revert {}", quoted(path));
    Ok(undone(&reversal, Subject::Workflow, dry_run, &store, &by_hand))
}

fn repair(checkout: &Checkout, records: Vec<Record>, dry_run: bool, path: &str) -> Result<Part> {
    let store = Store::of(checkout)?;
    let reversal = Reversal::of_records(checkout, records)?;
    Ok(undone(&reversal, Subject::Checkout, dry_run, &store, &format!("distorch-fix revert{path}")))
}

/// Undoes edits, as far as nothing has changed them since; `by_hand` is the command that shows what has.
fn undone(reversal: &Reversal, subject: Subject, dry_run: bool, store: &Store, by_hand: &str) -> Part {
    let (ending, result) = take_back(reversal, subject, dry_run, |replacements| store.undo(replacements));
    match (ending, result) {
        (Ending::Refused, Err(error)) => {
            let help = format!("To see the lines: {by_hand}");
            (SetupState::Impossible, format!("{error:#}."), vec![help])
        }
        (_, Err(error)) => failed(&error),
        (ending, Ok(())) => reversed(reversal, subject, ending),
    }
}

fn failed(error: &Error) -> Part {
    let help = advice::help(error).into_iter().map(|help| format!("To go on, {help}.")).collect();
    (SetupState::Failed, format!("{error:#}."), help)
}
