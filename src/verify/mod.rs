//! Proves a repair by running it: never believe an edit.
//!
//! Four steps, in this order; the first that fails is reported.
//!
//! 1. *Parse*: the repaired text parses (done where it is made, in [`crate::pipeline`]).
//! 2. *Probe*: every place that reads a load-list item is run on its own with items of 4, 5 and 6 fields, and must
//!    read what it read before from 4.
//! 3. *Allocate*: the file's own byte and ratio functions are run over scenarios; the fraction strings must be those
//!    of the [reference allocator](crate::allocator).
//! 4. *Place*: its analysis is run; block by block the device must be the reference's.
//!
//! And the repaired text is surveyed again: what was to be repaired must not need it any more.
//!
//! Where an old version differs from the reference in a way that is not this tool's business, it must do what its own
//! unrepaired text does with items of 4 fields. A version that cannot be run is inconclusive, never verified.

mod desugar;
pub mod engine;
mod expect;
mod library;
#[cfg(test)]
mod pairs;
pub mod placing;
mod probe;
mod program;
mod scenario;
mod spill;
mod standin;
mod uses;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use engine::Engine;
pub use spill::Spill;
use tree_sitter::Node;

use self::expect::{Answer, Calls, Case, Marking, Raised};
use self::program::{Program, Role};
use crate::allocator::{Accounting, Model, Policy, Remainder, bytes};
use crate::fixes::{self, Contract, Fix, Status, Survey};
use crate::python::{Package, Source};

/// How thoroughly, and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Random scenarios beside the fixed ones.
    pub scenarios: usize,
    /// What the random ones are made from.
    pub seed: u64,
    /// Each scenario with every number of fields? Otherwise they take turns.
    pub crossed: bool,
    /// Where the programs run.
    pub engine: Engine,
}

/// One of the four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Every place on its own.
    Probe,
    /// The byte and ratio functions.
    Allocate,
    /// The analysis.
    Place,
    /// Looking for what is left to repair.
    Survey,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::Allocate => "allocate",
            Self::Place => "place",
            Self::Survey => "survey",
        })
    }
}

/// What verifying came to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everything gave the right answers.
    Verified(Evidence),
    /// Something gave a wrong answer.
    Wrong(Mismatch),
    /// Something could not be run: why, with the line of the program if there is one.
    Inconclusive(String),
}

/// What was run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Places that were probed.
    pub places: usize,
    /// Calls whose answers were compared.
    pub scenarios: usize,
    /// Blocks whose device was compared.
    pub blocks: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// Where a version has its own ways, and keeps them.
    pub notes: Vec<String>,
    /// What such a way goes on sending to the CPU, at worst, though byte quotas without a wildcard leave it nothing.
    pub spill: Option<Spill>,
}

/// A wrong answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The step that found it.
    pub step: Step,
    /// What was run: a place, or a call with its model and items.
    pub scenario: String,
    /// The right answer.
    pub expected: String,
    /// The answer it gave.
    pub given: String,
}

/// What is verified: a package as it was and as it would be. They are the same where there is nothing to repair.
pub struct Subject<'r> {
    /// The package before.
    pub before: &'r Package,
    /// What was found there, for both fixes.
    pub surveys: &'r [Survey],
    /// The package after.
    pub after: &'r Package,
    /// The fixes that were to be made. What another one is about stays as it was.
    pub fixes: &'r [Fix],
    /// What counts as the size of an item.
    pub accounting: Accounting,
}

impl Subject<'_> {
    /// Is what this survey would repair left alone on purpose?
    fn is_left(&self, survey: &Survey) -> bool {
        survey.status == Status::Needed && !self.fixes.contains(&survey.fix)
    }

    /// What the code must keep to.
    fn contract(&self) -> Contract {
        let mut contract = Contract::default();
        for survey in self.surveys {
            survey.fix.bind(survey, self.is_left(survey), &mut contract);
        }
        contract
    }
}

/// Runs the four steps.
pub fn verify(subject: &Subject<'_>, options: &Options) -> Verdict {
    let begun = Instant::now();
    match Verifier::new(subject, options).run() {
        Ok(mut evidence) => {
            evidence.elapsed = begun.elapsed();
            Verdict::Verified(evidence)
        }
        Err(verdict) => verdict,
    }
}

struct Verifier<'v> {
    subject: &'v Subject<'v>,
    options: &'v Options,
    contract: Contract,
    models: Vec<Model>,
    marking: Marking,
    evidence: Evidence,
    /// What the text before gives for each case, by accounting, once it was needed.
    baseline: [Option<Vec<Answer>>; 2],
    /// Programs are written so that the sandbox can do all arithmetic, which is slower.
    arithmetic: bool,
}

/// Calls of a program that are being made.
struct Allocating {
    program: Program,
    cases: Vec<Case>,
    calls: Option<Calls>,
}

