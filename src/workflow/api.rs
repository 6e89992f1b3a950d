//! Reads the API form, what ComfyUI calls a prompt: `{id: {class_type, inputs, _meta}}`.

use std::collections::HashMap;

use super::json::{Kind, Value};
use super::node::{Graph, Input, Mode, Node, Origin, Pack, Values};

/// Is this a prompt? At least one node; what has no class beside it is no node.
pub(super) fn is_prompt(root: Value<'_>) -> bool {
    root.members().any(|(_, node)| is_node(node))
}

fn is_node(value: Value<'_>) -> bool {
    value.get("class_type").is_some_and(|class| class.kind() == Kind::Text)
}

/// Its one graph and its nodes.
pub(super) fn read(root: Value<'_>) -> (Vec<Graph>, Vec<Node>) {
    let nodes = root.members().filter(|(_, node)| is_node(*node));
    let members: Vec<_> = nodes.filter_map(|(id, node)| Some((id.text()?.into_owned(), node))).collect();
    let index: HashMap<&str, usize> = members.iter().enumerate().map(|(at, (id, _))| (id.as_str(), at)).collect();
    let node = |(id, node): &(String, Value<'_>)| {
        let text = |value: Option<Value<'_>>| value.and_then(Value::text).map(std::borrow::Cow::into_owned);
        let inputs = node.get("inputs");
        let links = inputs.into_iter().flat_map(Value::members).filter_map(|(name, value)| {
            let (from, slot) = link(value)?;
            let origin = index.get(from.as_str()).map_or(Origin::Nowhere, |&node| Origin::Node { node, slot });
            Some(Input { name: name.text()?.into_owned(), widget: None, origin: Some(origin) })
        });
        Node {
            id: id.clone(),
            graph: 0,
            class: text(node.get("class_type")).unwrap_or_default(),
            title: text(node.get("_meta").and_then(|meta| meta.get("title"))),
            mode: Mode::Active,
            values: Values::of(inputs),
            inputs: links.collect(),
            promoted: None,
            pack: Pack::default(),
            place: node.id(),
        }
    };
    (vec![Graph::default()], members.iter().map(node).collect())
}

/// A link: `["node", slot]`. A list that is meant as a value is wrapped in an object.
fn link(value: Value<'_>) -> Option<(String, usize)> {
    let mut parts = value.elements();
    let (node, slot) = (parts.next()?, parts.next()?);
    let slot = slot.raw().parse().ok()?;
    (parts.next().is_none()).then_some((node.text()?.into_owned(), slot))
}
