//! What is not known, and which problems are not there.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{section, sentence, some};
use crate::report::DoctorReport;
use crate::text::counted;

#[derive(Serialize, Deserialize)]
pub(super) struct Unknown {
    /// Problems, and why it is unknown whether they are there.
    problems: Vec<(String, String)>,
    /// Problems that are not there.
    absent: Vec<String>,
}

impl Unknown {
    pub(super) fn new(report: &DoctorReport) -> Self {
        Self {
            problems: some(&report.unknown).map(|unknown| (unknown.title.to_owned(), unknown.why.clone())).collect(),
            absent: some(&report.absent).map(|absent| absent.title.to_owned()).collect(),
        }
    }

    pub(super) fn markup(&self) -> Markup {
        let unknown = html! {
            dl.card.reasons {
                @for (title, why) in &self.problems {
                    dt { (title) }
                    dd { "Unknown, because " (sentence(why)) }
                }
            }
        };
        let absent = html! {
            details.card {
                summary { (counted(self.absent.len(), "problem")) " that others have had" }
                ul.list { @for title in &self.absent { li { (title) } } }
            }
        };
        html! {
            @if !self.problems.is_empty() { (section("unknown", "What is not known", &unknown)) }
            @if !self.absent.is_empty() { (section("absent", "What is not wrong here", &absent)) }
        }
    }
}
