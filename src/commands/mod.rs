//! The commands: each puts the steps together, and decides nothing that a step could decide.

mod apply;
mod check;
mod choose;
mod completions;
mod diff;
mod man;
mod plan;
mod revert;
mod status;
mod verify;

use std::ffi::OsStr;
use std::io;
use std::thread;

use anyhow::{Context, Error, Result, anyhow, bail};

use self::choose::{Chosen, choose};
use crate::cache::Cache;
use crate::cli::{Cli, Command, FindingsFormat as Format, Target};
use crate::comfyui;
use crate::install::{self, Checkout, Files, Revision};
use crate::repair::Repair;
use crate::report::{CheckoutReport, Outcome, Problem, Report, Screen, github, human, json, next, refusal, sarif};
use crate::verify::Options;

/// Runs what was asked for, and reports what went wrong.
pub fn run(cli: &Cli) -> Outcome {
    let mut screen = Screen::new(cli.color, cli.quiet);
    let result = match &cli.command {
        Command::Apply(arguments) => apply::run(arguments, &mut screen),
        Command::Check(arguments) => check::run(arguments, &mut screen),
        Command::Diff(arguments) => diff::run(arguments, &mut screen),
        Command::Revert(arguments) => revert::run(arguments, &mut screen),
        Command::Status(arguments) => status::run(arguments, &mut screen),
        Command::Verify(arguments) => verify::run(arguments, &mut screen),
        Command::Plan(arguments) => plan::run(arguments, &mut screen),
        Command::Completions(arguments) => completions::run(arguments, &screen),
        Command::Man(arguments) => man::run(arguments, &mut screen),
    };
    result.unwrap_or_else(|error| {
        // Whoever read the output has stopped reading, as `head` does: there is nobody to tell.
        if !is_closed_pipe(&error) {
            screen.error(&problem(&error));
        }
        Outcome::Failed
    })
}

/// Acts on one checkout after the other, and shows what comes of it. What goes wrong with one does not keep the others
/// from their turn.
fn each(
    mut report: Report,
    target: &Target,
    view: &View<'_>,
    format: Format,
    screen: &mut Screen,
    act: impl Fn(&Subject<'_>, &mut CheckoutReport) -> Result<Outcome>,
) -> Result<Outcome> {
    let read = |argument: &OsStr| {
        let files = comfyui::named(argument)?;
        let facts = comfyui::read(&files, view.cache.as_ref());
        let facts = facts.with_context(|| format!("cannot use {} as the ComfyUI", argument.display()))?;
        Ok((files, Ok(facts)))
    };
    let (named, (chosen, errors)) = match view.comfyui.map(read).transpose() {
        Ok(named) => (named, choose(target)),
        Err(error) => (None, (Vec::new(), vec![error])),
    };
    for error in errors {
        let problem = problem(&error);
        screen.error(&problem);
        report.fail(problem);
    }
    for Chosen { given, base, checkout } in &chosen {
        let mut of_checkout = CheckoutReport::new(given, base, checkout);
        // It can be large, and is no more than needed for a verdict: it is read while the checkout is surveyed.
        let around = checkout.comfyui.as_ref().filter(|_| view.judges && named.is_none()).map(|around| {
            let (files, cache) = (Files::Folder(around.root.clone()), view.cache.clone());
            thread::spawn(move || {
                let facts = comfyui::read(&files, cache.as_ref());
                (files, facts)
            })
        });
        let revision = view.revision.map(|name| Revision::find(&checkout.root, name)).transpose();
        let result = revision.and_then(|revision| {
            if let Some(revision) = &revision {
                of_checkout.as_of(revision);
            }
            let repair = view.repair(checkout, revision.as_ref(), target)?;
            of_checkout.survey(&repair);
            if view.judges {
                let beyond = || (Files::Folder(checkout.root.clone()), Err(anyhow!("reading it failed unexpectedly")));
                let around = around.map(|reading| reading.join().unwrap_or_else(|_| beyond()));
                let by = named.as_ref().or(around.as_ref()).map(|(files, facts)| (files, facts));
                of_checkout.judge(&repair, by, named.is_some(), view.cache.as_ref());
            }
            let subject =
                Subject { checkout, repair: &repair, proof: view.proof.as_ref(), is_alone: chosen.len() == 1 };
            let result = act(&subject, &mut of_checkout);
            of_checkout.keep(repair.package);
            result
        });
        of_checkout.end(result);
        if format == Format::Human {
            human::checkout(&of_checkout, &report, screen)?;
        } else if let Some(error) = &of_checkout.error {
            screen.error(error);
        }
        of_checkout.forget();
        report.add(of_checkout);
    }
    // `apply` changes neither a revision nor what a warning is about.
    if view.revision.is_none() && report.checkouts.iter().any(CheckoutReport::is_repairable) {
        report.next = Some(next::apply(target));
    }
    match format {
        Format::Human => human::end(&report, screen)?,
        Format::Json => screen.document(&json::document(&report)?)?,
        Format::Sarif => screen.document(&sarif::document(&report)?)?,
        Format::Github => {
            screen.document(&github::document(&report))?;
            github::summarise(&report)?;
        }
    }
    Ok(report.outcome)
}

/// How a command looks at checkouts.
#[derive(Default)]
struct View<'a> {
    /// Is there a verdict about each with its ComfyUI?
    judges: bool,
    /// The ComfyUI that was named for it.
    comfyui: Option<&'a OsStr>,
    /// The revision that is looked at in place of the files on disk.
    revision: Option<&'a str>,
    /// How the repair is to be proved, if it is.
    proof: Option<Options>,
    /// Where answers of earlier runs are taken from, if that will do.
    cache: Option<Cache>,
}

