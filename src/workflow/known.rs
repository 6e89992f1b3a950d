//! Which classes decide which value of a workflow is which: those that are installed, else those of the release that saved
//! it, else a guess.

use std::collections::BTreeMap;

use super::effective::literal;
use super::json::Value;
use super::node::{Node, Values};
use super::{Form, Workflow};
use crate::inputs::{self, Class, Classes, KnownBy, Literal, Widget, WidgetKind};

/// The name of the node in ComfyUI's registry; on GitHub, it comes after the owner's.
const PACK: &str = "comfyui-multigpu";

/// What a loader gives.
const LOADED: [&str; 5] = ["MODEL", "CLIP", "VAE", "CLIP_VISION", "CONTROL_NET"];

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
        let of_release = |version: &str| Classes::of_release(version);
        let stated = || self.nodes().iter().find_map(|node| of_release(version(node)?));
        let newest = inputs::releases().last().and_then(of_release).unwrap_or_default();
        let mut nodes: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in self.nodes() {
            nodes.entry(&node.class).or_default().push(node);
        }
        let installed = installed.unwrap_or_default();
        nodes.retain(|class, _| installed.get(class).is_none());
        let classes = installed.or(stated().unwrap_or_else(|| newest.clone()));
        let layouts = nodes.into_iter().filter_map(|(name, nodes)| {
            let stated = nodes.iter().find_map(|node| of_release(version(node)?)?.get(name).cloned());
            stated.or_else(|| self.guess(name, &nodes, &newest))
        });
        classes.with_layouts(layouts.collect())
    }

    /// A class that no node of this workflow names a release for.
    fn guess(&self, name: &str, nodes: &[&Node], newest: &Classes) -> Option<Class> {
        let last = newest.get(name);
        if self.form() == Form::Api || last.is_some_and(|class| class.parts.is_empty()) {
            // There, values have names; and ComfyUI's own loaders are in no release of the node.
            return last.cloned();
        }
        let values: Vec<Vec<Literal>> = nodes.iter().map(|node| self.values(node)).collect();
        let is_ours = name.contains("DisTorch") || nodes.iter().any(|node| is_own(node));
        let by_pattern = || values.iter().find_map(|values| Class::by_pattern(name, values).ok());
        let guess = is_ours.then(by_pattern).flatten();
        let string = |class: &Class| class.parts.first().and_then(|part| part.string);
        // A release in which the values are of the right kinds, and the string in the same place, says what they are.
        let fits = |class: &Class| {
            let is_same = guess.as_ref().is_none_or(|guess| string(class) == string(guess));
            is_same && values.iter().all(|values| may_be(class, values))
        };
        let releases = inputs::releases().collect::<Vec<_>>().into_iter().rev();
        let mut classes = releases.filter_map(|release| Classes::of_release(release)?.get(name).cloned());
        let class = classes.find(fits).or(guess).or_else(|| last.cloned())?;
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