impl<'v> Verifier<'v> {
    fn new(subject: &'v Subject<'v>, options: &'v Options) -> Self {
        Self {
            subject,
            options,
            contract: subject.contract(),
            models: scenario::models(),
            marking: Marking::Value,
            evidence: Evidence::default(),
            baseline: [None, None],
            arithmetic: false,
        }
    }

    fn run(mut self) -> Result<Evidence, Verdict> {
        let probing = probe::start(self.subject, &self.options.engine)?;
        let allocating = self.allocate();
        // While these run there is time for the last step.
        let left = self.left();
        self.evidence.places = probing.finish()?;
        if let Err(verdict) = self.judge(allocating) {
            if self.options.engine != Engine::Sandbox {
                return Err(verdict);
            }
            // Before anyone is told of a wrong answer: is it one when nothing is left to the sandbox's own arithmetic?
            self.arithmetic = true;
            self.baseline = [None, None];
            self.evidence = Evidence { places: self.evidence.places, ..Evidence::default() };
            let allocating = self.allocate();
            self.judge(allocating)?;
        }
        if let Some(left) = left {
            return Err(left);
        }
        self.evidence.notes.sort();
        self.evidence.notes.dedup();
        Ok(self.evidence)
    }

    /// Begins to run the functions of the text after.
    fn allocate(&self) -> Result<Allocating, String> {
        let program = self.program(self.subject.after)?;
        let cases = expect::cases(&program, self.contract.arities, self.options);
        let start = || expect::start(&program, &cases, &self.models, &scenario::machine(), &self.options.engine);
        let calls = (!cases.is_empty()).then(start);
        Ok(Allocating { program, cases, calls })
    }

    /// Compares what they give.
    fn judge(&mut self, allocating: Result<Allocating, String>) -> Result<(), Verdict> {
        let Allocating { program, cases, calls } = allocating.map_err(Verdict::Inconclusive)?;
        let Some(calls) = calls else { return Ok(()) };
        let answers = calls.finish().map_err(Verdict::Inconclusive)?;
        something_ran(&program, &cases, &answers)?;
        self.marking = Marking::of(&program, &cases, &answers);
        for (at, answer) in answers.iter().enumerate() {
            if let Err(verdict) = self.compare(&program, &cases, at, answer) {
                return Err(self.unsupported(&program, &cases, at, answer)?.unwrap_or(verdict));
            }
        }
        Ok(())
    }

    fn program(&self, package: &Package) -> Result<Program, String> {
        let program = program(package, self.subject.before, self.subject.surveys, self.arithmetic)?;
        match program.lacks.first() {
            Some(lack) if self.options.engine == Engine::Sandbox => Err(format!("the sandbox cannot run {lack}")),
            _ => Ok(program),
        }
    }

    /// What the repair left to repair: then it is none. The repaired text is surveyed for it, if there is one.
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
        // Nobody could tell of it later, this program included, that it is in order.
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

    fn compare(&mut self, program: &Program, cases: &[Case], at: usize, answer: &Answer) -> Result<(), Verdict> {
        let case = &cases[at];
        let entry = &program.entries[case.call];
        let counted = if case.fields == 4 { Accounting::Resident } else { self.subject.accounting };
        let policy = self.contract.policy;
        let right =
            |accounting, policy| expect::reference(case, entry.role, accounting, policy, self.marking, &self.models);
        let expected = right(counted, policy);
        self.evidence.scenarios += 1;
        if let Answer::Placed(devices) = answer {
            self.evidence.blocks += devices.len();
        }
        let wrong = |expected: String| {
            Verdict::Wrong(Mismatch {
                step: if entry.role == Role::Analyzer { Step::Place } else { Step::Allocate },
                scenario: case.describe(entry),
                expected,
                given: answer.to_string(),
            })
        };
        if expected.answer.is_same(answer) {
            return self.wrong_log_line(&expected.remainder, answer).map_or(Ok(()), |given| {
                let line = expected.remainder.log_line();
                let expected = line.map_or_else(|| "no such log line".to_owned(), |line| format!("{line:?}, once"));
                Err(Verdict::Wrong(Mismatch {
                    step: Step::Allocate,
                    scenario: case.describe(entry),
                    expected: format!("{} and logged {expected}", right(counted, policy).answer),
                    given: format!("{answer} and logged {given:?}"),
                }))
            });
        }
        // What no one touched may count as it always did.
        let counts: &[_] = match counted {
            _ if self.contract.counts_as_asked || case.fields == 4 => &[counted],
            Accounting::Resident => &[Accounting::Resident, Accounting::Offload],
            Accounting::Offload => &[Accounting::Offload, Accounting::Resident],
        };
        for other in &counts[1..] {
            if right(*other, policy).answer.is_same(answer) {
                self.evidence.notes.push(format!("{} counts {}", entry.name, counted_as(*other)));
                return Ok(());
            }
        }
        // What the repair changes must be the reference's; what it does not change may stay a version's own.
        let is_changed = |accounting: &Accounting| {
            !right(*accounting, Policy::CpuFallback).answer.is_same(&right(*accounting, policy).answer)
        };
        let changed = counts.iter().all(is_changed);
        if entry.role == Role::Bytes
            && expect::reads_wildcards_otherwise(case, answer, |case| {
                let right =
                    |policy| expect::reference(case, entry.role, counted, policy, self.marking, &self.models).answer;
                [right(policy), right(Policy::CpuFallback)]
            })
        {
            self.evidence.notes.push(format!("{} reads unusual wildcards in its own way", entry.name));
            return Ok(());
        }
        // A placement may be a version's own even then, as long as it begins with the right fractions.
        if changed && entry.role != Role::Analyzer {
            return Err(wrong(expected.answer.to_string()));
        }
        // Nor does what stands as it is prove anything about itself: what no quota covers goes where it should.
        let is_own = policy == Policy::GpuOnly && entry.role == Role::Bytes;
        let is_lost = |accounting: &Accounting| {
            let right = right(*accounting, policy);
            right.remainder != Remainder::None && !right.answer.is_same(answer)
        };
        if is_own && counts.iter().all(is_lost) {
            return Err(wrong(expected.answer.to_string()));
        }
        let spill = (policy == Policy::GpuOnly)
            .then(|| spill::of(case, &expected.answer, answer, &self.models[case.model]))
            .flatten();
        for accounting in counts {
            if self.before(program, cases, *accounting)?[at].is_same(answer) {
                let spills = self.evidence.spill.take().into_iter().chain(spill);
                self.evidence.spill = spills.max_by_key(|spill| spill.percent);
                self.evidence.notes.push(format!("{} allocates in this version's own way, as before", entry.name));
                return Ok(());
            }
        }
        Err(wrong(expected.answer.to_string()))
    }

