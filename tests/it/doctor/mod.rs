//! Every problem is found where it is, and nowhere else. Each has a folder in `tests/data/doctor`, whose README says how
//! its cases are written.

mod case;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::common::generated::{assert_section, wrapped};
use crate::common::schema::{holds, validator};
use crate::common::{Install, Ran, program};
use case::{Case, State};
use distorch_fix::doctor::PROBLEMS;

const CASES: &str = "tests/data/doctor";

/// The names of the folders in one.
fn folders(path: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let folders = entries.map(Result::unwrap).filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_problem_is_found_where_it_is_and_not_where_it_is_not() {
    let wrong = Mutex::new(Vec::new());
    for problem in PROBLEMS {
        let cases = Path::new(CASES).join(problem.id);
        if !cases.is_dir() {
            wrong.lock().unwrap().push(format!("{}: there is no such folder", cases.display()));
            continue;
        }
        let names = folders(&cases);
        for state in [State::Found, State::Absent] {
            if !names.iter().any(|name| State::of(name) == Some(state)) {
                wrong.lock().unwrap().push(format!("{}: no case `{}`", problem.id, state.name()));
            }
        }
        for name in names {
            match Case::read(&cases.join(&name)) {
                Ok(case) => wrong.lock().unwrap().extend(case.wrong(problem)),
                Err(why) => wrong.lock().unwrap().push(format!("{}/{name}: {why}", problem.id)),
            }
        }
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A command that is named for a workflow can be pasted, and the problem is gone after it.
#[test]
fn what_is_to_be_run_helps() {
    let mut wrong = Vec::new();
    for problem in PROBLEMS {
        let cases = Path::new(CASES).join(problem.id);
        // A problem without cases is another test's.
        let names = if cases.is_dir() { folders(&cases) } else { BTreeSet::new() };
        let found = names.into_iter().filter(|name| State::of(name) == Some(State::Found));
        let cases = found.map(|name| Case::read(&cases.join(name)).unwrap());
        wrong.extend(cases.filter_map(|case| case.unhelpful(problem)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_case_is_about_a_problem() {
    let known: BTreeSet<String> = PROBLEMS.iter().map(|problem| problem.id.to_owned()).collect();
    let unknown: Vec<_> = folders(Path::new(CASES)).into_iter().filter(|name| !known.contains(name)).collect();
    assert_eq!(unknown, [""; 0]);
}

/// What people read is written as sentences, and sources can be looked at.
#[test]
fn the_texts_of_problems_are_in_order() {
    let mut ids = BTreeSet::new();
    for problem in PROBLEMS {
        let id = problem.id;
        assert!(ids.insert(id), "{id} is there twice");
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{id}");
        assert!(!problem.title.ends_with('.') && problem.title.starts_with(char::is_uppercase), "{id}");
        assert!([problem.about, problem.help].iter().all(|text| text.ends_with('.')), "{id}: whole sentences");
        assert!(problem.sources.iter().all(|source| source.starts_with("https://")), "{id}");
    }
}

#[test]
fn the_documentation_has_every_problem() {
    assert_section(Path::new("docs/doctor.md"), "problems", &documented());
}

/// A table of the problems, and a section for each.
fn documented() -> String {
    let mut out = String::from("| problem | what is wrong | rank |\n|---|---|---|\n");
    for problem in PROBLEMS {
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {2} |", problem.id, problem.title, problem.rank.name());
    }
    for problem in PROBLEMS {
        let _ = write!(out, "\n### {}\n\n{}\n\n{}\n", problem.id, wrapped(problem.about), wrapped(problem.help));
        let sources: Vec<String> = problem.sources.iter().map(|source| format!("<{source}>")).collect();
        if !sources.is_empty() {
            let _ = writeln!(out, "\nSources: {}", sources.join(", "));
        }
    }
    out
}

/// The journal remembers a repair that an update has replaced.
#[test]
fn a_repair_that_is_gone_is_missed() {
    let install = Install::of("legacy");
    let before = fs::read_to_string(install.file()).unwrap();
    let doctor = || Ran::of(program(&install.root).args(["doctor", "ComfyUI"]));
    assert_eq!(install.run(&["apply", "ComfyUI"]).code, 0);
    let repaired = doctor();
    assert!(repaired.out.contains("The next update of the node undoes the repair"), "{}", repaired.out);
    assert!(!repaired.out.contains("[load-list]"), "{}", repaired.out);
    assert_eq!(repaired.code, 0, "only a note is left: {}", repaired.out);
    fs::write(install.file(), before + "# A new release.\n").unwrap();
    let updated = doctor();
    assert!(updated.out.contains("The repair is gone"), "{}", updated.out);
    assert!(updated.out.contains("[load-list]"), "{}", updated.out);
    assert_eq!(updated.code, 1);
}

/// The document is one of its schema, whatever is known.
#[test]
fn the_document_is_as_described() {
    for fixture in ["legacy", "in-order", "not-understood"] {
        let ran = Install::of(fixture).run(&["doctor", "ComfyUI", "--format", "json"]);
        let document = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{fixture}: {error}: {}", ran.err));
        holds(&validator("schema/doctor.schema.json"), &document, fixture);
    }
}

/// Without a path and with several installations, each is listed with its command; with one, that is examined.
#[cfg(target_os = "linux")] // it needs the folders of Linux, and a home folder that a variable names
#[test]
fn several_installations_are_listed() {
    let (_home, home) = crate::common::git::folder();
    let (_elsewhere, elsewhere) = crate::common::git::folder();
    let doctor = || Ran::of(program(&elsewhere).arg("doctor").env("HOME", &home).env_remove("XDG_CONFIG_HOME"));
    let fixture = |name: &str| Path::new("fixtures").join(name).join("ComfyUI");
    crate::common::copy(&fixture("in-order"), &home.join("ComfyUI"));
    let one = doctor();
    assert!(one.out.contains("Nothing wrong was found"), "{one:?}");
    crate::common::copy(&fixture("legacy"), &home.join("comfy/ComfyUI"));
    let several = doctor();
    assert_eq!((several.code, several.out.as_str()), (2, ""), "{several:?}");
    for place in ["ComfyUI", "comfy/ComfyUI"] {
        let command = format!("distorch-fix doctor {}\n", home.join(place).display());
        assert!(several.err.contains(&command), "{several:?}");
    }
}
