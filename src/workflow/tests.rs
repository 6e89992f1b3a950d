//! Whole workflows, written for these tests.

use super::*;
use crate::inputs::{Class, Classes, Kind, KnownBy, Literal, Widget, WidgetKind};

/// A class of a loader with a model and a string.
fn classes() -> Classes {
    let widget = |name: &str, default: &str| Widget {
        name: name.to_owned(),
        kind: WidgetKind::Text,
        default: Some(Literal::Text(default.to_owned())),
        is_optional: false,
    };
    Classes::new([Class {
        name: "Load".to_owned(),
        base: None,
        pack: None,
        kind: Kind::DisTorch2,
        widgets: vec![widget("model", ""), widget("string", "")],
        parts: Vec::new(),
        known_by: KnownBy::Pattern,
    }])
}

/// Each loader: its id, its mode, and what its model and its string are.
fn shown(text: &str) -> Vec<String> {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let classes = classes();
    let loaders = workflow.loaders(&classes).unwrap();
    let each = loaders.iter().map(|loader| {
        let settings: Vec<String> = loader.settings.iter().map(|held| said(&workflow, held)).collect();
        let mode = match loader.mode {
            Mode::Active => "",
            Mode::Bypassed => " bypassed",
            Mode::Muted => " muted",
        };
        format!("{}{mode}: {}", loader.id, settings.join(", "))
    });
    each.collect()
}

fn said(workflow: &Workflow, held: &Held) -> String {
    match held {
        Held::Stored { value, site } => {
            // The value is what stands at its site.
            let text = &workflow.text()[site.clone()];
            match value {
                Literal::Text(value) => assert_eq!(serde_json::from_str::<String>(text).unwrap(), *value),
                Literal::Null => assert_eq!(text, "null"),
                _ => {}
            }
            text.to_owned()
        }
        Held::Default => "default".to_owned(),
        Held::Absent => "absent".to_owned(),
        Held::Linked { to } => format!("from {to}"),
        Held::Unknown { why } => format!("unknown: {why}"),
    }
}

fn error(text: &str) -> String {
    format!("{:#}", Workflow::parse(text.to_owned()).and_then(|workflow| workflow.uses()).unwrap_err())
}

#[test]
fn values_are_those_of_the_list_the_object_or_the_default() {
    let text = r#"{"nodes": [
        {"id": 1, "type": "Load", "widgets_values": ["a", "cpu,*", "more"]},
        {"id": "2", "type": "Load", "widgets_values": ["b"], "mode": 4},
        {"id": 3, "type": "Load", "widgets_values": {"string": "s", "model": null}, "mode": 2},
        {"id": 4, "type": "Load", "widgets_values": {"model": "d"}, "mode": 0},
        {"id": 5.5, "type": "Load"},
        {"type": "Load", "widgets_values": null},
        {"id": 7, "type": "Other"}, {"id": 8}, 9, null
    ]}"#;
    assert_eq!(
        shown(text),
        [
            r#"1: "a", "cpu,*""#,
            r#"2 bypassed: "b", default"#,
            r#"3 muted: null, "s""#,
            r#"4: "d", unknown: the node stores its values by name, without this one"#,
            "5.5: default, default",
            "5: default, default",
        ]
    );
}

