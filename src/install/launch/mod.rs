//! How ComfyUI is started: the arguments and the environment that start scripts, services, settings of launchers and
//! running processes give it.
//!
//! Nothing is run. A place that is not understood gives no argument, and a problem instead.

mod arguments;
mod batch;
mod command;
pub(super) mod compose;
mod cursor;
mod dockerfile;
mod pinokio;
mod powershell;
pub(super) mod process;
mod scripts;
mod shell;
mod systemd;

use std::path::{Path, PathBuf};

pub use arguments::{Given, Options};
pub(super) use command::quoted_words;

use super::layout::{Draft, Places};
use crate::text::{shown, visible};

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
    /// What is wrong with it, each a sentence with the place: ComfyUI does not start with these arguments, or some are not
    /// known.
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
    /// The settings of Stability Matrix.
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

    /// `CUDA_VISIBLE_DEVICES` as ComfyUI sets it by its arguments, else as it is set for it; None if it is not set at all.
    ///
    /// Source: `main.py` of ComfyUI. On Windows, versions since August 2026 show the first GPU only if this is None.
    pub fn visible_devices(&self) -> Option<String> {
        const MOST_DEVICES: u32 = 32;
        let device = self.value("--cuda-device");
        let first = self.value("--default-device").and_then(|first| first.parse::<u32>().ok());
        match (device, first) {
            (Some(listed), _) if listed != "all" => Some(listed.to_owned()),
            (None, Some(first)) => {
                let others = (0..MOST_DEVICES).filter(|other| *other != first);
                let all: Vec<String> = [first].into_iter().chain(others).map(|number| number.to_string()).collect();
                Some(all.join(","))
            }
            _ => self.variable("CUDA_VISIBLE_DEVICES").map(str::to_owned),
        }
    }

    /// Reads the arguments as this ComfyUI does.
    pub(super) fn interpret(&mut self, options: &Options) {
        let (given, problems) = options.interpret(&self.arguments);
        self.given = given;
        for problem in problems {
            self.problem(&problem);
        }
    }

    /// Adds a problem, with the place.
    fn problem(&mut self, problem: &str) {
        let file = self.file.as_deref().map(shown);
        let place = match (file, self.line, self.process) {
            (Some(file), Some(line), _) => format!("{file}:{line}: "),
            (Some(file), None, _) => format!("{file}: "),
            (None, _, Some(number)) => format!("process {number}: "),
            (None, _, None) => String::new(),
        };
        self.problems.push(format!("{place}{}", visible(problem)));
    }
}

/// The installation whose launches are looked for, and where.
pub(super) struct Site<'a> {
    draft: &'a Draft,
    places: &'a Places,
}

impl Site<'_> {
    /// Variables of the system that scripts use in paths.
    fn outside(&self) -> impl Fn(&str) -> Option<String> {
        |name| self.places.variable(name).map(|path| path.display().to_string())
    }
}

/// Finds launches, and adds what is wrong with files to the problems.
type Source = fn(&Site<'_>, &mut Vec<String>) -> Vec<Launch>;

/// Where launches are looked for, besides the settings of the installation's own launcher. What runs now comes first.
const SOURCES: [Source; 6] = [
    process::launches,
    scripts::launches,
    systemd::launches,
    compose::launches,
    dockerfile::launches,
    pinokio::launches,
];

/// Every way in which an installation is started. What is wrong with files is added to the problems.
pub(super) fn launches(draft: &Draft, places: &Places, problems: &mut Vec<String>) -> Vec<Launch> {
    let site = Site { draft, places };
    let mut launches: Vec<Launch> = SOURCES.iter().flat_map(|source| source(&site, problems)).collect();
    // A compose file with a command of its own is how its neighbour is started.
    let folder = |launch: &Launch| launch.file.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    let composed = launches.iter().filter(|launch| launch.kind == LaunchKind::Compose && !launch.arguments.is_empty());
    let composed: Vec<Option<PathBuf>> = composed.map(folder).collect();
    launches.retain(|launch| launch.kind != LaunchKind::Dockerfile || !composed.contains(&folder(launch)));
    launches
}

/// The folder of each ComfyUI that runs now, or that a service starts.
pub(super) fn started(places: &Places) -> Vec<PathBuf> {
    let draft = Draft::new(super::layout::Layout::Folder, Path::new(""));
    let site = Site { draft: &draft, places };
    let programs = process::programs(&site).into_iter().chain(systemd::programs(&site));
    programs.filter_map(|main| main.parent().map(Path::to_path_buf)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts of what means something to one of the readers.
    fn text() -> impl Strategy<Value = String> {
        let parts = proptest::sample::select(vec![
            "python ", "main.py ", "--cpu ", "set ", "A=", "%A%", "%", "!A!", "%~dp0", "^\n", "\\\n", "`\n", "$A",
            "${A", "}", "$(", ")", "(", "\"", "'", "`", "&", "|", ";", ">", "2>&1 ", "<<E\n", "E\n", "if ", "else ",
            "for ", "do ", "fi\n", "[", "]", "@", "#", "<#", "cd ", "start ", "call ", "\n", "\r\n", " ", "é",
            "\u{e000}", "\u{e002}", "CMD ", "FROM a\n", "{{", "}}", "//", "~", "==",
        ]);
        proptest::collection::vec(parts, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_text_stops_a_reader(text in text()) {
            let (script, comfyui) = (Path::new("/p/run"), Path::new("/p/ComfyUI"));
            let outside = |_: &str| None;
            let context =
                shell::Context { folder: None, script_folder: None, environment: &[], outside: &outside, line: 1 };
            let mut commands = batch::commands(&text, script, &outside);
            commands.extend(powershell::commands(&text, script, &outside));
            commands.extend(shell::commands(&text, context));
            let options = Options::default();
            for command in commands {
                if let Some(mut launch) = command.launch(LaunchKind::Shell, Some(script), comfyui) {
                    launch.interpret(&options);
                    let known = |text: &String| command::first_unknown(text).is_none();
                    prop_assert!(launch.arguments.iter().all(known));
                }
            }
            pinokio::quoted(&text);
            quoted_words(&text);
            dockerfile::of_text(&text, script, comfyui);
        }
    }
}
