//! What `fixtures/README.md` promises of every fixture, and what must hold for each whatever its state.

mod common;

use std::fs;
use std::ops::Range;

use common::{Install, fixtures};
use distorch_fix::patches::{Fix, Site, State, Status, Survey};
use distorch_fix::python::{Edit, Source, edit};
use distorch_fix::repair::Repair;

/// A row of the table: state, load-list, gpu-only, exit code.
fn promises() -> Vec<[String; 4]> {
    let readme = fs::read_to_string("fixtures/README.md").unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [state, _, _, load_list, gpu_only, exit] = cells[..] else { panic!("not six cells: {row}") };
        [state.trim_matches('`'), load_list, gpu_only, exit].map(str::to_owned)
    })
    .collect()
}

fn repairs() -> impl Iterator<Item = (String, Install, Repair)> {
    fixtures().into_iter().filter(|name| name != "syntax-error").map(|name| {
        let install = Install::of(&name);
        let repair = install.repair().unwrap();
        (name, install, repair)
    })
}

#[test]
fn every_fixture_is_in_the_table() {
    let mut named: Vec<_> = promises().into_iter().map(|[state, ..]| state).collect();
    named.sort();
    assert_eq!(named, fixtures());
}

#[test]
fn every_fixture_is_in_the_state_that_the_table_promises() {
    for [name, load_list, gpu_only, exit] in promises() {
        let install = Install::of(&name);
        match install.repair() {
            Ok(repair) => {
                let [first, second] = &repair.surveys[..] else { panic!("{name}: not two surveys") };
                assert!(load_list_is(first, &load_list), "{name}: {load_list}, and not {first:#?}");
                assert!(gpu_only_is(second, &gpu_only), "{name}: {gpu_only}, and not {second:#?}");
            }
            Err(error) => {
                assert!(load_list.starts_with("cannot be read") && gpu_only == "cannot be read", "{name}: {error}");
                assert!(error.to_string().contains("line 180"), "{name}: {error}");
            }
        }
        let ran = install.run(&["check"]);
        assert_eq!(ran.code.to_string(), exit, "{name}: {ran:?}");
    }
}

fn load_list_is(survey: &Survey, promise: &str) -> bool {
    let words: Vec<_> = promise.split([',', ';']).map(str::trim).collect();
    let all = |state| !survey.sites.is_empty() && survey.sites.iter().all(|site| site.state == state);
    assert_eq!(survey.fix, Fix::LoadList);
    let state = match words[0] {
        "legacy" => survey.status == Status::Needed && all(State::Legacy),
        "legacy where it is never run" => {
            let is_apart = |site: &Site| (site.state == State::Legacy) == site.unused.is_some();
            survey.status == Status::Needed && survey.sites.iter().all(is_apart) && !all(State::Any)
        }
        "five-only" => survey.status == Status::InOrder && all(State::FiveOnly),
        "any" => survey.status == Status::InOrder && all(State::Any),
        "not understood" => survey.status == Status::NotUnderstood && all(State::Opaque),
        _ => false,
    };
    words[1..].iter().fold(state, |so_far, word| {
        so_far
            && match *word {
                "all sites" | "with the lines" | "the loops over rebuilt items are not sites" => true,
                "in both files" => survey.sites.iter().any(|site| site.file != 0),
                "by hand" => survey.note.as_deref().is_some_and(|note| note.contains("by hand")),
                "size is `module_offload_mem`" => {
                    survey.note.as_deref().is_some_and(|note| note.contains("module_offload_mem"))
                }
                _ => false,
            }
    })
}

fn gpu_only_is(survey: &Survey, promise: &str) -> bool {
    assert_eq!(survey.fix, Fix::GpuOnly);
    let has = |state| survey.count(state) > 0;
    match promise.split([',', ';', ':']).next().unwrap() {
        "cpu by default" => survey.status == Status::Needed && has(State::CpuFallback),
        "by hand" => {
            survey.status == Status::Needed && has(State::Faulty) && survey.sites[0].message.contains("has_wildcard")
        }
        "GPU-only" => survey.status == Status::InOrder && has(State::Shared),
        "not applicable" => survey.status == Status::NotApplicable && survey.sites.is_empty(),
        _ => false,
    }
}

