//! What `plan` writes for programs and as a picture: JSON that its schema describes, to the last key, and SVG whose text
//! cannot break it.

use std::fs;

use crate::common::{Ran, program};
use crate::headers::Gguf;
use serde_json::Value;

const MACHINE: [&str; 6] = ["--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb", "--ram", "64gb"];

/// A LoRA on all linear layers of WAN 14B.
const LORA: &str = "fixtures/wan2.2-14b-lora.safetensors";

/// The JSON and the text of a plan for a CLIP-L file without some tensors and with others, each of 16 bytes.
fn of_clip(without: &str, with: &[&str]) -> (Value, String) {
    of_file("clip_l", without, with, &[])
}

/// The same for a file of another architecture, with these arguments.
fn of_file(architecture: &str, without: &str, with: &[&str], arguments: &[&str]) -> (Value, String) {
    let recorded = fs::read_to_string(format!("tests/data/architectures/{architecture}.txt")).unwrap();
    let lines = recorded.split_once("---\n").unwrap().1.lines();
    let shape = |line: &str| line.split(' ').skip(1).map(|size| size.parse().unwrap()).collect::<Vec<u64>>();
    let mut tensors: Vec<_> = lines
        .filter(|line| !line.starts_with(without))
        .map(|line| {
            (line.split(' ').next().unwrap().to_owned(), "F16", shape(line), 2 * shape(line).iter().product::<u64>())
        })
        .collect();
    tensors.extend(with.iter().map(|name| ((*name).to_owned(), "F16", vec![8], 16)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.safetensors");
    crate::headers::write_safetensors(&path, &tensors);
    let path = path.to_str().unwrap();
    let out = |more: &[&str]| run(&[&["cuda:0,1gb;cpu,*", "--model", path], arguments, more].concat()).out;
    (serde_json::from_str(&out(&["--format", "json"])).unwrap(), out(&[]))
}

#[test]
fn what_is_ignored_and_what_is_in_doubt_is_said_to_people_and_to_programs() {
    let (json, text) = of_clip("nothing", &["logit_scale", "ema", "aesthetic.weight"]);
    let model = &json["models"][0];
    assert_eq!(model["ignored_tensors"], serde_json::json!(["ema", "aesthetic.weight"]));
    assert_eq!((&model["order_known"], &model["order_doubt"]), (&Value::Bool(true), &Value::Null));
    assert!(text.contains("2 tensors of the file ignored, as ComfyUI does, such as ema"), "{text}");

    let (json, text) = of_clip("text_model.final_layer_norm", &[]);
    let model = &json["models"][0];
    let why = "taken for CLIP-L, but the file lacks";
    assert_eq!(model["order_known"], false);
    assert!(model["order_doubt"].as_str().unwrap().starts_with(why));
    assert!(text.contains(&format!("the order of its layers is unknown: {why}")), "{text}");
}

#[test]
fn the_type_of_the_computation_is_said_where_it_is_another() {
    // On Windows ComfyUI computes in fp16 on it.
    let pascal = if cfg!(windows) { "loaded in fp16\n" } else { "loaded in fp16, computed in fp32\n" };
    for (card, loaded) in [("ampere", "loaded in fp16\n"), ("pascal", pascal)] {
        let (_, text) = of_file("unet", "nothing", &[], &["--gpu-arch", card]);
        assert!(text.contains(loaded), "{card}: {text}");
    }
}

/// Where a value is not what the schema says: the subset of JSON Schema that this one is written in.
fn violation(schema: &Value, rule: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = rule["$ref"].as_str() {
        let rule = schema.pointer(name.strip_prefix('#').unwrap()).unwrap();
        return violation(schema, rule, value, at);
    }
    let wrong = |what: &str| Some(format!("{at}: {value} is not {what}"));
    if rule.get("const").is_some_and(|only| only != value) {
        return wrong("that");
    }
    if rule["enum"].as_array().is_some_and(|known| !known.contains(value)) {
        return wrong("one of them");
    }
    let kinds = match &rule["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => Vec::new(),
        kind => vec![kind.clone()],
    };
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return wrong("of that type");
    }
    let required = rule["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.map(|key| key.as_str().unwrap()).find(|key| value.get(key).is_none()) {
        return Some(format!("{at}: no {missing}"));
    }
    let properties = value.as_object().into_iter().flatten().filter(|_| rule.get("properties").is_some());
    for (key, inner) in properties {
        let Some(rule) = rule["properties"].get(key) else { return Some(format!("{at}: {key} is not described")) };
        if let Some(violation) = violation(schema, rule, inner, &format!("{at}/{key}")) {
            return Some(violation);
        }
    }
    let items = value.as_array().into_iter().flatten().enumerate();
    items.into_iter().find_map(|(index, item)| violation(schema, &rule["items"], item, &format!("{at}/{index}")))
}

fn run(arguments: &[&str]) -> Ran {
    Ran::of(program(".".as_ref()).arg("plan").args(arguments).args(MACHINE))
}

#[test]
fn json_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(&fs::read_to_string("schema/plan.schema.json").unwrap()).unwrap();
    let low = ["--model", "wan2.2-14b:Q6_K", "--format", "json"];
    let of = |more: &[&str], code| {
        let ran = run(&[more, &low].concat());
        assert_eq!((ran.code, &ran.err[..]), (code, ""));
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(violation(&schema, &schema, &value, ""), None);
        value
    };
    let guide = of(&["cuda:0,12gb;cuda:1,16gb", "--accounting", "offload", "--lora", LORA], 0);
    assert_eq!(guide["models"][0]["loras"][0]["known"], 406);
    assert_eq!(guide["models"][0]["runs"].as_array().unwrap().len(), 2);
    let rows = guide["models"][0]["runs"][1]["devices"].as_array().unwrap();
    let counted: u64 = rows.iter().map(|row| row["counted_bytes"].as_u64().unwrap()).sum();
    assert_eq!(counted, guide["models"][0]["offload_bytes"].as_u64().unwrap());
    of(&["cuda:0,1gb12;cuda:1,2gb", "--model-size", "90gb", "--fit"], 1);
    of(&["--fit", "--model-size", "9gb", "--clip"], 0);
    of(&["cpu,1gb", "--mode", "repaired"], 0);
    // The check itself can fail.
    let mut broken = guide;
    broken["models"][0]["runs"][0]["placements"][7]["reason"] = "luck".into();
    assert_eq!(
        violation(&schema, &schema, &broken, "").unwrap(),
        "/models/0/runs/0/placements/7/reason: \"luck\" is not one of them"
    );
}

