//! An installation as its kind describes it, before its launches are read.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Installation, Layout, Places};
use crate::install::extra_model_paths as extra_model_paths_of;
use crate::install::launch::{self, Launch, Options};
use crate::install::normal;

/// The most logs that are listed.
const MOST_LOGS: usize = 40;
/// The most entries of the user directory that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// What a kind knows of an installation.
#[derive(Debug, Clone)]
pub(in crate::install) struct Draft {
    pub(in crate::install) layout: Layout,
    /// The folder that has all of it.
    pub(in crate::install) root: PathBuf,
    pub(in crate::install) comfyui: PathBuf,
    /// The base directory, if the kind decides it.
    pub(in crate::install) base: Option<PathBuf>,
    /// Folders that may have its Python, the likeliest first.
    pub(in crate::install) pythons: Vec<PathBuf>,
    /// How the kind itself starts it.
    pub(in crate::install) launches: Vec<Launch>,
    /// Folders and files of logs.
    pub(in crate::install) logs: Vec<PathBuf>,
    pub(in crate::install) problems: Vec<String>,
}

impl Draft {
    /// A ComfyUI that is all by itself.
    pub(in crate::install) fn new(layout: Layout, comfyui: &Path) -> Self {
        Self {
            layout,
            root: comfyui.to_owned(),
            comfyui: comfyui.to_owned(),
            base: None,
            pythons: Vec::new(),
            launches: Vec::new(),
            logs: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Reads what the launches and the files that add folders say.
    pub(super) fn read(mut self, places: &Places) -> Installation {
        let mut launches = std::mem::take(&mut self.launches);
        let mut problems = Vec::new();
        launches.extend(launch::launches(&self, places, &mut problems));
        self.problems.append(&mut problems);
        let options = if launches.is_empty() { Options::default() } else { Options::of(&self.comfyui) };
        for launch in &mut launches {
            launch.interpret(&options);
        }
        let base =
            self.base.clone().unwrap_or_else(|| self.agreed(&launches, "--base-directory", &self.comfyui.clone()));
        let user = self.agreed(&launches, "--user-directory", &base.join("user"));
        let python = self.python(&launches, &base);
        let logs = self.logs(&user);
        let mut custom_nodes = vec![base.join("custom_nodes")];
        let mut extra_model_paths = Vec::new();
        let beside_main = self.comfyui.join("extra_model_paths.yaml");
        if beside_main.is_file() {
            extra_model_paths.push(beside_main);
        }
        for launch in &launches {
            extra_model_paths.extend(launch.values("--extra-model-paths-config").map(|file| self.path(launch, file)));
        }
        let mut seen = HashSet::new();
        extra_model_paths.retain(|file| seen.insert(file.clone()));
        for file in &extra_model_paths {
            match extra_model_paths_of(file) {
                Ok(extra) => {
                    for extra in extra.into_iter().filter(|extra| extra.category == "custom_nodes") {
                        let at = if extra.first { 0 } else { custom_nodes.len() };
                        custom_nodes.insert(at, extra.folder);
                    }
                }
                Err(error) => self.problems.push(format!("{error:#}")),
            }
        }
        let mut seen = HashSet::new();
        custom_nodes.retain(|folder| seen.insert(folder.clone()));
        Installation {
            layout: self.layout,
            root: self.root,
            comfyui: self.comfyui,
            base,
            user,
            custom_nodes,
            python,
            launches,
            extra_model_paths,
            problems: self.problems,
            logs,
        }
    }

    /// A folder that launches set. Only what all that set it agree on is used.
    fn agreed(&mut self, launches: &[Launch], option: &str, default: &Path) -> PathBuf {
        let set: HashSet<PathBuf> =
            launches.iter().filter_map(|launch| Some(self.path(launch, launch.value(option)?))).collect();
        if set.len() > 1 {
            self.problems.push(format!("it is started with several values of {option}, and none of them is used here"));
        }
        let mut set = set.into_iter();
        set.next().filter(|_| set.next().is_none()).unwrap_or_else(|| default.to_owned())
    }

    /// A path in the arguments of a launch.
    fn path(&self, launch: &Launch, path: &str) -> PathBuf {
        let path = launch.folder.as_deref().unwrap_or(&self.comfyui).join(path);
        normal(&std::path::absolute(&path).unwrap_or(path))
    }

    /// The program of its Python: the one that a launch names, else one in a folder where it can be.
    fn python(&self, launches: &[Launch], base: &Path) -> Option<PathBuf> {
        let named = launches.iter().filter_map(|launch| launch.python.clone());
        let environments = [&*self.comfyui, &self.root, base].into_iter().flat_map(|folder| {
            ["python_embeded", "python_embedded", ".venv", "venv", "env"].map(|name| folder.join(name))
        });
        let environments = self.pythons.iter().cloned().chain(environments);
        let programs = environments.flat_map(|folder| {
            ["python.exe", "Scripts/python.exe", "bin/python", "bin/python3"].map(|program| folder.join(program))
        });
        named.chain(programs).find(|program| program.is_file())
    }

    /// Its logs, the newest first.
    fn logs(&self, user: &Path) -> Vec<PathBuf> {
        // `comfyui_8188.prev.log`, `comfyui.log_2026-01-01T00-00-00-000Z.log`.
        let is_log = |name: &str| name.starts_with("comfyui") && name.contains(".log");
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        let mut add = |path: PathBuf| {
            let about = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
            found.extend(about.and_then(|about| about.modified().ok()).map(|time| (time, path)));
        };
        for place in self.logs.iter().map(PathBuf::as_path).chain([user]) {
            if place.is_file() {
                add(place.to_owned());
                continue;
            }
            for entry in fs::read_dir(place).into_iter().flatten().take(MOST_ENTRIES).flatten() {
                if entry.file_name().to_str().is_some_and(is_log) {
                    add(entry.path());
                }
            }
        }
        // An older one is kept under another name when ComfyUI starts, and a copy has a newer time.
        let is_kept = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(".prev") || name.contains(".log_")
        };
        found.sort_by(|a, b| is_kept(&a.1).cmp(&is_kept(&b.1)).then_with(|| b.cmp(a)));
        found.dedup_by(|a, b| a.1 == b.1);
        found.into_iter().take(MOST_LOGS).map(|(_, path)| path).collect()
    }
}
