//! The way of every model from the call that loads it to its mark, run with loaders that return what ComfyUI's may.
//!
//! ```text
//! slice: the way, cut out of its function  →  given: stand-ins  →  program  →  cases: what has to come of it
//! ```
//!
//! The way before, from a plain patcher, shows what the way after has to come to from one that dynamic VRAM manages. In
//! all other cases it has to come to what it came to before.

mod cases;
mod given;
mod names;
mod program;
mod slice;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tree_sitter::Node;

use self::cases::{Case, Outcome};
use self::program::{Builder, Way};
use self::slice::Slice;
use super::engine::Running;
use super::probe::{all_edits, moved};
use super::{Engine, Mismatch, Step, Subject, Verdict};
use crate::fixes::{Handover, Site, Survey};
use crate::python::field::Fields as _;
use crate::python::syntax::enclosing;
use crate::python::{FileId, Package, Source};

/// A way that is run before and after the repair.
struct Pair<'v> {
    survey: &'v Survey,
    handover: &'v Handover,
    /// Does the repair change it?
    is_edited: bool,
    /// Where it begins, in the file before.
    place: String,
    before: Slice,
    after: Slice,
}

/// Ways of one file that are being run.
struct Batch<'v> {
    pairs: Vec<Pair<'v>>,
    cases: Vec<(usize, Case)>,
    before: Running,
    after: Running,
}

/// Ways that are being run.
pub(super) struct Handing<'v> {
    subject: &'v Subject<'v>,
    batches: Vec<Batch<'v>>,
    notes: Vec<String>,
}

/// What is seen of a run.
#[derive(Deserialize)]
struct Run {
    /// What is there afterwards.
    facts: Vec<String>,
    /// What was called, one after the other.
    called: Vec<String>,
    /// Was an allocation kept with a model?
    is_marked: bool,
    lines: i64,
    warnings: i64,
    clones: i64,
}

/// What a run gave, or the class of an exception and its message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outline {
    Raised(String, String),
    Ran(Run),
}

/// Begins to run the ways that the repair changes, and those that need no repair.
pub(super) fn start<'v>(subject: &'v Subject<'v>, engine: &Engine) -> Result<Handing<'v>, Verdict> {
    let mut handing = Handing { subject, batches: Vec::new(), notes: Vec::new() };
    let mut files: BTreeMap<FileId, Vec<(&Survey, &Site, &Handover)>> = BTreeMap::new();
    for survey in subject.surveys {
        for site in &survey.sites {
            let is_run = !site.edits.is_empty() || !site.state.needs_fix() && !site.state.is_unknown();
            if let Some(handover) = site.handover.as_ref().filter(|_| is_run) {
                files.entry(handover.file).or_default().push((survey, site, handover));
            }
        }
    }
    for (file, sites) in files {
        let mut pairs: Vec<Pair<'_>> = Vec::new();
        for (survey, site, handover) in sites {
            match handing.pair(survey, site, handover) {
                Ok(pair) => {
                    let is_same = |other: &Pair<'_>| other.is_like(&pair);
                    if !pairs.iter().any(is_same) {
                        pairs.push(pair);
                    }
                }
                Err(verdict) => handing.give_up(survey, !site.edits.is_empty(), verdict)?,
            }
        }
        // What is left alone must not keep what is repaired from being run.
        let (edited, left): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|pair| pair.is_edited);
        for pairs in [edited, left].into_iter().filter(|pairs| !pairs.is_empty()) {
            let (survey, is_edited) = (pairs[0].survey, pairs[0].is_edited);
            match handing.batch(file, pairs, engine) {
                Ok(batch) => handing.batches.push(batch),
                Err(reason) => handing.give_up(survey, is_edited, Verdict::Inconclusive(reason))?,
            }
        }
    }
    Ok(handing)
}

