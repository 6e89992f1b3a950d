//! Every version of `distorch_2.py` in a repository's history is understood, repaired and left alone after that.
//!
//! The repository is not part of this project: name a clone of ComfyUI-MultiGPU, bare or not, in `DISTORCH_FIX_HISTORY`.
//! Where the acceptance test that runs the results is at hand, it is asked too.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use distorch_fix::fixes::{Accounting, Fix, Status, Survey};
use distorch_fix::install;
use distorch_fix::pipeline::Repair;
use git2::{ObjectType, Repository};

const VARIABLE: &str = "DISTORCH_FIX_HISTORY";
const FILE: &str = "distorch_2.py";

/// One version of the file, with the Python files that stood beside it.
struct Version {
    /// The commit it was found in first.
    commit: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

fn repository() -> Option<PathBuf> {
    let path = env::var_os(VARIABLE).map(PathBuf::from);
    if path.is_none() {
        crate::common::skip(&format!("{VARIABLE} names no repository, so its history was not tried"));
    }
    path
}

fn versions(repository: &Repository) -> Vec<Version> {
    let mut walk = repository.revwalk().unwrap();
    walk.push_glob("refs/*").unwrap();
    walk.push_head().unwrap();
    let mut seen = HashSet::new();
    let mut versions = Vec::new();
    for id in walk.map(Result::unwrap) {
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        if !tree.get_name(FILE).is_some_and(|entry| seen.insert(entry.id())) {
            continue;
        }
        let entries = tree.iter().filter(|entry| entry.kind() == Some(ObjectType::Blob));
        let named = entries.map(|entry| (PathBuf::from(entry.name().unwrap()), entry.id()));
        let python = named.filter(|(name, _)| name.extension().is_some_and(|extension| extension == "py"));
        let files = python.map(|(name, id)| (name, repository.find_blob(id).unwrap().content().to_owned()));
        versions.push(Version { commit: id.to_string(), files: files.collect() });
    }
    versions
}

fn repair(folder: &Path) -> Repair {
    let search = install::locate(&folder.join(FILE)).unwrap();
    Repair::of(&search.checkouts[0], None, Fix::ALL, Accounting::Resident).unwrap()
}

#[test]
fn every_version_is_repaired_once_and_can_be_undone() {
    let Some(path) = repository() else { return };
    let versions = versions(&Repository::open(&path).unwrap());
    assert!(!versions.is_empty(), "{} has no {FILE} in its history", path.display());
    let mut repaired = 0;
    for Version { commit, files } in &versions {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let first = repair(folder.path());
        let refused = |survey: &Survey| survey.status == Status::NotUnderstood;
        assert!(!first.surveys.asked.iter().any(refused), "{commit}: {:#?}", first.surveys.asked);
        for change in &first.changes {
            let old = first.sources.package.source(change.file).unwrap().text();
            assert_eq!(change.edits.undo(old).apply(&change.text), old, "{commit}");
            fs::write(folder.path().join(first.sources.package.path(change.file)), &change.text).unwrap();
        }
        assert_eq!(first.is_needed(), !first.changes.is_empty(), "{commit}");
        repaired += usize::from(first.is_needed());
        let second = repair(folder.path());
        assert!(second.changes.is_empty() && !second.is_needed(), "{commit}: {:#?}", second.surveys.asked);
    }
    println!("{} versions, {repaired} of them repaired", versions.len());
}

#[test]
fn every_repaired_version_does_what_it_should_under_cpython() {
    let Some(path) = repository() else { return };
    let oracle = env::var_os("DISTORCH_FIX_ORACLE").map(PathBuf::from).filter(|oracle| oracle.is_file());
    let Some(oracle) = oracle else {
        return crate::common::skip(
            "DISTORCH_FIX_ORACLE does not name an acceptance test, so no result was run under CPython",
        );
    };
    if Command::new("python3").arg("--version").output().is_err() {
        return crate::common::skip("there is no python3, so no result was run under CPython");
    }
    let program = env!("CARGO_BIN_EXE_distorch-fix");
    let ran = Command::new("python3").arg(oracle).args(["--bin", program]).arg(path).output().unwrap();
    let out = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    println!("{out}");
}
