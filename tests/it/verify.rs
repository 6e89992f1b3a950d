//! What running a repair promises: right ones are verified, everywhere alike; what cannot be run is never verified.

use std::path::Path;
use std::{fs, slice};

use crate::common::{Install, fixtures, python};
use distorch_fix::fixes::gpu_only::GPU_ONLY;
use distorch_fix::fixes::load_list::LOAD_LIST;
use distorch_fix::fixes::{Accounting, Fix};
use distorch_fix::install;
use distorch_fix::pipeline::Repair;
use distorch_fix::verify::{Engine, Evidence, Options, Step, Verdict};

const ACCOUNTINGS: [Accounting; 2] = [Accounting::Resident, Accounting::Offload];

fn repair(install: &Install, fixes: &[Fix], accounting: Accounting) -> Repair {
    let search = install::locate(&install.root).unwrap();
    Repair::of(&search.checkouts[0], None, fixes, accounting).unwrap()
}

/// Every fixture that can be repaired, or needs no repair.
fn understood() -> Vec<String> {
    fixtures().into_iter().filter(|name| !matches!(&**name, "syntax-error" | "not-understood")).collect()
}

#[test]
fn right_repairs_are_verified_whichever_is_asked_for() {
    for name in understood() {
        let install = Install::of(&name);
        for accounting in ACCOUNTINGS {
            for fixes in [Fix::ALL, slice::from_ref(&LOAD_LIST), slice::from_ref(&GPU_ONLY)] {
                let verdict = repair(&install, fixes, accounting).verify(&Options::default());
                let Verdict::Verified(evidence) = verdict else {
                    panic!("{name}, {accounting:?}, {fixes:?}: {verdict:?}");
                };
                assert!(evidence.places > 0 && evidence.scenarios > 0 && evidence.blocks > 0, "{name}: {evidence:?}");
            }
        }
    }
}

#[test]
fn what_was_repaired_is_verified_again_as_it_is() {
    for name in understood() {
        for accounting in ACCOUNTINGS {
            let install = Install::of(&name);
            let first = repair(&install, Fix::ALL, accounting);
            for change in &first.changes {
                fs::write(first.sources.path(change.file), &change.text).unwrap();
            }
            for checked in ACCOUNTINGS {
                let again = repair(&install, Fix::ALL, checked);
                // An index of 0 is right for one accounting only, and there would be two in one file.
                if again.is_needed() {
                    assert!(checked != accounting, "{name}, {accounting:?}");
                    continue;
                }
                let verdict = again.verify(&Options { scenarios: 50, ..Options::default() });
                assert!(matches!(verdict, Verdict::Verified(_)), "{name}, {accounting:?}, {checked:?}: {verdict:?}");
            }
        }
    }
}

#[test]
fn python_and_the_sandbox_are_of_one_mind() {
    let Some(python) = python() else { return };
    let mut wrong = Install::of("in-order");
    damage(&mut wrong, "remaining_bytes -= granted", "remaining_bytes -= 2 * granted");
    let installs = understood().into_iter().map(|name| (Install::of(&name), name));
    for (install, name) in installs.chain([(wrong, "a wrong one".to_owned())]) {
        for accounting in ACCOUNTINGS {
            let repair = repair(&install, Fix::ALL, accounting);
            let verdict = |engine| match repair.verify(&Options { scenarios: 15, seed: 5, crossed: true, engine }) {
                Verdict::Verified(Evidence { places, scenarios, blocks, notes, .. }) => {
                    Ok((places, scenarios, blocks, notes))
                }
                Verdict::Wrong(mismatch) => Err(Ok(mismatch)),
                Verdict::Inconclusive(reason) => Err(Err(reason)),
            };
            let here = verdict(Engine::default());
            assert_eq!(here, verdict(Engine::Python(python.clone())), "{name}, {accounting:?}");
            assert_eq!(here.is_ok(), name != "a wrong one", "{name}: {here:?}");
        }
    }
}

fn damage(install: &mut Install, old: &str, new: &str) {
    let text = install.text();
    assert_eq!(text.matches(old).count(), 1, "{old:?}");
    fs::write(install.file(), text.replace(old, new)).unwrap();
}

/// A line of the function for bytes of `in-order`.
const LINE: &str = "    final_bytes = defaultdict(int)\n";

