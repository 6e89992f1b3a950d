//! Undoing this tool's edits without a journal: each fix recognises the form of its edits.
//!
//! The result is a guess. The caller repairs it again, and accepts it if that gives the present text byte for byte.

use super::{Site, Survey};
use crate::edit::{Edit, Edits};
use crate::python::{FileId, Package};

/// The edits that would undo this tool's edits, by file.
pub fn undo(package: &Package, surveys: &[Survey]) -> Vec<(FileId, Edits)> {
    let of_file = |file: FileId| {
        let source = package.source(file).ok()?;
        let mut edits: Vec<Edit> = Vec::new();
        for survey in surveys {
            let sites: Vec<&Site> = survey.sites.iter().filter(|site| site.file == file).collect();
            edits.extend(survey.fix.undo(source, &sites));
        }
        Edits::new(edits).ok().filter(|edits| !edits.is_empty()).map(|edits| (file, edits))
    };
    package.ids().filter_map(of_file).collect()
}
