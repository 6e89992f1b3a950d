//! Deliberately wrong repairs, each of which must be caught, and by the step that is named.
//!
//! A mutant is what the tool itself makes of a fixture, damaged. It is verified as the tool verifies its own repair: the
//! text before, the edits, the damage being part of them. `--nocapture` prints the table.

use std::fmt::Write as _;
use std::ops::Range;

use crate::common::Install;
use distorch_fix::edit::{Edit, Edits};
use distorch_fix::fixes::{self, Accounting, Fix, Status, Survey};
use distorch_fix::python::{FileId, Package};
use distorch_fix::verify::{Options, Step, Subject, Verdict, verify};

/// A wrong repair: what it is, the fixture, the text to replace and by what, the step that catches it.
type Mutant = (&'static str, &'static str, &'static str, &'static str, Step);

const SUM: &str = "remaining_bytes = sum(size for *_, size, _, _, _ in load_list)";
const NONE: &str = "wildcard_device = None  # no default: GPU-only unless the allocation string names a wildcard";
const SHARE: &str = "final_bytes[gpu] += remaining_bytes * final_bytes[gpu] / gpu_bytes";
const GUARD: &str = "if wildcard_device is not None:";
const LOOP: &str = "for gpu in gpu_devices:\n";
const DISTRIBUTED: &str = "Distributed remaining {remaining_bytes / (1024**2):.2f} MB across {len(gpu_devices)} GPUs";

/// load-list, sizes being `module_mem`.
const LOAD_LIST: &[Mutant] = &[
    (
        "a site forgotten: the load loop",
        "legacy",
        "for *_, size, name, module, params in loading:",
        "for size, name, module, params in loading:",
        Step::Probe,
    ),
    (
        "a site forgotten: the sum of the byte quotas",
        "legacy",
        SUM,
        "remaining_bytes = sum(size for size, _, _, _ in load_list)",
        Step::Probe,
    ),
    (
        "a site forgotten: a subscript",
        "subscripts",
        "remaining_bytes = sum(item[-4]",
        "remaining_bytes = sum(item[0]",
        Step::Probe,
    ),
    (
        "a site forgotten: the key of a sort",
        "subscripts",
        "key=lambda item: item[-4], reverse=True",
        "key=lambda item: item[0], reverse=True",
        Step::Probe,
    ),
    (
        "a site forgotten: one line of the guide's layout",
        "guide-layout",
        "name, size, module, _ = entry[-3], entry[-4], entry[-2], entry[-1]",
        "name, size, module, _ = entry[1], entry[0], entry[2], entry[3]",
        Step::Probe,
    ),
    (
        "a site forgotten: the CLIP heads",
        "separate-clip",
        "for *_, size, name, module, params in loading:",
        "for size, name, module, params in loading:",
        Step::Probe,
    ),
    (
        "size and name swapped",
        "legacy",
        "for *_, size, name, module, params in placeable:",
        "for *_, name, size, module, params in placeable:",
        Step::Probe,
    ),
    (
        "name and module swapped in the load loop",
        "legacy",
        "for *_, size, name, module, params in loading:",
        "for *_, size, module, name, params in loading:",
        Step::Probe,
    ),
    (
        "offload taken for resident",
        "legacy",
        SUM,
        "remaining_bytes = sum(size for size, *_, _, _, _ in load_list)",
        Step::Probe,
    ),
    (
        "offload taken for resident, by a subscript",
        "subscripts",
        "total_bytes = sum([item[-4] for item in raw])",
        "total_bytes = sum([item[0] for item in raw])",
        Step::Probe,
    ),
    (
        "the guide's own: right for five fields, and the wrong size",
        "guide-layout",
        "name, size, module, _ = entry[-3], entry[-4], entry[-2], entry[-1]",
        "name, size, module, _ = entry[2], entry[0], entry[3], entry[4]",
        Step::Probe,
    ),
    (
        "one underscore: five fields only",
        "legacy",
        "for *_, size, name, module, params in loading:",
        "for _, size, name, module, params in loading:",
        Step::Probe,
    ),
    (
        "the star on the wrong side",
        "legacy",
        "for *_, size, name, module, params in loading:",
        "for size, name, module, params, *_ in loading:",
        Step::Probe,
    ),
    (
        "the star in the middle",
        "legacy",
        "for *_, size, name, module, params in loading:",
        "for size, name, *_, module, params in loading:",
        Step::Probe,
    ),
    ("an index off by one", "subscripts", "key = entry[-3] +", "key = entry[-2] +", Step::Probe),
    ("an index five from the end", "subscripts", "done_bytes += entry[-4]", "done_bytes += entry[-5]", Step::Probe),
    (
        "the last four, in the wrong order",
        "guide-layout",
        "name, size, module, _ = entry[-3], entry[-4], entry[-2], entry[-1]",
        "name, size, module, _ = entry[-4:]",
        Step::Probe,
    ),
    (
        "the last four, from one too early",
        "guide-layout",
        "name, size, module, _ = entry[-3], entry[-4], entry[-2], entry[-1]",
        "size, name, module, _ = entry[-5:-1]",
        Step::Probe,
    ),
    (
        "the sum over the wrong field",
        "subscripts",
        "remaining_bytes = sum(item[-4]",
        "remaining_bytes = sum(item[-1]",
        Step::Probe,
    ),
    (
        "a helper's item taken for four fields",
        "sibling-helper",
        "for *_, size, name, module, params in",
        "for size, name, module, params in",
        Step::Probe,
    ),
];

