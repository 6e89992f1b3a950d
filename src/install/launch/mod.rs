//! How ComfyUI is started: the arguments and the environment that start scripts, services, settings of launchers and
//! running processes give it.
//!
//! Nothing is run. A place that is not understood gives no argument, and a problem instead.

mod arguments;

use std::path::{Path, PathBuf};

use super::layout::{Draft, Places};

pub use arguments::{Given, Options};

/// One way in which a ComfyUI is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// What starts it.
    pub kind: LaunchKind,
    /// The file that says so; None for a running process.
    pub file: Option<PathBuf>,
    /// The line of the file, from 1.
    pub line: Option<u32>,
    /// The arguments behind `main.py`, as they are written.
    pub arguments: Vec<String>,
    /// What the arguments mean to ComfyUI, in order.
    pub given: Vec<Given>,
    /// Variables that are set for it, in order. Those of the user's own session are not known.
    pub environment: Vec<(String, String)>,
    /// The folder that relative paths in it begin at, if that is known.
    pub folder: Option<PathBuf>,
    /// The `main.py` that is started, if the path is known.
    pub main: Option<PathBuf>,
    /// The Python that runs it, if its path is known.
    pub python: Option<PathBuf>,
    /// The number of the running process.
    pub process: Option<u32>,
    /// What is wrong with it, each a sentence: ComfyUI does not start with these arguments, or some are not known.
    pub problems: Vec<String>,
}

/// What starts a ComfyUI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaunchKind {
    /// A running process.
    Process,
    /// A script of Windows: `.bat` or `.cmd`.
    Batch,
    /// A script of PowerShell.
    PowerShell,
    /// A script of a Unix shell.
    Shell,
    /// A service of systemd.
    Systemd,
    /// A service of a compose file.
    Compose,
    /// A Dockerfile.
    Dockerfile,
    /// The settings of the Desktop app.
    Desktop,
    /// The settings of Comfy Desktop 2.
    Desktop2,
    /// The settings of comfy-cli.
    ComfyCli,
    /// The settings of StabilityMatrix.
    StabilityMatrix,
    /// A script of Pinokio.
    Pinokio,
}

impl Launch {
    /// A way to start that gives these arguments.
    pub fn new(kind: LaunchKind, file: Option<&Path>, line: Option<u32>, arguments: Vec<String>) -> Self {
        Self {
            kind,
            file: file.map(Path::to_path_buf),
            line,
            arguments,
            given: Vec::new(),
            environment: Vec::new(),
            folder: None,
            main: None,
            python: None,
            process: None,
            problems: Vec::new(),
        }
    }

    /// Is this option given, by its full name such as `--disable-dynamic-vram`?
    pub fn has(&self, option: &str) -> bool {
        self.given.iter().any(|given| given.option == option)
    }

    /// The value of an option; of several the last, as for ComfyUI. None if it has none, or is not given.
    pub fn value(&self, option: &str) -> Option<&str> {
        self.given.iter().rfind(|given| given.option == option)?.values.last().map(String::as_str)
    }

    /// The values of an option that can be given several times.
    pub fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        let given = self.given.iter().filter(move |given| given.option == option);
        given.flat_map(|given| given.values.iter().map(String::as_str))
    }

    /// A variable of its environment; of several the last.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let is_it = |known: &str| known == name || cfg!(windows) && known.eq_ignore_ascii_case(name);
        self.environment.iter().rfind(|(known, _)| is_it(known)).map(|(_, value)| value.as_str())
    }

    /// Reads the arguments as this ComfyUI does.
    pub(super) fn interpret(&mut self, options: &Options) {
        let (given, problems) = options.interpret(&self.arguments);
        self.given = given;
        self.problems.extend(problems);
    }
}

/// Every way in which an installation is started. What is wrong with files is added to the problems.
pub(super) fn launches(_: &Draft, _: &Places, _: &mut Vec<String>) -> Vec<Launch> {
    Vec::new()
}
