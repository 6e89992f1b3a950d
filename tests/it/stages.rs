//! What `plan --workflow` promises: what lies on every device at each stage, and strings with which the workflow fits.
//!
//! The models are built-in profiles, so that no file is needed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use distorch_fix::allocator::{Accounting, Policy};
use distorch_fix::inputs::{Choices, Class, Classes, Kind, KnownBy, Literal, Part, Widget, WidgetKind};
use distorch_fix::plan::Devices;
use distorch_fix::plan::devices::devices;
use distorch_fix::stages::{Options, Outline, Staged, fit};
use distorch_fix::workflow::Workflow;
use proptest::prelude::*;

use crate::common::schema::{holds, validator};
use crate::common::{Ran, program};
use crate::headers::write_safetensors;

const GB: u64 = 1 << 30;

/// A loader class with one model, and an allocation string if it has one.
fn class(name: &str, category: &str, kind: Kind) -> Class {
    let widget = |name: &str, kind, default| Widget { name: name.into(), kind, default, is_optional: true };
    let text = |text: &str| Some(Literal::Text(text.into()));
    let mut widgets = vec![
        widget("file", WidgetKind::Combo(Choices::Models(vec![category.into()])), None),
        widget("compute_device", WidgetKind::Combo(Choices::Devices), text("cuda:0")),
    ];
    let mut part = Part { label: None, device: 1, string: None, virtual_vram: None, donor: None, eject: None };
    if kind == Kind::DisTorch2 {
        widgets.push(widget("virtual_vram_gb", WidgetKind::Number, Some(Literal::Number(4.0))));
        widgets.push(widget("donor_device", WidgetKind::Combo(Choices::Devices), text("cpu")));
        widgets.push(widget("expert_mode_allocations", WidgetKind::Text, text("")));
        part = Part { string: Some(4), virtual_vram: Some(2), donor: Some(3), ..part };
    }
    Class {
        name: name.into(),
        base: None,
        pack: None,
        kind,
        widgets,
        parts: vec![part],
        known_by: KnownBy::Release("tests".into()),
    }
}

fn classes() -> Classes {
    Classes::new([
        class("UNETLoaderDisTorch2MultiGPU", "diffusion_models", Kind::DisTorch2),
        class("VAELoaderMultiGPU", "vae", Kind::MultiGpu),
        class("CLIPLoaderMultiGPU", "text_encoders", Kind::MultiGpu),
    ])
}

/// A model: its profile, its device, and its string.
type Model<'m> = (&'m str, &'m str, &'m str);