#[test]
fn undoing_the_edits_gives_the_old_bytes_back() {
    for (name, _install, repair) in repairs() {
        for change in &repair.changes {
            let old = repair.package.source(change.file).unwrap().text();
            assert_ne!(old, change.text, "{name}");
            let undone = edit::apply(&change.text, &edit::undo(old, &change.edits));
            assert_eq!(undone.as_bytes(), repair.package.bytes(change.file), "{name}");
        }
    }
}

#[test]
fn repairing_again_changes_nothing() {
    for (name, install, repair) in repairs().filter(|(name, ..)| name != "not-understood") {
        for change in &repair.changes {
            fs::write(repair.path(change.file), &change.text).unwrap();
        }
        let again = install.repair().unwrap();
        assert!(again.changes.is_empty(), "{name}");
        let settled = |survey: &Survey| matches!(survey.status, Status::InOrder | Status::NotApplicable);
        assert!(again.surveys.iter().all(settled), "{name}: {:#?}", again.surveys);
    }
}

#[test]
fn every_edit_is_at_a_site() {
    let mut edits = 0;
    for (name, _install, repair) in repairs() {
        for survey in &repair.surveys {
            for site in &survey.sites {
                for (file, edit) in &site.edits {
                    let source = repair.package.source(*file).unwrap();
                    let lines = lines_of(source, &site.range);
                    let inside = *file == site.file && lines.start <= edit.range.0 && edit.range.1 <= lines.end;
                    let allowed = match survey.fix {
                        Fix::LoadList => inside,
                        Fix::GpuOnly => inside || inserts(edit) || is_within_remainder(source, edit, site.range.start),
                    };
                    assert!(allowed, "{name}: {survey:?} {edit:?}");
                    edits += 1;
                }
            }
        }
    }
    assert!(edits > 50, "only {edits} edits were looked at");
}

fn lines_of(source: &Source, range: &Range<usize>) -> Range<usize> {
    source.line_start(range.start)..source.line_end(range.end)
}

fn inserts(edit: &Edit) -> bool {
    edit.range.0 == edit.range.1
}

/// Where the repair was made by hand, with mistakes: the test above the site, the branch below it, and the flag that is
/// never set.
fn is_within_remainder(source: &Source, edit: &Edit, site: usize) -> bool {
    let text = source.text();
    let function =
        text[..site].rfind("\ndef ").unwrap()..text[site..].find("\ndef ").map_or(text.len(), |end| site + end);
    let old = &text[edit.range.0..edit.range.1];
    let is_known = matches!(old.trim(), "has_wildcard = False" | "has_wildcard and wildcard_device");
    function.contains(&edit.range.0) && function.contains(&edit.range.1) && (is_known || edit.range.0 > site)
}

#[test]
fn line_endings_indentation_and_the_ends_of_the_file_are_kept() {
    for (name, _install, repair) in repairs() {
        for change in &repair.changes {
            let (old, new) = (repair.package.source(change.file).unwrap().text(), &change.text);
            assert_eq!(old.starts_with('\u{feff}'), new.starts_with('\u{feff}'), "{name}");
            assert_eq!(new.matches('\u{feff}').count(), old.matches('\u{feff}').count(), "{name}");
            assert_eq!(old.ends_with('\n'), new.ends_with('\n'), "{name}");
            let lone = |text: &str| text.matches('\n').count() - text.matches("\r\n").count();
            let (crlf, tabs) = (lone(old) == 0, old.contains("\n\t"));
            assert_eq!(lone(new) == 0, crlf, "{name}");
            let inserted = change.edits.iter().flat_map(|edit| edit.text.split('\n').skip(1));
            for line in inserted.filter(|line| !line.trim().is_empty()) {
                assert_eq!(line.starts_with('\t'), tabs, "{name}: {line:?}");
                assert!(!tabs || !line.trim_end().contains("    "), "{name}: {line:?}");
            }
            if name == "crlf-bom-tabs" {
                assert!(crlf && tabs && old.starts_with('\u{feff}') && !old.ends_with('\n'), "it stands for these");
            }
        }
    }
}
