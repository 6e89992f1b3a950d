//! Several checkouts in one run: each gets the answer that it gets alone, in the order in which they were named. And a
//! reader that stops reading changes nothing about the work.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::common::{Install, Ran, copy, fixtures, program};
use serde_json::Value;

/// A folder with a copy of every fixture's checkout, the same one several times over, and their names.
fn checkouts(times: usize) -> (Install, Vec<String>) {
    let install = Install::of("in-order");
    let mut names = Vec::new();
    for time in 0..times {
        for fixture in fixtures() {
            let name = format!("{fixture}-{time}");
            let from = Path::new("fixtures").join(&fixture).join("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
            copy(&from, &install.root.join("several").join(&name));
            names.push(name);
        }
    }
    (install, names)
}

/// The reports on checkouts, in order.
fn reports(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let ran = Ran::of(program(folder).args(["check", "--format", "json"]).args(arguments));
    let mut report: Value = serde_json::from_str(&ran.out).unwrap();
    let Value::Array(checkouts) = report["checkouts"].take() else { panic!("{ran:?}") };
    checkouts
}

#[test]
fn each_gets_the_answer_that_it_gets_alone_in_the_order_of_the_paths() {
    let (install, mut names) = checkouts(2);
    // Neither the order on disk nor that of the alphabet.
    names.reverse();
    let folder = install.root.join("several");
    let paths: Vec<_> = names.iter().map(String::as_str).collect();
    let together = reports(&folder, &paths);
    assert_eq!(together.len(), paths.len());
    for (path, report) in paths.iter().zip(&together) {
        assert_eq!(reports(&folder, &[path]), std::slice::from_ref(report), "{path}");
    }
}

#[test]
fn people_are_shown_them_in_that_order_too() {
    let (install, names) = checkouts(3);
    let ran = Ran::of(program(&install.root.join("several")).args(["check", "--all", "--no-verify"]));
    let shown: Vec<_> =
        ran.out.lines().filter_map(|line| line.split_once("ComfyUI-MultiGPU ")?.1.split_once(" in ")).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(shown.iter().map(|(_, path)| *path).collect::<Vec<_>>(), sorted);
    assert_eq!(ran.code, 2, "some are not understood");
    assert!(ran.out.contains(&format!("\n{} checkouts: ", names.len())), "{}", ran.out);
}

#[test]
fn one_that_asks_for_too_much_takes_nothing_from_the_others() {
    let (install, names) = checkouts(1);
    let folder = install.root.join("several");
    let greedy: Vec<_> = (0..4).map(|number| format!("greedy-{number}")).collect();
    for name in &greedy {
        copy(&folder.join("legacy-0"), &folder.join(name));
        let file = folder.join(name).join("distorch_2.py");
        let text = fs::read_to_string(&file).unwrap();
        let line = "    final_bytes = defaultdict(int)\n";
        assert!(text.contains(line));
        let grows = format!("{line}    grown = []\n    while True:\n        grown.append([])\n");
        fs::write(&file, text.replace(line, &grows)).unwrap();
    }
    let alone: Vec<_> = names.iter().flat_map(|name| reports(&folder, &[name])).collect();
    // Each has a greedy one beside it.
    let mut paths: Vec<_> = names.iter().map(String::as_str).collect();
    for (at, name) in greedy.iter().enumerate() {
        paths.insert(at * 2, name);
    }
    let (greedy, others): (Vec<_>, Vec<_>) =
        paths.iter().zip(reports(&folder, &paths)).partition(|(path, _)| path.starts_with("greedy"));
    assert!(others.into_iter().map(|(_, report)| report).eq(alone));
    for (path, report) in greedy {
        assert_eq!(report["verification"]["status"], "inconclusive", "{path}: {report}");
    }
}

#[test]
fn of_several_to_apply_each_is_repaired_and_what_fails_stays() {
    let (install, names) = checkouts(1);
    let folder = install.root.join("several");
    let twin: Vec<_> = names.iter().map(|name| (name, crate::common::files(&folder.join(name)))).collect();
    let ran = Ran::of(program(&folder).args(["apply", "--all"]));
    assert_eq!(ran.code, 2, "some are not understood");
    for (name, before) in twin {
        let own = Install::of(name.strip_suffix("-0").unwrap());
        let alone = own.run(&["apply", own.checkout().to_str().unwrap()]);
        let after = crate::common::files(&folder.join(name));
        assert!(after == crate::common::files(&own.checkout()), "{name}");
        // What `apply` leaves to the user makes it fail after it has repaired the rest.
        let is_rest_left = alone.err.contains("help: `apply` does not change this");
        assert!(alone.code == 0 || is_rest_left || after == before, "{name}: {alone:?}");
    }
}

/// Runs it with nobody at the other end of standard output.
fn unread(folder: &Path, arguments: &[&str]) -> Ran {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let child = program(folder).args(arguments).stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    Ran { code: ended.status.code().unwrap(), out: String::new(), err: String::from_utf8(ended.stderr).unwrap() }
}

#[test]
fn a_reader_that_stops_reading_changes_nothing_about_the_work() {
    let (legacy, in_order) = (Install::of("legacy"), Install::of("in-order"));
    for (install, arguments, code) in [
        (&legacy, &["check"][..], 1),
        (&legacy, &["check", "--format", "json"], 1),
        (&legacy, &["check", "--format", "sarif"], 1),
        (&legacy, &["check", "--format", "github"], 1),
        (&legacy, &["diff"], 0),
        (&legacy, &["status"], 0),
        (&in_order, &["check"], 0),
        (&in_order, &["plan", "--model-size", "8gb", "--vram", "cuda:0=4gb", "cuda:0,12gb"], 1),
        (&in_order, &["completions", "bash"], 0),
        (&in_order, &["man"], 0),
    ] {
        let ran = unread(&install.root, arguments);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{arguments:?}");
    }
    let before = legacy.files();
    assert_eq!(unread(&legacy.root, &["apply"]).code, 0);
    assert_eq!(legacy.run(&["check"]).code, 0);
    assert_eq!(unread(&legacy.root, &["revert"]).code, 0);
    assert!(legacy.files() == before);
}

#[test]
fn errors_are_said_even_if_nobody_reads_the_output() {
    let install = Install::of("syntax-error");
    let ran = unread(&install.root, &["check"]);
    assert!(ran.code == 2 && ran.err.starts_with("error: "), "{ran:?}");
}

#[cfg(target_os = "linux")] // it needs /dev/full
#[test]
fn what_cannot_be_printed_for_another_reason_is_an_error() {
    let install = Install::of("legacy");
    let full = fs::File::options().write(true).open(PathBuf::from("/dev/full")).unwrap();
    let ran = program(&install.root).arg("check").stdout(full).output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code() == Some(2) && said.starts_with("error: "), "{said}");
}
