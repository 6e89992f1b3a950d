//! What `--format` promises: documents that hold to their schemas, whatever the fixture and the command, and from which
//! the repair can be made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::common::git::{comfyui, folder, node};
use crate::common::schema::{holds, validator};
use crate::common::{Install, Ran, fixtures, program, skip};
use serde_json::Value;

const COMMANDS: [&[&str]; 4] = [&["check"], &["apply", "--dry-run"], &["diff"], &["verify", "--scenarios", "3"]];

/// Runs a command whose standard output has to be one document and nothing else.
fn document(install: &Install, arguments: &[&str]) -> (Value, Ran) {
    let mut program = program(&install.root);
    program.env_remove("GITHUB_WORKSPACE").env_remove("GITHUB_STEP_SUMMARY");
    let ran = Ran::of(program.args(arguments));
    (serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {ran:?}")), ran)
}

#[test]
fn what_workflows_hold_is_said_as_the_schema_says() {
    let schema = validator("schema/workflow.schema.json");
    let files = ["ComfyUI", "saved-by-2.4.json", "key-twice.json"].map(|file| format!("tests/data/workflows/{file}"));
    let mut program = program(".".as_ref());
    let ran = Ran::of(program.args(["workflow", "show", "--format", "json"]).args(files));
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    holds(&schema, &document, "workflow show");
    assert_eq!((ran.code, list(&document["files"]).len()), (2, 5));
    // Each value stands where it is said to stand.
    for file in list(&document["files"]) {
        let text = fs::read_to_string(file["path"].as_str().unwrap()).unwrap();
        for setting in list(&file["loaders"]).iter().flat_map(|loader| list(&loader["models"])) {
            if let Some(span) = setting["span"].as_array() {
                let value: Value = serde_json::from_str(&text[number(&span[0])..number(&span[1])]).unwrap();
                assert_eq!(value, setting["value"]);
            }
        }
    }
}

#[test]
fn what_a_schema_does_not_allow_is_noticed() {
    for (schema, fixture, format, pointer, wrong) in [
        ("tests/data/sarif-schema-2.1.0.json", "legacy", "sarif", "/runs/0/results/0/level", "fatal"),
        ("tests/data/sarif-schema-2.1.0.json", "legacy", "sarif", "/runs/0/results/0/guid", "not a guid"),
        ("tests/data/sarif-schema-2.1.0.json", "legacy", "sarif", "/$schema", "not a uri"),
        ("schema/report.schema.json", "legacy", "json", "/outcome", "perhaps"),
    ] {
        let (validator, install) = (validator(schema), Install::of(fixture));
        let (mut document, _) = document(&install, &["check", "--format", format]);
        assert!(validator.accepts(&document));
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = wrong.into();
        assert!(!validator.accepts(&document), "{pointer}");
    }
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
        let first = document(&install, &["check", "--format", "json"]).1.out;
        for command in COMMANDS {
            let arguments = [command, &["--format", "json"]].concat();
            let (report, ran) = document(&install, &arguments);
            holds(&schema, &report, &format!("{name} {command:?}"));
            assert!(command != ["check"] || ran.out == first, "{name}: the same every time");
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
    crate::common::copy(&install.checkout(), &install.checkout().with_file_name("ComfyUI-MultiGPU-2"));
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
        let conflicts = matches!(&*name, "needs-newer-comfyui" | "own-load-list");
        assert_eq!(install.run(&["apply"]).code, if conflicts { 2 } else { 0 }, "{name}");
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

/// Every workflow with something wrong, in the formats for programs.
#[test]
fn findings_in_workflows_hold_to_the_schemas_and_have_their_places() {
    let json = validator("schema/workflow-check.schema.json");
    let sarif = validator("tests/data/sarif-schema-2.1.0.json");
    let run = |format: &str| {
        let mut program = program(std::path::Path::new("."));
        program.env_remove("GITHUB_WORKSPACE").env_remove("GITHUB_STEP_SUMMARY");
        let ran = Ran::of(program.args([
            "workflow",
            "check",
            "tests/data/workflows",
            "--vram",
            "cuda:0=12gb",
            "--format",
            format,
        ]));
        (serde_json::from_str::<Value>(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}")), ran.code)
    };
    let (document, code) = run("json");
    holds(&json, &document, "json");
    let (as_sarif, sarif_code) = run("sarif");
    holds(&sarif, &as_sarif, "sarif");
    // One of the files has a key twice.
    assert_eq!((code, sarif_code), (2, 2));
    assert_eq!(as_sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let mut places = 0;
    for file in list(&document["files"]) {
        let text = fs::read_to_string(file["path"].as_str().unwrap()).unwrap();
        for found in list(&file["findings"]) {
            let (Some(start), Some(end)) = (found["start"]["byte"].as_u64(), found["end"]["byte"].as_u64()) else {
                continue;
            };
            let there = &text[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
            let value = &found["value"];
            if let Some(value) = value["text"].as_str().filter(|_| !there.contains(['\\', '"'])) {
                let at = |key: &str| usize::try_from(found["value"][key].as_u64().unwrap()).unwrap();
                assert_eq!(there, &value[at("start")..at("end")], "{found}");
                places += 1;
            }
        }
    }
    assert!(places > 5, "{places}");
    let results = list(&as_sarif["runs"][0]["results"]).len();
    assert_eq!(results, list(&document["files"]).iter().map(|file| list(&file["findings"]).len()).sum::<usize>());
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
        let findings =
            number(&totals["repairable_sites"]) + number(&totals["opaque_sites"]) + number(&totals["conflicts"]);
        let warnings = list(&json["checkouts"][0]["warnings"]).len();
        let count = findings + warnings + usize::from(ran.code == 2);
        assert_eq!(github.out.lines().count(), count, "{name}: {}", github.out);
        let file = "file=ComfyUI/custom_nodes/ComfyUI-MultiGPU/";
        let is_annotation = |line: &str| {
            let at_its_line = line.contains(file) && line.contains(",line=");
            let has_no_line = line.starts_with("::warning title=distorch-fix::") || name == "not-understood";
            (line.starts_with("::error ") || line.starts_with("::warning ")) && (at_its_line || has_no_line)
        };
        assert!(github.out.lines().all(is_annotation), "{name}: {}", github.out);
        let summary = fs::read_to_string(summary).unwrap();
        assert!(summary.starts_with("before\n### distorch-fix\n\n| checkout |"), "{name}: {summary}");
        let rows: Vec<_> = summary.lines().filter(|line| line.starts_with("| ComfyUI-MultiGPU ")).collect();
        assert_eq!(rows.len(), list(&json["checkouts"]).len(), "{name}: {summary}");
        let cells = |line: &str| line.matches(" |").count();
        let heading = summary.lines().find(|line| line.starts_with("| checkout |")).unwrap();
        assert!(rows.iter().all(|row| cells(row) == cells(heading)), "{name}: {summary}");
        let conflicts = list(&json["checkouts"][0]["conflicts"]).len();
        let listed = summary.lines().filter(|line| line.starts_with("- **comfyui**: custom\\_nodes"));
        assert_eq!(listed.count(), conflicts, "{name}: {summary}");
        assert_eq!(
            summary.contains("To repair: "),
            ran.code == 1 && name != "needs-newer-comfyui",
            "{name}: {summary}"
        );
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
    crate::common::copy(&install.checkout(), &install.checkout().with_file_name("other"));
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

/// `PATH@`, to which a revision of ComfyUI is added: 4 fields in `v0.3.70`, dynamic VRAM in `next`.
fn history() -> (tempfile::TempDir, String) {
    let (folder, root) = folder();
    comfyui(&root.join("ComfyUI"), false);
    let path = format!("{}@", root.join("ComfyUI").display());
    (folder, path)
}

#[test]
fn json_says_what_a_checkout_was_judged_by_and_how_it_fares() {
    let schema = validator("schema/report.schema.json");
    let (_folder, other) = history();
    let run = |install: &Install, arguments: &[&str]| {
        let (report, ran) = document(install, &[&["check", "--format", "json"], arguments].concat());
        holds(&schema, &report, &format!("{arguments:?}"));
        assert_eq!(report["exit_code"], ran.code, "{arguments:?}");
        report
    };
    let starts =
        |value: &Value, start: &str| assert!(value.as_str().unwrap().starts_with(start), "{value}, and not {start}");
    let fits = |report: &Value| -> BTreeSet<String> {
        let sites = list(&report["checkouts"][0]["fixes"][0]["sites"]).iter();
        sites.map(|site| site["fit"].as_str().unwrap_or("none").to_owned()).collect()
    };
    let only = |fit: &str| BTreeSet::from([fit.to_owned()]);

    let both = run(&node(), &["--comfyui", &format!("{other}next"), "--rev", "origin/main"]);
    let checkout = &both["checkouts"][0];
    starts(&checkout["revision"], "origin/main (");
    assert_eq!((&checkout["release"], &checkout["git"]), (&"fixed upstream since 2.5.11".into(), &Value::Null));
    let judge = &checkout["comfyui"];
    starts(&judge["revision"], "next (");
    assert_eq!((&judge["is_named"], &judge["version"]), (&true.into(), &"0.33.0".into()));
    assert_eq!((&judge["dynamic_vram"], &judge["unread"]), (&"by-default".into(), &Value::Null));
    let switches = &judge["dynamic_vram_switches"];
    let [off, depends_on] = ["off", "depends_on"].map(|name| strings(&switches[name]));
    assert_eq!(
        (off, depends_on),
        (vec!["--disable-dynamic-vram", "--highvram"], vec!["comfy.model_management.is_nvidia()"])
    );
    let loaders =
        list(&checkout["loaders"]).iter().map(|it| [&it["kind"], &it["effect"]].map(|it| it.as_str().unwrap()));
    let loaders: Vec<_> = loaders.collect();
    assert_eq!(loaders.len(), 8);
    assert!(loaders.contains(&["vae", "inert-while-dynamic"]) && loaders.contains(&["gguf-diffusion", "unknown"]));
    let items = list(&judge["load_lists"][0]["items"]);
    let told: Vec<_> = items.iter().map(|item| (list(&item["fields"]).len(), item["argument"].as_str())).collect();
    assert_eq!(told, [(5, None), (6, Some("for_dynamic=True"))]);
    assert_eq!((&checkout["pair"]["known"], fits(&both)), (&"works".into(), only("works")));
    starts(&checkout["warnings"][0]["message"], "DisTorch2's safetensors loaders have no effect");
    assert_eq!(checkout["warnings"][0]["help"][0], "start ComfyUI with --disable-dynamic-vram");
    assert!(both["next"].is_null(), "{both}");

    let install = Install::of("five-only");
    let broken = run(&install, &["--comfyui", &format!("{other}v0.3.70")]);
    let checkout = &broken["checkouts"][0];
    assert_eq!((&checkout["pair"]["known"], fits(&broken)), (&"broken".into(), only("broken")));
    assert_eq!((&broken["totals"]["broken_sites"], &broken["totals"]["repairable_sites"]), (&7.into(), &2.into()));
    assert_eq!((&checkout["revision"], list(&checkout["warnings"]).len()), (&Value::Null, 0));

    let today = run(&Install::of("separate-clip"), &[]);
    let checkout = &today["checkouts"][0];
    assert_eq!((&checkout["pair"]["known"], fits(&today)), (&"works-today".into(), only("works-today")));
    assert_eq!((&checkout["comfyui"]["is_named"], &checkout["release"]), (&false.into(), &"2.5.10 or older".into()));

    fs::remove_file(install.root.join("ComfyUI/comfy/model_patcher.py")).unwrap();
    let untold = run(&install, &[]);
    let checkout = &untold["checkouts"][0];
    starts(&checkout["comfyui"]["unread"]["message"], "there is no comfy/model_patcher.py");
    let either = &checkout["pair"]["either"];
    assert_eq!((&either["four"], &either["five"], fits(&untold)), (&"broken".into(), &"works".into(), only("none")));

    let (missing, ran) = document(&install, &["check", "--format", "json", "--comfyui", &format!("{other}v9")]);
    holds(&schema, &missing, "no such revision");
    starts(&missing["errors"][0]["message"], "no revision `v9` in ");
    assert_eq!((ran.code, list(&missing["checkouts"]).len()), (2, 0));
}

#[test]
fn warnings_and_what_is_broken_are_in_sarif_and_in_annotations() {
    let (_folder, other) = history();
    let schema = validator("tests/data/sarif-schema-2.1.0.json");
    let warning = "DisTorch2's safetensors loaders have no effect while this ComfyUI's dynamic VRAM is active";
    let install = Install::of("five-only");
    for (revision, broken, warned) in [("v0.3.70", 7, 0), ("next", 0, 1), ("master", 0, 0)] {
        let named = ["--comfyui", &format!("{other}{revision}")];
        let (sarif, _) = document(&install, &[&["check", "--format", "sarif"], &named[..]].concat());
        holds(&schema, &sarif, revision);
        let run = &sarif["runs"][0];
        let is_broken = |result: &&Value| {
            result["ruleId"] == "load-list"
                && result["level"] == "error"
                && result["properties"]["state"] == "five-only"
        };
        assert_eq!(list(&run["results"]).iter().filter(is_broken).count(), broken, "{revision}: {sarif}");
        let told = run["invocations"][0]["toolExecutionNotifications"].as_array().into_iter().flatten();
        let is_warning = |told: &&Value| {
            told["level"] == "warning" && told["message"]["text"].as_str().unwrap().starts_with(warning)
        };
        assert_eq!(told.filter(is_warning).count(), warned, "{revision}: {sarif}");

        let github = install.run(&[&["check", "--format", "github"], &named[..]].concat());
        let lines = |start: &str, part: &str| {
            github.out.lines().filter(|line| line.starts_with(start) && line.contains(part)).count()
        };
        assert_eq!(lines("::error file=", "title=load-list%3A five-only::"), broken, "{revision}: {github:?}");
        assert_eq!(lines("::warning title=distorch-fix::", warning), warned, "{revision}: {github:?}");
        let summary = install.root.join("summary.md");
        let mut job = program(&install.root);
        job.env("GITHUB_STEP_SUMMARY", &summary).args(["check", "--format", "github"]).args(named);
        assert_eq!(Ran::of(&mut job).code, 1);
        let markdown = fs::read_to_string(&summary).unwrap();
        assert_eq!(
            markdown.matches("\n- **warning**: DisTorch2's safetensors loaders have no effect").count(),
            warned,
            "{revision}: {markdown}"
        );
        fs::remove_file(summary).unwrap();
    }
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().map(|text| text.as_str().unwrap()).collect()
}
