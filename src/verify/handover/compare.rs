//! Compares what a way came to with what it has to come to.

use serde::Deserialize;

use super::cases::{Case, Outcome};
use super::pair::Pair;
use crate::verify::{Mismatch, Step, Verdict};

/// What is seen of a run.
#[derive(Deserialize)]
pub(super) struct Run {
    /// What is there afterwards.
    facts: Vec<String>,
    /// What was called, one after the other.
    called: Vec<String>,
    /// Was an allocation kept with a model?
    pub(super) is_marked: bool,
    lines: i64,
    warnings: i64,
    clones: i64,
}

/// What a run gave, or the class of an exception and its message.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Outline {
    Raised(String, String),
    Ran(Run),
}

/// Compares a run with what is expected of it, and with what it came to without the repair, in this order; the run is the
/// last.
pub(super) fn compare(
    pair: &Pair<'_>,
    case: &Case,
    outcome: Outcome,
    [expected, otherwise, given]: [&Outline; 3],
) -> Result<(), Verdict> {
    let wrong = |expected: String, given: String| {
        let scenario = format!("{}: {}", pair.place, case.describe());
        Err(Verdict::Wrong(Mismatch { step: Step::HandOver, scenario, expected, given }))
    };
    let Outline::Ran(right) = expected else { return Ok(()) };
    let given = match given {
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
    let is_as_it_was =
        |at: usize| matches!(otherwise, Outline::Ran(other) if other.called.get(at) == given.called.get(at));
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
