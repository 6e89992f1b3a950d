//! Runs the steps, one after the other.

use tree_sitter::Node;

use super::answer::Answer;
use super::calls::{self, Calls};
use super::case::{self, Case};
use super::program::{self, Program};
use super::wildcards::WildcardStyle;
use super::{Evidence, Mismatch, Options, Step, Subject, Verdict, handover, probe, scenario};
use crate::allocator::Model;
use crate::fixes::{self, Contract, Fix, Status, Survey};
use crate::python::{Package, Source};

pub(super) struct Verifier<'v> {
    pub(super) subject: &'v Subject<'v>,
    pub(super) options: &'v Options,
    pub(super) contract: Contract,
    pub(super) models: Vec<Model>,
    pub(super) style: WildcardStyle,
    pub(super) evidence: Evidence,
    /// The answers of the text before to each case, by accounting; computed on demand.
    pub(super) baseline: [Option<Vec<Answer>>; 2],
    /// Are programs translated so that the sandbox can do all arithmetic? That is slower.
    arithmetic: bool,
}

/// A program's calls in progress.
struct Allocating {
    program: Program,
    cases: Vec<Case>,
    calls: Option<Calls>,
}

impl<'v> Verifier<'v> {
    pub(super) fn new(subject: &'v Subject<'v>, options: &'v Options) -> Self {
        Self {
            subject,
            options,
            contract: subject.contract(),
            models: scenario::models(),
            style: WildcardStyle::Value,
            evidence: Evidence::default(),
            baseline: [None, None],
            arithmetic: false,
        }
    }

    pub(super) fn run(mut self) -> Result<Evidence, Verdict> {
        let probing = probe::start(self.subject, &self.contract, &self.options.engine)?;
        let handing = handover::start(self.subject, &self.options.engine);
        let allocating = self.allocate();
        // The last step is done while these run.
        let left = self.left();
        self.evidence.places = probing.finish()?;
        if let Err(verdict) = self.judge(allocating) {
            if !self.options.engine.is_sandbox() {
                return Err(verdict);
            }
            // Before a wrong answer is reported: is it still wrong without the sandbox's own arithmetic?
            self.arithmetic = true;
            self.baseline = [None, None];
            self.evidence = Evidence { places: self.evidence.places, ..Evidence::default() };
            let allocating = self.allocate();
            self.judge(allocating)?;
        }
        let (loads, notes) = handing?.finish()?;
        self.evidence.loads = loads;
        self.evidence.notes.extend(notes);
        if let Some(left) = left {
            return Err(left);
        }
        self.evidence.notes.sort();
        self.evidence.notes.dedup();
        Ok(self.evidence)
    }

    /// Starts to run the functions of the text after.
    fn allocate(&self) -> Result<Allocating, String> {
        let program = self.program(self.subject.after)?;
        let cases = case::cases(&program, self.contract.arities, self.options);
        let start = || calls::start(&program, &cases, &self.models, &scenario::machine(), &self.options.engine);
        let calls = (!cases.is_empty()).then(start);
        Ok(Allocating { program, cases, calls })
    }

    /// Compares their answers.
    fn judge(&mut self, allocating: Result<Allocating, String>) -> Result<(), Verdict> {
        let Allocating { program, cases, calls } = allocating.map_err(Verdict::Inconclusive)?;
        let Some(calls) = calls else { return Ok(()) };
        let answers = calls.finish().map_err(Verdict::Inconclusive)?;
        something_ran(&program, &cases, &answers)?;
        self.style = WildcardStyle::of(&program, &cases, &answers);
        for (at, answer) in answers.iter().enumerate() {
            if let Err(verdict) = self.compare(&program, &cases, at, answer) {
                let unsupported = self.unsupported(&program, &cases, at, answer)?;
                return Err(unsupported.unwrap_or_else(|| self.with_cause(verdict, &program, &cases[at])));
            }
        }
        Ok(())
    }

