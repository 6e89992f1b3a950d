//! Repositories to try things on, made on the fly.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryInitOptions, Signature};
use tempfile::TempDir;

use super::Install;

/// A folder of its own, with the path that the file system gives it.
pub fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = super::real(folder.path());
    (folder, path)
}

pub fn init(path: &Path, bare: bool) -> Repository {
    let mut options = RepositoryInitOptions::new();
    let repository = Repository::init_opts(path, options.initial_head("master").bare(bare)).unwrap();
    repository.config().unwrap().set_bool("core.autocrlf", false).unwrap();
    repository
}

/// Commits everything in the working tree, or, where there is none, in `from`.
pub fn commit(repository: &Repository, from: &Path) -> git2::Oid {
    let mut tree = BTreeMap::new();
    for entry in walkdir::WalkDir::new(from).into_iter().filter_entry(|entry| entry.file_name() != ".git") {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(from).unwrap().to_owned();
            tree.insert(path, repository.blob(&fs::read(entry.path()).unwrap()).unwrap());
        }
    }
    let mut index = git2::Index::new().unwrap();
    for (path, id) in tree {
        let path = path.to_str().unwrap().replace('\\', "/");
        let zero = git2::IndexTime::new(0, 0);
        let entry = git2::IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.into_bytes(),
        };
        index.add(&entry).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(repository).unwrap()).unwrap();
    let who = Signature::now("a", "a@example.org").unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, "c", &tree, &parents).unwrap()
}

/// A ComfyUI with three commits: 4 fields (tag `v0.3.70`), 5, and dynamic VRAM (branch `next`, `origin/master`), of
/// which the second is checked out.
pub fn comfyui(path: &Path, bare: bool) -> Repository {
    let repository = init(path, bare);
    let mut ids = Vec::new();
    for fixture in ["separate-clip", "legacy", "formatted"] {
        ids.push(commit(&repository, &Path::new("fixtures").join(fixture).join("ComfyUI")));
    }
    let at = |id: git2::Oid| repository.find_object(id, None).unwrap();
    let who = Signature::now("a", "a@example.org").unwrap();
    repository.tag("v0.3.70", &at(ids[0]), &who, "annotated", false).unwrap();
    repository.reference("refs/heads/next", ids[2], false, "").unwrap();
    repository.reference("refs/remotes/origin/master", ids[2], false, "").unwrap();
    repository.reference("refs/heads/user@next", ids[2], false, "").unwrap();
    repository.reference("refs/heads/master", ids[1], true, "").unwrap();
    if !bare {
        super::copy(Path::new("fixtures/legacy/ComfyUI"), path);
    }
    repository
}

/// A checkout that was cloned: upstream's repair in `origin/main`, the old version checked out and then edited.
pub fn node() -> Install {
    let install = Install::of("legacy");
    let fixed = Install::of("upstream-fixed");
    let repository = init(&install.checkout(), false);
    commit(&repository, &install.checkout());
    let old = repository.head().unwrap().target().unwrap();
    let new = commit(&repository, &fixed.checkout());
    repository.reference("refs/remotes/origin/main", new, false, "").unwrap();
    repository.reference("refs/heads/master", old, true, "").unwrap();
    fs::write(install.file(), format!("{}# edited\n", install.text())).unwrap();
    install
}