/// A workflow that samples with one model after the other. A model without a string has none of the node's loaders.
fn workflow(models: &[Model<'_>]) -> String {
    let mut nodes = Vec::new();
    for (at, (_, device, string)) in models.iter().enumerate() {
        let class = if string.is_empty() { "CLIPLoaderMultiGPU" } else { "UNETLoaderDisTorch2MultiGPU" };
        nodes.push(format!(
            r#""m{at}": {{"class_type": "{class}", "inputs": {{"file": "{at}", "compute_device": "{device}", "virtual_vram_gb": 0, "donor_device": "cpu", "expert_mode_allocations": "{string}"}}}}"#
        ));
        let (class, input) = if string.is_empty() { ("CLIPTextEncode", "clip") } else { ("KSampler", "model") };
        let role = if at == 1 && models[0].2.is_empty() { "positive" } else { "latent_image" };
        let before = if at > 0 { format!(r#", "{role}": ["s{}", 0]"#, at - 1) } else { String::new() };
        nodes.push(format!(r#""s{at}": {{"class_type": "{class}", "inputs": {{"{input}": ["m{at}", 0]{before}}}}}"#));
    }
    nodes.push(format!(
        r#""save": {{"class_type": "SaveLatent", "inputs": {{"samples": ["s{}", 0]}}}}"#,
        models.len() - 1
    ));
    format!("{{{}}}", nodes.join(","))
}

fn machine(gb: [u64; 2]) -> Devices {
    let gpus = [("cuda:0".into(), gb[0] * GB), ("cuda:1".into(), gb[1] * GB)];
    devices(&gpus, Some(64 * GB), &[], Vec::new).unwrap()
}

fn options() -> Options {
    Options { accounting: Accounting::Resident, policies: vec![Policy::GpuOnly], headroom_bytes: 2 * GB, gpu: None }
}

fn outline(models: &[Model<'_>]) -> Outline {
    let instead: HashMap<String, PathBuf> =
        models.iter().enumerate().map(|(at, (profile, ..))| (format!("m{at}"), PathBuf::from(profile))).collect();
    let workflow = Workflow::parse(workflow(models)).unwrap();
    Outline::of(&workflow, &classes(), None, &instead).unwrap()
}

fn staged(models: &[Model<'_>], gb: [u64; 2]) -> Staged {
    outline(models).plan(&machine(gb), &options()).unwrap()
}

/// Gigabytes on each device at each stage.
fn lies(staged: &Staged) -> Vec<String> {
    let gb = |bytes: u64| format!("{:.1}", distorch_fix::allocator::gigabytes(bytes));
    let stage = |stage: &distorch_fix::stages::Stage| -> String {
        stage.usage.iter().map(|usage| gb(usage.used_bytes())).collect::<Vec<_>>().join(" ")
    };
    staged.stages.iter().map(stage).collect()
}

#[test]
fn two_models_of_one_compute_device_unload_each_other_and_others_stay() {
    let models = [
        ("wan2.2-14b:Q2_K", "cuda:1", ""),
        ("wan2.2-14b:Q6_K", "cuda:0", "cuda:0,8gb;cuda:1,8gb"),
        ("wan2.2-14b:Q6_K", "cuda:0", "cuda:0,6gb;cuda:1,8gb"),
    ];
    let staged = staged(&models, [12, 16]);
    assert_eq!(lies(&staged), ["0.0 5.1 11.3", "8.0 8.4 11.3", "6.0 10.4 11.3"]);
    assert_eq!(staged.stages[2].unloaded, [1]);
    assert!(staged.fits() && staged.unknown.is_empty());
    let peaks: Vec<usize> = staged.peaks().into_iter().map(|(_, stage)| stage).collect();
    assert_eq!(peaks, [1, 2, 0]);
}

#[test]
fn nobody_makes_room_on_a_device_that_only_holds_layers() {
    let models = [("wan2.2-14b:Q6_K", "cuda:1", ""), ("wan2.2-14b:Q6_K", "cuda:0", "cuda:0,4gb;cuda:1,8gb")];
    let staged = staged(&models, [12, 16]);
    assert_eq!(lies(&staged), ["0.0 11.3 11.3", "4.0 18.6 0.0"]);
    assert!(!staged.fits());
    let fitted = fit(&outline(&models), &machine([12, 16]), &options()).unwrap().unwrap();
    assert_eq!(fitted.changes.len(), 1);
    assert_eq!(fitted.changes[0].0, 1);
}

#[test]
fn what_cannot_be_parsed_or_found_is_said_and_the_others_are_planned() {
    let models = [("wan2.2-14b:Q6_K", "cuda:0", "cuda:0,xgb"), ("no-such-file", "cuda:0", "cuda:0,8gb;cuda:1,8gb")];
    let staged = staged(&models, [12, 16]);
    let cannot = "node m0 (UNETLoaderDisTorch2MultiGPU): the node cannot parse `cuda:0,xgb`";
    assert!(staged.unknown[0].starts_with(cannot), "{:?}", staged.unknown);
    assert!(staged.unknown[1].contains("there is no such file"), "{:?}", staged.unknown);
    // The first one can be mended.
    let fitted = fit(&outline(&models), &machine([12, 16]), &options()).unwrap().unwrap();
    assert_eq!(fitted.changes.iter().map(|(model, _)| *model).collect::<Vec<_>>(), [0]);
}

#[test]
fn what_fits_is_left_as_it_is() {
    let models = [("wan2.2-14b:Q6_K", "cuda:0", "cuda:0,8gb;cuda:1,8gb"); 2];
    let fitted = fit(&outline(&models), &machine([12, 16]), &options()).unwrap().unwrap();
    assert!(fitted.changes.is_empty());
}

/// Does everything fit by a plan, with the headroom?
fn has_room(models: &[Model<'_>], gb: [u64; 2]) -> bool {
    let staged = staged(models, gb);
    let mut usage = staged.stages.iter().flat_map(|stage| &stage.usage);
    let headroom = |device: &str| if device == "cpu" { 0 } else { 2 * GB };
    staged.unknown.is_empty()
        && usage.all(|usage| {
            usage.used_bytes() == 0 || usage.used_bytes() + headroom(usage.device.as_str()) <= usage.total_bytes
        })
}

/// Strings on a grid.
const GRID: [&str; 7] = [
    "cpu,40gb",
    "cuda:0,3gb;cpu,*",
    "cuda:0,6gb;cuda:1,3gb;cpu,*",
    "cuda:0,9gb;cpu,*",
    "cuda:1,9gb;cuda:0,1gb;cpu,*",
    "cuda:0,6gb;cuda:1,8gb",
    "cuda:0,2gb;cuda:1,12gb",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn what_is_proposed_fits_with_the_fewest_changes(
        gb in [6_u64..20, 6_u64..20],
        profiles in [0_usize..3, 0_usize..3, 0_usize..3],
        strings in [0_usize..9, 0_usize..9],
    ) {
        let profile = |at: usize| ["wan2.2-14b:Q2_K", "wan2.2-14b:Q4_K_M", "wan2.2-14b:Q8_0"][at];
        let string = |at: usize| GRID.get(at).copied().unwrap_or("cuda:0,30gb;cuda:1,30gb");
        let models = [
            (profile(profiles[0]), "cuda:1", ""),
            (profile(profiles[1]), "cuda:0", string(strings[0])),
            (profile(profiles[2]), "cuda:0", string(strings[1])),
        ];
        let fitted = fit(&outline(&models), &machine(gb), &options()).unwrap();
        // What is smallest by any search: none, or one string of the grid in one of the two.
        let alone = |changed: usize| GRID.iter().any(|string| {
            let mut models = models;
            models[changed].2 = string;
            has_room(&models, gb)
        });
        let least = if has_room(&models, gb) { Some(0) } else if alone(1) || alone(2) { Some(1) } else { None };
        match (&fitted, least) {
            (Some(fitted), Some(least)) => prop_assert!(fitted.changes.len() <= least, "{fitted:?}"),
            (None, Some(_)) => prop_assert!(false, "one change is enough"),
            (_, None) => {}
        }
        if let Some(fitted) = &fitted {
            let mut changed = models;
            for (model, string) in &fitted.changes {
                prop_assert!(string != models[*model].2);
                changed[*model].2 = string;
            }
            prop_assert!(has_room(&changed, gb), "{fitted:?}");
        }
    }
}

/// Runs `plan` for a workflow with these arguments, on a machine with two GPUs.
fn plan(arguments: &[&str]) -> Ran {
    let mut program = program(".".as_ref());
    program.args(["plan", "--workflow", "tests/data/workflows/wan.json", "--comfyui", "tests/data/workflows/ComfyUI"]);
    program.args(["--model", "37=wan2.2-14b:Q6_K", "--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb"]);
    Ran::of(program.args(arguments))
}

#[test]
fn a_picture_shows_every_stage_and_model() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("plan.svg");
    let low = "video_low_14B.safetensors=wan2.2-14b:Q8_0";
    let ran = plan(&["--model", low, "--ram", "20gb", "--svg", svg.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let picture = fs::read_to_string(&svg).unwrap();
    for text in ["1. CLIPTextEncode", "2. KSamplerAdvanced", "node 57", "cuda:1", "16.0 GB", "13.04 GB"] {
        assert!(picture.contains(&format!(">{text}<")), "{text}: {picture}");
    }
    assert!(picture.contains("class=\"limit over\"") && picture.contains("prefers-color-scheme: dark"));
    assert_eq!(picture.matches("class=\"track\"").count(), 3 * 4);
}

#[test]
fn json_has_every_model_stage_and_change() {
    let ran = plan(&["--model", "38=wan2.2-14b:Q6_K", "--ram", "64gb", "--fit", "--format", "json"]);
    assert_eq!((ran.code, &*ran.err), (2, ""));
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    holds(&validator("schema/plan-workflow.schema.json"), &plan, "plan --workflow");
    assert_eq!(plan["fits"], true);
    assert_eq!(plan["unknown"].as_array().unwrap().len(), 2);
    assert_eq!(plan["models"][0]["weight_bytes"], serde_json::Value::Null);
    assert_eq!(plan["stages"][2]["unloaded"], serde_json::json!([1]));
    assert_eq!(plan["stages"][0]["nodes"][1]["id"], "6");
    let bytes = &plan["stages"][2]["devices"][0]["model_bytes"];
    assert!(bytes[1] == 0 && bytes[2].as_u64().unwrap() > 11 * GB, "{bytes}");
    assert_eq!(plan["changes"], serde_json::json!([{"model": 2, "string": "cuda:0,9.9gb;cuda:1,1.5gb"}]));
}

/// A safetensors file of one layer.
fn write_model(path: &Path, rows: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_safetensors(path, &[("layer.weight".to_owned(), "F16", vec![rows, 4096], rows * 4096 * 2)]);
}

#[test]
fn files_are_found_where_comfyui_finds_them() {
    let (_folder, root) = crate::common::git::folder();
    crate::common::copy("tests/data/workflows/ComfyUI".as_ref(), &root);
    write_model(&root.join("models/unet/video_high_14B.safetensors"), 1 << 15);
    write_model(&root.join("elsewhere/diffusion/VIDEO_low_14B.safetensors"), 1 << 16);
    write_model(&root.join("models/clip/text_encoder_fp8.safetensors"), 1 << 14);
    write_model(&root.join("base/models/vae/video_vae.safetensors"), 1 << 14);
    let yaml = "mine:\n  base_path: elsewhere\n  unet: |\n    nothing\n    diffusion\n";
    fs::write(root.join("extra_model_paths.yaml"), yaml).unwrap();
    let run = |more: &[&str]| {
        let mut program = crate::common::program(".".as_ref());
        program.args(["plan", "--workflow", "tests/data/workflows/wan.json", "--comfyui"]).arg(&root);
        program
            .args(["--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb", "--ram", "64gb", "--format", "json"])
            .args(more);
        let ran = crate::common::Ran::of(&mut program);
        let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        let bytes = plan["models"].as_array().unwrap().iter().map(|model| model["weight_bytes"].as_u64());
        (bytes.collect::<Vec<_>>(), plan["notes"].to_string())
    };
    let mib = |count: u64| Some(count << 20);
    let (bytes, notes) = run(&[]);
    assert_eq!(bytes, [mib(128), mib(256), mib(512), None]);
    // Elsewhere, letters do not matter in names.
    let is_said = notes.contains("`video_low_14B.safetensors` is called `VIDEO_low_14B.safetensors` here");
    assert!(is_said || !cfg!(target_os = "linux"), "{notes}");
    let base = root.join("base");
    let (bytes, _) = run(&["--base-directory", base.to_str().unwrap()]);
    assert_eq!(bytes, [None, None, mib(512), mib(128)]);
    fs::write(root.join("extra_model_paths.yaml"), "mine: [\n").unwrap();
    let (bytes, notes) = run(&[]);
    assert_eq!(bytes, [mib(128), mib(256), None, None]);
    assert!(notes.contains("extra_model_paths.yaml: not YAML"), "{notes}");
}

#[test]
fn hostile_workflows_are_planned_or_refused_in_bounded_time() {
    let none = HashMap::new();
    let of = |text: String| Outline::of(&Workflow::parse(text).unwrap(), &classes(), None, &none);
    // A chain of LoRA nodes, each of which passes on what the others patched.
    let count = if crate::common::is_full() { 200_000 } else { 20_000 };
    let lora = |at: usize| {
        let before = if at == 0 { "m".to_owned() } else { format!("l{}", at - 1) };
        format!(r#""l{at}": {{"class_type": "LoraLoader", "inputs": {{"model": ["{before}", 0]}}}}"#)
    };
    let loras: Vec<String> = (0..count).map(lora).collect();
    let (loras, last) = (loras.join(","), count - 1);
    let loader =
        r#""m": {"class_type": "UNETLoaderDisTorch2MultiGPU", "inputs": {"file": "x", "compute_device": "cuda:0"}}"#;
    let outline = of(format!(
        r#"{{{loader}, {loras}, "s": {{"class_type": "KSampler", "inputs": {{"model": ["l{last}", 0]}}}}}}"#
    ));
    assert_eq!(outline.unwrap().loads.len(), 1);
    // Too many computations.
    let sampler = |at: usize| format!(r#""s{at}": {{"class_type": "KSampler", "inputs": {{"model": ["m", 0]}}}}"#);
    let samplers: Vec<String> = (0..2_000).map(sampler).collect();
    let error = of(format!("{{{loader}, {}}}", samplers.join(","))).unwrap_err();
    assert_eq!(error.to_string(), "more than 1000 nodes compute with models");
    // Every merge node merges what all before it merged.
    let merge = |at: usize| {
        let from = |before: usize| if before == 0 { "m".to_owned() } else { format!("g{before}") };
        let (one, other) = (from(at - 1), from(at.saturating_sub(2)));
        format!(
            r#""g{at}": {{"class_type": "ModelMerge", "inputs": {{"model1": ["{one}", 0], "model2": ["{other}", 0]}}}}"#
        )
    };
    let merges: Vec<String> = (1..500).map(merge).collect();
    let outline = of(format!(
        r#"{{{loader}, {}, "s": {{"class_type": "KSampler", "inputs": {{"model": ["g499", 0]}}}}}}"#,
        merges.join(",")
    ));
    assert_eq!(outline.unwrap().loads.len(), 1);
    // No loader.
    assert!(of(r#"{"a": {"class_type": "SaveImage", "inputs": {}}}"#.to_owned()).is_err());
}
