//! An installation in miniature, and what is to be said of a problem in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use distorch_fix::doctor::{self, Evidence, Facts, Finding, Named, Place, Problem, Step};
use distorch_fix::fixes::{Accounting, Fix};
use distorch_fix::install;
use distorch_fix::install::layout::{self, Os, Places};
use distorch_fix::machine::{self, Machine, Memory};
use distorch_fix::pipeline::Repair;
use serde::Deserialize;

use crate::common::{Ran, copy, git, keep_journals, program, slashed};
use crate::headers::{Gguf, write_safetensors};

/// What is to be said of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Found,
    Absent,
    Unknown,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }

    /// Of a case by its name: `found`, `found-in-log`.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Found, Self::Absent, Self::Unknown].into_iter().find(|state| {
            let rest = name.strip_prefix(state.name());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

/// `case.toml`: see `tests/data/doctor/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "a file of settings")]
struct Described {
    about: String,
    installation: PathBuf,
    #[serde(default)]
    copy: BTreeMap<PathBuf, PathBuf>,
    #[serde(default)]
    write: BTreeMap<PathBuf, String>,
    #[serde(default)]
    remove: Vec<PathBuf>,
    #[serde(default)]
    packages: Option<BTreeMap<String, String>>,
    #[serde(default)]
    models: BTreeMap<PathBuf, Model>,
    #[serde(default)]
    committed: bool,
    #[serde(default)]
    repaired: bool,
    #[serde(default)]
    log_is_older: bool,
    #[serde(default)]
    windows: bool,
    #[serde(default)]
    ram_gb: Option<u64>,
}

/// The file of a model: its weights are a hole in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    gb: f64,
    layers: u64,
}

pub(super) struct Case {
    folder: PathBuf,
    state: State,
    described: Described,
}

