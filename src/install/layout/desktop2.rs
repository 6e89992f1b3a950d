//! Comfy Desktop 2, which keeps a list of installations in `installations.json`.
//!
//! Each has ComfyUI in `<installPath>/ComfyUI`; one that was taken over from the older app has its base directory elsewhere.
//!
//! Source: `src/main/installations.ts`, `src/main/sources/` and `src/main/lib/` of Comfy-Org/Comfy-Desktop.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Draft, Kind, Layout, Places};
use crate::install::config::{json, line_of};
use crate::install::is_root;
use crate::install::launch::{Launch, LaunchKind, quoted_words};

pub(super) const KIND: Kind = Kind { of, inside: |_, _| Vec::new(), usual };

/// What the app calls its folders, and what it was called before.
const NAMES: [&str; 2] = ["comfyui-desktop-2", "comfyui-launcher"];
/// The arguments of an installation that has no others.
const DEFAULT_ARGUMENTS: &str = "--enable-manager";

fn of(comfyui: &Path, places: &Places) -> Option<Draft> {
    usual(places).into_iter().find(|draft| draft.comfyui == comfyui)
}

fn usual(places: &Places) -> Vec<Draft> {
    let folders = [places.local(), places.settings()].into_iter().flatten();
    let folders = folders.flat_map(|folder| NAMES.map(|name| folder.join(name)));
    let mut drafts: Vec<Draft> = Vec::new();
    for folder in folders {
        let mut problems = Vec::new();
        let file = folder.join("installations.json");
        let Some((Value::Array(records), text)) = json(&file, &mut problems) else { continue };
        for record in &records {
            // The older app's own installation is read by its own kind.
            let source = record.get("sourceId").and_then(Value::as_str);
            if source != Some("desktop")
                && let Some(draft) = draft(record, &folder, &file, &text)
            {
                drafts.push(draft);
            }
        }
    }
    drafts
}

fn draft(record: &Value, folder: &Path, file: &Path, text: &str) -> Option<Draft> {
    let field = |name: &str| record.get(name)?.as_str().filter(|text| !text.is_empty());
    let path = field("installPath")?;
    let root = PathBuf::from(path);
    let comfyui = [root.join("ComfyUI"), root.clone()].into_iter().find(|folder| is_root(folder))?;
    let adopted =
        field("adoptedBaseDir").filter(|_| record.get("adopted") == Some(&Value::Bool(true))).map(PathBuf::from);
    let mut arguments = Vec::new();
    if let Some(base) = &adopted {
        arguments.extend(["--base-directory".into(), base.display().to_string()]);
        arguments.extend(["--user-directory".into(), base.join("user").display().to_string()]);
    }
    arguments.extend(quoted_words(field("launchArgs").unwrap_or(DEFAULT_ARGUMENTS)));
    let shares_models = record.get("useSharedModels") != Some(&Value::Bool(false));
    let id = field("id").unwrap_or_default();
    let models = if shares_models {
        folder.join("shared_model_paths.yaml")
    } else {
        folder.join("instance-model-paths").join(format!("{id}.yaml"))
    };
    if models.is_file() {
        arguments.extend(["--extra-model-paths-config".into(), models.display().to_string()]);
    }
    let line = line_of(text, &[&format!("\"{id}\""), "\"launchArgs\""]).filter(|_| field("launchArgs").is_some());
    let variables = record.get("envVars").and_then(Value::as_object).into_iter().flatten();
    let launch = Launch {
        environment: variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect(),
        folder: Some(root.clone()),
        main: Some(comfyui.join("main.py")),
        ..Launch::new(LaunchKind::Desktop2, Some(file), line, arguments)
    };
    let named = field("adoptedPythonPath").map(PathBuf::from);
    let environments = [field("venvPath").map(PathBuf::from), adopted.as_ref().map(|base| base.join(".venv"))];
    let pythons = environments.into_iter().flatten().chain([comfyui.join(".venv"), root.join("envs").join("default")]);
    Some(Draft {
        pythons: pythons.collect(),
        launches: vec![Launch { python: named.filter(|python| python.is_file()), ..launch }],
        logs: vec![root.join("logs")],
        base: adopted,
        root,
        ..Draft::new(Layout::Desktop2, &comfyui)
    })
}
