//! What is made from the arguments: completions for every shell, a manual page for every command.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Ran, program, skip};
use clap::{CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;
use distorch_fix::cli::Cli;

fn run(arguments: &[&str]) -> Ran {
    Ran::of(program(Path::new(".")).args(arguments))
}

/// The names of all commands; those of a command's own commands follow it, with a hyphen.
fn names() -> Vec<String> {
    fn below(command: &clap::Command, prefix: &str) -> Vec<String> {
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let each = shown.map(|command| (format!("{prefix}{}", command.get_name()), command));
        each.flat_map(|(name, command)| [vec![name.clone()], below(command, &format!("{name}-"))].concat()).collect()
    }
    below(&Cli::command(), "")
}

#[test]
fn every_shell_completes_every_command() {
    for shell in Shell::value_variants() {
        let ran = run(&["completions", &shell.to_string()]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{shell}");
        for word in
            names().iter().filter_map(|name| name.split('-').next_back()).chain(["accounting", "dry-run", "sarif"])
        {
            // PowerShell and elvish complete no values.
            let is_left_out = word == "sarif" && matches!(shell, Shell::PowerShell | Shell::Elvish);
            assert!(is_left_out || ran.out.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_can_read_its_completions() {
    let mut bash = Command::new("bash");
    let Ok(mut bash) = bash.arg("-n").stdin(Stdio::piped()).spawn() else {
        return skip("there is no bash, so it did not read its completions");
    };
    bash.stdin.take().unwrap().write_all(run(&["completions", "bash"]).out.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn every_command_has_a_page_alone_and_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("share/man1");
    let ran = run(&["man", "--into", into.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    let mut pages = vec![(String::from("distorch-fix.1"), run(&["man"]))];
    pages.extend(names().iter().map(|name| (format!("distorch-fix-{name}.1"), run(&["man", name]))));
    assert_eq!(fs::read_dir(&into).unwrap().count(), pages.len());
    for (name, ran) in pages {
        assert_eq!(fs::read_to_string(into.join(&name)).unwrap(), ran.out, "{name}");
        assert!(ran.code == 0 && ran.out.contains("Examples:"), "{name}: {}", ran.out);
    }
}

#[test]
fn pages_that_cannot_be_had_are_errors_that_say_what_to_do() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for arguments in [["man", "nothing", "--quiet"], ["man", "--into", file.path().to_str().unwrap()]] {
        let ran = run(&arguments);
        assert!(ran.code == 2 && ran.out.is_empty() && ran.err.contains("\nhelp: "), "{ran:?}");
    }
}
