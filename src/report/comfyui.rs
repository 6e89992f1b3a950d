//! The report about the ComfyUI that a checkout is judged by.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::{Located, Problem};
use crate::comfyui::{Dynamic, DynamicVram, Facts, LoadList, Order, PATCHER, Switches};
use crate::install::ComfyUi;
use crate::pipeline::Judgement;
use crate::python::Place;
use crate::text::visible;

/// A ComfyUI: the one around the checkout, or the one that was named instead.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ComfyUiReport {
    /// Its folder, or repository.
    pub root: Located,
    /// The revision that was read, as `NAME (ID)`; none for the files on disk.
    pub revision: Option<String>,
    /// Was it named, rather than found around the checkout?
    pub is_named: bool,
    /// The version it states. It decides nothing.
    pub version: Option<String>,
    /// Every `_load_list` of its `comfy/model_patcher.py`; none if that was not read.
    pub load_lists: Vec<LoadListReport>,
    /// Whether it takes over models from DisTorch2; none if it was not read.
    pub dynamic_vram: Option<DynamicVramReport>,
    /// What it takes for that to be active; none if it has not got it, or was not read.
    pub dynamic_vram_switches: Option<SwitchesReport>,
    /// Why it could not be read, if it could not.
    pub unread: Option<Problem>,
}

/// One `_load_list`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LoadListReport {
    /// The class that it is a method of.
    pub class: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// The shapes that its items have; empty if they are unknown.
    pub items: Vec<ItemReport>,
    /// Why they are unknown, and where.
    pub unclear: Option<UnclearReport>,
}

/// One form that items of a load list have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ItemReport {
    /// The expressions of the fields, in order, as ComfyUI writes them.
    pub fields: Vec<String>,
    /// The argument that gives such items; none for the call that DisTorch2 makes.
    pub argument: Option<String>,
    /// Where such an item is added to the list.
    pub place: Place,
    /// Where the module and its name are in it.
    pub order: Order,
}

/// What was not understood.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnclearReport {
    /// Where.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// Whether a ComfyUI has dynamic VRAM, a patcher that takes over models from DisTorch2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DynamicVramReport {
    /// It has none.
    Absent,
    /// Only if asked for.
    OnRequest,
    /// Unless an option prevents it, or the machine does not do.
    ByDefault,
    /// It has; by default or not is unknown.
    Unclear,
}

/// What it takes for dynamic VRAM to be active, as ComfyUI's own code says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SwitchesReport {
    /// The options of ComfyUI that prevent it, each by itself.
    pub off: Vec<String>,
    /// The options that ask for it, where it is not on by default.
    pub on: Vec<String>,
    /// What else it depends on, in expressions of ComfyUI's `main.py` and `comfy/cli_args.py`.
    pub depends_on: Vec<String>,
    /// Where `main.py` turns it on; none if that was not found.
    pub place: Option<Place>,
}

impl ComfyUiReport {
    /// The ComfyUI that a checkout is judged by, or else the one around it.
    pub(super) fn new(base: &Path, around: Option<&ComfyUi>, judgement: Option<&Judgement<'_>>) -> Option<Self> {
        let around = around.map(|comfyui| Self::around(base, comfyui));
        match judgement.and_then(|judgement| Some((judgement.comfyui?, judgement.is_named))) {
            None => around,
            Some((Ok(facts), is_named)) => Some(Self::read(base, facts, is_named)),
            Some((Err(error), _)) => around.map(|around| Self { unread: Some(Problem::of(error, base)), ..around }),
        }
    }

    /// The ComfyUI around a checkout, before it is read.
    fn around(base: &Path, comfyui: &ComfyUi) -> Self {
        Self {
            root: Located::new(base, &comfyui.root),
            revision: None,
            is_named: false,
            version: comfyui.version.clone(),
            load_lists: Vec::new(),
            dynamic_vram: None,
            dynamic_vram_switches: None,
            unread: None,
        }
    }

