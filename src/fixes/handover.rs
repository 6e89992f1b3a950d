//! How a model gets from the call that loads it to the mark that a fix is about, so that this way can be run.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::python::FileId;

/// How a loaded model gets to its mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The file of the call that loads it.
    pub file: FileId,
    /// The bytes of that call.
    pub call: Range<usize>,
    /// The variable that gets what the call gives.
    pub variable: String,
    /// The position of the model, if a loader returns several things.
    pub at: Option<usize>,
    /// The names that say which allocation is asked for.
    pub allocation: Vec<String>,
    /// Where the allocation is kept.
    pub keep: Keep,
    /// The functions that the model goes through on its way.
    pub through: Vec<(FileId, String)>,
}

/// How an allocation is kept with a model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Keep {
    /// As this attribute of it.
    Attribute(String),
    /// Under a key of its own in this mapping.
    Store(String),
}
