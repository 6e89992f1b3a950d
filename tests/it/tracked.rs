//! What is in the repository: text that people wrote, and nothing that a tool left behind.

use std::path::Path;

use crate::common::skip;

/// The kinds of files that have business here, by their extension.
const KINDS: &[&str] = &[
    "css",
    "dict",
    "js",
    "json",
    "lock",
    "log",
    "md",
    "outline",
    "py",
    "rb",
    "rs",
    "safetensors",
    "scm",
    "toml",
    "trycmd",
    "yaml",
    "yml",
];

/// Files that have none, and folders of such.
const OTHERS: &[&str] = &[
    ".ci/run",
    ".gitattributes",
    ".gitignore",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "fuzz/.gitignore",
    "fuzz/seeds/allocation/",
    "tests/data/architectures/",
    "tests/data/doctor/",
    "tests/data/installations/",
    "tests/data/logs/",
    "tests/data/setup/",
    "tests/data/workflows/checks/",
    ".github/CODEOWNERS",
];

/// The most bytes that a file has if it is not listed below.
const MOST_BYTES: usize = 256 << 10;

/// Files that may be larger, each with the reason.
const LARGE: [(&str, &str); 0] = [];

fn is_of_a_known_kind(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| KINDS.contains(&extension))
        || OTHERS.iter().any(|other| path == *other || other.ends_with('/') && path.starts_with(other))
}

/// The tracked files with their sizes in bytes; none where this is no clone, as in an unpacked archive.
fn tracked() -> Option<Vec<(String, usize)>> {
    let repository = match git2::Repository::open(env!("CARGO_MANIFEST_DIR")) {
        Ok(repository) => repository,
        Err(error) => {
            skip(&format!("git does not say which files belong here: {}", error.message()));
            return None;
        }
    };
    let objects = repository.odb().unwrap();
    let index = repository.index().unwrap();
    let file = |entry: git2::IndexEntry| {
        let (bytes, _) = objects.read_header(entry.id).unwrap();
        (String::from_utf8(entry.path).unwrap(), bytes)
    };
    Some(index.iter().map(file).collect())
}

#[test]
fn every_file_is_of_a_kind_that_has_business_here() {
    let Some(files) = tracked() else { return };
    assert!(files.len() > 100, "{} files are not all", files.len());
    let odd: Vec<_> = files.iter().map(|(path, _)| path).filter(|path| !is_of_a_known_kind(path)).collect();
    assert!(odd.is_empty(), "remove these, or add their kind to tests/it/tracked.rs: {odd:#?}");
}

#[test]
fn no_file_is_large_without_a_reason() {
    let Some(files) = tracked() else { return };
    let is_listed = |path: &str| LARGE.iter().any(|(large, _)| *large == path);
    let large: Vec<_> = files.iter().filter(|(path, bytes)| *bytes > MOST_BYTES && !is_listed(path)).collect();
    assert!(large.is_empty(), "make these smaller, or list them in tests/it/tracked.rs with the reason: {large:#?}");
    for (path, _) in LARGE {
        assert!(files.iter().any(|(file, bytes)| file == path && *bytes > MOST_BYTES), "{path} need not be listed");
    }
}

#[test]
fn what_tools_leave_behind_is_of_no_known_kind() {
    for left in
        ["fixtures/black-26.10.1-cp311-manylinux.whl", "a.pyc", "a.orig", "a.rs~", "core", "fixtures/x.tar.gz", "a.so"]
    {
        assert!(!is_of_a_known_kind(left), "{left}");
    }
}
