//! Turns other loaders into their `DisTorch2` counterparts. Outputs are the same, so every link stays.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};

use super::grow::{self, raw};
use super::set::{FIRST_GPU, Settings, assign, default, misfit, neighbour};
use super::{Change, Fate, Selection, Touched, Wanted};
use crate::advice::Advise as _;
use crate::edit::{Edit, Edits, Overlap};
use crate::inputs::{Choices, Class, Classes, Kind, Literal, Part, WidgetKind, names};
use crate::workflow::Workflow;
use crate::workflow::json::Value;
use crate::workflow::known::PACK;
use crate::workflow::loader::{Held, Loader};
use crate::workflow::node::{Node, Values};

/// The node's pack on GitHub.
const REPOSITORY: &str = "pollockjj/ComfyUI-MultiGPU";

/// How to convert.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// What the new loaders are to be set to.
    pub wanted: Wanted,
    /// The version of the installed node.
    pub version: Option<String>,
}

/// The `DisTorch2` class of a loader, if there is one.
fn counterpart<'c>(loader: &Loader<'_, '_>, classes: &'c Classes) -> Option<&'c Class> {
    let name = names::distorch2(&loader.class.name)?;
    classes.get(&name).filter(|class| class.kind == Kind::DisTorch2)
}

/// How many of these loaders have a `DisTorch2` counterpart.
pub(super) fn convertible(loaders: &[Loader<'_, '_>], classes: &Classes) -> usize {
    loaders.iter().filter(|loader| counterpart(loader, classes).is_some()).count()
}

/// One node that becomes another.
struct Switch<'c> {
    node: usize,
    from: &'c Class,
    to: &'c Class,
    /// For each widget of the new class the one of the old class whose value it takes.
    taken: Vec<Option<usize>>,
}

/// Converts the selected loaders of a workflow. A workflow without any stays as it is.
///
/// # Errors
/// If the selection is about none of them.
pub fn convert(workflow: &Workflow, classes: &Classes, selection: &Selection, how: &Conversion) -> Result<Change> {
    let loaders = workflow.loaders(classes)?;
    // Others cannot distribute their models in any way, so they are only named if they were asked for.
    let is_other = |loader: &&Loader<'_, '_>| {
        loader.class.kind != Kind::DisTorch2 && (!selection.is_all() || counterpart(loader, classes).is_some())
    };
    let selected: BTreeSet<usize> =
        (0..loaders.len()).filter(|at| is_other(&&loaders[*at]) && selection.takes(&loaders[*at])).collect();
    let is_done = selected.is_empty()
        && loaders.iter().any(|loader| loader.class.kind == Kind::DisTorch2 && selection.takes(loader));
    if selected.is_empty() && !is_done && !selection.is_all() {
        return Err(selection.matches_nothing(loaders.iter().filter(is_other)));
    }
    let mut touched: BTreeMap<usize, Touched> = selected.iter().map(|at| (*at, Touched::new(&loaders[*at]))).collect();
    let mut switches: BTreeMap<usize, Switch<'_>> = BTreeMap::new();
    for (at, node) in &mut touched {
        match switch(workflow, classes, &loaders[*at]) {
            Ok(switch) => {
                node.changed(format!("was {}", switch.from.name));
                node.was = Some(std::mem::replace(&mut node.class, switch.to.name.clone()));
                switches.insert(switch.node, switch);
            }
            Err((why, help)) => node.left(why, help),
        }
    }
    let mut edits = Vec::new();
    for switch in switches.values() {
        edits.extend(switch.edits(workflow, how)?);
    }
    let edits = Edits::new(edits).map_err(|Overlap| anyhow!("two edits of the workflow overlap"))?;
    let text = edits.apply(workflow.text());
    let converted = Workflow::parse(text)?;
    let after = converted.loaders(classes)?;
    is_kept(workflow, &converted, &loaders, &after, &switches)?;
    let mut wanted = BTreeMap::new();
    for at in &selected {
        let Some(switch) = switches.get(&loaders[*at].used.node) else { continue };
        wanted.insert(*at, switch.settings(&loaders[*at], &after[*at], &how.wanted));
    }
    let text = assign(&converted, classes, &after, &wanted, &mut touched)?;
    for (at, node) in &mut touched {
        let loader = &loaders[*at];
        if matches!(node.fate, Fate::Changed { .. }) {
            let others = (0..loaders.len())
                .filter(|other| !selected.contains(other) && loaders[*other].used.node == loader.used.node);
            let ids: Vec<&str> = others.map(|other| loaders[other].id.as_str()).collect();
            if !ids.is_empty() {
                node.notes
                    .push(format!("{} is the same node of the same subgraph, and converted with it", ids.join(", ")));
            }
        }
    }
    Ok(Change { text, nodes: touched.into_values().collect(), convertible: 0, is_done })
}

