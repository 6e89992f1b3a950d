//! Which packages a Python has, by the names of the folders in which their descriptions are. Nothing is run or read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::text;

/// The most entries of a folder of packages that are looked at.
const MOST_ENTRIES: usize = 20_000;

/// The packages of a Python.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packages {
    /// The folders that were listed.
    pub folders: Vec<PathBuf>,
    /// Versions by name; names are in lower case with `-` between words.
    versions: BTreeMap<String, String>,
}

impl Packages {
    /// The packages of the Python with this program: `python.exe`, `bin/python`, `Scripts/python.exe`.
    ///
    /// # Errors Why they are not known, as a sentence.
    pub fn of(program: &Path) -> Result<Self, String> {
        let folders = folders(program);
        if folders.is_empty() {
            return Err(format!("no folder of packages belongs to {}", program.display()));
        }
        let mut packages = Self::default();
        for folder in folders {
            let entries =
                fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
            for entry in entries.take(MOST_ENTRIES).flatten() {
                if let Some((name, version)) = entry.file_name().to_str().and_then(described) {
                    // The first folder counts, as for Python.
                    packages.versions.entry(name).or_insert(version);
                }
            }
            packages.folders.push(folder);
        }
        Ok(packages)
    }

    /// The version of a package; None if it is not installed.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.versions.get(&normal(name)).map(String::as_str)
    }

    /// Every package with its version, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.versions.iter().map(|(name, version)| (name.as_str(), version.as_str()))
    }
}

/// The folders of packages, in Python's order.
fn folders(program: &Path) -> Vec<PathBuf> {
    let Some(beside) = program.parent() else { return Vec::new() };
    let is_inner = beside.file_name().is_some_and(|name| name == "bin" || name.eq_ignore_ascii_case("Scripts"));
    let root = if is_inner { beside.parent().unwrap_or(beside) } else { beside };
    let mut folders = vec![root.join("Lib").join("site-packages")];
    for library in ["lib", "lib64", "local/lib"] {
        let library = root.join(library);
        let entries = fs::read_dir(&library).into_iter().flatten().take(MOST_ENTRIES).flatten();
        let mut pythons: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("python3")))
            .map(|entry| entry.path())
            .collect();
        pythons.sort();
        folders
            .extend(pythons.iter().flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name))));
    }
    let mut real = Vec::new();
    folders.retain(|folder| {
        let place = text::real(folder).ok().filter(|place| place.is_dir() && !real.contains(place));
        real.extend(place.clone());
        place.is_some()
    });
    folders
}

/// `torch-2.8.0+cu128.dist-info`, or `name-1.0-py3.12.egg-info`: the name and the version.
fn described(entry: &str) -> Option<(String, String)> {
    let (stem, is_egg) = match entry.strip_suffix(".dist-info") {
        Some(stem) => (stem, false),
        None => (entry.strip_suffix(".egg-info")?, true),
    };
    let (name, version) = stem.split_once('-')?;
    let version = if is_egg { version.split('-').next()? } else { version };
    (!name.is_empty() && !version.is_empty()).then(|| (normal(name), version.to_owned()))
}

/// A name as all spellings of it are compared.
fn normal(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_tell_names_and_versions() {
        let of = |entry: &str| described(entry).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(of("torch-2.8.0+cu128.dist-info").as_deref(), Some("torch 2.8.0+cu128"));
        assert_eq!(of("comfyui_frontend_package-1.2.3.dist-info").as_deref(), Some("comfyui-frontend-package 1.2.3"));
        assert_eq!(of("PyYAML-6.0-py3.12.egg-info").as_deref(), Some("pyyaml 6.0"));
        for other in ["torch", "torch-2.8.0", "x.dist-info", "-1.dist-info", "x-.dist-info"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_python_of_every_layout_has_its_packages() {
        for (program, packages) in [
            ("python_embeded/python.exe", "python_embeded/Lib/site-packages"),
            (".venv/Scripts/python.exe", ".venv/Lib/site-packages"),
            ("venv/bin/python", "venv/lib/python3.12/site-packages"),
            ("usr/bin/python3", "usr/local/lib/python3.11/dist-packages"),
        ] {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join(packages).join("gguf-0.17.1.dist-info")).unwrap();
            fs::create_dir_all(root.path().join(program).parent().unwrap()).unwrap();
            let found = Packages::of(&root.path().join(program)).unwrap();
            assert_eq!(found.version("GGUF"), Some("0.17.1"), "{program}");
            assert_eq!(found.version("torch"), None);
        }
        assert!(Packages::of(Path::new("nowhere/bin/python")).is_err());
    }
}
