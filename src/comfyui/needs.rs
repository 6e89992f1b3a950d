//! What a pack needs of ComfyUI to be imported, and whether a ComfyUI has it.
//!
//! ```text
//! import comfy.memory_management                          comfy/memory_management.py
//! from comfy.model_patcher import LowVramPatch      →     LowVramPatch in comfy/model_patcher.py
//! limit = comfy.model_management.EXTRA                    EXTRA in comfy/model_management.py
//! ```
//!
//! Only code that certainly runs counts, only ComfyUI's own modules, and only what is certainly not there is missing.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tree_sitter::Node;

use super::names::Names;
use crate::cache::{Cache, Key};
use crate::install::Files;
use crate::python::field::Fields;
use crate::python::imports::{Import, imports, is_certain};
use crate::python::source::{MAX_BYTES, walk};
use crate::python::{FileId, Package, Source};

/// ComfyUI's own top-level modules, in any version. None of them is a package on `PyPI` that a pack could mean.
const TOP: [&str; 13] = [
    "comfy",
    "comfy_api",
    "comfy_api_nodes",
    "comfy_config",
    "comfy_execution",
    "comfy_extras",
    "comfyui_version",
    "execution",
    "folder_paths",
    "latent_preview",
    "node_helpers",
    "nodes",
    "server",
];
/// Files that every complete ComfyUI has. A folder without them is incomplete, and what it lacks proves nothing.
const WHOLE: [&str; 3] = ["nodes.py", "folder_paths.py", "comfy/model_management.py"];

/// Something that a pack needs of ComfyUI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// The file.
    pub file: FileId,
    /// Where the file asks for it.
    pub range: Range<usize>,
    /// The modules and then, unless it is a module, a name: `comfy.utils.ProgressBar`.
    pub dotted: String,
    /// Is all of it a module?
    pub is_module: bool,
}

/// A name that a pack imports from one of its own files, which does not define it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The file.
    pub file: FileId,
    /// Where the file asks for it.
    pub range: Range<usize>,
    /// The name.
    pub name: String,
    /// The file that should define it.
    pub from: FileId,
}

/// What the package needs when it is imported, starting with its `__init__.py`, or with its first file.
pub(super) fn read(package: &Package) -> (Vec<Need>, Vec<Fault>) {
    let mut open = vec![package.init().unwrap_or(FileId::FIRST)];
    let mut seen: BTreeSet<_> = open.iter().copied().collect();
    let (mut needs, mut faults) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<FileId, Names> = BTreeMap::new();
    let makes = Makes::of(package);
    while let Some(file) = open.pop() {
        let Ok(source) = package.source(file) else { continue };
        let certain: Vec<_> = imports(source).into_iter().filter(|import| is_certain(source, import.node)).collect();
        for import in &certain {
            if import.dots == 0 {
                needs.extend(need(file, import).filter(|need| !makes.shadows(package, need)));
                continue;
            }
            let module = package.resolve(file, import.dots, &import.module);
            let below = package.resolve(file, import.dots, &import.dotted());
            open.extend(module.into_iter().chain(below).filter(|target| seen.insert(*target)));
            if let (Some(from), Some(name), None) = (module, import.name, below)
                && package.path(from).file_name() != Some("__init__.py".as_ref())
                && let Ok(source) = package.source(from)
                && !names.entry(from).or_insert_with(|| Names::of(source)).may_have(name)
                && !makes.has(name)
            {
                faults.push(Fault { file, range: import.node.byte_range(), name: name.to_owned(), from });
            }
        }
        needs.extend(attributes(source, file, &certain).into_iter().filter(|need| !makes.shadows(package, need)));
    }
    needs.sort_by_key(|need| (need.file, need.range.start));
    (needs, faults)
}

fn need(file: FileId, import: &Import<'_>) -> Option<Need> {
    let dotted = import.dotted();
    let need = Need { file, range: import.node.byte_range(), dotted, is_module: import.name.is_none() };
    is_of_comfyui(&need.dotted).then_some(need)
}

