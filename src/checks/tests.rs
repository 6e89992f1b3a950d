//! Small workflows in `tests/data/workflows/checks`, with what is found in each beside it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::*;
use crate::allocator::{Accounting, Device, Policy};
use crate::inputs::{self, Classes};
use crate::install::Files;
use crate::loaders::{self, Beside, Loaders, Marks};
use crate::models::{Arguments, Folders};
use crate::plan::devices;
use crate::stages::{Options, Outline, Staged};
use crate::text::listed;
use crate::workflow::Workflow;

const WORKFLOWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/workflows/checks");
/// A ComfyUI with dynamic VRAM.
const COMFYUI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dynamic-vram/ComfyUI");
const GB: u64 = 1 << 30;

fn gpus() -> Vec<(Device, u64)> {
    vec![("cuda:0".into(), 24 * GB), ("cuda:1".into(), 16 * GB)]
}

/// What the real node does under that ComfyUI.
fn effects() -> Loaders {
    let facts = crate::comfyui::read(&Files::Folder(COMFYUI.into()), None).unwrap();
    let marked = Ok(["model", "patcher"].map(String::from).into());
    loaders::judge(&facts, &Beside { installed: None, marked, marks: Marks::Inert }, None)
}

/// The plan with models of known sizes for the names of files.
fn staged(workflow: &Workflow, classes: &Classes) -> Result<Staged, String> {
    let models = [("high.gguf", "wan2.2-14b:Q6_K"), ("low.gguf", "wan2.2-14b:Q6_K")];
    let instead: HashMap<String, PathBuf> =
        models.iter().map(|(name, model)| ((*name).to_owned(), PathBuf::from(model))).collect();
    let planned = || {
        let outline = Outline::of(workflow, classes, None, &instead)?;
        let devices = devices::devices(&gpus(), None, &outline.strings(), Vec::new)?;
        let policies = vec![Policy::CpuFallback, Policy::GpuOnly];
        outline
            .plan(&devices, &Options { accounting: Accounting::Resident, policies, headroom_bytes: 2 * GB, gpu: None })
    };
    planned().map_err(|error: anyhow::Error| format!("{error:#}"))
}

/// What is found in a workflow: the level and the check, the nodes, the part of the value, and the sentences.
fn found(name: &str) -> String {
    let text = fs::read_to_string(Path::new(WORKFLOWS).join(name).with_extension("json")).unwrap();
    let workflow = Workflow::parse(text).unwrap();
    let release = Classes::of_release("2.6.3").unwrap();
    // In `installed`, a checkout that has few classes and no GGUF pack is installed; elsewhere, a release is known.
    let is_installed = name == "installed";
    let wanted: Vec<&str> = workflow.nodes().iter().map(|node| node.class.as_str()).collect();
    let root = Path::new(WORKFLOWS).join("../ComfyUI");
    let classes = if is_installed {
        inputs::installed(Some(&root.join("custom_nodes/ComfyUI-MultiGPU")), Some(&root), &wanted, None)
    } else {
        release
    };
    let (effects, staged) = (effects(), staged(&workflow, &classes));
    let folders = Folders::of(&root, &Arguments::default()).unwrap();
    let packs = [String::from("ComfyUI-MultiGPU")];
    let known = Known {
        effects: (name == "settings").then_some(Ok(&effects)),
        packs: is_installed.then_some(&packs[..]),
        folders: is_installed.then_some(&folders),
        gpus: Gpus::All(gpus().into_iter().map(|(device, _)| device).collect()),
        staged: Some(staged.as_ref().map_err(Clone::clone)),
    };
    let findings = check(&Context::new(&workflow, &classes, known).unwrap());
    let mut out = String::new();
    for found in &findings.found {
        let nodes = listed(found.nodes.iter().map(|node| &node.id));
        let part = found.value.as_ref().map(|value| &value.text[value.part.clone()]).filter(|part| !part.is_empty());
        let part = part.map(|part| format!(" `{part}`")).unwrap_or_default();
        let _ = writeln!(out, "{:?}[{}] {nodes}{part}: {}", found.level, found.check.id, found.message);
        if let Some(help) = &found.help {
            let _ = writeln!(out, "    {}", help.replace(&*root.display().to_string(), "ROOT").replace('\\', "/"));
        }
        if let Some(step) = &found.step {
            let _ = writeln!(out, "    {step:?}");
        }
    }
    for unchecked in &findings.unchecked {
        let _ = writeln!(out, "not checked: {}, because {}", unchecked.check.id, unchecked.why);
    }
    out
}

fn names() -> Vec<String> {
    let files = fs::read_dir(WORKFLOWS).unwrap().map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut names: Vec<String> = json.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// `UPDATE=1 cargo test` rewrites what is found; the difference is to be read.
#[test]
fn each_workflow_has_its_findings() {
    for name in names() {
        let path = Path::new(WORKFLOWS).join(&name).with_extension("txt");
        let found = found(&name);
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(found, expected, "{name}: UPDATE=1 cargo test rewrites it");
    }
}

#[test]
fn every_check_finds_something_in_a_workflow() {
    let all: String = names().iter().map(|name| found(name)).collect();
    for check in CHECKS {
        assert!(all.contains(&format!("[{}]", check.id)), "{} finds nothing", check.id);
    }
}

#[test]
fn checks_have_names_and_texts_of_their_own() {
    let ids: HashSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for check in CHECKS {
        assert!(
            check.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            check.id
        );
        assert!(check.about.ends_with('.') && check.help.ends_with('.') && !check.title.ends_with('.'), "{}", check.id);
    }
}

#[test]
fn nothing_is_wrong_with_what_is_in_order() {
    let found = found("in-order");
    assert!(!found.contains("Error[") && !found.contains("Warning["), "{found}");
}

#[test]
fn nothing_is_said_of_what_does_not_run() {
    // A muted node, and a bypassed one with a string of nonsense.
    assert!(!found("empty").contains("] 5"));
    assert!(!found("settings").contains("] 10"));
}