/// How a loader becomes another, or why it cannot, and what to do.
fn switch<'c>(
    workflow: &Workflow,
    classes: &'c Classes,
    loader: &Loader<'_, 'c>,
) -> Result<Switch<'c>, (String, String)> {
    let from = loader.class;
    let Some(to) = counterpart(loader, classes) else {
        return Err((
            format!("there is no {} here", names::distorch2(&from.name).unwrap_or_default()),
            "not every loader has a DisTorch2 counterpart; those of ComfyUI-GGUF have one if it is installed"
                .to_owned(),
        ));
    };
    let name = &to.name;
    if workflow.graphs()[loader.node.graph].is_group {
        return Err((
            "it is in a group node, whose values stand in one list".to_owned(),
            "convert the group node to a subgraph in ComfyUI first".to_owned(),
        ));
    }
    if let Some(misfit) = misfit(workflow, loader.node, from, from.widgets.len()) {
        return Err(misfit);
    }
    let taken: Vec<Option<usize>> = (0..to.widgets.len()).map(|at| source(from, to, at)).collect();
    let lost = from.widgets.iter().enumerate().find(|(at, widget)| {
        let is_linked = loader.node.inputs.iter().any(|input| input.is_of(&widget.name) && input.origin.is_some());
        is_linked && !taken.contains(&Some(*at))
    });
    if let Some((_, widget)) = lost {
        return Err((
            format!("its `{}` is linked, and {name} has no such input", widget.name),
            "remove the link in ComfyUI first".to_owned(),
        ));
    }
    for (at, widget) in to.widgets.iter().enumerate() {
        if taken[at].is_none() && default(to, at).is_err() {
            return Err((
                format!("the value of `{}` of {name} is not known", widget.name),
                "convert it in ComfyUI".to_owned(),
            ));
        }
    }
    Ok(Switch { node: loader.used.node, from, to, taken })
}

/// The widget of the old class whose value a widget of the new class takes: the one of the same name, or with the same
/// part in the same allocation.
fn source(from: &Class, to: &Class, at: usize) -> Option<usize> {
    let widget = &to.widgets[at];
    let is_device = |kind: &WidgetKind| matches!(kind, WidgetKind::Combo(Choices::Devices));
    let named = from.widgets.iter().position(|other| other.name == widget.name);
    // The core loader of text encoders has a `device` too, which is `default` or `cpu`.
    if let Some(named) = named.filter(|named| is_device(&from.widgets[*named].kind) == is_device(&widget.kind)) {
        return Some(named);
    }
    let role = |part: &Part| [Some(part.device), part.string, part.virtual_vram, part.donor];
    let (part, what) =
        to.parts.iter().find_map(|part| Some((part, role(part).iter().position(|of| *of == Some(at))?)))?;
    let same =
        from.parts.iter().find(|other| other.label == part.label || (from.parts.len() == 1 && to.parts.len() == 1));
    same.and_then(|other| role(other)[what])
}

