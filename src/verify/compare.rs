//! Compares the answer to a call with the right one.

use std::fmt::Write as _;

use super::answer::{Answer, Raised};
use super::calls;
use super::case::Case;
use super::program::{Program, Role};
use super::run::Verifier;
use super::{Mismatch, Step, Verdict, expect, scenario, spill, wildcards};
use crate::allocator::{Accounting, Policy, Remainder, bytes};

impl Verifier<'_> {
    pub(super) fn compare(
        &mut self,
        program: &Program,
        cases: &[Case],
        at: usize,
        answer: &Answer,
    ) -> Result<(), Verdict> {
        let case = &cases[at];
        let entry = &program.entries[case.call];
        let has_one_size = case.fields == self.contract.fewest();
        let counted = if has_one_size { Accounting::Resident } else { self.subject.accounting };
        let policy = self.contract.policy;
        let right =
            |accounting, policy| expect::reference(case, entry.role, accounting, policy, self.style, &self.models);
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
        // Code that no repair touched may count as it always did.
        let counts: &[_] = match counted {
            _ if self.contract.counts_as_asked || has_one_size => &[counted],
            Accounting::Resident => &[Accounting::Resident, Accounting::Offload],
            Accounting::Offload => &[Accounting::Offload, Accounting::Resident],
        };
        for other in &counts[1..] {
            if right(*other, policy).answer.is_same(answer) {
                self.evidence.notes.push(format!("{} counts {}", entry.name, counted_as(*other)));
                return Ok(());
            }
        }
        // Where the repair changes the answer, it must be the reference's. Elsewhere a version may have its own way.
        let is_changed = |accounting: &Accounting| {
            !right(*accounting, Policy::CpuFallback).answer.is_same(&right(*accounting, policy).answer)
        };
        let changed = counts.iter().all(is_changed);
        if entry.role == Role::Bytes
            && wildcards::reads_wildcards_otherwise(case, answer, |case| {
                let right =
                    |policy| expect::reference(case, entry.role, counted, policy, self.style, &self.models).answer;
                [right(policy), right(Policy::CpuFallback)]
            })
        {
            self.evidence.notes.push(format!("{} reads unusual wildcards in its own way", entry.name));
            return Ok(());
        }
        // A placement may differ even then, as long as it begins with the right fractions.
        if changed && entry.role != Role::Analyzer {
            return Err(wrong(expected.answer.to_string()));
        }
        // Unchanged text must not serve as its own reference: bytes that no quota covers are checked against the
        // reference allocator even if the old text agrees with itself.
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

    /// The verdict about a call, with a remark if the same call is right with items of the fewest fields: then the number of
    /// fields makes the difference, and not what the code does with them.
    pub(super) fn with_cause(&self, verdict: Verdict, program: &Program, case: &Case) -> Verdict {
        let Verdict::Wrong(mut mismatch) = verdict else { return verdict };
        let fewest = self.contract.fewest();
        if case.fields > fewest && self.contract.arities.contains(&fewest) {
            let (entry, case) = (&program.entries[case.call], Case { fields: fewest, ..case.clone() });
            let right = expect::reference(
                &case,
                entry.role,
                Accounting::Resident,
                self.contract.policy,
                self.style,
                &self.models,
            );
            let (cases, machine) = ([case], scenario::machine());
            let given = calls::start(program, &cases, &self.models, &machine, &self.options.engine).finish();
            if given.is_ok_and(|given| given.iter().all(|answer| answer.is_same(&right.answer))) {
                let _ = write!(
                    mismatch.given,
                    " (as expected with items of {fewest} fields: a place that reads them depends on their number in a \
                     way that is not repaired)"
                );
            }
        }
        Verdict::Wrong(mismatch)
    }

    /// An exception that may be the sandbox's is not a wrong answer if the text before, which no repair touched, raises
    /// such an exception too: then the function cannot be run.
    pub(super) fn unsupported(
        &mut self,
        program: &Program,
        cases: &[Case],
        at: usize,
        answer: &Answer,
    ) -> Result<Option<Verdict>, Verdict> {
        let Some(error) = answer.unsupported().filter(|_| self.options.engine.is_sandbox()) else {
            return Ok(None);
        };
        let before = &self.before(program, cases, Accounting::Resident)?[at];
        let name = &program.entries[cases[at].call].name;
        let reason = || Verdict::Inconclusive(format!("{name} cannot be run on its own: {error}"));
        Ok(before.unsupported().map(|_| reason()))
    }

    /// What the text before gives for each case, with items of the fewest fields that it was for, whose size is counted
    /// so.
    fn before(&mut self, program: &Program, cases: &[Case], accounting: Accounting) -> Result<&[Answer], Verdict> {
        let slot = usize::from(accounting == Accounting::Offload);
        if self.baseline[slot].is_none() {
            let before = self.program(self.subject.before).map_err(Verdict::Inconclusive)?;
            let policy = if self.contract.repairs_policy { self.contract.policy } else { Policy::CpuFallback };
            let index = |case: &Case| {
                let name = &program.entries[case.call].name;
                before.entries.iter().position(|entry| entry.name == *name)
            };
            let known: Vec<_> = cases.iter().map(|case| Some((case, index(case)?))).collect();
            let calls = known.iter().flatten().map(|(case, call)| {
                let fractions = expect::fractions_override(case, accounting, policy, self.style, &self.models);
                case.before(*call, &self.contract, accounting, fractions)
            });
            let calls: Vec<_> = calls.collect();
            let answers =
                calls::start(&before, &calls, &self.models, &scenario::machine(), &self.options.engine).finish();
            let mut answers = answers.map_err(Verdict::Inconclusive)?.into_iter();
            let missing = || Answer::Error(Raised::own("there was no such function"));
            let all = known.iter().map(|known| known.and_then(|_| answers.next()).unwrap_or_else(missing));
            self.baseline[slot] = Some(all.collect());
        }
        Ok(self.baseline[slot].as_deref().unwrap_or_default())
    }

    /// If the repair is this tool's own, users look for its log line. Returns what was logged instead if that line is
    /// missing, or not there exactly once.
    fn wrong_log_line(&self, remainder: &Remainder, answer: &Answer) -> Option<Vec<String>> {
        let Answer::Text(_, logged) = answer else { return None };
        let lines: Vec<_> = logged.iter().filter(|line| line.contains(bytes::SHARED)).cloned().collect();
        let right = remainder.log_line().as_slice() == lines;
        (self.contract.logs_shared && !right).then_some(lines)
    }
}

fn counted_as(accounting: Accounting) -> &'static str {
    match accounting {
        Accounting::Resident => "module_mem",
        Accounting::Offload => "module_offload_mem",
    }
}