    /// The facts about a ComfyUI.
    pub(super) fn read(base: &Path, facts: &Facts, is_named: bool) -> Self {
        Self {
            root: Located::new(base, &facts.root),
            revision: facts.revision.clone(),
            is_named,
            version: facts.version.clone(),
            load_lists: facts.load_lists.iter().map(LoadListReport::new).collect(),
            dynamic_vram: Some(match facts.dynamic.state {
                DynamicVram::Absent => DynamicVramReport::Absent,
                DynamicVram::OnRequest(_) => DynamicVramReport::OnRequest,
                DynamicVram::ByDefault(_) => DynamicVramReport::ByDefault,
                DynamicVram::Unclear(_) => DynamicVramReport::Unclear,
            }),
            dynamic_vram_switches: SwitchesReport::new(&facts.dynamic),
            unread: None,
        }
    }

    /// For people: `ComfyUI 0.18.0 in ComfyUI, whose load lists hold 5 fields (comfy/model_patcher.py:812)`.
    pub(crate) fn sentence(&self) -> String {
        let by = if self.is_named { "judged by " } else { "" };
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let mut out = format!("{by}ComfyUI {version} in {}", self.root.shown());
        if let Some(revision) = &self.revision {
            let _ = write!(out, " at {revision}");
        }
        if let Some(unread) = &self.unread {
            let _ = write!(out, ", which could not be read: {}", unread.message);
        } else if self.dynamic_vram.is_some() {
            let _ = write!(out, ", {}", self.items());
        }
        visible(&out).into_owned()
    }

    fn items(&self) -> String {
        if let Some((list, unclear)) = self.load_lists.iter().find_map(|list| Some((list, list.unclear.as_ref()?))) {
            let class = list.class.as_deref().map(|class| format!("{class}.")).unwrap_or_default();
            let line = unclear.place.line;
            return format!("whose {class}_load_list was not understood ({PATCHER}:{line}: {})", unclear.why);
        }
        match self.forms()[..] {
            [] => "which has no load lists".to_owned(),
            [item] => format!("whose load lists hold {} fields ({})", item.fields.len(), item.whereabouts()),
            ref forms => {
                let form = |item: &&ItemReport| format!("{} ({})", item.fields.len(), item.whereabouts());
                format!("whose load lists hold {} fields", forms.iter().map(form).collect::<Vec<_>>().join(" or "))
            }
        }
    }

    /// One item of each number of fields, the fewest first.
    fn forms(&self) -> Vec<&ItemReport> {
        let items = self.load_lists.iter().flat_map(|list| &list.items);
        let mut forms: Vec<_> = items.filter(|item| item.argument.is_none()).collect();
        // Of several with as many fields, the most unusual one.
        forms.sort_by_key(|item| (item.fields.len(), item.order == Order::Usual, item.place.line));
        forms.dedup_by_key(|item| item.fields.len());
        forms
    }

    /// `5 fields`, `4 or 5 fields`; None if it was not read, or has no load lists.
    pub(crate) fn fields(&self) -> Option<String> {
        let forms: Vec<_> = self.forms().iter().map(|item| item.fields.len().to_string()).collect();
        (!forms.is_empty()).then(|| format!("{} fields", forms.join(" or ")))
    }
}

impl SwitchesReport {
    fn new(dynamic: &Dynamic) -> Option<Self> {
        let Switches { off, on, depends_on, place } = dynamic.switches.clone();
        (dynamic.state != DynamicVram::Absent).then_some(Self { off, on, depends_on, place })
    }
}

impl ItemReport {
    /// `comfy/model_patcher.py:812`, and what is unusual about the order of its fields.
    fn whereabouts(&self) -> String {
        let order = match self.order {
            Order::Usual => "",
            Order::Other => ", in another order than usual",
            Order::Unknown => ", in an unknown order",
        };
        format!("{PATCHER}:{}{order}", self.place.line)
    }
}

impl LoadListReport {
    fn new(list: &LoadList) -> Self {
        let shapes = list.shapes.as_deref().unwrap_or_default();
        let item = |shape: &crate::comfyui::Shape| ItemReport {
            fields: shape.fields.clone(),
            argument: shape.argument.clone(),
            place: shape.place,
            order: shape.order,
        };
        let unclear = list.shapes.as_ref().err();
        Self {
            class: list.class.clone(),
            place: list.place,
            items: shapes.iter().map(item).collect(),
            unclear: unclear.map(|unclear| UnclearReport { place: unclear.place, why: unclear.why.clone() }),
        }
    }
}