pub(super) fn is_of_comfyui(dotted: &str) -> bool {
    TOP.contains(&dotted.split('.').next().unwrap_or_default())
}

/// The attributes of ComfyUI's modules that are read while the file is imported.
fn attributes(source: &Source, file: FileId, certain: &[Import<'_>]) -> Vec<Need> {
    let mut modules: BTreeMap<&str, String> = BTreeMap::new();
    for import in certain.iter().filter(|import| import.dots == 0 && !import.star) {
        let top = import.module.split('.').next().unwrap_or_default();
        if let Some(bound) = import.bound {
            modules.insert(bound, import.dotted());
        } else if let Some(top) = TOP.iter().find(|known| **known == top) {
            modules.insert(top, top.to_string());
        }
    }
    modules.retain(|_, dotted| is_of_comfyui(dotted));
    let mut found = Vec::new();
    if modules.is_empty() {
        return found;
    }
    walk(&mut source.root().walk(), |node| match node.kind() {
        "import_statement" | "import_from_statement" | "lambda" => false,
        "block" => node.parent().is_none_or(|parent| parent.kind() != "function_definition"),
        "attribute" => {
            let chain = chain(source, node);
            let module = chain.as_ref().and_then(|(name, _)| modules.get(name));
            if let (Some((_, attributes)), Some(module)) = (chain, module)
                && is_certain(source, node)
                && !is_stored(node)
            {
                let dotted = format!("{module}.{attributes}");
                found.push(Need { file, range: node.byte_range(), dotted, is_module: false });
            }
            false
        }
        _ => true,
    });
    found
}

/// `a`, `b.c` of `a.b.c`.
fn chain<'t>(source: &'t Source, attribute: Node<'t>) -> Option<(&'t str, String)> {
    let mut names = Vec::new();
    let mut node = attribute;
    while node.kind() == "attribute" {
        names.push(source.slice(node.field("attribute")?));
        node = node.field("object")?;
    }
    names.reverse();
    (node.kind() == "identifier").then(|| (source.slice(node), names.join(".")))
}

fn is_stored(node: Node<'_>) -> bool {
    let mut below = node;
    while let Some(around) = below.parent() {
        if matches!(around.kind(), "assignment" | "augmented_assignment") {
            return around.field("left") == Some(below);
        }
        below = around;
    }
    false
}

/// What a pack may add to modules itself, or test for before it imports it: names in string literals, and attributes
/// that it assigns. They are looked up in the text of its files, where a false match does no harm.
struct Makes<'p> {
    texts: Vec<&'p str>,
    changes_path: bool,
}

impl<'p> Makes<'p> {
    fn of(package: &'p Package) -> Self {
        let texts: Vec<_> = package.ids().filter_map(|file| package.text(file)).collect();
        let changes_path = texts.iter().any(|text| text.contains("sys.path"));
        Self { texts, changes_path }
    }

    fn has(&self, name: &str) -> bool {
        let is_made = |text: &&str| {
            memchr::memmem::find_iter(text.as_bytes(), name).any(|at| {
                let (before, after) = (&text[..at], &text[at + name.len()..]);
                let is_text = before.ends_with(['"', '\'']) && after.starts_with(['"', '\'']);
                let is_stored = before.ends_with('.') && after.trim_start().starts_with(['=', ':']);
                is_text || is_stored
            })
        };
        self.texts.iter().any(is_made)
    }

    /// May a need be met by the pack itself?
    fn shadows(&self, package: &Package, need: &Need) -> bool {
        let (module, last) = need.dotted.rsplit_once('.').unwrap_or(("", &need.dotted));
        let top = need.dotted.split('.').next().unwrap_or_default();
        // `"comfy"` alone is a common string, and proves nothing about its names.
        let is_named = self.has(last) || self.has(&need.dotted) || (module.contains('.') && self.has(module));
        is_named || (self.changes_path && package.resolve(need.file, 0, top).is_some())
    }
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// This module.
    Module(String),
    /// This name, in the file.
    Name(String, PathBuf),
}