#[test]
fn a_link_wins_in_both_versions_and_a_socket_without_one_does_not() {
    for links in [
        r#"[[10, 2, 0, 1, 1, "STRING"], [11, 3, 0, 1, 0, "COMBO"], [12, 4, 0, 5, 0, "*"], [13, 5, 0, 6, 1, "*"]]"#,
        r#"[{"id": 10, "origin_id": 2, "origin_slot": 0, "target_id": 1, "target_slot": 1, "type": "STRING"},
            {"id": 11, "origin_id": 3, "origin_slot": 0, "target_id": 1, "target_slot": 0, "type": "COMBO"},
            {"id": 12, "origin_id": 4, "origin_slot": 0, "target_id": 5, "target_slot": 0, "type": "*"},
            {"id": 13, "origin_id": 5, "origin_slot": 0, "target_id": 6, "target_slot": 1, "type": "*"}]"#,
    ] {
        let text = format!(
            r#"{{"links": {links}, "nodes": [
            {{"id": 1, "type": "Load", "widgets_values": ["a", "b"], "inputs": [
                {{"name": "string", "widget": {{"name": "string"}}, "link": 10}},
                {{"name": "model", "widget": {{"name": "model"}}, "link": 11}}]}},
            {{"id": 2, "type": "Text", "widgets_values": ["not this"]}},
            {{"id": 3, "type": "PrimitiveNode", "widgets_values": ["p", "fixed"]}},
            {{"id": 4, "type": "PrimitiveNode", "widgets_values": ["r"]}},
            {{"id": 5, "type": "Reroute", "inputs": [{{"name": "", "link": 12}}]}},
            {{"id": 6, "type": "Load", "widgets_values": ["a", "b"], "inputs": [
                {{"name": "model", "widget": {{"name": "model"}}, "link": null}},
                {{"name": "string", "widget": {{"name": "string"}}, "link": 13}}]}},
            {{"id": 7, "type": "Load", "widgets_values": ["a", "b"], "inputs": [{{"name": "string", "link": 99}}]}}
            ]}}"#
        );
        assert_eq!(shown(&text), [r#"1: "p", from 2"#, r#"6: "a", "r""#, r#"7: "a", "b""#]);
    }
}

/// A subgraph `S` with a loader, whose model is linked to the input `m`; then what is around.
fn with_subgraph(nodes: &str, more: &str) -> String {
    format!(
        r#"{{"nodes": [{nodes}], "links": [], "definitions": {{"subgraphs": [
        {{"id": "S", "name": "loads", "inputs": [{{"name": "x"}}, {{"name": "m"}}], "outputs": [{{"name": "o"}}],
          "nodes": [{{"id": 37, "type": "Load", "widgets_values": ["inner", "inner,*"],
                      "inputs": [{{"name": "model", "widget": {{"name": "model"}}, "link": 1}}]}}],
          "links": [{{"id": 1, "origin_id": -10, "origin_slot": 1, "target_id": 37, "target_slot": 0}}]}} {more}]}}}}"#
    )
}

#[test]
fn an_instance_has_the_value_of_what_it_shows() {
    let text = with_subgraph(
        r#"{"id": 1, "type": "S", "widgets_values": ["first", "shown,*"],
            "properties": {"proxyWidgets": [["-1", "m"], ["37", "string"]]}},
           {"id": 2, "type": "S", "widgets_values": ["second"], "mode": 4,
            "inputs": [{"name": "x"}, {"name": "m", "widget": {"name": "m"}, "link": null}]},
           {"id": 3, "type": "S", "widgets_values": [null, null],
            "properties": {"proxyWidgets": [["37", "model"], ["37", "string"]]}},
           {"id": 4, "type": "S", "widgets_values": []},
           {"id": 5, "type": "S", "widgets_values": ["by id"], "properties": {"proxyWidgets": [[37, "model"]]}}"#,
        "",
    );
    assert_eq!(
        shown(&text),
        [
            r#"1:37: "first", "shown,*""#,
            r#"2:37 bypassed: "second", "inner,*""#,
            r#"3:37: "inner", "inner,*""#,
            r#"4:37: "inner", "inner,*""#,
            r#"5:37: "by id", "inner,*""#,
        ]
    );
}

