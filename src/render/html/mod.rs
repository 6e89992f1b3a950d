//! A page to show to others: what `doctor` found, its tables, and the pictures of the workflows' plans.
//!
//! The page is one file. It loads nothing, runs nothing, and is complete on paper. A section is a module: its content,
//! taken from the report as plain data, and its markup. All texts of the content go through `Content::cleaned`, so that no
//! section has to think of what is private, long or harmful.

mod facts;
mod findings;
mod head;
mod pictures;
mod run;
mod unknown;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::{Deserialize, Serialize};

use self::facts::Facts;
use self::findings::Finding;
use self::head::Head;
use self::pictures::Picture;
use self::run::Run;
use self::unknown::Unknown;
use crate::redact::{self, Redactor};
use crate::report::DoctorReport;
use crate::text::visible;

const STYLE: &str = include_str!("page.css");
/// Nothing is loaded, and no script runs, whatever a text of the page says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
/// The most characters of a text.
const MOST_CHARACTERS: usize = 2000;
/// The most elements of a list.
const MOST_ELEMENTS: usize = 200;

/// The page about a report. `command` is what made it. Without a redactor, what is private stays in it.
pub fn page(report: &DoctorReport, command: &str, redactor: Option<&mut Redactor>) -> Result<String> {
    let content = Content {
        head: Head::new(report),
        findings: some(&report.findings).map(Finding::new).collect(),
        pictures: some(&report.workflows).filter_map(Picture::new).collect(),
        run: Run::new(report),
        facts: Facts::new(report),
        unknown: Unknown::new(report),
        foot: Foot { version: report.version.to_owned(), command: command.to_owned(), is_redacted: redactor.is_some() },
    };
    Ok(content.cleaned(redactor)?.markup().into_string())
}

/// What is on a page.
#[derive(Serialize, Deserialize)]
struct Content {
    head: Head,
    findings: Vec<Finding>,
    pictures: Vec<Picture>,
    run: Run,
    facts: Facts,
    unknown: Unknown,
    foot: Foot,
}

/// How the page was made.
#[derive(Serialize, Deserialize)]
struct Foot {
    version: String,
    command: String,
    is_redacted: bool,
}

impl Content {
    /// The same without what is private, with control characters made visible, and without the ends of the longest texts.
    fn cleaned(self, redactor: Option<&mut Redactor>) -> Result<Self> {
        let content = match redactor {
            Some(redactor) => redactor.report(&self)?,
            None => self,
        };
        Ok(redact::each_text(&content, &mut |text| shown(text))?)
    }

    fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="robots" content="noindex";
                    title { "distorch-fix doctor: " (self.head.verdict) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.head.markup(&self.findings))
                    main {
                        (findings::markup(&self.findings))
                        (pictures::markup(&self.pictures))
                        (self.run.markup())
                        (self.facts.markup())
                        (self.unknown.markup())
                    }
                    (self.foot.markup())
                }
            }
        }
    }
}

impl Foot {
    fn markup(&self) -> Markup {
        html! {
            footer {
                p { "Made by distorch-fix " (self.version) " with " code { (self.command) } }
                @if self.is_redacted {
                    p {
                        "Names of users and computers, addresses, keys, and the folders above the installation (…) were \
                         left out. Look through the page all the same before you show it to others."
                    }
                } @else {
                    p { "Nothing private was left out: made with " code { "--no-redact" } "." }
                }
                p { "This page is one file. It loads nothing from elsewhere and has no scripts." }
            }
        }
    }
}

/// A section with a heading.
fn section(id: &str, heading: &str, content: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            (content)
        }
    }
}

/// Something that may be wider than the page: it scrolls on its own, with the keyboard too.
fn wide(label: &str, content: &Markup) -> Markup {
    html! { div.wide tabindex="0" role="group" aria-label=(label) { (content) } }
}

/// A sentence of a report: what is between backticks is code.
fn prose(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (at, part) in parts.into_iter().enumerate() {
            @if at % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// A sentence with a full stop, which it may have already.
fn sentence(text: &str) -> Markup {
    let has_end = text.trim_end().ends_with(['.', '!', '?', ':']);
    html! { (prose(text)) @if !has_end { "." } }
}

/// The first elements of a list.
fn some<T>(list: &[T]) -> impl Iterator<Item = &T> {
    list.iter().take(MOST_ELEMENTS)
}

/// A text as the page has it: its line breaks stay.
fn shown(text: &str) -> String {
    let short = match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => &format!("{} … ({} more characters)", &text[..end], text[end..].chars().count()),
        None => text,
    };
    short.split('\n').map(|line| visible(line.trim_end_matches('\r'))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_line_by_line_and_not_without_end() {
        assert_eq!(shown("a\r\nb\u{1b}[1m\u{202e}"), "a\nb␛[1m\u{fffd}");
        let long = shown(&"é".repeat(10_000_000));
        assert!(long.chars().count() < MOST_CHARACTERS + 40 && long.ends_with("(9998000 more characters)"), "{long}");
    }
}