/// load-list, sizes being `module_offload_mem`.
const OFFLOAD: &[Mutant] = &[
    (
        "resident taken for offload",
        "legacy",
        "for size, *_, name, module, params in loading:",
        "for *_, size, name, module, params in loading:",
        Step::Probe,
    ),
    (
        "a starred pattern beside the first index",
        "legacy",
        "remaining_bytes = sum(size for size, *_, _, _, _ in load_list)",
        "remaining_bytes = sum(size for *_, size, _, _, _ in load_list)",
        Step::Probe,
    ),
    (
        "the last four beside the first index",
        "subscripts",
        "remaining_bytes = sum(item[0] for",
        "remaining_bytes = sum(item[-4] for",
        Step::Allocate,
    ),
];

/// gpu-only.
const GPU_ONLY: &[Mutant] = &[
    ("the default left at cpu", "legacy", NONE, "wildcard_device = \"cpu\"", Step::Allocate),
    ("the guard inverted", "legacy", GUARD, "if wildcard_device is None:", Step::Allocate),
    ("no guard: None is a key", "legacy", GUARD, "if True:", Step::Allocate),
    ("nobody but the listed: the wildcard's branch never taken", "legacy", GUARD, "if False:", Step::Allocate),
    (
        "has_wildcard never set, as in the guide",
        "legacy",
        "    if remaining_bytes > 0:\n        if wildcard_device is not None:",
        "    has_wildcard = False\n    if remaining_bytes > 0:\n        if has_wildcard and wildcard_device is not None:",
        Step::Allocate,
    ),
    ("an explicit wildcard ignored", "legacy", "wildcard_device = device\n", "pass\n", Step::Allocate),
    (
        "an explicit wildcard on the CPU taken for none",
        "legacy",
        GUARD,
        "if wildcard_device is not None and wildcard_device != \"cpu\":",
        Step::Allocate,
    ),
    ("the remainder dropped", "legacy", SHARE, "pass", Step::Allocate),
    (
        "the remainder in place of the quota",
        "legacy",
        SHARE,
        "final_bytes[gpu] = remaining_bytes * final_bytes[gpu] / gpu_bytes",
        Step::Allocate,
    ),
    (
        "the remainder counted twice",
        "legacy",
        SHARE,
        "final_bytes[gpu] += 2 * remaining_bytes * final_bytes[gpu] / gpu_bytes",
        Step::Allocate,
    ),
    ("all of the remainder for each", "legacy", SHARE, "final_bytes[gpu] += remaining_bytes", Step::Allocate),
    ("an equal split", "legacy", SHARE, "final_bytes[gpu] += remaining_bytes / len(gpu_devices)", Step::Allocate),
    (
        "in proportion to the memory of the devices",
        "legacy",
        SHARE,
        "final_bytes[gpu] += remaining_bytes * mm.get_total_memory(gpu) / sum(mm.get_total_memory(other) for other in gpu_devices)",
        Step::Allocate,
    ),
    (
        "a share for the CPU too",
        "legacy",
        "if gpu != \"cpu\" and final_bytes[gpu] > 0]",
        "if final_bytes[gpu] > 0]",
        Step::Allocate,
    ),
    (
        "the sum taken inside the loop",
        "legacy",
        SHARE,
        "final_bytes[gpu] += remaining_bytes * final_bytes[gpu] / sum(final_bytes[other] for other in gpu_devices)",
        Step::Allocate,
    ),
    (
        "the remainder used up inside the loop",
        "legacy",
        SHARE,
        "part = remaining_bytes * final_bytes[gpu] / gpu_bytes; final_bytes[gpu] += part; remaining_bytes -= part",
        Step::Allocate,
    ),
    (
        "cut to whole GB",
        "legacy",
        SHARE,
        "final_bytes[gpu] += int(remaining_bytes * final_bytes[gpu] / gpu_bytes / 1024**3) * 1024**3",
        Step::Allocate,
    ),
    (
        "cut to whole MB",
        "legacy",
        SHARE,
        "final_bytes[gpu] += remaining_bytes * final_bytes[gpu] / gpu_bytes // 1024**2 * 1024**2",
        Step::Allocate,
    ),
    // Less than a byte is nothing that four decimals show; the survey knows it.
    (
        "cut to whole bytes",
        "legacy",
        SHARE,
        "final_bytes[gpu] += int(remaining_bytes * final_bytes[gpu] / gpu_bytes)",
        Step::Survey,
    ),
    ("only the first GPU", "legacy", LOOP, "for gpu in gpu_devices[:1]:\n", Step::Allocate),
    (
        "all for the last GPU",
        "legacy",
        SHARE,
        "final_bytes[gpu_devices[-1]] += remaining_bytes / len(gpu_devices)",
        Step::Allocate,
    ),
    ("only cuda devices", "legacy", "if gpu != \"cpu\" and", "if \"cuda\" in gpu and", Step::Allocate),
    (
        "only cuda:0 and cuda:1",
        "legacy",
        "if gpu != \"cpu\" and",
        "if gpu in (\"cuda:0\", \"cuda:1\") and",
        Step::Allocate,
    ),
    (
        "the share stored under another name",
        "legacy",
        SHARE,
        "final_bytes[gpu + \" \"] += remaining_bytes * final_bytes[gpu] / gpu_bytes",
        Step::Allocate,
    ),
    (
        "the log line missing",
        "legacy",
        "                logger.info(f\"[MultiGPU DisTorch V2] GPU-ONLY MODE: D",
        "                str(f\"[MultiGPU DisTorch V2] GPU-ONLY MODE: D",
        Step::Allocate,
    ),
    (
        "the log line in GB",
        "legacy",
        DISTRIBUTED,
        "Distributed remaining {remaining_bytes / (1024**3):.2f} MB across {len(gpu_devices)} GPUs",
        Step::Allocate,
    ),
    (
        "the log line with all devices",
        "legacy",
        DISTRIBUTED,
        "Distributed remaining {remaining_bytes / (1024**2):.2f} MB across {len(final_bytes)} GPUs",
        Step::Allocate,
    ),
    (
        "the log line inside the loop",
        "legacy",
        "                logger.info(f\"[MultiGPU DisTorch V2] GPU-ONLY MODE: D",
        "                    logger.info(f\"[MultiGPU DisTorch V2] GPU-ONLY MODE: D",
        Step::Allocate,
    ),
    (
        "a quota subtracted twice",
        "legacy",
        "remaining_bytes -= granted",
        "remaining_bytes -= 2 * granted",
        Step::Allocate,
    ),
    (
        "the share moved into the loop over the quotas",
        "legacy",
        "        if remaining_bytes <= 0:\n            break\n",
        "        if remaining_bytes <= 0:\n            break\n        final_bytes[device] += remaining_bytes / len(quotas)\n",
        Step::Allocate,
    ),
    (
        "the default kept in a plain assignment",
        "subscripts",
        "if wildcard_device is not None:\n            granted[wildcard_device] = granted.get(wildcard_device, 0) + remaining_bytes",
        "if wildcard_device is not None:\n            granted[wildcard_device] = remaining_bytes",
        Step::Allocate,
    ),
    (
        "an equal split where quotas are pro-rated",
        "over-allocation",
        "for gpu in gpu_devices:\n",
        "for gpu in gpu_devices[1:]:\n",
        Step::Allocate,
    ),
];

