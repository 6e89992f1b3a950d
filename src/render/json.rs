//! For programs: the complete report as JSON.

use anyhow::Result;
use serde::Serialize;

use super::{Render, Screen};

/// Writes JSON, described by the schemas in the folder `schema`.
pub(super) struct Json;

impl<T: Serialize> Render<T> for Json {
    fn render(&self, what: &T, screen: &mut Screen) -> Result<()> {
        screen.json(what)
    }
}
