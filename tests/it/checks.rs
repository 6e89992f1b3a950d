//! The checks of workflows: their page, `docs/checks.md`, and what they say before and after a workflow is set.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::common::generated::{assert_section, wrapped};
use crate::common::{Ran, program};
use distorch_fix::checks::CHECKS;
use distorch_fix::lint::{self, Fields, Level};

/// Strings that people write, one for each thing that can be wrong.
const STRINGS: [&str; 29] = [
    "cuda:0,4gb,cuda:1,4gb",
    "cuda:0,4gb; cuda:1,4gb",
    "cuda:0,1,5gb;cpu,*",
    "cuda:0,5tb",
    "cuda:0,4gb;cuda:1,50%",
    "cuda:0,4.5.6gb",
    "cuda:0,.5gb",
    "cuda:0,-4gb",
    "cuda:0,4gb;cuda:1,6",
    "cuda:0,12;cuda:1,16",
    "cuda:0,12b",
    "cuda:0=5gb;cuda:1=5gb",
    "cuda:0 5gb;cuda:1,5gb",
    "cuda:0,4gb;cuda:1",
    "cuda:0，4gb；cuda:1，6gb",
    "cuda0,5gb",
    "gpu:0,5gb",
    "CUDA:0,5gb",
    "cuda,5gb",
    "mps,0.5",
    "cuda:0,4gb;cuda:0,4gb",
    "cpu,*",
    "cuda:0,60%;cpu,*",
    "cuda:0,4gb;cpu,5gb*",
    "cuda:0,4gb;cuda:1,*;cpu,*",
    "cuda:0,60%;cpu,0.4",
    "cuda:0,0,5;cpu,0,5",
    "cuda:0,4gb#cuda:1",
    "cuda:0,60%;cuda:1,60%",
];

#[test]
fn the_documentation_has_every_check_and_says_what_the_node_makes_of_strings() {
    assert_section(Path::new("docs/checks.md"), "checks", &checks());
    assert_section(Path::new("docs/checks.md"), "strings", &strings());
}

/// The step of the guide by one command: four loaders without a string, and afterwards nothing is wrong.
#[test]
fn what_was_found_is_gone_once_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wan.json");
    fs::copy("tests/data/workflows/checks/empty.json", &file).unwrap();
    let run = |arguments: &[&str]| Ran::of(program(folder.path()).args(["workflow"]).args(arguments));
    let check = || run(&["check", "wan.json", "--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb"]);
    let before = check();
    assert_eq!((before.code, before.out.matches("warning[not-distributed]").count()), (1, 4), "{before:?}");
    let set = run(&["set", "cuda:0,8gb;cuda:1,12gb;cpu,*", "wan.json"]);
    assert_eq!(set.code, 0, "{set:?}");
    let after = check();
    assert_eq!(
        (after.code, after.out.contains("nothing is wrong"), after.out.contains('[')),
        (0, true, false),
        "{after:?}"
    );
}

/// A table of the checks, and a section for each.
fn checks() -> String {
    let mut out = String::from("| check | finds | mostly |\n|---|---|---|\n");
    for check in CHECKS {
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {2} |", check.id, check.title, word(check.level));
    }
    for check in CHECKS {
        let _ = write!(out, "\n### {}\n\n{}\n\n{}\n", check.id, wrapped(check.about), wrapped(check.help));
    }
    out
}

/// A table of the strings.
fn strings() -> String {
    let mut out = String::from("| string | finding | write |\n|---|---|---|\n");
    for string in STRINGS {
        let fields = Fields { string, compute: &"cuda:0".into(), virtual_vram_gb: 0.0, donor: "cpu" };
        let lint = lint::lint(&fields);
        assert!(!lint.findings.is_empty(), "{string}");
        let effects: Vec<String> =
            lint.findings.iter().map(|found| format!("{}: {}", word(found.level), found.effect)).collect();
        let instead = lint.instead.map_or_else(|| lint.findings[0].help.clone(), |right| format!("`{right}`"));
        let _ = writeln!(out, "| `{string}` | {} | {instead} |", effects.join("<br>"));
    }
    out
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}