impl<'v> Handing<'v> {
    /// The way of a model, before and after.
    fn pair(&self, survey: &'v Survey, site: &'v Site, handover: &'v Handover) -> Result<Pair<'v>, Verdict> {
        const NAME: &str = "harness_way";
        let file = handover.file;
        let edits = all_edits(self.subject, file);
        let sources = self.subject.before.source(file).ok().zip(self.subject.after.source(file).ok());
        let (before, after) = sources.ok_or_else(|| Verdict::Inconclusive("its file cannot be read".to_owned()))?;
        let start = moved(&edits, handover.call.start);
        let place = format!("{}:{}", before.path().display(), before.place(handover.call.start).line);
        let call = call(before, handover.call.start, handover.call.end)
            .ok_or_else(|| Verdict::Inconclusive(format!("{place}: there is no call")))?;
        let wrong = |expected: &str, given: &str| {
            Verdict::Wrong(Mismatch {
                step: Step::HandOver,
                scenario: format!("{place}: what the repair is not to change"),
                expected: expected.to_owned(),
                given: given.to_owned(),
            })
        };
        let expected = before.slice(call);
        let call_after = self::call(after, start, start + handover.call.len()).filter(|call| after.slice(*call) == expected);
        let call_after = call_after.ok_or_else(|| wrong(expected, "another call"))?;
        let cut = |source, call| {
            slice::cut(source, call, handover, NAME)
                .map_err(|reason| Verdict::Inconclusive(format!("{place}: {reason}")))
        };
        let (before, after) = (cut(before, call)?, cut(after, call_after)?);
        if !site.edits.is_empty() && !self.is_edited_by_another(survey, handover, call) {
            // Other ways through the same function are changed as well.
            let others = survey.sites.iter().filter(|other| other.range != site.range || other.file != site.file);
            let inserted = others.flat_map(|other| &other.edits).flat_map(|(_, edit)| edit.text.lines());
            let inserted: BTreeSet<_> = inserted.map(str::trim).collect();
            let expected = before.idle.lines().map(str::trim);
            let mut given = after.idle.lines().map(str::trim).filter(|line| !inserted.contains(line));
            for expected in expected.filter(|line| !inserted.contains(line)) {
                let given = given.next().unwrap_or("nothing");
                if given != expected {
                    return Err(wrong(expected, given));
                }
            }
        }
        Ok(Pair { survey, handover, is_edited: !site.edits.is_empty(), place, before, after })
    }

    /// Does another fix change the function of the call?
    fn is_edited_by_another(&self, survey: &Survey, handover: &Handover, call: Node<'_>) -> bool {
        let Some(function) = enclosing(call, &["function_definition"]) else { return false };
        let others = self.subject.surveys.iter().filter(|other| other.fix != survey.fix);
        let mut edits = others.flat_map(|other| &other.sites).flat_map(|site| &site.edits);
        edits.any(|(file, edit)| {
            *file == handover.file && edit.range.0 <= function.end_byte() && edit.range.1 >= function.start_byte()
        })
    }

    /// Begins to run ways of a file.
    fn batch(&self, file: FileId, pairs: Vec<Pair<'v>>, engine: &Engine) -> Result<Batch<'v>, String> {
        let (before, after) = (self.subject.before, self.subject.after);
        let through = || pairs.iter().flat_map(|pair| &pair.handover.through).cloned();
        let new = new_functions(before, after, file);
        let mut builders = [
            (before, Builder::new(before, file, through().collect())),
            (after, Builder::new(after, file, through().chain(new).collect())),
        ];
        let edits = all_edits(self.subject, file);
        for (at, (package, builder)) in builders.iter_mut().enumerate() {
            let source = package.source(file).map_err(ToString::to_string)?;
            for pair in &pairs {
                let range = &pair.handover.call;
                let start = if at == 0 { range.start } else { moved(&edits, range.start) };
                let Some(call) = call(source, start, start + range.len()) else { continue };
                builder
                    .take(file, source, call, &pair.way(at))
                    .map_err(|reason| format!("{}: {reason}", pair.place))?;
            }
        }
        let attributes: BTreeSet<_> =
            builders.iter().flat_map(|(_, builder)| builder.attributes()).cloned().collect();
        let cases_of = |(at, pair): (usize, &Pair<'_>)| {
            let cases = cases::cases(pair.handover.at.is_some(), &asking(pair));
            cases.into_iter().map(move |case| (at, case)).collect::<Vec<_>>()
        };
        let cases: Vec<_> = pairs.iter().enumerate().flat_map(cases_of).collect();
        // What it came to before: with what it should come to, and with what it is given.
        let like = cases.iter().flat_map(|(pair, case)| [(*pair, case.plain()), (*pair, case.clone())]).collect::<Vec<_>>();
        let mut running = Vec::new();
        for (at, (_, builder)) in builders.iter_mut().enumerate() {
            let ways: Vec<_> = pairs.iter().map(|pair| pair.way(at)).collect();
            let text = builder.text(&ways, if at == 0 { &like } else { &cases }, &attributes);
            if let Some(lack) = builder.lacks.first().filter(|_| *engine == Engine::Sandbox) {
                return Err(format!("{}: the sandbox cannot run {lack}", pairs[0].place));
            }
            if let Ok(d) = std::env::var("PROOF_DUMP") { let _ = std::fs::write(format!("{d}/{}-{at}.py", file.index()), &text); }
            running.push(engine.start(text, if at == 0 { like.len() } else { cases.len() }));
        }
        let [before, after] = <[Running; 2]>::try_from(running).map_err(|_| "it was not started".to_owned())?;
        Ok(Batch { pairs, cases, before, after })
    }

    /// What cannot be run is no proof, but only a note about code that the repair leaves alone.
    fn give_up(&mut self, survey: &Survey, is_edited: bool, verdict: Verdict) -> Result<(), Verdict> {
        let text = match &verdict {
            Verdict::Inconclusive(reason) => reason.clone(),
            Verdict::Wrong(Mismatch { scenario, expected, given, .. }) => {
                format!("{scenario}: {given}, and not: {expected}")
            }
            Verdict::Verified(_) => return Ok(()),
        };
        if !is_edited {
            let is_wrong = matches!(verdict, Verdict::Wrong(_));
            let word = if is_wrong { "has its own way here" } else { "was not verified" };
            self.notes.push(format!("{} {word}, and stays as it is: {text}", survey.fix));
            return Ok(());
        }
        Err(match verdict {
            Verdict::Inconclusive(_) => Verdict::Inconclusive(format!("{} cannot be run: {text}{}", survey.fix, self.without(survey))),
            verdict => verdict,
        })
    }

    /// How to do without a fix.
    fn without(&self, survey: &Survey) -> String {
        let others = self.subject.surveys.iter().filter(|other| other.is_edited() && other.fix != survey.fix);
        let others: Vec<_> = others.map(|other| format!("`--fix {}`", other.fix)).collect();
        if others.is_empty() { String::new() } else { format!("; {} repairs the rest", others.join(" ")) }
    }

    /// Compares what the ways came to; gives how many loads were compared, and what is to be noted.
    pub(super) fn finish(mut self) -> Result<(usize, Vec<String>), Verdict> {
        let mut loads = 0;
        for batch in std::mem::take(&mut self.batches) {
            let (survey, is_edited) = (batch.pairs[0].survey, batch.pairs[0].is_edited);
            match batch.finish() {
                Ok(compared) => loads += compared,
                Err(verdict) => self.give_up(survey, is_edited, verdict)?,
            }
        }
        Ok((loads, self.notes))
    }
}

impl Pair<'_> {
    fn way(&self, at: usize) -> Way<'_> {
        Way { handover: self.handover, slice: if at == 0 { &self.before } else { &self.after } }
    }

