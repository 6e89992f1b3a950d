//! A place in the code that a fix is about.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::State;
use crate::python::flow::value::{Number, Record, Spot, WORLDS};
use crate::python::{Edit, FileId};

/// A place in the code that a fix is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Site {
    /// Its file.
    pub file: FileId,
    /// Its bytes in that file.
    pub range: Range<usize>,
    /// The state it is in.
    pub state: State,
    /// What it does, and what is wrong with that, in one sentence without a full stop.
    pub message: String,
    /// The edits that repair it, each with its file.
    pub edits: Vec<(FileId, Edit)>,
    /// What it reads, for those who want to run it.
    pub reading: Option<Reading>,
    /// Why it is never run, in one sentence without a full stop; `None` if it may be, or if that is unknown.
    pub unused: Option<String>,
}

/// What a site reads of a load-list item.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// By the number of fields (4, 5): how many elements stand before and behind them when the item gets there; nothing
    /// if no item of that many does.
    pub shapes: [Option<(i64, i64)>; WORLDS],
    /// The index, if it is a subscript.
    pub number: Option<Number>,
}

impl Reading {
    pub(super) fn new(record: &Record, number: Option<Number>) -> Self {
        Self { shapes: record.shapes.map(|shape| shape.map(|shape| (shape.lead, shape.trail))), number }
    }
}

impl Site {
    pub(super) fn new(spot: Spot<'_>, state: State, message: impl Into<String>) -> Self {
        Self {
            file: spot.file,
            range: spot.node.byte_range(),
            state,
            message: message.into(),
            edits: Vec::new(),
            reading: None,
            unused: None,
        }
    }

    pub(super) fn with(mut self, edits: Vec<(FileId, Edit)>) -> Self {
        self.edits = edits;
        self
    }
}
