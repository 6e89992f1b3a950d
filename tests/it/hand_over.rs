//! What running the way of a model promises: a hand-over that is right is verified, wrong ones are caught, and code that is
//! left alone is never called wrong.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::common::Install;
use distorch_fix::edit::Edits;
use distorch_fix::fixes::{self, Accounting, Fix};
use distorch_fix::python::{FileId, Package};
use distorch_fix::verify::{Options, Step, Subject, Verdict, verify};

/// The repair of a package with a damage in one of its files: `old` becomes `new`.
fn damaged(before: &Package, path: &str, old: &str, new: &str) -> Verdict {
    let mut surveys = fixes::survey(before, Fix::ALL, Accounting::Resident).unwrap();
    let sites = || surveys.iter().flat_map(|survey| &survey.sites).flat_map(|site| site.edits.clone());
    let file = before.find(Path::new(path)).unwrap();
    let text = before.text(file).unwrap();
    let of_file = |file: FileId| sites().filter(|(of, _)| *of == file).map(|(_, edit)| edit).collect();
    let right = Edits::new(of_file(file)).unwrap().apply(text);
    assert_eq!(right.matches(old).count(), 1, "{old:?} in\n{right}");
    let wrong = Edits::between(text, &right.replace(old, new));
    for site in surveys.iter_mut().flat_map(|survey| &mut survey.sites) {
        if site.edits.iter().any(|(of, _)| *of == file) {
            site.edits = wrong.iter().map(|edit| (file, edit.clone())).collect();
        }
    }
    verified(before, &surveys)
}

fn verified(before: &Package, surveys: &[fixes::Survey]) -> Verdict {
    let sites = || surveys.iter().flat_map(|survey| &survey.sites).flat_map(|site| site.edits.clone());
    let edits: Vec<_> = before
        .ids()
        .map(|file| (file, sites().filter(|(of, _)| *of == file).map(|(_, edit)| edit).collect()))
        .map(|(file, edits)| (file, Edits::new(edits).unwrap()))
        .collect();
    let after = before.edited(edits.iter().filter(|(_, edits)| !edits.is_empty()).map(|(file, edits)| (*file, edits)));
    for file in after.ids() {
        assert!(after.source(file).is_ok(), "{:?}", after.source(file).err());
    }
    let accounting = Accounting::Resident;
    verify(&Subject { before, surveys, after: &after, fixes: Fix::ALL, accounting }, &Options::default())
}

fn fixture(name: &str) -> Package {
    Install::of(name).repair().unwrap().sources.package
}

const CALL: &str = "                outputs = hand_to_distorch(outputs, asked, 0)\n";
const CLONE: &str = "patcher.clone(disable_dynamic=True, model_override=patcher.get_clone_model_override())";

