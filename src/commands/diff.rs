//! `diff`: prints the patch and nothing else.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::each::{Subject, View, each};
use super::in_order;
use crate::cli;
use crate::render::Screen;
use crate::report::{Command, Outcome, Report};
use crate::text;

pub(super) fn run(arguments: &cli::Diff, screen: &mut Screen) -> Result<Outcome> {
    let (target, format) = (&arguments.target, arguments.output.format);
    let report = Report::new(Command::Diff, target.accounting.into());
    let view = View {
        judges: true,
        comfyui: arguments.surroundings.comfyui.as_deref(),
        revision: arguments.history.rev.as_deref(),
        proof: arguments.proof.options(false),
        ..View::new(target, format.into())
    };
    each(report, &view, screen, |subject, report| {
        // Printed one after the other, the patches of several checkouts are one, for the folder that they all lie in.
        let is_own = subject.is_alone || format.early.is_none();
        let folder = if is_own { PathBuf::new() } else { from_here(subject)? };
        report.patch(subject.repair, &folder);
        in_order(report)
    })
}

/// The way from the current folder to the checkout.
fn from_here(subject: &Subject<'_>) -> Result<PathBuf> {
    let file = &subject.checkout.file;
    let folder = file.parent().unwrap_or(&subject.checkout.root);
    match folder.strip_prefix(text::logical_dir()?) {
        Ok(below) => Ok(below.to_owned()),
        Err(_) => bail!(
            "{} is not below the current folder, where a patch of several checkouts is to be applied\n\
             help: run it in a folder above them all, or once for each",
            folder.display()
        ),
    }
}
