//! Services of systemd, of the system and of the user, with their drop-ins.
//!
//! Source: systemd.unit(5), systemd.exec(5), systemd.service(5) and systemd.syntax(7).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::command::{Command, base_name};
use super::{Launch, LaunchKind, Site, shell};
use crate::install::config;

/// The most units of a folder that are read.
const MOST_UNITS: usize = 2_000;

/// The services that start the ComfyUI.
pub(super) fn launches(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    units(site, problems).iter().flat_map(|unit| unit.launches(site, problems)).collect()
}

/// The `main.py` that services start, for installations in no usual place.
pub(in crate::install) fn programs(site: &Site<'_>) -> Vec<PathBuf> {
    let units = units(site, &mut Vec::new());
    let commands = units.iter().flat_map(|unit| unit.commands(site, &mut Vec::new()));
    commands.filter_map(|(_, command)| command.main_path()).collect()
}

/// A line of a unit.
struct Line {
    file: PathBuf,
    number: u32,
    name: String,
    value: String,
}

/// A service, with what its drop-ins add.
struct Unit {
    name: String,
    lines: Vec<Line>,
}

/// Folders of units, and whether all of them are read. Packages put hundreds into the others.
fn folders(site: &Site<'_>) -> Vec<(PathBuf, bool)> {
    let places = site.places;
    let below_root = |path: &str| places.root().join(path);
    let mut folders = vec![
        (below_root("etc/systemd/system"), true),
        (below_root("run/systemd/system"), false),
        (below_root("usr/local/lib/systemd/system"), true),
        (below_root("usr/lib/systemd/system"), false),
        (below_root("lib/systemd/system"), false),
        (below_root("etc/systemd/user"), true),
        (below_root("usr/lib/systemd/user"), false),
    ];
    folders.extend(places.settings().map(|folder| (folder.join("systemd/user"), true)));
    folders.extend(places.local().map(|folder| (folder.join("systemd/user"), true)));
    folders
}

fn units(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Unit> {
    if site.places.os != crate::install::layout::Os::Linux {
        return Vec::new();
    }
    let folders = folders(site);
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (folder, is_read_whole) in &folders {
        let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_UNITS).flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        for name in names.filter(|name| name.ends_with(".service")) {
            if *is_read_whole || name.to_ascii_lowercase().contains("comfy") {
                // The first folder counts.
                files.entry(name.clone()).or_insert_with(|| folder.join(name));
            }
        }
    }
    let mut units = Vec::new();
    for (name, file) in files {
        let mut unit = Unit { name: name.clone(), lines: Vec::new() };
        unit.read(&file, problems);
        let mut additions: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (folder, _) in &folders {
            let entries =
                fs::read_dir(folder.join(format!("{name}.d"))).into_iter().flatten().take(MOST_UNITS).flatten();
            for entry in entries {
                let path = entry.path();
                if path.extension().is_some_and(|extension| extension == "conf") {
                    additions.entry(entry.file_name().to_string_lossy().into_owned()).or_insert(path);
                }
            }
        }
        for addition in additions.values() {
            unit.read(addition, problems);
        }
        units.push(unit);
    }
    units
}

