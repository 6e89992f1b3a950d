//! `workflow show`: every loader node, and what it is set to.

use anyhow::{Context as _, Result};

use super::files;
use super::installation::Installations;
use crate::cli::workflow::Show;
use crate::commands::problem;
use crate::render::Screen;
use crate::report::{Outcome, WorkflowReport, WorkflowsReport};
use crate::workflow::unreadable;

pub(super) fn run(arguments: &Show, screen: &mut Screen) -> Result<Outcome> {
    let mut report = WorkflowsReport::default();
    let mut installations = Installations::cached(&arguments.installation);
    files::each(&arguments.files, |path, workflow| {
        let shown = workflow.and_then(|workflow| {
            let classes = installations.classes(path, &workflow)?;
            WorkflowReport::new(path, &workflow, &classes).with_context(|| unreadable(path))
        });
        report.add(shown.unwrap_or_else(|error| WorkflowReport::failed(path, problem(&error))));
        Ok(())
    })?;
    arguments.format.renderer.render(&report, screen)?;
    Ok(report.outcome())
}
