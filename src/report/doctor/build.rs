//! The report, of the facts and the answers.

use std::fmt::Write as _;
use std::path::Path;

use super::{
    AbsentProblem, DoctorReport, EvidenceReport, ExaminedWorkflow, FoundProblem, PlaceReport, RunDevice, RunLoad,
    RunReport, SCHEMA, StepReport, UnknownProblem, facts,
};
use crate::doctor::{Diagnosis, Facts, Finding, Known, LogFacts, Place, Rank, ReadWorkflow, Step, WorkflowFacts};
use crate::log::Outcome as Loaded;
use crate::report::{CheckedFile, Located, Outcome, Problem, StagesReport};
use crate::text::{quoted, visible};

impl DoctorReport {
    /// The report about an installation.
    pub fn new(facts: &Facts, diagnosis: &Diagnosis) -> Self {
        let base = facts.installation.root.clone();
        let writer = Writer { facts, base: &base };
        let findings: Vec<FoundProblem> = diagnosis.found.iter().map(|finding| writer.finding(finding)).collect();
        let outcome =
            if findings.iter().any(|found| found.rank < Rank::Note) { Outcome::Found } else { Outcome::InOrder };
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            root: Located::new(&base, &base),
            verdict: verdict(facts, diagnosis),
            exit_code: outcome.code(),
            setup: setup(facts, diagnosis),
            findings,
            facts: facts::groups(facts, &base),
            gpus: facts::gpus(facts),
            workflows: facts.workflows.iter().map(|workflow| writer.workflow(workflow)).collect(),
            run: facts.log.map(|log| writer.run(log)),
            absent: diagnosis
                .absent
                .iter()
                .map(|problem| AbsentProblem { problem: problem.id, title: problem.title })
                .collect(),
            unknown: diagnosis
                .unknown
                .iter()
                .map(|(problem, why)| UnknownProblem { problem: problem.id, title: problem.title, why: why.clone() })
                .collect(),
        }
    }

    /// How the run ended.
    pub fn outcome(&self) -> Outcome {
        if self.exit_code == Outcome::Found.code() { Outcome::Found } else { Outcome::InOrder }
    }
}

