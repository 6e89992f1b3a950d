//! Runs the ways of a file.

use std::collections::BTreeSet;

use super::cases::{self, Asked, Case, Outcome};
use super::compare::{Outline, compare};
use super::pair::{Pair, call_at};
use super::program::{self, Builder};
use crate::edit::Edits;
use crate::fixes::Survey;
use crate::python::field::Fields as _;
use crate::python::{FileId, Package};
use crate::verify::engine::Running;
use crate::verify::probe::moved;
use crate::verify::{Engine, Subject, Verdict};

/// Ways of one file that are being run.
pub(super) struct Batch<'v> {
    pairs: Vec<Pair<'v>>,
    cases: Vec<Asking>,
    before: Running,
    after: Running,
}

/// A case of a way, with the numbers of the runs that show what it has to come to.
struct Asking {
    pair: usize,
    case: Case,
    /// What it should be like, without the repair.
    plain: usize,
    /// The case itself, without the repair.
    same: usize,
}

impl<'v> Batch<'v> {
    /// Begins to run ways of a file.
    pub(super) fn start(
        subject: &'v Subject<'v>,
        edits: &Edits,
        file: FileId,
        pairs: Vec<Pair<'v>>,
        engine: &Engine,
    ) -> Result<Self, String> {
        let (before, after) = (subject.before, subject.after);
        let through = || pairs.iter().flat_map(|pair| &pair.handover.through).cloned();
        let new = new_functions(before, after, file);
        let mut builders = [
            Builder::new(before, file, through().collect()),
            Builder::new(after, file, through().chain(new).collect()),
        ];
        for (at, package) in [before, after].into_iter().enumerate() {
            let source = package.source(file).map_err(ToString::to_string)?;
            for pair in &pairs {
                let range = &pair.handover.call;
                let start = if at == 0 { range.start } else { moved(edits, range.start) };
                let Some(call) = call_at(source, start, range.len()) else { continue };
                let taken = builders[at].take(file, source, call, &pair.way(at));
                taken.map_err(|reason| format!("{}: {reason}", pair.place))?;
            }
        }
        let attributes: BTreeSet<_> = builders.iter().flat_map(Builder::attributes).cloned().collect();
        let mut runs = [Vec::new(), Vec::new()];
        let mut cases = Vec::new();
        for (pair, of) in pairs.iter().enumerate() {
            for case in cases::cases(of.handover.at.is_some(), &asking(of)) {
                let plain = number(&mut runs[0], (pair, case.plain()));
                let same = number(&mut runs[0], (pair, case.clone()));
                runs[1].push((pair, case.clone()));
                cases.push(Asking { pair, case, plain, same });
            }
        }
        let mut running = Vec::new();
        for (at, (builder, runs)) in builders.iter_mut().zip(&runs).enumerate() {
            let ways: Vec<_> = pairs.iter().map(|pair| pair.way(at)).collect();
            let text = builder.text(&ways, runs, &attributes);
            if let Some(lack) = builder.lacks.first().filter(|_| engine.is_sandbox()) {
                return Err(format!("{}: the sandbox cannot run {lack}", pairs[0].place));
            }
            running.push(engine.start(text, runs.len()));
        }
        let [before, after] = <[Running; 2]>::try_from(running).map_err(|_| "it was not started".to_owned())?;
        Ok(Self { pairs, cases, before, after })
    }

    /// The survey that its ways are of, and whether the repair changes them.
    pub(super) fn of(&self) -> (&'v Survey, bool) {
        (self.pairs[0].survey, self.pairs[0].is_edited)
    }

    /// Compares what the ways came to; gives how many loads were compared.
    pub(super) fn finish(self) -> Result<usize, Verdict> {
        let outlines = |running: Running| -> Result<Vec<Outline>, Verdict> {
            let text = running.finish().map_err(Verdict::Inconclusive)?;
            serde_json::from_str(&text).map_err(|error| Verdict::Inconclusive(format!("no answers: {error}")))
        };
        let (before, after) = (outlines(self.before)?, outlines(self.after)?);
        let count = self.cases.iter().map(|asking| asking.plain.max(asking.same) + 1).max().unwrap_or(0);
        if before.len() < count || after.len() != self.cases.len() {
            return Err(Verdict::Inconclusive(format!("{} answers to {} cases", after.len(), self.cases.len())));
        }
        let is_marked = |asking: &Asking| matches!(&before[asking.plain], Outline::Ran(run) if run.is_marked);
        // What is marked at all, by what is asked for.
        let marked: Vec<_> = self.cases.iter().filter(|asking| is_marked(asking)).map(of).collect();
        let mut compared = 0;
        let mut handed = BTreeSet::new();
        for (asking, after) in self.cases.iter().zip(&after) {
            // What the way does not mark, or cannot deal with, is not what its loader returns.
            let is_asked = asking.case.asked != Asked::None && marked.contains(&of(asking));
            let is_beside = is_marked(asking) != is_asked || asking.case.asked == Asked::All && !is_asked;
            if is_beside || matches!(before[asking.plain], Outline::Raised(..)) {
                continue;
            }
            compared += 1;
            let outcome = asking.case.outcome(is_asked);
            let (expected, otherwise) = (&before[asking.plain], &before[asking.same]);
            let expected = if outcome == Outcome::HandedOver { expected } else { otherwise };
            handed.extend((outcome == Outcome::HandedOver).then_some(asking.pair));
            compare(&self.pairs[asking.pair], &asking.case, outcome, [expected, otherwise, after])?;
        }
        match (0..self.pairs.len()).find(|pair| !handed.contains(pair)) {
            None => Ok(compared),
            Some(pair) => Err(Verdict::Inconclusive(format!("{}: {}", self.pairs[pair].place, why(&before)))),
        }
    }
}

/// The way of a case, and what is asked for.
fn of(asking: &Asking) -> (usize, &Asked) {
    (asking.pair, &asking.case.asked)
}

/// The number of a run, which is added if it is new.
fn number(runs: &mut Vec<(usize, Case)>, run: (usize, Case)) -> usize {
    runs.iter().position(|known| *known == run).unwrap_or_else(|| {
        runs.push(run);
        runs.len() - 1
    })
}

/// Why nothing is handed over.
fn why(before: &[Outline]) -> String {
    let mut raised = before.iter().filter_map(|before| match before {
        Outline::Raised(kind, message) => Some(format!("{kind}: {message}")),
        Outline::Ran(_) => None,
    });
    raised.next().unwrap_or_else(|| "nothing is marked when it is run on its own".to_owned())
}

/// The values that ask for an allocation on the way, before or after.
fn asking(pair: &Pair<'_>) -> Vec<String> {
    let names = [&pair.before, &pair.after].map(program::asking);
    names.concat().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The functions at the top of a file that it did not have before.
fn new_functions(before: &Package, after: &Package, file: FileId) -> Vec<(FileId, String)> {
    let names = |package: &Package| -> BTreeSet<String> {
        let Ok(source) = package.source(file) else { return BTreeSet::new() };
        let functions = source.root().parts().into_iter().filter(|node| node.kind() == "function_definition");
        functions.filter_map(|node| node.field("name")).map(|name| source.slice(name).to_owned()).collect()
    };
    let old = names(before);
    names(after).into_iter().filter(|name| !old.contains(name)).map(|name| (file, name)).collect()
}
