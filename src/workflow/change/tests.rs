//! Changes of workflows that were written for these tests.

use super::*;
use crate::advice;
use crate::inputs::{Choices, Class, Classes, Kind, KnownBy, Literal, Part, Widget, WidgetKind};
use crate::workflow::Workflow;

const STRING: &str = "cuda:0,8gb;cuda:1,12gb;cpu,*";

fn text(default: &str) -> Literal {
    Literal::Text(default.to_owned())
}

/// A widget by the first letter of its kind: model, device, number, text, boolean, and a list of choices.
fn widget(kind: char, name: &str) -> Widget {
    let (kind, default) = match kind {
        'm' => (WidgetKind::Combo(Choices::Models(vec!["diffusion_models".to_owned()])), None),
        'd' if name.contains("donor") => (WidgetKind::Combo(Choices::Devices), Some(text("cpu"))),
        'd' => (WidgetKind::Combo(Choices::Devices), None),
        'n' => (WidgetKind::Number, Some(Literal::Number(4.0))),
        't' => (WidgetKind::Text, Some(text(""))),
        'b' => (WidgetKind::Boolean, Some(Literal::Boolean(true))),
        _ => (WidgetKind::Combo(Choices::Fixed(vec!["default".into(), "cpu".into()])), Some(text("default"))),
    };
    Widget { name: name.to_owned(), kind, default, is_optional: true }
}

fn class(name: &str, kind: Kind, widgets: &[(char, &str)], parts: Vec<Part>) -> Class {
    let widgets = widgets.iter().map(|(kind, name)| widget(*kind, name)).collect();
    Class { name: name.to_owned(), base: None, pack: None, kind, widgets, parts, known_by: KnownBy::Pattern }
}

/// A part whose device is the widget there, and whose other widgets are so far behind it.
fn part(label: Option<&str>, device: usize, behind: Option<[usize; 3]>) -> Part {
    let at = |index: usize| behind.map(|behind| behind[index]);
    Part { label: label.map(str::to_owned), device, string: at(2), virtual_vram: at(0), donor: at(1), eject: None }
}

fn classes() -> Classes {
    let behind = |device: usize| vec![part(None, device, Some([device + 1, device + 2, device + 3]))];
    Classes::new([
        class("UNETLoader", Kind::Plain, &[('m', "unet_name"), ('c', "weight_dtype")], vec![]),
        class(
            "UNETLoaderMultiGPU",
            Kind::MultiGpu,
            &[('m', "unet_name"), ('c', "weight_dtype"), ('d', "device")],
            vec![part(None, 2, None)],
        ),
        class(
            "UNETLoaderDisTorch2MultiGPU",
            Kind::DisTorch2,
            &[
                ('m', "unet_name"),
                ('c', "weight_dtype"),
                ('d', "compute_device"),
                ('n', "virtual_vram_gb"),
                ('d', "donor_device"),
                ('t', "expert_mode_allocations"),
                ('b', "eject_models"),
            ],
            behind(2),
        ),
        class("CLIPLoader", Kind::Plain, &[('m', "clip_name"), ('c', "type"), ('c', "device")], vec![]),
        class(
            "CLIPLoaderDisTorch2MultiGPU",
            Kind::DisTorch2,
            &[
                ('m', "clip_name"),
                ('c', "type"),
                ('d', "device"),
                ('n', "virtual_vram_gb"),
                ('d', "donor_device"),
                ('t', "expert_mode_allocations"),
                ('b', "eject_models"),
            ],
            behind(2),
        ),
        class(
            "UNETLoaderDisTorchMultiGPU",
            Kind::DisTorch,
            &[
                ('m', "unet_name"),
                ('c', "weight_dtype"),
                ('d', "device"),
                ('n', "virtual_vram_gb"),
                ('b', "use_other_vram"),
                ('t', "expert_mode_allocations"),
            ],
            vec![Part { label: None, device: 2, string: Some(5), virtual_vram: Some(3), donor: None, eject: None }],
        ),
        class(
            "BothMultiGPU",
            Kind::MultiGpu,
            &[('m', "name"), ('d', "unet_device"), ('d', "clip_device"), ('d', "vae_device")],
            vec![part(Some("unet"), 1, None), part(Some("clip"), 2, None), part(Some("vae"), 3, None)],
        ),
        class(
            "BothDisTorch2MultiGPU",
            Kind::DisTorch2,
            &[
                ('m', "name"),
                ('d', "unet_compute_device"),
                ('n', "unet_virtual_vram_gb"),
                ('d', "unet_donor_device"),
                ('d', "clip_compute_device"),
                ('n', "clip_virtual_vram_gb"),
                ('d', "clip_donor_device"),
                ('d', "vae_device"),
                ('t', "unet_allocations"),
                ('t', "clip_allocations"),
            ],
            vec![
                part(Some("unet"), 1, Some([2, 3, 8])),
                part(Some("clip"), 4, Some([5, 6, 9])),
                part(Some("vae"), 7, None),
            ],
        ),
        class("Plain", Kind::Plain, &[('m', "name")], vec![]),
    ])
}

