//! Gathers the facts. Nothing is written, and no model file is read beyond its header.

mod log;
mod node;
mod packs;
mod workflows;

use std::path::PathBuf;
use std::{panic, thread};

use super::{Facts, Known};
use crate::cache::Cache;
use crate::comfyui;
use crate::install::Files;
use crate::install::layout::Installation;
use crate::install::python::Packages;
use crate::machine::Machine;
use crate::models::{Arguments, Folders};
use crate::workflow::Workflow;

/// What the user names.
#[derive(Debug, Default)]
pub struct Named<'n> {
    /// The workflows; if there are none, the newest ones are taken.
    pub workflows: &'n [PathBuf],
    /// Further ones as they are to be, with the files that do not hold them yet.
    pub changed: &'n [(PathBuf, Workflow)],
    /// The log; without one, the newest is taken.
    pub log: Option<PathBuf>,
}

/// Looks at an installation. `machine` is called for the machine, beside the rest; `tell` for each thing to be done.
pub fn gather(
    installation: Installation,
    named: &Named<'_>,
    machine: impl FnOnce() -> Machine + Send,
    cache: Option<&Cache>,
    tell: &dyn Fn(&'static str),
) -> Facts {
    let files = Files::Folder(installation.comfyui.clone());
    let log = named.log.clone().or_else(|| installation.logs.first().cloned());
    tell("reading ComfyUI and the log");
    let (machine, log, comfyui) = thread::scope(|scope| {
        let machine = scope.spawn(machine);
        let log = scope.spawn(|| log.as_deref().map(log::read));
        let comfyui = comfyui::read(&files, cache);
        (joined(machine.join()), joined(log.join()), comfyui)
    });
    tell("reading the node");
    let packs = packs::packs(&installation.custom_nodes);
    let node = node::node(&installation, &files, &comfyui, cache);
    tell("reading workflows");
    let folders = Folders::of(&installation.comfyui, &Arguments::of(&installation));
    let surroundings = workflows::Surroundings::new(&installation, &node, &packs, folders, &machine, cache);
    let workflows = surroundings.read(named);
    let packages = match &installation.python {
        Some(python) => Packages::of(python).into(),
        None => Known::unknown("the Python of the installation was not found"),
    };
    let log = match log {
        Some(log) => log.map(|log| log.compared(&node, &comfyui)).into(),
        None => Known::unknown("there is no log (--log)"),
    };
    Facts { installation, node, comfyui: comfyui.into(), packages, packs, machine, workflows, log }
}

/// The result of a thread; it panics like the thread.
fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))
}