impl Case {
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let name = folder.file_name().and_then(|name| name.to_str()).ok_or("no name")?;
        let state = State::of(name).ok_or("neither found, absent nor unknown")?;
        let text = fs::read_to_string(folder.join("case.toml")).map_err(|error| format!("case.toml: {error}"))?;
        let described: Described = toml::from_str(&text).map_err(|error| format!("case.toml: {error}"))?;
        assert!(!described.about.is_empty());
        Ok(Self { folder: folder.to_owned(), state, described })
    }

    /// What is wrong with what is said of a problem; None if nothing is.
    pub(super) fn wrong(&self, problem: &Problem) -> Option<String> {
        let (_folder, root) = git::folder();
        let facts = self.facts(&root);
        let name = self.folder.display();
        let (state, said) = match (problem.find)(&facts) {
            Ok(found) if found.is_empty() => (State::Absent, String::new()),
            Ok(found) => {
                (State::Found, found.iter().map(|finding| said(finding, &root)).collect::<Vec<_>>().join("\n"))
            }
            Err(why) => (State::Unknown, format!("unknown, because {}\n", without(&why, &root))),
        };
        if state != self.state {
            return Some(format!("{name}: it is {}: {said}", state.name()));
        }
        let unproved = |finding: &Finding| finding.evidence.is_empty();
        if (problem.find)(&facts).is_ok_and(|found| found.iter().any(unproved)) {
            return Some(format!("{name}: a finding without evidence"));
        }
        if state == State::Absent {
            return None;
        }
        let file = self.folder.join("answer.txt");
        if env::var_os("UPDATE").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let right = fs::read_to_string(&file).unwrap_or_default();
        (slashed(&said) != slashed(&right))
            .then(|| format!("{name}: `UPDATE=1 cargo test --test it doctor::` writes answer.txt anew:\n{said}"))
    }

    /// What is wrong with a command that is named for a workflow, if it is run: it fails, or does not help. None if
    /// nothing is, or if no such command is named.
    pub(super) fn unhelpful(&self, problem: &Problem) -> Option<String> {
        let (_folder, root) = git::folder();
        let found = (problem.find)(&self.facts(&root)).ok()?;
        let Step::Command(command) = &found.first()?.step else { return None };
        let words: Vec<&str> = command.strip_prefix("distorch-fix workflow ").map(words)?;
        let mut program = program(&root);
        keep_journals(&mut program, &root.join("state"));
        program.arg("workflow").args(&words);
        if words.contains(&"--fit") {
            // There are no GPUs where this is run.
            let machine = self.machine();
            let gpus = machine.gpus.iter().flatten().map(|card| format!("cuda:{}={}b", card.index, card.total_bytes));
            program.args(gpus.flat_map(|gpu| [String::from("--vram"), gpu]));
        }
        let ran = Ran::of(&mut program);
        let name = self.folder.display();
        if words.first() == Some(&"check") {
            // It says of each node what to do, and finds something.
            return (ran.code != 1).then(|| format!("{name}: {command}: {ran:?}"));
        }
        if ran.code != 0 {
            return Some(format!("{name}: {command}: {ran:?}"));
        }
        // A log is of the time before.
        let _ = fs::remove_file(root.join("log.txt"));
        match (problem.find)(&self.look(&root)) {
            Ok(found) if found.is_empty() => None,
            // Only the log had shown it.
            Err(_) if self.folder.join("log.txt").is_file() => None,
            after => Some(format!("{name}: after {command}: {after:?}")),
        }
    }

    /// The facts about the installation, which is made below `root`.
    fn facts(&self, root: &Path) -> Facts {
        self.make(root);
        self.look(root)
    }

    /// The facts about the installation below `root`.
    fn look(&self, root: &Path) -> Facts {
        let (places, at) = self.places(root);
        let installation = layout::installation_on(&places, &at).unwrap();
        let log = Some(root.join("log.txt")).filter(|log| log.is_file());
        let own = fs::read_dir(&self.folder).unwrap().map(|entry| root.join(entry.unwrap().file_name()));
        let is_workflow = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        let mut workflows: Vec<PathBuf> = own.filter(is_workflow).collect();
        workflows.sort();
        let named = Named { workflows: &workflows, log, ..Named::default() };
        doctor::gather(installation, &named, || self.machine(), None, &|_| ())
    }

    fn places(&self, root: &Path) -> (Places, PathBuf) {
        let (os, home) = if self.described.windows { (Os::Windows, "USERPROFILE") } else { (Os::Linux, "HOME") };
        let at = if root.join("ComfyUI").is_dir() { root.join("ComfyUI") } else { root.to_owned() };
        (Places::below(&root.join("nothing"), os, &[(home, &root.join("nothing"))]), at)
    }

    fn make(&self, root: &Path) {
        let Described { installation, copy: copied, write, remove, packages, models, .. } = &self.described;
        copy(installation, root);
        for (from, to) in copied {
            if from.is_dir() {
                copy(from, &root.join(to));
            } else {
                fs::copy(from, root.join(to)).unwrap();
            }
        }
        let checkout = root.join("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
        if self.described.committed {
            git::commit(&git::init(&checkout, false), &checkout);
        }
        if self.described.repaired {
            repair(&checkout);
        }
        if self.folder.join("files").is_dir() {
            copy(&self.folder.join("files"), root);
        }
        for (path, text) in write {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for path in remove {
            let path = root.join(path);
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        for (path, model) in models {
            model.write(&root.join(path));
        }
        if let Some(packages) = packages {
            write_packages(root, packages, self.described.windows);
        }
        for entry in fs::read_dir(&self.folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let is_own = matches!(&*name, "case.toml" | "answer.txt" | "nvidia-smi.txt");
            if entry.path().is_file() && !is_own {
                fs::copy(entry.path(), root.join(name)).unwrap();
            }
        }
        self.date(root);
    }

    /// Makes the log older or newer than everything else.
    fn date(&self, root: &Path) {
        let now = SystemTime::now();
        let hours = |count: u64| now - Duration::from_hours(count);
        for entry in walkdir::WalkDir::new(root).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let is_log = entry.path().extension().is_some_and(|end| end == "log") || entry.file_name() == "log.txt";
                let time = match (is_log, self.described.log_is_older) {
                    (true, true) => hours(3),
                    (true, false) => hours(1),
                    (false, _) => hours(2),
                };
                fs::File::options().write(true).open(entry.path()).unwrap().set_modified(time).unwrap();
            }
        }
    }

    fn machine(&self) -> Machine {
        let gb = self.described.ram_gb.unwrap_or(64) << 30;
        let memory = Memory { total_bytes: gb, free_bytes: gb, swap_bytes: 0, free_swap_bytes: 0 };
        let said = fs::read_to_string(self.folder.join("nvidia-smi.txt"));
        let gpus = said.map(|said| machine::parsed(&said)).map_err(|_| String::from("nvidia-smi is not installed"));
        let os = if self.described.windows { "Windows 11" } else { "Linux" };
        Machine { gpus, memory: Some(memory), os: os.to_owned(), is_wsl: false }
    }
}

