//! How ComfyUI was started, or is started: what its arguments are, and how to change them.

use std::fs;
use std::path::Path;

use crate::doctor::{Evidence, Facts, Step};
use crate::install::launch::{Launch, LaunchKind};
use crate::text::{listed, shown_name};

/// The largest file whose line is changed.
const MOST_BYTES: u64 = 1 << 20;

/// A way in which ComfyUI is started, or was for the last time.
#[derive(Debug, Clone, Copy)]
pub(in crate::doctor) enum Way<'f> {
    /// As something of the installation starts it.
    Launch(&'f Launch),
    /// As its log says: the arguments, and the line of the log at which it was started.
    Log(&'f [String], u64),
}

/// The ways that count: a running process, or else the last start in the log if that shows its arguments, or else every
/// one that does not compute on the CPU.
pub(in crate::doctor) fn ways(facts: &Facts) -> Vec<Way<'_>> {
    let launches = || facts.installation.launches.iter();
    let running: Vec<Way<'_>> =
        launches().filter(|launch| launch.kind == LaunchKind::Process).map(Way::Launch).collect();
    if !running.is_empty() {
        return running;
    }
    if let Ok(start) = facts.last_start()
        && let Some(arguments) = &start.arguments
    {
        return vec![Way::Log(arguments, start.line)];
    }
    launches().filter(|launch| !launch.has("--cpu")).map(Way::Launch).collect()
}

impl<'f> Way<'f> {
    /// Is this option given, by its full name?
    pub(in crate::doctor) fn has(&self, option: &str) -> bool {
        match self {
            Self::Launch(launch) => launch.has(option) || launch.arguments.iter().any(|given| is(given, option)),
            Self::Log(arguments, _) => arguments.iter().any(|given| is(given, option)),
        }
    }

    /// The value of an option; of several the last.
    pub(in crate::doctor) fn value(&self, option: &str) -> Option<&'f str> {
        match self {
            // An option that this ComfyUI is not known to have may be given all the same.
            Self::Launch(launch) => launch.value(option).or_else(|| value_in(&launch.arguments, option)),
            Self::Log(arguments, _) => value_in(arguments, option),
        }
    }

    /// A variable of its environment, as far as it is known.
    pub(in crate::doctor) fn variable(&self, name: &str) -> Option<&'f str> {
        match self {
            Self::Launch(launch) => launch.variable(name),
            Self::Log(..) => None,
        }
    }

    /// What it shows.
    pub(in crate::doctor) fn evidence(&self, text: impl Into<String>) -> Evidence {
        match self {
            Self::Log(_, line) => Evidence::log(text, *line),
            Self::Launch(Launch { file: Some(file), line, .. }) => {
                Evidence::file(text, file, line.and_then(|line| usize::try_from(line).ok()))
            }
            Self::Launch(_) => Evidence::output(text, "the running processes"),
        }
    }

    /// Its name, at the beginning of a sentence.
    pub(in crate::doctor) fn name(&self) -> String {
        match self {
            Self::Log(..) => String::from("The last start"),
            Self::Launch(Launch { file: Some(file), .. }) => shown_name(file),
            Self::Launch(_) => String::from("The running ComfyUI"),
        }
    }

    /// What to do so that ComfyUI is started with these arguments more, and without these options.
    pub(in crate::doctor) fn start_with(&self, facts: &Facts, more: &str, without: &[&str]) -> Step {
        let changed = |line: &str| {
            let line = without.iter().fold(line.to_owned(), |line, option| without_option(&line, option));
            with_arguments(&line, more)
        };
        let otherwise = if more.is_empty() {
            format!("start ComfyUI without {}", listed(without.iter().map(|option| format!("`{option}`"))))
        } else {
            format!("start ComfyUI with `{more}`")
        };
        self.edited(facts, changed).unwrap_or(Step::Advice(otherwise))
    }

    /// What to do so that a variable is set when ComfyUI is started.
    pub(in crate::doctor) fn start_with_variable(&self, facts: &Facts, name: &str, value: &str) -> Step {
        let kind = self.editable(facts).map(|launch| launch.kind);
        let changed = |line: &str| match kind? {
            LaunchKind::Batch => Some(format!("set {name}={value}& {line}")),
            LaunchKind::Shell => Some(format!("export {name}={value}; {line}")),
            LaunchKind::PowerShell => Some(format!("$env:{name} = \"{value}\"; {line}")),
            LaunchKind::Systemd => Some(format!("Environment={name}={value}\n{line}")),
            _ => None,
        };
        let otherwise = Step::Advice(format!("set the variable `{name}={value}` where ComfyUI is started"));
        self.edited(facts, changed).unwrap_or(otherwise)
    }

    /// The launch in a file that is this way, or the only one.
    fn editable(&self, facts: &'f Facts) -> Option<&'f Launch> {
        if let Self::Launch(launch) = self
            && launch.file.is_some()
        {
            return Some(launch);
        }
        let (arguments, launches) = match self {
            Self::Launch(launch) => (&launch.arguments[..], &facts.installation.launches),
            Self::Log(arguments, _) => (*arguments, &facts.installation.launches),
        };
        let mut in_files = launches.iter().filter(|launch| launch.file.is_some() && launch.line.is_some());
        let alike = |launch: &&Launch| !launch.arguments.is_empty() && arguments.ends_with(&launch.arguments);
        match in_files.clone().find(alike) {
            Some(launch) => Some(launch),
            None => in_files.next().filter(|_| in_files.next().is_none()),
        }
    }

    /// An edit of the line that starts it.
    fn edited(&self, facts: &Facts, change: impl FnOnce(&str) -> Option<String>) -> Option<Step> {
        let launch = self.editable(facts)?;
        let file = launch.file.clone()?;
        let line = usize::try_from(launch.line?).ok()?;
        let before = line_of(&file, line)?;
        let after = change(&before)?;
        (after != before).then_some(Step::Edit { file, line, before, after })
    }
}

