//! Prints the inputs of a node's classes as distorch-fix reads them, for `tests/real/inputs.py`: a line of JSON for each
//! checkout.

use std::path::Path;

use distorch_fix::inputs::{Choices, Class, Literal, Widget, WidgetKind, installed};
use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let comfyui = arguments.next().expect("COMFYUI NODE...");
    for node in arguments {
        let classes = installed(Some(Path::new(&node)), Some(Path::new(&comfyui)), &[], None);
        let own = classes.iter().map(|class| (class.name.clone(), described(class)));
        let unknown: serde_json::Map<String, Value> =
            classes.unknown().map(|(name, why)| (name.to_owned(), json!(why))).collect();
        let own = own.collect::<serde_json::Map<_, _>>();
        println!("{}", json!({ "node": node, "classes": own, "unknown": unknown }));
    }
}

fn described(class: &Class) -> Value {
    json!({
        "pack": class.pack,
        "kind": format!("{:?}", class.kind),
        "parts": format!("{:?}", class.parts),
        "widgets": class.widgets.iter().map(widget).collect::<Vec<_>>(),
    })
}

fn widget(widget: &Widget) -> Value {
    let (kind, models, values) = match &widget.kind {
        WidgetKind::Combo(Choices::Fixed(values)) => ("COMBO", Value::Null, json!(values)),
        WidgetKind::Combo(Choices::Models(models)) => ("COMBO", json!(models), Value::Null),
        WidgetKind::Combo(Choices::Devices) => ("COMBO", Value::Null, json!("devices")),
        WidgetKind::Combo(Choices::Unknown) => ("COMBO", Value::Null, Value::Null),
        WidgetKind::Number => ("NUMBER", Value::Null, Value::Null),
        WidgetKind::Boolean => ("BOOLEAN", Value::Null, Value::Null),
        WidgetKind::Text => ("STRING", Value::Null, Value::Null),
        WidgetKind::Unknown => ("?", Value::Null, Value::Null),
    };
    let default = match &widget.default {
        Some(Literal::Text(text)) => json!(text),
        Some(Literal::Number(number)) => json!(number),
        Some(Literal::Boolean(truth)) => json!(truth),
        Some(Literal::Null | Literal::Other) | None => Value::Null,
    };
    json!([widget.name, kind, models, values, default, widget.is_optional])
}
