//! Sets the allocation strings, devices and virtual VRAM of `DisTorch2` loaders.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context as _, Result, anyhow, bail};

use super::convert::convertible;
use super::grow::{self, raw};
use super::{Change, Fate, Selection, Touched};
use crate::advice::Advise as _;
use crate::edit::{Edit, Edits, Overlap};
use crate::inputs::{Choices, Class, Classes, Kind, Literal, Part, WidgetKind};
use crate::workflow::Workflow;
use crate::workflow::json::{self, Value};
use crate::workflow::loader::{Held, Loader};
use crate::workflow::node::{Node, Values};

/// The device of a loader whose class has another default on each machine: the first GPU.
pub(super) const FIRST_GPU: &str = "cuda:0";
/// The device that lends memory, in every release.
const LENDER: &str = "cpu";

/// What loaders are to be set to; what is None stays.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The allocation string; an empty one clears it.
    pub string: Option<String>,
    /// The compute device.
    pub device: Option<String>,
    /// The virtual VRAM, in GB.
    pub virtual_vram: Option<f64>,
    /// Of a loader with several allocations, only this one.
    pub part: Option<String>,
}

/// Settings of one loader: widgets and their values.
pub(super) type Settings = BTreeMap<usize, Literal>;

impl Wanted {
    /// What a class is to be set to; empty if it has nothing of that.
    pub(super) fn of(&self, class: &Class) -> Settings {
        let is_wanted = |part: &&Part| match &self.part {
            Some(label) => part.label.as_ref() == Some(label),
            None => part.string.is_some(),
        };
        let mut settings = Settings::new();
        for part in class.parts.iter().filter(is_wanted) {
            let values = [
                (part.string, self.string.clone().map(Literal::Text)),
                (Some(part.device), self.device.clone().map(Literal::Text)),
                (part.virtual_vram, self.virtual_vram.map(Literal::Number)),
            ];
            settings.extend(values.into_iter().filter_map(|(at, value)| Some((at?, value?))));
        }
        settings
    }
}

/// Sets the selected `DisTorch2` loaders of a workflow. Those of the first `DisTorch` are only set if their id or class
/// is selected: their strings mean something else in old releases. A workflow without such loaders stays as it is.
///
/// # Errors
/// If the selection is about none of them.
pub fn set(workflow: &Workflow, classes: &Classes, selection: &Selection, wanted: &Wanted) -> Result<Change> {
    let loaders = workflow.loaders(classes)?;
    let is_settable = |loader: &&Loader<'_, '_>| match loader.class.kind {
        Kind::DisTorch2 => true,
        Kind::DisTorch => selection.is_explicit(),
        _ => false,
    };
    let mut all = BTreeMap::new();
    for (at, loader) in loaders.iter().enumerate() {
        if is_settable(&loader) && selection.takes(loader) {
            let settings = wanted.of(loader.class);
            if !settings.is_empty() {
                all.insert(at, settings);
            }
        }
    }
    if all.is_empty() && (!selection.is_all() || wanted.part.is_some()) {
        if let (true, Some(part)) = (selection.is_all(), &wanted.part) {
            bail!(
                anyhow!("no loader has a part `{part}`")
                    .help("the parts are unet and clip, of the advanced checkpoint loader")
            );
        }
        return Err(selection.matches_nothing(loaders.iter().filter(is_settable)));
    }
    let mut touched: BTreeMap<usize, Touched> = all.keys().map(|at| (*at, Touched::new(&loaders[*at]))).collect();
    let text = assign(workflow, classes, &loaders, &all, &mut touched)?;
    let mut legacy: Vec<Touched> = Vec::new();
    for loader in loaders.iter().filter(|loader| loader.class.kind == Kind::DisTorch && !is_settable(loader)) {
        let mut node = Touched::new(loader);
        node.left(
            "it is a loader of the first DisTorch",
            "use `distorch-fix workflow convert`, or select it by --node or --class",
        );
        legacy.push(node);
    }
    Ok(Change {
        text,
        nodes: touched.into_values().chain(legacy).collect(),
        convertible: convertible(&loaders, classes),
        is_done: false,
    })
}

/// An allocation string for one loader.
#[derive(Debug, Clone)]
pub struct OwnString {
    /// The loader's id as in `ComfyUI`'s prompts.
    pub node: String,
    /// The index of the widget in its class.
    pub widget: usize,
    /// The string.
    pub string: String,
}

