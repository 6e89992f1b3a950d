//! Dynamic VRAM: a patcher of ComfyUI's own that takes models away from `DisTorch2`.
//!
//! ```text
//! comfy/model_patcher.py   class ModelPatcherDynamic(ModelPatcher)             patchers: which are dynamic
//! main.py                  if …: CoreModelPatcher = ModelPatcherDynamic        guard: when, and which options prevent it
//! comfy/sd.py              CoreModelPatcher(model, …)                          made: which loaders give it to their models
//! comfy/controlnet.py      class ControlNet                                    control: what a node can see of them
//! ```

mod control;
mod guard;
mod made;
mod options;
mod patchers;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use guard::Switches;
pub use made::{LoaderKind, Made};
pub use patchers::Patchers;

use super::PATCHER;
use crate::python::{Place, Source};

/// Where ComfyUI starts, and puts its dynamic patcher in the place of the plain one.
const MAIN: &str = "main.py";
/// What ComfyUI takes on its command line.
const OPTIONS: &str = "comfy/cli_args.py";

/// What a method of a dynamic patcher is called, which returns True.
pub(super) const MARK: &str = "is_dynamic";

/// Whether a ComfyUI has dynamic VRAM. Its patcher is recognised by a method `is_dynamic` that returns True.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DynamicVram {
    /// It has not.
    #[default]
    Absent,
    /// Only if asked for; its patcher is at this place.
    OnRequest(Place),
    /// Unless an option prevents it, or the machine does not do; its patcher is at this place.
    ByDefault(Place),
    /// Its patcher is at this place, and when it is used was not understood.
    Unclear(Place),
}

/// What a ComfyUI says about dynamic VRAM, and about what its loaders make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dynamic {
    /// Whether it has it.
    pub state: DynamicVram,
    /// What it takes for it to be active.
    pub switches: Switches,
    /// Its patchers, by name; none if it has no dynamic one.
    pub patchers: Patchers,
    /// What its own loaders make; none if it has no dynamic patcher.
    pub made: Vec<Made>,
    /// The attributes that its `ControlNet` objects may have, or why they are unknown.
    pub control_net: Result<BTreeSet<String>, String>,
}

impl Dynamic {
    /// The files that are read for it, [`PATCHER`] first. Those behind the first two are only needed where there is a
    /// dynamic patcher.
    pub(super) fn files(has_patcher: bool) -> Vec<&'static str> {
        let mut files = vec![PATCHER, control::PATH];
        if has_patcher {
            files.extend([MAIN, OPTIONS]);
            files.extend(made::files());
        }
        files
    }

    /// Reads a ComfyUI. `look` gives its files, but for those that are missing or no Python.
    pub(super) fn read(patcher: &Source, look: &dyn Fn(&str) -> Option<Source>) -> Self {
        let control_net = match look(control::PATH) {
            Some(source) => control::attributes(&source),
            None => Err(format!("{} could not be read", control::PATH)),
        };
        let mut patchers = Patchers::read(patcher);
        let Some(place) = patchers.dynamic_class(patcher) else {
            let (state, switches) = (DynamicVram::Absent, Switches::default());
            return Self { state, switches, patchers: Patchers::default(), made: Vec::new(), control_net };
        };
        let (main, options) = (look(MAIN), look(OPTIONS));
        let (state, switches) = guard::read(main.as_ref(), options.as_ref(), &mut patchers);
        let state = match state {
            guard::Default::On => DynamicVram::ByDefault(place),
            guard::Default::Off => DynamicVram::OnRequest(place),
            guard::Default::Unknown => DynamicVram::Unclear(place),
        };
        // Without the place that puts it in, the other names may stand for either.
        let is_bound = switches.place.is_some();
        if is_bound {
            patchers.add_names(patcher);
        }
        let made = made::read(&patchers, is_bound, look);
        Self { state, switches, patchers, made, control_net }
    }
}