#[test]
fn the_seed_makes_the_scenarios() {
    let mut install = Install::of("in-order");
    let rare = "all(part in byte_str for part in (\"mb\", \"xpu:0\", \";\"))";
    damage(&mut install, "remaining_bytes -= granted", &format!("remaining_bytes -= granted * (2 if {rare} else 1)"));
    let repair = repair(&install, Fix::ALL, Accounting::Resident);
    let found = |seed| match repair.verify(&Options { scenarios: 200, seed, ..Options::default() }) {
        Verdict::Wrong(mismatch) => mismatch,
        verdict => panic!("{verdict:?}"),
    };
    for seed in 0..3 {
        assert_eq!(found(seed), found(seed));
    }
    let ran = |seed: &str| install.run(&["verify", "--scenarios", "200", "--seed", seed]);
    let (first, second) = (ran("3"), ran("3"));
    assert_eq!((first.code, &first.err), (2, &second.err));
    assert!(first.err.contains("(--seed 3)"), "{first:?}");
}

#[test]
fn random_scenarios_differ_from_seed_to_seed() {
    // Its answer is always wrong, but only for strings that no fixed scenario is.
    let mut install = Install::of("in-order");
    let wrong = "    final_bytes = defaultdict(int)\n    if \"mb\" in byte_str and \"xpu\" in byte_str and \"512m\" not in byte_str and \"500\" not in byte_str:\n        return \"cpu,1.0000\"\n";
    damage(&mut install, LINE, wrong);
    let repair = repair(&install, Fix::ALL, Accounting::Resident);
    let found = |scenarios, seed| repair.verify(&Options { scenarios, seed, ..Options::default() });
    assert!(matches!(found(0, 0), Verdict::Verified(_)), "a fixed scenario has it too");
    let texts: Vec<_> = (0..4)
        .map(|seed| match found(300, seed) {
            Verdict::Wrong(mismatch) => mismatch.scenario,
            verdict => panic!("{verdict:?}"),
        })
        .collect();
    assert!(texts.iter().any(|text| *text != texts[0]), "{texts:?}");
}

/// The file is right with items of 4 fields. What the repair does not see to is not its fault.
#[test]
fn an_answer_that_depends_on_the_number_of_fields_is_told_from_others() {
    let total = "    remaining_bytes = sum(size for size, _, _, _ in load_list)\n";
    let by_helper = "    remaining_bytes = 0\n    for item in load_list:\n        item = only_four(item)\n        \
                     if item is not None:\n            remaining_bytes += item[0]\n";
    let helper = "def only_four(item):\n    if len(item) == 4:\n        return item\n\n\n";
    let byte_function = "def calculate_fraction_from_byte_expert_string";
    let mut install = Install::of("legacy");
    damage(&mut install, total, by_helper);
    damage(&mut install, byte_function, &format!("{helper}{byte_function}"));
    let given = |install: &Install| match install.repair().unwrap().verify(&Options::default()) {
        Verdict::Wrong(mismatch) => mismatch.given,
        verdict => panic!("{verdict:?}"),
    };
    assert!(given(&install).contains("as expected with items of 4 fields"), "{}", given(&install));
    let mut faulty = Install::of("in-order");
    damage(&mut faulty, "remaining_bytes * amount / gpu_total", "remaining_bytes / len(gpu_bytes)");
    assert!(!given(&faulty).contains("as expected"), "{}", given(&faulty));
}

#[test]
fn a_wrong_answer_is_shown_beside_the_right_one() {
    let mut install = Install::of("in-order");
    damage(&mut install, "remaining_bytes * amount / gpu_total", "remaining_bytes / len(gpu_bytes)");
    let Verdict::Wrong(mismatch) = install.repair().unwrap().verify(&Options::default()) else { panic!("not wrong") };
    assert_eq!(mismatch.step, Step::Allocate);
    assert!(mismatch.scenario.contains("\"cuda:0,2gb;cuda:1,3gb\""), "{mismatch:?}");
    assert!(mismatch.expected != mismatch.given && mismatch.expected.contains("cuda:1,"), "{mismatch:?}");
    let ran = install.run(&["check"]);
    assert_eq!(ran.code, 2);
    for said in [&mismatch.scenario, &mismatch.expected, &mismatch.given, &"step `allocate`".to_owned()] {
        assert!(ran.err.contains(said.as_str()), "{said:?} in {ran:?}");
    }
}

