//! What can be allocated with a class: which widget is the string, the device, the virtual VRAM and so on.

use std::rc::Rc;

use super::evaluate::Evaluator;
use super::value::Class as Definition;
use super::{Choices, Part, Widget, WidgetKind};

/// What can be allocated with these widgets. They are recognised by their kinds and by what their names end in, which has
/// been the same in every release; what comes before that tells several apart.
pub(super) fn parts<'t>(_evaluator: &Evaluator<'t>, _class: &Rc<Definition<'t>>, widgets: &[Widget]) -> Vec<Part> {
    let is_device = |widget: &Widget| matches!(widget.kind, WidgetKind::Combo(Choices::Devices));
    let devices: Vec<usize> =
        (0..widgets.len()).filter(|at| is_device(&widgets[*at]) && !widgets[*at].name.contains("donor")).collect();
    let strings: Vec<usize> = (0..widgets.len())
        .filter(|at| widgets[*at].kind == WidgetKind::Text && widgets[*at].name.contains("allocation"))
        .collect();
    let named = |label: &str, what: &str| {
        let found =
            |widget: &Widget| widget.name.contains(what) && (label.is_empty() || widget.name.starts_with(label));
        widgets.iter().position(found)
    };
    let part = |device: usize| {
        let name = &widgets[device].name;
        let label = name.split("compute_device").next().unwrap_or_default().split("device").next().unwrap_or_default();
        let string = strings
            .iter()
            .copied()
            .find(|at| devices.len() == 1 || (!label.is_empty() && widgets[*at].name.starts_with(label)));
        Part {
            label: (devices.len() > 1 && !label.is_empty()).then(|| label.trim_end_matches('_').to_owned()),
            device,
            string,
            virtual_vram: string.and_then(|_| named(label, "virtual_vram")),
            donor: string.and_then(|_| named(label, "donor")),
        }
    };
    devices.iter().map(|device| part(*device)).collect()
}