/// Repairs a checkout, without a journal.
fn repair(checkout: &Path) {
    let search = install::locate(checkout).unwrap();
    let repair = Repair::of(&search.checkouts[0], None, Fix::ALL, Accounting::Resident).unwrap();
    for change in &repair.changes {
        fs::write(repair.sources.path(change.file), &change.text).unwrap();
    }
}

impl Model {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of models")]
    fn write(&self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Rows of 4096 halves of a word.
        let rows = (self.gb * f64::from(1 << 30) / 8192.0) as u64 / self.layers;
        let (shape, bytes) = ([rows, 4096], rows * 8192);
        let name = |at: u64| format!("blocks.{at}.weight");
        if path.extension().is_some_and(|extension| extension == "gguf") {
            let mut file = Gguf::new(&[]).with_text("general.architecture", "wan");
            file.tensors = (0..self.layers).map(|at| (name(at), vec![4096, rows], 1, bytes)).collect();
            file.write(path);
        } else {
            let layers: Vec<_> = (0..self.layers).map(|at| (name(at), "F16", shape.to_vec(), bytes)).collect();
            write_safetensors(path, &layers);
        }
    }
}

/// A command as a shell splits it.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('"').enumerate();
    let words = parts.map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() });
    words.flatten().collect()
}

/// A Python that has these packages.
fn write_packages(root: &Path, packages: &BTreeMap<String, String>, windows: bool) {
    let (program, folder) = if windows {
        ("python_embeded/python.exe", "python_embeded/Lib/site-packages")
    } else {
        ("ComfyUI/venv/bin/python", "ComfyUI/venv/lib/python3.12/site-packages")
    };
    let folder = root.join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(root.join(program).parent().unwrap()).unwrap();
    fs::write(root.join(program), "").unwrap();
    for (name, version) in packages {
        let module = name.replace('-', "_");
        fs::create_dir_all(folder.join(format!("{module}-{version}.dist-info"))).unwrap();
        fs::create_dir_all(folder.join(module)).unwrap();
    }
}

/// A finding as text, with paths from the root.
fn said(finding: &Finding, root: &Path) -> String {
    let mut out = format!("[{}] {}.\n", finding.rank.name(), without(&finding.message, root));
    for Evidence { text, place } in &finding.evidence {
        let place = match place {
            Place::File(path, Some(line)) => format!("{}:{line}", shown(path, root)),
            Place::File(path, None) => shown(path, root),
            Place::Log(line) => format!("log:{line}"),
            Place::Output(program) => (*program).to_owned(),
            Place::Node(path, id) => format!("{} node {id}", shown(path, root)),
        };
        let _ = writeln!(out, "- {place}: {}", without(text, root));
    }
    let _ = match &finding.step {
        Step::Command(command) => writeln!(out, "run {}", without(command, root)),
        Step::Advice(advice) => writeln!(out, "do: {}", without(advice, root)),
        Step::Edit { file, line, before, after } => {
            writeln!(out, "edit {}:{line}\n  - {before}\n  + {}", shown(file, root), without(after, root))
        }
    };
    out
}

fn shown(path: &Path, root: &Path) -> String {
    without(&path.display().to_string(), root)
}

/// A text with paths from the root, with slashes.
fn without(text: &str, root: &Path) -> String {
    let root = root.display().to_string();
    text.replace(&format!("{root}{}", std::path::MAIN_SEPARATOR), "").replace(&root, ".")
}
