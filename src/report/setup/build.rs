//! The steps, of the facts.

use std::path::Path;

use super::{SCHEMA, SetupEnding, SetupKind, SetupLine, SetupLoader, SetupReport, SetupState, SetupStep};
use crate::doctor::{Start, Step};
use crate::fixes::Status;
use crate::guard::{Guard, State};
use crate::pipeline::{Facts, Repair};
use crate::report::{Ending, Located, Outcome, ReversalReport, Subject, Verification};
use crate::revert::Reversal;
use crate::text::{counted, listed, shown, shown_name, visible};
use crate::workflow::change::{Change, Fate};

/// What a report is about.
pub struct Subjects<'s> {
    /// The folder of ComfyUI.
    pub comfyui: &'s Path,
    /// Its version.
    pub comfyui_version: Option<String>,
    /// The version of the node.
    pub node_version: Option<String>,
    /// The GPUs, for people.
    pub gpus: Vec<String>,
    /// PATH in commands, with a blank before it; empty for the current folder.
    pub path: String,
    /// The further arguments of the command.
    pub arguments: String,
}

impl SetupReport {
    /// The report of a run that has just begun.
    pub fn new(subjects: Subjects<'_>, is_undo: bool) -> Self {
        let Subjects { comfyui, comfyui_version, node_version, gpus, path, arguments } = subjects;
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            is_undo,
            comfyui: Located::new(comfyui, comfyui),
            comfyui_version,
            node_version,
            gpus,
            steps: Vec::new(),
            ending: SetupEnding::Nothing,
            exit_code: Outcome::InOrder.code(),
            command: format!("distorch-fix setup{path}{arguments}"),
            undo: format!("distorch-fix setup --undo{path}"),
            next: format!("distorch-fix log{path}"),
            may_be_open: false,
            error: None,
        }
    }
}

impl SetupStep {
    fn new(kind: SetupKind, title: impl Into<String>, state: SetupState) -> Self {
        Self {
            kind,
            path: None,
            title: title.into(),
            state,
            about: Vec::new(),
            loaders: Vec::new(),
            lines: Vec::new(),
            help: Vec::new(),
            commands: Vec::new(),
        }
    }

    fn about(mut self, sentence: impl Into<String>) -> Self {
        self.about.push(sentence.into());
        self
    }

    fn help(mut self, sentence: impl Into<String>) -> Self {
        self.help.push(sentence.into());
        self
    }

    fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    fn at(mut self, base: &Path, path: &Path) -> Self {
        let absolute = std::path::absolute(path);
        self.path = Some(Located::new(base, absolute.as_deref().unwrap_or(path)));
        self
    }

    /// The repair of a node that was examined and proved; `path` is PATH in a command.
    pub fn repair(facts: &Facts<'_>, path: &str) -> Self {
        const TITLE: &str = "Repair the node";
        let command = format!("distorch-fix apply{path}");
        let changes = facts.repair.as_ref().map_or(&[][..], |repair| &repair.changes);
        let Some(repair) = facts.repair.as_ref().filter(|_| !changes.is_empty()) else {
            return Self::new(SetupKind::Repair, TITLE, SetupState::Already)
                .about("The node is in order: there is nothing to repair.")
                .command(command);
        };
        let needed = repair.surveys.asked.iter().filter(|survey| survey.status == Status::Needed);
        let fixes = listed(needed.map(|survey| survey.fix));
        let files = listed(changes.iter().map(|change| shown_file(repair, change.file)));
        let (mut more, mut less) = (0, 0);
        for replacement in repair.replacements() {
            let (added, removed) = lines(replacement.old, replacement.new);
            (more, less) = (more + added, less + removed);
        }
        let about = format!("{files}: {} added, {less} removed ({fixes}).", counted(more, "line"));
        let step = Self::new(SetupKind::Repair, TITLE, SetupState::ToDo).about(about);
        let counts = Verification::from(&facts.proof).counts();
        let step = if counts.is_empty() {
            step
        } else {
            step.about(format!("The repaired code was tried in a sandbox, and is right: {counts}."))
        };
        step.command(command)
    }

