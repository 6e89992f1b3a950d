//! `workflow set`: the allocation strings of `DisTorch2` loaders.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};

use super::edit::{self, Edit, Source};
use crate::advice::Advise as _;
use crate::cli::change::Set;
use crate::cli::workflow::Files;
use crate::commands::next::quoted;
use crate::models::Folders;
use crate::plan::devices;
use crate::render::Screen;
use crate::report::Outcome;
use crate::stages::{self, Editable, Load, Options, Outline};
use crate::workflow::change::{OwnString, set, set_each};

pub(super) fn run(arguments: &Set, screen: &mut Screen) -> Result<Outcome> {
    // With `--fit` there is no string, and the first argument is a file.
    let first = arguments.fit.then(|| PathBuf::from(&arguments.string));
    let edit = Edit {
        files: Files { files: first.into_iter().chain(arguments.files.iter().cloned()).collect() },
        how: &arguments.change,
    };
    if arguments.fit {
        return edit.run(screen, |source, _| set_each(source.workflow, source.classes, &fitting(arguments, source)?));
    }
    let string = arguments.string.to_str().context("the allocation string is not Unicode")?;
    let wanted = edit::wanted(Some(string), &arguments.change.further, screen)?;
    edit.run(screen, |source, selection| set(source.workflow, source.classes, selection, &wanted))
}

/// The strings with which a workflow fits, also where they are what it has.
fn fitting(arguments: &Set, source: &Source<'_>) -> Result<Vec<OwnString>> {
    let help =
        || format!("look at `distorch-fix plan --workflow {} --fit`, with the same options", quoted(source.path));
    let comfyui = source.installation.comfyui.as_deref();
    let machine = &arguments.machine;
    let folders = comfyui.map(|root| Folders::of(root, &machine.folders.arguments())).transpose()?;
    let outline = Outline::of(source.workflow, source.classes, folders.as_ref(), &HashMap::new())?;
    let devices = devices::devices(&machine.vram, machine.ram, &outline.strings(), devices::found)?;
    let options = Options::with_headroom(machine.headroom);
    let mut own: Vec<Option<OwnString>> = outline.loads.iter().map(own).collect();
    if own.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let staged = outline.plan(&devices, &options)?;
    if let Some(unknown) = staged.unknown.first() {
        bail!(anyhow!("what fits is not known: {unknown}").help(help()));
    }
    let fitted = stages::fit(&outline, &devices, &options)?;
    let Some(fitted) = fitted else { bail!(anyhow!("no strings were found with which it fits").help(help())) };
    for (model, string) in fitted.changes {
        own[model].as_mut().context("a string that is changed has a place")?.string = string;
    }
    Ok(own.into_iter().flatten().collect())
}

/// The string that a loader has, if it has a place for one.
fn own(load: &Load) -> Option<OwnString> {
    let Editable { text, widget, .. } = load.string.as_ref()?;
    Some(OwnString { node: load.node.id.clone(), widget: *widget, string: text.clone() })
}
