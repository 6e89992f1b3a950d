//! Every fix is complete: its folder, its queries, its tests, a fixture in which it has something to do, and its section
//! in the documentation. Forgetting one of them fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::{Install, fixtures};
use distorch_fix::fixes::{Fix, Status};

fn module(fix: &Fix) -> String {
    fix.name().replace('-', "_")
}

#[test]
fn every_folder_of_a_fix_is_in_the_registry() {
    let entries = fs::read_dir("src/fixes").unwrap().map(|entry| entry.unwrap().path());
    let folders: BTreeSet<_> = entries.filter(|path| path.is_dir()).collect();
    let registered: BTreeSet<_> = Fix::ALL.iter().map(|fix| Path::new("src/fixes").join(module(fix))).collect();
    assert_eq!(folders, registered);
}

#[test]
fn every_fix_has_its_queries_its_tests_and_its_section() {
    let documented = fs::read_to_string("patches/README.md").unwrap();
    for fix in Fix::ALL {
        assert!(Path::new(&format!("patches/{fix}.scm")).is_file(), "patches/{fix}.scm");
        assert!(Path::new(&format!("tests/it/{}.rs", module(fix))).is_file(), "tests/it/{}.rs", module(fix));
        assert!(documented.contains(&format!("\n## {fix}\n")), "a section on {fix} in patches/README.md");
    }
}

#[test]
fn every_fix_repairs_some_fixture_and_every_state_is_met_in_one() {
    let mut repaired = BTreeSet::new();
    let mut met = BTreeSet::new();
    for repair in fixtures().iter().filter_map(|name| Install::of(name).repair().ok()) {
        for survey in &repair.surveys.asked {
            met.extend(survey.sites.iter().map(|site| site.state.name));
            if survey.status == Status::Needed {
                repaired.insert(survey.fix.name());
            }
        }
    }
    for fix in Fix::ALL {
        assert!(repaired.contains(fix.name()), "a fixture in which {fix} has something to do");
        for state in fix.about().states {
            assert!(met.contains(state.name), "a fixture with a site that is {}", state.name);
        }
    }
}
