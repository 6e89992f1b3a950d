//! Running processes of the same user. Nothing is sent to them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::command::{Command, base_name};
use super::{Launch, LaunchKind, Site};

/// Variables of a process that matter here. The others are its own business.
const PREFIXES: [&str; 8] = ["CUDA_", "HIP_", "ROCR_", "NVIDIA_", "PYTORCH_", "HSA_", "GPU_", "ZE_"];

/// A running process that may be a ComfyUI.
#[derive(Debug)]
pub(in crate::install) struct Process {
    number: u32,
    command: Command,
    program: Option<PathBuf>,
}

/// The ComfyUI as it runs now.
pub(super) fn launches(site: &Site<'_>, _: &mut Vec<String>) -> Vec<Launch> {
    let launch = |process: &Process| {
        let launch = process.command.launch(LaunchKind::Process, None, &site.draft.comfyui)?;
        // Its arguments do not say which ComfyUI it is.
        launch.main.as_ref()?;
        let python = launch.python.clone().or_else(|| process.program.clone());
        Some(Launch { process: Some(process.number), line: None, python, ..launch })
    };
    site.places.processes().iter().filter_map(launch).collect()
}

/// The `main.py` that run now, for installations in no usual place.
pub(in crate::install) fn programs(site: &Site<'_>) -> Vec<PathBuf> {
    site.places.processes().iter().filter_map(|process| process.command.main_path()).collect()
}

/// The processes that run a `main.py`. Listing all takes some milliseconds.
pub(in crate::install) fn running() -> Vec<Process> {
    let Ok(mut system) = System::new() else { return Vec::new() };
    let first =
        ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).with_user(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, false, first);
    let own =
        sysinfo::get_current_pid().ok().and_then(|own| system.process(own)).and_then(|own| own.user_id().cloned());
    let starts = |command: &[OsString]| {
        command.iter().any(|word| word.to_str().is_some_and(|word| base_name(word).eq_ignore_ascii_case("main.py")))
    };
    let mut numbers: Vec<_> = system
        .processes()
        .values()
        .filter(|process| starts(process.cmd()) && own.is_some() && process.user_id() == own.as_ref())
        .map(sysinfo::Process::pid)
        .collect();
    numbers.sort();
    let more = ProcessRefreshKind::nothing()
        .with_cwd(UpdateKind::Always)
        .with_environ(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&numbers), false, more);
    numbers.iter().filter_map(|number| system.process(*number)).map(Process::of).collect()
}

impl Process {
    fn of(process: &sysinfo::Process) -> Self {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        let variable = |pair: &OsString| {
            let pair = pair.to_str()?;
            let (name, value) = pair.split_once('=')?;
            let matters = PREFIXES.iter().any(|prefix| name.to_ascii_uppercase().starts_with(prefix));
            matters.then(|| (name.to_owned(), value.to_owned()))
        };
        let environment = |name: &str| {
            let value = process.environ().iter().find_map(|pair| pair.to_str()?.strip_prefix(name)?.strip_prefix('='));
            value.filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        // The program behind a link in an environment knows nothing of its packages.
        let active = environment("VIRTUAL_ENV").or_else(|| environment("CONDA_PREFIX"));
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        let command = Command {
            line: 0,
            words: process.cmd().iter().map(text).collect(),
            environment: process.environ().iter().filter_map(variable).collect(),
            folder: process.cwd().map(Path::to_path_buf),
            python: active.map(|active| active.join(program)),
        };
        Self { number: process.pid().as_u32(), command, program: process.exe().map(Path::to_path_buf) }
    }
}
