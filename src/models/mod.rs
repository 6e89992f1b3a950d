//! Where the files of models are: the folders of a ComfyUI by category, and the file behind a name in a workflow.
//!
//! ```text
//! categories: models/, output/ ──┬─> Folders ─ lookup ─> the file, or where it was looked for
//! install: extra_model_paths.yaml ┘
//! ```
//!
//! A name is looked up directly. The folders are never walked, since they can hold terabytes on slow disks.
//!
//! Source: `folder_paths.py`, `utils/extra_config.py` and `apply_custom_paths()` in `main.py` of ComfyUI, and `nodes.py` of
//! ComfyUI-GGUF.

mod categories;
mod lookup;

use std::path::{Path, PathBuf};

use anyhow::Result;

pub use lookup::Lookup;

use crate::install::layout::Installation;
use crate::install::{Extra, extra_model_paths};
use crate::text;

/// The file beside `main.py` that adds folders.
const EXTRA: &str = "extra_model_paths.yaml";

/// Where a ComfyUI is told to look, by its command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `--base-directory`, which moves everything but the program.
    pub base_directory: Option<PathBuf>,
    /// The files given with `--extra-model-paths-config`.
    pub extra_model_paths: Vec<PathBuf>,
}

impl Arguments {
    /// What an installation's ComfyUI is told.
    pub fn of(installation: &Installation) -> Self {
        let is_moved = installation.base != installation.comfyui;
        let beside_main = installation.comfyui.join(EXTRA);
        let files = installation.extra_model_paths.iter().filter(|file| **file != beside_main);
        Self {
            base_directory: is_moved.then(|| installation.base.clone()),
            extra_model_paths: files.cloned().collect(),
        }
    }
}

/// The folders of a ComfyUI in which models are.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// Categories and their folders, both in ComfyUI's order.
    categories: Vec<(String, Vec<PathBuf>)>,
    /// What is wrong with files that add folders: ComfyUI does not start with them.
    pub problems: Vec<String>,
}

impl Folders {
    /// The folders of the ComfyUI at this path. A file that adds folders and cannot be read is a [problem](Self::problems).
    ///
    /// # Errors If a file that is named in the arguments cannot be read.
    pub fn of(comfyui: &Path, arguments: &Arguments) -> Result<Self> {
        let comfyui = text::real_or_same(comfyui);
        let base = arguments.base_directory.as_ref().unwrap_or(&comfyui);
        let base = std::path::absolute(base).unwrap_or_else(|_| base.clone());
        let mut folders = Self::default();
        for (category, names) in categories::BELOW_MODELS {
            for name in names {
                folders.add(category, base.join("models").join(name), false);
            }
        }
        let beside_main = comfyui.join(EXTRA);
        if beside_main.is_file()
            && let Err(error) = folders.add_extra(&beside_main)
        {
            folders.problems.push(format!("{error:#}"));
        }
        for path in &arguments.extra_model_paths {
            folders.add_extra(path)?;
        }
        for (category, name) in categories::BELOW_OUTPUT {
            folders.add(category, base.join("output").join(name), false);
        }
        Ok(folders)
    }

    /// The folders of a category, in the order in which they are searched; None if the category is not known.
    pub fn of_category(&self, category: &str) -> Option<&[PathBuf]> {
        let category = categories::same_as(category);
        self.categories.iter().find(|(known, _)| known == category).map(|(_, folders)| folders.as_slice())
    }

    /// The file that a loader node loads by this name.
    pub fn find(&self, category: &str, name: &str) -> Lookup {
        lookup::find(self.of_category(category).unwrap_or_default(), category, name)
    }

    /// `load_extra_path_config`.
    fn add_extra(&mut self, file: &Path) -> Result<()> {
        for Extra { category, folder, first } in extra_model_paths(file)? {
            self.add(&category, folder, first);
        }
        Ok(())
    }

    /// `add_model_folder_path`.
    fn add(&mut self, category: &str, folder: PathBuf, first: bool) {
        let category = categories::same_as(category);
        let known = self.categories.iter().position(|(known, _)| known == category).unwrap_or_else(|| {
            self.categories.push((category.to_owned(), Vec::new()));
            self.categories.len() - 1
        });
        let folders = &mut self.categories[known].1;
        let there = folders.iter().position(|known| *known == folder);
        match (there, first) {
            (Some(_), false) => {}
            (Some(there), true) => folders[..=there].rotate_right(1),
            (None, false) => folders.push(folder),
            (None, true) => folders.insert(0, folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A ComfyUI with these empty files.
    fn comfyui(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folders: &Folders, root: &Path, category: &str, name: &str) -> String {
        let shown = |path: PathBuf| {
            let root = text::real(root).unwrap();
            path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/")
        };
        match folders.find(category, name) {
            Lookup::Found { path, .. } => shown(path),
            Lookup::Otherwise { path, name } => format!("{} as {name}", shown(path)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_category_has_the_folders_of_comfyui() {
        let root = comfyui(&[
            "models/unet/a.gguf",
            "models/diffusion_models/sub/b.safetensors",
            "models/clip/c.safetensors",
            "models/t2i_adapter/d.pth",
            "output/loras/e.safetensors",
        ]);
        let folders = Folders::of(root.path(), &Arguments::default()).unwrap();
        let found = |category, name| found(&folders, root.path(), category, name);
        assert_eq!(found("unet_gguf", "a.gguf"), "models/unet/a.gguf");
        assert_eq!(found("unet", "sub/b.safetensors"), "models/diffusion_models/sub/b.safetensors");
        assert_eq!(found("text_encoders", "c.safetensors"), "models/clip/c.safetensors");
        assert_eq!(found("clip_gguf", "c.safetensors"), "models/clip/c.safetensors");
        assert_eq!(found("controlnet", "d.pth"), "models/t2i_adapter/d.pth");
        assert_eq!(found("loras", "e.safetensors"), "output/loras/e.safetensors");
        assert!(folders.of_category("something_of_a_pack").is_none());
    }

    #[test]
    fn a_base_directory_moves_the_models_but_not_the_yaml_file() {
        let root = comfyui(&["models/vae/a.safetensors", "base/models/vae/b.safetensors", "more/c.safetensors"]);
        fs::write(root.path().join(EXTRA), "mine:\n  vae: more\n").unwrap();
        let arguments = Arguments { base_directory: Some(root.path().join("base")), ..Arguments::default() };
        let folders = Folders::of(root.path(), &arguments).unwrap();
        assert!(matches!(folders.find("vae", "a.safetensors"), Lookup::Missing { looked_in } if looked_in.len() == 3));
        assert!(matches!(folders.find("vae", "b.safetensors"), Lookup::Found { .. }));
        assert_eq!(found(&folders, root.path(), "vae", "c.safetensors"), "more/c.safetensors");
    }

    #[test]
    fn a_broken_yaml_file_is_a_problem_and_one_that_is_named_is_an_error() {
        let root = comfyui(&["models/vae/a.safetensors"]);
        let yaml = root.path().join(EXTRA);
        fs::write(&yaml, "mine:\n  vae: [\n").unwrap();
        let folders = Folders::of(root.path(), &Arguments::default()).unwrap();
        assert!(folders.problems[0].contains("extra_model_paths.yaml: not YAML"), "{:?}", folders.problems);
        assert!(matches!(folders.find("vae", "a.safetensors"), Lookup::Found { .. }));
        let arguments = Arguments { extra_model_paths: vec![yaml], ..Arguments::default() };
        assert!(Folders::of(root.path(), &arguments).is_err());
    }
}