fn wanted(string: &str) -> Wanted {
    Wanted { string: Some(string.to_owned()), ..Wanted::default() }
}

fn select(nodes: &[&str]) -> Selection {
    Selection { nodes: nodes.iter().map(|&node| node.to_owned()).collect(), ..Selection::default() }
}

fn set_all(text: &str) -> Change {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    set(&workflow, &classes(), &Selection::default(), &wanted(STRING)).unwrap()
}

fn convert_all(text: &str, string: Option<&str>) -> Change {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let wanted = Wanted { string: string.map(str::to_owned), ..Wanted::default() };
    let how = Conversion { wanted, version: Some("2.6.3".to_owned()) };
    let change = convert(&workflow, &classes(), &Selection::default(), &how).unwrap();
    // Converting again changes nothing.
    let again = Workflow::parse(change.text.clone()).unwrap();
    assert_eq!(convert(&again, &classes(), &Selection::default(), &how).unwrap().text, change.text);
    change
}

/// Why nodes were left as they are.
fn left(change: &Change) -> Vec<&str> {
    let why = change.nodes.iter().map(|node| match &node.fate {
        Fate::Left { why, .. } => why.as_str(),
        _ => "",
    });
    why.collect()
}

/// Setting changes a text in this way: `OLD` marks where the string stands.
fn sets(old: &str, new: &str) {
    let change = set_all(old);
    assert_eq!(change.text, new.replace("STRING", STRING));
    // Setting it again changes nothing.
    let again = set_all(&change.text);
    assert_eq!(again.text, change.text);
    assert!(again.nodes.iter().all(|node| node.fate == Fate::Same));
}

#[test]
fn only_the_string_changes_whatever_is_around_it() {
    sets(
        "\t{ \"nodes\":[{\"x\" : 1.50e0,\"id\":1, \"type\":\"UNETLoaderDisTorch2MultiGPU\",\r\n\"widgets_values\":[\"\\u00e9\",\"default\",\"cuda:0\",4.0,\"cpu\" ,\"\" ,true, NaN]}],\"links\":[]}",
        "\t{ \"nodes\":[{\"x\" : 1.50e0,\"id\":1, \"type\":\"UNETLoaderDisTorch2MultiGPU\",\r\n\"widgets_values\":[\"\\u00e9\",\"default\",\"cuda:0\",4.0,\"cpu\" ,\"STRING\" ,true, NaN]}],\"links\":[]}",
    );
    sets(
        r#"{"nodes": [{"type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": {"expert_mode_allocations": "cpu,*", "unet_name": "a"}}]}"#,
        r#"{"nodes": [{"type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": {"expert_mode_allocations": "STRING", "unet_name": "a"}}]}"#,
    );
    sets(
        r#"{"1": {"class_type": "UNETLoaderDisTorch2MultiGPU", "inputs": {"expert_mode_allocations": "x"}}}"#,
        r#"{"1": {"class_type": "UNETLoaderDisTorch2MultiGPU", "inputs": {"expert_mode_allocations": "STRING"}}}"#,
    );
}

