//! `diff`: prints the patch and nothing else.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::each::{View, each};
use super::in_order;
use crate::advice::Advise as _;
use crate::cli;
use crate::install::Checkout;
use crate::pipeline::Acted;
use crate::render::Screen;
use crate::report::{Command, Outcome, Report};
use crate::text;

pub(super) fn run(arguments: &cli::Diff, screen: &mut Screen) -> Result<Outcome> {
    let format = arguments.output.format;
    let report = Report::new(Command::Diff, arguments.judged.target.accounting.into());
    let view = View {
        revision: arguments.history.rev.as_deref(),
        proof: arguments.proof.options(false),
        ..View::judging(&arguments.judged, format)
    };
    let report = each(report, &view, screen, |facts, is_alone| {
        // Printed one after the other, the patches of several checkouts form one patch, for the folder that contains
        // them all.
        let is_own = is_alone || format.early.is_none();
        match if is_own { Ok(PathBuf::new()) } else { from_here(facts.checkout) } {
            Ok(folder) => Acted { patches_from: Some(folder), is_written: false, result: in_order(facts) },
            Err(error) => Acted::looked(Err(error)),
        }
    })?;
    Ok(report.outcome)
}

/// The path from the current folder to the checkout.
fn from_here(checkout: &Checkout) -> Result<PathBuf> {
    let folder = checkout.file.parent().unwrap_or(&checkout.root);
    match folder.strip_prefix(text::logical_dir()?) {
        Ok(below) => Ok(below.to_owned()),
        Err(_) => bail!(
            anyhow!(
                "{} is not below the current folder, where a patch of several checkouts is to be applied",
                folder.display()
            )
            .help("run it in a folder above them all, or once for each")
        ),
    }
}