impl Switch<'_> {
    /// The values of the new class, as they are written, by its widgets; None where an object of named values has none.
    fn values(&self, workflow: &Workflow) -> Result<Vec<String>> {
        let node = &workflow.nodes()[self.node];
        let value = |at: usize| -> Result<String> {
            let taken = self.taken[at].and_then(|from| node.values.of_widget(from, &self.from.widgets[from].name));
            taken.map_or_else(|| default(self.to, at), |value| Ok(workflow.json().value(value).raw().to_owned()))
        };
        (0..self.to.widgets.len()).map(value).collect()
    }

    /// The edits that turn the node into one of the new class.
    fn edits(&self, workflow: &Workflow, how: &Conversion) -> Result<Vec<Edit>> {
        let json = workflow.json();
        let node = &workflow.nodes()[self.node];
        let object = json.value(node.place);
        let text = workflow.text();
        let named = |name: &str| raw(&Literal::Text(name.to_owned()));
        let mut edits = Vec::new();
        let mut rename = |value: Option<Value<'_>>, old: &str, new: &str| {
            if let Some(value) = value.filter(|value| value.text().is_some_and(|text| text == old)) {
                edits.push(Edit::replace(value.span(), named(new)));
            }
        };
        for class in [object.get("type"), object.get("class_type")].into_iter().flatten() {
            // Whatever it is called: the file may have the separator of an old frontend.
            rename(Some(class), &class.text().unwrap_or_default(), &self.to.name);
        }
        let title = object.get("title").or_else(|| object.get("_meta").and_then(|meta| meta.get("title")));
        rename(title, &self.from.name, &self.to.name);
        let properties = object.get("properties");
        rename(properties.and_then(|of| of.get("Node name for S&R")), &self.from.name, &self.to.name);
        // Inputs that take the place of a widget have its name.
        let renamed: Vec<(&str, &str)> = (0..self.to.widgets.len())
            .filter_map(|at| Some((&*self.from.widgets[self.taken[at]?].name, &*self.to.widgets[at].name)))
            .filter(|(old, new)| old != new)
            .collect();
        for input in object.get("inputs").into_iter().flat_map(Value::elements) {
            for (old, new) in &renamed {
                rename(input.get("name"), old, new);
                rename(input.get("widget").and_then(|widget| widget.get("name")), old, new);
            }
        }
        for shown in shown(workflow, node) {
            for (old, new) in &renamed {
                rename(Some(shown), old, new);
            }
        }
        if let Some(properties) = properties {
            edits.extend(pack(properties, how.version.as_deref()));
        }
        match &node.values {
            Values::List { place, .. } => {
                edits.extend(grow::replaced(text, json.value(*place), &self.values(workflow)?, object));
            }
            Values::None => edits.push(grow::member_list(text, object, "widgets_values", &self.values(workflow)?)),
            Values::Named { place, .. } => edits.extend(self.named(workflow, json.value(*place), &renamed)?),
        }
        Ok(edits)
    }

    /// The same for values that stand by name: keys get their new names, and what is missing is added.
    fn named(&self, workflow: &Workflow, object: Value<'_>, renamed: &[(&str, &str)]) -> Result<Vec<Edit>> {
        let mut edits = Vec::new();
        for (key, _) in object.members() {
            let new = renamed.iter().find(|(old, _)| key.text().is_some_and(|key| key == *old));
            if let Some((_, new)) = new {
                edits.push(Edit::replace(key.span(), raw(&Literal::Text((*new).to_owned()))));
            }
        }
        let mut added = Vec::new();
        for (at, widget) in self.to.widgets.iter().enumerate() {
            let old = self.taken[at].map_or(widget.name.as_str(), |from| &self.from.widgets[from].name);
            match object.get(old) {
                None => added.push((widget.name.as_str(), default(self.to, at)?)),
                // It has the name, but means something else.
                Some(value) if self.taken[at].is_none() => {
                    edits.push(Edit::replace(value.span(), default(self.to, at)?));
                }
                Some(_) => {}
            }
        }
        if !added.is_empty() {
            let node = &workflow.nodes()[self.node];
            edits.push(grow::members(workflow.text(), object, &added, neighbour(workflow, node)));
        }
        Ok(edits)
    }

    /// What the new loader is to be set to, beyond what it took over.
    fn settings(&self, old: &Loader<'_, '_>, new: &Loader<'_, '_>, wanted: &Wanted) -> Settings {
        let mut settings = wanted.of(self.to);
        for part in &self.to.parts {
            let has_string = part
                .string
                .and_then(|at| settings.get(&at))
                .is_some_and(|string| *string != Literal::Text(String::new()));
            // Beside a string, a lender only has the effect that other models leave the device.
            if let Some(at) = part.virtual_vram.filter(|at| has_string && self.taken[*at].is_none()) {
                settings.entry(at).or_insert(Literal::Number(0.0));
            }
            if self.taken[part.device].is_none() && !settings.contains_key(&part.device) {
                let was_cpu = || {
                    let at =
                        self.from.widgets.iter().position(|widget| widget.name == self.to.widgets[part.device].name)?;
                    let Held::Stored { value, .. } = &old.settings[at] else { return None };
                    Some(*value == Literal::Text("cpu".to_owned()))
                };
                let default = self.to.widgets[part.device].default.clone();
                let device = match was_cpu() {
                    Some(true) => Literal::Text("cpu".to_owned()),
                    _ => default.unwrap_or_else(|| Literal::Text(FIRST_GPU.to_owned())),
                };
                // Where it is linked, whatever it is linked to decides.
                if !matches!(new.settings[part.device], Held::Linked { .. }) {
                    settings.insert(part.device, device);
                }
            }
        }
        settings
    }
}

