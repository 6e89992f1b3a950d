//! Length tests that skip items of more than the fewest fields, and what is read behind them.

use tree_sitter::Node;

use super::judge::{FIELDS, Judge};
use super::{ARITIES, LEGACY};
use crate::edit::Edit;
use crate::fixes::{Site, State};
use crate::python::Source;
use crate::python::field::Fields as _;
use crate::python::flow::value::{COUNT, Shape};
use crate::python::flow::{Form, Use};

impl<'p> Judge<'_, 'p> {
    /// A length test in a function that skips items of more fields. Its repair asks for at least as many.
    pub(super) fn test(source: &Source, used: &Use<'p>) -> Option<Site> {
        if !used.selective {
            return None;
        }
        let comparison = used.spot.node;
        let operator = comparison.child_by_field_name("operators")?;
        let (left, right) = (comparison.part(0)?, comparison.part(1)?);
        let number = |node: Node<'_>| source.slice(node).parse::<i64>().ok();
        let (is_mirrored, node) = if number(left).is_some() { (true, left) } else { (false, right) };
        let in_order = |operator| if is_mirrored { mirrored(operator) } else { operator };
        let number = number(node)?;
        // For which arities does it hold?
        let meant = match (in_order(operator.kind()), number - FIELDS) {
            ("==" | "<=", 0) | ("<", 1) => ">=",
            ("!=" | ">", 0) | (">=", 1) => "<",
            _ => return None,
        };
        let message = format!("`{}` skips the items of current ComfyUI", source.slice(comparison));
        let mut edits = vec![(used.spot.file, Edit::replace(operator.byte_range(), in_order(meant)))];
        if number != FIELDS {
            edits.push((used.spot.file, Edit::replace(node.byte_range(), FIELDS.to_string())));
        }
        Some(Site::new(used.spot, LEGACY, message).with(edits))
    }

    /// A use that only items of the fewest fields reach: the others are skipped, until the test is repaired.
    pub(super) fn selective(&self, used: &Use<'p>) -> Option<Site> {
        let mut item = used.item;
        item.shapes = ARITIES.map(|arity| item.shapes[0].map(|shape| Shape { arity, ..shape }));
        let form = match used.form {
            Form::Index(number, index) => Form::Index([number[0]; COUNT], index),
            ref other => other.clone(),
        };
        let used = Use { form, item, selective: false, ..used.clone() };
        if self.tested.contains(&used.function.id()) {
            return self.site(&used);
        }
        Some(Site::new(used.spot, State::OPAQUE, format!("items of more than {FIELDS} fields never get here")))
    }
}

/// The operator that means the same with the sides swapped.
fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}
