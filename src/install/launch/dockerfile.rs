//! Dockerfiles: `CMD`, `ENTRYPOINT` and `ENV` of the last stage, in both forms.
//!
//! Source: the Dockerfile reference.

use std::path::Path;

use super::command::Command;
use super::{Launch, LaunchKind, Site, compose, quoted_words, shell};
use crate::install::config;

/// The starts of ComfyUI in the Dockerfiles of the installation.
pub(super) fn launches(site: &Site<'_>, problems: &mut Vec<String>) -> Vec<Launch> {
    let mut folders = vec![&*site.draft.root, &*site.draft.comfyui];
    folders.dedup();
    let files = folders.into_iter().flat_map(compose::dockerfiles);
    files.filter_map(|file| of_text(&config::text(&file, problems)?, &file, &site.draft.comfyui)).collect()
}

/// An instruction: its name, what is behind it, and its line.
struct Instruction {
    name: String,
    text: String,
    line: u32,
}

fn instructions(text: &str) -> Vec<Instruction> {
    let mut instructions = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            match lines.next() {
                Some((next, _)) if next.trim_start().starts_with('#') => whole.push('\\'),
                Some((next, _)) => whole = format!("{whole} {}", next.trim()),
                None => break,
            }
        }
        let (name, rest) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        instructions.push(Instruction { name: name.to_ascii_uppercase(), text: rest.trim().to_owned(), line: number });
    }
    instructions
}

pub(super) fn of_text(text: &str, file: &Path, comfyui: &Path) -> Option<Launch> {
    let all = instructions(text);
    let last_stage = all.iter().rposition(|instruction| instruction.name == "FROM").unwrap_or(0);
    let stage = &all[last_stage..];
    let mut environment: Vec<(String, String)> = Vec::new();
    for instruction in stage.iter().filter(|instruction| matches!(&*instruction.name, "ENV" | "ARG")) {
        let words = quoted_words(&instruction.text);
        match words.first() {
            Some(first) if first.contains('=') => {
                environment.extend(
                    words.iter().filter_map(|word| word.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())),
                );
            }
            // `ENV NAME value with blanks`.
            Some(first) if instruction.name == "ENV" => environment.push((first.clone(), words[1..].join(" "))),
            _ => {}
        }
    }
    let last = |name: &str| stage.iter().rfind(|instruction| instruction.name == name);
    let (entrypoint, command) = (last("ENTRYPOINT"), last("CMD"));
    // A shell that is the entry point gets nothing from CMD.
    let is_shell = entrypoint.is_some_and(|entry| words(&entry.text).is_none());
    let both = [entrypoint, command.filter(|_| !is_shell)].into_iter().flatten();
    let lists: Option<Vec<Vec<String>>> = both.map(|instruction| words(&instruction.text)).collect();
    let line = command.or(entrypoint)?.line;
    let outside = |_: &str| None;
    let context =
        shell::Context { folder: None, script_folder: None, environment: &environment, outside: &outside, line };
    let commands = match lists {
        Some(lists) => {
            let words = lists.concat();
            let inner = words.iter().find(|word| word.contains("main.py") && word.contains(' '));
            match inner {
                Some(inner) => shell::commands(inner, context),
                None => vec![Command { line, words, ..Command::default() }],
            }
        }
        None => shell::commands(&entrypoint.filter(|_| is_shell).or(command)?.text, context),
    };
    let mut launch = commands.iter().find_map(|command| command.launch(LaunchKind::Dockerfile, Some(file), comfyui))?;
    launch.line = Some(line);
    launch.environment = environment;
    launch.folder = None;
    Some(launch)
}

/// The words of `["a", "b"]`; None for a command of a shell.
fn words(text: &str) -> Option<Vec<String>> {
    text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Launch> {
        of_text(text, Path::new("/x/Dockerfile"), Path::new("/x/ComfyUI"))
    }

    #[test]
    fn both_forms_of_the_command() {
        let list = "FROM a AS b\nCMD [\"python\", \"main.py\", \"--no\"]\nFROM c\nENV A=1 B=\"x y\"\nENV C two words\n\
                    ENTRYPOINT [\"python3\", \"main.py\"]\n# x\nCMD [\"--listen\", \\\n  \"--cpu\"]\n";
        let launch = read(list).unwrap();
        assert_eq!((launch.line, &*launch.arguments), (Some(8), &["--listen".to_owned(), "--cpu".into()][..]));
        assert_eq!([launch.variable("B"), launch.variable("C")], [Some("x y"), Some("two words")]);
        let shell = "FROM c\nENV ARGS=\"--port 8189\"\nWORKDIR /app\nCMD cd /app && exec python main.py $ARGS --fast\n";
        assert_eq!(read(shell).unwrap().arguments, ["--port", "8189", "--fast"]);
        let nested = "FROM c\nCMD [\"bash\", \"-c\", \"python main.py --listen\"]\n";
        assert_eq!(read(nested).unwrap().arguments, ["--listen"]);
    }

    #[test]
    fn others_start_nothing() {
        for text in ["", "FROM", "CMD", "FROM a\nCMD [\"nginx\"]", "ENTRYPOINT [", "CMD [1]", "\\", "ENV"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