#[test]
fn what_cannot_be_run_is_never_verified() {
    let never = [
        ("import struct\n    final_bytes = struct.unpack(\"<d\", bytes(8))", "a module"),
        ("final_bytes = torch.zeros(3).tolist()", "a tensor"),
        ("async def later():\n        return await mm.later()\n    final_bytes = later()", "a coroutine"),
    ];
    for (code, what) in never {
        let mut install = Install::of("legacy");
        damage(&mut install, "final_bytes = defaultdict(int)", code);
        let repair = install.repair().unwrap();
        assert!(repair.is_needed(), "{what}");
        let verdict = repair.verify(&Options::default());
        assert!(matches!(verdict, Verdict::Inconclusive(_)), "{what}: {verdict:?}");
        let before = install.files();
        for command in ["check", "apply", "diff", "verify"] {
            let ran = install.run(&[command]);
            assert_eq!(ran.code, 2, "{what}: {ran:?}");
            assert!(ran.err.contains("could not be run"), "{what}: {ran:?}");
        }
        assert!(install.files() == before, "{what}");
    }
}

/// What shares the remainder in the fixture `legacy`, at the depth of a second branch.
const SHARING: &str = r#"            gpus = [device for device in final_bytes if device != "cpu"]
            total = sum(final_bytes[device] for device in gpus)
            for device in gpus:
                final_bytes[device] += remaining_bytes * final_bytes[device] / total"#;

#[test]
fn half_a_repair_with_a_wrong_test_is_not_verified() {
    let halves = [
        ("wildcard_device != \"cpu\"", "\"cpu\""),
        ("wildcard_device is None", "None"),
        ("has_wildcard", "\"cpu\""),
        ("has_wildcard and wildcard_device", "None"),
    ];
    for (test, default) in halves {
        let mut install = Install::of("legacy");
        let store = "        final_bytes[wildcard_device] += remaining_bytes";
        damage(&mut install, store, &format!("        if {test}:\n    {store}\n        else:\n{SHARING}"));
        damage(&mut install, "wildcard_device = \"cpu\"", &format!("wildcard_device = {default}"));
        let verdict = install.repair().unwrap().verify(&Options::default());
        assert!(matches!(verdict, Verdict::Wrong(_)), "{test}, {default}: {verdict:?}");
    }
}

#[test]
fn a_star_that_goes_to_the_front_is_verified() {
    let mut install = Install::of("legacy");
    damage(
        &mut install,
        "remaining_bytes = sum(size for size, _, _, _ in load_list)",
        "remaining_bytes = sum(size for size, *_ in load_list)",
    );
    let verdict = install.repair().unwrap().verify(&Options::default());
    assert!(matches!(verdict, Verdict::Verified(_)), "{verdict:?}");
}

#[test]
fn a_try_that_takes_one_length_and_then_another_is_verified() {
    let read = |first: &str, second: &str| {
        let total = "remaining_bytes = sum(size for size, _, _, _ in load_list)";
        let tried = format!(
            "remaining_bytes = 0\n    for item in load_list:\n        try:\n            {first} = item\n        \
             except ValueError:\n            {second} = item\n        remaining_bytes += size"
        );
        let mut install = Install::of("legacy");
        damage(&mut install, total, &tried);
        install.repair().unwrap().verify(&Options::default())
    };
    let (four, five) = ("size, name, module, params", "_, size, name, module, params");
    for verdict in [read(four, five), read(five, four)] {
        assert!(matches!(verdict, Verdict::Verified(_)), "{verdict:?}");
    }
    let wrong = read(four, "size, _, name, module, params");
    assert!(matches!(wrong, Verdict::Wrong(_)), "{wrong:?}");
}

#[test]
fn what_is_read_of_a_part_of_an_item_is_verified() {
    for read in [
        "for *rest, params in load_list:\n        remaining_bytes += rest[0]",
        "for *rest, params in load_list:\n        size, name, module = rest\n        remaining_bytes += size",
        "for item in load_list:\n        remaining_bytes += item[int_of(0)]",
    ] {
        let mut install = Install::of("legacy");
        let total = "remaining_bytes = sum(size for size, _, _, _ in load_list)";
        damage(&mut install, total, &format!("remaining_bytes = 0\n    {read}"));
        damage(&mut install, "def parse_memory_string", "def int_of(_):\n    return 0\n\n\ndef parse_memory_string");
        let verdict = install.repair().unwrap().verify(&Options::default());
        assert!(matches!(verdict, Verdict::Verified(_)), "{read}: {verdict:?}");
    }
}

