//! Finding the pack among all others, by the text of their files.

use std::fs;
use std::path::{Path, PathBuf};

use memchr::memmem::find as position;
use walkdir::WalkDir;

use super::{Installed, LOADERS, Pack};
use crate::python::Package;
use crate::text;

/// Packs that are looked at.
const MOST_PACKS: usize = 1000;
/// Python files of one pack that are looked at, those nearest to its top first.
const MOST_FILES: usize = 100;
/// Folders below that of the pack, with itself, that are looked at.
const DEEPEST: usize = 2;
/// Larger files have no loaders in them that anybody wrote.
const MOST_BYTES: u64 = 1024 * 1024;

/// The packs in a `custom_nodes` folder that have GGUF loaders and a patcher of their own, but for the checkout itself.
pub fn find(custom_nodes: &Path, checkout: &Path) -> Installed {
    let Ok(entries) = fs::read_dir(custom_nodes) else { return Installed::default() };
    let real = text::real(checkout).ok();
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_other = |folder: &PathBuf| is_loaded(folder) && text::real(folder).ok() != real;
    let mut folders: Vec<_> = folders.filter(is_other).collect();
    folders.sort();
    let mut found = Installed { packs: Vec::new(), is_cut: folders.len() > MOST_PACKS };
    folders.truncate(MOST_PACKS);
    for root in folders {
        let files = files(&root);
        if has_loaders(&files) {
            found.packs.push(Pack { root, package: Package::new(files) });
        }
    }
    found
}

/// Does ComfyUI load what is in this folder?
fn is_loaded(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.')
        && !name.ends_with(".disabled")
        && name != "__pycache__"
        && folder.join("__init__.py").is_file()
}

/// The Python files of a pack.
fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let walk = WalkDir::new(root).max_depth(DEEPEST).follow_root_links(true).sort_by_file_name();
    let is_source = |name: &str| !name.starts_with('.') && !matches!(name, "__pycache__" | "node_modules" | "tests");
    let mut paths: Vec<_> = walk
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_source(&entry.file_name().to_string_lossy()))
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "py"))
        .filter(|entry| entry.metadata().is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES))
        .collect();
    paths.sort_by_key(walkdir::DirEntry::depth);
    paths.truncate(MOST_FILES);
    let read = |entry: walkdir::DirEntry| {
        let path = entry.path().strip_prefix(root).ok()?.to_path_buf();
        Some((path, fs::read(entry.path()).ok()?))
    };
    paths.into_iter().filter_map(read).collect()
}

/// Do these files define a loader that the node builds on, and derive a patcher from ComfyUI's?
fn has_loaders(files: &[(PathBuf, Vec<u8>)]) -> bool {
    let names = LOADERS.iter().flat_map(|(_, names)| *names);
    let has = |word: &str| files.iter().any(|(_, text)| position(text, word.as_bytes()).is_some());
    names.into_iter().any(|name| has(name)) && files.iter().any(|(_, text)| derives(text))
}

/// `class GGUFModelPatcher(comfy.model_patcher.ModelPatcher)`: a base class that is called a patcher, or is of such a module.
fn derives(text: &[u8]) -> bool {
    let classes = memchr::memmem::find_iter(text, "\nclass ");
    let mut lines = classes.map(|at| text[at + 1..].split(|byte| *byte == b':').next().unwrap_or_default());
    lines.any(|line| position(line, b"(").is_some_and(|at| position(&line[at..], b"atcher").is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "import x\nclass Own(x.ModelPatcher): pass\nclass UnetLoaderGGUF: pass\n";

    /// A `custom_nodes` folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(folder: &Path) -> Vec<String> {
        let packs = find(folder, &folder.join("checkout")).packs.into_iter();
        packs.map(|pack| pack.root.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_pack_is_known_by_what_it_has() {
        let folder = folder(&[
            ("any-name/__init__.py", ""),
            ("any-name/nodes.py", NODES),
            ("inside/__init__.py", ""),
            ("inside/py/nodes.py", NODES),
            ("checkout/__init__.py", NODES),
            ("off.disabled/__init__.py", NODES),
            (".hidden/__init__.py", NODES),
            ("no-pack/nodes.py", NODES),
            ("wraps/__init__.py", "import x\nclass W(Base): pass\nn['UnetLoaderGGUF'] = W\n# ModelPatcher\n"),
            ("patches/__init__.py", "import x\nclass Own(x.ModelPatcher): pass\n"),
        ]);
        assert_eq!(found(folder.path()), ["any-name", "inside"]);
        assert!(found(&folder.path().join("missing")).is_empty());
    }

    #[test]
    fn files_that_cannot_be_read_are_none() {
        let folder = folder(&[("a/__init__.py", ""), ("a/nodes.py", NODES), ("b/__init__.py", "")]);
        let huge = NODES.to_owned() + &"#".repeat(usize::try_from(MOST_BYTES).unwrap());
        fs::write(folder.path().join("b/nodes.py"), huge).unwrap();
        fs::create_dir(folder.path().join("a/folder.py")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(found(folder.path()), ["a"]);
        fs::write(folder.path().join("a/nodes.py"), [NODES.as_bytes(), b"\xff\0"].concat()).unwrap();
        let pack = &find(folder.path(), Path::new("")).packs[0];
        assert!(pack.puts(&crate::comfyui::Patchers::default(), None).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_the_folder_that_it_leads_to() {
        let folder = folder(&[("elsewhere/pack/__init__.py", NODES), ("elsewhere/node/__init__.py", NODES)]);
        let custom_nodes = folder.path().join("custom_nodes");
        fs::create_dir(&custom_nodes).unwrap();
        for name in ["pack", "node"] {
            std::os::unix::fs::symlink(folder.path().join("elsewhere").join(name), custom_nodes.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(&custom_nodes, custom_nodes.join("circle")).unwrap();
        let packs = find(&custom_nodes, &folder.path().join("elsewhere/node")).packs;
        assert_eq!(packs.len(), 1, "{packs:?}");
        assert_eq!(packs[0].root, custom_nodes.join("pack"));
    }
}
