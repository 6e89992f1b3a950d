//! A command line that a script, a service or a container runs, and whether it starts ComfyUI.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Launch, LaunchKind};

use crate::text;

/// Around the name of something in a text whose value is not known.
const UNKNOWN: [char; 2] = ['\u{e000}', '\u{e001}'];
/// Programs that run Python, besides those that are called so.
const RUNNERS: [&str; 5] = ["py", "pypy3", "uv", "accelerate", "torchrun"];
/// Between the words of a value that has several.
pub(super) const SEPARATOR: char = '\u{e002}';

/// A command line, split into words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Command {
    /// The line of the file, from 1.
    pub(super) line: u32,
    /// The words; what is not known in them is marked.
    pub(super) words: Vec<String>,
    /// Variables that are set before it.
    pub(super) environment: Vec<(String, String)>,
    /// The folder that it runs in; None if that is not known.
    pub(super) folder: Option<PathBuf>,
    /// The Python that a bare `python` means.
    pub(super) python: Option<PathBuf>,
}

/// A place in a text for a value that is not known.
pub(super) fn unknown(name: &str) -> String {
    format!("{}{name}{}", UNKNOWN[0], UNKNOWN[1])
}

/// The name of the first thing in a text that is not known.
pub(super) fn first_unknown(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(UNKNOWN[0])?;
    rest.split(UNKNOWN[1]).next()
}

impl Command {
    /// The start of ComfyUI, if it is one: of the ComfyUI in this folder, unless the path cannot be followed.
    pub(super) fn launch(&self, kind: LaunchKind, file: Option<&Path>, comfyui: &Path) -> Option<Launch> {
        let at = self.start();
        let main = at.and_then(|at| self.path(&self.words[at])).filter(|main| main.is_file());
        let own = comfyui.join("main.py");
        let real = |path: &Path| text::real(path).ok();
        if main.as_ref().is_some_and(|main| *main != own && real(main) != real(&own)) {
            return None;
        }
        let behind = at.map_or_else(|| self.behind_comfy_cli(), |at| Some(at + 1))?;
        let mut launch = Launch::new(kind, file, Some(self.line), Vec::new());
        for word in &self.words[behind..] {
            match first_unknown(word) {
                None => launch.arguments.push(word.clone()),
                Some(name) => {
                    launch.problem(&format!("what `{name}` stands for is not known, so arguments may be missing"));
                }
            }
        }
        let before = &self.words[..at.unwrap_or(0)];
        let set = before.iter().filter_map(|word| assigned(word));
        launch.environment.clone_from(&self.environment);
        launch.environment.extend(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
        launch.environment.retain(|(_, value)| first_unknown(value).is_none());
        let python = before.iter().rfind(|word| base_name(word).to_ascii_lowercase().starts_with("python"));
        launch.python = python.and_then(|python| self.program(python));
        launch.main = main.map(|_| own);
        launch.folder.clone_from(&self.folder);
        Some(launch)
    }

    /// The `main.py` that it starts, if the path can be followed.
    pub(super) fn main_path(&self) -> Option<PathBuf> {
        self.path(&self.words[self.start()?]).filter(|path| path.is_file())
    }

    /// Where its words name the `main.py` that a Python runs. Other programs are given files of that name too.
    fn start(&self) -> Option<usize> {
        let at = self.words.iter().position(|word| base_name(word).eq_ignore_ascii_case("main.py"))?;
        let runs = |word: &String| {
            let name = base_name(word).to_ascii_lowercase();
            let name = name.strip_suffix(".exe").unwrap_or(&name);
            name.starts_with("python") || RUNNERS.contains(&name) || first_unknown(word).is_some()
        };
        let mut before = self.words[..at].iter().filter(|word| assigned(word).is_none()).peekable();
        (before.peek().is_none() || before.any(runs)).then_some(at)
    }

    /// Where the arguments begin in `comfy launch -- --port 8189`.
    fn behind_comfy_cli(&self) -> Option<usize> {
        let comfy =
            self.words.iter().position(|word| matches!(base_name(word), "comfy" | "comfy.exe" | "comfy-cli"))?;
        let launch = comfy + self.words[comfy..].iter().position(|word| word == "launch")?;
        let dashes = self.words[launch..].iter().position(|word| word == "--");
        Some(dashes.map_or(self.words.len(), |dashes| launch + dashes + 1))
    }

    fn program(&self, word: &str) -> Option<PathBuf> {
        if word.contains(['/', '\\']) {
            return self.path(word).filter(|program| program.is_file());
        }
        self.python.clone().filter(|program| program.is_file())
    }

    /// A path in the command, from its folder on.
    fn path(&self, word: &str) -> Option<PathBuf> {
        first_unknown(word).is_none().then_some(())?;
        let path = native(word);
        if path.is_absolute() { Some(path) } else { Some(crate::install::normal(&self.folder.as_ref()?.join(path))) }
    }
}

/// A path as this system writes it. Scripts of Windows are also read elsewhere.
pub(super) fn native(path: &str) -> PathBuf {
    if cfg!(windows) { PathBuf::from(path) } else { PathBuf::from(path.replace('\\', "/")) }
}

/// The last part of a path of any system.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// `NAME=value`.
fn assigned(word: &str) -> Option<(&str, &str)> {
    word.split_once('=').filter(|(name, _)| is_variable(name))
}

/// Can this be the name of a variable?
pub(super) fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part)
}