/// What neither fix is about, and must not be touched.
const BESIDE: &[Mutant] = &[
    (
        "room for a block that fits exactly",
        "legacy",
        "if quotas[device] >= size:",
        "if quotas[device] > size:",
        Step::Place,
    ),
    (
        "a tiny block is bigger",
        "legacy",
        "threshold = total_bytes * 0.0001",
        "threshold = total_bytes * 0.001",
        Step::Place,
    ),
    (
        "a tiny block is smaller",
        "legacy",
        "threshold = total_bytes * 0.0001",
        "threshold = total_bytes * 0.00001",
        Step::Place,
    ),
    ("the CLIP heads forgotten", "legacy", "    if is_clip:\n", "    if False:\n", Step::Place),
    (
        "the CLIP heads' bytes forgotten",
        "legacy",
        "quotas.get(compute_device, 0) - head_bytes",
        "quotas.get(compute_device, 0)",
        Step::Place,
    ),
    ("from the head of the model", "legacy", "in reversed(large):", "in large:", Step::Place),
    ("a quota never used up", "legacy", "quotas[device] -= size\n", "pass\n", Step::Place),
    ("the CPU asked first", "legacy", "(device == \"cpu\", device)", "(device != \"cpu\", device)", Step::Place),
    ("half of each fraction", "legacy", "* float(fraction)\n", "* float(fraction) / 2\n", Step::Place),
    (
        "ratios of a hundred, not of their sum",
        "legacy",
        "(share / whole) * total_bytes",
        "(share / 100) * total_bytes",
        Step::Allocate,
    ),
    ("ratios of nothing", "legacy", "(share / whole) * total_bytes", "(share / whole)", Step::Allocate),
    ("fewer decimals", "legacy", "{amount / capacity:.4f}", "{amount / capacity:.2f}", Step::Allocate),
];