#[test]
fn a_parser_in_a_module_of_its_own_is_followed_with_names_of_its_own() {
    let install = Install::of("legacy");
    let text = install.text();
    let (before, rest) = text.split_once("def parse_memory_string").unwrap();
    let (parser, after) = rest.split_once("def calculate_fraction_from_ratio_expert_string").unwrap();
    let (_, fractions) = before.split_once("def _fractions_from_bytes").unwrap();
    let sibling = format!(
        "import logging\nimport re\nfrom collections import defaultdict\n\nimport comfy.model_management as mm\n\
         import torch\n\nlogger = logging.getLogger(\"x\")\n\n\ndef _fractions_from_bytes{fractions}def \
         parse_memory_string{parser}"
    );
    let import = "from .device_utils import get_device_list\n";
    let taken = format!("{import}from .bytes_parser import calculate_fraction_from_byte_expert_string\n");
    let text = format!("{before}def calculate_fraction_from_ratio_expert_string{after}").replace(import, &taken);
    fs::write(install.file(), text).unwrap();
    fs::write(install.checkout().join("bytes_parser.py"), sibling).unwrap();
    let repair = install.repair().unwrap();
    assert_eq!(repair.changes.len(), 2);
    let verdict = repair.verify(&Options::default());
    assert!(matches!(verdict, Verdict::Verified(_)), "{verdict:?}");
}

