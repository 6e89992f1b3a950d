//! A run that is killed, whenever that is, leaves every file whole, the old one or the new one; the next run succeeds and
//! leaves nothing lying about; and a revert then gives the old bytes.
//!
//! `DISTORCH_FIX_FULL=1 cargo test --test it crash -- --nocapture` kills more often, and says how often it did.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::common::{Install, is_full, program, skip};

/// Runs of a test that are killed, in full or not.
fn kills() -> u32 {
    match (is_full(), cfg!(windows)) {
        (true, _) => 1400,
        (false, false) => 20,
        // Each run takes longer there, more so under Wine.
        (false, true) => 12,
    }
}

/// A change, how it is undone, and the files that it is about.
struct Change {
    make: &'static [&'static str],
    undo: &'static [&'static str],
    files: &'static [&'static str],
}

/// Two files are to be repaired, and both are to be whole.
const REPAIR: Change = Change {
    make: &["apply", "--no-verify", "--quiet"],
    undo: &["revert", "--quiet"],
    files: &[
        "ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py",
        "ComfyUI/custom_nodes/ComfyUI-MultiGPU/load_items.py",
    ],
};

/// A workflow is in no checkout.
const EDIT: Change = Change {
    make: &["workflow", "convert", "wan2.2.json", "--string", "cuda:0,6gb;cpu,*", "--comfyui", "ComfyUI", "--quiet"],
    undo: &["workflow", "revert", "wan2.2.json", "--quiet"],
    files: &["wan2.2.json"],
};

/// An install, with what its files hold before and after a change.
struct Subject {
    install: Install,
    change: Change,
    old: BTreeMap<PathBuf, Vec<u8>>,
    new: BTreeMap<PathBuf, Vec<u8>>,
}

impl Subject {
    /// A checkout that is a clone, and a workflow.
    fn all() -> [Self; 2] {
        let checkout = Install::of("sibling-helper");
        git2::Repository::init(checkout.checkout()).unwrap();
        [Self::new(checkout, REPAIR), Self::new(Install::copy_of("tests/data/guide".as_ref()), EDIT)]
    }

    fn new(install: Install, change: Change) -> Self {
        allow_group(&install, &change, 0o660);
        let old = files(&install);
        let subject = Self { new: old.clone(), old, install, change };
        subject.succeeds(subject.change.make);
        let new = files(&subject.install);
        assert!(subject.old != new);
        subject.succeeds(subject.change.undo);
        assert!(files(&subject.install) == subject.old);
        Self { new, ..subject }
    }

    fn succeeds(&self, arguments: &[&str]) {
        let ran = self.install.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    }

    /// What holds after a run was killed; afterwards everything is as at the beginning.
    fn is_whole(&self, moment: &str) {
        let mut left = files(&self.install);
        left.retain(|path, _| !path.file_name().unwrap().to_str().unwrap().starts_with(".distorch-fix-"));
        assert!(left.keys().eq(self.old.keys()), "{moment}: {:?}", left.keys());
        for (path, bytes) in &left {
            assert!(*bytes == self.old[path] || *bytes == self.new[path], "{moment}: {} is neither", path.display());
        }
        self.succeeds(self.change.make);
        assert!(files(&self.install) == self.new, "{moment}: after the next run");
        let modes = modes(&self.install, &self.change);
        assert!(modes.iter().all(|mode| *mode == 0o660), "{moment}: {modes:?}");
        self.succeeds(self.change.undo);
        assert!(files(&self.install) == self.old, "{moment}: after a revert");
    }

    /// Prepares for a run of `arguments`, which make the change or undo it.
    fn prepare(&self, arguments: &[&str]) {
        if arguments == self.change.undo {
            self.succeeds(self.change.make);
        }
    }

    fn runs(&self) -> [&'static [&'static str]; 2] {
        [self.change.make, self.change.undo]
    }
}

/// The files of an install, without those of its repository.
fn files(install: &Install) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = install.files();
    files.retain(|path, _| !path.components().any(|part| part.as_os_str() == ".git"));
    files
}