/// A repair in memory: edits, each with the survey and the site that it belongs to.
struct Rewrite {
    before: Package,
    surveys: Vec<Survey>,
    edits: Vec<(usize, usize, Edit)>,
    accounting: Accounting,
}

impl Rewrite {
    /// The tool's own.
    fn of(fixture: &str, accounting: Accounting) -> Self {
        let before = Install::of(fixture).repair().unwrap().sources.package;
        let surveys = fixes::survey(&before, Fix::ALL, accounting).unwrap();
        let mut edits = Vec::new();
        for (survey, found) in surveys.iter().enumerate() {
            for (site, place) in found.sites.iter().enumerate() {
                let of_file = place.edits.iter().filter(|(file, _)| *file == FileId::FIRST);
                edits.extend(of_file.map(|(_, edit)| (survey, site, edit.clone())));
            }
        }
        edits.sort_by_key(|(_, _, edit)| edit.range);
        Self { before, surveys, edits, accounting }
    }

    fn text(&self) -> String {
        let edits: Vec<_> = self.edits.iter().map(|(_, _, edit)| edit.clone()).collect();
        Edits::new(edits).unwrap().apply(self.before.source(FileId::FIRST).unwrap().text())
    }

    /// Puts `new` in the place of `old`, which must be there once, and makes that a part of the edits.
    fn damage(&mut self, old: &str, new: &str) {
        let text = self.text();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in\n{text}");
        let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
        let start = text.find(old).unwrap() + same;
        let end = start - same + old.len();

        // The edits that it touches become one with it.
        let mut shift = 0;
        let placed = self.edits.iter().map(|(_, _, edit)| {
            let begin = edit.range.0.strict_add_signed(shift);
            let net = edit.text.len().cast_signed() - (edit.range.1 - edit.range.0).cast_signed();
            shift += net;
            (begin..begin + edit.text.len(), net)
        });
        let placed: Vec<_> = placed.collect();
        let net = |of: &dyn Fn(&Range<usize>) -> bool| -> isize {
            placed.iter().filter(|(range, _)| of(range)).map(|(_, net)| net).sum()
        };
        let mut from = (start.strict_add_signed(-net(&|range| range.end < start)), start);
        let mut to = (end.strict_add_signed(-net(&|range| range.start <= end)), end);
        let mut owner = None;
        let mut untouched = Vec::new();
        for ((survey, site, edit), (range, _)) in std::mem::take(&mut self.edits).into_iter().zip(&placed) {
            if range.start > end || range.end < start {
                untouched.push((survey, site, edit));
                continue;
            }
            if range.start < start {
                from = (edit.range.0, range.start);
            }
            if range.end > end {
                to = (edit.range.1, range.end);
            }
            owner = owner.or(Some((survey, site)));
        }
        let replaced = format!("{}{}{}", &text[from.1..start], &new[same..], &text[end..to.1]);
        let (survey, site) = owner.unwrap_or((untouched[0].0, untouched[0].1));
        untouched.push((survey, site, Edit::replace(from.0..to.0, replaced)));
        untouched.sort_by_key(|(_, _, edit)| edit.range);
        self.edits = untouched;
        assert_eq!(self.text(), text.replace(old, new));
    }

