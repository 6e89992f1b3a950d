//! The Python files that define node classes: ComfyUI's own, and those of the packs in `custom_nodes`.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::python::Source;

/// Larger files are not read; ComfyUI's own have at most some hundred kilobytes.
const MOST_BYTES: u64 = 4 << 20;

/// The files, in the order in which they were found.
#[derive(Default)]
pub(super) struct Library {
    files: Vec<File>,
    /// The names of the folders in `custom_nodes`.
    pub(super) packs: Vec<String>,
}

/// A file.
pub(super) struct File {
    /// Relative to the installation or the pack, with slashes.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its pack; None for ComfyUI itself.
    pub(super) pack: Option<String>,
    text: Vec<u8>,
    source: OnceCell<Option<Source>>,
}

impl File {
    /// Its syntax tree; None if it cannot be parsed.
    pub(super) fn source(&self) -> Option<&Source> {
        self.source.get_or_init(|| Source::parse(Path::new(&self.name), self.text.clone()).ok()).as_ref()
    }

    /// Does this word occur in it?
    pub(super) fn mentions(&self, word: &str) -> bool {
        memchr::memmem::find(&self.text, word.as_bytes()).is_some()
    }
}

impl Library {
    /// Adds a file that may be there.
    pub(super) fn add(&mut self, root: &Path, path: &Path, pack: Option<&str>) {
        let is_small = fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.len() <= MOST_BYTES);
        let Some(text) = is_small.then(|| fs::read(path).ok()).flatten() else { return };
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        self.files.push(File {
            name,
            path: path.to_owned(),
            pack: pack.map(str::to_owned),
            text,
            source: OnceCell::new(),
        });
    }

    /// Adds the Python files directly in a folder.
    pub(super) fn add_folder(&mut self, root: &Path, folder: &Path, pack: Option<&str>) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
        paths.sort();
        paths.iter().for_each(|path| self.add(root, path, pack));
    }

    pub(super) fn file(&self, index: usize) -> &File {
        &self.files[index]
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// The file at a path: a module, or a package's `__init__.py`.
    fn at(&self, path: &Path) -> Option<usize> {
        let module = path.with_extension("py");
        let package = path.join("__init__.py");
        self.files.iter().position(|file| file.path == module || file.path == package)
    }

    /// The file of a module that is imported in another: with leading dots, or of ComfyUI itself.
    pub(super) fn resolve(&self, from: usize, dots: usize, module: &str) -> Option<usize> {
        let parts = module.split('.').filter(|part| !part.is_empty());
        if dots == 0 {
            let name = parts.collect::<Vec<_>>().join("/");
            let names = [format!("{name}.py"), format!("{name}/__init__.py")];
            return self.files.iter().position(|file| file.pack.is_none() && names.contains(&file.name));
        }
        let mut folder = self.files[from].path.parent()?;
        for _ in 1..dots {
            folder = folder.parent()?;
        }
        self.at(&parts.fold(folder.to_owned(), |path, part| path.join(part)))
    }
}
