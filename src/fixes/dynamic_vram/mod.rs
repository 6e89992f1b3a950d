//! dynamic-vram: models that dynamic VRAM manages are handed to `DisTorch2`, which acts on plain patchers only.
//!
//! ```text
//! before  out = fn(*args, **kwargs)      after  out = fn(*args, **kwargs)
//!                                               out = hand_to_distorch(out, allocation, 0)
//!         model = out[0].model                  model = out[0].model
//!         model._meta = allocation              model._meta = allocation
//! ```
//!
//! ```text
//! "#"  →  marks: where allocations are kept   →  loaded: what loaded the model that is marked  →  insert
//! ```

mod insert;
mod loaded;
mod marks;
mod undo;

use std::collections::BTreeSet;

use self::insert::Functions;
use self::loaded::{Load, loads};
use self::marks::{Mark, keeps, marks};
use super::{About, Accounting, Definition, Fix, Host, LOOKED_FOR, Site, Standing, State, Status, Subject, Survey};
use crate::edit::Edit;
use crate::python::Source;
use crate::python::calls::{Code, Located};
use crate::python::flow::value::Spot;

/// The fix.
pub const DYNAMIC_VRAM: Fix = Fix::new(&DynamicVram);

/// A model is marked that dynamic VRAM may manage: then nothing comes of the mark.
pub const INERT: State = State {
    name: "inert",
    meaning: "no effect on a model that dynamic VRAM manages",
    standing: Standing::Repairable,
    arities: None,
};

/// A model is taken from dynamic VRAM before it is marked.
pub const ACTS: State = State {
    name: "acts",
    meaning: "the model is taken from dynamic VRAM first",
    standing: Standing::InOrder,
    arities: None,
};

static ABOUT: About = About {
    id: "dynamic-vram",
    rule_name: "DynamicVram",
    title: "Hand models that dynamic VRAM manages to DisTorch2",
    problem: "DisTorch2 has no effect on a model that dynamic VRAM manages",
    description: "Since 0.16, ComfyUI gives models that it loads from safetensors files a patcher of its own, which moves \
                  weights as they are needed. DisTorch2 acts on the plain patcher only: its loaders log the allocation \
                  string, and the model is loaded as if there were none.",
    help: "Have ComfyUI make a plain patcher for the loaded model before it is marked: `clone(disable_dynamic=True)`. \
           `distorch-fix apply` does so where an allocation is asked for, and runs the result before it is written.",
    repair: "Hand models that dynamic VRAM manages to DisTorch2",
    absent: "nothing was found that marks models for DisTorch2",
    states: &[INERT, ACTS],
    is_one_repair: true,
    reads_items: false,
    is_in_allocation: false,
    query: include_str!("../../../patches/dynamic-vram.scm"),
    needles: &["'#'", "\"#\""],
};

struct DynamicVram;

impl Definition for DynamicVram {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn survey(&self, subject: &Subject<'_>, _accounting: Accounting) -> Survey {
        survey(subject)
    }

    fn verdict(&self, survey: &Survey) -> String {
        verdict(survey)
    }

    fn undo(&self, source: &Source, _sites: &[&Site]) -> Vec<Edit> {
        undo::undo(source)
    }

    fn spared(&self, host: Host) -> Option<&'static str> {
        (host.has_dynamic_vram == Some(false)).then_some("this ComfyUI has no dynamic VRAM")
    }
}

fn survey(subject: &Subject<'_>) -> Survey {
    let code = Code::of(subject.package);
    let mut separators = Vec::new();
    for file in &subject.flow.files {
        let Some(source) = subject.source(*file) else { continue };
        let captures = LOOKED_FOR.captures(source).into_iter();
        let found = captures.filter(|(name, _)| *name == "dynamic-vram.separator");
        separators.extend(found.map(|(_, node)| Located { file: *file, source, node }));
    }
    let mut sites: Vec<Site> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut functions = Functions::new();
    for keep in keeps(&code, &separators) {
        for mark in marks(&code, &keep) {
            for load in loads(&code, &keep, &mark) {
                let handover = load.as_ref().and_then(|load| load.handover.clone());
                let site = Site { handover, ..site(&mark, load.as_ref(), &mut functions) };
                // Two marks of one load are one site, if the load is handed over once for both.
                let place = load.map_or(mark.place, |load| load.place);
                if seen.insert((place.file, place.node.id(), format!("{:?}", site.edits))) {
                    sites.push(site);
                }
            }
        }
    }
    Survey::new(DYNAMIC_VRAM, sites, None)
}

fn site(mark: &Mark<'_>, load: Option<&Load<'_>>, functions: &mut Functions) -> Site {
    let place = mark.place;
    let spot = Spot { file: place.file, node: place.node };
    let Some(load) = load else {
        return Site::new(spot, State::OPAQUE, "marks a model for DisTorch2, and the call that loads it was not found");
    };
    if load.is_static {
        return Site::new(spot, ACTS, "takes a model from dynamic VRAM before it marks it for DisTorch2");
    }
    match insert::hand_over(load, functions) {
        Ok(edits) => {
            let message = format!(
                "marks the model loaded in line {} for DisTorch2, which does nothing with it while dynamic VRAM manages it",
                load.place.source.place(load.place.node.start_byte()).line
            );
            Site::new(spot, INERT, message).with(edits.into_iter().map(|edit| (load.place.file, edit)).collect())
        }
        Err(why) => Site::new(
            spot,
            State::OPAQUE,
            format!("marks a model for DisTorch2 that dynamic VRAM may manage, and cannot be repaired: {why}"),
        ),
    }
}

fn verdict(survey: &Survey) -> String {
    let verdict = match survey.status {
        Status::Needed => INERT.meaning,
        Status::NotUnderstood => "the calls that load the marked models were not found",
        Status::InOrder | Status::NotApplicable => ACTS.meaning,
    };
    verdict.to_owned()
}
