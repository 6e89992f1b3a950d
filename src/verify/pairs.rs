//! The table of pairs: what a checkout does with items of each number of fields, and the verdict about it with a ComfyUI
//! that gives such items.
//!
//! A checkout is run as it is. It is right if every answer is the one that its load-list repair gives for the number of
//! fields that the checkout was made for.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use git2::Repository;

use super::answer::Answer;
use super::{Options, Subject, Verifier};
use crate::comfyui::{self, Fit, LoadList, Order, Pair, Shape};
use crate::fixes::load_list::{ANY, ARITIES, FIVE_ONLY, LEGACY, LOAD_LIST};
use crate::fixes::{self, Accounting, Fix, State};
use crate::install::{self, FILE_NAME, Revision};
use crate::pipeline::Repair;
use crate::python::{Package, Place};

/// A repository of ComfyUI-MultiGPU, bare or not, whose history is added to the table.
const VARIABLE: &str = "DISTORCH_FIX_HISTORY";

struct Row {
    name: String,
    states: Vec<State>,
    verdicts: [Fit; 2],
    /// None if nothing could be run.
    right: Option<[bool; 2]>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |state| self.states.iter().filter(|other| **other == state).count();
        let states = [LEGACY, FIVE_ONLY, ANY, State::OPAQUE].map(|state| (state, count(state)));
        let states = states.iter().filter(|(_, count)| *count > 0);
        let states: Vec<_> = states.map(|(state, count)| format!("{count} {}", state.name)).collect();
        write!(f, "{:<18} {:<18}", self.name, states.join(", "))?;
        for (at, fields) in ARITIES.into_iter().enumerate() {
            let ran = self.right.map_or("not run", |right| if right[at] { "right" } else { "wrong" });
            write!(f, " | {fields}: {:<31} {ran:<7}", self.verdicts[at].to_string())?;
        }
        Ok(())
    }
}

impl Row {
    fn of(name: String, repair: &Repair) -> Self {
        let used = repair.surveys.asked[0].sites.iter().filter(|site| site.unused.is_none());
        let states: Vec<_> = used.map(|site| site.state).collect();
        let verdicts = ARITIES.map(|fields| match comfyui::judge(&states, &[load_list(fields)]) {
            Pair::Known(fit) => fit,
            Pair::Either { .. } => panic!("{name}: the items are known"),
        });
        Self { right: run(repair, &states), name, states, verdicts }
    }

    fn agrees(&self) -> bool {
        let Some(right) = self.right else { return true };
        self.verdicts.iter().zip(right).all(|(verdict, right)| match verdict {
            Fit::Works | Fit::WorksToday => right,
            Fit::Broken => !right,
            Fit::Unclear => true,
        })
    }
}

/// The load list of a ComfyUI whose items have this many fields.
fn load_list(fields: i64) -> LoadList {
    let place = Place { line: 1, column: 1 };
    let names = ["module_offload_mem", "module_mem", "name", "module", "params"].map(str::to_owned);
    let shape = Shape {
        fields: names[names.len() - usize::try_from(fields).unwrap()..].to_vec(),
        argument: None,
        place,
        order: Order::Usual,
    };
    LoadList { class: None, place, shapes: Ok(vec![shape]) }
}