    fn verdict(mut self) -> Result<Verdict, String> {
        for (at, survey) in self.surveys.iter_mut().enumerate() {
            for (number, site) in survey.sites.iter_mut().enumerate() {
                site.edits.retain(|(file, _)| *file != FileId::FIRST);
                let own = self.edits.iter().filter(|(survey, site, _)| (*survey, *site) == (at, number));
                site.edits.extend(own.map(|(_, _, edit)| (FileId::FIRST, edit.clone())));
            }
        }
        let of_file = |file: FileId| {
            let sites = self.surveys.iter().flat_map(|survey| &survey.sites).flat_map(|site| &site.edits);
            let edits = sites.filter(|(of, _)| *of == file).map(|(_, edit)| edit.clone()).collect();
            (file, Edits::new(edits).unwrap())
        };
        let edits: Vec<_> = self.before.ids().map(of_file).filter(|(_, edits)| !edits.is_empty()).collect();
        let after = self.before.edited(edits.iter().map(|(file, edits)| (*file, edits)));
        after.ids().try_for_each(|file| after.source(file).map(|_| ())).map_err(ToString::to_string)?;
        let subject = Subject {
            before: &self.before,
            surveys: &self.surveys,
            after: &after,
            fixes: Fix::ALL,
            accounting: self.accounting,
        };
        Ok(verify(&subject, &Options::default()))
    }
}

fn caught(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified(evidence) => format!("SURVIVES {:?}", evidence.notes),
        Verdict::Wrong(mismatch) => mismatch.step.to_string(),
        Verdict::Inconclusive(reason) => format!("inconclusive: {reason}"),
    }
}

#[test]
fn every_wrong_repair_is_caught_by_its_step() {
    let mut table = String::new();
    let mut missed = 0;
    let sets = [LOAD_LIST, GPU_ONLY, BESIDE].map(|set| (set, Accounting::Resident));
    for (set, accounting) in sets.into_iter().chain([(OFFLOAD, Accounting::Offload)]) {
        for (name, fixture, old, new, step) in set {
            let mut rewrite = Rewrite::of(fixture, accounting);
            rewrite.damage(old, new);
            let by = rewrite.verdict().map_or_else(|broken| format!("parse: {broken}"), |verdict| caught(&verdict));
            let right = by == step.to_string();
            missed += usize::from(!right);
            let _ = writeln!(table, "{} {fixture:<16} {name:<60} {by}", if right { ' ' } else { '!' });
        }
    }
    println!("{table}");
    assert_eq!(missed, 0, "\n{table}");
    assert!(table.lines().count() >= 25);
}