impl Unit {
    /// Adds the lines of a file that count here.
    fn read(&mut self, file: &Path, problems: &mut Vec<String>) {
        let Some(text) = config::text(file, problems) else { return };
        let mut lines = text.lines().zip(1..);
        while let Some((line, number)) = lines.next() {
            let line = line.trim();
            if line.starts_with(['#', ';', '[']) {
                continue;
            }
            let mut whole = line.to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                whole.push(' ');
                match lines.next() {
                    Some((next, _)) if next.trim_start().starts_with(['#', ';']) => whole.push('\\'),
                    Some((next, _)) => whole.push_str(next.trim()),
                    None => break,
                }
            }
            if let Some((name, value)) = whole.split_once('=') {
                let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
                self.lines.push(Line { file: file.to_owned(), number, name, value });
            }
        }
    }

    /// The lines of this name that count: an empty one takes back those before it.
    fn of(&self, name: &str) -> Vec<&Line> {
        let mut lines = Vec::new();
        for line in self.lines.iter().filter(|line| line.name == name) {
            if line.value.is_empty() { lines.clear() } else { lines.push(line) }
        }
        lines
    }

    fn launches(&self, site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
        let commands = self.commands(site, problems);
        commands
            .iter()
            .filter_map(|(file, command)| command.launch(LaunchKind::Systemd, Some(file), &site.draft.comfyui))
            .filter(|launch| launch.main.is_some())
            .collect()
    }

    /// What it runs, and in which file that is written.
    fn commands(&self, site: &Site<'_>, problems: &mut Vec<String>) -> Vec<(PathBuf, Command)> {
        let starts = self.of("ExecStart");
        if !self
            .lines
            .iter()
            .any(|line| line.value.contains("main.py") || line.value.to_ascii_lowercase().contains("comfy"))
        {
            return Vec::new();
        }
        let folder = self.of("WorkingDirectory").last().map(|line| {
            let path = self.specified(line.value.trim_start_matches('-'), site);
            match path.strip_prefix('~') {
                Some(rest) => site.places.home().unwrap_or_default().join(rest.trim_start_matches('/')),
                None => PathBuf::from(path),
            }
        });
        let environment = self.environment(site, problems);
        let outside = site.outside();
        let mut commands = Vec::new();
        for start in starts {
            let text = self.specified(start.value.trim_start_matches(['-', '@', ':', '+', '!', '|']), site);
            let context = shell::Context {
                folder: folder.as_deref(),
                script_folder: None,
                environment: &environment,
                outside: &outside,
                line: start.number,
            };
            let read = shell::commands(&text.replace("\\x20", "\\ "), context);
            for mut command in read {
                command.environment.clone_from(&environment);
                match script_of(&command) {
                    Some(script) => commands.extend(site.script(&script, &command, problems)),
                    None => commands.push((start.file.clone(), command)),
                }
            }
        }
        commands
    }

    /// What it sets, in order; a file counts where it is named.
    fn environment(&self, site: &Site<'_>, problems: &mut Vec<String>) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        for line in self.of("Environment") {
            let words = super::quoted_words(&self.specified(&line.value, site));
            environment.extend(
                words.iter().filter_map(|word| word.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())),
            );
        }
        for line in self.of("EnvironmentFile") {
            let path = PathBuf::from(self.specified(line.value.trim_start_matches('-'), site));
            if let Some(text) = config::text(&path, problems) {
                environment.extend(variables(&text));
            }
        }
        environment
    }

    /// With `%h`, `%i` and the like put in.
    fn specified(&self, text: &str, site: &Site<'_>) -> String {
        let mut out = String::new();
        let mut chars = text.chars();
        let instance = self.name.split_once('@').map(|(_, rest)| rest.trim_end_matches(".service"));
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(&site.places.home().unwrap_or_default().to_string_lossy()),
                Some('i' | 'I') => out.push_str(instance.unwrap_or_default()),
                Some(other) => out.push_str(&super::command::unknown(&format!("%{other}"))),
                None => {}
            }
        }
        out
    }
}

/// The script that a command runs instead of ComfyUI itself.
fn script_of(command: &Command) -> Option<PathBuf> {
    if command.words.iter().any(|word| base_name(word) == "main.py") {
        return None;
    }
    let is_shell = |word: &str| matches!(base_name(word), "sh" | "bash" | "zsh" | "dash" | "env");
    let script = command.words.iter().find(|word| !is_shell(word) && !word.starts_with('-'))?;
    let path = Path::new(script);
    let path = if path.is_absolute() { path.to_owned() } else { command.folder.as_ref()?.join(path) };
    (path.extension().is_some_and(|extension| extension == "sh") || base_name(script).contains("comfy"))
        .then_some(path)
        .filter(|path| path.is_file())
}

/// `NAME=value` on each line, with or without quotes.
pub(super) fn variables(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    let bare = |value: &str| {
        let value = value.trim();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let inside = quote.and_then(|quote| value[1..].split(quote).next());
        inside.map_or_else(|| value.split(" #").next().unwrap_or(value).trim_end().to_owned(), str::to_owned)
    };
    pairs.map(|(name, value)| (name.trim().to_owned(), bare(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_variables() {
        let read = variables("# x\nA=1\nexport B=\"two words\"\nC='x=y' # z\n D = 4 # four\nnone\n");
        let shown: Vec<_> = read.iter().map(|(name, value)| format!("{name}|{value}")).collect();
        assert_eq!(shown, ["A|1", "B|two words", "C|x=y", "D|4"]);
    }
}