#[test]
fn what_is_missing_is_added_in_the_style_of_the_file() {
    let node = r#""type": "UNETLoaderDisTorch2MultiGPU""#;
    // A list of one value, in each layout.
    sets(
        &format!(r#"{{"nodes": [{{{node}, "widgets_values": ["a"]}}]}}"#),
        &format!(r#"{{"nodes": [{{{node}, "widgets_values": ["a", "default", "cuda:0", 4, "cpu", "STRING"]}}]}}"#),
    );
    sets(
        r#"{"nodes":[{"type":"UNETLoaderDisTorch2MultiGPU","widgets_values":["a"]}]}"#,
        r#"{"nodes":[{"type":"UNETLoaderDisTorch2MultiGPU","widgets_values":["a","default","cuda:0",4,"cpu","STRING"]}]}"#,
    );
    sets(
        &format!(
            "{{\"nodes\": [\n {{{node},\n  \"widgets_values\": [\n    \"a\",\n    \"default\",\n    \"cpu\"\n  ]\n }}]}}"
        ),
        &format!(
            "{{\"nodes\": [\n {{{node},\n  \"widgets_values\": [\n    \"a\",\n    \"default\",\n    \"cpu\",\n    4,\n    \"cpu\",\n    \"STRING\"\n  ]\n }}]}}"
        ),
    );
    // An object, in the style of its own members or of another node's.
    sets(
        "{\"1\":{\"inputs\":{\n  \"unet_name\" : \"a\"\n},\"class_type\":\"UNETLoaderDisTorch2MultiGPU\"}}",
        "{\"1\":{\"inputs\":{\n  \"unet_name\" : \"a\",\n  \"expert_mode_allocations\" : \"STRING\"\n},\"class_type\":\"UNETLoaderDisTorch2MultiGPU\"}}",
    );
    sets(
        "{\"1\":{\"inputs\":{},\"class_type\":\"UNETLoaderDisTorch2MultiGPU\"},\"2\":{\"inputs\":{\n  \"a\": 1\n},\"class_type\":\"X\"}}",
        "{\"1\":{\"inputs\":{\n  \"expert_mode_allocations\": \"STRING\"\n},\"class_type\":\"UNETLoaderDisTorch2MultiGPU\"},\"2\":{\"inputs\":{\n  \"a\": 1\n},\"class_type\":\"X\"}}",
    );
    sets(
        r#"{"nodes": [{"type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": {"unet_name": "a"}}]}"#,
        r#"{"nodes": [{"type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": {"unet_name": "a", "expert_mode_allocations": "STRING"}}]}"#,
    );
}

#[test]
fn what_cannot_be_set_is_left_alone_and_told() {
    let text = r#"{"nodes": [
        {"id": 1, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["a", "default", "cpu", 4, "cpu", "", true],
         "inputs": [{"name": "expert_mode_allocations", "widget": {"name": "expert_mode_allocations"}, "link": 5}]},
        {"id": 2, "type": "Text"},
        {"id": 3, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["a", "default", "cpu", "cuda:0", 4, "cpu", "", true]},
        {"id": 4, "type": "UNETLoaderDisTorchMultiGPU", "widgets_values": ["a", "default", "cpu", 4, true, ""]},
        {"id": 5, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": []}],
        "links": [[5, 2, 0, 1, 0, "STRING"]]}"#;
    let change = set_all(text);
    assert_eq!(change.text, text);
    assert_eq!(
        left(&change),
        [
            "its `expert_mode_allocations` comes from node 2, which hides what is set here",
            "its values are not those of this version of the class: `virtual_vram_gb` would be \"cuda:0\"",
            "the default of `unet_name` of UNETLoaderDisTorch2MultiGPU is not known",
            "it is a loader of the first DisTorch",
        ]
    );
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let legacy = set(&workflow, &classes(), &select(&["4"]), &wanted(STRING)).unwrap();
    assert_eq!(legacy.text, text.replace(r#"true, ""]}"#, &format!(r#"true, "{STRING}"]}}"#)));
}

#[test]
fn a_selection_that_matches_nothing_lists_what_there_is() {
    let text =
        r#"{"nodes": [{"id": 7, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["f/a.safetensors"]}]}"#;
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let set = |selection: &Selection| set(&workflow, &classes(), selection, &wanted(STRING));
    let error = set(&select(&["8"])).unwrap_err();
    assert_eq!(error.to_string(), "no loader matches --node 8");
    let advice = error.downcast_ref::<advice::Advice>().unwrap();
    assert_eq!(advice.details, ["  7  UNETLoaderDisTorch2MultiGPU  f/a.safetensors"]);
    for models in ["a.safetensors", "F/A.safetensors", "*A*"] {
        let selection = Selection { models: vec![models.to_owned()], ..Selection::default() };
        assert_eq!(set(&selection).unwrap().nodes.len(), 1, "{models}");
    }
}

/// Two instances of a subgraph that show the string, and one that does not.
const SHARED: &str = r#"{"nodes": [
    {"id": 1, "type": "S", "widgets_values": ["one"], "properties": {"proxyWidgets": [["37", "expert_mode_allocations"]]}},
    {"id": 2, "type": "S", "widgets_values": [], "mode": 2},
    {"id": 3, "type": "S"}], "links": [], "definitions": {"subgraphs": [{"id": "S", "name": "s", "links": [], "nodes": [
    {"id": 37, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["a", "default", "cpu", 4, "cpu", "inner", true]}]}]}}"#;

#[test]
fn a_value_is_set_where_it_takes_effect() {
    let change = set_all(SHARED);
    let expected = SHARED.replace(r#"["one"]"#, &format!(r#"["{STRING}"]"#)).replace("inner", STRING);
    assert_eq!(change.text, expected);
    assert_eq!(change.nodes[0].notes, ["`expert_mode_allocations` stands with node 1 (the subgraph `s`)"]);
    let workflow = Workflow::parse(SHARED.to_owned()).unwrap();
    let one = set(&workflow, &classes(), &select(&["2:37"]), &wanted(STRING)).unwrap();
    assert_eq!(one.text, SHARED.replace("inner", STRING));
    assert_eq!(one.nodes[0].notes, ["this also acts on 3:37, which shares the value"]);
}

#[test]
fn parts_and_devices_can_be_chosen() {
    let text = r#"{"1": {"class_type": "BothDisTorch2MultiGPU", "inputs": {"unet_allocations": "", "clip_allocations": "",
        "clip_compute_device": "cpu", "clip_virtual_vram_gb": 2.0}}}"#;
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let part = Wanted {
        part: Some("clip".to_owned()),
        device: Some("cuda:1".to_owned()),
        virtual_vram: Some(2.0),
        ..wanted(STRING)
    };
    let change = set(&workflow, &classes(), &Selection::default(), &part).unwrap();
    let expected = text.replace(r#""clip_allocations": """#, &format!(r#""clip_allocations": "{STRING}""#));
    assert_eq!(change.text, expected.replace("\"cpu\"", "\"cuda:1\""), "2.0 is 2 already");
}

#[test]
fn plain_loaders_become_distorch2_loaders() {
    let text = r#"{"nodes": [
        {"id": 1, "type": "UNETLoader", "title": "UNETLoader", "outputs": [{"links": [7]}],
         "properties": {"cnr_id": "comfy-core", "ver": "0.3.40", "Node name for S&R": "UNETLoader"},
         "inputs": [{"name": "unet_name", "widget": {"name": "unet_name"}, "link": null}], "widgets_values": ["a", "fp8"]},
        {"id": 2, "type": "CLIPLoader", "title": "mine", "properties": {}, "widgets_values": ["t5", "wan", "default"]},
        {"id": 3, "type": "CLIPLoader", "widgets_values": ["t5", "wan", "cpu"]},
        {"id": 4, "type": "Plain", "widgets_values": ["x"]}, {"id": 5, "type": "X", "inputs": [{"name": "m", "link": 7}]}],
        "links": [[7, 1, 0, 5, 0, "MODEL"]]}"#;
    let change = convert_all(text, None);
    let expected = r#"{"nodes": [
        {"id": 1, "type": "UNETLoaderDisTorch2MultiGPU", "title": "UNETLoaderDisTorch2MultiGPU", "outputs": [{"links": [7]}],
         "properties": {"cnr_id": "comfyui-multigpu", "ver": "2.6.3", "Node name for S&R": "UNETLoaderDisTorch2MultiGPU"},
         "inputs": [{"name": "unet_name", "widget": {"name": "unet_name"}, "link": null}], "widgets_values": ["a", "fp8", "cuda:0", 4, "cpu", "", true]},
        {"id": 2, "type": "CLIPLoaderDisTorch2MultiGPU", "title": "mine", "properties": {}, "widgets_values": ["t5", "wan", "cuda:0", 4, "cpu", "", true]},
        {"id": 3, "type": "CLIPLoaderDisTorch2MultiGPU", "widgets_values": ["t5", "wan", "cpu", 4, "cpu", "", true]},
        {"id": 4, "type": "Plain", "widgets_values": ["x"]}, {"id": 5, "type": "X", "inputs": [{"name": "m", "link": 7}]}],
        "links": [[7, 1, 0, 5, 0, "MODEL"]]}"#;
    assert_eq!(change.text, expected);
    let with_string = convert_all(text, Some(STRING));
    assert_eq!(with_string.text, expected.replace(r#"4, "cpu", """#, &format!(r#"0, "cpu", "{STRING}""#)));
}

#[test]
fn values_are_moved_by_their_names() {
    let text = r#"{"nodes": [
        {"id": 1, "type": "UNETLoaderMultiGPU", "widgets_values": ["a", "fp8", "cuda:1"],
         "inputs": [{"name": "device", "widget": {"name": "device"}, "link": 9}]},
        {"id": 2, "type": "BothMultiGPU", "widgets_values": ["b", "cuda:0", "cpu", "cuda:1"]},
        {"id": 3, "type": "UNETLoaderDisTorchMultiGPU", "widgets_values": ["c", "fp8", "cuda:1", 7.5, true, "cpu,*"]},
        {"id": 4, "type": "PrimitiveNode", "widgets_values": ["cuda:3"]}],
        "links": [[9, 4, 0, 1, 0, "COMBO"]]}"#;
    let change = convert_all(text, None);
    let expected = r#"{"nodes": [
        {"id": 1, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["a", "fp8", "cuda:1", 4, "cpu", "", true],
         "inputs": [{"name": "compute_device", "widget": {"name": "compute_device"}, "link": 9}]},
        {"id": 2, "type": "BothDisTorch2MultiGPU", "widgets_values": ["b", "cuda:0", 4, "cpu", "cpu", 4, "cpu", "cuda:1", "", ""]},
        {"id": 3, "type": "UNETLoaderDisTorch2MultiGPU", "widgets_values": ["c", "fp8", "cuda:1", 7.5, "cpu", "cpu,*", true]},
        {"id": 4, "type": "PrimitiveNode", "widgets_values": ["cuda:3"]}],
        "links": [[9, 4, 0, 1, 0, "COMBO"]]}"#;
    assert_eq!(change.text, expected);
}

