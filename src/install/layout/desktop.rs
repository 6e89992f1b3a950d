//! The Desktop app: ComfyUI among the app's resources, and everything of the user in a folder that `config.json` names.
//!
//! ```text
//! <settings>/ComfyUI/config.json                 basePath
//! <settings>/ComfyUI/extra_models_config.yaml    given with --extra-model-paths-config
//! <app>/resources/ComfyUI/main.py
//! <basePath>/{custom_nodes,models,user,.venv}
//! <basePath>/user/default/comfy.settings.json    Comfy.Server.LaunchArgs
//! ```
//!
//! Source: `src/config`, `src/main-process/comfyServer.ts` and `src/constants.ts` of Comfy-Org/desktop.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Draft, Kind, Layout, Os, Places};
use crate::install::config::{json, line_of};
use crate::install::extra_model_paths;
use crate::install::is_root;
use crate::install::launch::{Launch, LaunchKind};

pub(super) const KIND: Kind = Kind { of, inside: |_, _| Vec::new(), usual };

/// What the app's settings folder is called.
const NAME: &str = "ComfyUI";
/// The arguments that it gives if the settings have no others for these options.
const DEFAULTS: [(&str, &str); 3] = [("listen", "127.0.0.1"), ("port", "8000"), ("enable-manager", "")];

fn of(comfyui: &Path, places: &Places) -> Option<Draft> {
    if let Some(draft) = usual(places).into_iter().find(|draft| draft.comfyui == comfyui) {
        return Some(draft);
    }
    // The app is there, and what its settings say is not known.
    let is_of_app =
        comfyui.parent()?.file_name()?.eq_ignore_ascii_case("resources") && comfyui.parent()?.join("app.asar").exists();
    is_of_app.then(|| Draft::new(Layout::Desktop, comfyui))
}

fn usual(places: &Places) -> Vec<Draft> {
    let mut problems = Vec::new();
    let Some(settings) = places.settings().map(|folder| folder.join(NAME)) else { return Vec::new() };
    let Some(base) = base(&settings, &mut problems) else { return Vec::new() };
    let programs = bundled(&settings).into_iter().chain(programs(places));
    let Some(comfyui) = programs.into_iter().find(|folder| is_root(folder)) else { return Vec::new() };
    let logs = match places.os {
        Os::Mac => places.home().map(|home| home.join("Library").join("Logs").join(NAME)),
        Os::Windows | Os::Linux => Some(settings.join("logs")),
    };
    let launch = launch(&settings, &base, &comfyui, &mut problems);
    vec![Draft {
        root: base.clone(),
        pythons: vec![base.join(".venv")],
        launches: vec![launch],
        logs: logs.into_iter().collect(),
        problems,
        base: Some(base),
        ..Draft::new(Layout::Desktop, &comfyui)
    }]
}

/// The folder of the user's files: from `config.json`, or from the file for models, where older versions keep it.
fn base(settings: &Path, problems: &mut Vec<String>) -> Option<PathBuf> {
    let config = json(&settings.join("config.json"), problems);
    let named =
        config.as_ref().and_then(|(config, _)| config.get("basePath")?.as_str()).filter(|base| !base.is_empty());
    if let Some(base) = named {
        return Some(settings.join(base));
    }
    let extra = extra_model_paths(&settings.join("extra_models_config.yaml")).ok()?;
    let packs = extra.into_iter().find(|extra| extra.category == "custom_nodes")?;
    packs.folder.parent().map(Path::to_path_buf)
}

/// The app's ComfyUI, by the folder with the app's own packs, which it writes into the file for models.
fn bundled(settings: &Path) -> Vec<PathBuf> {
    let extra = extra_model_paths(&settings.join("extra_models_config.yaml")).unwrap_or_default();
    let packs = extra.into_iter().filter(|extra| extra.category == "custom_nodes");
    packs.filter_map(|packs| packs.folder.parent().map(Path::to_path_buf)).collect()
}

/// Where the app is installed, and keeps its ComfyUI.
fn programs(places: &Places) -> Vec<PathBuf> {
    let apps: Vec<PathBuf> = match places.os {
        Os::Windows => {
            let programs = places.local().map(|local| local.join("Programs"));
            let all = programs.into_iter().chain(places.variable("ProgramFiles"));
            let names = ["ComfyUI", "@comfyorgcomfyui-electron", "comfyui-electron"];
            all.flat_map(|programs| names.map(|name| programs.join(name).join("resources"))).collect()
        }
        Os::Mac => {
            let folders =
                [Some(places.root().join("Applications")), places.home().map(|home| home.join("Applications"))];
            folders.into_iter().flatten().map(|folder| folder.join("ComfyUI.app/Contents/Resources")).collect()
        }
        Os::Linux => ["opt/ComfyUI", "opt/comfyui-electron", "usr/lib/comfyui-electron"]
            .map(|app| places.root().join(app).join("resources"))
            .to_vec(),
    };
    apps.into_iter().map(|app| app.join("ComfyUI")).collect()
}

/// How the app starts it: its own arguments, and behind them those of its settings.
fn launch(settings: &Path, base: &Path, comfyui: &Path, problems: &mut Vec<String>) -> Launch {
    let file = base.join("user").join("default").join("comfy.settings.json");
    let read = json(&file, problems);
    let set = read.as_ref().and_then(|(value, _)| value.get("Comfy.Server.LaunchArgs")?.as_object());
    let line = read.as_ref().and_then(|(_, text)| line_of(text, &["\"Comfy.Server.LaunchArgs\""]));
    let mut options: Vec<(String, String)> = vec![
        ("user-directory".into(), base.join("user").display().to_string()),
        ("base-directory".into(), base.display().to_string()),
        ("extra-model-paths-config".into(), settings.join("extra_models_config.yaml").display().to_string()),
    ];
    options.extend(DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (name, value) in set.into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) | Value::Null => String::new(),
            _ => {
                problems.push(format!("{}: the value of `{name}` is not text", file.display()));
                continue;
            }
        };
        match options.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => options.push((name.clone(), value)),
        }
    }
    let arguments = options.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]);
    let arguments = arguments.filter(|argument| !argument.is_empty()).collect();
    let is_there = read.is_some();
    Launch {
        main: Some(comfyui.join("main.py")),
        ..Launch::new(LaunchKind::Desktop, is_there.then_some(file.as_path()), line, arguments)
    }
}