/// Where instances of its subgraph name the widgets of a node that they show.
fn shown<'w>(workflow: &'w Workflow, node: &'w Node) -> impl Iterator<Item = Value<'w>> {
    let class = workflow.graphs()[node.graph].class.as_deref();
    let instances = workflow.nodes().iter().filter(move |other| class.is_some_and(|class| other.class == class));
    let lists = instances.filter_map(|instance| {
        workflow.json().value(instance.place).get("properties").and_then(|of| of.get("proxyWidgets"))
    });
    lists.flat_map(Value::elements).filter_map(|pair| {
        let of = pair.element(0)?;
        let is_own = of.text().map_or_else(|| of.raw() == node.id, |of| of == node.id);
        pair.element(1).filter(|_| is_own)
    })
}

/// The pack that the node comes from now. A version that is not known is removed: the old one is that of another pack.
fn pack(properties: Value<'_>, version: Option<&str>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut is_other = false;
    for (key, pack) in [("cnr_id", PACK), ("aux_id", REPOSITORY)] {
        if let Some(value) = properties.get(key).filter(|value| value.text().is_some_and(|text| text != pack)) {
            is_other = true;
            edits.push(Edit::replace(value.span(), raw(&Literal::Text(pack.to_owned()))));
        }
    }
    let members: Vec<(Value<'_>, Value<'_>)> = properties.members().collect();
    let Some(at) = members.iter().position(|(key, _)| key.text().is_some_and(|key| key == "ver")) else { return edits };
    match version {
        Some(version) if members[at].1.text().is_none_or(|text| text != version) => {
            edits.push(Edit::replace(members[at].1.span(), raw(&Literal::Text(version.to_owned()))));
        }
        None if is_other => {
            let (start, end) = match (at.checked_sub(1).map(|before| members[before].1.span().end), members.get(at + 1))
            {
                (_, Some((next, _))) => (members[at].0.span().start, next.span().start),
                (Some(before), None) => (before, members[at].1.span().end),
                (None, None) => (properties.span().start + 1, properties.span().end - 1),
            };
            edits.push(Edit::replace(start..end, ""));
        }
        _ => {}
    }
    edits
}

/// Fails unless every node has the same links as before, and every loader the same values, under their new names.
fn is_kept(
    old: &Workflow,
    new: &Workflow,
    before: &[Loader<'_, '_>],
    after: &[Loader<'_, '_>],
    switches: &BTreeMap<usize, Switch<'_>>,
) -> Result<()> {
    let origins = |node: &Node| node.inputs.iter().map(|input| input.origin).collect::<Vec<_>>();
    let mut is_kept = old.nodes().len() == new.nodes().len() && before.len() == after.len();
    is_kept &= old.nodes().iter().zip(new.nodes()).all(|(old, new)| old.id == new.id && origins(old) == origins(new));
    is_kept &= before.iter().zip(after).all(|(old, new)| {
        let same = |from: usize, to: usize| {
            let was = old.value(from);
            was.is_none() || was == new.value(to)
        };
        old.id == new.id
            && match switches.get(&old.used.node) {
                Some(switch) => {
                    switch.taken.iter().enumerate().all(|(to, from)| from.is_none_or(|from| same(from, to)))
                }
                None => old.class.name == new.class.name && (0..old.settings.len()).all(|at| same(at, at)),
            }
    });
    if !is_kept {
        bail!(
            anyhow!("the links and values would not be the same, so nothing was written")
                .help("please report this, with the workflow if you can")
        );
    }
    Ok(())
}
