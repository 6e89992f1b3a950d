//! What is wrong, why, how that is known, and what to do: a card for each problem, in the order of what to do first.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{prose, section, sentence, some};
use crate::doctor::Rank;
use crate::report::doctor::{EvidenceReport, FoundProblem, PlaceReport, StepReport};

#[derive(Serialize, Deserialize)]
pub(super) struct Finding {
    id: String,
    title: String,
    /// The class of its colours.
    pub rank: String,
    /// The rank in words.
    matters: String,
    message: String,
    about: String,
    evidence: Vec<Quote>,
    pub step: Step,
    sources: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Quote {
    place: String,
    /// All lines that have the same to show.
    lines: Vec<u64>,
    text: String,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Step {
    Paste(String),
    Edit { place: String, before: String, after: String },
    Advice(String),
}

impl Finding {
    pub(super) fn new(found: &FoundProblem) -> Self {
        let (rank, matters) = match found.rank {
            Rank::Stops => ("stops", "Stops it"),
            Rank::Wrong => ("wrong", "Wrong result"),
            Rank::Costs => ("costs", "Costs time or memory"),
            Rank::Note => ("note", "Good to know"),
        };
        Self {
            id: found.problem.to_owned(),
            title: found.title.to_owned(),
            rank: rank.to_owned(),
            matters: matters.to_owned(),
            message: found.message.clone(),
            about: found.about.to_owned(),
            evidence: quotes(&found.evidence),
            step: Step::new(&found.step),
            sources: found.sources.iter().map(|&source| source.to_owned()).collect(),
        }
    }

    /// The name of its place in the page: several findings may be of one problem.
    pub(super) fn anchor(&self) -> String {
        format!("first-{}", self.id)
    }

    fn markup(&self, number: usize) -> Markup {
        let heading = format!("finding-{number}");
        html! {
            article class={ "finding " (self.rank) } aria-labelledby=(heading) {
                p.rank {
                    span.number { (number) }
                    span.word { (self.matters) }
                    span.id { (self.id) }
                }
                h3 id=(heading) { (self.title) }
                p.message { (sentence(&self.message)) }
                p.about { (prose(&self.about)) }
                @if !self.evidence.is_empty() {
                    h4.label { "How that is known" }
                    @for quote in &self.evidence {
                        figure.quote {
                            figcaption { (quote.caption()) }
                            pre { (quote.text) }
                        }
                    }
                }
                (self.step.markup())
                @if !self.sources.is_empty() {
                    p.sources {
                        "More: "
                        @for (at, source) in self.sources.iter().enumerate() {
                            @if at > 0 { ", " }
                            a href=(source) rel="noreferrer" { (named(source)) }
                        }
                    }
                }
            }
        }
    }
}

impl Quote {
    fn caption(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        match &lines[..] {
            [] => self.place.clone(),
            [line] => format!("{}, line {line}", self.place),
            _ => format!("{}, lines {}", self.place, lines.join(", ")),
        }
    }
}

/// Evidence, line after line of one place as one if they show the same.
fn quotes(evidence: &[EvidenceReport]) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    for EvidenceReport { text, place } in some(evidence) {
        let (place, line) = parts(place);
        match quotes.last_mut() {
            Some(last) if (&last.place, &last.text) == (&place, text) => last.lines.extend(line),
            _ => quotes.push(Quote { place, lines: line.into_iter().collect(), text: text.clone() }),
        }
    }
    quotes
}

impl Step {
    fn new(step: &StepReport) -> Self {
        match step {
            StepReport::Command { text } => Self::Paste(text.clone()),
            StepReport::Edit { path, line, before, after } => Self::Edit {
                place: format!("line {line} of {}", path.shown()),
                before: before.clone(),
                after: after.clone(),
            },
            StepReport::Advice { text } => Self::Advice(text.clone()),
        }
    }

    /// In a few words.
    pub(super) fn short(&self) -> Markup {
        match self {
            Self::Paste(command) => html! { "run " code { (command) } },
            Self::Edit { place, .. } => html! { "change " (place) },
            Self::Advice(text) => prose(text),
        }
    }

    fn markup(&self) -> Markup {
        html! {
            div.step {
                @match self {
                    Self::Paste(command) => {
                        h4.label { "Do this: run" }
                        (paste(command))
                    }
                    Self::Edit { place, before, after } => {
                        h4.label { "Do this: change " (place) }
                        p.hint { "It is now" }
                        pre.before { (before) }
                        p.hint { "and should be" }
                        (paste(after))
                    }
                    Self::Advice(text) => {
                        h4.label { "Do this" }
                        p { (sentence(text)) }
                    }
                }
            }
        }
    }
}

/// The cards.
pub(super) fn markup(findings: &[Finding]) -> Markup {
    let cards = html! {
        ol.findings {
            @for (at, finding) in findings.iter().enumerate() {
                @let is_first = findings.iter().position(|other| other.id == finding.id) == Some(at);
                li id=[is_first.then(|| finding.anchor())] { (finding.markup(at + 1)) }
            }
        }
    };
    if findings.is_empty() {
        html! {}
    } else {
        section("findings", "What to do, in this order", &cards)
    }
}

/// Text to be pasted: one click selects all of it. A line is only broken between words.
fn paste(text: &str) -> Markup {
    html! {
        pre.paste tabindex="0" {
            @for (at, word) in text.split(' ').enumerate() {
                @if at > 0 { " " }
                @if word.starts_with('-') { span { (word) } } @else { (word) }
            }
        }
        p.hint.copy {
            "One click selects all of it."
            @if text.contains('…') { " … stands for folders that are not shown." }
        }
    }
}

/// A place in words.
pub(super) fn place(place: &PlaceReport) -> String {
    match parts(place) {
        (place, Some(line)) => format!("{place}, line {line}"),
        (place, None) => place,
    }
}

/// A place in words, and its line.
fn parts(place: &PlaceReport) -> (String, Option<u64>) {
    match place {
        PlaceReport::File { path, line } => (path.shown(), line.map(|line| line as u64)),
        PlaceReport::Log { path: Some(path), line } => (path.shown(), Some(*line)),
        PlaceReport::Log { path: None, line } => ("the log".to_owned(), Some(*line)),
        PlaceReport::Output { program } => (format!("what {program} prints"), None),
        PlaceReport::Node { path, id } => (format!("{}, node {id}", path.shown()), None),
    }
}

/// A short name for a page: `owner/name#12` for what is discussed on GitHub.
fn named(url: &str) -> String {
    let short = url.trim_start_matches("https://").trim_end_matches('/');
    match short.split('/').collect::<Vec<_>>()[..] {
        ["github.com", owner, name, "issues" | "pull" | "discussions", number] => format!("{owner}/{name}#{number}"),
        _ => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_short_names() {
        assert_eq!(named("https://github.com/a/b/issues/12"), "a/b#12");
        assert_eq!(named("https://docs.pytorch.org/x/"), "docs.pytorch.org/x");
    }
}
