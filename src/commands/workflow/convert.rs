//! `workflow convert`: other loaders become `DisTorch2` loaders.

use anyhow::Result;

use super::edit::{self, Edit};
use super::installation::Installation;
use crate::cli::change::Convert;
use crate::cli::workflow::Files;
use crate::install;
use crate::render::Screen;
use crate::report::Outcome;
use crate::workflow::change::{Conversion, convert};

pub(super) fn run(arguments: &Convert, screen: &mut Screen) -> Result<Outcome> {
    let wanted = edit::wanted(arguments.string.as_deref(), &arguments.further, screen)?;
    let edit = Edit {
        files: Files { files: arguments.files.files.clone() },
        selected: &arguments.selected,
        writing: &arguments.writing,
        installation: &arguments.installation,
    };
    edit.run(screen, |path, workflow, classes, selection| {
        let node = Installation::of(&arguments.installation, path)?.node.and_then(|node| install::locate(&node).ok());
        let version = node.and_then(|found| found.checkouts.into_iter().find_map(|checkout| checkout.version));
        convert(workflow, classes, selection, &Conversion { wanted: wanted.clone(), version })
    })
}
