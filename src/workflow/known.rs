//! Which classes decide which value of a workflow is which: those that are installed, else those of the release that saved
//! it, else a guess.

use std::collections::BTreeMap;

use super::effective::literal;
use super::json::Value;
use super::node::{Node, Values};
use super::{Form, Workflow};
use crate::inputs::{self, Class, Classes, KnownBy, LOADED, Literal, Widget, WidgetKind};

/// The name of the node in ComfyUI's registry; on GitHub, it comes after the owner's.
pub(super) const PACK: &str = "comfyui-multigpu";

/// So many classes are looked at. A workflow has some ten.
const MOST_CLASSES: usize = 10_000;
/// So many nodes of a class are looked at to guess what their values are.
const MOST_LOOKED_AT: usize = 100;

impl Workflow {
    /// The classes of nodes that may be loaders: only those are worth to be looked for in an installation. The frontend
    /// saves what a node gives.
    pub fn may_load(&self) -> impl Iterator<Item = &str> {
        let gives = |node: &Node| {
            let outputs = self.json.value(node.place).get("outputs");
            let mut types = outputs.into_iter().flat_map(Value::elements).map(|output| output.get("type"));
            outputs.is_none()
                || types.any(|kind| kind.and_then(Value::text).is_some_and(|kind| LOADED.contains(&&*kind)))
        };
        let nodes = self.nodes.iter().filter(move |node| self.definition(&node.class).is_none() && gives(node));
        nodes.map(|node| node.class.as_str())
    }

    /// The classes to read this workflow with. `installed` are those of an installation, if there is one; what it lacks
    /// is taken from the release that a node names, or guessed from its values, which [`Class::known_by`] then says.
    pub fn classes(&self, installed: Option<Classes>) -> Classes {
        let installed = installed.unwrap_or_default();
        let mut nodes: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in self.nodes() {
            if nodes.len() == MOST_CLASSES && !nodes.contains_key(&*node.class) {
                continue;
            }
            let same = nodes.entry(&node.class).or_default();
            if same.len() < MOST_LOOKED_AT {
                same.push(node);
            }
        }
        nodes.retain(|class, _| installed.get(class).is_none() && self.definition(class).is_none());
        let stated_by = |nodes: &[&Node]| nodes.iter().find_map(|node| version(node)).map(str::to_owned);
        let stated = nodes.values().find_map(|nodes| Classes::of_release(&stated_by(nodes)?));
        let newest = inputs::releases().next_back().unwrap_or_default();
        let classes = installed.or(stated.or_else(|| Classes::of_release(newest)).unwrap_or_default());
        let layouts = nodes.into_iter().filter_map(|(name, nodes)| {
            let newest = Class::of_release(name, newest);
            let is_ours = newest.is_some() || name.contains("DisTorch") || nodes.iter().any(|node| is_own(node));
            let stated = || stated_by(&nodes).and_then(|version| Class::of_release(name, &version));
            is_ours.then(|| stated().or_else(|| self.guess(name, &nodes, newest))).flatten()
        });
        classes.with_layouts(layouts.collect())
    }

    /// A class that no node of this workflow names a release for.
    fn guess(&self, name: &str, nodes: &[&Node], newest: Option<Class>) -> Option<Class> {
        if self.form() == Form::Api || newest.as_ref().is_some_and(|class| class.parts.is_empty()) {
            // There, values have names; and ComfyUI's own loaders are in no release of the node.
            return newest;
        }
        let values: Vec<Vec<Literal>> = nodes.iter().map(|node| self.values(node)).collect();
        let guess = values.iter().find_map(|values| Class::by_pattern(name, values).ok());
        let string = |class: &Class| class.parts.first().and_then(|part| part.string);
        // A release in which the values are of the right kinds, and the string in the same place, says what they are.
        let fits = |class: &Class| {
            let is_same = guess.as_ref().is_none_or(|guess| string(class) == string(guess));
            is_same && values.iter().all(|values| may_be(class, values))
        };
        let mut classes = inputs::releases().rev().filter_map(|release| Class::of_release(name, release));
        let class = classes.find(fits).or(guess).or(newest)?;
        Some(Class { known_by: KnownBy::Pattern, ..class })
    }

    fn values(&self, node: &Node) -> Vec<Literal> {
        match &node.values {
            Values::List { values, .. } => values.iter().map(|value| literal(self.json.value(*value))).collect(),
            _ => Vec::new(),
        }
    }
}

/// May these be values of a class's widgets, by their kinds?
fn may_be(class: &Class, values: &[Literal]) -> bool {
    let is_of = |(widget, value): (&Widget, &Literal)| match (&widget.kind, value) {
        (WidgetKind::Unknown, _) | (_, Literal::Null) => true,
        (WidgetKind::Number, value) => matches!(value, Literal::Number(_)),
        (WidgetKind::Boolean, value) => matches!(value, Literal::Boolean(_)),
        (WidgetKind::Text | WidgetKind::Combo(_), value) => matches!(value, Literal::Text(_)),
    };
    values.len() <= class.widgets.len() && class.widgets.iter().zip(values).all(is_of)
}

/// The release that a node says it is of.
fn version(node: &Node) -> Option<&str> {
    node.pack.version.as_deref().filter(|_| is_own(node))
}

fn is_own(node: &Node) -> bool {
    let name = node.pack.name.as_deref().and_then(|name| name.rsplit('/').next());
    name.is_some_and(|name| name.eq_ignore_ascii_case(PACK))
}
