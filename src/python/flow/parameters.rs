//! Arguments and parameters: which argument goes to which parameter.

use tree_sitter::Node;

use super::scope::{Frame, State};
use super::value::{Item, Spot, Value};
use super::{Follower, Takes};
use crate::python::field::Fields;
use crate::python::package::FileId;
use crate::python::source::walk;

/// The arguments of one call.
#[derive(Default)]
pub(super) struct Arguments<'p> {
    pub(super) positional: Vec<(Value<'p>, Node<'p>)>,
    pub(super) named: Vec<(&'p str, Value<'p>)>,
    /// An item spread with `*`, and its node; it comes after `positional`.
    pub(super) spread: Option<(Item, Node<'p>)>,
    /// The position of another argument that is spread, of unknown length.
    pub(super) unknown: Option<usize>,
}

impl<'p> Arguments<'p> {
    pub(super) fn at(&self, index: usize) -> Value<'p> {
        self.positional.get(index).map(|(value, _)| value.clone()).unwrap_or_default()
    }

    pub(super) fn named(&self, name: &str) -> Value<'p> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    pub(super) fn item(&self) -> Option<Item> {
        let mut values =
            self.positional.iter().map(|(value, _)| value).chain(self.named.iter().map(|(_, value)| value));
        values.find_map(first_item)
    }
}

fn first_item(value: &Value<'_>) -> Option<Item> {
    value
        .item
        .or_else(|| value.element.as_deref().and_then(first_item))
        .or_else(|| value.values.as_deref().and_then(first_item))
        .or_else(|| value.fields.iter().flat_map(|fields| fields.iter()).find_map(first_item))
}

impl<'p> Follower<'p, '_> {
    /// The interesting arguments, by the names of the parameters they go to.
    pub(super) fn given(
        &self,
        function: Spot<'p>,
        arguments: &Arguments<'p>,
        bound: bool,
    ) -> Vec<(&'p str, Value<'p>)> {
        let names: Vec<_> = parameters(function.node)
            .into_iter()
            .map(|name| self.text(function.file, name))
            .skip(usize::from(bound))
            .collect();
        let known = arguments.unknown.unwrap_or(arguments.positional.len());
        let mut given: Vec<_> = names
            .iter()
            .copied()
            .zip(arguments.positional.iter().take(known).map(|(value, _)| value.clone()))
            .collect();
        // After a list that is spread, every parameter may get any of its elements, or an argument after it.
        let rest =
            arguments.positional.iter().enumerate().skip(known).fold(Value::default(), |all, (at, (value, _))| {
                all.join(&if Some(at) == arguments.unknown { value.iterated() } else { value.clone() })
            });
        given.extend(names.iter().skip(known).map(|name| (*name, rest.clone())));
        let [star, double_star] = splats(function.node).map(|name| name.map(|name| self.text(function.file, name)));
        if let (Some(star), Some((item, _))) =
            (star, arguments.spread.filter(|_| takes_whole(function.node, arguments, bound)))
        {
            given.push((star, Value::item(item)));
        } else if let Some(star) = star {
            let more = arguments.positional.iter().take(known).skip(names.len());
            let all = more.fold(rest, |all, (value, _)| all.join(value));
            given.push((star, Value::list_of(all)));
        }
        let mut other = Value::default();
        for (name, value) in &arguments.named {
            if all_names(function.node).into_iter().any(|known| self.text(function.file, known) == *name) {
                given.push((name, value.clone()));
            } else {
                other = other.join(value);
            }
        }
        given.extend(double_star.map(|name| (name, Value::mapping(other))));
        given.retain(|(_, value)| !value.is_bottom());
        given
    }

    /// How many spread elements the parameters of a function take. If it is `bound`, the first parameter is its object.
    /// Parameters that are given by name take none.
    pub(super) fn takes(&self, function: Spot<'p>, bound: bool, named: &[(&'p str, Value<'p>)]) -> Takes {
        let is_named = |name: &Node<'p>| named.iter().any(|(given, _)| *given == self.text(function.file, *name));
        let names = parameters(function.node).into_iter().skip(usize::from(bound));
        let names: Vec<_> = names.filter(|name| !is_named(name)).collect();
        let has_default = |name: &Node<'p>| {
            let parameter = name.parent().filter(|parent| parent.field("name") == Some(*name));
            parameter.is_some_and(|parameter| parameter.field("value").is_some())
        };
        let star = splats(function.node)[0];
        // The optional parameters.
        let spare: Vec<_> = names.iter().copied().filter(has_default).chain(star).collect();
        let spare_names: Vec<_> = spare.iter().map(|name| self.text(function.file, *name)).collect();
        let mut looks = false;
        if let Some(body) = function.node.field("body") {
            walk(&mut body.walk(), |node| {
                looks |= node.kind() == "identifier"
                    && spare_names.contains(&self.text(function.file, node))
                    && self.is_asked_about(function.file, node);
                !looks
            });
        }
        let defaults = names.iter().filter(|name| has_default(name)).count();
        let most = if star.is_some() { usize::MAX } else { names.len() };
        Takes { least: names.len() - defaults, most, looks }
    }

    /// Is this occurrence of a name compared, tested, or measured?
    fn is_asked_about(&self, file: FileId, name: Node<'p>) -> bool {
        let Some(parent) = name.parent() else { return false };
        match parent.kind() {
            "comparison_operator" | "boolean_operator" | "not_operator" => true,
            "conditional_expression" => parent.part(1) == Some(name),
            "argument_list" => {
                let called = parent.parent().and_then(|call| call.field("function"));
                called.is_some_and(|called| self.text(file, called) == "len")
            }
            _ => parent.field("condition") == Some(name),
        }
    }

    pub(super) fn bind_parameters(
        &mut self,
        frame: &mut Frame<'p>,
        state: &mut State<'p>,
        function: Spot<'p>,
        given: &[(&'p str, Value<'p>)],
    ) {
        let Some(list) = function.node.field("parameters") else { return };
        let parameters = list.parts();
        for parameter in parameters {
            let Some(name) = parameter_name(parameter).or_else(|| splat_name(parameter)) else { continue };
            let name = self.text(function.file, name);
            let passed = given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            let value = match (passed, parameter.field("value")) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval(frame, state, default),
                (None, None) => Value::default(),
            };
            self.assign(frame, state, name, value.without_constants());
        }
    }
}

