//! Lists of values that are not those of the class.

use super::context::site;
use super::{Check, Context, Finding, Level};
use crate::inputs::{Choices, Class, Kind, KnownBy, Literal, Widget, WidgetKind};
use crate::workflow::node::Values;
use crate::workflow::{Held, Loader};

pub(super) const CHECK: Check = Check {
    id: "shifted-values",
    level: Level::Warning,
    title: "Values stand in the wrong places",
    about: "ComfyUI stores the values of a node as a list without names, and reads them by their position. If a workflow was saved \
            with another release of a node, the list can be longer than that of the installed one, or have a number where a text is \
            expected: then every value behind it means something else.",
    help: "Load the workflow in ComfyUI, look at each value of the node, and save it again.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for loader in &context.loaders {
        let class = loader.class;
        let is_own = matches!(class.kind, Kind::DisTorch2 | Kind::DisTorch | Kind::MultiGpu);
        // A guess cannot accuse anyone.
        if !is_own || class.known_by == KnownBy::Pattern {
            continue;
        }
        if let Some((at, what)) = wrong(loader) {
            let input = &class.widgets[at].name;
            let message = format!("`{input}` has the value {what}, which is not {}", expected(&class.widgets[at]));
            let place = site(loader, at);
            let help = "it was saved with another release: look at its values in ComfyUI, and save it again";
            findings.push(CHECK.finding(message).at(loader, context).value(&what, place).help(help));
        } else if let Some(count) = count(loader).filter(|count| *count > class.widgets.len()) {
            let message = format!("{count} values, and `{}` has {}", class.name, inputs(class));
            let help = "look at its values in ComfyUI, and save the workflow again";
            findings.push(CHECK.finding(message).at(loader, context).help(help));
        }
    }
    findings
}

fn inputs(class: &Class) -> String {
    crate::text::counted(class.widgets.len(), "input")
}

/// How many values a node has in a list.
fn count(loader: &Loader<'_, '_>) -> Option<usize> {
    match &loader.node.values {
        Values::List { values, .. } => Some(values.len()),
        Values::Named { .. } | Values::None => None,
    }
}

/// The first stored value of another type than its widget has, and what it is.
pub(super) fn wrong(loader: &Loader<'_, '_>) -> Option<(usize, String)> {
    (0..loader.class.widgets.len()).find_map(|at| other(loader, at).map(|what| (at, what)))
}

fn other(loader: &Loader<'_, '_>, widget: usize) -> Option<String> {
    let Held::Stored { value, .. } = loader.settings.get(widget)? else { return None };
    let is_right = match (&loader.class.widgets[widget].kind, value) {
        // A combo can have numbers.
        (WidgetKind::Unknown | WidgetKind::Combo(Choices::Unknown), _)
        | (_, Literal::Null)
        | (WidgetKind::Combo(_) | WidgetKind::Text, Literal::Text(_))
        | (WidgetKind::Number, Literal::Number(_))
        | (WidgetKind::Boolean, Literal::Boolean(_)) => true,
        _ => false,
    };
    (!is_right).then(|| match value {
        Literal::Text(text) => format!("\"{text}\""),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Null | Literal::Other => String::from("of another kind"),
    })
}

fn expected(widget: &Widget) -> &'static str {
    match widget.kind {
        WidgetKind::Number => "a number",
        WidgetKind::Boolean => "true or false",
        WidgetKind::Combo(_) => "one of its choices",
        WidgetKind::Text | WidgetKind::Unknown => "a text",
    }
}
