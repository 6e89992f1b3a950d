//! `workflow convert`: other loaders become `DisTorch2` loaders.

use anyhow::Result;

use super::edit::{self, Edit};
use crate::cli::change::Convert;
use crate::cli::workflow::Files;
use crate::render::Screen;
use crate::report::Outcome;
use crate::workflow::change::{Conversion, convert};

pub(super) fn run(arguments: &Convert, screen: &mut Screen) -> Result<Outcome> {
    let wanted = edit::wanted(arguments.string.as_deref(), &arguments.change.further, screen)?;
    let edit = Edit { files: Files { files: arguments.files.files.clone() }, how: &arguments.change };
    edit.run(screen, |source, selection| {
        let version = source.installation.node.as_ref().and_then(|node| node.version.clone());
        convert(source.workflow, source.classes, selection, &Conversion { wanted: wanted.clone(), version })
    })
}
