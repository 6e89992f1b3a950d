//! What keeps a pack and a ComfyUI from going together though every place reads its load lists rightly, and what does
//! not, because it is never run.

use std::fs;

use crate::common::{Install, Ran};
use serde_json::Value;

/// The verdict about the pair, and the messages of all conflicts.
fn judged(install: &Install, arguments: &[&str]) -> (String, Vec<String>, i32) {
    let ran = install.run(&[&["check", "--no-verify", "--format", "json"], arguments].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no document: {ran:?}"));
    let checkout = &report["checkouts"][0];
    let verdict = checkout["pair"]["known"].as_str().unwrap_or_else(|| panic!("{ran:?}")).to_owned();
    let conflicts = checkout["conflicts"].as_array().unwrap();
    (verdict, conflicts.iter().map(|conflict| conflict["message"].as_str().unwrap().to_owned()).collect(), ran.code)
}

fn broken(install: &Install, why: &str) {
    let (verdict, conflicts, code) = judged(install, &[]);
    assert_eq!((verdict.as_str(), code), ("broken", 1), "{why}: {conflicts:?}");
    assert!(conflicts.len() == 1 && conflicts[0].contains(why), "{why}: {conflicts:?}");
}

fn works(install: &Install, what: &str) {
    let (verdict, conflicts, _) = judged(install, &[]);
    assert_eq!((verdict.as_str(), conflicts), ("works", Vec::new()), "{what}");
}

/// A pack that is in order, in a whole ComfyUI, whose `__init__.py` begins with `init`.
fn pack(init: &str) -> Install {
    let install = Install::of("needs-newer-comfyui");
    let old = fs::read_to_string("fixtures/in-order/ComfyUI/custom_nodes/ComfyUI-MultiGPU/__init__.py").unwrap();
    fs::write(install.checkout().join("__init__.py"), format!("{init}\n{old}")).unwrap();
    install
}

#[test]
fn what_a_pack_needs_for_certain_must_be_in_comfyui() {
    works(&pack(""), "the rest of it");
    for (init, why) in [
        ("import comfy.memory_management", "the module `comfy.memory_management`"),
        ("import comfy.memory_management as m", "the module `comfy.memory_management`"),
        ("from comfy import memory_management", "the module `comfy.memory_management`"),
        ("from comfy.memory_management import x", "the module `comfy.memory_management`"),
        ("from comfy.model_management import get_free_memory", "`get_free_memory` of comfy/model_management.py"),
        ("import comfy.model_management as mm\nx = mm.EXTRA", "`EXTRA` of comfy/model_management.py"),
        (
            "import comfy.model_management\n@comfy.model_management.hook\ndef f(): pass",
            "`hook` of comfy/model_management.py",
        ),
        ("import comfy.model_patcher\nclass A(comfy.model_patcher.Other): pass", "`Other` of comfy/model_patcher.py"),
        ("from nodes import VAELoader", "`VAELoader` of nodes.py"),
        ("from .distorch_2 import x_y_z", "imports `x_y_z` from distorch_2.py, which does not define it"),
        ("from . import device_utils\nfrom .device_utils import lost", "imports `lost` from device_utils.py"),
        (
            "try:\n    import comfy.memory_management\nexcept ValueError:\n    pass",
            "the module `comfy.memory_management`",
        ),
    ] {
        broken(&pack(init), why);
    }
}

#[test]
fn what_may_be_there_or_may_not_be_needed_is_not_missing() {
    for init in [
        "from comfy.model_management import get_total_memory",
        "try:\n    import comfy.memory_management\nexcept ImportError:\n    pass",
        "try:\n    import comfy.memory_management\nexcept Exception:\n    pass",
        "import os\nif os.environ.get('X'):\n    import comfy.memory_management",
        "def f():\n    import comfy.memory_management",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from comfy.model_management import lost",
        "import sys\nsys.modules['comfy.memory_management'] = sys\nimport comfy.memory_management",
        "import comfy.model_management\ncomfy.model_management.EXTRA = 1\nfrom comfy.model_management import EXTRA",
        "import comfy.model_management as mm\nf = lambda: mm.lost",
        "import comfy_aimdo.control\nfrom utils import lost\nimport torch.lost",
    ] {
        works(&pack(init), init);
    }
    let init = "from comfy.model_management import lost";
    for text in [
        "def __getattr__(name): return 1\n",
        "from comfy.more import *\n",
        "if cuda:\n    lost = 1\n",
        "try:\n    import lost\nexcept ImportError:\n    lost = None\n",
        "def set_up():\n    global lost\n    lost = 1\n",
        "globals().update(more)\n",
    ] {
        let install = pack(init);
        fs::write(install.root.join("ComfyUI/comfy/model_management.py"), text).unwrap();
        works(&install, text);
    }
    let install = pack("import comfy.memory_management");
    fs::write(install.root.join("ComfyUI/comfy/memory_management.cpython-312-x86_64-linux-gnu.so"), "").unwrap();
    works(&install, "a compiled module");
    let install = pack("import comfy.memory_management");
    fs::remove_file(install.root.join("ComfyUI/nodes.py")).unwrap();
    works(&install, "a part of a ComfyUI");
    let install = pack("from .device_utils import lost");
    fs::write(install.checkout().join("device_utils.py"), "from .lost import *\n").unwrap();
    works(&install, "a star in the pack");
}

#[test]
fn files_are_looked_at_that_the_pack_imports() {
    let install = pack("");
    fs::write(install.checkout().join("device_utils.py"), "import comfy.lost\n\n\ndef get_device_list(): return []\n")
        .unwrap();
    broken(&install, "the module `comfy.lost`");
    let install = pack("");
    fs::write(install.checkout().join("aside.py"), "import comfy.lost\n").unwrap();
    works(&install, "nothing imports it");
    let install = pack("try:\n    from . import aside\nexcept ImportError:\n    pass");
    fs::write(install.checkout().join("aside.py"), "import comfy.lost\n").unwrap();
    works(&install, "its failure is caught");
}

#[test]
fn apply_says_what_it_cannot_change() {
    let install = Install::of("needs-newer-comfyui");
    let apply = install.run(&["apply"]);
    assert!(apply.code == 2 && apply.err.starts_with("error: needs the module `comfy.memory_management`"), "{apply:?}");
    let check = install.run(&["check"]);
    assert!(check.code == 1 && !check.out.contains("To repair"), "{check:?}");
    fs::write(install.root.join("ComfyUI/comfy/memory_management.py"), "").unwrap();
    assert_eq!(install.run(&["check"]).code, 0);
}

/// `own-load-list`, with this in place of its assignment.
fn replaced(assignment: &str) -> Install {
    let install = Install::of("own-load-list");
    let text = install.text();
    let own = "    patcher_class._load_list = four_field_load_list\n";
    assert!(text.contains(own));
    fs::write(install.file(), text.replace(own, &format!("    {assignment}\n"))).unwrap();
    install
}

/// How its places fare, each told once.
fn fits(install: &Install) -> Vec<String> {
    let ran = install.run(&["check", "--no-verify", "--format", "json", "--fix", "load-list"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let sites = report["checkouts"][0]["fixes"][0]["sites"].as_array().unwrap();
    let mut fits: Vec<_> = sites.iter().map(|site| site["fit"].as_str().unwrap().to_owned()).collect();
    fits.dedup();
    fits
}

#[test]
fn a_load_list_of_the_packs_own_decides_for_its_places_and_breaks_comfyui() {
    let why = "(comfy/model_patcher.py:42, in ModelPatcher.load)";
    for assignment in [
        "patcher_class._load_list = four_field_load_list",
        "comfy.model_patcher.ModelPatcher._load_list = four_field_load_list",
        "setattr(comfy.model_patcher.ModelPatcher, '_load_list', four_field_load_list)",
        "if not hasattr(patcher_class, '_own'):\n        patcher_class._own = True\n        patcher_class._load_list = four_field_load_list",
    ] {
        let install = replaced(assignment);
        broken(&install, why);
        assert_eq!(fits(&install), ["works"], "{assignment}");
    }
    let install = Install::of("own-load-list");
    let apply = install.run(&["apply"]);
    assert!(apply.code == 2 && apply.out.contains("Repaired") && apply.err.contains(why), "{apply:?}");
    broken(&install, why);
    // What the message advises is right.
    let text = install.text();
    fs::write(install.file(), text.replace("patcher_class._load_list = four_field_load_list", "pass")).unwrap();
    works(&install, "deleted");
}

#[test]
fn a_load_list_of_the_packs_own_that_harms_nobody_is_no_conflict() {
    // Whoever replaces the method that would fail, or gives what it reads.
    works(
        &replaced("patcher_class._load_list = four_field_load_list\n    patcher_class.load = four_field_load_list"),
        "load",
    );
    let install = Install::of("own-load-list");
    fs::copy(
        "fixtures/separate-clip/ComfyUI/comfy/model_patcher.py",
        install.root.join("ComfyUI/comfy/model_patcher.py"),
    )
    .unwrap();
    works(&install, "ComfyUI gives 4 fields too");
    for assignment in [
        "stock = patcher_class._load_list\n    patcher_class._load_list = stock",
        "other = Other()\n    other._load_list = four_field_load_list",
        "self._load_list = four_field_load_list",
    ] {
        let (verdict, conflicts, _) = judged(&replaced(assignment), &[]);
        assert_eq!((verdict.as_str(), conflicts), ("broken", Vec::new()), "{assignment}");
    }
}

#[test]
fn a_load_list_of_the_packs_own_that_cannot_be_told_is_unclear() {
    for assignment in [
        "if old:\n        patcher_class._load_list = four_field_load_list",
        "patcher_class._load_list = made_elsewhere()",
        "patcher_class._load_list = lambda self: made(self)",
    ] {
        let (verdict, _, _) = judged(&replaced(assignment), &[]);
        assert_eq!(verdict, "unclear", "{assignment}");
    }
}

#[test]
fn what_is_never_run_is_repaired_and_makes_nothing_broken() {
    let install = Install::of("never-run");
    let check = install.run(&["check"]);
    assert!(check.code == 1 && check.out.contains("\ncomfyui      works with items of 5 fields\n"), "{check:?}");
    assert_eq!(
        (check.out.matches("warning[load-list]").count(), check.out.matches("error[").count()),
        (2, 0),
        "{check:?}"
    );
    // Of a file by itself nobody knows what uses it.
    fs::create_dir(install.root.join("alone")).unwrap();
    fs::copy(install.file(), install.root.join("alone/some.py")).unwrap();
    let broken = || {
        let named = install.run(&["check", "alone/some.py", "--comfyui", "ComfyUI"]);
        assert!(named.out.contains("\ncomfyui      broken with items of 5 fields\n"), "{named:?}");
    };
    broken();
    // Nor if what stands beside it makes no use of it.
    fs::write(install.root.join("alone/__init__.py"), "").unwrap();
    broken();
    let apply = install.run(&["apply"]);
    assert_eq!((apply.code, install.run(&["check"]).code), (0, 0), "{apply:?}");
}

#[test]
fn layers_that_a_version_sends_to_the_cpu_are_not_passed_over() {
    let says = |ran: &Ran| ran.err.contains("warning: byte quotas still send layers to the CPU");
    let install = Install::of("cpu-for-the-rest");
    let check = install.run(&["check"]);
    assert!(check.code == 0 && says(&check) && check.out.contains("but layers that fit no quota"), "{check:?}");
    assert_eq!(install.run(&["check", "--strict"]).code, 1);
    assert!(says(&install.run(&["apply"])));
    assert!(!says(&Install::of("in-order").run(&["check"])));
    assert!(!says(&Install::of("over-allocation").run(&["check"])));
}
