//! What holds of every change of a workflow, on generated ones in every layout: what was set is what the node reads, by a
//! reader of its own here that knows only the order of the inputs; everything else is equal; and a revert gives the old
//! bytes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::common::{keep_journals, program, real};
use distorch_fix::inputs::{self, Classes};
use distorch_fix::workflow::Workflow;
use distorch_fix::workflow::change::{Conversion, Selection, Wanted, convert, set};
use proptest::prelude::*;
use serde_json::{Value, json};

const STRING: &str = "cuda:0,6gb;cuda:1,8gb;cpu,*";
const COMFYUI: &str = "tests/data/guide/ComfyUI";

/// The inputs of the classes in the order of their `INPUT_TYPES`, each with a value for it.
const LOADERS: [(&str, &[(&str, &str)]); 4] = [
    ("UNETLoader", &[("unet_name", r#""a.safetensors""#), ("weight_dtype", r#""fp8_e4m3fn""#)]),
    ("VAELoader", &[("vae_name", r#""v\u00e9.safetensors""#)]),
    ("UnetLoaderGGUF", &[("unet_name", r#""g.gguf""#)]),
    ("CLIPLoaderGGUF", &[("clip_name", r#""t.gguf""#), ("type", r#""wan""#)]),
];
const DISTRIBUTED: [(&str, &str); 5] = [
    ("compute_device", r#""cuda:1""#),
    ("virtual_vram_gb", "2.50"),
    ("donor_device", r#""cpu""#),
    ("expert_mode_allocations", r#""""#),
    ("eject_models", "false"),
];
const SUFFIX: &str = "DisTorch2MultiGPU";

static CLASSES: LazyLock<Classes> = LazyLock::new(|| {
    let node = Path::new(COMFYUI).join("custom_nodes/ComfyUI-MultiGPU");
    let wanted: Vec<&str> = LOADERS.iter().map(|(name, _)| *name).collect();
    inputs::installed(Some(&node), Some(Path::new(COMFYUI)), &wanted, None)
});

/// The inputs of a class, in their order.
fn order(class: &str) -> Vec<(&'static str, &'static str)> {
    let base = class.strip_suffix(SUFFIX).unwrap_or(class);
    let own = LOADERS.iter().find(|(name, _)| *name == base).map_or(&[][..], |(_, own)| own);
    let further: &[_] = if class.ends_with(SUFFIX) { &DISTRIBUTED } else { &[] };
    own.iter().chain(further).copied().collect()
}

/// What a node reads for an input; the default if the list is short.
fn read<'v>(node: &'v Value, input: &str) -> Option<&'v Value> {
    let class = node["type"].as_str().or(node["class_type"].as_str())?;
    let held = if node["class_type"].is_string() { &node["inputs"] } else { &node["widgets_values"] };
    match held {
        Value::Array(list) => list.get(order(class).iter().position(|(name, _)| *name == input)?),
        _ => held.get(input),
    }
}

/// A node: which loader, whether it is distributed, how many of its values the file has, whether by name, and its id.
type Made = (usize, bool, usize, bool);

fn node(id: usize, (loader, is_distributed, values, by_name): Made, is_api: bool) -> Value {
    let class = LOADERS[loader].0.to_owned() + if is_distributed { SUFFIX } else { "" };
    let all = order(&class);
    let base = LOADERS[loader].1.len();
    let some = &all[..(base + values).min(all.len())];
    let value = |raw: &str| serde_json::from_str::<Value>(raw).unwrap();
    let named: serde_json::Map<_, _> = some.iter().map(|(name, raw)| ((*name).to_owned(), value(raw))).collect();
    if is_api {
        return json!({"inputs": named, "class_type": class, "_meta": {"title": "é \" ]"}});
    }
    let list: Vec<Value> = some.iter().map(|(_, raw)| value(raw)).collect();
    let values = if by_name { Value::Object(named) } else { Value::Array(list) };
    json!({"id": id, "type": class, "pos": [id, 0.5], "outputs": [{"name": "X", "links": [id]}],
        "properties": {"cnr_id": "comfy-core", "ver": "0.3.40", "Node name for S&R": class}, "widgets_values": values})
}

/// The nodes, and one that each is linked to.
fn ui(made: &[Made]) -> Value {
    let mut nodes: Vec<Value> = made.iter().enumerate().map(|(id, made)| node(id, *made, false)).collect();
    let inputs: Vec<Value> = (0..made.len()).map(|id| json!({"name": format!("in{id}"), "link": id})).collect();
    nodes.push(json!({"id": 1000, "type": "Any", "inputs": inputs, "widgets_values": ["{[\",\\"]}));
    let links: Vec<Value> = (0..made.len()).map(|id| json!([id, id, 0, 1000, id, "X"])).collect();
    json!({"nodes": nodes, "links": links, "extra": {"é": [1.5e3, {}]}, "version": 0.4})
}

fn laid_out(document: &Value, layout: usize) -> String {
    let with = |indent: &[u8]| {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
        serde::Serialize::serialize(document, &mut serde_json::Serializer::with_formatter(&mut out, formatter))
            .unwrap();
        String::from_utf8(out).unwrap()
    };
    match layout {
        0 => document.to_string(),
        1 => with(b"  ") + "\n",
        2 => with(b"\t").replace('\n', "\r\n"),
        _ => with(b"").replace('\n', " "),
    }
}

fn document() -> impl Strategy<Value = (Value, String)> {
    let one = (0..LOADERS.len(), any::<bool>(), 0..6_usize, any::<bool>());
    (prop::collection::vec(one, 1..6), 0..3_usize, 0..4_usize).prop_map(|(made, form, layout)| {
        let document = match form {
            0 => ui(&made),
            1 => made.iter().enumerate().map(|(id, made)| (id.to_string(), node(id, *made, true))).collect(),
            _ => json!({"nodes": [{"id": 7, "type": "S"}, {"id": 8, "type": "S", "mode": 2}], "links": [],
                "definitions": {"subgraphs": [{"id": "S", "name": "s", "nodes": ui(&made)["nodes"], "links": []}]}}),
        };
        let text = laid_out(&document, layout);
        (document, text)
    })
}

/// The nodes of a document.
fn nodes(document: &Value) -> Vec<&Value> {
    let list = document.pointer("/definitions/subgraphs/0/nodes").or(document.get("nodes"));
    match list {
        Some(list) => list.as_array().unwrap().iter().collect(),
        None => document.as_object().unwrap().values().collect(),
    }
}

/// A document without what a change may be about.
fn rest(document: &Value, of_class: bool) -> Value {
    fn strip(value: &mut Value, of_class: bool) {
        if let Value::Object(object) = value {
            if object.contains_key("class_type") {
                object.remove("inputs");
            }
            object.remove("widgets_values");
            if of_class {
                object.retain(|key, _| !["type", "class_type", "properties"].contains(&key.as_str()));
            }
            object.values_mut().for_each(|value| strip(value, of_class));
        } else if let Value::Array(list) = value {
            for value in list {
                strip(value, of_class);
            }
        }
    }
    let mut rest = document.clone();
    strip(&mut rest, of_class);
    rest
}

fn wanted() -> Wanted {
    Wanted { string: Some(STRING.to_owned()), ..Wanted::default() }
}

fn set_all(text: &str) -> String {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    set(&workflow, &CLASSES, &Selection::default(), &wanted()).unwrap().text
}

fn convert_all(text: &str) -> String {
    let workflow = Workflow::parse(text.to_owned()).unwrap();
    let how = Conversion { wanted: wanted(), version: None };
    convert(&workflow, &CLASSES, &Selection::default(), &how).unwrap().text
}

/// Every value that was there is there, except the strings of those that can have one.
fn are_kept(old: &Value, new: &Value) -> Result<(), TestCaseError> {
    for (old, new) in nodes(old).into_iter().zip(nodes(new)) {
        let class = old["type"].as_str().or(old["class_type"].as_str()).unwrap();
        for (input, _) in order(class).into_iter().filter(|(input, _)| *input != "expert_mode_allocations") {
            if let Some(value) = read(old, input) {
                prop_assert_eq!(Some(value), read(new, input), "{} of {}", input, old);
            }
        }
    }
    Ok(())
}

fn have_the_string(document: &Value) -> Result<(), TestCaseError> {
    for node in nodes(document) {
        let class = node["type"].as_str().or(node["class_type"].as_str()).unwrap();
        if class.ends_with(SUFFIX) {
            prop_assert_eq!(read(node, "expert_mode_allocations"), Some(&json!(STRING)), "{}", node);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_set_is_read_and_everything_else_is_equal((old, text) in document()) {
        let changed = set_all(&text);
        let new: Value = serde_json::from_str(&changed).unwrap();
        have_the_string(&new)?;
        are_kept(&old, &new)?;
        prop_assert_eq!(rest(&old, false), rest(&new, false));
        prop_assert_eq!(set_all(&changed), changed);
    }

    #[test]
    fn what_was_converted_keeps_its_links_and_values((old, text) in document()) {
        let changed = convert_all(&text);
        let new: Value = serde_json::from_str(&changed).unwrap();
        let is_loader = |class: &str| LOADERS.iter().any(|(name, _)| *name == class);
        for (old, new) in nodes(&old).into_iter().zip(nodes(&new)) {
            let class = |node: &Value| node["type"].as_str().or(node["class_type"].as_str()).unwrap().to_owned();
            let expected = if is_loader(&class(old)) { class(old) + SUFFIX } else { class(old) };
            prop_assert_eq!(class(new), expected);
        }
        are_kept(&old, &new)?;
        prop_assert_eq!(rest(&old, true), rest(&new, true));
        // Those that were distributed before are not converted, but they can be set.
        have_the_string(&serde_json::from_str(&set_all(&changed)).unwrap())?;
        prop_assert_eq!(convert_all(&changed), changed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_revert_gives_the_old_bytes((_, text) in document(), is_marked in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let text = if is_marked { format!("\u{feff}{text}") } else { text };
        fs::write(&file, &text).unwrap();
        let comfyui = real(COMFYUI.as_ref());
        let run = |arguments: &[&str]| {
            let mut program = program(folder.path());
            keep_journals(&mut program, folder.path());
            program.args(["workflow", "--quiet"]).args(arguments);
            program.output().unwrap()
        };
        let comfyui = comfyui.to_str().unwrap();
        run(&["convert", "a.json", "--string", STRING, "--comfyui", comfyui]);
        run(&["set", "cuda:0,1gb;cpu,*", "a.json", "--comfyui", comfyui]);
        prop_assert!(fs::read_to_string(&file).unwrap() != text);
        let reverted = run(&["revert", "a.json"]);
        prop_assert!(reverted.status.success(), "{:?}", reverted);
        prop_assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
