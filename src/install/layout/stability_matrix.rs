//! Stability Matrix, which keeps packages in a library and their arguments in its `settings.json`.
//!
//! ```text
//! <settings>/StabilityMatrix/library.json    LibraryPath
//! <library>/settings.json                    InstalledPackages: LibraryPath, LaunchArgs
//! <library>/Packages/ComfyUI/main.py
//! ```
//!
//! In a portable one the library is the folder `Data` beside the program.
//!
//! Source: `Services/SettingsManager.cs`, `Models/InstalledPackage.cs` and `Models/LaunchOption.cs` in
//! `StabilityMatrix.Core` of LykosAI/StabilityMatrix.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Draft, Kind, Layout, Places};
use crate::install::config::{json, line_of};
use crate::install::launch::{Launch, LaunchKind, quoted_words};
use crate::install::{is_root, named};

pub(super) const KIND: Kind = Kind { of, inside, usual };

/// The most packages of a library.
const MOST_PACKAGES: usize = 1_000;

fn of(comfyui: &Path, _: &Places) -> Option<Draft> {
    let packages = comfyui.parent().filter(|folder| named(folder, "Packages"))?;
    let library = packages.parent()?;
    let settings = library.join("settings.json");
    if !settings.is_file() && !library.join(".sm-portable").exists() {
        return None;
    }
    let mut problems = Vec::new();
    let launches = launches(comfyui, &settings, &mut problems);
    Some(Draft { root: comfyui.to_owned(), launches, problems, ..Draft::new(Layout::StabilityMatrix, comfyui) })
}

/// Each ComfyUI of a library, or of the folder with the program and the library `Data`.
fn inside(folder: &Path, places: &Places) -> Vec<PathBuf> {
    let libraries = [folder.to_owned(), folder.join("Data")];
    let packages = libraries.iter().filter(|library| library.join("settings.json").is_file());
    let entries = packages.flat_map(|library| fs::read_dir(library.join("Packages")).into_iter().flatten());
    let comfyuis = entries.take(MOST_PACKAGES).flatten().map(|entry| entry.path()).filter(|folder| is_root(folder));
    let mut comfyuis: Vec<_> = comfyuis.filter(|comfyui| of(comfyui, places).is_some()).collect();
    comfyuis.sort();
    comfyuis
}

fn usual(places: &Places) -> Vec<Draft> {
    let settings = places.settings().map(|folder| folder.join("StabilityMatrix"));
    let library = settings.iter().filter_map(|folder| {
        let (value, _) = json(&folder.join("library.json"), &mut Vec::new())?;
        value.get("LibraryPath")?.as_str().map(PathBuf::from)
    });
    let home = places.home();
    let below_home =
        ["", "Desktop", "Downloads", "Documents"].into_iter().filter_map(|name| Some(home.as_ref()?.join(name)));
    let portable = below_home
        .chain([places.root().to_owned()])
        .flat_map(|folder| ["StabilityMatrix", "StabilityMatrix-win-x64", "Data"].map(|name| folder.join(name)));
    let folders = library.chain(portable).chain(settings.clone());
    let comfyuis = folders.flat_map(|folder| inside(&folder, places));
    comfyuis.filter_map(|comfyui| of(&comfyui, places)).collect()
}

/// How the package in this folder is started.
fn launches(comfyui: &Path, settings: &Path, problems: &mut Vec<String>) -> Vec<Launch> {
    let Some((value, text)) = json(settings, problems) else { return Vec::new() };
    let packages = value.get("InstalledPackages").and_then(Value::as_array);
    let field = |package: &Value, name: &str| package.get(name)?.as_str().map(str::to_owned);
    let is_it = |package: &&Value| {
        let path = field(package, "LibraryPath").map(|path| path.replace('\\', "/"));
        path.as_deref()
            .and_then(|path| Path::new(path).file_name())
            .is_some_and(|name| Some(name) == comfyui.file_name())
    };
    let environment = environment(&value);
    let launch = |package: &Value| {
        let options = package.get("LaunchArgs").and_then(Value::as_array).into_iter().flatten();
        let arguments = options.flat_map(argument).collect();
        let id = field(package, "Id").unwrap_or_default();
        let line = line_of(&text, &[&format!("\"{id}\""), "\"LaunchArgs\""]);
        Launch {
            environment: environment.clone(),
            folder: Some(comfyui.to_owned()),
            main: Some(comfyui.join(field(package, "LaunchCommand").unwrap_or_else(|| "main.py".into()))),
            ..Launch::new(LaunchKind::StabilityMatrix, Some(settings), line, arguments)
        }
    };
    packages.into_iter().flatten().filter(is_it).map(launch).collect()
}

/// `{"Name": "--port", "Type": "Int", "OptionValue": 8189}`; a nameless one has arguments as they are typed.
fn argument(option: &Value) -> Vec<String> {
    let name = option.get("Name").and_then(Value::as_str).unwrap_or_default();
    match option.get("OptionValue") {
        Some(Value::Bool(true)) => vec![name.to_owned()],
        Some(Value::Number(number)) => vec![name.to_owned(), number.to_string()],
        Some(Value::String(text)) if name.is_empty() => quoted_words(text),
        Some(Value::String(text)) if !text.trim().is_empty() => vec![name.to_owned(), text.clone()],
        _ => Vec::new(),
    }
}

/// Variables that the user set, in the newer form or the older one.
fn environment(settings: &Value) -> Vec<(String, String)> {
    let list = settings.get("UserEnvironmentVariablesList").and_then(Value::as_array).filter(|list| !list.is_empty());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(list) = list {
        let enabled = list.iter().filter(|pair| pair.get("IsEnabled") != Some(&Value::Bool(false)));
        return enabled.filter_map(|pair| Some((text(pair.get("Key")?)?, text(pair.get("Value")?)?))).collect();
    }
    let map = settings.get("EnvironmentVariables").and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}