/// What is wrong, where, what is there, and what instead.
const MUTANTS: &[(&str, &str, &str, &str)] = &[
    ("handed over without an allocation", "wrappers.py", "if not allocation or not hasattr", "if not hasattr"),
    ("a static patcher cloned", "wrappers.py", " or not patcher.is_dynamic():", ":"),
    ("an older ComfyUI forgotten", "wrappers.py", " or not hasattr(patcher, \"is_dynamic\")", ""),
    ("an exception raised", "wrappers.py", "    except Exception as error:\n", "    except ImportError as error:\n"),
    (
        "types not converted",
        "wrappers.py",
        "if dtype is not None and tensor.dtype != dtype and not is_quantized:",
        "if False:",
    ),
    (
        "all types converted",
        "wrappers.py",
        "dtype = getattr(module, f\"{key}_comfy_model_dtype\", None)",
        "dtype = \"torch.float16\"",
    ),
    ("only the outer module converted", "wrappers.py", "in plain.model.modules():", "in [plain.model]:"),
    ("the size not counted again", "wrappers.py", "        plain.size = 0", "        pass"),
    (
        "the tuple a list",
        "wrappers.py",
        "outputs = made(outputs) if made in (tuple, list) else made(*outputs)",
        "outputs = outputs",
    ),
    (
        "the list a tuple",
        "wrappers.py",
        "outputs = made(outputs) if made in (tuple, list) else made(*outputs)",
        "outputs = tuple(outputs)",
    ),
    ("the other outputs lost", "wrappers.py", "outputs = list(loaded)", "outputs = list(loaded)[:at + 1]"),
    ("the last output replaced", "wrappers.py", "outputs[at] = plain", "outputs[-1] = plain"),
    ("the holder forgotten", "wrappers.py", "holder.patcher = plain", "pass"),
    ("the holder lost", "wrappers.py", "holder.patcher = plain", "loaded = type(loaded)([plain])"),
    (
        "the holder changed before it may fail",
        "wrappers.py",
        "        # Dynamic VRAM keeps",
        "        holder.patcher = plain\n        # Dynamic VRAM keeps",
    ),
    ("no warning", "wrappers.py", "        logger.warning(", "        str("),
    (
        "no log line",
        "wrappers.py",
        "        logger.info(f\"[MultiGPU DisTorch V2] DYNAMIC VRAM",
        "        str(f\"[MultiGPU DisTorch V2] DYNAMIC VRAM",
    ),
    ("loaded again, where that cannot be", "wrappers.py", CLONE, "patcher.clone(disable_dynamic=True)"),
    (
        "a clone that is dynamic",
        "wrappers.py",
        CLONE,
        "patcher.clone(model_override=patcher.get_clone_model_override())",
    ),
    ("a clone that is dynamic, taken", "wrappers.py", "if plain.is_dynamic():", "if False:"),
    (
        "marked twice",
        "wrappers.py",
        "        plain.size = 0",
        "        patcher._distorch_v2_meta = plain._distorch_v2_meta = {\"full_allocation\": allocation}; plain.size = 0",
    ),
    ("the wrong position", "wrappers.py", "hand_to_distorch(outputs, asked, 0)", "hand_to_distorch(outputs, asked, 1)"),
    ("no position", "wrappers.py", "hand_to_distorch(outputs, asked, 0)", "hand_to_distorch(outputs, asked)"),
    (
        "another condition than the allocation",
        "wrappers.py",
        "hand_to_distorch(outputs, asked, 0)",
        "hand_to_distorch(outputs, before, 0)",
    ),
    ("what it gives dropped", "wrappers.py", CALL, "                hand_to_distorch(outputs, asked, 0)\n"),
    ("never called", "wrappers.py", CALL, ""),
    ("the rest skipped", "wrappers.py", CALL, "                return hand_to_distorch(outputs, asked, 0)\n"),
    ("the mark lost", "wrappers.py", "patcher.model._distorch_v2_meta = {\"full_allocation\": asked}", "pass"),
    (
        "another mark",
        "wrappers.py",
        "patcher.model._distorch_v2_meta = {\"full_allocation\": asked}",
        "patcher.model._distorch_v2_meta = {\"full_allocation\": asked[1:]}",
    ),
    (
        "the device not restored",
        "wrappers.py",
        "            finally:\n                set_current_device(before)",
        "            finally:\n                pass",
    ),
    (
        "another device restored",
        "wrappers.py",
        "                set_current_device(before)",
        "                set_current_device(compute_device)",
    ),
    (
        "the device set before the load lost",
        "wrappers.py",
        "                set_current_device(compute_device)\n",
        "                pass\n",
    ),
    (
        "the allocation of the other one",
        "checkpoint.py",
        "hand_to_distorch(clip, asked)",
        "hand_to_distorch(clip, wanted[\"model\"])",
    ),
    (
        "the wrong variable",
        "checkpoint.py",
        "patcher = hand_to_distorch(patcher, wanted[\"model\"])",
        "clip = hand_to_distorch(patcher, wanted[\"model\"])",
    ),
];

