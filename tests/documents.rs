//! What `--format` promises: documents that hold to their schemas, whatever the fixture and the command, and from which
//! the repair can be made.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use common::{Install, Ran, fixtures, program, skip};
use serde_json::Value;

const COMMANDS: [&[&str]; 4] = [&["check"], &["apply", "--dry-run"], &["diff"], &["verify", "--scenarios", "3"]];

fn validator(schema: &str) -> jsonschema::Validator {
    // JavaScript takes a bracket that closes nothing for itself, as in the SARIF schema; other engines want it escaped.
    let text = fs::read_to_string(schema).unwrap().replace("{2}]?$", r"{2}\\]?$");
    let schema = serde_json::from_str(&text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Runs a command whose standard output has to be one document and nothing else.
fn document(install: &Install, arguments: &[&str]) -> (Value, Ran) {
    let mut program = program(&install.root);
    program.env_remove("GITHUB_WORKSPACE").env_remove("GITHUB_STEP_SUMMARY");
    let ran = Ran::of(program.args(arguments));
    (serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ran:?}")), ran)
}

fn holds(validator: &jsonschema::Validator, document: &Value, what: &str) {
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// The text after replacements, given as (start, end, text), those that are repeated once.
fn replaced(text: &str, replacements: BTreeSet<(usize, usize, String)>) -> String {
    let mut out = text.to_owned();
    for (start, end, new) in replacements.into_iter().rev() {
        out.replace_range(start..end, &new);
    }
    out
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

#[test]
fn json_holds_to_its_schema_whatever_the_fixture_and_the_command() {
    let schema = validator("schema/report.schema.json");
    for name in fixtures() {
        let install = Install::of(&name);
        let twice = [0; 2].map(|_| document(&install, &["check", "--format", "json"]).1.out);
        assert_eq!(twice[0], twice[1], "{name}: the same every time");
        for command in COMMANDS {
            let arguments = [command, &["--format", "json"]].concat();
            let (report, ran) = document(&install, &arguments);
            holds(&schema, &report, &format!("{name} {command:?}"));
            assert_eq!(report["exit_code"], ran.code, "{name} {command:?}");
            assert_eq!(ran.err.is_empty(), ran.code != 2, "{name} {command:?}: {}", ran.err);
            assert_eq!(report["checkouts"][0]["error"].is_null(), ran.code != 2, "{name} {command:?}");
            assert!(!ran.out.contains(install.root.to_str().unwrap()), "{name} {command:?}: no path of this machine");
        }
    }
}

#[test]
fn errors_that_stop_a_run_are_in_its_json() {
    let schema = validator("schema/report.schema.json");
    let install = Install::of("legacy");
    common::copy(&install.checkout(), &install.checkout().with_file_name("ComfyUI-MultiGPU-2"));
    for (path, message, help) in [
        ("nowhere", "cannot look at nowhere", "name distorch_2.py"),
        ("ComfyUI", "found 2 checkouts", "name the one that you mean, or use --all"),
    ] {
        let (report, ran) = document(&install, &["check", path, "--format", "json"]);
        holds(&schema, &report, path);
        assert_eq!((ran.code, &report["exit_code"], &report["outcome"]), (2, &2.into(), &"failed".into()));
        let error = &report["errors"][0];
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
        assert!(error["help"][0].as_str().unwrap().starts_with(help), "{error}");
        assert!(ran.err.starts_with(&format!("error: {message}")), "{}", ran.err);
    }
}

#[test]
fn the_edits_in_json_and_in_sarif_are_those_that_apply_makes() {
    for name in fixtures() {
        let install = Install::of(&name);
        let old = install.files();
        let (json, ran) = document(&install, &["check", "--format", "json"]);
        let (sarif, _) = document(&install, &["check", "--format", "sarif"]);
        if ran.code == 2 {
            assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false, "{name}");
            continue;
        }
        let mut from_json: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
        for survey in list(&json["checkouts"][0]["fixes"]) {
            for edit in list(&survey["sites"]).iter().flat_map(|site| list(&site["edits"])) {
                let path = edit["path"].as_str().unwrap().to_owned();
                let place = |end: &str| number(&edit[end]["byte"]);
                let text = edit["text"].as_str().unwrap().to_owned();
                from_json.entry(path).or_default().insert((place("start"), place("end"), text));
            }
        }
        let mut from_sarif: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
        for result in list(&sarif["runs"][0]["results"]) {
            for change in result["fixes"].as_array().into_iter().flatten().flat_map(|fix| list(&fix["artifactChanges"]))
            {
                let path = change["artifactLocation"]["uri"].as_str().unwrap().to_owned();
                for replacement in list(&change["replacements"]) {
                    let region = &replacement["deletedRegion"];
                    let start = number(&region["byteOffset"]);
                    let text = replacement["insertedContent"]["text"].as_str().unwrap().to_owned();
                    let edit = (start, start + number(&region["byteLength"]), text);
                    from_sarif.entry(path.clone()).or_default().insert(edit);
                }
            }
        }
        assert_eq!(from_json, from_sarif, "{name}");
        assert_eq!(install.run(&["apply"]).code, 0, "{name}");
        for (path, new) in install.files() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let edits = from_json.remove(&path.to_str().unwrap().replace('\\', "/")).unwrap_or_default();
            assert_eq!(replaced(&text(&old[&path]), edits), text(&new), "{name}: {}", path.display());
        }
    }
}

#[test]
fn sarif_holds_to_the_official_schema() {
    let schema = validator("tests/data/sarif-schema-2.1.0.json");
    for name in fixtures() {
        let install = Install::of(&name);
        let (sarif, ran) = document(&install, &["check", "--format", "sarif"]);
        holds(&schema, &sarif, &name);
        let run = &sarif["runs"][0];
        assert_eq!(run["invocations"][0]["exitCode"], ran.code, "{name}");
        for rule in list(&run["tool"]["driver"]["rules"]) {
            assert!(rule["help"]["text"].is_string() && rule["help"]["markdown"].is_string(), "{rule}");
        }
        for result in list(&run["results"]) {
            let rule = &run["tool"]["driver"]["rules"][number(&result["ruleIndex"])];
            assert_eq!(result["ruleId"], rule["id"], "{name}");
        }
    }
}

#[test]
fn sarif_escapes_what_a_uri_cannot_hold() {
    let install = Install::of("five-only");
    fs::rename(install.root.join("ComfyUI"), install.root.join("my #1 é%")).unwrap();
    let (sarif, _) = document(&install, &["check", "--format", "sarif"]);
    holds(&validator("tests/data/sarif-schema-2.1.0.json"), &sarif, "escaped");
    let uri = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "my%20%231%20%C3%A9%25/custom_nodes/ComfyUI-MultiGPU/distorch_2.py");
}

#[test]
fn github_gets_an_annotation_for_each_finding_and_a_summary() {
    for name in fixtures() {
        let install = Install::of(&name);
        let (json, ran) = document(&install, &["check", "--format", "json"]);
        let summary = install.root.join("summary.md");
        fs::write(&summary, "before\n").unwrap();
        let mut program = program(&install.root.join("ComfyUI"));
        program.env("GITHUB_WORKSPACE", &install.root).env("GITHUB_STEP_SUMMARY", &summary);
        let github = Ran::of(program.args(["check", "--format", "github"]));
        assert_eq!(github.code, ran.code, "{name}");
        let totals = &json["totals"];
        let findings = number(&totals["repairable_sites"]) + number(&totals["opaque_sites"]);
        let warnings = json["checkouts"][0]["warnings"].as_array().map_or(0, Vec::len);
        let said = findings + warnings + usize::from(ran.code == 2);
        assert_eq!(github.out.lines().count(), said, "{name}: {}", github.out);
        let file = "file=ComfyUI/custom_nodes/ComfyUI-MultiGPU/";
        let is_annotation = |line: &str| {
            let at_its_line = line.contains(file) && line.contains(",line=");
            (line.starts_with("::error ") || line.starts_with("::warning "))
                && (at_its_line || name == "not-understood" || line.contains("title=distorch-fix::"))
        };
        assert!(github.out.lines().all(is_annotation), "{name}: {}", github.out);
        let summary = fs::read_to_string(summary).unwrap();
        assert!(summary.starts_with("before\n### distorch-fix\n\n| checkout |"), "{name}: {summary}");
        assert_eq!(summary.contains("To repair: "), ran.code == 1, "{name}: {summary}");
    }
}

#[test]
fn several_paths_are_one_run_with_totals_and_the_worst_exit_code() {
    let [order, legacy, broken] = ["in-order", "legacy", "syntax-error"].map(Install::of);
    let paths = [&order, &legacy, &broken, &legacy].map(|install| install.root.to_str().unwrap());
    let run = |paths: &[&str]| document(&order, &[&["check", "--format", "json"], paths].concat());
    for (paths, codes, code) in [(&paths[..1], [1, 0, 0], 0), (&paths[..2], [1, 1, 0], 1), (&paths[..], [1, 1, 1], 2)] {
        let (report, ran) = run(paths);
        assert_eq!(ran.code, code);
        let totals = ["in_order", "to_repair", "failed"].map(|name| number(&report["totals"][name]));
        assert_eq!(totals, codes, "each checkout once");
    }
    let ran = order.run(&[&["check"], &paths[..]].concat());
    assert!(ran.out.contains("\n3 checkouts: 1 to repair, 1 failed, 1 in order\n\nTo repair: "), "{}", ran.out);
    let ran = order.run(&["apply", paths[1], "nowhere"]);
    assert_eq!((ran.code, ran.out.matches("Repaired ").count()), (2, 1), "{ran:?}");
    assert!(ran.err.starts_with("error: cannot look at nowhere"), "{}", ran.err);
}

#[test]
fn a_patch_of_several_checkouts_is_for_the_folder_above_them() {
    let install = Install::of("legacy");
    common::copy(&install.checkout(), &install.checkout().with_file_name("other"));
    let patch = install.run(&["diff", "--all"]);
    assert_eq!(patch.code, 0, "{}", patch.err);
    let outside = Install::of("in-order").run(&["diff", "--all", install.root.to_str().unwrap()]);
    assert!(outside.code == 2 && outside.out.is_empty(), "{outside:?}");
    assert!(outside.err.contains("is not below the current folder") && outside.err.contains("\nhelp: "), "{outside:?}");

    fs::write(install.root.join("repair.patch"), &patch.out).unwrap();
    let mut git = Command::new("git");
    match git.args(["apply", "repair.patch"]).current_dir(&install.root).status() {
        Ok(status) => assert!(status.success()),
        Err(_) => return skip("there is no git, so the patch of two checkouts was not applied"),
    }
    assert_eq!(install.run(&["check", "--all"]).code, 0);
}