#[test]
fn the_undamaged_repairs_are_right() {
    let fixtures = ["legacy", "subscripts", "guide-layout", "separate-clip", "sibling-helper", "over-allocation"];
    for fixture in fixtures {
        for accounting in [Accounting::Resident, Accounting::Offload] {
            let verdict = Rewrite::of(fixture, accounting).verdict().unwrap();
            assert!(matches!(verdict, Verdict::Verified(_)), "{fixture}: {verdict:?}");
        }
    }
}

const HAND_SHARE: &str = "final_bytes[device] += remaining_bytes * amount / gpu_total";

/// Mistakes in a file that somebody repaired by hand: there are no edits, and nothing to compare it with but itself.
const BY_HAND: &[(&str, &str, &str, &str)] = &[
    ("the remainder dropped", "in-order", HAND_SHARE, "pass"),
    ("an explicit wildcard ignored", "in-order", "wildcard_device = device\n", "pass\n"),
    (
        "an explicit wildcard on the CPU ignored",
        "in-order",
        GUARD,
        "if wildcard_device is not None and wildcard_device != \"cpu\":",
    ),
    ("an equal split", "in-order", HAND_SHARE, "final_bytes[device] += remaining_bytes / len(gpu_bytes)"),
    (
        "the remainder counted twice",
        "in-order",
        HAND_SHARE,
        "final_bytes[device] += 2 * remaining_bytes * amount / gpu_total",
    ),
    ("a share for the CPU too", "in-order", " if device != \"cpu\"}", "}"),
    ("only the first GPU", "in-order", "in gpu_bytes.items():\n", "in list(gpu_bytes.items())[:1]:\n"),
    ("only cuda devices", "in-order", " if device != \"cpu\"}", " if \"cuda\" in device}"),
    ("a quota subtracted twice", "in-order", "remaining_bytes -= granted", "remaining_bytes -= 2 * granted"),
    ("the guard inverted", "in-order", GUARD, "if wildcard_device is None:"),
    (
        "the byte quotas by the one size, the rest by the other",
        "in-order",
        "remaining_bytes = sum(module_size for *_, module_size, _, _, _ in load_list)",
        "remaining_bytes = sum(module_size for module_size, *_, _, _, _ in load_list)",
    ),
    (
        "the star on the wrong side",
        "in-order",
        "remaining_bytes = sum(module_size for *_, module_size, _, _, _ in load_list)",
        "remaining_bytes = sum(module_size for _, _, _, module_size, *_ in load_list)",
    ),
    (
        "the first field, counted from the end of five",
        "in-order",
        "remaining_bytes = sum(module_size for *_, module_size, _, _, _ in load_list)",
        "remaining_bytes = sum(item[1 - (len(item) == 4)] + (len(item) == 5) * item[0] for item in load_list)",
    ),
];

#[test]
fn every_mistake_made_by_hand_is_found() {
    let mut table = String::new();
    let mut missed = 0;
    for (name, fixture, old, new) in BY_HAND {
        let install = Install::of(fixture);
        let text = install.text();
        assert_eq!(text.matches(old).count(), 1, "{name}: {old:?}");
        std::fs::write(install.file(), text.replace(old, new)).unwrap();
        let repair = install.repair().unwrap();
        let by = if repair
            .surveys
            .asked
            .iter()
            .any(|survey| matches!(survey.status, Status::Needed | Status::NotUnderstood))
        {
            "survey, which would repair it or not understand it".to_owned()
        } else {
            caught(&repair.verify(&Options::default()))
        };
        let right = !by.starts_with("SURVIVES");
        missed += usize::from(!right);
        let _ = writeln!(table, "{} {name:<60} {by}", if right { ' ' } else { '!' });
    }
    println!("{table}");
    assert_eq!(missed, 0, "\n{table}");
}
