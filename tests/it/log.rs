//! What `log` says of logs in files: one outcome for each load, whatever the file is like; and of those that have none, why.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::common::schema::{holds, validator};
use crate::common::{Install, Ran, program, slashed};

const LOGS: &str = "tests/data/logs";

/// Runs `log` on this file with these arguments.
fn log(file: &str, arguments: &[&str]) -> Ran {
    log_at(&Path::new(LOGS).join(file), arguments)
}

fn log_at(file: &Path, arguments: &[&str]) -> Ran {
    Ran::of(program(".".as_ref()).arg("log").arg(file).args(arguments))
}

/// The report about a file.
fn report(ran: &Ran) -> Value {
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(report["exit_code"], ran.code);
    report
}

/// The outcomes of all loads of the starts that count.
fn outcomes(report: &Value) -> Vec<&str> {
    let starts = report["starts"].as_array().unwrap().iter().filter(|start| start["counts"] == true);
    let prompts = starts.flat_map(|start| start["prompts"].as_array().unwrap());
    let loads = prompts.flat_map(|prompt| prompt["loads"].as_array().unwrap());
    loads.map(|load| load["outcome"].as_str().unwrap()).collect()
}

#[test]
fn every_load_has_the_outcome_that_its_log_shows() {
    let schema = validator("schema/log.schema.json");
    for (file, code, expected) in [
        ("as-shipped.log", 0, &["distributed", "distributed", "standard"][..]),
        ("unpacked-wrongly.log", 1, &["failed"]),
        ("repaired-since.log", 0, &["distributed", "distributed", "standard", "reused", "reused", "standard"]),
        ("inert.log", 1, &["inert", "standard"]),
        ("nothing-set.log", 0, &["standard", "standard"]),
        ("out-of-memory.log", 0, &["distributed"]),
        ("lora-counted.log", 0, &["distributed", "standard"]),
        ("refused.log", 0, &[]),
        ("import-failed.log", 0, &["standard"]),
        ("verbose-file.log", 0, &[]),
        ("just-started.log", 0, &[]),
    ] {
        let ran = log(file, &["--format", "json"]);
        let report = report(&ran);
        holds(&schema, &report, file);
        if file != "verbose-file.log" {
            assert_eq!(outcomes(&report), expected, "{file}");
        }
        assert_eq!(ran.code, code, "{file}");
    }
}

#[test]
fn with_all_starts_the_earlier_ones_count_too() {
    assert_eq!(log("repaired-since.log", &[]).code, 0);
    assert_eq!(log("repaired-since.log", &["--all"]).code, 1);
}

#[test]
fn a_log_without_loads_says_why() {
    for (file, why) in [
        ("verbose-file.log", "It is a file of `--verbose LEVEL FILE`"),
        ("import-failed.log", "ComfyUI could not import ComfyUI-MultiGPU (line "),
        ("no-node.log", "This ComfyUI has no ComfyUI-MultiGPU"),
        ("not-used.log", "No DisTorch2 loader ran"),
        ("just-started.log", "No prompt has run since ComfyUI was started."),
        (
            "refused.log",
            "ComfyUI refused the prompt: node 37 (UnetLoaderGGUFDisTorch2MultiGPU): \"cuda:2\" is none of the values that `compute_device`",
        ),
    ] {
        let report = report(&log(file, &["--format", "json"]));
        let said = report["silence"].as_str().unwrap_or_default();
        assert!(said.starts_with(why), "{file}: {said}");
        assert_eq!(report["verdict"], report["silence"]);
    }
    for text in ["", "hello\n"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x.log"), text).unwrap();
        let ran = Ran::of(program(folder.path()).args(["log", "x.log"]));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("\nThe log "), "{}", ran.out);
    }
}

#[test]
fn each_failure_has_its_next_step() {
    for (file, what, command) in [
        ("unpacked-wrongly.log", "repair the node, which reads", "distorch-fix apply"),
        ("inert.log", "--disable-dynamic-vram", "distorch-fix apply"),
        ("as-shipped.log", "to keep all of it on the GPUs", "distorch-fix apply"),
        ("nothing-set.log", "workflow set --fit", ""),
        (
            "out-of-memory.log",
            "look at the whole installation",
            "distorch-fix doctor --log tests/data/logs/out-of-memory.log",
        ),
    ] {
        let report = report(&log(file, &["--format", "json"]));
        let next = &report["next"];
        assert!(next["what"].as_str().unwrap().contains(what), "{file}: {next}");
        assert_eq!(slashed(next["command"].as_str().unwrap_or_default()), command, "{file}");
    }
    let report = report(&log("repaired-since.log", &["--format", "json"]));
    assert_eq!(report["next"], Value::Null, "nothing is left to do");
}