#[test]
fn prompts_get_new_names_and_what_is_required() {
    let text = r#"{"1": {"inputs": {"unet_name": ["2", 0], "device": "cuda:1"}, "class_type": "UNETLoaderMultiGPU",
        "_meta": {"title": "Load"}}, "3": {"class_type": "CLIPLoader", "inputs": {"clip_name": "t", "type": "wan", "device": "default"}}}"#;
    let change = convert_all(text, None);
    let expected = r#"{"1": {"inputs": {"unet_name": ["2", 0], "compute_device": "cuda:1", "weight_dtype": "default", "virtual_vram_gb": 4, "donor_device": "cpu", "expert_mode_allocations": "", "eject_models": true}, "class_type": "UNETLoaderDisTorch2MultiGPU",
        "_meta": {"title": "Load"}}, "3": {"class_type": "CLIPLoaderDisTorch2MultiGPU", "inputs": {"clip_name": "t", "type": "wan", "device": "cuda:0", "virtual_vram_gb": 4, "donor_device": "cpu", "expert_mode_allocations": "", "eject_models": true}}}"#;
    assert_eq!(change.text, expected);
}

#[test]
fn what_an_instance_shows_gets_the_new_name() {
    let text = r#"{"nodes": [{"id": 1, "type": "S", "widgets_values": ["cuda:1"], "properties": {"proxyWidgets": [["37", "device"]]}}],
        "definitions": {"subgraphs": [{"id": "S", "nodes": [
        {"id": 37, "type": "UNETLoaderMultiGPU", "widgets_values": ["a", "fp8", "cpu"]}]}]}}"#;
    let change = convert_all(text, None);
    let expected = text
        .replace(r#"["37", "device"]"#, r#"["37", "compute_device"]"#)
        .replace("UNETLoaderMultiGPU", "UNETLoaderDisTorch2MultiGPU")
        .replace(r#""fp8", "cpu"]"#, r#""fp8", "cpu", 4, "cpu", "", true]"#);
    assert_eq!(change.text, expected);
}

#[test]
fn what_cannot_be_converted_is_left_alone_and_told() {
    let text = r#"{"nodes": [
        {"id": 1, "type": "UNETLoaderDisTorchMultiGPU", "widgets_values": ["c", "fp8", "cuda:1", "cpu,0.5"]},
        {"id": 2, "type": "UNETLoaderDisTorchMultiGPU", "widgets_values": ["c", "fp8", "cuda:1", 1, true, ""],
         "inputs": [{"name": "use_other_vram", "widget": {"name": "use_other_vram"}, "link": 3}]},
        {"id": 3, "type": "workflow>g"}, {"id": 4, "type": "Any"}], "links": [[3, 4, 0, 2, 0, "BOOLEAN"]],
        "extra": {"groupNodes": {"g": {"nodes": [{"index": 0, "type": "UNETLoader", "widgets_values": ["a", "b"]}]}}}}"#;
    let change = convert_all(text, None);
    assert_eq!(change.text, text);
    assert_eq!(
        left(&change),
        [
            "its values are not those of this version of the class: `virtual_vram_gb` would be \"cpu,0.5\"",
            "its `use_other_vram` is linked, and UNETLoaderDisTorch2MultiGPU has no such input",
            "it is in a group node, whose values stand in one list",
        ]
    );
    let workflow = Workflow::parse(r#"{"nodes": [{"id": 4, "type": "Plain"}]}"#.to_owned()).unwrap();
    let plain = convert(&workflow, &classes(), &select(&["4"]), &Conversion::default()).unwrap();
    assert_eq!(left(&plain), ["there is no PlainDisTorch2MultiGPU here"]);
}
