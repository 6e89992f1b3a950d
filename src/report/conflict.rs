//! What is incompatible between a pack and its ComfyUI, besides the places that the fixes are about.

use serde::Serialize;

use super::{Located, Point};
use crate::comfyui::{Conflict, Kind};
use crate::python::{FileId, Package, Places};

/// A place in the pack that does not work with the ComfyUI it is judged by.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConflictReport {
    /// What kind of conflict it is.
    pub kind: Kind,
    /// Its file.
    pub path: Located,
    /// Where it begins.
    pub start: Point,
    /// Just after where it ends.
    pub end: Point,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Its file in the package.
    #[serde(skip)]
    pub(crate) file: FileId,
}

impl ConflictReport {
    pub(super) fn new(conflict: &Conflict, path: Located, package: &Package) -> Self {
        let text = package.text(conflict.file).unwrap_or_default();
        let places = Places::of(text, vec![conflict.range.start, conflict.range.end]);
        let point = |byte| {
            let (line, column) = places.at(byte).map_or((1, 1), |place| (place.line, place.column));
            Point { byte, line, column }
        };
        Self {
            kind: conflict.kind,
            path,
            start: point(conflict.range.start),
            end: point(conflict.range.end),
            message: conflict.message.clone(),
            help: conflict.help.clone(),
            file: conflict.file,
        }
    }

    /// The verdict about the pair, in a few words.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.kind {
            Kind::MissingInComfyui => "the pack needs a ComfyUI that has more",
            Kind::MissingInPack => "the pack cannot be imported, whatever the ComfyUI",
            Kind::ReplacedLoadList => "ComfyUI's own code fails on the pack's replacement",
        }
    }
}
