//! `setup`: all that the guides ask for, shown step by step, done after one question, and taken back as one.
//!
//! ```text
//! prepare: repair, workflows, guard, start ─> show ─> ask ─> carry out, each noted before it is done
//! ```

mod carry_out;
mod prepare;
mod undo;
mod workflows;

use anyhow::{Context as _, Result};

use self::prepare::Prepared;
use super::choose::one;
use super::comfyuis::ComfyUis;
use super::each::View;
use super::examine::Examiner;
use super::{in_order, problem};
use crate::advice::Advise as _;
use crate::cli::setup::Setup;
use crate::cli::{Accounting, Judged, Proof, Surroundings, Target};
use crate::install::layout;
use crate::pipeline::Facts;
use crate::render::{Human, Planned, RUNS, Render as _, Screen};
use crate::report::setup::SetupEnding;
use crate::report::{Outcome, SetupReport};
use crate::text::quoted;

pub(super) fn run(arguments: &Setup, screen: &mut Screen) -> Result<Outcome> {
    if arguments.undo {
        return undo::run(arguments, screen);
    }
    let chosen = [one(&arguments.path)?];
    let checkout = &chosen[0].checkout;
    let installation = layout::installation(&checkout.root)
        .help("`distorch-fix apply` repairs a node that is in no ComfyUI")
        .context(NOTHING)?;
    let judged = Judged {
        target: Target {
            paths: vec![arguments.path.clone()],
            all: false,
            fixes: Vec::new(),
            accounting: Accounting::Resident,
        },
        surroundings: Surroundings { comfyui: None },
    };
    let proof = Proof { no_verify: false, python: None };
    let view = View { proof: proof.options(true), ..View::judging(&judged, &RUNS[0]) };
    let comfyuis = ComfyUis::around(&chosen, None);
    let examiner = Examiner::new(&view, &comfyuis, chosen.len());
    let facts = examiner.examine(checkout);
    let prepared = usable(facts).and_then(|facts| Prepared::new(arguments, facts, installation)).context(NOTHING)?;
    let report = finish(arguments, prepared, screen)?;
    arguments.format.renderer.render(&report, screen)?;
    Ok(report.outcome())
}

/// What is said first of what makes a setup pointless.
const NOTHING: &str = "nothing was set up";

/// Fails if the node must not be repaired, or would not work with this ComfyUI all the same.
fn usable(mut facts: Facts<'_>) -> Result<Facts<'_>> {
    if let Some(refusal) = facts.refusal.take() {
        return Err(refusal);
    }
    in_order(&facts)?;
    Ok(facts)
}

/// Shows what is prepared, asks, and carries it out.
fn finish(arguments: &Setup, mut prepared: Prepared<'_>, screen: &mut Screen) -> Result<SetupReport> {
    if arguments.format.asks {
        Human.render(&Planned(&prepared.report), screen)?;
    }
    let ending = if !prepared.report.has_to_do() {
        SetupEnding::Nothing
    } else if arguments.dry_run {
        SetupEnding::DryRun
    } else if arguments.yes {
        SetupEnding::Done
    } else if !arguments.format.asks || !screen.can_ask() {
        SetupEnding::NotAsked
    } else if is_yes(&screen.ask("Do all of this? [y/N]")?) {
        SetupEnding::Done
    } else {
        SetupEnding::Declined
    };
    if ending != SetupEnding::Done {
        return Ok(prepared.report.ended(ending, None));
    }
    let carried_out = prepared.carry_out();
    Ok(match carried_out {
        Ok(()) => prepared.report.ended(SetupEnding::Done, None),
        Err(error) => {
            let problem = problem(&error);
            screen.error(&problem);
            prepared.report.ended(SetupEnding::Failed, Some(problem))
        }
    })
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
}

/// PATH in a command, with a blank before it; empty for the current folder.
fn in_command(arguments: &Setup) -> String {
    let path = &arguments.path;
    if path.as_os_str() == "." { String::new() } else { format!(" {}", quoted(path)) }
}