/// An edit of the first line of a launch's file that has this in it.
pub(in crate::doctor) fn edit_where(
    launch: &Launch,
    has: impl Fn(&str) -> bool,
    change: impl Fn(&str) -> String,
) -> Option<Step> {
    let file = launch.file.clone()?;
    let text = text_of(&file)?;
    let (at, before) = text.lines().enumerate().find(|(_, line)| has(line))?;
    let (before, after) = (before.to_owned(), change(before));
    Some(Step::Edit { file, line: at + 1, before, after })
}

/// The value of an option in arguments as they are written; of several the last.
fn value_in<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    let at = arguments.iter().rposition(|given| is(given, option))?;
    match arguments[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => arguments.get(at + 1).map(String::as_str).filter(|value| !value.starts_with("--")),
    }
}

fn is(given: &str, option: &str) -> bool {
    given.split('=').next() == Some(option)
}

fn text_of(file: &Path) -> Option<String> {
    let length = fs::metadata(file).ok()?.len();
    let bytes = (length <= MOST_BYTES).then(|| fs::read(file).ok())??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn line_of(file: &Path, line: usize) -> Option<String> {
    Some(text_of(file)?.lines().nth(line.checked_sub(1)?)?.to_owned())
}

/// A line with more arguments behind `main.py`; None if it has none.
fn with_arguments(line: &str, more: &str) -> Option<String> {
    let end = line.find("main.py")? + "main.py".len();
    let end = end + usize::from(line[end..].starts_with(['"', '\'']));
    Some(if more.is_empty() { line.to_owned() } else { format!("{} {more}{}", &line[..end], &line[end..]) })
}

/// A line without an option and its value.
fn without_option(line: &str, option: &str) -> String {
    let Some(at) = line.find(option) else { return line.to_owned() };
    let rest = &line[at + option.len()..];
    let rest = match rest.strip_prefix([' ', '=']) {
        Some(value) if !value.trim_start().starts_with('-') => {
            let value = value.trim_start();
            &value[value.find(char::is_whitespace).unwrap_or(value.len())..]
        }
        _ => rest,
    };
    format!("{}{rest}", line[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_changed_and_the_rest_of_them_stays() {
        let line =
            r".\python_embeded\python.exe -s ComfyUI\main.py --windows-standalone-build --cuda-device 0 --port 8189";
        assert_eq!(
            with_arguments(&without_option(line, "--cuda-device"), "--cuda-device all").unwrap(),
            r".\python_embeded\python.exe -s ComfyUI\main.py --cuda-device all --windows-standalone-build --port 8189"
        );
        assert_eq!(
            with_arguments("python \"C:/a b/main.py\" --lowvram", "--x").unwrap(),
            "python \"C:/a b/main.py\" --x --lowvram"
        );
        assert_eq!(with_arguments("comfy launch", "--x"), None);
        assert_eq!(without_option("main.py --cuda-device=1", "--cuda-device"), "main.py");
    }
}
