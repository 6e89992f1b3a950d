//! Where a system keeps things: the folders of its user, of programs and of their settings.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::install::launch::process::{self, Process};

/// A kind of system, by where it keeps things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Windows.
    Windows,
    /// macOS.
    Mac,
    /// Linux and the like.
    Linux,
}

/// The places of a system. Tests describe one of their own.
#[derive(Debug)]
pub struct Places {
    /// Which system.
    pub os: Os,
    /// The folder that stands for `/`, or for the system's drive.
    root: PathBuf,
    variables: HashMap<String, OsString>,
    /// The running processes, listed when they are needed.
    processes: OnceLock<Vec<Process>>,
}

/// The variables that are looked at.
const VARIABLES: [&str; 10] = [
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "SystemDrive",
    "ProgramFiles",
    "OneDrive",
    "PINOKIO_HOME",
];

impl Places {
    /// This system.
    pub fn here() -> Self {
        let os = match env::consts::OS {
            "windows" => Os::Windows,
            "macos" => Os::Mac,
            _ => Os::Linux,
        };
        let variables = VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), env::var_os(name)?)));
        let variables: HashMap<_, _> = variables.collect();
        let drive = variables.get("SystemDrive").and_then(|drive| drive.to_str()).unwrap_or("C:");
        let root = if os == Os::Windows { PathBuf::from(format!("{drive}\\")) } else { PathBuf::from("/") };
        Self { os, root, variables, processes: OnceLock::new() }
    }

    /// A system below a folder, with these variables and no processes.
    pub fn below(root: &Path, os: Os, variables: &[(&str, &Path)]) -> Self {
        let variables = variables.iter().map(|&(name, path)| (name.to_owned(), path.into())).collect();
        Self { os, root: root.to_owned(), variables, processes: OnceLock::from(Vec::new()) }
    }

    /// The folder `/`, or the system's drive.
    pub(in crate::install) fn root(&self) -> &Path {
        &self.root
    }

    /// The running processes that may be a ComfyUI.
    pub(in crate::install) fn processes(&self) -> &[Process] {
        self.processes.get_or_init(process::running)
    }

    /// A variable that holds an absolute path.
    pub(in crate::install) fn variable(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The user's folder.
    pub(in crate::install) fn home(&self) -> Option<PathBuf> {
        self.variable(if self.os == Os::Windows { "USERPROFILE" } else { "HOME" })
    }

    /// Where programs keep settings of the user that move with the user.
    pub(in crate::install) fn settings(&self) -> Option<PathBuf> {
        let home = || self.home();
        match self.os {
            Os::Windows => self.variable("APPDATA").or_else(|| Some(home()?.join("AppData").join("Roaming"))),
            Os::Mac => Some(home()?.join("Library").join("Application Support")),
            Os::Linux => self.variable("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config"))),
        }
    }

    /// Where programs keep data of the user on this machine.
    pub(in crate::install) fn local(&self) -> Option<PathBuf> {
        let home = || self.home();
        match self.os {
            Os::Windows => self.variable("LOCALAPPDATA").or_else(|| Some(home()?.join("AppData").join("Local"))),
            Os::Mac => self.settings(),
            Os::Linux => self.variable("XDG_DATA_HOME").or_else(|| Some(home()?.join(".local").join("share"))),
        }
    }

    /// The user's documents; a service that copies them elsewhere can have a folder of its own.
    pub(in crate::install) fn documents(&self) -> Vec<PathBuf> {
        let one_drive = self.variable("OneDrive").filter(|_| self.os == Os::Windows);
        self.home().into_iter().chain(one_drive).map(|folder| folder.join("Documents")).collect()
    }
}
