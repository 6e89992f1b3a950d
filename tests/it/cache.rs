//! What `check` keeps for later runs: it is taken for the same files only, never believed by what writes or proves, and
//! of no use once damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::slice;

use crate::common::{Install, Ran, is_full, keep_cache, program};
use serde_json::Value;
use tempfile::TempDir;

const FORMATS: [&str; 4] = ["human", "json", "sarif", "github"];

/// A cache of its own, and installs that are looked at with it.
struct Caching(TempDir);

impl Caching {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, install: &Install, arguments: &[&str]) -> Ran {
        let mut program = program(&install.root);
        keep_cache(&mut program, self.0.path());
        Ran::of(program.args(arguments))
    }

    /// What is kept about checkouts; a ComfyUI has entries of its own.
    fn entries(&self) -> Vec<PathBuf> {
        let kept = keep_cache(&mut Command::new(""), self.0.path());
        let Ok(folder) = fs::read_dir(kept) else { return Vec::new() };
        let about_checkout = |path: &PathBuf| answer(path).get("surveys").is_some();
        folder.map(|entry| entry.unwrap().path()).filter(about_checkout).collect()
    }
}

/// What an entry holds behind its checksum.
fn answer(entry: &Path) -> Value {
    serde_json::from_slice(&fs::read(entry).unwrap()[blake3::OUT_LEN..]).unwrap()
}