/// Variables that a script sets, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    set: HashMap<String, Option<String>>,
    /// In the order in which they were set, for the environment.
    order: Vec<String>,
    /// Does the case of a name not matter?
    folds_case: bool,
}

impl Variables {
    /// None yet.
    pub(super) fn new(folds_case: bool) -> Self {
        Self { folds_case, ..Self::default() }
    }

    fn key(&self, name: &str) -> String {
        if self.folds_case { name.to_ascii_uppercase() } else { name.to_owned() }
    }

    /// Sets one; None if it can have several values.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        let key = self.key(name);
        self.order.retain(|known| *known != key);
        self.order.push(key.clone());
        self.set.insert(key, value);
    }

    /// The value, or the mark for one that is not known; None if it is not set.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = self.set.get(&self.key(name))?;
        Some(value.clone().unwrap_or_else(|| unknown(name)))
    }

    /// All of which the value is known.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let known = self.order.iter().filter_map(|name| Some((name.clone(), self.set.get(name)?.clone()?)));
        known.filter(|(_, value)| first_unknown(value).is_none() && !value.contains(SEPARATOR)).collect()
    }
}

/// Splits a text at blanks outside of quotes. A backslash is nothing special.
pub(in crate::install) fn quoted_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(words: &[&str]) -> Option<Launch> {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Command { line: 1, words, ..Command::default() }.launch(LaunchKind::Shell, None, Path::new("/c"))
    }

    #[test]
    fn the_words_behind_main_py_are_the_arguments() {
        let read =
            launch(&["CUDA_VISIBLE_DEVICES=1", "python3", "-s", r"ComfyUI\main.py", "--cpu", "--port", "1"]).unwrap();
        assert_eq!(read.arguments, ["--cpu", "--port", "1"]);
        assert_eq!(read.variable("CUDA_VISIBLE_DEVICES"), Some("1"));
        assert_eq!(
            launch(&["comfy", "--workspace=x", "launch", "--background", "--", "--cpu"]).unwrap().arguments,
            ["--cpu"]
        );
        assert_eq!(launch(&["comfy", "launch"]).unwrap().arguments, [""; 0]);
        assert_eq!(launch(&["python", "domain.py"]), None);
        assert_eq!(launch(&["comfy", "install"]), None);
        assert_eq!(launch(&["A=1", "./main.py", "--cpu"]).unwrap().arguments, ["--cpu"]);
        for other in ["vim", "grep", "distorch-fix"] {
            assert_eq!(launch(&[other, "x", "/c/main.py", "y"]), None, "{other}");
        }
    }

    #[test]
    fn an_argument_that_is_not_known_is_a_problem() {
        let extra = unknown("EXTRA");
        let read = launch(&["python", "main.py", "--cpu", &extra]).unwrap();
        assert_eq!(read.arguments, ["--cpu"]);
        assert!(read.problems[0].contains("`EXTRA`"), "{:?}", read.problems);
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(quoted_words(r#" --a "b c" --d='e f'  '' x"#), ["--a", "b c", "--d=e f", "", "x"]);
        assert_eq!(quoted_words(r"C:\x\y"), [r"C:\x\y"]);
    }
}
