//! For GitHub Actions: [workflow commands], each of which becomes an annotation at its line, and the summary of the
//! job.
//!
//! [workflow commands]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

mod checks;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use anyhow::{Context, Result};

use super::{Render, Screen, summary};
use crate::advice::Advise as _;
use crate::fixes::Fix;
use crate::report::{ConflictReport, Level, Located, Point, Problem, Report, SiteReport, workspace};
use crate::text::visible;

/// Annotates the run, and appends to the summary of its job.
pub(super) struct Github;

impl Render<Report> for Github {
    fn render(&self, report: &Report, screen: &mut Screen) -> Result<()> {
        screen.document(&document(report))?;
        summarise(report)
    }
}

/// One workflow command for each finding and each error.
fn document(report: &Report) -> String {
    let workspace = workspace();
    let mut out = String::new();
    for checkout in &report.checkouts {
        for (fix, site) in checkout.findings() {
            let _ = writeln!(out, "{}", finding(fix, site, &workspace));
        }
        for conflict in &checkout.conflicts {
            let _ = writeln!(out, "{}", self::conflict(conflict, &workspace));
        }
    }
    for (level, problem) in report.problems() {
        let _ = writeln!(out, "{}", annotation(level, problem, &workspace));
    }
    out
}

/// Appends the summary to the file that GitHub names for it; does nothing if there is none.
fn summarise(report: &Report) -> Result<()> {
    let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(());
    };
    let file = OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(summary::markdown(report).as_bytes()))
        .with_context(|| format!("cannot write the summary to {}", path.display()))
        .help("unset GITHUB_STEP_SUMMARY")
}

/// A workflow command: `::error file=a.py,line=1::message`.
struct Annotation {
    level: &'static str,
    properties: Vec<(&'static str, String)>,
    message: String,
}

impl fmt::Display for Annotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "::{}", self.level)?;
        for (number, (name, value)) in self.properties.iter().enumerate() {
            let before = if number == 0 { ' ' } else { ',' };
            write!(f, "{before}{name}={}", escaped(value).replace(':', "%3A").replace(',', "%2C"))?;
        }
        write!(f, "::{}", escaped(&self.message))
    }
}

/// Escapes the message; in properties, colons and commas are escaped as well.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn conflict(conflict: &ConflictReport, workspace: &Path) -> Annotation {
    let mut properties = place(&conflict.path, conflict.start, conflict.end, workspace);
    properties.push(("title", String::from("comfyui")));
    let message = format!("{}\n{}", visible(&conflict.message), visible(&conflict.help));
    Annotation { level: Level::Error.name(), properties, message }
}

fn place(path: &Located, start: Point, end: Point, workspace: &Path) -> Vec<(&'static str, String)> {
    let mut properties =
        vec![("file", path.from(workspace)), ("line", start.line.to_string()), ("endLine", end.line.to_string())];
    // GitHub accepts columns within one line only.
    if start.line == end.line {
        properties.push(("col", start.column.to_string()));
        properties.push(("endColumn", end.column.to_string()));
    }
    properties
}

fn finding(fix: Fix, site: &SiteReport, workspace: &Path) -> Annotation {
    let mut properties = place(&site.path, site.start, site.end, workspace);
    properties.push(("title", format!("{fix}: {}", site.state.name)));
    Annotation { level: Level::of(site).name(), properties, message: visible(&site.said()).into_owned() }
}

fn annotation(level: Level, problem: &Problem, workspace: &Path) -> Annotation {
    let mut properties = Vec::new();
    if let Some(path) = &problem.path {
        properties.push(("file", path.from(workspace)));
    }
    if let Some(place) = problem.place {
        properties.extend([("line", place.line.to_string()), ("col", place.column.to_string())]);
    }
    properties.push(("title", String::from("distorch-fix")));
    Annotation { level: level.name(), properties, message: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_or_a_command_is_escaped() {
        let annotation = Annotation {
            level: Level::Error.name(),
            properties: vec![("file", String::from("100%, a:b.py")), ("title", String::from("a\r\nb"))],
            message: String::from("50%: a, b\n::warning::c"),
        };
        assert_eq!(
            annotation.to_string(),
            "::error file=100%25%2C a%3Ab.py,title=a%0D%0Ab::50%25: a, b%0A::warning::c"
        );
    }
}
