//! What `fixtures/README.md` promises of every fixture, and what must hold for each whatever its state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::common::{Install, fixtures, generated};
use distorch_fix::edit::Edit;
use distorch_fix::fixes::{Fix, Site, State, Status, Survey};
use distorch_fix::pipeline::Repair;
use distorch_fix::python::Source;
use serde::Deserialize;

/// What `expected.toml` promises of a fixture.
#[derive(Deserialize)]
struct Promise {
    /// What the fixture stands for.
    about: String,
    /// How many fields a load-list item has in its ComfyUI, as the table says it.
    fields: String,
    /// The exit code of `check`.
    exit: i32,
    /// Part of the reason why it cannot be read, if it cannot.
    error: Option<String>,
    /// What each fix finds, by its name; nothing that it is about, where it is not named.
    #[serde(flatten)]
    surveys: BTreeMap<String, Expected>,
}

/// What a fix finds.
#[derive(Deserialize)]
struct Expected {
    status: Status,
    /// The states of its sites, each at least once, and no others.
    states: Vec<State>,
    /// Part of its note, or of what it says of a site.
    says: Option<String>,
    /// The number of files with sites.
    files: Option<usize>,
    /// The states whose sites, and no others, are never run, if that is promised.
    unused: Option<Vec<State>>,
}

fn promises() -> Vec<(String, Promise)> {
    let promise = |name: String| {
        let text = fs::read_to_string(format!("fixtures/{name}/expected.toml")).unwrap_or_else(|_| panic!("{name}"));
        let promise = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, promise)
    };
    fixtures().into_iter().map(promise).collect()
}

fn repairs() -> impl Iterator<Item = (String, Install, Repair)> {
    fixtures().into_iter().filter(|name| name != "syntax-error").map(|name| {
        let install = Install::of(&name);
        let repair = install.repair().unwrap();
        (name, install, repair)
    })
}

#[test]
fn every_fixture_is_in_the_state_that_it_promises() {
    for (name, promise) in promises() {
        let install = Install::of(&name);
        match (install.repair(), &promise.error) {
            (Ok(repair), None) => {
                for survey in &repair.surveys.asked {
                    match promise.surveys.get(survey.fix.name()) {
                        Some(expected) => assert_survey(&name, survey, expected),
                        None => assert_eq!(survey.status, Status::NotApplicable, "{name}: {survey:#?}"),
                    }
                }
                assert!(promise.surveys.keys().all(|fix| Fix::named(fix).is_some()), "{name}: a promise of no fix");
            }
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (Ok(_), Some(part)) => panic!("{name}: could be read, in spite of {part}"),
            (Err(error), None) => panic!("{name}: {error}"),
        }
        let ran = install.run(&["check"]);
        assert_eq!(ran.code, promise.exit, "{name}: {ran:?}");
    }
}

fn assert_survey(name: &str, survey: &Survey, expected: &Expected) {
    assert_eq!(survey.status, expected.status, "{name}: {survey:#?}");
    let mut states: Vec<_> = survey.sites.iter().map(|site| site.state.name).collect();
    states.sort_unstable();
    states.dedup();
    let mut promised: Vec<_> = expected.states.iter().map(|state| state.name).collect();
    promised.sort_unstable();
    assert_eq!(states, promised, "{name}: {survey:#?}");
    if let Some(part) = &expected.says {
        let mut said = survey.note.iter().chain(survey.sites.iter().map(|site| &site.message));
        assert!(said.any(|text| text.contains(part)), "{name}: {survey:#?}");
    }
    if let Some(unused) = &expected.unused {
        let is_as_promised = |site: &Site| site.unused.is_some() == unused.contains(&site.state);
        assert!(survey.sites.iter().all(is_as_promised), "{name}: {survey:#?}");
    }
    let mut files: Vec<_> = survey.sites.iter().map(|site| site.file).collect();
    files.sort_unstable();
    files.dedup();
    assert_eq!(files.len(), expected.files.unwrap_or(usize::from(!survey.sites.is_empty())), "{name}: {survey:#?}");
}

/// `UPDATE=1 cargo test` writes it anew.
#[test]
fn the_table_of_the_readme_is_that_of_the_promises() {
    let fixes: Vec<_> = Fix::ALL.iter().map(|fix| fix.name()).collect();
    let mut table = format!("| state | what it stands for | fields | {} | exit |\n", fixes.join(" | "));
    let _ = writeln!(table, "|---|---|---|{}---|", "---|".repeat(fixes.len()));
    for (name, Promise { about, fields, exit, error, surveys }) in promises() {
        let found = |fix: &&str| match surveys.get(*fix) {
            Some(expected) => {
                let states: Vec<_> = expected.states.iter().map(|state| state.name).collect();
                [expected.status.name(), &states.join(", ")].join(": ").trim_end_matches(": ").to_owned()
            }
            None if error.is_some() => "cannot be read".to_owned(),
            None => Status::NotApplicable.name().to_owned(),
        };
        let found: Vec<_> = fixes.iter().map(found).collect();
        let _ = writeln!(table, "| `{name}` | {about} | {fields} | {} | {exit} |", found.join(" | "));
    }
    generated::assert_section(Path::new("fixtures/README.md"), "fixtures", &table);
}

#[test]
fn undoing_the_edits_gives_the_old_bytes_back() {
    for (name, _install, repair) in repairs() {
        for change in &repair.changes {
            let old = repair.sources.package.source(change.file).unwrap().text();
            assert_ne!(old, change.text, "{name}");
            let undone = change.edits.undo(old).apply(&change.text);
            assert_eq!(undone.as_bytes(), repair.sources.package.bytes(change.file), "{name}");
        }
    }
}

#[test]
fn repairing_again_changes_nothing() {
    for (name, install, repair) in repairs().filter(|(name, ..)| name != "not-understood") {
        for change in &repair.changes {
            fs::write(repair.sources.path(change.file), &change.text).unwrap();
        }
        let again = install.repair().unwrap();
        assert!(again.changes.is_empty(), "{name}");
        let settled = |survey: &Survey| matches!(survey.status, Status::InOrder | Status::NotApplicable);
        assert!(again.surveys.asked.iter().all(settled), "{name}: {:#?}", again.surveys.asked);
    }
}

#[test]
fn every_edit_is_at_a_site() {
    let mut edits = 0;
    for (name, _install, repair) in repairs() {
        for survey in &repair.surveys.asked {
            for site in &survey.sites {
                for (file, edit) in &site.edits {
                    let source = repair.sources.package.source(*file).unwrap();
                    let lines = lines_of(source, &site.range);
                    let inside = *file == site.file && lines.start <= edit.range.0 && edit.range.1 <= lines.end;
                    // Edits that are one repair together can be around the sites.
                    let allowed = inside
                        || survey.fix.about().is_one_repair
                            && (inserts(edit) || is_within_remainder(source, edit, site.range.start));
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
            let (old, new) = (repair.sources.package.source(change.file).unwrap().text(), &change.text);
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
