//! Any text as a workflow whose loaders are set and converted: what was set is read back, doing it again changes nothing, and
//! what is refused is refused without a panic.

#![no_main]

use distorch_fix::inputs::{Choices, Class, Classes, Kind, KnownBy, Literal, Part, Widget, WidgetKind};
use distorch_fix::workflow::change::{Change, Conversion, Fate, Selection, Wanted, convert, set};
use distorch_fix::workflow::{Held, Workflow};
use libfuzzer_sys::fuzz_target;

const STRING: &str = "cuda:0,8gb;cpu,*";

fuzz_target!(|text: &str| {
    let Ok(workflow) = Workflow::parse(text.to_owned()) else { return };
    let classes = classes(&workflow);
    let wanted = Wanted { string: Some(STRING.to_owned()), ..Wanted::default() };
    let set = |workflow: &Workflow| set(workflow, &classes, &Selection::default(), &wanted);
    if let Ok(change) = set(&workflow) {
        let after = is_set(&change, &classes);
        assert_eq!(set(&after).unwrap().text, change.text);
    }
    let how = Conversion { wanted: wanted.clone(), version: None };
    if let Ok(change) = convert(&workflow, &classes, &Selection::default(), &how) {
        is_set(&change, &classes);
    }
});

/// The changed workflow, whose changed loaders have the string.
fn is_set(change: &Change, classes: &Classes) -> Workflow {
    let after = Workflow::parse(change.text.clone()).unwrap();
    let loaders = after.loaders(classes).unwrap();
    for loader in &loaders {
        let is_changed = |node: &&distorch_fix::workflow::change::Touched| {
            node.id == loader.id && matches!(node.fate, Fate::Changed { .. })
        };
        if let Some(at) = loader.class.parts.first().and_then(|part| part.string)
            && change.nodes.iter().filter(is_changed).count() == 1
            // Of two with the same id, it cannot be told which was changed.
            && loaders.iter().filter(|other| other.id == loader.id).count() == 1
            && change.nodes.iter().filter(|node| node.id == loader.id).count() == 1
        {
            let is_wanted =
                matches!(&loader.settings[at], Held::Stored { value: Literal::Text(text), .. } if text == STRING);
            assert!(is_wanted, "{}: {:?}", loader.id, loader.settings[at]);
        }
    }
    after
}

/// Every class that does not end in the suffix is a plain loader with a `DisTorch2` counterpart.
fn classes(workflow: &Workflow) -> Classes {
    let widget = |name: &str, kind: WidgetKind, default: Option<Literal>| Widget {
        name: name.to_owned(),
        kind,
        default,
        is_optional: true,
    };
    let text = |text: &str| Some(Literal::Text(text.to_owned()));
    let class = |name: String, kind: Kind| {
        let mut widgets = vec![widget("model", WidgetKind::Text, text(""))];
        let mut parts = Vec::new();
        if kind == Kind::DisTorch2 {
            widgets.push(widget("device", WidgetKind::Combo(Choices::Devices), None));
            widgets.push(widget("virtual", WidgetKind::Number, Some(Literal::Number(4.0))));
            widgets.push(widget("string", WidgetKind::Text, text("")));
            parts.push(Part {
                label: None,
                device: 1,
                string: Some(3),
                virtual_vram: Some(2),
                donor: None,
                eject: None,
            });
        }
        Class { name, base: None, pack: None, kind, widgets, parts, known_by: KnownBy::Pattern }
    };
    // A node without a class has no name that a class could be registered under.
    let names = workflow.nodes().iter().map(|node| node.class.as_str()).filter(|name| !name.is_empty());
    Classes::new(names.flat_map(|name| match name.strip_suffix("DisTorch2MultiGPU") {
        Some(_) => vec![class(name.to_owned(), Kind::DisTorch2)],
        None => vec![class(name.to_owned(), Kind::Plain), class(format!("{name}DisTorch2MultiGPU"), Kind::DisTorch2)],
    }))
}
