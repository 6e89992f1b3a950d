//! The Python files that define node classes: ComfyUI's own, the node's, and those of the packs in `custom_nodes`.

use std::cell::OnceCell;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use crate::cache::Key;
use crate::python::Source;
use crate::text;

/// Larger files are not read; ComfyUI's own have at most some hundred kilobytes.
const MOST_BYTES: u64 = 4 << 20;
/// The most files of a pack.
const MOST_FILES: usize = 1_000;
/// The most folders in folders of a pack.
const DEEPEST: usize = 6;
/// Folders in a pack that hold other things than its nodes.
const NOT_NODES: [&str; 7] = ["node_modules", "venv", "site-packages", "__pycache__", "web", "js", "tests"];

/// The files. Those of the packs beside the node are only looked for when something is in no other file.
#[derive(Default)]
pub(super) struct Library {
    files: Vec<File>,
    beside: OnceCell<Vec<File>>,
    /// The folders of the packs beside the node.
    packs: Vec<PathBuf>,
    /// The names of all folders in `custom_nodes`.
    pub(super) installed: Vec<String>,
}

/// What was read of a library.
#[derive(Serialize, Deserialize)]
pub(super) struct Read {
    /// The indices of the files whose text was needed.
    texts: Vec<usize>,
    /// Were the files of the packs beside the node looked for?
    beside: bool,
}

/// A file.
pub(super) struct File {
    /// Relative to the installation or the pack, with slashes.
    pub(super) name: String,
    /// Its pack; None for ComfyUI itself.
    pub(super) pack: Option<String>,
    path: PathBuf,
    text: OnceCell<Vec<u8>>,
    source: OnceCell<Option<Source>>,
}

impl File {
    fn new(root: &Path, path: PathBuf, pack: Option<&str>) -> Self {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        Self { name, pack: pack.map(str::to_owned), path, text: OnceCell::new(), source: OnceCell::new() }
    }

    /// Its text; empty if it cannot be read.
    fn text(&self) -> &[u8] {
        self.text.get_or_init(|| {
            let is_small = fs::metadata(&self.path).is_ok_and(|facts| facts.is_file() && facts.len() <= MOST_BYTES);
            is_small.then(|| fs::read(&self.path).ok()).flatten().unwrap_or_default()
        })
    }

    /// Its syntax tree; None if it cannot be parsed.
    pub(super) fn source(&self) -> Option<&Source> {
        self.source.get_or_init(|| Source::parse(Path::new(&self.name), self.text().to_vec()).ok()).as_ref()
    }

    /// Does this name occur in it in quotes?
    pub(super) fn quotes(&self, name: &str) -> bool {
        let text = self.text();
        memchr::memmem::find_iter(text, name.as_bytes()).any(|at| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            before.is_some_and(|quote| matches!(quote, b'"' | b'\'')) && text.get(at + name.len()) == before
        })
    }
}

impl Library {
    /// ComfyUI's own files.
    pub(super) fn add_comfyui(&mut self, comfyui: &Path) {
        self.files.push(File::new(comfyui, comfyui.join("nodes.py"), None));
        let extras = comfyui.join("comfy_extras");
        let mut found = Vec::new();
        in_folder(comfyui, &extras, None, 1, &mut found);
        self.files.extend(found);
    }

    /// The files of the node, its `__init__.py` first; gives the index of that.
    pub(super) fn add_node(&mut self, node: &Path) -> usize {
        let first = self.files.len();
        let name = pack_name(node);
        let init = node.join("__init__.py");
        let mut found = Vec::new();
        in_folder(node, node, Some(&name), DEEPEST, &mut found);
        found.sort_by_key(|file| file.path != init);
        self.files.extend(found);
        first
    }

