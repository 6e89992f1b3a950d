//! `guard`: a folder in `custom_nodes` that repairs the node at every start.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};

use super::{apply, check};
use crate::advice::Advise as _;
use crate::cli::guard::{Command, Place, Run};
use crate::cli::{self, Accounting, Judged, Proof, Surroundings, Target};
use crate::guard::{self, Guard, Removal, State};
use crate::install;
use crate::install::layout::{self, Installation};
use crate::render::{GUARD, Human, Render as _, Screen};
use crate::report::{GuardReport, Outcome};

pub(super) fn run(arguments: &cli::guard::Guard, screen: &mut Screen) -> Result<Outcome> {
    match &arguments.command {
        Command::Install(place) => install(place, screen),
        Command::Status(place) => status(place, screen),
        Command::Remove(place) => remove(place, screen),
        Command::Run(arguments) => repair(arguments, screen),
    }
}

fn install(place: &Place, screen: &mut Screen) -> Result<Outcome> {
    let guard = of(place)?;
    let program =
        env::current_exe().context("cannot find the path of this program").help("start it by its full path")?;
    let before = guard.state();
    guard.install(&program)?;
    Human.render(&GuardReport::installed(&guard, &before), screen)?;
    Ok(Outcome::InOrder)
}

/// In order only if it is there and works.
fn status(place: &Place, screen: &mut Screen) -> Result<Outcome> {
    let guard = of(place)?;
    let state = guard.state();
    Human.render(&GuardReport::status(&guard, &state), screen)?;
    Ok(if matches!(state, State::Installed(_, None)) { Outcome::InOrder } else { Outcome::Found })
}

fn remove(place: &Place, screen: &mut Screen) -> Result<Outcome> {
    let guard = of(place)?;
    let removal = guard.remove()?;
    Human.render(&GuardReport::removed(&guard, &removal), screen)?;
    Ok(if matches!(removal, Removal::Left(_)) { Outcome::Found } else { Outcome::InOrder })
}

/// Repairs what needs it. The question comes from the cache, so a start with nothing to do costs little.
fn repair(arguments: &Run, screen: &mut Screen) -> Result<Outcome> {
    guard::suits(env!("CARGO_PKG_VERSION"), &arguments.installed_by)?;
    let enabled: Vec<PathBuf> = install::locate(&arguments.custom_nodes)?
        .checkouts
        .into_iter()
        .filter(|checkout| !checkout.disabled)
        .map(|checkout| checkout.root)
        .collect();
    if enabled.is_empty() {
        return Ok(Outcome::InOrder);
    }
    let judged = || Judged {
        target: Target { paths: enabled.clone(), all: false, fixes: Vec::new(), accounting: Accounting::Resident },
        surroundings: Surroundings { comfyui: arguments.comfyui.clone().map(Into::into) },
    };
    let proof = || Proof { no_verify: false, python: None };
    let asked = cli::Check {
        judged: judged(),
        history: cli::History { rev: None },
        proof: proof(),
        output: cli::FindingsOutput { format: &GUARD },
        strict: false,
        no_cache: false,
    };
    let found = check::report(&asked, screen)?;
    if found.next.is_none() {
        return Ok(found.outcome);
    }
    let asked = cli::Apply { judged: judged(), proof: proof(), output: cli::Output { format: &GUARD }, dry_run: false };
    apply::run(&asked, screen)
}

/// The guard of an installation.
fn of(place: &Place) -> Result<Guard> {
    of_installation(&layout::installation(&place.path)?)
}

/// The same, of an installation that was found.
pub(super) fn of_installation(installation: &Installation) -> Result<Guard> {
    let folder = installation.custom_nodes.iter().find(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| anyhow!("{}: it has no custom_nodes", installation.comfyui.display()));
    Ok(Guard::of(folder.help("name the folder of a ComfyUI that has node packs")?))
}
