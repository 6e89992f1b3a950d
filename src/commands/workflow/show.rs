//! `workflow show`: every loader node, and what it is set to.

use anyhow::Result;

use super::files;
use super::installation::Installation;
use crate::cli::workflow::Show;
use crate::commands::problem;
use crate::render::Screen;
use crate::report::{Outcome, WorkflowReport, WorkflowsReport};

pub(super) fn run(arguments: &Show, screen: &mut Screen) -> Result<Outcome> {
    let mut report = WorkflowsReport::default();
    files::each(&arguments.files, |path, workflow| {
        let shown = workflow.and_then(|workflow| {
            let classes = Installation::of(&arguments.installation, path)?.classes(&workflow);
            WorkflowReport::new(path, &workflow, &classes)
        });
        report.add(shown.unwrap_or_else(|error| WorkflowReport::failed(path, problem(&error))));
        Ok(())
    })?;
    arguments.format.renderer.render(&report, screen)?;
    Ok(report.outcome())
}