    /// The packs in a folder `custom_nodes`, other than the node, whose real path is given.
    pub(super) fn add_packs(&mut self, custom_nodes: &Path, node: Option<&Path>) {
        let entries = fs::read_dir(custom_nodes).into_iter().flatten().flatten();
        for folder in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let name = pack_name(&folder);
            if name.starts_with('.') || name == "__pycache__" || self.installed.contains(&name) {
                continue;
            }
            self.installed.push(name.clone());
            // As ComfyUI does: a pack is switched off by its name.
            let is_node = node.is_some() && text::real(&folder).ok().as_deref() == node;
            if !is_node && !name.ends_with(".disabled") {
                self.packs.push(folder);
            }
        }
        self.installed.sort();
        self.packs.sort();
    }

    /// A file, by its index.
    pub(super) fn file(&self, index: usize) -> &File {
        self.files.get(index).unwrap_or_else(|| &self.beside()[index - self.files.len()])
    }

    /// The indices of ComfyUI's files and of the node's.
    pub(super) fn own(&self) -> std::ops::Range<usize> {
        0..self.files.len()
    }

    /// The indices of the files of the packs beside the node.
    pub(super) fn others(&self) -> std::ops::Range<usize> {
        self.files.len()..self.files.len() + self.beside().len()
    }

    /// A key with everything that is there before a text is read: another one if a file or a pack comes or goes.
    pub(super) fn with_names(&self, key: Key) -> Key {
        let files = self.files.iter().map(|file| bytes(&file.path));
        key.with_all(files).with_all(self.installed.iter()).with_all(self.packs.iter().map(|folder| bytes(folder)))
    }

    /// A key with what was read: another one if anything in it changes. None if there are not so many files any more.
    pub(super) fn with_texts(&self, key: Key, read: &Read) -> Option<Key> {
        let beside = if read.beside { self.beside() } else { &[] };
        let key = key.with([u8::from(read.beside)]).with_all(beside.iter().map(|file| bytes(&file.path)));
        let file = |at: usize| self.files.get(at).or_else(|| beside.get(at.checked_sub(self.files.len())?));
        read.texts.iter().try_fold(key, |key, at| Some(key.with(at.to_le_bytes()).with(file(*at)?.text())))
    }

    /// What was read until now.
    pub(super) fn read(&self) -> Read {
        let beside = self.beside.get().into_iter().flatten();
        let files = self.files.iter().chain(beside).enumerate();
        let texts = files.filter(|(_, file)| file.text.get().is_some()).map(|(at, _)| at).collect();
        Read { texts, beside: self.beside.get().is_some() }
    }

    fn beside(&self) -> &[File] {
        self.beside.get_or_init(|| {
            let mut found = Vec::new();
            for pack in &self.packs {
                in_folder(pack, pack, Some(&pack_name(pack)), DEEPEST, &mut found);
            }
            found
        })
    }

    /// The file of a module that is imported in another: with leading dots, or of ComfyUI itself.
    pub(super) fn resolve(&self, from: usize, dots: usize, module: &str) -> Option<usize> {
        let parts = module.split('.').filter(|part| !part.is_empty());
        if dots == 0 {
            let name = parts.collect::<Vec<_>>().join("/");
            let names = [format!("{name}.py"), format!("{name}/__init__.py")];
            return self.own().find(|at| self.file(*at).pack.is_none() && names.contains(&self.file(*at).name));
        }
        let mut folder = self.file(from).path.parent()?;
        for _ in 1..dots {
            folder = folder.parent()?;
        }
        let path = parts.fold(folder.to_owned(), |path, part| path.join(part));
        let candidates = [path.with_extension("py"), path.join("__init__.py")];
        let all = if from < self.files.len() { self.own() } else { self.others() };
        all.into_iter().find(|at| candidates.contains(&self.file(*at).path))
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn pack_name(folder: &Path) -> String {
    let last = folder.components().next_back();
    last.map(Component::as_os_str).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Adds the Python files in a folder, in the order of their paths.
fn in_folder(root: &Path, folder: &Path, pack: Option<&str>, depth: usize, found: &mut Vec<File>) {
    let is_hidden = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    let is_wanted = |entry: &DirEntry| {
        let is_folder = entry.depth() > 0 && entry.file_type().is_dir();
        entry.depth() == 0
            || !(is_hidden(entry) || (is_folder && NOT_NODES.iter().any(|name| entry.file_name() == *name)))
    };
    let walk = WalkDir::new(folder).max_depth(depth).sort_by_file_name().into_iter().filter_entry(is_wanted);
    let files = walk.flatten().map(DirEntry::into_path);
    let python = files.filter(|path| path.extension().is_some_and(|extension| extension == "py"));
    found.extend(python.take(MOST_FILES).map(|path| File::new(root, path, pack)));
}
