//! `workflow set`: the allocation strings of `DisTorch2` loaders.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::edit::{self, Edit, Source};
use super::fit::{Fitter, Fitting};
use crate::advice::Advise as _;
use crate::cli::change::Set;
use crate::cli::workflow::Files;
use crate::render::Screen;
use crate::report::Outcome;
use crate::text::quoted;
use crate::workflow::change::{OwnString, set, set_each};

pub(super) fn run(arguments: &Set, screen: &mut Screen) -> Result<Outcome> {
    // With `--fit` there is no string, and the first argument is a file.
    let first = arguments.fit.then(|| PathBuf::from(&arguments.string));
    let edit = Edit {
        files: Files { files: first.into_iter().chain(arguments.files.iter().cloned()).collect() },
        how: &arguments.change,
    };
    if arguments.fit {
        let fitter = Fitter::new(&arguments.machine);
        return edit.run(screen, |source, _| set_each(source.workflow, source.classes, &fitting(&fitter, source)?));
    }
    let string = arguments.string.to_str().context("the allocation string is not Unicode")?;
    let wanted = edit::wanted(Some(string), &arguments.change.further, screen)?;
    edit.run(screen, |source, selection| set(source.workflow, source.classes, selection, &wanted))
}

/// The strings with which a workflow fits.
fn fitting(fitter: &Fitter<'_>, source: &Source<'_>) -> Result<Vec<OwnString>> {
    let error = match fitter.fit(source.workflow, source.classes, source.installation)? {
        Fitting::Fits(fitted) => return Ok(fitted.into_iter().map(|fitted| fitted.own).collect()),
        Fitting::Unknown { why, .. } => anyhow!("what fits is not known: {why}"),
        Fitting::Nothing => anyhow!("no strings were found with which it fits"),
    };
    Err(error.help(look_at_plan(source.path)))
}

/// What shows why a workflow does not fit.
pub(in crate::commands) fn look_at_plan(workflow: &Path) -> String {
    format!("look at `distorch-fix plan --workflow {} --fit`, with the same options", quoted(workflow))
}
