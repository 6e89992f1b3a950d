//! A place in the code that a fix is about.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Handover, State};
use crate::edit::Edit;
use crate::python::FileId;
use crate::python::flow::value::{Item, Number, Shape, Spot};

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
    /// What it reads of items of each arity that gets here, so that it can be run. Empty if it cannot be run on its own.
    pub readings: Vec<Reading>,
    /// Why it is never run, in one sentence without a full stop; `None` if it may be, or if that is unknown.
    pub unused: Option<String>,
    /// How the model gets there that is to be handed over on the way, if the site is about one.
    pub handover: Option<Handover>,
}

/// What a site reads of an item of one arity.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// How many fields the item has.
    pub arity: i64,
    /// Elements before the fields when the item gets there; negative if fields were cut off there.
    pub lead: i64,
    /// Elements behind the fields, likewise.
    pub trail: i64,
    /// The index, if it is a subscript.
    pub index: Option<i64>,
}

impl Reading {
    pub(super) fn of(item: &Item, index: Option<Number>) -> Vec<Self> {
        let reading = |(nth, shape): (usize, Option<Shape>)| {
            let Shape { arity, lead, trail } = shape?;
            Some(Self { arity, lead, trail, index: index.and_then(|index| index[nth]) })
        };
        item.shapes.into_iter().enumerate().filter_map(reading).collect()
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
            readings: Vec::new(),
            unused: None,
            handover: None,
        }
    }

    pub(super) fn with(mut self, edits: Vec<(FileId, Edit)>) -> Self {
        self.edits = edits;
        self
    }
}