/// Gives loaders strings of their own. Those that have theirs already are only named.
///
/// # Errors
/// If there is no such loader.
pub fn set_each(workflow: &Workflow, classes: &Classes, strings: &[OwnString]) -> Result<Change> {
    let loaders = workflow.loaders(classes)?;
    let mut all: BTreeMap<usize, Settings> = BTreeMap::new();
    let mut touched: BTreeMap<usize, Touched> = BTreeMap::new();
    for own in strings {
        let at = loaders.iter().position(|loader| loader.id == own.node);
        let at = at.with_context(|| format!("no loader has the id {}", own.node))?;
        let loader = &loaders[at];
        touched.entry(at).or_insert_with(|| Touched::new(loader));
        let string = Literal::Text(own.string.clone());
        if loader.value(own.widget) != Some(&string) {
            all.entry(at).or_default().insert(own.widget, string);
        }
    }
    let text = assign(workflow, classes, &loaders, &all, &mut touched)?;
    Ok(Change {
        text,
        nodes: touched.into_values().collect(),
        convertible: convertible(&loaders, classes),
        is_done: false,
    })
}

/// Gives loaders their settings, and checks that they are read back and nothing else has changed. Returns the new text.
pub(super) fn assign(
    workflow: &Workflow,
    classes: &Classes,
    loaders: &[Loader<'_, '_>],
    wanted: &BTreeMap<usize, Settings>,
    touched: &mut BTreeMap<usize, Touched>,
) -> Result<String> {
    let mut plan = Plan::default();
    for (at, settings) in wanted {
        let Some(node) = touched.get_mut(at) else { continue };
        plan.add(workflow, &loaders[*at], settings, node)?;
    }
    let edits = plan.edits(workflow, loaders)?;
    let text = edits.apply(workflow.text());
    if !edits.is_empty() {
        plan.is_read_back(&text, classes, loaders)?;
    }
    for (at, node) in touched {
        node.notes.extend(plan.shared(&loaders[*at], loaders, wanted));
    }
    Ok(text)
}

/// What is to be written where.
#[derive(Default)]
struct Plan {
    /// In place of a value, by its first byte.
    sites: BTreeMap<usize, (Range<usize>, Literal)>,
    /// Where a node has no value yet.
    fills: BTreeMap<usize, Settings>,
}

impl Plan {
    /// Adds the settings of a loader: all of them, or none if one of them cannot be set.
    fn add(
        &mut self,
        workflow: &Workflow,
        loader: &Loader<'_, '_>,
        settings: &Settings,
        node: &mut Touched,
    ) -> Result<()> {
        if let Some((why, help)) = settings.keys().find_map(|at| obstacle(workflow, loader, settings, *at)) {
            node.left(why, help);
            return Ok(());
        }
        let is_new = matches!(node.fate, Fate::Changed { .. });
        for (&at, value) in settings {
            let widget = &loader.class.widgets[at];
            let old = loader.value(at);
            if old == Some(value) {
                continue;
            }
            let clash = || {
                anyhow!("{}: `{}` would need two values in one place", loader.id, widget.name)
                    .help("its subgraph is used several times with one definition; give all of its uses the same")
            };
            if let Held::Stored { site, .. } = &loader.settings[at] {
                let known = self.sites.insert(site.start, (site.clone(), value.clone()));
                if known.is_some_and(|(_, other)| other != *value) {
                    return Err(clash());
                }
                node.notes.extend(elsewhere(workflow, loader, site, &widget.name));
            } else {
                let known = self.fills.entry(loader.used.node).or_default().insert(at, value.clone());
                if known.is_some_and(|other| other != *value) {
                    return Err(clash());
                }
            }
            // The values of a converted loader are all new.
            let old = old.filter(|_| !is_new).map(|old| format!("{} -> ", raw(old)));
            node.changed(format!("{}: {}{}", widget.name, old.unwrap_or_default(), raw(value)));
        }
        Ok(())
    }

    fn edits(&self, workflow: &Workflow, loaders: &[Loader<'_, '_>]) -> Result<Edits> {
        let mut edits: Vec<Edit> =
            self.sites.values().map(|(site, value)| Edit::replace(site.clone(), raw(value))).collect();
        for (node, settings) in &self.fills {
            let class = loaders.iter().find(|loader| loader.used.node == *node).map(|loader| loader.class);
            let class = class.context("a node that is set is a loader")?;
            edits.push(fill(workflow, *node, class, settings)?);
        }
        Edits::new(edits).map_err(|Overlap| anyhow!("two values stand in one place"))
    }

