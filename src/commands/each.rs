//! The common part of the commands that act on checkouts: examine them on all cores, then act on one after the other,
//! and show the results.

use std::ffi::OsStr;

use anyhow::{Error, Result};

use super::choose::{Chosen, choose};
use super::comfyuis::ComfyUis;
use super::examine::Examiner;
use super::{next, problem};
use crate::cache::Cache;
use crate::cli::{Judged, Target};
use crate::parallel::{self, Event};
use crate::pipeline::{Acted, Facts};
use crate::python::Package;
use crate::render::{Examined, Format, Screen};
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
    /// The revision that is examined instead of the files on disk.
    pub(super) revision: Option<&'a str>,
    /// How to prove the repair; `None` if that is not asked for.
    pub(super) proof: Option<Options>,
    /// The cache of earlier answers, if it may be used.
    pub(super) cache: Option<Cache>,
}

impl<'a> View<'a> {
    /// The files on disk, without a ComfyUI, a proof or a cache.
    pub(super) fn new(target: &'a Target, format: &'static Format<Report>) -> Self {
        Self { target, format, judges: false, comfyui: None, revision: None, proof: None, cache: None }
    }

    /// The files on disk with a ComfyUI, without a proof or a cache.
    pub(super) fn judging(judged: &'a Judged, format: &'static Format<Report>) -> Self {
        let comfyui = judged.surroundings.comfyui.as_deref();
        Self { judges: true, comfyui, ..Self::new(&judged.target, format) }
    }
}

/// Examines the checkouts on all cores, and acts on one after the other. `act` gets whether there is only one; it is
/// not called if the repair must not be used. An error with one does not stop the others.
pub(super) fn each(
    mut report: Report,
    view: &View<'_>,
    screen: &mut Screen,
    act: impl Fn(&Facts<'_>, bool) -> Acted<Outcome>,
) -> Result<Report> {
    let (chosen, comfyuis, errors) = begin(view);
    for error in errors {
        let problem = problem(&error);
        screen.error(&problem);
        report.fail(problem);
    }
    let is_alone = chosen.len() == 1;
    let examiner = Examiner::new(view, &comfyuis, chosen.len());
    let mut is_repairable = false;
    parallel::in_order(
        &chosen,
        |chosen| examiner.examine(&chosen.checkout),
        |event| {
            if let Event::Done(Chosen { given, base, .. }, mut facts) = event {
                let acted =
                    facts.refusal.take().map_or_else(|| act(&facts, is_alone), |error| Acted::looked(Err(error)));
                let checkout = CheckoutReport::new(given, base, &facts, &acted);
                is_repairable |= checkout.outcome == Outcome::Found && facts.is_needed();
                show(&checkout, facts.package(), &report, view.format, screen)?;
                report.add(checkout);
            }
            screen.progress(report.checkouts.len(), chosen.len(), "checkouts");
            Ok::<_, Error>(())
        },
    )?;
    // `apply` changes neither a revision nor the cause of a warning.
    report.next = (is_repairable && view.revision.is_none()).then(|| next::apply(view.target));
    view.format.renderer.render(&report, screen)?;
    Ok(report)
}

/// The checkouts, what they are judged by, and the errors in finding them.
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

/// Shows one checkout, if the format does not wait for the end.
fn show(
    checkout: &CheckoutReport,
    package: Option<&Package>,
    run: &Report,
    format: &Format<Report>,
    screen: &mut Screen,
) -> Result<()> {
    if let Some(renderer) = format.early {
        renderer.render(&Examined { checkout, package, run }, screen)?;
    }
    if let Some(error) = &checkout.error {
        screen.error(error);
    }
    Ok(())
}