/// The modules of one ComfyUI, each read when it is first needed.
pub(super) struct Modules<'c> {
    files: &'c Files,
    cache: Option<&'c Cache>,
    names: BTreeMap<PathBuf, Option<Names>>,
    /// The text of `main.py`, once it is needed.
    main: OnceCell<Vec<u8>>,
}

impl<'c> Modules<'c> {
    /// None if the folder is not a complete ComfyUI.
    pub(super) fn of(files: &'c Files, cache: Option<&'c Cache>) -> Option<Self> {
        let is_whole = WHOLE.iter().all(|path| files.has(Path::new(path)));
        is_whole.then(|| Self { files, cache, names: BTreeMap::new(), main: OnceCell::new() })
    }

    /// What of `dotted` this ComfyUI lacks for certain: modules and then, unless all of it is a module, a name.
    pub(super) fn missing(&mut self, dotted: &str, is_module: bool) -> Option<Missing> {
        let parts: Vec<_> = dotted.split('.').collect();
        let mut folder = PathBuf::new();
        for (at, part) in parts.iter().enumerate() {
            let here = folder.join(part);
            let init = here.join("__init__.py");
            let file = here.with_extension("py");
            if self.files.has(&init) || (!self.files.has(&file) && self.files.has(&here)) {
                let next = parts.get(at + 1)?;
                folder.clone_from(&here);
                let below = here.join(next);
                let is_there = self.files.has(&below) || self.files.has(&below.with_extension("py"));
                if is_there || is_compiled(self.files, &here, next) {
                    continue;
                }
                let has_names = self.files.has(&init);
                if has_names && self.may_have(&init, next)? {
                    return None;
                }
                let is_name = has_names && !is_module && at + 2 == parts.len();
                return Some(if is_name {
                    Missing::Name((*next).to_owned(), init)
                } else {
                    Missing::Module(parts[..=at + 1].join("."))
                });
            }
            if self.files.has(&file) {
                let name = parts.get(at + 1)?;
                let missing = !is_module && !self.may_have(&file, name)?;
                return missing.then(|| Missing::Name((*name).to_owned(), file));
            }
            let unknown = is_compiled(self.files, &folder, part);
            return (!unknown).then(|| Missing::Module(parts[..=at].join(".")));
        }
        None
    }

    /// May a file define a name? None if the file cannot be read.
    fn may_have(&mut self, path: &Path, name: &str) -> Option<bool> {
        if !self.names.contains_key(path) {
            let names = self.read(path);
            self.names.insert(path.to_owned(), names);
        }
        // `main.py` sets some names of other modules.
        let names = self.names.get(path)?.as_ref()?;
        Some(names.may_have(name) || self.is_set_at_start(name))
    }

    fn is_set_at_start(&self, name: &str) -> bool {
        let read = || self.files.read(Path::new("main.py"), MAX_BYTES as u64).ok().flatten().unwrap_or_default();
        memchr::memmem::find(self.main.get_or_init(read), format!(".{name}").as_bytes()).is_some()
    }

    fn read(&self, path: &Path) -> Option<Names> {
        let bytes = self.files.read(path, MAX_BYTES as u64).ok()??;
        let key = Key::new("names").with(&bytes);
        if let Some(known) = self.cache.and_then(|cache| cache.get(&key)) {
            return Some(known);
        }
        let names = Names::of(&Source::parse(path, bytes).ok()?);
        if let Some(cache) = self.cache {
            cache.keep(&key, &names);
        }
        Some(names)
    }
}

/// Is there a file of another kind that Python could import under this name, such as `name.cp312-win_amd64.pyd`?
fn is_compiled(files: &Files, folder: &Path, name: &str) -> bool {
    let Files::Folder(root) = files else { return false };
    let is_other = |file: &str| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') && rest != ".py");
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().filter_map(Result::ok);
    entries.into_iter().any(|entry| entry.file_name().to_str().is_some_and(is_other))
}
