//! `doctor`: what is wrong in an installation, and what to do about it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::advice::Advise as _;
use crate::cache::Cache;
use crate::cli::doctor::Doctor;
use crate::doctor::{self, Named};
use crate::install::layout::{self, Installation};
use crate::machine::Machine;
use crate::parallel::STACK_BYTES;
use crate::redact::{Names, Redactor};
use crate::render::{Screen, html};
use crate::report::{DoctorReport, Outcome};
use crate::text::{quoted, shown};

/// The time between two looks at how far it is.
const MOMENT: Duration = Duration::from_millis(100);

pub(super) fn run(arguments: &Doctor, screen: &mut Screen) -> Result<Outcome> {
    let installation = match &arguments.path {
        Some(path) => layout::installation(path)?,
        None => anywhere(screen)?,
    };
    let folders = [installation.root.clone(), installation.comfyui.clone(), installation.base.clone()];
    let report = examined(installation, arguments, screen)?;
    let redactor = || -> Result<Redactor> {
        let mut redactor = Redactor::new(Names::of_this_computer(), folders.iter().map(PathBuf::as_path));
        redactor.learn(&report)?;
        Ok(redactor)
    };
    if arguments.redact {
        screen.redact(redactor()?);
    }
    arguments.format.renderer.render(&report, screen)?;
    if let Some(file) = &arguments.html {
        let mut redactor = if arguments.no_redact { None } else { Some(redactor()?) };
        let page = html::page(&report, &command(), redactor.as_mut())?;
        fs::write(file, page)
            .with_context(|| format!("{}: cannot be written", shown(file)))
            .help("name a file in a folder that you may write to")?;
    }
    Ok(report.outcome())
}

/// The command that is being run, to be pasted.
fn command() -> String {
    let arguments = env::args_os().skip(1).map(|argument| quoted(Path::new(&argument)));
    ["distorch-fix".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The report, with its progress on the screen while it is being made.
fn examined(installation: Installation, arguments: &Doctor, screen: &mut Screen) -> Result<DoctorReport> {
    let cache = Cache::of_user();
    let named = Named { workflows: &arguments.workflow, log: arguments.log.clone(), ..Named::default() };
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let examine = || {
            // Whoever waits for it has gone if this fails.
            let tell = |what: &'static str| tell.send(what).unwrap_or_default();
            let facts = doctor::gather(installation, &named, Machine::here, cache.as_ref(), &tell);
            tell("looking for problems");
            DoctorReport::new(&facts, &doctor::examine(&facts))
        };
        let work = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, examine)?;
        let mut doing = "";
        while !work.is_finished() {
            match told.recv_timeout(MOMENT) {
                Ok(what) => doing = what,
                Err(RecvTimeoutError::Timeout) => screen.doing(doing),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        work.join().map_err(|_| anyhow!("looking at the installation failed unexpectedly"))
    })
}

/// The installation around the current folder, or the one in the usual places.
fn anywhere(screen: &mut Screen) -> Result<Installation> {
    if let Ok(installation) = layout::installation(Path::new(".")) {
        return Ok(installation);
    }
    let mut found = layout::everywhere();
    match found.len() {
        0 => bail!(
            anyhow!("found no ComfyUI here, nor in the usual places").help("name its folder: distorch-fix doctor PATH")
        ),
        1 => Ok(found.swap_remove(0)),
        _ => {
            let chosen = choose(&found, screen)?;
            Ok(found.swap_remove(chosen))
        }
    }
}

/// Asks which one is meant. Where nobody can be asked, all of them are listed in an error.
fn choose(found: &[Installation], screen: &mut Screen) -> Result<usize> {
    let command = |one: &Installation| format!("distorch-fix doctor {}", quoted(&one.root));
    if !screen.can_ask() {
        bail!(
            anyhow!("found {} installations", found.len())
                .details(found.iter().map(|one| format!("  {}", command(one))))
                .help("run the one of these that you mean")
        );
    }
    let lines = found.iter().enumerate().map(|(at, one)| format!("  {}  {}\n", at + 1, shown(&one.root)));
    screen.print(&lines.collect::<String>())?;
    let question = format!("Which one? [1-{}]", found.len());
    let answer = screen.ask(&question).context("cannot read the answer").help("name its folder instead")?;
    let chosen = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    chosen
        .filter(|chosen| *chosen < found.len())
        .with_context(|| format!("`{answer}` is none of them"))
        .help(format!("answer with a number, or run {}", command(&found[0])))
}