    /// A workflow whose loaders get strings.
    pub fn workflow(base: &Path, path: &Path, loaders: Vec<SetupLoader>, left: &Change) -> Self {
        let changed = loaders.iter().filter(|loader| loader.is_changed).count();
        let converted = loaders.iter().filter(|loader| loader.was.is_some()).count();
        let lefts: Vec<_> = left
            .nodes
            .iter()
            .filter_map(|node| match &node.fate {
                Fate::Left { why, help } => Some((&node.id, why, help)),
                Fate::Changed { .. } | Fate::Same => None,
            })
            .collect();
        let state = match (changed, lefts.is_empty()) {
            (0, true) => SetupState::Already,
            (0, false) => SetupState::Impossible,
            (_, true) => SetupState::ToDo,
            (_, false) => SetupState::Partly,
        };
        let mut step = Self::of_workflow(base, path, state);
        if converted > 0 {
            let become_one = if converted == 1 { "becomes a DisTorch2 loader" } else { "become DisTorch2 loaders" };
            step = step.about(format!("{} {become_one}; links and other values stay.", counted(converted, "loader")));
        }
        for (id, why, help) in lefts {
            step = step
                .about(format!("Node {} stays as it is: {}.", visible(id), visible(why)))
                .help(format!("{}.", visible(help)));
        }
        Self { loaders, ..step }
    }

    /// That everything fits with the strings.
    #[must_use]
    pub fn fitting(self, headroom: &str) -> Self {
        match self.state {
            SetupState::Already => self.about("Every loader has amounts that fit these GPUs."),
            SetupState::ToDo | SetupState::Partly => {
                self.about(format!("With these amounts everything fits, and {headroom} stay free on each GPU:"))
            }
            _ => self,
        }
    }

    /// That what fits is unknown, for this reason.
    #[must_use]
    pub fn sharing(self, why: &str) -> Self {
        let unknown = format!("What fits is unknown, because {}.", visible(why));
        match self.state {
            SetupState::Already => self.about(unknown),
            _ => self.about(format!("{unknown} Until then, the GPUs share each model by their memory:")),
        }
    }

    /// A workflow that stays as it is: what fits is unknown, or nothing fits.
    pub fn unset(base: &Path, path: &Path, state: SetupState, why: &str, help: Vec<String>) -> Self {
        let why = visible(why);
        let about = match state {
            SetupState::Unknown => format!("It stays as it is. What fits is unknown, because {why}."),
            _ => format!("It stays as it is: {why}."),
        };
        Self { help, ..Self::of_workflow(base, path, state).about(about) }
    }

    /// A workflow was not named.
    pub fn no_workflow() -> Self {
        Self::new(SetupKind::Workflow, "Set the loaders of a workflow", SetupState::ForYou)
            .about("No workflow is named, so none is set.")
            .help("To set one up too, add --workflow FILE.")
    }

    fn of_workflow(base: &Path, path: &Path, state: SetupState) -> Self {
        Self::new(SetupKind::Workflow, format!("Set the loaders of {}", shown_name(path)), state).at(base, path)
    }

    /// The guard.
    pub fn guard(base: &Path, guard: &Guard, state: &State, path: &str) -> Self {
        let (step_state, about) = match state {
            State::Absent => (
                SetupState::ToDo,
                String::from(
                    "Updates of the node bring the old code back. A small folder in custom_nodes repairs it again, at each \
                     start of ComfyUI.",
                ),
            ),
            State::Installed(_, None) => {
                (SetupState::Already, String::from("The guard is there, and repairs the node after each update."))
            }
            State::Installed(_, Some(problem)) => {
                (SetupState::ToDo, format!("The guard is there, but {problem}. It is brought up to date."))
            }
            State::Foreign(why) => {
                (SetupState::Impossible, format!("{} is not a guard: {}.", shown(guard.folder()), visible(why)))
            }
        };
        let step = Self::new(SetupKind::Guard, "Keep the repair through updates", step_state)
            .at(base, guard.folder())
            .about(about)
            .command(format!("distorch-fix guard install{path}"));
        if step_state == SetupState::Impossible { step.help("Move it away, and run this again.") } else { step }
    }