#[test]
fn what_a_device_was_asked_planned_and_given_is_in_the_report() {
    let report = report(&log("as-shipped.log", &["--format", "json"]));
    let load = &report["starts"][0]["prompts"][0]["loads"][0];
    let devices = load["devices"].as_array().unwrap();
    let of = |device: &str, what: &str| {
        devices.iter().find(|row| row["device"] == device).unwrap()[what]
            .as_f64()
            .map(|bytes| bytes / f64::from(1 << 20))
    };
    let is = |found: Option<f64>, megabytes: f64| {
        assert!((found.unwrap() - megabytes).abs() < 0.01, "{found:?}, {megabytes}");
    };
    is(of("cuda:0", "asked_bytes"), 5120.0);
    is(of("cuda:0", "planned_bytes"), 5120.0);
    // With the layers that are too small to be moved.
    is(of("cuda:0", "assigned_bytes"), 5146.28 + 2.97);
    is(of("cpu", "assigned_bytes"), 1319.20);
    assert_eq!(of("cpu", "asked_bytes"), None);
    assert_eq!((&load["spills"], &load["mode"]), (&true.into(), &"wildcard".into()));
}

#[test]
fn loads_are_named_by_the_workflow_and_told_apart_by_their_order() {
    let workflow = format!("{LOGS}/wan2.2.json");
    for (file, nodes) in [
        ("as-shipped.log", &[&["37"][..], &["38"], &["40"]][..]),
        // One load, and two nodes that it can be of.
        ("unpacked-wrongly.log", &[&["37", "38"]]),
        // Another string: the workflow is not the one that ran.
        ("out-of-memory.log", &[&[]]),
    ] {
        let report = report(&log(file, &["--workflow", &workflow, "--format", "json"]));
        let loads = report["starts"][0]["prompts"][0]["loads"].as_array().unwrap();
        let ids = |load: &Value| -> Vec<String> {
            load["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(loads.iter().map(ids).collect::<Vec<_>>(), nodes, "{file}");
    }
}

#[test]
fn a_workflow_without_a_loader_of_what_was_distributed_is_not_the_one_that_ran() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut.log");
    let text = fs::read_to_string(Path::new(LOGS).join("as-shipped.log")).unwrap();
    let cut: Vec<_> = text.lines().filter(|line| !line.contains("Full allocation string")).collect();
    fs::write(&file, cut.join("\n")).unwrap();
    let plain = ["--workflow", "tests/data/guide/wan2.2.json", "--comfyui", "tests/data/guide/ComfyUI"];
    let ran = log_at(&file, &[&plain[..], &["--format", "json"]].concat());
    let report = report(&ran);
    assert!(outcomes(&report).contains(&"distributed"), "{ran:?}");
    assert!(!ran.out.contains("UnetLoaderGGUF") && !ran.out.contains("CLIPLoaderGGUF"), "{ran:?}");
}

/// Of a large file the newest part is read, what comes before is counted, and what the server said at its start is known.
#[test]
fn of_a_large_log_the_newest_part_is_judged_and_the_rest_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.log");
    let (right, wrong) = (read("as-shipped.log"), read("unpacked-wrongly.log"));
    let prompt = &right[right.find("got prompt").unwrap()..];
    // Long lines are read quickly, even without optimisation.
    let filler = format!("{}\n", "x".repeat(60_000)).repeat(8);
    let times = (40 << 20) / filler.len();
    // The server starts once; its second prompt fails.
    let failing = &wrong[wrong.find("got prompt").unwrap()..];
    let large = format!("{right}{failing}\n{}", (prompt.to_owned() + &filler).repeat(times));
    fs::write(&file, &large).unwrap();
    let newest = log_at(&file, &["--format", "json"]);
    let about = report(&newest);
    assert_eq!((&about["lines"], newest.code), (&Value::from(large.lines().count()), 0), "{:?}", newest.err);
    assert_eq!(
        about["starts"][0]["comfyui"],
        report(&log("as-shipped.log", &["--format", "json"]))["starts"][0]["comfyui"]
    );
    let counted = |about: &Value, outcome: &str| {
        let earlier = about["earlier"].as_array().unwrap();
        earlier
            .iter()
            .find(|count| count["outcome"] == outcome)
            .map_or(0, |count| usize::try_from(count["loads"].as_u64().unwrap()).unwrap())
    };
    let kept = outcomes(&about).into_iter().filter(|outcome| *outcome == "distributed").count();
    // The prompt that is cut in two may be unknown.
    let all = 2 * (times + 1);
    assert!((all - 2..=all).contains(&(counted(&about, "distributed") + kept)), "every load is counted once");
    assert!(kept > 0 && kept < all, "{kept}");
    assert!(log_at(&file, &[]).out.contains("only counted, and not judged without --all"));
    assert_eq!(log_at(&file, &["--all", "--quiet"]).code, 1, "one of the earlier ones failed");
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(LOGS).join(file)).unwrap()
}