/// Whether the checkout, as it is, is right with items of each number of fields.
fn run(repair: &Repair, states: &[State]) -> Option<[bool; 2]> {
    let edits = repair.changes.iter().map(|change| (change.file, &change.edits));
    let repaired = repair.sources.package.edited(edits);
    let surveys = fixes::survey(&repair.sources.package, Fix::ALL, Accounting::Resident).ok()?;
    let subject = Subject {
        before: &repair.sources.package,
        surveys: &surveys,
        after: &repaired,
        fixes: &[LOAD_LIST],
        accounting: Accounting::Resident,
    };
    let options = Options::default();
    let verifier = Verifier::new(&subject, &options);
    let unused: Vec<_> = repair.surveys.asked[0].sites.iter().filter_map(|site| site.unused.as_deref()).collect();
    let is_used = |name: &str| !unused.iter().any(|why| why.contains(&format!("`{name}`")));
    let answers = |package: &Package, fields| {
        let program = verifier.program(package).ok()?;
        let mut cases = super::case::cases(&program, &[fields], &options);
        cases.retain(|case| is_used(&program.entries[case.call].name));
        super::calls::start(&program, &cases, &verifier.models, &super::scenario::machine(), &options.engine)
            .finish()
            .ok()
    };
    let right = answers(&repaired, ARITIES[usize::from(states.contains(&FIVE_ONLY))])?;
    if right.iter().all(|answer| answer.error().is_some()) {
        return None;
    }
    let is_right = |given: Vec<Answer>| given.iter().zip(&right).all(|(given, right)| given.is_same(right));
    let [old, new] = ARITIES.map(|fields| answers(&repair.sources.package, fields).map(is_right));
    Some([old?, new?])
}

/// Prints the table, and fails where a verdict is not what happened.
fn compare(rows: &[Row]) {
    for row in rows {
        println!("{row}");
    }
    let ran = rows.iter().filter(|row| row.right.is_some()).count();
    println!("{} checkouts, {ran} of them run with items of {ARITIES:?} fields", rows.len());
    let wrong: Vec<_> = rows.iter().filter(|row| !row.agrees()).map(Row::to_string).collect();
    assert!(wrong.is_empty(), "the verdict is not what happened:\n{}", wrong.join("\n"));
}

#[test]
fn the_verdict_about_every_fixture_is_what_happens() {
    let entries = fs::read_dir("fixtures").unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    let row = |folder: &PathBuf| {
        let checkout = install::locate(folder).ok()?.checkouts.pop()?;
        // One of them is no Python, so there is nothing to judge.
        let repair = Repair::of(&checkout, None, &[LOAD_LIST], Accounting::Resident).ok()?;
        Some(Row::of(folder.file_name()?.to_string_lossy().into_owned(), &repair))
    };
    let rows: Vec<_> = folders.iter().filter_map(row).collect();
    compare(&rows);
    let not_run: Vec<_> = rows.iter().filter(|row| row.right.is_none()).map(|row| row.name.as_str()).collect();
    assert_eq!(not_run, ["not-understood"]);
    for verdict in [Fit::Works, Fit::WorksToday, Fit::Unclear, Fit::Broken] {
        assert!(rows.iter().any(|row| row.verdicts.contains(&verdict)), "no fixture {verdict}");
    }
}

#[test]
fn the_verdict_about_every_version_in_a_history_is_what_happens() {
    let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) else {
        // Not `eprintln!`, which the test runner captures.
        let _ = writeln!(io::stderr(), "SKIPPED: {VARIABLE} names no repository, so its history was not run in pairs");
        return;
    };
    let repository = Repository::open(&path).unwrap();
    let mut walk = repository.revwalk().unwrap();
    walk.push_glob("refs/*").unwrap();
    walk.push_head().unwrap();
    // A checkout of anything: its files are those of the revision.
    let checkout = install::locate(Path::new("fixtures/legacy")).unwrap().checkouts.remove(0);
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for id in walk.map(Result::unwrap) {
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        if !tree.get_name(FILE_NAME).is_some_and(|entry| seen.insert(entry.id())) {
            continue;
        }
        let revision = Revision::find(&path, &id.to_string()).unwrap();
        let repair = Repair::of(&checkout, Some(&revision), &[LOAD_LIST], Accounting::Resident).unwrap();
        rows.push(Row::of(revision.short_id, &repair));
    }
    compare(&rows);
    // The first versions have no function that can be called on its own.
    let ran = rows.iter().filter(|row| row.right.is_some()).count();
    assert!(ran * 10 > rows.len() * 9, "only {ran} of {} were run", rows.len());
}