#[test]
fn values_come_through_all_instances_around() {
    // T has an instance of S, whose input is linked to an input of T; the definitions are nested or not.
    let outer = r#", {"id": "T", "inputs": [{"name": "n"}], "nodes": [{"id": 9, "type": "S", "widgets_values": ["middle"],
        "inputs": [{"name": "m", "widget": {"name": "m"}, "link": 4}]}],
        "links": [{"id": 4, "origin_id": -10, "origin_slot": 0, "target_id": 9, "target_slot": 1}]}"#;
    let nodes = r#"{"id": 1, "type": "T", "widgets_values": ["outer"], "properties": {"proxyWidgets": [["-1", "n"]]}},
        {"id": 2, "type": "T", "mode": 2},
        {"id": 3, "type": "T", "inputs": [{"name": "n", "widget": {"name": "n"}, "link": 70}], "widgets_values": ["no"]},
        {"id": 4, "type": "PrimitiveNode", "widgets_values": ["far"]}"#;
    let text = with_subgraph(nodes, outer).replace(r#""links": [], "def"#, r#""links": [[70, 4, 0, 3, 0, "*"]], "def"#);
    assert_eq!(
        shown(&text),
        [r#"1:9:37: "outer", "inner,*""#, r#"2:9:37 muted: "middle", "inner,*""#, r#"3:9:37: "far", "inner,*""#]
    );
}

#[test]
fn a_group_node_has_all_values_in_one_list() {
    for class in ["workflow>G", "workflow/G"] {
        let text = format!(
            r#"{{"nodes": [{{"id": 5, "type": "{class}", "widgets_values": [1, 2, "m", "s,*"]}},
                           {{"id": 6, "type": "{class}", "widgets_values": [1, 2]}}],
                 "extra": {{"groupNodes": {{"G": {{"links": [], "nodes": [
                    {{"index": 0, "type": "K", "widgets_values": [7, 8]}},
                    {{"index": 1, "type": "Load", "widgets_values": ["x", "y"]}}]}}}}}}}}"#
        );
        let why = "unknown: it is in a group node, which does not say where its values stand";
        assert_eq!(shown(&text), [r#"5:1: "m", "s,*""#.to_owned(), format!("6:1: {why}, {why}")]);
    }
}