    /// Fails if a loader would not have the value that it is to have.
    fn is_read_back(&self, text: &str, classes: &Classes, before: &[Loader<'_, '_>]) -> Result<()> {
        let after = Workflow::parse(text.to_owned())?;
        let after = after.loaders(classes)?;
        let is_as_wanted = |(old, new): (&Loader<'_, '_>, &Loader<'_, '_>)| {
            let fills = self.fills.get(&old.used.node);
            old.id == new.id
                && old.class.name == new.class.name
                && (0..old.class.widgets.len()).all(|at| {
                    let wanted = match &old.settings[at] {
                        Held::Stored { site, .. } => self.sites.get(&site.start).map(|(_, value)| value),
                        _ => fills.and_then(|fills| fills.get(&at)),
                    };
                    let (was, is) = (old.value(at), new.value(at));
                    // A list that is filled up holds defaults of which only the frontend knows some.
                    match wanted.or(was) {
                        Some(wanted) => is == Some(wanted),
                        None => fills.is_some() || is.is_none(),
                    }
                })
        };
        let wrong = before.iter().zip(&after).find(|pair| !is_as_wanted(*pair)).map(|(old, _)| old.id.clone());
        let wrong = wrong.or_else(|| (before.len() != after.len()).then(String::new));
        match wrong {
            None => Ok(()),
            Some(id) => bail!(
                anyhow!("node {id} would not be read back as wanted, so nothing was written")
                    .help("please report this, with the workflow if you can")
            ),
        }
    }

    /// That what is set is shared with loaders that were not selected.
    fn shared(
        &self,
        own: &Loader<'_, '_>,
        loaders: &[Loader<'_, '_>],
        wanted: &BTreeMap<usize, Settings>,
    ) -> Option<String> {
        let sites = |loader: &Loader<'_, '_>| -> BTreeSet<usize> {
            let starts = loader.settings.iter().filter_map(|held| match held {
                Held::Stored { site, .. } => Some(site.start).filter(|start| self.sites.contains_key(start)),
                _ => None,
            });
            starts.collect()
        };
        let (mine, node) = (sites(own), own.used.node);
        let shares = |loader: &Loader<'_, '_>| {
            (loader.used.node == node && self.fills.contains_key(&node)) || !mine.is_disjoint(&sites(loader))
        };
        let others = loaders.iter().enumerate().filter(|(at, loader)| !wanted.contains_key(at) && shares(loader));
        let ids: Vec<&str> = others.map(|(_, loader)| loader.id.as_str()).collect();
        (!ids.is_empty()).then(|| format!("this also acts on {}, which shares the value", ids.join(", ")))
    }
}

/// Why a setting cannot be written, and what to do.
fn obstacle(workflow: &Workflow, loader: &Loader<'_, '_>, settings: &Settings, at: usize) -> Option<(String, String)> {
    let widget = &loader.class.widgets[at];
    let name = &widget.name;
    if let Some(misfit) = misfit(workflow, loader.node, loader.class, at) {
        return Some(misfit);
    }
    match &loader.settings[at] {
        Held::Stored { site, .. } => {
            let value = workflow.json().at(site)?;
            (!fits(value, &widget.kind)).then(|| {
                (format!("`{name}` holds {}, which is of another kind", brief(value)), "set it in ComfyUI".to_owned())
            })
        }
        Held::Default => unknown_default(loader, settings, at),
        Held::Absent => None,
        Held::Unknown { .. } if is_named(loader.node) => None,
        Held::Linked { to } => Some((
            format!("its `{name}` comes from node {to}, which hides what is set here"),
            format!("change it in node {to}, or remove the link"),
        )),
        Held::Unknown { why } => Some((format!("its `{name}` is not known: {why}"), "set it in ComfyUI".to_owned())),
    }
}

/// That a short list cannot be filled up to a widget.
fn unknown_default(loader: &Loader<'_, '_>, settings: &Settings, at: usize) -> Option<(String, String)> {
    let begin = match &loader.node.values {
        Values::List { values, .. } => values.len(),
        Values::Named { .. } => return None,
        Values::None => 0,
    };
    let class = loader.class;
    let is_unknown = |at: &usize| !settings.contains_key(at) && default(class, *at).is_err();
    let unknown = (begin..at).find(is_unknown)?;
    Some((
        format!("the default of `{}` of {} is not known", class.widgets[unknown].name, class.name),
        "open the workflow in ComfyUI and save it; then the list of values is complete".to_owned(),
    ))
}

fn is_named(node: &Node) -> bool {
    matches!(node.values, Values::Named { .. })
}