impl View<'_> {
    fn repair(&self, checkout: &Checkout, revision: Option<&Revision>, target: &Target) -> Result<Repair> {
        let (fixes, accounting) = (target.fixes(), target.accounting.into());
        match (&self.cache, revision) {
            (Some(cache), _) => Repair::cached(checkout, revision, &fixes, accounting, self.proof.as_ref(), cache),
            (None, None) => Repair::of(checkout, &fixes, accounting),
            (None, Some(revision)) => Repair::at(checkout, revision, &fixes, accounting),
        }
    }
}

/// One of the checkouts that a command acts on.
struct Subject<'c> {
    checkout: &'c Checkout,
    repair: &'c Repair,
    /// How the repair is to be proved, if it is.
    proof: Option<&'c Options>,
    /// Is it the only one?
    is_alone: bool,
}

/// Fails where a repair was not understood or, if it is to be proved, not verified.
fn judge(&Subject { repair, proof, .. }: &Subject<'_>, report: &mut CheckoutReport) -> Result<()> {
    if let Some(refusal) = refusal::not_understood(repair) {
        bail!(refusal);
    }
    let verdict = proof.map(|options| repair.verify(options));
    repair.keep(verdict.as_ref());
    report.verified(verdict);
    if let Some(refusal) = refusal::not_verified(&report.verification) {
        bail!(refusal);
    }
    Ok(())
}

/// In order as far as it can be told now; fails where places are left that are wrong for this ComfyUI.
fn in_order(report: &CheckoutReport) -> Result<Outcome> {
    if let Some(conflict) = report.conflicts.first() {
        bail!("{}\nhelp: {}", conflict.message, conflict.help);
    }
    if report.stays_broken() {
        bail!(
            "some places read items of 5 fields only, and this ComfyUI gives others\n\
             help: update ComfyUI, or take a release of the node that was made for it; `distorch-fix check` shows the places"
        );
    }
    Ok(Outcome::InOrder)
}

/// An error that is not about one checkout.
fn problem(error: &Error) -> Problem {
    Problem::of(error, &install::logical_dir().unwrap_or_default())
}

fn is_closed_pipe(error: &Error) -> bool {
    let is_closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is_closed)
}
