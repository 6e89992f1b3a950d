//! `setup` does what its commands do, asks first, and can be taken back as one, up to the last byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::common::schema::{holds, validator};
use crate::common::{Install, Ran, copy, files, program};
use crate::workflow_fit::{arguments, write_models};

const FILE: &str = "wan2.2.json";
const NODE: &str = "ComfyUI/custom_nodes/ComfyUI-MultiGPU";
const MACHINE: [&str; 6] = ["--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb", "--ram", "64gb"];
/// Of the weights of a layer, which are a hole in the file.
const BYTES: u64 = 20 << 20;
/// The same in models of their usual size.
#[cfg(unix)]
const LARGE_BYTES: u64 = 15 * BYTES;

/// ComfyUI's portable for Windows in miniature: a node that needs the repair, a workflow of plain loaders, and its models.
struct Portable {
    install: Install,
    /// Where journals are kept.
    state: tempfile::TempDir,
}

impl Portable {
    fn new() -> Self {
        Self::with_models(BYTES)
    }

    fn with_models(layer_bytes: u64) -> Self {
        let portable = Self::without_models();
        write_models(&portable.path("ComfyUI/models"), layer_bytes);
        portable
    }

    fn without_models() -> Self {
        let install = Install::copy_of("tests/data/guide".as_ref());
        let legacy = Path::new("fixtures/legacy/ComfyUI");
        copy(&legacy.join("comfy"), &install.root.join("ComfyUI/comfy"));
        for file in ["comfyui_version.py", "custom_nodes/ComfyUI-MultiGPU/distorch_2.py"] {
            fs::copy(legacy.join(file), install.root.join("ComfyUI").join(file)).unwrap();
        }
        let start = ".\\python_embeded\\python.exe -s ComfyUI\\main.py --windows-standalone-build\r\npause\r\n";
        fs::write(install.root.join("run_nvidia_gpu.bat"), start).unwrap();
        Self { install, state: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.install.root.join(name)
    }

    /// Makes a journal that cannot be used: the only one so far, of a workflow that was edited before.
    fn spoil_journal(&self, workflow: &str) {
        let edits: [&[&str]; 2] = [&["convert", workflow, "--virtual-vram", "0"], &["revert", workflow]];
        for edit in edits {
            assert_eq!(self.run(&[&["workflow"], edit].concat()).code, 0, "{edit:?}");
        }
        let locks = walkdir::WalkDir::new(self.state.path()).into_iter().map(Result::unwrap);
        let folders: Vec<_> =
            locks.filter(|entry| entry.file_name() == "lock").map(walkdir::DirEntry::into_path).collect();
        let [lock] = &folders[..] else { panic!("not one journal: {folders:?}") };
        fs::write(lock.with_file_name("journal.json"), "{").unwrap();
    }

    fn program(&self) -> Command {
        let mut program = program(&self.install.root);
        program.env("XDG_STATE_HOME", self.state.path()).env("LOCALAPPDATA", self.state.path());
        program
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.program().args(arguments))
    }

    /// Sets it up for the machine, with further arguments.
    fn setup(&self, further: &[&str]) -> Ran {
        self.run(&[&["setup", ".", "--workflow", FILE][..], &MACHINE, further].concat())
    }

    fn succeeds(&self, further: &[&str]) -> Ran {
        let ran = self.setup(further);
        assert_eq!(ran.code, 0, "{further:?}: {ran:?}");
        ran
    }

    fn undo(&self) -> Ran {
        self.run(&["setup", "--undo"])
    }

    /// The report as JSON, which holds to its schema.
    fn report(&self, arguments: &[&str]) -> (Value, Ran) {
        let ran = self.run(&[arguments, &["--format", "json"]].concat());
        let report = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        holds(&validator("schema/setup.schema.json"), &report, "setup");
        assert_eq!(report["exit_code"], ran.code, "{ran:?}");
        (report, ran)
    }

    /// Every file but those of the models, and whether it can be written and run.
    fn all(&self) -> BTreeMap<PathBuf, (Vec<u8>, String)> {
        let all = files(&self.install.root).into_iter().filter(|(path, _)| !path.starts_with("ComfyUI/models"));
        all.map(|(path, bytes)| {
            let mode = format!("{:?}", fs::metadata(self.install.root.join(&path)).unwrap().permissions());
            (path, (bytes, mode))
        })
        .collect()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a part of a file that is there once.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }
}

