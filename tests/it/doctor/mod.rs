//! Every problem is found where it is, and nowhere else. Each has a folder in `tests/data/doctor`, whose README says how
//! its cases are written.

mod case;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

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
