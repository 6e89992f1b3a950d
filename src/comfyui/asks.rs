//! What a pack requires of its ComfyUI besides load lists, and where the two conflict.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::module::LOAD_LIST;
use super::needs::{self, Fault, Missing, Modules, Need};
use super::pair::{Fit, Pair, judge};
use super::replaced::{self, Replaced};
use super::suspicion::Suspicion;
use super::{Facts, LoadList, PATCHER};
use crate::cache::Cache;
use crate::fixes::State;
use crate::install::Files;
use crate::python::reach::Reach;
use crate::python::{FileId, Package};

/// What a pack requires of its ComfyUI, read from the pack alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    replaced: Vec<Replaced>,
    suspicion: Suspicion,
}

/// What kind of conflict it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The pack imports something that this ComfyUI does not have.
    MissingInComfyui,
    /// The pack imports something from one of its own files that is not there: a fault of the pack, whatever the
    /// ComfyUI.
    MissingInPack,
    /// The pack replaces ComfyUI's `_load_list` by its own, and ComfyUI's own code fails with it.
    ReplacedLoadList,
}

/// A place in a pack that does not work with the ComfyUI, and that no fix is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What kind it is.
    pub kind: Kind,
    /// The file.
    pub file: FileId,
    /// Its bytes in that file.
    pub range: Range<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Asks {
    /// The files of a pack that are read for it.
    pub fn files(package: &Package) -> Vec<FileId> {
        package.mentioning(LOAD_LIST)
    }

    /// Reads a pack.
    pub fn of(package: &Package, reach: &Reach) -> Self {
        Self { replaced: replaced::read(package, reach), suspicion: Suspicion::of(package) }
    }

    /// Judges the places of the pack that read load lists, by their states, with the load lists of a ComfyUI, or with
    /// those that the pack replaces them by.
    pub fn judge(&self, states: &[State], lists: &[LoadList]) -> Pair {
        let theirs = judge(states, lists);
        let Some(replaced) = self.replaced.first() else { return theirs };
        let own: Vec<_> = self.replaced.iter().map(|replaced| as_list(replaced, lists)).collect();
        let ours = match judge(states, &own) {
            // They are the same in every ComfyUI.
            Pair::Known(Fit::WorksToday) => Pair::Known(Fit::Works),
            known @ Pair::Known(_) => known,
            // Without a ComfyUI both are as unknown.
            Pair::Either { .. } if lists.is_empty() => return theirs,
            Pair::Either { .. } => Pair::Known(Fit::Unclear),
        };
        if self.replaced.len() == 1 && replaced.is_certain || ours == theirs { ours } else { Pair::Known(Fit::Unclear) }
    }

    /// Where the pack, whose files are these, and the ComfyUI conflict. Without a ComfyUI, what is wrong with any.
    pub fn conflicts(
        &self,
        package: &Package,
        comfyui: Option<(&Files, &Facts)>,
        cache: Option<&Cache>,
    ) -> Vec<Conflict> {
        let mut modules = comfyui.and_then(|(files, _)| Modules::of(files, cache));
        let mut found = Vec::new();
        if self.suspicion.is_raised(modules.as_mut()) {
            let (needs, faults) = needs::read(package);
            found.extend(faults.iter().map(|fault| of_pack(package, fault)));
            if let (Some((_, facts)), Some(modules)) = (comfyui, &mut modules) {
                let missing =
                    needs.iter().filter_map(|need| Some((need, modules.missing(&need.dotted, need.is_module)?)));
                found.extend(missing.map(|(need, missing)| of_comfyui(need, &missing, facts)));
                // One place may ask for the same thing twice.
                found.dedup_by(|a, b| a.message == b.message);
            }
        }
        let Some((files, facts)) = comfyui else { return found };
        if let Some(readers) = self.replaced.first().and_then(|_| replaced::readers(files, cache)) {
            let certain = self.replaced.iter().filter(|replaced| replaced.is_certain);
            found.extend(certain.filter_map(|replaced| of_replaced(replaced, &readers, facts)));
        }
        found
    }
}

/// The pack's own `_load_list`, as ComfyUI's would be.
fn as_list(replaced: &Replaced, lists: &[LoadList]) -> LoadList {
    let place = lists.first().map_or(crate::python::Place { line: 1, column: 1 }, |list| list.place);
    LoadList { class: Some(replaced.class.clone()), place, shapes: replaced.shapes.clone() }
}

fn of_pack(package: &Package, fault: &Fault) -> Conflict {
    let from = package.path(fault.from).display();
    Conflict {
        kind: Kind::MissingInPack,
        file: fault.file,
        range: fault.range.clone(),
        message: format!(
            "imports `{}` from {from}, which does not define it: the pack cannot be imported, whatever the ComfyUI",
            fault.name
        ),
        help: String::from("this is a mistake of this version of the node: install another one"),
    }
}

fn of_comfyui(need: &Need, missing: &Missing, facts: &Facts) -> Conflict {
    let version =
        facts.version.as_deref().map_or_else(|| String::from("this ComfyUI"), |version| format!("ComfyUI {version}"));
    let what = match missing {
        Missing::Module(module) => format!("needs the module `{module}`, which {version} does not have"),
        Missing::Name(name, file) => {
            format!(
                "needs `{name}` of {}, which {version} does not have",
                file.display().to_string().replace('\\', "/")
            )
        }
    };
    Conflict {
        kind: Kind::MissingInComfyui,
        file: need.file,
        range: need.range.clone(),
        message: format!("{what}: the pack cannot be imported there"),
        help: String::from("update ComfyUI, or install a version of the node that was made for this one"),
    }
}

fn of_replaced(replaced: &Replaced, readers: &[replaced::Reader], facts: &Facts) -> Option<Conflict> {
    let own = facts.load_lists.iter().find(|list| list.class.as_ref() == Some(&replaced.class))?;
    let reader = replaced::broken(replaced, readers, own.shapes.as_deref().ok()?)?;
    let fields = replaced.shapes.as_deref().ok()?.first()?.arity();
    Some(Conflict {
        kind: Kind::ReplacedLoadList,
        file: replaced.file,
        range: replaced.range.clone(),
        message: format!(
            "replaces ComfyUI's items by items of {fields} fields, on which ComfyUI's own code fails ({PATCHER}:{}, \
             in {}): models that DisTorch2 does not load break",
            reader.place.line,
            reader.name()
        ),
        help: String::from(
            "`apply` does not change this; once it has repaired the places that read load lists, they no longer need it, and the assignment can be deleted",
        ),
    })
}