#[test]
fn the_plan_is_beside_what_happened() {
    let compared = |file: &str, arguments: &[&str]| {
        let report = report(&log(file, &[arguments, &["--format", "json", "--gpu-arch", "ampere"]].concat()));
        let starts = report["starts"].as_array().unwrap();
        starts.last().unwrap()["prompts"][0]["loads"][0]["plan"].clone()
    };
    let model = ["--model", "wan2.2-14b:Q6_K"];
    for (file, repaired) in [("as-shipped.log", false), ("repaired-since.log", true)] {
        let plan = compared(file, &model);
        assert_eq!((&plan["agrees"], &plan["accounting"]), (&true.into(), &"resident".into()), "{file}: {plan}");
        assert_eq!(plan["repaired"], repaired);
        assert_eq!(plan["differences"], Value::Array(Vec::new()), "{file}");
    }
    // What is missing at the beginning does not keep the rest from being compared.
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(format!("{LOGS}/as-shipped.log")).unwrap();
    let cut = folder.path().join("x.log");
    let begin = text.find("[MultiGPU DisTorch V2] Assigning").unwrap();
    let end = begin + text[begin..].find("gguf qtypes").unwrap();
    fs::write(&cut, &text[begin..end]).unwrap();
    let ran = log_at(&cut, &[&model[..], &["--format", "json", "--gpu-arch", "ampere"]].concat());
    let plan = report(&ran)["starts"][0]["prompts"][0]["loads"][0]["plan"].clone();
    assert_eq!(plan["agrees"], true, "{plan}");
    assert!(plan["differences"][0].as_str().unwrap().starts_with("planned by the final allocation string"));
    // Of another quantisation, the layers are the same and the sizes are not.
    let plan = compared("as-shipped.log", &["--model", "wan2.2-14b:Q4_K_M"]);
    assert_eq!(plan["agrees"], false);
    assert!(
        plan["differences"][0]
            .as_str()
            .unwrap()
            .ends_with("in the same layers: it is another file, or loaded in another type"),
        "{plan}"
    );
    // Counted with a LoRA: known by its size if it is not named, and the plan agrees if it is.
    let plan = compared("lora-counted.log", &model);
    assert!(plan["differences"][0].as_str().unwrap().contains("--lora"), "{plan}");
    let lora = ["--lora", "fixtures/wan2.2-14b-lora.safetensors"];
    let plan = compared("lora-counted.log", &[&model[..], &lora].concat());
    assert_eq!((&plan["agrees"], &plan["accounting"]), (&true.into(), &"offload".into()), "{plan}");
    // By the node of a workflow.
    let workflow = format!("{LOGS}/wan2.2.json");
    let plan = compared("as-shipped.log", &["--workflow", &workflow, "--model", "37=wan2.2-14b:Q6_K"]);
    assert_eq!(plan["agrees"], true, "{plan}");
}

/// What is printed about a text, in the form of a file.
fn printed(bytes: &[u8]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.log"), bytes).unwrap();
    Ran::of(program(folder.path()).args(["log", "x.log", "--quiet"]))
}

