//! comfy-cli, which keeps its workspaces in `config.ini`.
//!
//! ```ini
//! [DEFAULT]
//! default_workspace = /home/me/comfy/ComfyUI
//! default_launch_extras = --listen --port 8190
//! ```
//!
//! Source: `comfy_cli/config_manager.py`, `constants.py`, `command/launch.py` of Comfy-Org/comfy-cli.

use std::path::{Path, PathBuf};

use super::{Draft, Kind, Layout, Os, Places};
use crate::install::config::text;
use crate::install::is_root;
use crate::install::launch::{Launch, LaunchKind};

pub(super) const KIND: Kind = Kind { of, inside: |_, _| Vec::new(), usual };

fn of(comfyui: &Path, places: &Places) -> Option<Draft> {
    usual(places).into_iter().find(|draft| draft.comfyui == comfyui)
}

fn usual(places: &Places) -> Vec<Draft> {
    let Some(home) = places.home() else { return Vec::new() };
    let settings = match places.os {
        Os::Windows => home.join("AppData").join("Local"),
        Os::Mac => home.join("Library").join("Application Support"),
        Os::Linux => home.join(".config"),
    };
    let file = settings.join("comfy-cli").join("config.ini");
    let mut problems = Vec::new();
    let entries = text(&file, &mut problems).map(|text| entries(&text)).unwrap_or_default();
    let entry = |name: &str| entries.iter().rfind(|entry| entry.name == name && !entry.value.is_empty());
    let own = match places.os {
        Os::Linux => home.join("comfy").join("ComfyUI"),
        Os::Windows | Os::Mac => home.join("Documents").join("comfy").join("ComfyUI"),
    };
    let named = |name: &str| entry(name).map(|entry| PathBuf::from(&entry.value));
    // Only the workspace that is set as the default gets the arguments that are set.
    let default = named("default_workspace");
    let others = [named("recent_workspace"), Some(own)];
    let workspaces = [default.clone()].into_iter().chain(others).flatten().filter(|folder| is_root(folder));
    let mut drafts: Vec<Draft> = Vec::new();
    for workspace in workspaces {
        if drafts.iter().any(|draft| draft.comfyui == workspace) {
            continue;
        }
        let extras = entry("default_launch_extras").filter(|_| default.as_ref() == Some(&workspace));
        let mut arguments: Vec<String> =
            extras.iter().flat_map(|extras| extras.value.split(' ')).map(str::to_owned).collect();
        arguments.retain(|argument| !argument.is_empty());
        let manager: &[&str] = match entry("manager_gui_mode").map(|entry| entry.value.as_str()) {
            Some("enable-gui") => &["--enable-manager"],
            Some("disable-gui") => &["--enable-manager", "--disable-manager-ui"],
            Some("enable-legacy-gui") => &["--enable-manager", "--enable-manager-legacy-ui"],
            _ => &[],
        };
        arguments.extend(manager.iter().map(|&argument| argument.to_owned()));
        let launch = Launch {
            folder: Some(workspace.clone()),
            main: Some(workspace.join("main.py")),
            ..Launch::new(LaunchKind::ComfyCli, Some(&file), extras.map(|extras| extras.line), arguments)
        };
        drafts.push(Draft {
            launches: vec![launch],
            logs: named("background_log").into_iter().collect(),
            problems: problems.clone(),
            ..Draft::new(Layout::ComfyCli, &workspace)
        });
    }
    drafts
}

/// A line of the file.
#[derive(Debug, PartialEq)]
struct Entry {
    name: String,
    value: String,
    line: u32,
}

/// The entries of the section `DEFAULT`, as `configparser` reads them.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut is_default = false;
    for (line, number) in text.lines().zip(1..) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = trimmed.strip_prefix('[') {
            is_default = section.trim_end_matches(']') == "DEFAULT";
        } else if line.starts_with([' ', '\t']) {
            if let Some(last) = entries.last_mut().filter(|_| is_default) {
                last.value.push('\n');
                last.value.push_str(trimmed);
            }
        } else if is_default && let Some((name, value)) = trimmed.split_once(['=', ':']) {
            let (name, value) = (name.trim().to_lowercase(), value.trim().replace("%%", "%"));
            entries.push(Entry { name, value, line: number });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_configparser_reads_them() {
        let text = "; a comment\n[DEFAULT]\nDefault_Workspace = C:\\comfy\nbackground: x = y\n\nlast = 50%%\n  more\n[other]\na = b\n";
        let shown: Vec<_> = entries(text).into_iter().map(|e| format!("{}|{}|{}", e.line, e.name, e.value)).collect();
        assert_eq!(shown, ["3|default_workspace|C:\\comfy", "4|background|x = y", "6|last|50%\nmore"]);
        assert_eq!(entries("no section\n[DEFAULT\nx"), []);
    }
}