#[test]
fn every_wrong_hand_over_is_caught() {
    let before = fixture("dynamic-vram");
    let mut table = String::new();
    let mut missed = 0;
    for (name, path, old, new) in MUTANTS {
        let verdict = damaged(&before, path, old, new);
        let by = match &verdict {
            Verdict::Wrong(mismatch) if mismatch.step == Step::HandOver => {
                format!("{} | {}", mismatch.expected, mismatch.given)
            }
            other => format!("{other:?}"),
        };
        let is_caught = matches!(&verdict, Verdict::Wrong(mismatch) if mismatch.step == Step::HandOver);
        missed += usize::from(!is_caught);
        let _ = writeln!(table, "{} {name:<40} {by}", if is_caught { ' ' } else { '!' });
    }
    println!("{table}");
    assert_eq!(missed, 0, "\n{table}");
}

#[test]
fn the_undamaged_hand_over_is_right() {
    let before = fixture("dynamic-vram");
    let surveys = fixes::survey(&before, Fix::ALL, Accounting::Resident).unwrap();
    let Verdict::Verified(evidence) = verified(&before, &surveys) else { panic!("{:?}", verified(&before, &surveys)) };
    assert!(evidence.loads > 60 && evidence.notes.is_empty(), "{evidence:?}");
}

/// What reads the allocation.
const READER: &str = "import logging

