//! Annotations of workflows.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::{Annotation, Github, annotation, place};
use crate::lint;
use crate::render::{Render, Screen};
use crate::report::{ChecksReport, FindingReport, Level, Located, workspace};
use crate::text::visible;

impl Render<ChecksReport> for Github {
    fn render(&self, report: &ChecksReport, screen: &mut Screen) -> Result<()> {
        let workspace = workspace();
        let mut out = String::new();
        for file in &report.files {
            for finding in &file.findings {
                let _ = writeln!(out, "{}", self::finding(finding, &file.path, &workspace));
            }
            if let Some(error) = &file.error {
                let mut annotation = annotation(Level::Error, error, &workspace);
                annotation.properties.insert(0, ("file", file.path.from(&workspace)));
                let _ = writeln!(out, "{annotation}");
            }
        }
        Ok(screen.document(&out)?)
    }
}

fn finding(finding: &FindingReport, path: &Located, workspace: &Path) -> Annotation {
    let mut properties = match finding.start.zip(finding.end) {
        Some((start, end)) => place(path, start, end, workspace),
        None => vec![("file", path.from(workspace))],
    };
    properties.push(("title", format!("workflow: {}", finding.check)));
    let mut message = finding.said();
    if let Some(command) = &finding.command {
        let _ = write!(message, "\n{command}");
    }
    let level = match finding.level {
        lint::Level::Note => "notice",
        lint::Level::Warning => "warning",
        lint::Level::Error => "error",
    };
    Annotation { level, properties, message: message.lines().map(visible).collect::<Vec<_>>().join("\n") }
}
