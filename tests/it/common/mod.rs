//! Installs to try things on: copies of the fixtures, in folders of their own.

pub mod generated;
pub mod git;
pub mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use distorch_fix::fixes::{Accounting, Fix};
use distorch_fix::install;
use distorch_fix::pipeline::Repair;
use tempfile::TempDir;

/// The names of all fixtures.
pub fn fixtures() -> Vec<String> {
    let folders = fs::read_dir("fixtures").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut names: Vec<_> = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.len() > 10, "the fixtures are where cargo runs tests");
    names
}

/// A copy of a fixture. Its path is the real one, so that it can be compared.
pub struct Install {
    _folder: TempDir,
    pub root: PathBuf,
}

impl Install {
    pub fn of(fixture: &str) -> Self {
        Self::copy_of(&Path::new("fixtures").join(fixture))
    }

    pub fn copy_of(original: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = real(folder.path());
        copy(original, &root);
        Self { _folder: folder, root }
    }

    pub fn checkout(&self) -> PathBuf {
        self.root.join("ComfyUI/custom_nodes/ComfyUI-MultiGPU")
    }

    pub fn file(&self) -> PathBuf {
        self.checkout().join("distorch_2.py")
    }

    pub fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Every file of the install, by its path.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.root)
    }

    /// The repair of it, in memory.
    pub fn repair(&self) -> anyhow::Result<Repair> {
        let search = install::locate(&self.root).unwrap();
        let [checkout] = &search.checkouts[..] else { panic!("not one checkout: {search:?}") };
        Repair::of(checkout, None, Fix::ALL, Accounting::Resident)
    }

    /// Runs the program in it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(program(&self.root).args(arguments))
    }
}

/// The program, to be run in a folder, without what the user's environment could change.
pub fn program(folder: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_distorch-fix"));
    // Journals of what is not a clone.
    keep_journals(&mut program, env!("CARGO_TARGET_TMPDIR").as_ref());
    // A file, so that nothing can be kept there.
    program.env("XDG_CACHE_HOME", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    program.current_dir(folder).env_remove("PWD").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    program
}

/// A text with slashes in its paths, as it is elsewhere.
pub fn slashed(text: &str) -> String {
    if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() }
}

/// Removes a folder. Files of a repository are read-only, and Windows then removes none.
pub fn remove(folder: &Path) {
    if cfg!(windows) {
        for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap) {
            let mut permissions = entry.metadata().unwrap().permissions();
            #[expect(clippy::permissions_set_readonly_false, reason = "on Windows this is one attribute")]
            permissions.set_readonly(false);
            fs::set_permissions(entry.path(), permissions).unwrap();
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// Has a program keep its journals below a folder, and nothing else.
pub fn keep_journals(program: &mut Command, folder: &Path) {
    program.env("XDG_STATE_HOME", folder);
    if cfg!(windows) {
        // There the cache is beside them.
        let folder = std::path::absolute(folder).unwrap();
        let cache = folder.join("distorch-fix/cache");
        fs::create_dir_all(cache.parent().unwrap()).unwrap();
        if !cache.exists() {
            fs::write(cache, "").unwrap();
        }
        program.env("LOCALAPPDATA", folder);
    }
}

/// Has a program keep what it found out below a folder; gives that of the entries.
pub fn keep_cache(program: &mut Command, folder: &Path) -> PathBuf {
    program.env("XDG_CACHE_HOME", folder).env("LOCALAPPDATA", folder);
    folder.join(if cfg!(windows) { "distorch-fix/cache" } else { "distorch-fix" })
}

/// A path without links in it, by the name that people know it under.
pub fn real(path: &Path) -> PathBuf {
    let real = fs::canonicalize(path).unwrap();
    real.to_str().and_then(|real| real.strip_prefix(r"\\?\")).map(PathBuf::from).unwrap_or(real)
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(program: &mut Command) -> Self {
        let Output { status, stdout, stderr } = program.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }
}

/// Every file below a folder, by its path from there.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().strip_prefix(root).unwrap().to_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Are the tests to try the largest sizes, as they do every night? A part of them is tried always.
pub fn is_full() -> bool {
    env::var_os("DISTORCH_FIX_FULL").is_some_and(|full| full == "1")
}

/// Tries several cases at once: most of them wait until some limit is reached.
pub fn at_once<T: Sync>(cases: &[T], test: impl Fn(&T) + Sync) {
    const MOST: usize = 16;
    for some in cases.chunks(MOST) {
        std::thread::scope(|scope| {
            for case in some {
                scope.spawn(|| test(case));
            }
        });
    }
}

/// The Python of this machine; without one, says that its part of a test was skipped. A name on the PATH may be a script
/// that looks for it anew at each start, which takes longer than what tests run.
pub fn python() -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) { &["python3", "python", "py"] } else { &["python3"] };
    let python = names.iter().find_map(|name| {
        let said = Command::new(name).args(["-I", "-S", "-c", "import sys; print(sys.executable)"]).output().ok()?;
        said.status.success().then(|| String::from_utf8(said.stdout).ok())?
    });
    if python.is_none() {
        skip("there is no python3, so nothing was run in it");
    }
    python.map(|path| PathBuf::from(path.trim_end()))
}

/// Says that a test was skipped, where it is seen even without `--nocapture`.
pub fn skip(why: &str) {
    use std::io::Write;
    // Not `eprintln!`, which the test runner captures.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
