//! What the tests of the fixes share: short files, repaired in memory, and what must hold of every repair.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use distorch_fix::edit::Edits;
use distorch_fix::fixes::{self, Accounting, Fix, State, Status, Survey};
use distorch_fix::python::{FileId, Package, Source};

/// The name of the file that everything starts from.
pub const FILE: &str = "distorch_2.py";

/// What a fix finds in these files.
pub fn survey(files: &[(&str, &str)], fix: Fix, accounting: Accounting) -> (Package, Survey) {
    let package = Package::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())));
    let mut surveys = fixes::survey(&package, &[fix], accounting).unwrap();
    (package, surveys.remove(0))
}

/// The files after the repair. Whatever they are, undoing the edits gives the old text back, the new text parses, and
/// there is nothing left to repair in it.
pub fn repair(files: &[(&str, &str)], fix: Fix, accounting: Accounting) -> Vec<String> {
    let (repaired, edited) = edit_once(files, fix, accounting);
    let again: Vec<_> = files.iter().zip(&repaired).map(|((path, _), text)| (*path, text.as_str())).collect();
    let (twice, _) = edit_once(&again, fix, accounting);
    assert_eq!(repaired, twice, "repairing again changes something");
    if edited {
        let (_, after) = survey(&again, fix, accounting);
        assert_eq!(after.status, Status::InOrder, "after the repair of\n{}\nnamely\n{}", files[0].1, repaired[0]);
    }
    repaired
}

fn edit_once(files: &[(&str, &str)], fix: Fix, accounting: Accounting) -> (Vec<String>, bool) {
    let (package, survey) = survey(files, fix, accounting);
    let mut edited = false;
    let texts = package.ids().zip(files).map(|(file, (path, old))| {
        let all = survey.sites.iter().flat_map(|site| &site.edits);
        let edits = all.filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone()).collect();
        let edits = Edits::new(edits).unwrap();
        edited |= !edits.is_empty();
        let new = edits.apply(old);
        assert_eq!(edits.undo(old).apply(&new), *old, "undoing the edits does not give the old text");
        let parsed = Source::parse(Path::new(path), new.clone().into_bytes());
        assert!(parsed.is_ok(), "{}\nin\n{new}", parsed.err().unwrap());
        new
    });
    (texts.collect(), edited)
}

/// The line and the state of every site in one file.
pub fn states(text: &str, fix: Fix) -> Vec<(usize, State)> {
    let (package, survey) = survey(&[(FILE, text)], fix, Accounting::Resident);
    let source = package.source(FileId::FIRST).unwrap();
    survey.sites.iter().map(|site| (source.place(site.range.start).line, site.state)).collect()
}

/// What a fix comes to in one file.
pub fn status(text: &str, fix: Fix) -> Status {
    survey(&[(FILE, text)], fix, Accounting::Resident).1.status
}