    pub(super) fn program(&self, package: &Package) -> Result<Program, String> {
        let program = program(package, self.subject.before, self.subject.surveys, self.arithmetic)?;
        match program.lacks.first() {
            Some(lack) if self.options.engine.is_sandbox() => Err(format!("the sandbox cannot run {lack}")),
            _ => Ok(program),
        }
    }

    /// Why the repair is not complete, if it is not: the repaired text, if there is one, is surveyed again.
    fn left(&self) -> Option<Verdict> {
        let edited: Vec<_> =
            self.subject.surveys.iter().filter(|survey| survey.is_edited()).map(|survey| survey.fix).collect();
        if edited.is_empty() {
            return None;
        }
        let after = self.subject.after;
        let surveys = match fixes::survey(after, Fix::ALL, self.subject.accounting) {
            Ok(surveys) => surveys,
            Err((_, reason)) => return Some(Verdict::Inconclusive(reason.to_string())),
        };
        let repaired = || surveys.iter().filter(|survey| edited.contains(&survey.fix));
        // A repair that the next run cannot recognise must not be written.
        if let Some(lost) = repaired().find(|survey| survey.status == Status::NotUnderstood) {
            let why = lost.sites.iter().find(|site| site.state.is_unknown()).map_or("", |site| &site.message);
            return Some(Verdict::Inconclusive(format!("after the repair, {} is not understood: {why}", lost.fix)));
        }
        let mut sites = repaired().flat_map(|survey| survey.sites.iter().map(|site| (survey.fix, site)));
        let (fix, site) = sites.find(|(_, site)| site.state.needs_fix())?;
        let line = after.source(site.file).map_or(0, |source| source.place(site.range.start).line);
        Some(Verdict::Wrong(Mismatch {
            step: Step::Survey,
            scenario: format!("{}:{line}: after the repair", after.path(site.file).display()),
            expected: format!("{fix} in order"),
            given: site.message.clone(),
        }))
    }
}

/// The program of a package; `surveys` are those of the package as it was `before`.
pub(super) fn program(
    package: &Package,
    before: &Package,
    surveys: &[Survey],
    arithmetic: bool,
) -> Result<Program, String> {
    let remainders =
        surveys.iter().filter(|survey| survey.fix.about().is_in_allocation).flat_map(|survey| &survey.sites);
    // By name, because a repair moves them.
    let sharing = remainders.filter_map(|site| {
        let source = before.source(site.file).ok()?;
        Some((site.file, source.slice(definition_around(source, site.range.start)?).to_owned()))
    });
    let mut followed: Vec<_> = surveys.iter().flat_map(|survey| survey.files.clone()).collect();
    followed.sort_unstable();
    followed.dedup();
    program::build(package, &followed, &sharing.collect(), arithmetic)
}

/// The name of the outermost function or class around an offset.
fn definition_around(source: &Source, offset: usize) -> Option<Node<'_>> {
    let mut outermost = None;
    let mut around = source.root().descendant_for_byte_range(offset, offset);
    while let Some(node) = around {
        if matches!(node.kind(), "function_definition" | "class_definition") {
            outermost = Some(node);
        }
        around = node.parent();
    }
    outermost?.child_by_field_name("name")
}

/// Answers that are all errors prove nothing.
fn something_ran(program: &Program, cases: &[Case], answers: &[Answer]) -> Result<(), Verdict> {
    for (call, entry) in program.entries.iter().enumerate() {
        let of = || cases.iter().zip(answers).filter(move |(case, _)| case.call == call).map(|(_, answer)| answer);
        if let (true, Some(raised)) = (of().all(|answer| answer.error().is_some()), of().find_map(Answer::error)) {
            let message = &raised.message;
            return Err(Verdict::Inconclusive(format!("{} cannot be run on its own: {message}", entry.name)));
        }
    }
    Ok(())
}