    /// Would it be run in the same way?
    fn is_like(&self, other: &Self) -> bool {
        let text = |pair: &Self| (pair.before.source.text().to_owned(), pair.after.source.text().to_owned());
        let handover = |pair: &Self| (pair.handover.at, pair.handover.keep.clone(), pair.handover.through.clone());
        self.is_edited == other.is_edited && text(self) == text(other) && handover(self) == handover(other)
    }
}

impl Batch<'_> {
    fn finish(self) -> Result<usize, Verdict> {
        let outlines = |running: Running| -> Result<Vec<Outline>, Verdict> {
            let text = running.finish().map_err(Verdict::Inconclusive)?;
            serde_json::from_str(&text).map_err(|error| Verdict::Inconclusive(format!("no answers: {error}")))
        };
        let (before, after) = (outlines(self.before)?, outlines(self.after)?);
        if before.len() != 2 * self.cases.len() || after.len() != self.cases.len() {
            return Err(Verdict::Inconclusive(format!("{} answers to {} cases", after.len(), self.cases.len())));
        }
        let mut compared = 0;
        let mut marking = BTreeSet::new();
        for (((pair, case), before), after) in self.cases.iter().zip(before.chunks(2)).zip(&after) {
            // What it does not mark, or cannot deal with, is not what its loader returns.
            let [Outline::Ran(right), _] = before else { continue };
            if case.is_beside(right.is_marked) {
                continue;
            }
            compared += 1;
            let outcome = case.outcome(right.is_marked);
            marking.extend((outcome == Outcome::HandedOver).then_some(*pair));
            compare(&self.pairs[*pair], case, outcome, before, after)?;
        }
        let idle = (0..self.pairs.len()).find(|pair| !marking.contains(pair));
        match idle.map(|pair| &self.pairs[pair]) {
            None => Ok(compared),
            Some(pair) => Err(Verdict::Inconclusive(format!("{}: {}", pair.place, why(&before)))),
        }
    }
}

