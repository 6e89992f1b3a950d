//! Which loaders of `DisTorch2` act.

use std::path::Path;

use serde::Serialize;

use super::Located;
use crate::comfyui::LoaderKind;
use crate::loaders::{Effect, Loader};
use crate::python::Place;

/// A kind of loader, and what it does with the ComfyUI that the checkout is judged by, once the node reads load lists
/// correctly.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoaderReport {
    /// What it loads.
    pub kind: LoaderKind,
    /// What it does to that.
    pub effect: Effect,
    /// Why.
    pub why: String,
    /// The file that says so, if there is one.
    pub path: Option<Located>,
    /// Where in it.
    pub place: Option<Place>,
}

impl LoaderReport {
    pub(super) fn new(loader: &Loader, base: &Path) -> Self {
        let place = loader.reason.place.as_ref();
        Self {
            kind: loader.kind,
            effect: loader.effect,
            why: loader.reason.why.clone(),
            path: place.map(|(path, _)| Located::new(base, path)),
            place: place.map(|(_, place)| *place),
        }
    }
}
