//! Which widgets make up an allocation, by what a class does with their values.
//!
//! A loader writes `{string}#{device};{virtual VRAM};{donor}` from its parameters. They are followed back to the inputs, so
//! that these are known whatever they are called.

use std::rc::Rc;

use tree_sitter::Node;

use super::evaluate::Evaluator;
use super::value::Class as Definition;
use super::{Part, Widget, WidgetKind};
use crate::python::field::Fields as _;
use crate::python::syntax;

/// Assignments from name to name that are followed.
const FARTHEST: usize = 4;
/// The most assignments to a name that are looked at, and the most texts of a function.
const MOST: usize = 16;
/// The largest class that is looked at, in bytes. Those of the node have a few thousand.
const LARGEST: usize = 100_000;

/// A function of a class, whose values are followed.
struct Method<'e, 't> {
    evaluator: &'e Evaluator<'t>,
    class: &'e Rc<Definition<'t>>,
    node: Node<'t>,
    widgets: &'e [Widget],
}

/// The parts by what the class does, in the order of its code; none if that is not recognised.
pub(super) fn by_use<'t>(evaluator: &Evaluator<'t>, class: &Rc<Definition<'t>>, widgets: &[Widget]) -> Vec<Part> {
    if class.node.byte_range().len() > LARGEST {
        return Vec::new();
    }
    let functions = all(class.node, "function_definition").into_iter();
    let mut parts: Vec<Part> = functions.flat_map(|node| Method { evaluator, class, node, widgets }.parts()).collect();
    // A function in a function was looked at with that one, too.
    parts.dedup();
    parts
}

impl<'t> Method<'_, 't> {
    fn parts(&self) -> Vec<Part> {
        let texts = all(self.node, "string").into_iter().map(|text| self.pieces(text, '#'));
        texts.filter(|pieces| pieces.len() == 2).take(MOST).filter_map(|pieces| self.part(&pieces)).collect()
    }

    /// The allocation that is written as one text, a number sign, and another.
    fn part(&self, pieces: &[Node<'t>]) -> Option<Part> {
        let [string, behind] = pieces else { return None };
        let string = self.widget(*string, 0).filter(|at| self.widgets[*at].kind == WidgetKind::Text)?;
        // What is behind the sign is put together before, in one way of several.
        let behind = self.assigned(*behind);
        let behind = behind.into_iter().map(|text| self.pieces(text, ';')).find(|pieces| pieces.len() >= 2)?;
        let donor = behind.get(2).and_then(|donor| self.widget(*donor, 0));
        let (device, virtual_vram) = (self.widget(behind[0], 0)?, self.widget(behind[1], 0)?);
        Some(Part { label: None, device, string: Some(string), virtual_vram: Some(virtual_vram), donor, eject: None })
    }

    /// The expressions in a formatted text, if this character is between each and the next.
    fn pieces(&self, text: Node<'t>, between: char) -> Vec<Node<'t>> {
        let mut pieces = Vec::new();
        for part in text.parts() {
            match part.kind() {
                "interpolation" => pieces.extend(part.part(0)),
                "string_content" if !pieces.is_empty() && !self.slice(part).starts_with(between) => return Vec::new(),
                _ => {}
            }
        }
        pieces
    }

    /// The input that an expression has the value of.
    fn widget(&self, value: Node<'t>, depth: usize) -> Option<usize> {
        if depth > FARTHEST {
            return None;
        }
        let named = |name: &str| self.widgets.iter().position(|widget| widget.name == name);
        match value.kind() {
            "identifier" => named(self.slice(value)).or_else(|| match self.assigned(value).as_slice() {
                [value] => self.widget(*value, depth + 1),
                _ => None,
            }),
            // `kwargs.get("device")`, `kwargs["device"]`
            "call" => named(&self.text(value.field("arguments")?.part(0)?)?),
            "subscript" => named(&self.text(value.field("subscript")?)?),
            _ => None,
        }
    }

    /// What a name is given in the function, in its order.
    fn assigned(&self, name: Node<'t>) -> Vec<Node<'t>> {
        let is_it =
            |assignment: &Node<'t>| assignment.field("left").is_some_and(|left| self.slice(left) == self.slice(name));
        let assignments = all(self.node, "assignment").into_iter().filter(is_it);
        assignments.filter_map(|assignment| assignment.field("right")).take(MOST).collect()
    }

    /// The text that an expression is, where the class is defined.
    fn text(&self, node: Node<'t>) -> Option<Rc<str>> {
        self.evaluator.eval(&self.class.members, node).as_text().map(Rc::from)
    }

    fn slice(&self, node: Node<'t>) -> &'t str {
        self.evaluator.slice(&self.class.members, node)
    }
}

/// All nodes of a kind in another.
fn all<'t>(node: Node<'t>, kind: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    syntax::any(node, |inner| {
        if inner.kind() == kind {
            found.push(inner);
        }
        false
    });
    found
}
