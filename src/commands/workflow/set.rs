//! `workflow set`: the allocation string of every `DisTorch2` loader.

use anyhow::Result;

use super::edit::{self, Edit};
use crate::cli::change::Set;
use crate::render::Screen;
use crate::report::Outcome;
use crate::workflow::change::set;

pub(super) fn run(arguments: &Set, screen: &mut Screen) -> Result<Outcome> {
    let wanted = edit::wanted(Some(&arguments.string), &arguments.further)?;
    let edit = Edit {
        files: &arguments.files,
        selected: &arguments.selected,
        writing: &arguments.writing,
        installation: &arguments.installation,
    };
    edit.run(screen, |_, workflow, classes, selection| set(workflow, classes, selection, &wanted))
}