/// That a node's list, up to a widget, holds values of another version of its class.
pub(super) fn misfit(workflow: &Workflow, node: &Node, class: &Class, last: usize) -> Option<(String, String)> {
    let Values::List { values, .. } = &node.values else { return None };
    let values = values.iter().map(|value| workflow.json().value(*value));
    let wrong = values.zip(&class.widgets).take(last + 1).find(|(value, widget)| !fits(*value, &widget.kind));
    let (value, widget) = wrong?;
    Some((
        format!("its values are not those of this version of the class: `{}` would be {}", widget.name, brief(value)),
        "name the release that it was made with (--checkout VERSION), or correct it in ComfyUI and save it".to_owned(),
    ))
}

/// Can a widget hold a value?
fn fits(value: Value<'_>, kind: &WidgetKind) -> bool {
    let is = |kinds: &[json::Kind]| value.is_null() || kinds.contains(&value.kind());
    match kind {
        WidgetKind::Combo(Choices::Devices) | WidgetKind::Text => is(&[json::Kind::Text]),
        WidgetKind::Combo(_) => is(&[json::Kind::Text, json::Kind::Number, json::Kind::Boolean]),
        WidgetKind::Number => is(&[json::Kind::Number]),
        WidgetKind::Boolean => is(&[json::Kind::Boolean]),
        WidgetKind::Unknown => true,
    }
}

fn brief(value: Value<'_>) -> String {
    let mut text: String = value.raw().chars().take(40).collect();
    if text.len() < value.raw().len() {
        text.push('…');
    }
    text
}

/// That a value stands with another node than its loader.
fn elsewhere(workflow: &Workflow, loader: &Loader<'_, '_>, site: &Range<usize>, name: &str) -> Option<String> {
    let has = |node: &&Node| {
        let span = workflow.json().value(node.place).span();
        span.start <= site.start && site.end <= span.end
    };
    // Of nodes in each other there are none: definitions stand beside the nodes.
    let holder = workflow.nodes().iter().find(has)?;
    let is_other = !std::ptr::eq(holder, loader.node);
    is_other.then(|| format!("`{name}` stands with node {} ({})", holder.id, what(workflow, holder)))
}

/// What a node is, for people.
fn what(workflow: &Workflow, node: &Node) -> String {
    let subgraph = workflow.definition(&node.class).and_then(|graph| workflow.graphs()[graph].name.as_deref());
    match subgraph {
        Some(name) => format!("the subgraph `{name}`"),
        None => node.class.clone(),
    }
}

/// Gives a node values that it does not have. A short list is filled up as far as needed.
fn fill(workflow: &Workflow, node: usize, class: &Class, settings: &Settings) -> Result<Edit> {
    let node = &workflow.nodes()[node];
    let text = workflow.text();
    let object = workflow.json().value(node.place);
    let last = settings.keys().last().copied().unwrap_or_default();
    let list = |from: usize| -> Result<Vec<String>> {
        (from..=last).map(|at| settings.get(&at).map(raw).map_or_else(|| default(class, at), Ok)).collect()
    };
    Ok(match &node.values {
        Values::List { place, values } => {
            grow::elements(text, workflow.json().value(*place), &list(values.len())?, object)
        }
        Values::Named { place, .. } => {
            let named: Vec<(&str, String)> =
                settings.iter().map(|(at, value)| (class.widgets[*at].name.as_str(), raw(value))).collect();
            grow::members(text, workflow.json().value(*place), &named, neighbour(workflow, node))
        }
        Values::None => grow::member_list(text, object, "widgets_values", &list(0)?),
    })
}

/// The values of another node that has some by name, whose style a node without any takes.
pub(super) fn neighbour<'w>(workflow: &'w Workflow, node: &Node) -> Option<Value<'w>> {
    let mut nodes = workflow.nodes().iter().filter(|other| other.place != node.place);
    nodes.find_map(|other| match &other.values {
        Values::Named { place, values } if !values.is_empty() => Some(workflow.json().value(*place)),
        _ => None,
    })
}

/// The default of a widget, as it is written.
pub(super) fn default(class: &Class, at: usize) -> Result<String> {
    let widget = &class.widgets[at];
    if let Some(value) = &widget.default {
        return Ok(raw(value));
    }
    let is_donor = class.parts.iter().any(|part| part.donor == Some(at));
    match &widget.kind {
        _ if is_donor => Ok(raw(&Literal::Text(LENDER.to_owned()))),
        WidgetKind::Combo(Choices::Devices) => Ok(raw(&Literal::Text(FIRST_GPU.to_owned()))),
        WidgetKind::Text => Ok(raw(&Literal::Text(String::new()))),
        _ => bail!("the default of `{}` of {} is not known", widget.name, class.name),
    }
}
