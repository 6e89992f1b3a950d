//! What the dynamic-vram fix promises: models that are marked for DisTorch2 are found however they are marked, they are
//! handed over once they are loaded and their allocation is known, and nothing else is touched.

use crate::snippets::FILE;
use distorch_fix::fixes::dynamic_vram::{ACTS, DYNAMIC_VRAM, INERT};
use distorch_fix::fixes::{Accounting, Host, State, Status};

/// What reads an allocation from a model, and splits it.
const READER: &str = "import logging

log = logging.getLogger(\"x\")


def analyze(patcher, text):
    expert, virtual = text.split(\"#\", 1)
    return expert


def partially_load(self, device):
    return analyze(self, self.model._meta[\"asked\"])


";

/// The same where allocations are in a store.
const STORE: &str = "import logging

log = logging.getLogger(\"x\")
asked = {}


def key_of(patcher):
    return str(patcher.model_size())


def partially_load(self, device):
    text = asked.get(key_of(self))
    if text and \"#\" in text:
        return text


";

/// The lines that a repair adds, but for those of the function that it puts in.
fn added(reader: &str, loader: &str) -> Vec<String> {
    let old = format!("{reader}{loader}");
    let [new] = &crate::snippets::repair(&[(FILE, &old)], DYNAMIC_VRAM, Accounting::Resident)[..] else { panic!() };
    let function = new.find("def hand_to_distorch").expect("the function");
    let end = new.rfind("    return loaded\n").unwrap() + "    return loaded\n".len();
    let rest = format!("{}{}", &new[..function], &new[end..]);
    let new: Vec<_> = rest.lines().collect();
    let mut old = old.lines().peekable();
    let mut added = Vec::new();
    for line in new {
        if old.peek() == Some(&line) {
            old.next();
        } else if !line.is_empty() {
            added.push(line.to_owned());
        }
    }
    assert_eq!(old.next(), None, "only lines were added");
    added
}

fn states(reader: &str, loader: &str) -> Vec<State> {
    crate::snippets::states(&format!("{reader}{loader}"), DYNAMIC_VRAM).into_iter().map(|(_, state)| state).collect()
}

#[test]
fn a_model_is_handed_over_where_it_was_loaded() {
    for (loader, call) in [
        (
            "def f(load, text):\n    out = load()\n    if text:\n        out[0].model._meta = {\"asked\": text}\n    return out\n",
            "    out = hand_to_distorch(out, text, 0)",
        ),
        (
            "def f(load, text):\n    a, b = load(), 2\n    a.model._meta = {\"asked\": text}\n    return a, b\n",
            "    a = hand_to_distorch(a, text)",
        ),
        (
            "def f(load, text):\n    clip = load()\n    if hasattr(clip, \"patcher\"):\n        inner = clip.patcher.model\n        \
             inner._meta = {\"asked\": text}\n    return clip\n",
            "    clip = hand_to_distorch(clip, text)",
        ),
        (
            "def f(load, text):\n    out = load()\n    setattr(out[1].patcher.model, \"_meta\", {\"asked\": text})\n    return out\n",
            "    out = hand_to_distorch(out, text, 1)",
        ),
        (
            "def f(load, text):\n    out = load()\n    found = None\n    if hasattr(out[0], \"model\"):\n        found = out[0]\n    \
             elif hasattr(out[0], \"patcher\"):\n        found = out[0].patcher\n    if found and text:\n        \
             inner = found.model\n        inner._meta = {\"asked\": text}\n    return out\n",
            "    out = hand_to_distorch(out, text, 0)",
        ),
    ] {
        assert_eq!(added(READER, loader), [call], "{loader}");
    }
}

#[test]
fn an_entry_of_a_store_marks_the_model_that_its_key_is_made_of() {
    let loader = "def f(load, text):\n    first = load()\n    key = key_of(first[0])\n    out = load()\n    \
                  if hasattr(out[0], \"model\"):\n        key = key_of(out[0])\n        asked[key] = text\n    \
                  elif hasattr(out[0], \"patcher\"):\n        key = key_of(out[0].patcher)\n        asked[key] = text\n    return out\n";
    assert_eq!(added(STORE, loader), ["    out = hand_to_distorch(out, text, 0)"]);
}

#[test]
fn a_model_is_handed_over_as_soon_as_its_allocation_is_known() {
    let loader = "def f(load, expert):\n    out = load()\n    log.info(\"loaded\")\n    text = expert + \"#\"\n    \
                  out[0].model._meta = {\"asked\": text}\n    return out\n";
    let [new] =
        &crate::snippets::repair(&[(FILE, &format!("{READER}{loader}"))], DYNAMIC_VRAM, Accounting::Resident)[..]
    else {
        panic!()
    };
    assert!(new.contains("    text = expert + \"#\"\n    out = hand_to_distorch(out, text, 0)\n"), "{new}");
}

#[test]
fn attributes_of_the_patcher_that_is_replaced_are_kept() {
    let loader = "def f(load, expert):\n    out = load()\n    patcher = out[0]\n    patcher._keep = True\n    patcher.model._other = 1\n    text = expert + \"#\"\n    \
                  out[0].model._meta = {\"asked\": text}\n    return out\n";
    assert_eq!(added(READER, loader), ["    out = hand_to_distorch(out, text, 0, kept=[\"_keep\"])"]);
}

#[test]
fn an_allocation_that_may_fail_is_read_under_the_conditions_that_it_was_read_under() {
    let loader = "def f(load, wanted):\n    out = load()\n    if wanted and \"unet\" in wanted:\n        if out:\n            \
                  out[0].model._meta = {\"asked\": wanted[\"unet\"]}\n    return out\n";
    assert_eq!(added(READER, loader), ["            out = hand_to_distorch(out, wanted[\"unet\"], 0)"]);
    let loader = "def f(load, wanted):\n    out = load()\n    if wanted:\n        text = wanted[\"unet\"]\n    if wanted:\n        \
                  out[0].model._meta = {\"asked\": text}\n    return out\n";
    // It may not be known outside, and is nowhere before the mark inside.
    assert_eq!(states(READER, loader), [State::OPAQUE]);
}

#[test]
fn marks_are_followed_through_functions() {
    let loader = "def mark(thing, text):\n    patcher = getattr(thing, \"patcher\", thing)\n    patcher.model._meta = {\"asked\": text}\n\n\n\
                  def f(load, text):\n    out = load()\n    mark(out[0], text)\n    return out\n\n\n\
                  def g(load, text):\n    clip = load()\n    mark(text=text, thing=clip)\n    return clip\n";
    assert_eq!(
        added(READER, loader),
        ["    out = hand_to_distorch(out, text, 0)", "    clip = hand_to_distorch(clip, text)"]
    );
}

#[test]
fn what_takes_models_from_dynamic_vram_itself_is_left_alone() {
    for loader in [
        "def plain(x):\n    return x.clone(disable_dynamic=True)\n\n\ndef f(load, text):\n    out = plain(load())\n    \
         out.model._meta = {\"asked\": text}\n    return out\n",
        "def plain(x):\n    return x.clone(disable_dynamic=True) if x.is_dynamic() else x\n\n\ndef f(load, text):\n    out = load()\n    \
         out = plain(out)\n    out.model._meta = {\"asked\": text}\n    return out\n",
        "def f(load, text):\n    out = load(disable_dynamic=True)\n    out.model._meta = {\"asked\": text}\n    return out\n",
        "def f(comfy, model, text):\n    out = comfy.model_patcher.ModelPatcher(model)\n    out.model._meta = {\"asked\": text}\n    return out\n",
    ] {
        assert_eq!(states(READER, loader), [ACTS], "{loader}");
    }
}

#[test]
fn what_cannot_be_handed_over_is_not_understood() {
    for loader in [
        "def f(load, text):\n    load()[0].model._meta = {\"asked\": text}\n",
        "def f(load, text):\n    outs = load()\n    for out in outs:\n        out.model._meta = {\"asked\": text}\n    return outs\n",
        "def f(load, texts):\n    out = load()\n    out.model._meta = {\"asked\": texts.pop()}\n    return out\n",
        "def f(load, text):\n    out = load(); out.model._meta = {\"asked\": text}\n    return out\n",
    ] {
        assert_eq!(states(READER, loader), [State::OPAQUE], "{loader}");
    }
}

#[test]
fn what_marks_no_loaded_model_is_none_of_its_business() {
    for loader in [
        "def f(load, text):\n    out = load()\n    out.model._other = {\"asked\": text}\n    return out\n",
        "def f(load):\n    out = load()\n    out.model._meta = None\n    return out\n",
        "def f(x):\n    del x.model._meta\n    return x.model._meta\n",
    ] {
        assert_eq!(states(READER, loader), [], "{loader}");
    }
}

#[test]
fn line_endings_and_indentation_are_those_of_the_file() {
    let loader = "def f(load, text):\n    out = load()\n    out.model._meta = {\"asked\": text}\n    return out\n";
    let text = format!("{READER}{loader}").replace("    ", "\t").replace('\n', "\r\n");
    let [new] = &crate::snippets::repair(&[(FILE, &text)], DYNAMIC_VRAM, Accounting::Resident)[..] else { panic!() };
    assert!(new.contains("\tout = load()\r\n\tout = hand_to_distorch(out, text)\r\n"), "{new}");
    assert!(new.contains("\r\n\ttry:\r\n\t\tif type("), "{new}");
    assert!(!new.replace("\r\n", "").contains('\n'));
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let loader = "def hand_to_distorch(x):\n    return x\n\n\ndef f(load, text):\n    out = load()\n    \
                  out.model._meta = {\"asked\": text}\n    return out\n";
    let [new] =
        &crate::snippets::repair(&[(FILE, &format!("{READER}{loader}"))], DYNAMIC_VRAM, Accounting::Resident)[..]
    else {
        panic!()
    };
    assert!(new.contains("\n    out = hand_to_distorch_2(out, text)\n"), "{new}");
}

#[test]
fn a_comfyui_without_dynamic_vram_spares_the_repair() {
    let text = format!(
        "{READER}def f(load, text):\n    out = load()\n    out.model._meta = {{\"asked\": text}}\n    return out\n"
    );
    let (_, survey) = crate::snippets::survey(&[(FILE, &text)], DYNAMIC_VRAM, Accounting::Resident);
    assert_eq!((survey.status, survey.count(INERT)), (Status::Needed, 1));
    let spared = |has_dynamic_vram| DYNAMIC_VRAM.spared(Host { has_dynamic_vram });
    assert_eq!((spared(Some(true)), spared(None)), (None, None));
    let survey = survey.spared(spared(Some(false)).unwrap());
    assert_eq!((survey.status, survey.count(State::SPARED), survey.is_edited()), (Status::InOrder, 1, false));
    assert_eq!(survey.verdict(), "not needed: this ComfyUI has no dynamic VRAM");
}