/// Does a spread item go to `*rest` as a whole?
pub(super) fn takes_whole(function: Node<'_>, arguments: &Arguments<'_>, bound: bool) -> bool {
    let names = parameters(function).len();
    splats(function)[0].is_some()
        && arguments.named.is_empty()
        && names == arguments.positional.len() + usize::from(bound)
}

/// The name nodes of the parameters that can be given by position.
pub(super) fn parameters(function: Node<'_>) -> Vec<Node<'_>> {
    let Some(list) = function.field("parameters") else { return Vec::new() };
    list.parts()
        .into_iter()
        .take_while(|parameter| parameter.kind() != "keyword_separator" && splat_name(*parameter).is_none())
        .filter_map(parameter_name)
        .collect()
}

/// The name nodes of all parameters that can be given by name.
fn all_names(function: Node<'_>) -> Vec<Node<'_>> {
    let Some(list) = function.field("parameters") else { return Vec::new() };
    list.parts().into_iter().filter_map(parameter_name).collect()
}

/// The names of `*rest` and `**more`.
fn splats(function: Node<'_>) -> [Option<Node<'_>>; 2] {
    let mut found = [None; 2];
    let Some(list) = function.field("parameters") else { return found };
    for name in list.parts().into_iter().filter_map(splat_name) {
        let double = name.parent().is_some_and(|splat| splat.kind() == "dictionary_splat_pattern");
        found[usize::from(double)] = Some(name);
    }
    found
}

fn parameter_name(parameter: Node<'_>) -> Option<Node<'_>> {
    let name = match parameter.kind() {
        "identifier" => Some(parameter),
        "default_parameter" | "typed_default_parameter" => parameter.field("name"),
        "typed_parameter" => parameter.part(0),
        _ => None,
    };
    name.filter(|name| name.kind() == "identifier")
}

fn splat_name(parameter: Node<'_>) -> Option<Node<'_>> {
    let splat = if parameter.kind() == "typed_parameter" { parameter.part(0)? } else { parameter };
    matches!(splat.kind(), "list_splat_pattern" | "dictionary_splat_pattern").then(|| splat.part(0))?
}