#[test]
fn a_repair_that_is_not_understood_any_more_is_not_verified() {
    let mut install = Install::of("legacy");
    damage(&mut install, "wildcard_device = \"cpu\"", "wildcard_device = default_device()");
    let text = install.text() + "\n\ndef default_device():\n    return \"cpu\"\n\n\nSTART = str(default_device())\n";
    fs::write(install.file(), &text).unwrap();
    for command in ["check", "apply"] {
        let ran = install.run(&[command]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    assert_eq!(install.text(), text);
}

#[test]
fn what_a_file_logs_with_does_not_matter() {
    for logger in ["LOG", "print", "text"] {
        let install = Install::of("legacy");
        let text = install.text();
        let text =
            if logger == "print" { text.replace("logger.info", "print") } else { text.replace("logger", logger) };
        fs::write(install.file(), text).unwrap();
        let verdict = install.repair().unwrap().verify(&Options::default());
        assert!(matches!(verdict, Verdict::Verified(_)), "{logger}: {verdict:?}");
    }
}

/// A helper that gives a quota back as it is, in ways that the sandbox cannot run by itself.
const TRANSLATED: [&str; 25] = [
    "quota + (quota < 0)",
    "quota - (quota < 0)",
    "quota + sum(part < 0 for part in [quota])",
    "next(part for part in reversed([0, quota]))",
    "[first for first in zip([quota], [0])][0][0]",
    "dict({'a': 0} | {'a': quota})['a']",
    "int(TEXT % quota)",
    "Pair(quota, 0).first",
    "Row(quota, 0).first",
    "Row(first=quota, rest=0).both",
    "Row.read((quota, 0)).first",
    "Row.same(quota)",
    "Named(quota).first",
    "[quota, 0][Place.FIRST]",
    "sorted([quota], key=operator.itemgetter())[0] if False else operator.add(quota, 0)",
    "heapq.nlargest(1, [quota, 0])[0]",
    "[list(group)[0] for _, group in groupby([quota])][0]",
    "swapped(quota)",
    "cut(quota)",
    "matched((quota, 0))",
    "matched([0, 0, quota])",
    "matched([0, quota])",
    "only([quota]) + only(5)",
    "list(early(quota))[-1]",
    "matched('none') or matched({'quota': 1}) or twice(quota)",
];

/// What stands before the helper.
const TRANSLATED_HEAD: &str = r#"
import heapq
import operator
from collections import namedtuple
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from typing import NamedTuple

TEXT = "%d"
NOTHING = object()
Pair = namedtuple("Pair", "first rest")


class Place(IntEnum):
    FIRST = 0


class Named(NamedTuple):
    first: int
    rest: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Row:
    first: int
    rest: int = 0
    parts: list = field(default_factory=list)

    @classmethod
    def read(cls, pair):
        return cls(*pair)

    @staticmethod
    def same(value):
        return value

    @property
    def both(self):
        return self.first + self.rest


def decorated(function):
    return lambda value: function(value) / 2


@decorated
def twice(value):
    return value * 2


def swapped(value):
    pair = [0, value]
    pair[0], pair[1] = pair[1], pair[0]
    return pair[0]


def cut(value):
    rows = [1, 2, value, 3]
    del rows[:2], rows[-1]
    return rows[0]


def matched(value):
    match value:
        case (first, 0) if first is not NOTHING:
            return first
        case [_, *_, last]:
            return last
        case str() | None:
            return 0
        case _:
            pass
    return 0


def early(value):
    for part in (0, value, 1):
        yield part
        if part == value:
            return


def only(value):
    match value:
        case one,:
            return one
    return 0
"#;

/// A repair whose function for bytes uses `quota` as this helper gives it back.
fn with_helper(body: &str) -> Repair {
    let mut install = Install::of("legacy");
    damage(&mut install, "min(quota, remaining_bytes)", "min(helped(quota), remaining_bytes)");
    let parse = "def parse_memory_string";
    damage(&mut install, parse, &format!("{TRANSLATED_HEAD}\n\ndef helped(quota):\n{body}\n\n\n{parse}"));
    install.repair().unwrap()
}

#[test]
fn what_the_sandbox_does_not_have_is_translated() {
    let same = |text: &str| format!("    assert ({text}) == quota, {text:?}\n");
    let repair = with_helper(&(TRANSLATED.map(same).concat() + "    return quota"));
    let engines = [Some(Engine::default()), python().map(Engine::Python)];
    for engine in engines.into_iter().flatten() {
        let verdict = repair.verify(&Options { engine: engine.clone(), ..Options::default() });
        assert!(matches!(verdict, Verdict::Verified(_)), "{engine:?}: {verdict:?}");
    }
}

#[test]
fn a_wrong_answer_is_one_in_translation_too() {
    for quota in [TRANSLATED[0], TRANSLATED[8], TRANSLATED[20]] {
        let verdict = with_helper(&format!("    return ({quota}) + 4096**3")).verify(&Options::default());
        assert!(matches!(verdict, Verdict::Wrong(_)), "{quota}: {verdict:?}");
    }
}

#[test]
fn what_cannot_be_translated_is_named() {
    for (code, named) in [
        ("class Odd:\n    def __call__(self, quota):\n        return quota\n", "classes with a method `__call__`"),
        ("class Base:\n    pass\n\n\nclass Odd(Base):\n    pass\n", "the class `Odd`, which inherits from `Base`"),
        ("def Odd():\n    return statistics.mean([1])\n", "`statistics.mean`"),
        ("def Odd():\n    return memoryview(b'')\n", "`memoryview`"),
        ("def Odd():\n    match {}:\n        case {'a': a}:\n            return a\n", "the pattern `{'a': a}`"),
    ] {
        let mut install = Install::of("legacy");
        damage(&mut install, "min(quota, remaining_bytes)", "min(quota, remaining_bytes) if Odd else 0");
        let code = format!("import statistics\n\n\n{code}\n\ndef parse_memory_string");
        damage(&mut install, "def parse_memory_string", &code);
        let repair = install.repair().unwrap();
        let verdict = repair.verify(&Options::default());
        let names = |reason: &str| reason.contains(named) && reason.contains("the sandbox cannot run");
        assert!(matches!(&verdict, Verdict::Inconclusive(reason) if names(reason)), "{named}: {verdict:?}");
        if let Some(python) = python() {
            let verdict = repair.verify(&Options { engine: Engine::Python(python), ..Options::default() });
            assert!(matches!(verdict, Verdict::Verified(_)), "{named}: {verdict:?}");
        }
    }
}

#[test]
fn unusual_wildcards_may_be_read_in_a_version_s_own_way() {
    for test in ["amount.strip() == \"*\"", "amount.startswith(\"*\")", "re.fullmatch(r\"\\s*\\*\\s*\", amount)"] {
        let mut install = Install::of("legacy");
        damage(&mut install, "\"*\" in amount", test);
        let Verdict::Verified(evidence) = install.repair().unwrap().verify(&Options::default()) else {
            panic!("{test}")
        };
        assert!(evidence.notes.iter().any(|note| note.contains("unusual wildcards")), "{test}: {evidence:?}");
    }
    // One that is named as everyone names it is no matter of taste.
    let mut install = Install::of("legacy");
    damage(&mut install, "\"*\" in amount", "amount.endswith(\"b*\") and \"*\" in amount");
    let verdict = install.repair().unwrap().verify(&Options::default());
    assert!(matches!(verdict, Verdict::Wrong(_)), "{verdict:?}");
}

#[test]
fn a_python_that_is_not_there_is_inconclusive() {
    let engine = Engine::Python(Path::new("/nowhere/python3").to_owned());
    let verdict = Install::of("legacy").repair().unwrap().verify(&Options { engine, ..Options::default() });
    assert!(matches!(&verdict, Verdict::Inconclusive(reason) if reason.contains("cannot run")), "{verdict:?}");
}