log = logging.getLogger(\"x\")
asked = {}


def key_of(patcher):
    return str(patcher.model_size())


def partially_load(self, device):
    text = asked.get(key_of(self)) or self.model._meta[\"asked\"]
    return text.split(\"#\", 1)


";

fn package(loader: &str) -> Package {
    let text = format!("{READER}{loader}");
    Package::new([(PathBuf::from("distorch_2.py"), text.into_bytes())])
}

fn snippet(loader: &str) -> Verdict {
    let before = package(loader);
    let surveys = fixes::survey(&before, Fix::ALL, Accounting::Resident).unwrap();
    verified(&before, &surveys)
}

#[test]
fn a_way_is_run_however_it_leads_to_the_mark() {
    for loader in [
        "def f(load, text):\n    out = load()\n    if text:\n        out[0].model._meta = {\"asked\": text}\n    return out\n",
        "def f(load, text):\n    a, b = load(), 2\n    if text:\n        a.model._meta = {\"asked\": text}\n    return a, b\n",
        "def f(load, text):\n    clip = load()\n    if hasattr(clip, \"patcher\"):\n        inner = clip.patcher.model\n        inner._meta = {\"asked\": text}\n    return clip\n",
        "def f(load, text):\n    out = load()\n    setattr(out[1].patcher.model, \"_meta\", {\"asked\": text})\n    return out\n",
        // In a store.
        "def f(load, text):\n    out = load()\n    key = key_of(out[0])\n    asked[key] = text\n    return out\n",
        // The allocation is made after the load.
        "def f(load, expert, gb=4.0):\n    out = load()\n    virtual = f\"cuda:0;{gb};cpu\" if gb > 0 else \"\"\n    text = f\"{expert}#{virtual}\" if expert or virtual else \"\"\n    if text:\n        out[0].model._meta = {\"asked\": text}\n    return out\n",
        // Through a function.
        "def mark(thing, text):\n    patcher = getattr(thing, \"patcher\", thing)\n    patcher.model._meta = {\"asked\": text}\n\n\ndef f(load, text):\n    out = load()\n    mark(out[0], text)\n    return out\n",
        // Around it: loops, branches, contexts, handlers.
        "def f(load, names, lock, text):\n    for name in names:\n        with lock:\n            if name.ready:\n                try:\n                    out = load(name)\n                except OSError:\n                    continue\n                if text:\n                    out[0].model._meta = {\"asked\": text}\n                break\n    else:\n        out = None\n    return out\n",
        // What is asked of the package on the way.
        "def f(load, config, sd):\n    clip = load()\n    if config and \"clip\" in config:\n        wanted = config[\"clip\"]\n        if wanted:\n            clip.patcher.model._meta = {\"asked\": wanted}\n            clip.patcher.model.high = config.get(\"high\", True)\n    m, u = clip.load_sd(sd)\n    if len(m) > 0:\n        log.warning(f\"missing {m:>10}\")\n    return clip\n",
    ] {
        let verdict = snippet(loader);
        let Verdict::Verified(evidence) = verdict else { panic!("{loader}\n{verdict:?}") };
        assert!(evidence.loads >= 10, "{loader}\n{evidence:?}");
    }
}

/// Code around a load, with `HERE` for the load and what follows it.
const AROUND: [&str; 7] = [
    "HERE",
    "try:\n    HERE\nfinally:\n    restore(device)",
    "with lock:\n    HERE",
    "for name in names:\n    if name.ready:\n        HERE\n        break",
    "if len(names) > 3:\n    names.pop()\nelse:\n    HERE",
    "try:\n    names.check()\n    while names:\n        HERE\nexcept OSError as error:\n    log.info(str(error))\n    raise",
    "count = 0\nfor name in names:\n    count += 1\nHERE",
];
/// How an allocation comes about; before the load, or after it.
const ASKED: [(&str, &str); 4] = [
    ("", ""),
    ("text = f\"{expert}#{gb}\" if expert or gb > 0 else \"\"", ""),
    ("", "virtual = \"\"\nif gb > 0:\n    virtual = f\"cuda:0;{gb}\"\ntext = f\"#{virtual}\" if virtual else expert"),
    ("text = \"\"", "if config and \"text\" in config:\n    text = config[\"text\"]"),
];
/// What the model is, and what marks it.
const MARKS: [&str; 5] = [
    "if text:\n    out[0].model._meta = {\"asked\": text}",
    "found = out[1] if hasattr(out[1], \"model\") else out[1].patcher\nif found and text:\n    inner = found.model\n    inner._meta = {\"asked\": text}",
    "if text and hasattr(out, \"patcher\"):\n    setattr(out.patcher.model, \"_meta\", {\"asked\": text})\n    out.patcher.model.flag = gb",
    "key = key_of(out[0])\nasked[key] = text\nsettings[key] = name_of(text)",
    "m, u = out[0].load_sd(names)\nmark(out[0], text)\nif len(m) > 0:\n    log.warning(f\"{m:>10}\")",
];

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_form_of_a_way_is_run_and_misses_the_call_if_it_is_not_there() {
    let mark = "from .others import name_of, restore, settings\n\n\ndef mark(thing, text):\n    patcher = getattr(thing, \"patcher\", thing)\n    if text:\n        patcher.model._meta = {\"asked\": text}\n\n\n";
    let all = AROUND
        .iter()
        .flat_map(|around| ASKED.iter().flat_map(move |asked| MARKS.iter().map(move |mark| (around, asked, mark))));
    for (around, (before, after), marks) in all.step_by(if crate::common::is_full() { 1 } else { 3 }) {
        let way = [before, "out = load(name=names)", after, marks].join("\n");
        let at = around.lines().find(|line| line.contains("HERE")).unwrap();
        let indent = &at[..at.find("HERE").unwrap()];
        let body = around.replace(at, &indented(way.trim(), indent));
        let loader = format!(
            "{mark}def f(load, names, lock, device, config, text=\"\", expert=\"\", gb=4.0):\n{}\n    return out\n",
            indented(&body, "    ")
        );
        let before = package(&loader);
        let verdict = verified(&before, &fixes::survey(&before, Fix::ALL, Accounting::Resident).unwrap());
        let Verdict::Verified(evidence) = &verdict else { panic!("{loader}\n{verdict:?}") };
        assert!(evidence.loads >= 10 && evidence.notes.is_empty(), "{loader}\n{evidence:?}");
        let call =
            if marks.contains("out[1]") { "hand_to_distorch(out, text, 1)" } else { "hand_to_distorch(out, text, 0)" };
        let call = if marks.contains("out.patcher") { "hand_to_distorch(out, text)" } else { call };
        let missing = damaged(&before, "distorch_2.py", call, "out");
        assert!(
            matches!(&missing, Verdict::Wrong(mismatch) if mismatch.step == Step::HandOver),
            "{loader}\n{missing:?}"
        );
    }
}

#[test]
fn what_was_set_on_the_patcher_before_is_kept() {
    let loader = "def f(load, expert, keep):\n    out = load()\n    patcher = out[0]\n    patcher._keep = keep\n    text = expert + \"#\" if expert else \"\"\n    if text:\n        out[0].model._meta = {\"asked\": text}\n    return out\n";
    assert!(matches!(snippet(loader), Verdict::Verified(_)), "{:?}", snippet(loader));
    let forgotten = damaged(&package(loader), "distorch_2.py", "(out, text, 0, kept=[\"_keep\"])", "(out, text, 0)");
    let Verdict::Wrong(mismatch) = forgotten else { panic!("{forgotten:?}") };
    assert!(mismatch.expected.contains("_keep 'keep'") && !mismatch.given.contains("_keep"), "{mismatch:?}");
}

#[test]
fn what_cannot_be_run_is_never_verified_and_keeps_nothing_else_from_being_repaired() {
    let loader = "def f(load, text):\n    out = load()\n    if open(out[0]) and text:\n        out[0].model._meta = {\"asked\": text}\n    return out\n";
    let Verdict::Inconclusive(reason) = snippet(loader) else { panic!() };
    assert!(reason.starts_with("dynamic-vram cannot be run: distorch_2.py:17: `open` reaches outside"), "{reason}");
}

#[test]
fn what_was_repaired_is_run_as_it_is() {
    let install = Install::of("dynamic-vram");
    let repair = install.repair().unwrap();
    for change in &repair.changes {
        std::fs::write(repair.sources.path(change.file), &change.text).unwrap();
    }
    let verdict = install.repair().unwrap().verify(&Options::default());
    let Verdict::Verified(evidence) = verdict else { panic!("{verdict:?}") };
    assert!(evidence.loads > 60 && evidence.notes.is_empty(), "{evidence:?}");
}

#[test]
fn what_is_not_needed_is_not_run() {
    let before = fixture("dynamic-vram");
    let surveys = fixes::survey(&before, Fix::ALL, Accounting::Resident).unwrap();
    let spared: Vec<_> = surveys.into_iter().map(|survey| survey.spared("no dynamic VRAM")).collect();
    let Verdict::Verified(evidence) = verified(&before, &spared) else { panic!() };
    assert!(evidence.loads == 0 && evidence.notes.is_empty(), "{evidence:?}");
}

#[test]
fn code_that_does_it_in_its_own_way_is_not_called_wrong() {
    let before = fixture("plain-patchers");
    let surveys = fixes::survey(&before, Fix::ALL, Accounting::Resident).unwrap();
    let Verdict::Verified(evidence) = verified(&before, &surveys) else { panic!() };
    let [note] = &evidence.notes[..] else { panic!("{evidence:?}") };
    assert!(note.starts_with("dynamic-vram has its own way here, and stays as it is: wrappers.py:42: "), "{note}");
    let unknown = "def plain(x):\n    open(\"log\")\n    return x.clone(disable_dynamic=True)\n\n\ndef f(load, text):\n    out = load()\n    out = plain(out)\n    if text:\n        out.model._meta = {\"asked\": text}\n    return out\n";
    let Verdict::Verified(evidence) = snippet(unknown) else { panic!() };
    assert!(evidence.notes[0].starts_with("dynamic-vram was not verified, and stays as it is: "), "{evidence:?}");
}
