//! What is wrong in an installation: the result, the problems with what to do about each, and all that is known.

mod facts;
mod finding;

use std::fmt::Write as _;

use anyhow::Result;

use super::Human;
use crate::doctor::Rank;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, FAINT, GOOD, STRONG, UNSURE};
use crate::render::{Render, Screen};
use crate::report::DoctorReport;
use crate::report::doctor::UnknownProblem;
use crate::text::visible;

impl Render<DoctorReport> for Human {
    fn render(&self, report: &DoctorReport, screen: &mut Screen) -> Result<()> {
        screen.print(&verdict(report))?;
        for (at, found) in report.findings.iter().enumerate() {
            screen.print(&finding::block(at + 1, found))?;
        }
        if let Some(setup) = &report.setup {
            let text = "The repair, the loaders and what keeps the repair can be had with one command, which shows all of it first:";
            screen.print(&format!("{}\n  {STRONG}{}{STRONG:#}\n", wrapped(text, 0, 0, columns()), visible(setup)))?;
        }
        for group in &report.facts {
            screen.note(&facts::group(group))?;
        }
        screen.note(&facts::gpus(report))?;
        for workflow in &report.workflows {
            screen.note(&facts::workflow(workflow))?;
        }
        screen.note(&facts::run(report))?;
        screen.note(&unknown(&report.unknown))?;
        Ok(screen.note(&absent(report))?)
    }
}

fn verdict(report: &DoctorReport) -> String {
    let style = if report.findings.iter().any(|found| found.rank < Rank::Note) {
        BAD
    } else if report.unknown.is_empty() {
        GOOD
    } else {
        UNSURE
    };
    let verdict = wrapped(&visible(&report.verdict), 0, 0, columns());
    format!("{STRONG}{}{STRONG:#}\n{style}{verdict}{style:#}\n", report.root.shown())
}

/// What is unknown, by the reason.
fn unknown(unknown: &[UnknownProblem]) -> String {
    let mut by_why: Vec<(&str, Vec<&str>)> = Vec::new();
    for UnknownProblem { problem, why, .. } in unknown {
        match by_why.iter_mut().find(|(known, _)| known == why) {
            Some((_, problems)) => problems.push(problem),
            None => by_why.push((why, vec![problem])),
        }
    }
    let mut out = String::new();
    if !by_why.is_empty() {
        let _ = writeln!(out, "{STRONG}Unknown{STRONG:#}");
    }
    for (why, problems) in by_why {
        let text = format!("{}, because {}", problems.join(", "), visible(why));
        let _ = writeln!(out, "  {}", wrapped(&text, 2, 4, columns()));
    }
    out
}

fn absent(report: &DoctorReport) -> String {
    if report.absent.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = report.absent.iter().map(|absent| absent.problem).collect();
    let text = wrapped(&names.join(", "), 2, 2, columns());
    format!("{STRONG}Looked for, and absent{STRONG:#}\n  {FAINT}{text}{FAINT:#}\n")
}