    /// The start of ComfyUI; `workflows` are arguments in a command.
    pub fn start(base: &Path, start: &Start, path: &str, workflows: &str) -> Self {
        const TITLE: &str = "Start ComfyUI";
        let command = format!("distorch-fix doctor{path}{workflows}");
        let places: Vec<String> = start.launches.iter().map(started_by).collect();
        let mut step = Self::new(SetupKind::Start, TITLE, SetupState::ForYou);
        if start.changes.is_empty() {
            step.state = if start.unknown.is_empty() { SetupState::Already } else { SetupState::Unknown };
        }
        if !places.is_empty() {
            step = step.about(format!("It is started by {}.", listed(&places)));
        }
        for (at, change) in start.changes.iter().enumerate() {
            step = step.about(format!("{}.", visible(&change.message)));
            match &change.step {
                Step::Edit { file, line, before, after } => {
                    // The last one of a line has all of its changes.
                    if !start.changes[at + 1..].iter().any(|later| later.step.is_of_line_of(&change.step)) {
                        let (before, after) = (before.clone(), after.clone());
                        step.lines.push(SetupLine { path: Located::new(base, file), line: *line, before, after });
                    }
                }
                Step::Advice(text) | Step::Command(text) => step = step.help(sentence(text)),
            }
        }
        for spare in &start.spare {
            step = step.about(format!("With the repair, {} is not needed any more; it does no harm.", visible(spare)));
        }
        if step.state == SetupState::Already {
            step = step.about("There is nothing to change.");
        }
        if start.changes.is_empty() && !start.unknown.is_empty() {
            let mut reasons: Vec<String> = Vec::new();
            for (_, why) in &start.unknown {
                let why = visible(why).into_owned();
                if !reasons.contains(&why) {
                    reasons.push(why);
                }
            }
            step = step
                .about(format!("Whether something is to be changed is unknown, because {}.", reasons.join("; ")))
                .help(format!("Start it as you are used to; then `{command}` knows more."));
        }
        step.command(command)
    }

    /// A part of a setup that is taken back.
    pub fn undone(
        base: &Path,
        path: &Path,
        (kind, title): (SetupKind, String),
        (state, about): (SetupState, String),
        help: Vec<String>,
    ) -> Self {
        Self { help, ..Self::new(kind, title, state).at(base, path).about(about) }
    }
}

/// What became of a reversal, or would: its state, a sentence, and what to do.
pub fn reversed(reversal: &Reversal, subject: Subject, ending: Ending) -> (SetupState, String, Vec<String>) {
    let report = ReversalReport::new(reversal, subject, ending);
    let state = match ending {
        Ending::Nothing => SetupState::Already,
        Ending::DryRun => SetupState::ToDo,
        Ending::Written => SetupState::Done,
        Ending::Refused => SetupState::Impossible,
        Ending::Failed => SetupState::Failed,
    };
    if ending == Ending::Nothing {
        let gone = report.files.iter().find_map(|file| file.absence);
        let (what, help) = gone.unwrap_or((subject.nothing(), None));
        return (state, sentence(what), help.map(sentence).into_iter().collect());
    }
    let mut by_how: Vec<(&str, Vec<String>)> = Vec::new();
    for file in report.taken_back() {
        let name = shown_name(&file.path);
        match by_how.iter_mut().find(|(how, _)| *how == file.how) {
            Some((_, names)) => names.push(name),
            None => by_how.push((file.how, vec![name])),
        }
    }
    let parts: Vec<String> = by_how.iter().map(|(how, names)| format!("{}: {how}", listed(names))).collect();
    // It begins with a name, which keeps its first letter.
    (state, format!("{}.", visible(&parts.join("; "))), Vec::new())
}

/// With a capital letter and a full stop. A path keeps its first letter.
fn sentence(text: &str) -> String {
    let text = visible(text);
    let is_path = text.split(' ').next().is_some_and(|word| word.contains(['/', '\\', '.', '`']));
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !is_path => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        _ => format!("{text}."),
    }
}

fn shown_file(repair: &Repair, file: crate::python::FileId) -> String {
    visible(&repair.sources.package.path(file).display().to_string()).into_owned()
}

/// Lines that are only in the new text, and only in the old one.
fn lines(old: &str, new: &str) -> (usize, usize) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let diff = similar::TextDiff::configure().diff_slices(&old, &new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    (count(similar::ChangeTag::Insert), count(similar::ChangeTag::Delete))
}

/// Something that starts ComfyUI: its place, and the arguments.
fn started_by(started: &crate::doctor::StartedBy) -> String {
    let place = match started.place() {
        Some((file, Some(line))) => format!("line {line} of {}", shown(file)),
        Some((file, None)) => shown(file),
        None => String::from("hand, by its last start"),
    };
    match visible(&started.arguments.join(" ")).trim() {
        "" => format!("{place} (without arguments)"),
        arguments => format!("{place} (with `{arguments}`)"),
    }
}