#[test]
fn a_prompt_is_read_whatever_is_around_it() {
    let prompt = r#"{"3": {"class_type": "Load", "inputs": {"model": "a", "string": ["5", 0]}},
        "5": {"class_type": "Text", "inputs": {}, "_meta": {"title": "t"}}, "1:2": {"class_type": "Load", "inputs": {}},
        "6": {"class_type": "Load", "inputs": {"model": {"__value__": ["a", 0]}, "string": 5}}}"#;
    let expected = [r#"3: "a", from 5"#, "1:2: absent, absent", r#"6: {"__value__": ["a", 0]}, 5"#];
    assert_eq!(shown(prompt), expected);
    assert_eq!(shown(&format!(r#"{{"client_id": "c", "prompt": {prompt}}}"#)), expected);
    assert_eq!(
        shown(&format!(r#"{{"0af1": {{"prompt": [1, "0af1", {prompt}, {{}}, []], "outputs": {{}}}}}}"#)),
        expected
    );
    let mut text = prompt.to_owned();
    for _ in 0..3 {
        text = serde_json::to_string(&text).unwrap();
        let workflow = Workflow::parse(text.clone()).unwrap();
        assert_eq!((workflow.form(), workflow.container()), (Form::Api, Container::Text));
    }
    let both = format!(r#"{{"prompt": {prompt}, "workflow": {{"nodes": []}}}}"#);
    assert_eq!(Workflow::parse(both).unwrap().form(), Form::Ui);
}

#[test]
fn what_is_no_workflow_is_an_error() {
    for (text, what) in [
        ("{}", "JSON, but not a workflow: it is empty"),
        ("[1]", "JSON, but not a workflow: it is no object"),
        (r#"{"a": 1}"#, "JSON, but not a workflow: it has neither a list of `nodes`, nor nodes with a `class_type`"),
        (
            r#"{"a": {"prompt": [1, "a", {}]}, "b": {"prompt": [1, "b", {}]}}"#,
            "JSON, but not a workflow: the history of several runs",
        ),
        (
            r#"{"nodes": {}}"#,
            "JSON, but not a workflow: it has neither a list of `nodes`, nor nodes with a `class_type`",
        ),
    ] {
        assert_eq!(error(text), what);
    }
}

#[test]
fn what_cannot_be_followed_ends() {
    let itself =
        with_subgraph(r#"{"id": 1, "type": "S"}"#, r#", {"id": "U", "name": "u", "nodes": [{"id": 1, "type": "U"}]}"#);
    assert_eq!(error(&itself), "the subgraph `u` contains itself, or one that does");
    let circle = r#"{"links": [[1, 2, 0, 1, 1, "*"], [2, 3, 0, 2, 0, "*"], [3, 2, 0, 3, 0, "*"]], "nodes": [
        {"id": 1, "type": "Load", "inputs": [{"name": "string", "link": 1}]},
        {"id": 2, "type": "Reroute", "inputs": [{"name": "", "link": 2}]},
        {"id": 3, "type": "Reroute", "inputs": [{"name": "", "link": 3}]}]}"#;
    assert_eq!(shown(circle), ["1: default, unknown: its links lead in a circle"]);
}

/// How the class of each loader is known, and its string.
fn known(text: &str, installed: Option<Classes>) -> Vec<String> {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let classes = workflow.classes(installed);
    let loaders = workflow.loaders(&classes).unwrap();
    let each = loaders.iter().map(|loader| {
        let how = match &loader.class.known_by {
            KnownBy::Source { .. } => "source",
            KnownBy::Release(release) => release,
            KnownBy::Pattern => "guess",
        };
        let string = loader.class.parts.first().and_then(|part| part.string);
        format!("{how}: {}", string.map_or("no string".to_owned(), |at| said(&workflow, &loader.settings[at])))
    });
    each.collect()
}

#[test]
fn values_are_read_as_the_release_that_saved_them_had_them() {
    let node = |properties: &str, values: &str| {
        format!(
            r#"{{"nodes": [{{"id": 1, "type": "CLIPLoaderDisTorch2MultiGPU", "properties": {{{properties}}},
                "widgets_values": [{values}]}}]}}"#
        )
    };
    // Until 2.4.1, ComfyUI's own device came before the node's.
    let old = r#""c", "wan", "default", "cuda:0", 4, "cpu", "old,*", true"#;
    let new = r#""c", "wan", "cuda:0", 4, "cpu", "new,*", true"#;
    let of = |pack: &str, version: &str| format!(r#"{pack}, "ver": "{version}""#);
    let registry = r#""cnr_id": "comfyui-multigpu""#;
    assert_eq!(known(&node(&of(registry, "2.2.0"), old), None), [r#"2.2.0: "old,*""#]);
    assert_eq!(known(&node(&of(registry, "2.5.1"), new), None), [r#"2.5.1: "new,*""#]);
    assert_eq!(
        known(&node(&of(r#""aux_id": "pollockjj/ComfyUI-MultiGPU""#, "2.5.1"), new), None),
        [r#"2.5.1: "new,*""#]
    );
    // Without a release of this node, the values decide, and that is said.
    for properties in [String::new(), of(r#""cnr_id": "other-pack""#, "2.2.0"), of(registry, "none")] {
        assert_eq!(known(&node(&properties, old), None), [r#"guess: "old,*""#]);
        assert_eq!(known(&node(&properties, new), None), [r#"guess: "new,*""#]);
        assert_eq!(known(&node(&properties, r#""c""#), None), ["guess: default"]);
    }
}

#[test]
fn kinds_of_values_tell_releases_apart() {
    // Before 1.6, the string was the third value.
    let text = r#"{"nodes": [{"id": 1, "type": "UnetLoaderGGUFDisTorchMultiGPU", "widgets_values": ["m", "cuda:0", "cpu,0.5"]}]}"#;
    assert_eq!(known(text, None), [r#"guess: "cpu,0.5""#]);
    let text = text.replace(r#""cpu,0.5""#, r#"4, true, "cpu,0.5""#);
    assert_eq!(known(&text, None), [r#"guess: "cpu,0.5""#]);
}

#[test]
fn what_is_installed_counts_more_than_what_the_file_says() {
    let text = r#"{"nodes": [{"id": 1, "type": "Load", "widgets_values": ["m", "s"],
        "properties": {"cnr_id": "comfyui-multigpu", "ver": "2.2.0"}},
        {"id": 2, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": []}, {"id": 3, "type": "Unknown"}]}"#;
    let mut installed = classes().get("Load").unwrap().clone();
    installed.known_by = KnownBy::Source { file: "f.py".to_owned(), line: 1 };
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let classes = workflow.classes(Some(Classes::new([installed])));
    assert!(matches!(classes.get("Load").unwrap().known_by, KnownBy::Source { .. }));
    // The installation does not register it; its values are shown nevertheless.
    assert_eq!(classes.has("UNETLoaderDisTorch2MultiGPU"), Some(false));
    assert_eq!(classes.get("UNETLoaderDisTorch2MultiGPU").unwrap().known_by, KnownBy::Pattern);
    assert!(classes.get("Unknown").is_none());
}