#[test]
fn the_picture_shows_every_device_and_model_and_survives_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("plan.svg");
    let ran = run(&["cuda:0,4gb;cuda:1,5gb", "--model", "wan2.2-14b:Q6_K", "--svg", svg.to_str().unwrap()]);
    assert_eq!((ran.code, &ran.err[..]), (0, ""));
    let picture = fs::read_to_string(&svg).unwrap();
    for text in [
        "the node as shipped",
        "the node, repaired",
        "4.0 of 12.0 GB",
        "wan2.2-14b:Q6_K by cuda:0,4gb;cuda:1,5gb#cuda:0",
    ] {
        assert!(picture.contains(&format!(">{text}<")), "{text}: {picture}");
    }
    // Six rows: a track each, and a bar where there is something on it.
    assert_eq!(picture.matches("height=\"18\"").count(), 6 + 5);
    let number = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse::<f64>().unwrap()
    };
    let rows: Vec<_> = picture.lines().filter(|line| line.contains("height=\"18\"")).collect();
    let tracks: Vec<_> =
        rows.iter().filter(|row| row.contains("width=\"400.0\"")).map(|row| number(row, "y")).collect();
    assert!(tracks.windows(2).all(|pair| (18.0..100.0).contains(&(pair[1] - pair[0]))), "{tracks:?}");
    assert!(tracks[5] + 18.0 < number(&picture, "height"), "{picture}");
    #[cfg(not(windows))]
    {
        let name = folder.path().join("<script>&\".gguf");
        Gguf::new(&[("a.weight", vec![64], 0, 256)]).write(&name);
        let ran = run(&["cuda:0,1mb", "--model", name.to_str().unwrap(), "--svg", svg.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let picture = fs::read_to_string(&svg).unwrap();
        assert!(!picture.contains("<script") && picture.contains("&lt;script&gt;&amp;"), "{picture}");
    }
    let nowhere = folder.path().join("no/such/folder.svg");
    let ran = run(&["cuda:0,4gb", "--model-size", "3gb", "--svg", nowhere.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("help: "), "{}", ran.err);
}

#[test]
fn without_a_word_about_the_machine_the_string_is_taken_for_it() {
    let ran = Ran::of(program(".".as_ref()).env("PATH", "").args([
        "plan",
        "cuda:0,12gb;cuda:1,16gb",
        "--model-size",
        "11gb",
    ]));
    assert!(
        ran.out.contains("cards as large as their quotas are assumed, cuda:0 12.00 GB")
            && ran.out.contains("main memory is unknown"),
        "{}",
        ran.out
    );
    let ran = Ran::of(program(".".as_ref()).env("PATH", "").args(["plan", "cuda:0,50%", "--model-size", "11gb"]));
    assert!(ran.code == 2 && ran.err.contains("help: pass --vram cuda:0=12gb"), "{}", ran.err);
}