/// The result in one sentence.
fn verdict(facts: &Facts, diagnosis: &Diagnosis) -> String {
    let count = |rank| diagnosis.found.iter().filter(|finding| finding.rank == rank).count();
    let ranks = [
        (Rank::Stops, "stops it", "stop it"),
        (
            Rank::Wrong,
            "makes it do something else than it was asked for",
            "make it do something else than it was asked for",
        ),
        (Rank::Costs, "costs time or memory", "cost time or memory"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (rank, one, several) in ranks {
        let what = match (count(rank), parts.is_empty()) {
            (0, _) => continue,
            (1, true) => format!("one problem {one}"),
            (1, false) => format!("one {one}"),
            (count, true) => format!("{count} problems {several}"),
            (count, false) => format!("{count} {several}"),
        };
        parts.push(what);
    }
    match (&parts[..], &facts.node) {
        ([], Known::Unknown(why)) => format!("{why}, so there is nothing to diagnose."),
        ([], _) if diagnosis.unknown.is_empty() => String::from("Nothing is wrong."),
        ([], _) => {
            let all = diagnosis.absent.len() + diagnosis.unknown.len() + diagnosis.found.len();
            format!("Nothing wrong was found; {} of {all} problems cannot be ruled out.", diagnosis.unknown.len())
        }
        (parts, _) if count(Rank::Stops) > 0 => format!("DisTorch2 does not work here: {}.", parts.join(", ")),
        (parts, _) if count(Rank::Wrong) > 0 => format!("DisTorch2 does not do its work here: {}.", parts.join(", ")),
        (parts, _) => format!("DisTorch2 works here, but {}.", parts.join(", ")),
    }
}

/// The command that does the steps of several findings, if they are of several kinds: the repair, loaders, the guard.
fn setup(facts: &Facts, diagnosis: &Diagnosis) -> Option<String> {
    let commands = || {
        diagnosis.found.iter().filter_map(|finding| match &finding.step {
            Step::Command(command) => Some(command),
            Step::Edit { .. } | Step::Advice(_) => None,
        })
    };
    let is_set =
        |command: &&String| ["set", "convert"].iter().any(|verb| command.contains(&format!(" workflow {verb} ")));
    let starts = |start: &'static str| commands().any(|command| command.starts_with(start));
    let kinds = [
        starts("distorch-fix apply"),
        commands().any(|command| is_set(&command)),
        starts("distorch-fix guard install"),
    ];
    let mut workflows = String::new();
    for file in facts.read_workflows().map(|(path, _)| quoted(path)) {
        if commands().filter(is_set).any(|command| command.contains(&file)) {
            let _ = write!(workflows, " --workflow {file}");
        }
    }
    let is_several = kinds.into_iter().filter(|kind| *kind).count() > 1;
    is_several.then(|| format!("distorch-fix setup {}{workflows}", quoted(&facts.installation.comfyui)))
}

struct Writer<'w> {
    facts: &'w Facts,
    base: &'w Path,
}

impl Writer<'_> {
    fn finding(&self, finding: &Finding) -> FoundProblem {
        let problem = finding.problem;
        let evidence = finding.evidence.iter().map(|evidence| EvidenceReport {
            text: visible(&evidence.text).into_owned(),
            place: self.place(&evidence.place),
        });
        FoundProblem {
            problem: problem.id,
            title: problem.title,
            rank: finding.rank,
            message: visible(&finding.message).into_owned(),
            about: problem.about,
            evidence: evidence.collect(),
            step: self.step(&finding.step),
            sources: problem.sources,
        }
    }

    fn place(&self, place: &Place) -> PlaceReport {
        match place {
            Place::File(path, line) => PlaceReport::File { path: self.located(path), line: *line },
            Place::Log(line) => {
                PlaceReport::Log { path: self.facts.log.ok().map(|log| self.located(&log.path)), line: *line }
            }
            Place::Output(program) => PlaceReport::Output { program },
            Place::Node(path, id) => PlaceReport::Node { path: self.located(path), id: id.clone() },
        }
    }

    fn step(&self, step: &Step) -> StepReport {
        match step {
            Step::Command(text) => StepReport::Command { text: text.clone() },
            Step::Edit { file, line, before, after } => {
                StepReport::Edit { path: self.located(file), line: *line, before: before.clone(), after: after.clone() }
            }
            Step::Advice(text) => StepReport::Advice { text: text.clone() },
        }
    }

    fn workflow(&self, workflow: &WorkflowFacts) -> ExaminedWorkflow {
        let path = self.located(&workflow.path);
        match &workflow.read {
            Known::Is(read) => self.read(path, &workflow.path, read),
            Known::Unknown(why) => {
                let error = Problem::of(&anyhow::anyhow!("{why}"), self.base);
                let checks = CheckedFile::failed(path, error);
                ExaminedWorkflow { checks, plan: Known::unknown("it could not be read") }
            }
        }
    }

    fn read(&self, path: Located, file: &Path, read: &ReadWorkflow) -> ExaminedWorkflow {
        let node = self.facts.node.ok().map(|node| node.checkout.root.as_path());
        let told = self.facts.told();
        let checks = CheckedFile::new(path, &read.workflow, &read.findings, |step| step.command(file, node, &told));
        let plan = read.staged.map(|staged| Box::new(StagesReport::new(file, staged.clone(), None)));
        ExaminedWorkflow { checks, plan }
    }

    fn run(&self, log: &LogFacts) -> RunReport {
        let start = log.log.starts.last();
        let loads = start.into_iter().flat_map(|start| start.prompts.iter().flat_map(|prompt| &prompt.loads));
        RunReport {
            log: self.located(&log.path),
            time: log.log.last_time.clone(),
            outdated: log.outdated.clone(),
            comfyui: start.and_then(|start| start.comfyui.clone()),
            prompts: start.map_or(0, |start| start.prompts.len()),
            loads: loads.map(load).collect(),
        }
    }

    fn located(&self, path: &Path) -> Located {
        Located::new(self.base, path)
    }
}

/// Both tables of a load, by device in the order of the plan.
fn devices(load: &crate::log::Load) -> Vec<RunDevice> {
    let mut names: Vec<&str> = load.planned.iter().map(|row| row.device.as_str()).collect();
    for row in &load.assigned {
        if !names.contains(&row.device.as_str()) {
            names.push(&row.device);
        }
    }
    let device = |name: &str| RunDevice {
        device: visible(name).into_owned(),
        planned_bytes: load.planned.iter().find(|row| row.device == name).map(|row| row.bytes),
        // Without a row in the last table, a device got nothing.
        assigned_bytes: (!load.assigned.is_empty())
            .then(|| load.assigned.iter().filter(|row| row.device == name).map(|row| row.bytes).sum()),
    };
    names.into_iter().map(device).collect()
}

fn load(load: &crate::log::Load) -> RunLoad {
    let outcome = match &load.outcome {
        Loaded::Distributed => String::from("distributed"),
        Loaded::Reused => String::from("distributed as before"),
        Loaded::Standard { is_partial: true, .. } => String::from("loaded by ComfyUI, in part"),
        Loaded::Standard { .. } => String::from("loaded by ComfyUI"),
        Loaded::Inert { .. } => String::from("left to dynamic VRAM"),
        Loaded::Failed { cause, .. } => format!("failed: {cause}"),
        Loaded::Unknown { why } => format!("unknown: {why}"),
    };
    RunLoad {
        line: load.line,
        model: load.model.clone(),
        string: load.string.clone(),
        devices: devices(load),
        outcome: visible(&outcome).into_owned(),
        is_right: load.is_as_asked(),
    }
}