#[cfg(unix)]
fn allow_group(install: &Install, change: &Change, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    for name in change.files {
        fs::set_permissions(install.root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[cfg(unix)]
fn modes(install: &Install, change: &Change) -> Vec<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |name| fs::metadata(install.root.join(name)).unwrap().permissions().mode() & 0o7777;
    change.files.iter().map(mode).collect()
}

#[cfg(not(unix))]
fn allow_group(_install: &Install, _change: &Change, _mode: u32) {}

#[cfg(not(unix))]
fn modes(_install: &Install, _change: &Change) -> Vec<u32> {
    Vec::new()
}

#[test]
fn killed_at_any_moment() {
    let subjects = Subject::all();
    let mut killed = 0;
    for (subject, arguments) in subjects.iter().flat_map(|subject| subject.runs().map(|run| (subject, run))) {
        subject.prepare(arguments);
        let begun = Instant::now();
        subject.succeeds(arguments);
        let whole = begun.elapsed();
        subject.is_whole("not killed");
        for moment in 0..kills() / 2 {
            subject.prepare(arguments);
            let mut child = program(&subject.install.root);
            let mut child = child.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            thread::sleep(whole * moment / (kills() / 2));
            child.kill().unwrap();
            killed += u32::from(child.wait().unwrap().code().is_none_or(|code| code != 0));
            subject.is_whole(&format!("{arguments:?} after {moment} of {} parts of {whole:?}", kills() / 2));
        }
    }
    println!("killed at any moment: {killed} runs");
    assert!(killed > 0);
}

/// What a write is made of. Of the calls that are made before it as well, the last ones are those of the write.
#[cfg(target_os = "linux")]
const CALLS: [&str; 16] = [
    "rename",
    "renameat",
    "renameat2",
    "fsync",
    "fchmod",
    "fchown",
    "unlink",
    "unlinkat",
    "flock",
    "mkdir",
    "write",
    "ftruncate",
    "lseek",
    "openat",
    "close",
    "statx",
];

/// A run with something injected into one of its system calls, and what it came to.
#[cfg(target_os = "linux")]
fn injected(subject: &Subject, arguments: &[&str], inject: &str) -> std::process::Output {
    let mut traced = Command::new("strace");
    let program = program(&subject.install.root);
    traced.current_dir(&subject.install.root).args(["-f", "-qqq", "-o", "/dev/null", "-e", inject]);
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("PWD");
    traced.arg(program.get_program()).args(arguments).output().unwrap()
}

/// How often the main thread of a run, which is the one that writes, makes a call: strace counts for each thread by
/// itself.
#[cfg(target_os = "linux")]
fn count(subject: &Subject, arguments: &[&str], call: &str) -> Option<usize> {
    let log = subject.install.root.with_extension("strace");
    let program = program(&subject.install.root);
    let mut traced = Command::new("strace");
    traced.current_dir(&subject.install.root).args(["-f", "-qqq", "-o"]).arg(&log);
    traced.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("PWD");
    traced.arg("-e").arg(format!("trace=execve,{call}")).arg(program.get_program()).args(arguments);
    let ran = traced.output().ok()?;
    let text = fs::read_to_string(&log).ok()?;
    fs::remove_file(log).ok()?;
    // A line for each call, behind the number of its thread. The main thread makes the first: it starts the program.
    let main = text.split_whitespace().next()?;
    let begun = format!(" {call}(");
    let of_main = text.lines().filter(|line| line.split_whitespace().next() == Some(main) && line.contains(&begun));
    ran.status.success().then(|| of_main.count())
}

#[cfg(target_os = "linux")]
fn is_strace_here() -> bool {
    let works =
        Command::new("strace").args(["-qqq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]).output();
    works.is_ok_and(|works| works.status.success())
}

#[cfg(target_os = "linux")] // it needs strace
#[test]
fn killed_at_every_system_call_of_a_write() {
    if !is_strace_here() {
        return skip("there is no strace to kill runs at system calls with");
    }
    let subjects = Subject::all();
    let mut killed = 0;
    for (subject, arguments) in subjects.iter().flat_map(|subject| subject.runs().map(|run| (subject, run))) {
        for call in CALLS {
            subject.prepare(arguments);
            let Some(count) = count(subject, arguments, call) else { continue };
            subject.is_whole("not killed");
            // The others are made while it still reads.
            let most = if call.len() >= 6 || call == "fsync" { kills() as usize / 10 } else { kills() as usize / 5 };
            for number in count.saturating_sub(most) + 1..=count {
                subject.prepare(arguments);
                let inject = format!("inject={call}:signal=KILL:when={number}");
                let ran = injected(subject, arguments, &inject);
                killed += u32::from(!ran.status.success());
                subject.is_whole(&format!("{arguments:?} with {inject} of {count}"));
            }
        }
    }
    println!("killed at system calls: {killed} runs");
    assert!(killed > 0);
}

/// A disk that is full, a permission that is lost, a device that fails: at each call in turn.
#[cfg(target_os = "linux")] // it needs strace
#[test]
fn every_call_of_a_write_may_fail() {
    if !is_strace_here() {
        return skip("there is no strace to let system calls fail with");
    }
    let subjects = Subject::all();
    let faults = [
        ("write", "ENOSPC"),
        ("fsync", "EIO"),
        ("rename", "EACCES"),
        ("renameat", "EACCES"),
        ("renameat2", "EACCES"),
        ("fchmod", "EPERM"),
        ("mkdir", "EROFS"),
        ("ftruncate", "ENOSPC"),
    ];
    let mut failed = 0;
    for (subject, arguments) in subjects.iter().flat_map(|subject| subject.runs().map(|run| (subject, run))) {
        for (call, error) in faults {
            subject.prepare(arguments);
            let Some(count) = count(subject, arguments, call) else { continue };
            subject.is_whole("nothing failed");
            for number in 1..=count {
                subject.prepare(arguments);
                let inject = format!("inject={call}:error={error}:when={number}");
                let ran = injected(subject, arguments, &inject);
                let said = String::from_utf8_lossy(&ran.stderr);
                let left = files(&subject.install);
                assert!(left.keys().eq(subject.old.keys()), "{inject}: {:?}", left.keys());
                if !ran.status.success() {
                    failed += 1;
                    assert_eq!(ran.status.code(), Some(2), "{inject}: {said}");
                    assert!(said.contains("error: ") && said.contains("\nhelp: "), "{inject}: {said}");
                }
                subject.is_whole(&format!("{arguments:?} with {inject}"));
            }
        }
    }
    assert!(failed > 5, "{failed}");
}