/// A broken install, and a cache that says it were in order: whatever says so too has believed it.
fn lied_to(arguments: &[&str]) -> (Caching, Install) {
    let (caching, install) = (Caching::new(), Install::of("legacy"));
    assert_eq!(caching.run(&install, arguments).code, 1);
    let [entry] = &caching.entries()[..] else { panic!("not one entry") };
    let mut answer = answer(entry);
    for survey in answer["surveys"]["asked"].as_array_mut().unwrap() {
        survey["status"] = "in-order".into();
        survey["sites"] = Value::Array(Vec::new());
    }
    let answer = answer.to_string().into_bytes();
    fs::write(entry, [blake3::hash(&answer).as_bytes(), &answer[..]].concat()).unwrap();
    (caching, install)
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_second_check_says_the_same() {
    for (number, fixture) in crate::common::fixtures().into_iter().enumerate() {
        let (caching, install) = (Caching::new(), Install::of(&fixture));
        let formats = if is_full() { &FORMATS[..] } else { slice::from_ref(&FORMATS[number % FORMATS.len()]) };
        for format in formats {
            let fresh = install.run(&["check", "--format", format]);
            for turn in 0..2 {
                let ran = caching.run(&install, &["check", "--format", format]);
                assert_eq!((ran.code, &ran.out, &ran.err), (fresh.code, &fresh.out, &fresh.err), "{fixture}, {turn}");
            }
        }
    }
}

#[test]
fn the_answer_comes_from_the_cache() {
    for arguments in [&["check"][..], &["check", "--no-verify"], &["check", "--fix", "gpu-only"]] {
        let (caching, broken) = lied_to(arguments);
        assert_eq!(caching.run(&broken, arguments).code, 0, "{arguments:?}");
        assert_eq!(caching.run(&broken, &[arguments, &["--no-cache"]].concat()).code, 1, "{arguments:?}");
    }
}

#[test]
fn what_is_written_or_proved_is_never_taken_from_it() {
    let (caching, broken) = lied_to(&["check"]);
    assert!(caching.run(&broken, &["diff"]).out.contains("\n+"));
    assert!(caching.run(&broken, &["verify", "--scenarios", "1"]).out.contains("to repair"));
    assert!(caching.run(&broken, &["check", "--python", "python3"]).code > 0);
    let before = broken.text();
    let ran = caching.run(&broken, &["apply"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_ne!(broken.text(), before);
}

#[test]
fn any_change_of_a_file_is_noticed() {
    let (caching, install) = (Caching::new(), Install::of("sibling-helper"));
    let check = || caching.run(&install, &["check"]);
    let before = check();
    assert_eq!(before.out, check().out);

    // A line more, so that what is found stands elsewhere.
    change(&install.file(), "import", "import sys\nimport");
    let moved = check();
    assert_ne!(moved.out, before.out);
    assert_eq!(moved.out, install.run(&["check"]).out);

    // A file beside it, in the same number of bytes.
    let others = fs::read_dir(install.checkout()).unwrap().map(|entry| entry.unwrap().path());
    let is_other = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "py") && *path != install.file() && {
            fs::read_to_string(path).unwrap().contains("def ")
        }
    };
    let other = others.into_iter().find(is_other).unwrap();
    change(&other, "def ", "dfe ");
    assert_eq!(check().code, install.run(&["check"]).code);
    change(&other, "dfe ", "def ");
    assert_eq!(check().out, moved.out);
}

#[test]
fn a_change_of_the_comfyui_is_noticed() {
    let (caching, install) = (Caching::new(), Install::of("legacy"));
    let check = || caching.run(&install, &["check"]);
    assert_eq!(check().out, check().out);
    let patcher = install.root.join("ComfyUI/comfy/model_patcher.py");
    fs::create_dir_all(patcher.parent().unwrap()).unwrap();
    let class = |item: &str| {
        format!(
            "class ModelPatcher:\n    def _load_list(self):\n        loading = []\n        \
             for n, m in self.model.named_modules():\n            loading.append({item})\n        return loading\n"
        )
    };
    for (item, verdict) in [("(0, n, m, [])", "works today"), ("(0, 0, n, m, [])", "broken with items of 5")] {
        fs::write(&patcher, class(item)).unwrap();
        for _ in 0..2 {
            let ran = check();
            assert!(ran.out.contains(verdict), "{item}: {}", ran.out);
        }
    }
}

#[test]
fn a_change_of_another_file_that_a_class_of_items_is_imported_from_is_noticed() {
    let (caching, install) = (Caching::new(), Install::of("in-order"));
    let write = |file: &str, text: &str| fs::write(install.root.join("ComfyUI/comfy").join(file), text).unwrap();
    write(
        "model_patcher.py",
        "from .items import Item\n\nclass ModelPatcher:\n    def _load_list(self):\n        \
         return [Item(mem, n, m, p) for n, m in self.model.named_modules()]\n",
    );
    for (fields, told) in [("size name module params", "hold 4 fields"), ("size name module", "was not understood")] {
        write("items.py", &format!("Item = namedtuple(\"Item\", {fields:?})\n"));
        for _ in 0..2 {
            let ran = caching.run(&install, &["check"]);
            assert!(ran.out.contains(told), "{fields}: {ran:?}");
        }
    }
}

#[test]
fn a_name_that_the_comfyui_loses_or_the_pack_asks_for_is_noticed() {
    let (caching, install) = (Caching::new(), Install::of("needs-newer-comfyui"));
    let init = install.checkout().join("__init__.py");
    fs::write(&init, "from comfy.model_management import get_total_memory\nfrom . import distorch_2\n").unwrap();
    let management = install.root.join("ComfyUI/comfy/model_management.py");
    let check = |lacks: Option<&str>| {
        for _ in 0..2 {
            let ran = caching.run(&install, &["check", "--no-verify"]);
            let expected = lacks.map(|name| format!("needs `{name}` of comfy/model_management.py"));
            let is_said = expected.as_ref().is_some_and(|expected| ran.out.contains(expected));
            assert_eq!(
                (is_said, ran.out.contains("needs `")),
                (lacks.is_some(), lacks.is_some()),
                "{lacks:?}: {ran:?}"
            );
        }
    };
    check(None);
    change(&management, "get_total_memory", "get_all_memory");
    check(Some("get_total_memory"));
    change(&management, "get_all_memory", "get_total_memory");
    check(None);
    change(&init, "get_total_memory", "get_lost_memory");
    check(Some("get_lost_memory"));
}

#[test]
fn what_did_not_end_well_is_not_kept() {
    for fixture in crate::common::fixtures() {
        let (caching, install) = (Caching::new(), Install::of(&fixture));
        let ran = caching.run(&install, &["check"]);
        assert_eq!(caching.entries().len(), usize::from(ran.code < 2), "{fixture}: {ran:?}");
    }
}

#[test]
fn a_damaged_entry_is_made_anew() {
    let (caching, install) = (Caching::new(), Install::of("legacy"));
    let fresh = caching.run(&install, &["check"]);
    let [entry] = &caching.entries()[..] else { panic!("not one entry") };
    let whole = fs::read(entry).unwrap();
    fs::write(entry, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(caching.run(&install, &["check"]).out, fresh.out);
    assert_eq!(
        answer(entry)["surveys"],
        serde_json::from_slice::<Value>(&whole[blake3::OUT_LEN..]).unwrap()["surveys"]
    );
}