    /// A wrong answer is none if it is an exception that may be the sandbox's: the text before, which nobody touched,
    /// raises such a one as well.
    fn unsupported(
        &mut self,
        program: &Program,
        cases: &[Case],
        at: usize,
        answer: &Answer,
    ) -> Result<Option<Verdict>, Verdict> {
        let Some(error) = answer.unsupported().filter(|_| self.options.engine == Engine::Sandbox) else {
            return Ok(None);
        };
        let before = &self.before(program, cases, Accounting::Resident)?[at];
        let name = &program.entries[cases[at].call].name;
        let reason = || Verdict::Inconclusive(format!("{name} cannot be run on its own: {error}"));
        Ok(before.unsupported().map(|_| reason()))
    }

    /// What the text before gives for each case, with items of 4 fields whose size is counted so (or, if it was never
    /// for these, of 5).
    fn before(&mut self, program: &Program, cases: &[Case], accounting: Accounting) -> Result<&[Answer], Verdict> {
        let slot = usize::from(accounting == Accounting::Offload);
        if self.baseline[slot].is_none() {
            let before = self.program(self.subject.before).map_err(Verdict::Inconclusive)?;
            let five_only = self.contract.arities == [5];
            let policy = if self.contract.repairs_policy { self.contract.policy } else { Policy::CpuFallback };
            let index = |case: &Case| {
                let name = &program.entries[case.call].name;
                before.entries.iter().position(|entry| entry.name == *name)
            };
            let known: Vec<_> = cases.iter().map(|case| Some((case, index(case)?))).collect();
            let calls = known.iter().flatten().map(|(case, call)| {
                let forced = expect::forced_fractions(case, accounting, policy, self.marking, &self.models);
                case.before(*call, five_only, accounting, forced)
            });
            let calls: Vec<_> = calls.collect();
            let answers =
                expect::start(&before, &calls, &self.models, &scenario::machine(), &self.options.engine).finish();
            let mut answers = answers.map_err(Verdict::Inconclusive)?.into_iter();
            let missing = || Answer::Error(Raised::own("there was no such function"));
            let all = known.iter().map(|known| known.and_then(|_| answers.next()).unwrap_or_else(missing));
            self.baseline[slot] = Some(all.collect());
        }
        Ok(self.baseline[slot].as_deref().unwrap_or_default())
    }

    /// Where the repair is this tool's own, users look for its log line: what was logged in its place, if it is not
    /// there, or not once.
    fn wrong_log_line(&self, remainder: &Remainder, answer: &Answer) -> Option<Vec<String>> {
        let Answer::Text(_, logged) = answer else { return None };
        let lines: Vec<_> = logged.iter().filter(|line| line.contains(bytes::SHARED)).cloned().collect();
        let right = remainder.log_line().as_slice() == lines;
        (self.contract.logs_shared && !right).then_some(lines)
    }
}

/// The program of a package; `surveys` are those of the package as it was `before`.
fn program(package: &Package, before: &Package, surveys: &[Survey], arithmetic: bool) -> Result<Program, String> {
    let remainders =
        surveys.iter().filter(|survey| survey.fix.about().is_in_allocation).flat_map(|survey| &survey.sites);
    // Known by name: a repair moves them.
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

fn counted_as(accounting: Accounting) -> &'static str {
    match accounting {
        Accounting::Resident => "module_mem",
        Accounting::Offload => "module_offload_mem",
    }
}
