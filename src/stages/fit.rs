//! Proposes allocation strings with which a whole workflow fits.

use anyhow::Result;

use super::{Options, Outline};
use crate::plan::Devices;

/// The strings to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// Models, as indices of the plan's, and what to write into their nodes. None if everything fits already.
    pub changes: Vec<(usize, String)>,
}

/// The fewest changes.
pub fn fit(_outline: &Outline, _devices: &Devices, _options: &Options) -> Result<Option<Fitted>> {
    Ok(None)
}
