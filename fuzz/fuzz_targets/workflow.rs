//! Any file as a workflow, and any text in every kind of file that ComfyUI saves one in: read without a panic, or refused
//! with what to do; what is read stands where it is said to stand, and is the same in every kind of file.

#![no_main]

#[path = "../../tests/it/containers/mod.rs"]
mod containers;

use std::io::Cursor;

use distorch_fix::advice;
use distorch_fix::inputs::{Class, Classes, Kind, KnownBy, Literal, Widget, WidgetKind};
use distorch_fix::workflow::{Held, Workflow};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let plain = nodes(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    // A zero byte ends a text in some of them.
    if text.starts_with('{') && !text.contains('\0') {
        for (kind, make) in containers::KINDS {
            assert_eq!(nodes(&make(&[("workflow", text)])), plain, "{kind}");
        }
    }
});

/// How many nodes there are; None if it is refused.
fn nodes(bytes: &[u8]) -> Option<usize> {
    match Workflow::read(Cursor::new(bytes), bytes.len() as u64) {
        Ok(workflow) => {
            stands_where_it_is_said(&workflow);
            Some(workflow.nodes().len())
        }
        Err(error) => {
            assert!(!advice::help(&error).is_empty(), "{error:#}");
            None
        }
    }
}

/// Every class is taken for a loader with two widgets.
fn stands_where_it_is_said(workflow: &Workflow) {
    let widget = |name: &str| Widget {
        name: name.to_owned(),
        kind: WidgetKind::Text,
        default: None,
        is_optional: false,
    };
    let class = |name: &str| Class {
        name: name.to_owned(),
        base: None,
        pack: None,
        kind: Kind::DisTorch2,
        widgets: vec![widget("model"), widget("string")],
        parts: Vec::new(),
        known_by: KnownBy::Pattern,
    };
    let classes = Classes::new(workflow.nodes().iter().map(|node| class(&node.class)));
    let Ok(loaders) = workflow.loaders(&classes) else { return };
    for held in loaders.iter().flat_map(|loader| &loader.settings) {
        if let Held::Stored { value, site } = held {
            let there = workflow.json().at(site).unwrap();
            assert_eq!(there.raw(), &workflow.text()[site.clone()]);
            if let Literal::Text(text) = value {
                assert_eq!(there.text().as_deref(), Some(text.as_str()));
            }
        }
    }
}