/// Why nothing is marked.
fn why(before: &[Outline]) -> String {
    let mut raised = before.iter().filter_map(|before| match before {
        Outline::Raised(kind, message) => Some(format!("{kind}: {message}")),
        Outline::Ran(_) => None,
    });
    raised.next().unwrap_or_else(|| "nothing is marked when it is run on its own".to_owned())
}

fn compare(
    pair: &Pair<'_>,
    case: &Case,
    outcome: Outcome,
    before: &[Outline],
    after: &Outline,
) -> Result<(), Verdict> {
    let wrong = |expected: String, given: String| {
        let scenario = format!("{}: {}", pair.place, case.describe());
        Err(Verdict::Wrong(Mismatch { step: Step::HandOver, scenario, expected, given }))
    };
    let [plain, same] = before else { return Ok(()) };
    let Outline::Ran(right) = (if outcome == Outcome::HandedOver { plain } else { same }) else { return Ok(()) };
    let given = match after {
        Outline::Ran(given) => given,
        Outline::Raised(kind, message) => {
            let raised = format!("{kind}: {message}");
            // In this way the sandbox says that it lacks something.
            return match kind.as_str() {
                "NotImplementedError" | "ImportError" | "ModuleNotFoundError" | "SyntaxError" => {
                    Err(Verdict::Inconclusive(format!("{}: {raised}", pair.place)))
                }
                _ => wrong(right.facts.first().cloned().unwrap_or_default(), raised),
            };
        }
    };
    if let Some((expected, given)) = first_difference(&right.facts, &given.facts, |_| false) {
        return wrong(expected, given);
    }
    // What is called before the model is handed over is called as it was.
    let is_as_it_was = |at: usize| matches!(same, Outline::Ran(same) if same.called.get(at) == given.called.get(at));
    if let Some((expected, given)) = first_difference(&right.called, &given.called, is_as_it_was) {
        return wrong(expected, given);
    }
    if outcome == Outcome::Untouched && given.clones > 0 {
        return wrong("no clone".to_owned(), format!("{} clones", given.clones));
    }
    let more = (given.lines - right.lines, given.warnings - right.warnings);
    let (expected, in_words) = match outcome {
        Outcome::HandedOver => ((1, 0), "one log line more"),
        Outcome::Failed => ((0, 1), "one warning more"),
        Outcome::Untouched => ((0, 0), "nothing more in the log"),
    };
    // Those who do it in their own way say so in their own way.
    if !pair.is_edited || more == expected {
        return Ok(());
    }
    wrong(in_words.to_owned(), format!("{} log lines and {} warnings more", more.0, more.1))
}

/// The first of the facts that differ, and may not.
fn first_difference(expected: &[String], given: &[String], may: impl Fn(usize) -> bool) -> Option<(String, String)> {
    let count = expected.len().max(given.len());
    let at = (0..count).find(|at| expected.get(*at) != given.get(*at) && !may(*at))?;
    let fact = |facts: &[String]| facts.get(at).cloned().unwrap_or_else(|| "nothing more".to_owned());
    Some((fact(expected), fact(given)))
}

/// The call at these bytes.
fn call(source: &Source, start: usize, end: usize) -> Option<Node<'_>> {
    let found = source.root().descendant_for_byte_range(start, end)?;
    enclosing(found, &["call"]).filter(|call| call.byte_range() == (start..end))
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
