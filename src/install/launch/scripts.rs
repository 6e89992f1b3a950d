//! Scripts in and around an installation.

use std::fs;
use std::path::{Path, PathBuf};

use super::command::Command;
use super::{Launch, LaunchKind, Site, batch, powershell, shell};
use crate::install::config;

/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 2_000;
/// The most starts of a script that are kept.
const MOST_STARTS: usize = 50;

/// The starts of ComfyUI in scripts: those in the installation's own folders, and those beside it that name it.
pub(super) fn launches(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    let draft = site.draft;
    let mut launches = Vec::new();
    let own = [Some(&*draft.root), Some(&*draft.comfyui), draft.base.as_deref()];
    let mut folders: Vec<(PathBuf, bool)> = own.into_iter().flatten().map(|folder| (folder.to_owned(), true)).collect();
    // The portable archive has more of them in there.
    folders.push((draft.root.join("advanced"), true));
    folders.extend(draft.root.parent().map(|folder| (folder.to_owned(), false)));
    folders.extend(site.places.home().map(|home| (home, false)));
    let mut seen: Vec<PathBuf> = Vec::new();
    for (folder, is_own) in folders {
        if seen.contains(&folder) {
            continue;
        }
        for script in scripts(&folder) {
            let found = of_script(&script, site, problems);
            launches.extend(found.into_iter().filter(|launch| is_own || launch.main.is_some()));
        }
        seen.push(folder);
    }
    launches
}

/// The scripts in a folder, by name.
fn scripts(folder: &Path) -> Vec<(PathBuf, LaunchKind)> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_ENTRIES).flatten();
    let mut scripts: Vec<_> =
        entries.map(|entry| entry.path()).filter_map(|path| Some((path.clone(), kind(&path)?))).collect();
    scripts.sort();
    scripts
}

fn kind(path: &Path) -> Option<LaunchKind> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "bat" | "cmd" => Some(LaunchKind::Batch),
        "ps1" => Some(LaunchKind::PowerShell),
        "sh" | "command" => Some(LaunchKind::Shell),
        _ => None,
    }
}

fn of_script((path, kind): &(PathBuf, LaunchKind), site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    let Some(text) = config::text(path, problems) else { return Vec::new() };
    if !text.contains("main.py") && !text.contains("comfy") {
        return Vec::new();
    }
    let outside = site.outside();
    let commands = match kind {
        LaunchKind::Batch => batch::commands(&text, path, &outside),
        LaunchKind::PowerShell => powershell::commands(&text, path, &outside),
        _ => shell::commands(&text, context(path, &[], &outside)),
    };
    let launches = commands.iter().filter_map(|command| command.launch(*kind, Some(path), &site.draft.comfyui));
    launches.take(MOST_STARTS).collect()
}

/// How a shell sees a script. It begins in the folder in which it is started: for most people, its own.
fn context<'a>(
    path: &'a Path,
    environment: &'a [(String, String)],
    outside: &'a dyn Fn(&str) -> Option<String>,
) -> shell::Context<'a> {
    shell::Context { folder: path.parent(), script_folder: path.parent(), environment, outside, line: 1 }
}

impl Site<'_> {
    /// The commands of a shell script that a service runs.
    pub(super) fn script(&self, path: &Path, by: &Command, problems: &mut Vec<String>) -> Vec<(PathBuf, Command)> {
        let Some(text) = config::text(path, problems) else { return Vec::new() };
        let outside = self.outside();
        let mut context = context(path, &by.environment, &outside);
        context.folder = by.folder.as_deref().or(context.folder);
        shell::commands(&text, context).into_iter().map(|command| (path.to_owned(), command)).collect()
    }
}
