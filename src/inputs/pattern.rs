//! Where the string stands by the values alone, where nothing says which version saved them.

use super::parts::by_name;
use super::{Choices, Class, Kind, KnownBy, Literal, Widget, WidgetKind};

impl Class {
    /// A guess of a class's widgets from a node's values: device, number, device and text in a row are those that every
    /// release of `DisTorch2` has in this order. Fails if they do not occur, or more than once.
    pub fn by_pattern(name: &str, values: &[Literal]) -> Result<Self, &'static str> {
        let fits = |four: &[Literal]| match four {
            [Literal::Text(device), Literal::Number(_), Literal::Text(donor), Literal::Text(_)] => {
                is_device(device) && is_device(donor)
            }
            _ => false,
        };
        let mut places = (0..values.len().saturating_sub(3)).filter(|at| fits(&values[*at..*at + 4]));
        let first = places.next().ok_or("its values have no device, number, device and text in a row")?;
        if places.next().is_some() {
            return Err("its values have device, number, device and text in a row more than once");
        }
        let widget = |at: usize| {
            let device = || WidgetKind::Combo(Choices::Devices);
            let (name, kind) = match at.checked_sub(first) {
                Some(0) => ("compute_device".to_owned(), device()),
                Some(1) => ("virtual_vram_gb".to_owned(), WidgetKind::Number),
                Some(2) => ("donor_device".to_owned(), device()),
                Some(3) => ("expert_mode_allocations".to_owned(), WidgetKind::Text),
                _ => (format!("value {}", at + 1), WidgetKind::Unknown),
            };
            Widget { name, kind, default: None, is_optional: false }
        };
        let widgets: Vec<Widget> = (0..values.len()).map(widget).collect();
        let parts = by_name(&widgets);
        let kind = Kind::DisTorch2;
        Ok(Self { name: name.to_owned(), base: None, pack: None, kind, widgets, parts, known_by: KnownBy::Pattern })
    }
}

/// Is this how devices are written: `cpu`, `mps`, or a kind and a number?
fn is_device(text: &str) -> bool {
    match text.split_once(':') {
        Some((kind, number)) => {
            let is_kind = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase());
            is_kind && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
        }
        None => matches!(text, "cpu" | "mps"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(values: &serde_json::Value) -> Result<Option<usize>, &'static str> {
        let literal = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => Literal::Text(text.clone()),
            serde_json::Value::Number(number) => Literal::Number(number.as_f64().unwrap()),
            serde_json::Value::Bool(truth) => Literal::Boolean(*truth),
            _ => Literal::Null,
        };
        let values: Vec<Literal> = values.as_array().unwrap().iter().map(literal).collect();
        Class::by_pattern("SomeDisTorch2MultiGPU", &values).map(|class| class.parts[0].string)
    }

    #[test]
    fn the_string_follows_device_number_device() {
        let values = serde_json::json!(["cpu", "default", "cuda:0", 4.0, "cpu", "", true]);
        assert_eq!(string(&values), Ok(Some(5)));
        assert_eq!(string(&serde_json::json!(["a", "xpu:1", 0, "mps", "cuda:0,1gb"])), Ok(Some(4)));
    }

    #[test]
    fn what_is_not_clear_is_not_guessed() {
        assert!(string(&serde_json::json!(["model"])).unwrap_err().contains("no device"));
        assert!(string(&serde_json::json!(["cuda", 4.0, "cpu", ""])).unwrap_err().contains("no device"));
        let twice = serde_json::json!(["cuda:0", 4.0, "cpu", "cpu", 2.0, "cpu", ""]);
        assert!(string(&twice).unwrap_err().contains("more than once"));
    }
}
