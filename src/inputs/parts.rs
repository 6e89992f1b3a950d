//! What can be allocated with a class: which widget is the string, the device, the virtual VRAM and so on.

use std::rc::Rc;

use super::evaluate::Evaluator;
use super::uses::by_use;
use super::value::Class as Definition;
use super::{Choices, Part, Widget, WidgetKind};

/// What can be allocated with a class: by what it does with its inputs, and where that is not seen, by their names.
pub(super) fn of_class<'t>(evaluator: &Evaluator<'t>, class: &Rc<Definition<'t>>, widgets: &[Widget]) -> Vec<Part> {
    let mut parts = by_name(widgets);
    let used = by_use(evaluator, class, widgets);
    // What lends memory is no compute device, whatever it is called.
    parts.retain(|part| !used.iter().any(|used| used.donor == Some(part.device)));
    for used in used {
        if let Some(part) = parts.iter_mut().find(|part| part.device == used.device) {
            let eject = part.eject.or_else(|| widgets.iter().position(is_eject));
            *part = Part { label: part.label.take(), eject, ..used };
        }
    }
    parts
}

fn is_eject(widget: &Widget) -> bool {
    widget.kind == WidgetKind::Boolean && widget.name.contains("eject")
}

/// What can be allocated with these widgets. They are recognised by their kinds and by words in their names, which have been
/// the same in every release; what comes before these words tells several apart.
pub(super) fn by_name(widgets: &[Widget]) -> Vec<Part> {
    let is_device = |widget: &Widget| matches!(widget.kind, WidgetKind::Combo(Choices::Devices));
    let is_text = |widget: &Widget| widget.kind == WidgetKind::Text;
    let is_number = |widget: &Widget| widget.kind == WidgetKind::Number;
    let is_donor = |widget: &Widget| widget.name.contains("donor");
    let computes: Vec<usize> =
        (0..widgets.len()).filter(|at| is_device(&widgets[*at]) && !is_donor(&widgets[*at])).collect();
    let part = |device: usize| {
        let name = &widgets[device].name;
        let label =
            ["compute_device", "device"].into_iter().find_map(|word| name.split_once(word)).map_or("", |at| at.0);
        let is_one_of_several = computes.len() > 1;
        // A class with several has each widget once for each.
        let find = |word: &str, fits: &dyn Fn(&Widget) -> bool| {
            let is_it = |widget: &Widget| fits(widget) && widget.name.contains(word);
            let is_ours = |widget: &Widget| !label.is_empty() && widget.name.starts_with(label);
            let ours = widgets.iter().position(|widget| is_it(widget) && is_ours(widget));
            ours.or_else(|| widgets.iter().position(is_it).filter(|_| !is_one_of_several))
        };
        let string = find("allocation", &is_text);
        let with_string = |found: Option<usize>| found.filter(|_| string.is_some());
        Part {
            label: (is_one_of_several && !label.is_empty()).then(|| label.trim_end_matches('_').to_owned()),
            device,
            string,
            virtual_vram: with_string(find("virtual_vram", &is_number)),
            donor: with_string(find("donor", &|_| true)),
            eject: with_string(widgets.iter().position(is_eject)),
        }
    };
    computes.iter().map(|device| part(*device)).collect()
}
