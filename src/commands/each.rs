//! What every command does that acts on checkouts: examine them on all cores, then act on one after the other, and show
//! what came of it.

use std::ffi::OsStr;

use anyhow::{Error, Result};

use super::choose::{Chosen, choose};
use super::comfyuis::ComfyUis;
use super::examine::Examiner;
use super::{next, problem};
use crate::cache::Cache;
use crate::cli::Target;
use crate::install::Checkout;
use crate::parallel::{self, Event};
use crate::render::{Examined, Format, Screen};
use crate::repair::Repair;
use crate::report::{CheckoutReport, Outcome, Report};
use crate::verify::Options;

/// How a command looks at checkouts.
pub(super) struct View<'a> {
    /// Which ones, and by which fixes.
    pub(super) target: &'a Target,
    /// How they are reported.
    pub(super) format: &'static Format<Report>,
    /// Is there a verdict about each with its ComfyUI?
    pub(super) judges: bool,
    /// The ComfyUI that was named for it.
    pub(super) comfyui: Option<&'a OsStr>,
    /// The revision that is looked at in place of the files on disk.
    pub(super) revision: Option<&'a str>,
    /// How the repair is to be proved, if it is.
    pub(super) proof: Option<Options>,
    /// Where answers of earlier runs are taken from, if that will do.
    pub(super) cache: Option<Cache>,
}

impl<'a> View<'a> {
    /// The files on disk, without a ComfyUI, a proof or a cache.
    pub(super) fn new(target: &'a Target, format: &'static Format<Report>) -> Self {
        Self { target, format, judges: false, comfyui: None, revision: None, proof: None, cache: None }
    }
}

/// One of the checkouts that a command acts on.
pub(super) struct Subject<'c> {
    pub(super) checkout: &'c Checkout,
    pub(super) repair: &'c Repair,
    /// Is it the only one?
    pub(super) is_alone: bool,
}

/// Acts on one checkout after the other, and shows what comes of it. Before that they are examined, on all cores. What
/// goes wrong with one does not keep the others from their turn.
pub(super) fn each(
    mut report: Report,
    view: &View<'_>,
    screen: &mut Screen,
    act: impl Fn(&Subject<'_>, &mut CheckoutReport) -> Result<Outcome>,
) -> Result<Outcome> {
    let (chosen, comfyuis, errors) = begin(view);
    for error in errors {
        let problem = problem(&error);
        screen.error(&problem);
        report.fail(problem);
    }
    let examiner = Examiner::new(view, &comfyuis, chosen.len());
    let examine = |chosen: &Chosen| examiner.examine(chosen);
    parallel::in_order(&chosen, examine, |event| {
        if let Event::Done(Chosen { checkout, .. }, examined) = event {
            let is_alone = chosen.len() == 1;
            let ended = examined.end(|repair, report| act(&Subject { checkout, repair, is_alone }, report));
            show(ended, &mut report, view.format, screen)?;
        }
        screen.progress(report.checkouts.len(), chosen.len());
        Ok::<_, Error>(())
    })?;
    finish(report, view, screen)
}

/// The checkouts, what they are judged by, and what went wrong in finding them.
fn begin<'v>(view: &'v View<'_>) -> (Vec<Chosen>, ComfyUis<'v>, Vec<Error>) {
    let cache = view.cache.as_ref();
    match view.comfyui.map(|argument| ComfyUis::named(argument, cache)).transpose() {
        Ok(named) => {
            let (chosen, errors) = choose(view.target);
            let comfyuis = named.unwrap_or_else(|| ComfyUis::around(&chosen, cache));
            (chosen, comfyuis, errors)
        }
        Err(error) => (Vec::new(), ComfyUis::around(&[], cache), vec![error]),
    }
}

/// Shows one checkout, and adds it to the report without what it was shown with.
fn show(mut checkout: CheckoutReport, report: &mut Report, format: &Format<Report>, screen: &mut Screen) -> Result<()> {
    if let Some(renderer) = format.early {
        renderer.render(&Examined { checkout: &checkout, run: report }, screen)?;
    }
    if let Some(error) = &checkout.error {
        screen.error(error);
    }
    checkout.forget();
    report.add(checkout);
    Ok(())
}

/// Shows what there is to say about all of them, or the document.
fn finish(mut report: Report, view: &View<'_>, screen: &mut Screen) -> Result<Outcome> {
    // `apply` changes neither a revision nor what a warning is about.
    if view.revision.is_none() && report.checkouts.iter().any(CheckoutReport::is_repairable) {
        report.next = Some(next::apply(view.target));
    }
    view.format.renderer.render(&report, screen)?;
    Ok(report.outcome)
}