#[test]
fn the_encoding_and_what_steers_terminals_change_nothing() {
    let text = fs::read_to_string(format!("{LOGS}/unpacked-wrongly.log")).unwrap();
    let plain = printed(text.as_bytes());
    assert_eq!(plain.code, 1);
    assert!(plain.out.contains("failed  WAN21"), "{}", plain.out);
    let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(printed(&utf16).out, plain.out);
    assert_eq!(printed(text.replace('\n', "\r\n").as_bytes()).out, plain.out);
    assert_eq!(printed(text.replace("WAN21", "\u{1b}[31mWAN21\u{1b}[0m").as_bytes()).out, plain.out);
    let mut huge = vec![b'x'; 10 << 20];
    huge.extend(b"\0\0\n");
    huge.extend(text.as_bytes());
    let ran = printed(&huge);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("failed  WAN21") && ran.out.len() < 4 * plain.out.len(), "{}", ran.out);
    let wild =
        printed(text.replace("Requested to load WAN21", "Requested to load \u{1b}]0;owned\u{7}\u{202e}").as_bytes());
    assert!(!wild.out.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", wild.out);
}

#[test]
fn cut_anywhere_it_is_still_read() {
    let text = fs::read_to_string(format!("{LOGS}/repaired-since.log")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (start, length) in (0..lines.len()).step_by(23).flat_map(|start| [(start, 20), (start, 90)]) {
        let part = lines[start..(start + length).min(lines.len())].join("\n");
        let ran = printed(part.as_bytes());
        assert!(ran.code < 2 && ran.err.is_empty(), "{start}+{length}: {ran:?}");
    }
}

/// An installation with the node and these logs.
fn installation(logs: &[&str]) -> Install {
    let install = Install::of("legacy");
    let user = install.root.join("ComfyUI/user");
    fs::create_dir_all(&user).unwrap();
    for log in logs {
        fs::copy(format!("{LOGS}/as-shipped.log"), user.join(log)).unwrap();
    }
    install
}

fn set_time(path: &Path, seconds_ago: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds_ago)).unwrap();
}

#[test]
fn of_an_installation_the_newest_log_is_read_and_the_others_are_named() {
    let install = installation(&["comfyui.log", "comfyui.prev.log", "comfyui_8189.log"]);
    let user = install.root.join("ComfyUI/user");
    set_time(&user.join("comfyui.prev.log"), 0);
    set_time(&user.join("comfyui.log"), 100);
    set_time(&user.join("comfyui_8189.log"), 200);
    for path in [".", "ComfyUI", "ComfyUI/custom_nodes", "ComfyUI/custom_nodes/ComfyUI-MultiGPU"] {
        let ran = install.run(&["log", path, "--format", "json"]);
        let report = report(&ran);
        assert_eq!(
            report["file"], "ComfyUI/user/comfyui.log",
            "{path}: a log that is kept is older, whatever its time"
        );
        assert_eq!(report["other_files"][0], "ComfyUI/user/comfyui_8189.log");
        assert_eq!(report["other_files"].as_array().unwrap().len(), 2);
    }
    set_time(&user.join("comfyui_8189.log"), 50);
    let ran = install.run(&["log", "--format", "json"]);
    assert_eq!(report(&ran)["file"], "ComfyUI/user/comfyui_8189.log");
}

#[test]
fn a_log_from_before_the_node_was_changed_says_so() {
    let install = installation(&["comfyui.log"]);
    let log = install.root.join("ComfyUI/user/comfyui.log");
    let told = |install: &Install| report(&install.run(&["log", "--format", "json"]));
    let changed = |seconds_ago| {
        for file in fs::read_dir(install.checkout()).unwrap() {
            set_time(&file.unwrap().path(), seconds_ago);
        }
    };
    set_time(&log, 3_000);
    changed(1_000);
    let stale = told(&install);
    assert!(stale["notes"][0].as_str().unwrap().contains("has not been started since"), "{stale}");
    assert!(stale["next"]["what"].as_str().unwrap().starts_with("start ComfyUI again"));
    changed(5_000);
    let fresh = told(&install);
    assert_eq!(fresh["notes"], Value::Array(Vec::new()));
    assert!(fresh["next"]["command"].as_str().unwrap().starts_with("distorch-fix apply "), "{fresh}");
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let install = installation(&[]);
    for (arguments, message, help) in [
        (&["log", "nowhere.log"][..], "nowhere.log: cannot be looked at", "`-` for standard input"),
        (&["log", "."], "ComfyUI: it has no log", "python main.py 2>&1 | distorch-fix log -"),
        (&["log", "ComfyUI/main.py", "--workflow", "none.json"], "none.json", "help: "),
        (&["log", "ComfyUI/main.py", "--model", "none.gguf"], "none.gguf: there is no such file", "help: "),
    ] {
        let ran = install.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(message) && ran.err.contains(help), "{arguments:?}: {}", ran.err);
    }
}
