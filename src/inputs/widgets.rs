//! The widgets of a class, from the dictionary that its `INPUT_TYPES` gives.

use std::rc::Rc;

use super::value::{Dict, List, Value};
use super::{Choices, LOADED, Literal, Widget, WidgetKind};

/// Does a class have a model as its input, as a node does that changes one?
pub(super) fn takes_model(types: &Dict<'_>) -> bool {
    groups(types).into_iter().flatten().any(|(_, value, _)| {
        let Value::List(entry) = &value else { return false };
        entry.at(0.0).as_ref().and_then(named_type).is_some_and(|kind| LOADED.contains(&kind))
    })
}

/// The inputs, required ones first; None if there may be others, or if their order is not known.
fn groups<'t>(types: &Dict<'t>) -> Option<Vec<(Rc<str>, Value<'t>, bool)>> {
    let mut inputs = Vec::new();
    for (group, is_optional) in [("required", false), ("optional", true)] {
        types.has(group)?;
        match types.get(group) {
            Some(Value::Dict(group)) if group.is_closed() => {
                inputs.extend(
                    group.entries.borrow().iter().map(|(name, value)| (Rc::clone(name), value.clone(), is_optional)),
                );
            }
            None => {}
            Some(_) => return None,
        }
    }
    Some(inputs)
}

/// The widgets of `INPUT_TYPES`, or what is not known of them: if one cannot be followed, the others may stand elsewhere.
pub(super) fn widgets(types: &Dict<'_>) -> Result<Vec<Widget>, String> {
    let inputs = groups(types).ok_or("which inputs it has is not known")?;
    let mut widgets = Vec::new();
    for (name, entry, is_optional) in inputs {
        let unknown = || format!("what its input `{name}` takes is not known");
        let Value::List(entry) = entry else { return Err(unknown()) };
        let options = match entry.at(1.0) {
            Some(Value::Dict(options)) => Some(options),
            _ => None,
        };
        let option = |key| options.as_ref().and_then(|options| options.get(key));
        let is_on = |key| option(key).and_then(|value| value.truth()) == Some(true);
        let kind = match entry.at(0.0).ok_or_else(unknown)? {
            Value::List(list) => WidgetKind::Combo(match choices(&list) {
                // A list that depends on the machine.
                Choices::Unknown if name.ends_with("device") => Choices::Devices,
                choices => choices,
            }),
            kind => match named_type(&kind).ok_or_else(unknown)? {
                "COMBO" => WidgetKind::Combo(match option("options") {
                    Some(Value::List(list)) => choices(&list),
                    _ => Choices::Unknown,
                }),
                "STRING" => WidgetKind::Text,
                "BOOLEAN" => WidgetKind::Boolean,
                "INT" | "FLOAT" => WidgetKind::Number,
                // A socket.
                _ => continue,
            },
        };
        if is_on("forceInput") {
            continue;
        }
        let default = match (option("default"), &kind) {
            (Some(value), _) => literal(&value),
            (None, WidgetKind::Combo(Choices::Fixed(values))) => values.first().cloned().map(Literal::Text),
            (None, _) => None,
        };
        let is_seed = matches!(kind, WidgetKind::Number) && matches!(&*name, "seed" | "noise_seed");
        let has_control = is_on("control_after_generate") || is_seed;
        widgets.push(Widget { name: name.to_string(), kind, default, is_optional });
        if has_control {
            widgets.push(Widget {
                name: "control_after_generate".to_owned(),
                kind: WidgetKind::Combo(Choices::Unknown),
                default: None,
                is_optional: true,
            });
        }
    }
    Ok(widgets)
}

/// The name of a type, also of one that ComfyUI has as a constant: `IO.STRING`.
fn named_type<'v>(kind: &'v Value<'_>) -> Option<&'v str> {
    match kind {
        Value::Text(kind) => Some(kind),
        Value::Outside(path) => path.rsplit_once('.').filter(|(from, _)| from.ends_with("IO")).map(|(_, kind)| kind),
        _ => None,
    }
}

fn choices(list: &List<'_>) -> Choices {
    let models = list.models.borrow();
    if !models.is_empty() {
        let mut models: Vec<String> = models.iter().map(ToString::to_string).collect();
        models.dedup();
        return Choices::Models(models);
    }
    let items = list.items.borrow();
    let texts: Option<Vec<String>> = items.iter().map(|item| item.as_text().map(str::to_owned)).collect();
    match texts {
        Some(texts) if !list.is_open.get() => Choices::Fixed(texts),
        // What the machine has is not known, but each has this one.
        _ if items.iter().any(|item| item.as_text() == Some("cpu")) => Choices::Devices,
        _ => Choices::Unknown,
    }
}

fn literal(value: &Value<'_>) -> Option<Literal> {
    match value {
        Value::Text(text) => Some(Literal::Text(text.to_string())),
        Value::Number(number) => Some(Literal::Number(*number)),
        Value::Boolean(truth) => Some(Literal::Boolean(*truth)),
        Value::Nothing => Some(Literal::Null),
        _ => None,
    }
}
