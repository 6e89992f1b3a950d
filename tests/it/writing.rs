//! What may be in the way of a write: each is a clear error, the old file is whole, and no other file is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Install, Ran, program, skip};

/// A fixture whose checkout is a clone.
fn clone(fixture: &str) -> Install {
    let install = Install::of(fixture);
    git2::Repository::init(install.checkout()).unwrap();
    install
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

/// Does it end with exit code 2 and say this, with help?
fn is_refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("error: ") && ran.err.contains(why) && ran.err.contains("\nhelp: "), "{ran:?}");
}

#[test]
fn of_many_at_once_one_writes_and_the_others_refuse_or_find_it_done() {
    let install = clone("sibling-helper");
    let before = names(&install.checkout());
    let expected = {
        let twin = Install::of("sibling-helper");
        twin.run(&["apply"]);
        twin.files()
    };
    let start = || {
        let mut program = program(&install.root);
        program.args(["apply", "--no-verify"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs: Vec<_> = (0..16).map(|_| start()).collect();
    for run in runs {
        let ended = run.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        let refused =
            said.contains("another distorch-fix is writing here") || said.contains("has changed in the meantime");
        assert!(ended.status.success() || (ended.status.code() == Some(2) && refused), "{said}");
    }
    assert_eq!(install.run(&["apply"]).code, 0);
    assert_eq!(names(&install.checkout()), before);
    let mut files = install.files();
    files.retain(|path, _| !path.components().any(|part| part.as_os_str() == ".git"));
    assert!(files == expected);
}

#[test]
fn who_holds_the_lock_is_not_disturbed() {
    let install = clone("legacy");
    let folder = install.checkout().join(".git/distorch-fix");
    fs::create_dir(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let before = install.files();
    is_refused(&install.run(&["apply"]), "another distorch-fix is writing here");
    assert!(install.files() == before);
    // A lock that somebody left is none.
    drop(lock);
    assert_eq!(install.run(&["apply"]).code, 0);
}

#[test]
fn without_a_place_for_the_journal_nothing_is_written() {
    let install = clone("legacy");
    fs::write(install.checkout().join(".git/distorch-fix"), "in the way").unwrap();
    let before = install.files();
    is_refused(&install.run(&["apply"]), "cannot keep a journal in");
    assert!(install.files() == before);
}

#[test]
fn a_damaged_journal_is_named() {
    let install = clone("legacy");
    assert_eq!(install.run(&["apply"]).code, 0);
    let journal = install.checkout().join(".git/distorch-fix/journal.json");
    let text = fs::read_to_string(&journal).unwrap();
    for damaged in ["", "{}", &text[..text.len() / 2], &text.replace("\"format\": 1", "\"format\": 2")] {
        fs::write(&journal, damaged).unwrap();
        for command in ["revert", "status"] {
            is_refused(&install.run(&[command]), "journal.json");
        }
    }
    fs::remove_file(&journal).unwrap();
    assert_eq!(install.run(&["revert"]).code, 0);
}

#[cfg(unix)] // Windows has no pipes in folders
#[test]
fn a_journal_that_is_a_link_or_a_pipe_is_not_followed() {
    let install = clone("legacy");
    let folder = install.checkout().join(".git/distorch-fix");
    let elsewhere = install.root.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
    is_refused(&install.run(&["apply"]), "cannot keep a journal in");
    assert!(names(&elsewhere).is_empty());
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    for name in ["lock", "journal.json"] {
        pipe(&folder.join(name));
        is_refused(&install.run(&["apply"]), "journal");
        fs::remove_file(folder.join(name)).unwrap();
    }
}

#[cfg(unix)]
fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)] // Windows has no pipes in folders
#[test]
fn a_pipe_a_device_or_a_folder_in_place_of_the_file_is_an_error() {
    use std::os::unix::fs::symlink;
    type Put = fn(&Path);
    let puts: [(&str, Put); 5] = [
        ("a pipe", pipe),
        ("an endless device", |path| symlink("/dev/zero", path).unwrap()),
        ("an empty device", |path| symlink("/dev/null", path).unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("nothing", |_| {}),
    ];
    for applied in [false, true] {
        for (what, put) in puts {
            let install = clone("legacy");
            if applied {
                assert_eq!(install.run(&["apply"]).code, 0);
            }
            fs::remove_file(install.file()).unwrap();
            put(&install.file());
            let before = names(&install.checkout());
            for command in ["apply", "check", "revert", "status"] {
                let ran = install.run(&[command]);
                assert!(ran.code == 2 && ran.err.contains("\nhelp: "), "{what}: {command}: {ran:?}");
                assert_eq!(names(&install.checkout()), before, "{what}: {command}");
            }
        }
    }
}

#[cfg(target_os = "linux")] // it needs a disk in memory
#[test]
fn a_full_disk_is_an_error() {
    /// A disk in memory, taken away at the end.
    struct Disk(tempfile::TempDir);
    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).status();
        }
    }
    let disk = Disk(tempfile::tempdir().unwrap());
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "none"]).arg(disk.0.path()).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        return skip("this user may not mount a small disk to fill");
    }
    let checkout = disk.0.path().join("ComfyUI-MultiGPU");
    crate::common::copy(&Install::of("sibling-helper").checkout(), &checkout);
    git2::Repository::init(&checkout).unwrap();
    let filler = disk.0.path().join("filler");
    // From no room at all to just too little for the second file or the journal.
    let run = |arguments: &[&str]| Ran::of(program(disk.0.path()).args(arguments));
    let read = || ["distorch_2.py", "load_items.py"].map(|name| fs::read(checkout.join(name)).unwrap());
    let (before, around) = (read(), names(&checkout));
    let mut refused = 0;
    for room in (0..64).step_by(4) {
        fs::write(&filler, vec![0; 1024]).unwrap();
        let mut size = 1024;
        while fs::write(&filler, vec![0; size + 4096]).is_ok() {
            size += 4096;
        }
        fs::write(&filler, vec![0; size.saturating_sub(room * 1024)]).unwrap();
        let ran = run(&["apply", "--no-verify"]);
        fs::remove_file(&filler).unwrap();
        assert_eq!(names(&checkout), around);
        if ran.code == 0 {
            assert_eq!(run(&["revert"]).code, 0);
        } else {
            refused += 1;
            is_refused(&ran, "check the free space");
        }
        assert!(read() == before, "{room} KiB");
    }
    assert!((2..16).contains(&refused), "{refused}");
}

#[cfg(unix)] // files have owners by number on Unix alone
#[test]
fn what_root_repairs_stays_its_owners() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let (user, group, mode) = (12_345, 23_456, 0o640);
    let install = clone("sibling-helper");
    let files = ["distorch_2.py", "load_items.py"].map(|name| install.checkout().join(name));
    for file in &files {
        if chown(file, Some(user), Some(group)).is_err() {
            return skip("only root can give a file to another user, so no file of another user was repaired");
        }
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }
    for command in ["apply", "revert"] {
        let before = files.each_ref().map(|file| fs::read(file).unwrap());
        assert_eq!(install.run(&[command]).code, 0);
        for (file, before) in files.iter().zip(before) {
            let about = fs::metadata(file).unwrap();
            assert_eq!((about.uid(), about.gid(), about.mode() & 0o777), (user, group, mode), "{command}");
            assert!(fs::read(file).unwrap() != before, "{command}");
        }
    }
}