/// The states of the steps, in their order.
fn states(report: &Value) -> Vec<&str> {
    report["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

/// Is this what the file says? `UPDATE=1 cargo test` writes it anew.
fn is_as_recorded(name: &str, said: &str) {
    let file = Path::new("tests/data/setup").join(name);
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, said).unwrap();
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(recorded, said, "UPDATE=1 cargo test writes {name} anew");
}

#[test]
fn everything_is_in_order_after_it_and_as_it_was_once_it_is_taken_back() {
    let portable = Portable::new();
    let before = portable.all();
    let done = portable.succeeds(&["--yes"]);
    is_as_recorded("done.txt", &done.out);
    let after = portable.all();
    for (command, code) in [(vec!["check"], 0), (vec!["guard", "status"], 0), (vec!["status"], 0)] {
        let ran = portable.run(&command);
        assert_eq!(ran.code, code, "{command:?}: {ran:?}");
    }
    let ran = portable.run(&[&["workflow", "check", FILE, "--comfyui", "ComfyUI"][..], &MACHINE].concat());
    assert!(ran.code == 0 && ran.out.contains("nothing is wrong"), "{ran:?}");

    is_as_recorded("again.txt", &portable.succeeds(&["--yes"]).out);
    is_as_recorded("again.txt", &portable.succeeds(&[]).out);
    assert_eq!(portable.all(), after, "there was nothing left to do");

    let tried = portable.run(&["setup", "--undo", "--dry-run"]);
    assert!(tried.code == 0 && tried.out.contains("Dry run: nothing was written."), "{tried:?}");
    assert_eq!(portable.all(), after);
    let undone = portable.undo();
    assert_eq!(undone.code, 0, "{undone:?}");
    is_as_recorded("undone.txt", &undone.out);
    assert_eq!(portable.all(), before);
    let again = portable.undo();
    assert!(again.code == 0 && again.out.contains("Nothing to take back"), "{again:?}");
    // The journals of the files have nothing left of it either.
    assert!(portable.run(&["revert"]).out.contains("Nothing to revert"));
    assert!(portable.run(&["workflow", "revert", FILE]).out.contains("Nothing to revert"));
}

#[test]
fn its_commands_do_the_same_one_after_the_other() {
    for portable in [Portable::new(), Portable::without_models()] {
        let before = portable.all();
        let (report, _) = portable.report(&[&["setup", "--workflow", FILE][..], &MACHINE].concat());
        assert_eq!(portable.setup(&["--yes"]).code, 0);
        let after = portable.all();
        assert_eq!(portable.undo().code, 0);
        assert_eq!(portable.all(), before);
        for step in report["steps"].as_array().unwrap() {
            for command in step["commands"].as_array().unwrap() {
                let arguments = arguments(command.as_str().unwrap());
                let ran = portable.run(&arguments);
                assert!(ran.code == 0 || arguments[0] == "doctor", "{command}: {ran:?}");
            }
        }
        assert_eq!(portable.all(), after);
    }
}

#[test]
fn nothing_is_written_unless_that_is_wanted() {
    let portable = Portable::new();
    let before = portable.all();
    let tried = portable.succeeds(&["--dry-run"]);
    is_as_recorded("planned.txt", &tried.out);
    assert!(portable.succeeds(&["--dry-run", "--yes"]).out.contains("Dry run"));
    // Nobody is there to be asked.
    let ran = portable.setup(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let command = ran.out.lines().last().unwrap();
    assert!(ran.out.contains("run it again with --yes") && command.ends_with(" --yes"), "{ran:?}");
    assert_eq!(portable.all(), before);
    assert_eq!(portable.run(&arguments(command)).code, 0);
    assert_ne!(portable.all(), before);
}

#[test]
fn json_says_what_is_to_be_done_what_was_done_and_what_was_taken_back() {
    let portable = Portable::new();
    let arguments = [&["setup", "--workflow", FILE][..], &MACHINE].concat();
    let (report, _) = portable.report(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!((states(&report), &report["ending"]), (vec!["to-do", "to-do", "to-do", "for-you"], &"dry-run".into()));
    let loaders = report["steps"][1]["loaders"].as_array().unwrap();
    assert!(loaders.len() == 4 && loaders.iter().all(|loader| loader["was"].is_string()), "{report}");
    let line = &report["steps"][3]["lines"][0];
    assert_eq!((&line["path"], &line["line"]), (&"../run_nvidia_gpu.bat".into(), &1.into()));
    let (report, ran) = portable.report(&arguments);
    assert_eq!((&report["ending"], ran.code), (&"not-asked".into(), 1));
    let (report, _) = portable.report(&[&arguments[..], &["--yes"]].concat());
    assert_eq!((states(&report), &report["ending"]), (vec!["done", "done", "done", "for-you"], &"done".into()));
    let (report, _) = portable.report(&[&arguments[..], &["--yes"]].concat());
    assert_eq!((states(&report).remove(0), &report["ending"]), ("already", &"nothing".into()));
    let (report, _) = portable.report(&["setup", "--undo"]);
    assert_eq!((states(&report), &report["ending"]), (vec!["done", "done", "done"], &"done".into()));
}

#[test]
fn any_path_that_leads_there_is_taken() {
    let portable = Portable::new();
    for path in [".", "ComfyUI", "ComfyUI/custom_nodes", NODE, "ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py"] {
        let (report, ran) =
            portable.report(&[&["setup", path, "--dry-run", "--workflow", FILE][..], &MACHINE].concat());
        assert_eq!((states(&report), ran.code), (vec!["to-do", "to-do", "to-do", "for-you"], 0), "{path}");
    }
}

/// What is to be said, the further argument, and what is done to the installation.
type Damage<'d> = (&'d str, &'d str, &'d dyn Fn(&Portable));

#[test]
fn what_makes_it_pointless_is_said_and_nothing_is_written() {
    let damages: [Damage<'_>; 5] = [
        ("cannot be read as a workflow", "--workflow", &|portable| {
            fs::write(portable.path("other.json"), "{").unwrap();
        }),
        ("is a folder", "--workflow", &|portable| fs::create_dir(portable.path("other.json")).unwrap()),
        ("not valid Python", "--yes", &|portable| {
            fs::write(portable.path(NODE).join("distorch_2.py"), "def partially_load(:\n").unwrap();
        }),
        ("found neither a load list nor byte quotas", "--yes", &|portable| {
            fs::write(portable.path(NODE).join("distorch_2.py"), "").unwrap();
        }),
        ("no ComfyUI in or around it", "--yes", &|portable| fs::remove_file(portable.path("ComfyUI/main.py")).unwrap()),
    ];
    for (why, further, damage) in damages {
        let portable = Portable::new();
        damage(&portable);
        let before = portable.all();
        let further = if further == "--yes" { vec!["--yes"] } else { vec!["--yes", further, "other.json"] };
        let ran = portable.setup(&further);
        assert_eq!(ran.code, 2, "{why}: {ran:?}");
        assert!(ran.err.starts_with("error: nothing was set up: ") && ran.err.contains(why), "{why}: {ran:?}");
        assert!(ran.err.contains("\nhelp: ") && ran.out.is_empty(), "{why}: {ran:?}");
        assert_eq!(portable.all(), before, "{why}");
    }
}

#[test]
fn a_workflow_that_is_not_plain_or_has_control_characters_does_no_harm() {
    let portable = Portable::new();
    let hostile = portable.text(FILE).replace("wan_2.1_vae.safetensors", "\\u001b[31mvae\\n\\u202e.safetensors");
    fs::write(portable.path("hostile.json"), hostile).unwrap();
    let ran = portable.run(&[&["setup", "--yes", "--workflow", "hostile.json"][..], &MACHINE].concat());
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']) && !ran.err.contains('\u{1b}'), "{ran:?}");
    let text: Vec<u8> = portable.text(FILE).encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(portable.path("wide.json"), [b"\xff\xfe", &text[..]].concat()).unwrap();
    let ran = portable.run(&[&["setup", "--yes", "--workflow", "wide.json"][..], &MACHINE].concat());
    assert!(ran.code == 2 && ran.err.contains("save it there"), "{ran:?}");
}

#[test]
fn each_of_several_workflows_is_set_once() {
    let portable = Portable::new();
    fs::copy(portable.path(FILE), portable.path("second.json")).unwrap();
    fs::write(portable.path("empty.json"), r#"{"nodes":[],"links":[]}"#).unwrap();
    let before = portable.all();
    let (report, ran) = portable.report(
        &[&["setup", "--yes", "--workflow", FILE, "second.json", "./wan2.2.json", "empty.json"][..], &MACHINE].concat(),
    );
    assert_eq!((states(&report), ran.code), (vec!["done", "done", "done", "impossible", "done", "for-you"], 1));
    assert_eq!(portable.text(FILE), portable.text("second.json"));
    // Another one later is taken back with the others.
    fs::copy(portable.path("empty.json"), portable.path("third.json")).unwrap();
    fs::write(portable.path("third.json"), &before[Path::new(FILE)].0).unwrap();
    assert_eq!(portable.run(&[&["setup", "-y", "--workflow", "third.json"][..], &MACHINE].concat()).code, 0);
    assert_eq!(portable.text(FILE), portable.text("third.json"));
    assert_eq!(portable.undo().code, 0);
    fs::remove_file(portable.path("third.json")).unwrap();
    assert_eq!(portable.all(), before);
}

#[test]
fn without_a_workflow_the_rest_is_done() {
    let portable = Portable::new();
    let ran = portable.run(&["setup", "--yes"]);
    assert!(ran.code == 0 && ran.out.contains("No workflow is named"), "{ran:?}");
    assert_eq!((portable.run(&["check"]).code, portable.run(&["guard", "status"]).code), (0, 0));
}

#[test]
fn a_failure_halfway_is_said_and_what_was_done_can_be_taken_back() {
    let portable = Portable::new();
    fs::copy(portable.path(FILE), portable.path("second.json")).unwrap();
    let before = portable.all();
    portable.spoil_journal("second.json");
    let (report, ran) =
        portable.report(&[&["setup", "--yes", "--workflow", FILE, "second.json"][..], &MACHINE].concat());
    assert_eq!((states(&report), ran.code), (vec!["done", "done", "failed", "to-do", "for-you"], 2));
    assert!(ran.err.contains("journal.json") && ran.err.contains("\nhelp: "), "{ran:?}");
    assert!(report["error"]["message"].as_str().unwrap().contains("journal.json"));
    assert_ne!(portable.text(FILE), portable.text("second.json"));
    let again = portable.run(&[&["setup", "--yes", "--workflow", FILE, "second.json"][..], &MACHINE].concat());
    assert!(again.code == 2 && again.out.contains("[failed]") && again.out.contains("[not done]"), "{again:?}");
    assert!(again.out.contains("`distorch-fix setup --undo` takes it back"), "{again:?}");
    let undone = portable.undo();
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(portable.all(), before);
}

#[test]
fn what_cannot_be_written_is_known_before_the_first_write() {
    let portable = Portable::new();
    fs::copy(portable.path(FILE), portable.path("second.json")).unwrap();
    for name in ["second.json", &format!("{NODE}/distorch_2.py")] {
        let path = portable.path(name);
        let writable = fs::metadata(&path).unwrap().permissions();
        let mut read_only = writable.clone();
        read_only.set_readonly(true);
        fs::set_permissions(&path, read_only).unwrap();
        let before = portable.all();
        let ran = portable.run(&[&["setup", "--yes", "--workflow", FILE, "second.json"][..], &MACHINE].concat());
        assert_eq!(ran.code, 2, "{name}: {ran:?}");
        assert!(ran.err.contains("nothing was set up") && ran.err.contains("is read-only"), "{name}: {ran:?}");
        assert_eq!(portable.all(), before, "{name}");
        fs::set_permissions(&path, writable).unwrap();
    }
}

#[test]
fn what_was_changed_since_stays_and_the_rest_is_taken_back() {
    let portable = Portable::new();
    let before = portable.all();
    portable.succeeds(&["--yes"]);
    // Another amount in the place of ours: which one is wanted is not for us to say.
    let amount = portable.text(FILE).split('"').find(|text| text.starts_with("cuda:")).unwrap().to_owned();
    let edited = portable.text(FILE).replacen(&format!("\"{amount}\""), "\"cuda:1,1gb\"", 1);
    fs::write(portable.path(FILE), &edited).unwrap();
    let (report, ran) = portable.report(&["setup", "--undo"]);
    assert_eq!((states(&report), ran.code), (vec!["done", "impossible", "done"], 2), "{ran:?}");
    assert!(ran.out.contains("edited again since") && ran.out.contains("workflow revert"), "{ran:?}");
    let mut expected = before;
    expected.get_mut(Path::new(FILE)).unwrap().0 = edited.into_bytes();
    assert_eq!(portable.all(), expected);
    // It is not forgotten.
    let again = portable.undo();
    assert!(again.code == 2 && again.out.contains("1. Restore wan2.2.json [not possible]"), "{again:?}");
}

#[test]
fn edits_elsewhere_stay_when_it_is_taken_back() {
    let portable = Portable::new();
    let (code, workflow) = (portable.text("ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py"), portable.text(FILE));
    portable.succeeds(&["--yes"]);
    let file = "ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py";
    fs::write(portable.path(file), portable.text(file) + "# mine\n").unwrap();
    portable.edit(FILE, "\"last_node_id\"", "\"mine\": 1, \"last_node_id\"");
    assert_eq!(portable.undo().code, 0);
    assert_eq!(portable.text(file), code + "# mine\n");
    assert_eq!(portable.text(FILE), workflow.replace("\"last_node_id\"", "\"mine\": 1, \"last_node_id\""));
}

#[test]
fn what_was_there_before_stays() {
    const CONVERT: &[&str] = &["workflow", "convert", FILE, "--virtual-vram", "0", "--comfyui", "ComfyUI"];
    let portable = Portable::new();
    let original = portable.text(FILE);
    for command in [&["apply"][..], &["guard", "install"], CONVERT] {
        assert_eq!(portable.run(command).code, 0, "{command:?}");
    }
    let before = portable.all();
    let (report, _) = portable.report(&[&["setup", "--yes", "--workflow", FILE][..], &MACHINE].concat());
    let (report, done) = (states(&report), portable.text(FILE));
    assert_eq!(report, ["already", "done", "already", "for-you"]);
    let undone = portable.undo();
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(portable.all(), before);
    assert_ne!(portable.text(FILE), done);
    // What came before it can still be undone by itself.
    assert_eq!(portable.run(&["workflow", "revert", FILE]).code, 0);
    assert_eq!(portable.text(FILE), original);
    assert_eq!(portable.run(&["revert"]).code, 0);
}

#[test]
fn a_guard_that_is_another_one_now_stays() {
    let portable = Portable::new();
    portable.succeeds(&["--yes"]);
    let settings = portable.path("ComfyUI/custom_nodes/distorch-fix-guard/guard.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace(env!("CARGO_PKG_VERSION"), "99.0.0")).unwrap();
    let ran = portable.undo();
    assert!(ran.code == 2 && settings.is_file() && ran.out.contains("installed again since"), "{ran:?}");
    assert!(ran.out.contains("2. Restore wan2.2.json [done]"), "{ran:?}");
}

#[test]
fn what_is_in_the_place_of_the_guard_stays_and_the_rest_is_done() {
    let portable = Portable::new();
    let folder = portable.path("ComfyUI/custom_nodes/distorch-fix-guard");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mine.py"), "").unwrap();
    let (report, ran) = portable.report(&[&["setup", "--yes", "--workflow", FILE][..], &MACHINE].concat());
    assert_eq!((states(&report), ran.code), (vec!["done", "done", "impossible", "for-you"], 1));
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn what_does_not_fit_is_left_as_it_is() {
    let portable = Portable::new();
    let before = portable.text(FILE);
    let small = ["--vram", "cuda:0=1gb", "--ram", "50mb"];
    let (report, ran) = portable.report(&[&["setup", "--yes", "--workflow", FILE][..], &small].concat());
    assert_eq!((states(&report).remove(1), ran.code), ("impossible", 1));
    assert!(ran.out.contains("no amounts were found") && portable.text(FILE) == before, "{ran:?}");
}

#[test]
fn without_the_files_of_models_the_gpus_share_them() {
    let portable = Portable::without_models();
    let ran = portable.setup(&["--yes"]);
    assert!(ran.code == 0 && ran.out.contains("What fits is unknown"), "{ran:?}");
    assert_eq!(portable.text(FILE).matches("\"cuda:0,43%;cuda:1,57%\"").count(), 4);
    let again = portable.setup(&["--yes"]);
    assert!(again.code == 0 && again.out.contains("[nothing to do]\n   What fits is unknown"), "{again:?}");
}

/// `nvidia-smi` of a machine with two cards of one kind, or none.
#[cfg(unix)] // it is a shell script
mod on_unix {
    use std::fmt::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn with_path(portable: &Portable, path: &Path, arguments: &[&str]) -> Ran {
        Ran::of(portable.program().env("PATH", path).args(arguments))
    }

    /// A folder with an `nvidia-smi` that reports these cards, each by its memory and its name.
    fn tools(portable: &Portable, cards: [(u32, &str); 2]) -> PathBuf {
        let tools = portable.state.path().join("tools");
        fs::create_dir(&tools).unwrap();
        let mut script = String::from("#!/bin/sh\n");
        for (at, (megabytes, name)) in cards.into_iter().enumerate() {
            let card = format!("{at}, {megabytes}, {name}, GPU-{at}, 00000000:0{at}:00.0, 570.1, 0, 8.6");
            let _ = writeln!(script, "echo '{card}'");
        }
        fs::write(tools.join("nvidia-smi"), script).unwrap();
        fs::set_permissions(tools.join("nvidia-smi"), fs::Permissions::from_mode(0o755)).unwrap();
        tools
    }

    /// Models of their usual size are holes in files.
    #[test]
    fn the_readme_shows_what_is_printed() {
        let portable = Portable::with_models(LARGE_BYTES);
        let tools = tools(&portable, [(8192, "NVIDIA GeForce RTX 3070"), (12288, "NVIDIA GeForce RTX 3060")]);
        let ran = with_path(&portable, &tools, &["setup", ".", "--workflow", FILE, "--ram", "64gb", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let readme = fs::read_to_string("README.md").unwrap();
        let block = readme.split("```text\nSetup of ").nth(1).and_then(|rest| rest.split("```\n").next()).unwrap();
        let block = format!("Setup of {block}");
        // A reader has the memory of a machine of their own.
        let said = ran.out.replace(" --ram 64gb", "");
        if env::var_os("UPDATE").is_some() {
            fs::write("README.md", readme.replacen(&block, &said, 1)).unwrap();
        } else {
            assert_eq!(block, said, "UPDATE=1 cargo test writes it anew");
        }
    }

    #[test]
    fn doctor_finds_nothing_wrong_after_it() {
        let portable = Portable::new();
        let tools = tools(&portable, [(12288, "NVIDIA GeForce RTX 3060"); 2]);
        let doctor = ["doctor", ".", "--quiet", "--workflow", FILE];
        let ill = with_path(&portable, &tools, &doctor);
        assert_eq!(ill.code, 1, "{ill:?}");
        let ran = with_path(&portable, &tools, &["setup", "--yes", "--workflow", FILE]);
        assert!(ran.code == 0 && ran.out.contains("NVIDIA GeForce RTX 3060, 12.0 GB"), "{ran:?}");
        let well = with_path(&portable, &tools, &doctor);
        assert_eq!(well.code, 0, "{well:?}");
    }

    #[test]
    fn without_gpus_the_loaders_stay_and_the_rest_is_done() {
        let portable = Portable::new();
        let before = portable.text(FILE);
        let nothing = portable.state.path().join("nothing");
        let (command, machine) = (
            ["setup", "--yes", "--workflow", FILE],
            with_path(&portable, &nothing, &["plan", "--fit", "--model-size", "1gb"]),
        );
        if !machine.err.contains("GPUs of this machine are unknown") {
            return crate::common::skip("this machine has GPUs");
        }
        let ran = with_path(&portable, &nothing, &command);
        assert!(ran.code == 1 && ran.out.contains("--vram cuda:0=12gb"), "{ran:?}");
        is_as_recorded("no-gpus.txt", &ran.out);
        assert_eq!(portable.text(FILE), before);
        assert_eq!((portable.run(&["check"]).code, portable.run(&["guard", "status"]).code), (0, 0));
    }
}
