//! What the gpu-only fix promises: byte mode's default wildcard is found whatever it is called and however it is
//! written, the remainder is shared by the listed GPUs unless a wildcard is named, and nothing else is touched.

use crate::snippets::FILE;
use distorch_fix::fixes::gpu_only::{FAULTY, GPU_ONLY, SHARED};
use distorch_fix::fixes::{Accounting, Status};

/// Byte mode as most versions have it: DEFAULT stands for the default's statement, REST for what is done with the
/// remainder. One level of indentation is four blanks.
const BYTE_MODE: &str = r#"import logging

log = logging.getLogger("x")


def allocate(total, text):
    DEFAULT
    quotas = {}
    for part in text.split(";"):
        device, amount = part.split(",")
        if "*" in amount:
            wild = device
        else:
            quotas[device] = parse(amount)
    final = {}
    rest = total
    for device, quota in quotas.items():
        final[device] = min(quota, rest)
        rest -= final[device]
    REST
    return final
"#;

/// What is put in, for the names of [`BYTE_MODE`], on its first level.
const SHARE: &str = r#"gpu_devices = [gpu for gpu in final if gpu != "cpu" and final[gpu] > 0]
if gpu_devices:
    gpu_bytes = sum(final[gpu] for gpu in gpu_devices)
    for gpu in gpu_devices:
        final[gpu] += rest * final[gpu] / gpu_bytes
    log.info(f"[MultiGPU DisTorch V2] GPU-ONLY MODE: Distributed remaining {rest / (1024**2):.2f} MB across {len(gpu_devices)} GPUs (no CPU fallback).")
else:
    log.warning(f"[MultiGPU DisTorch V2] GPU-ONLY MODE: No GPU is listed to take the remaining {rest / (1024**2):.2f} MB; it stays on the compute device.")"#;

const NO_DEFAULT: &str = "  # no default: GPU-only unless the allocation string names a wildcard";

/// The text with `lines` in the place of the line that is just `placeholder`, each at its indentation.
fn put(text: &str, placeholder: &str, lines: &str) -> String {
    let place = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let indented = |new: &str| if new.is_empty() { String::new() } else { format!("{indent}{new}") };
        if line.trim() == placeholder {
            lines.lines().map(indented).collect::<Vec<_>>().join("\n")
        } else {
            line.to_owned()
        }
    };
    text.lines().map(|line| place(line) + "\n").collect()
}

/// Byte mode with this default and this treatment of the remainder, in which SHARE stands for what is put in.
fn byte_mode(default: &str, rest: &str) -> String {
    put(&put(&put(BYTE_MODE, "DEFAULT", default), "REST", rest), "SHARE", SHARE)
}

#[track_caller]
fn repairs(before: &str, after: &str) {
    let repaired = crate::snippets::repair(&[(FILE, before)], GPU_ONLY, Accounting::Resident);
    assert_eq!(repaired[0], after);
    assert_eq!(crate::snippets::status(before, GPU_ONLY), Status::Needed);
    assert!(crate::snippets::states(after, GPU_ONLY).iter().all(|(_, state)| *state == SHARED));
}

#[track_caller]
fn stays(text: &str, status: Status) {
    assert_eq!(crate::snippets::repair(&[(FILE, text)], GPU_ONLY, Accounting::Resident)[0], text);
    assert_eq!(crate::snippets::status(text, GPU_ONLY), status, "{text}");
}

/// The usual default, and this treatment of the remainder.
#[track_caller]
fn repairs_rest(before: &str, after: &str) {
    repairs(&byte_mode("wild = \"cpu\"", before), &byte_mode(&format!("wild = None{NO_DEFAULT}"), after));
}

/// The usual treatment of the remainder, and this default.
#[track_caller]
fn repairs_default(before: &str, after: &str) {
    let rest = "if rest > 0:\n    final[wild] += rest";
    let shared = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(&byte_mode(before, rest), &byte_mode(after, shared));
}

#[test]
fn the_remainder_is_shared_unless_a_wildcard_is_named() {
    repairs_rest(
        "if rest > 0:\n    final[wild] += rest\n    log.info(f\"{rest} to {wild}\")",
        "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n        log.info(f\"{rest} to {wild}\")\n    else:\n        SHARE",
    );
}

#[test]
fn the_test_of_the_remainder_may_be_written_in_any_way() {
    for test in
        ["rest > 0", "0 < rest", "rest >= 1", "rest", "rest != 0", "not rest <= 0", "rest > 0 and quotas", "(rest > 0)"]
    {
        repairs_rest(
            &format!("if {test}:\n    final[wild] += rest"),
            &format!("if {test}:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE"),
        );
    }
}

#[test]
fn the_remainder_may_be_put_into_a_mapping_in_any_way() {
    for statement in [
        "final.update({wild: final.get(wild, 0) + rest})",
        "final.update({wild: rest + final[wild]})",
        "final |= {wild: final.get(wild, 0) + rest}",
        "final = {**final, wild: final.get(wild, 0) + rest}",
    ] {
        repairs_rest(
            &format!("if rest > 0:\n    {statement}"),
            &format!("if rest > 0:\n    if wild is not None:\n        {statement}\n    else:\n        SHARE"),
        );
    }
}

#[test]
fn a_default_that_a_flag_keeps_from_being_used_stays() {
    let text = |flag: &str, share: &str| {
        let rest = format!("if rest > 0:\n    if named:\n        final[wild] += rest\n    else:\n        {share}");
        byte_mode("wild = \"cpu\"\nnamed = False", &rest)
            .replace("            wild = device\n", &format!("            wild = device\n{flag}"))
    };
    stays(&text("            named = True\n", "SHARE"), Status::InOrder);
    // Set elsewhere as well, or never, it keeps nothing.
    let set = text("            named = True\n", "SHARE");
    let elsewhere = set.replace("parse(amount)\n", "parse(amount)\n            named = True\n");
    for text in [elsewhere, text("", "SHARE")] {
        assert_eq!(crate::snippets::status(&text, GPU_ONLY), Status::Needed, "{text}");
    }
    assert_eq!(crate::snippets::status(&text("            named = True\n", "pass"), GPU_ONLY), Status::Needed);
}

#[test]
fn a_wildcard_may_be_looked_for_by_a_pattern() {
    for test in ["re.search(r\"\\*\", amount)", "re.fullmatch(r\"[*]\", amount)", "re.match(r'\\s*\\*', amount)"] {
        let of = |default: &str, rest: &str| byte_mode(default, rest).replace("\"*\" in amount", test);
        repairs(
            &of("wild = \"cpu\"", "if rest > 0:\n    final[wild] += rest"),
            &of(
                &format!("wild = None{NO_DEFAULT}"),
                "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE",
            ),
        );
    }
}

#[test]
fn the_remainder_may_be_assigned_in_any_way() {
    for statement in [
        "final[wild] += rest",
        "final[wild] = final.get(wild, 0) + rest",
        "final[wild] = rest + final.get(wild, 0)",
        "final[wild] = final[wild] + rest",
        "final[wild] = (final.get(wild, 0) + rest)",
        "final[wild] = rest",
    ] {
        repairs_rest(
            &format!("if rest > 0:\n    {statement}"),
            &format!("if rest > 0:\n    if wild is not None:\n        {statement}\n    else:\n        SHARE"),
        );
    }
}

#[test]
fn the_log_line_may_stand_before_or_be_missing() {
    repairs_rest(
        "if rest > 0:\n    log.info(wild)\n    final[wild] += rest",
        "if rest > 0:\n    if wild is not None:\n        log.info(wild)\n        final[wild] += rest\n    else:\n        SHARE",
    );
    let no_logger = |text: String| text.replace("log = logging.getLogger(\"x\")\n", "").replace("log.", "logging.");
    let (default, rest) = ("wild = 'cpu'", "if rest > 0:\n    final[wild] += rest");
    let shared = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    let repaired = byte_mode(&format!("wild = None{NO_DEFAULT}"), shared);
    repairs(&no_logger(byte_mode(default, rest)), &no_logger(repaired.clone()));
    // Without any logging in the file it is imported where it is used.
    let no_import = |text: String| no_logger(text).replace("import logging\n\n\n\n", "import re\n\n\n\n");
    let inline = put(
        &no_import(repaired),
        "gpu_devices = [gpu for gpu in final if gpu != \"cpu\" and final[gpu] > 0]",
        "import logging\ngpu_devices = [gpu for gpu in final if gpu != \"cpu\" and final[gpu] > 0]",
    );
    repairs(&no_import(byte_mode(default, rest)), &inline);
}

#[test]
fn a_file_that_prints_goes_on_printing() {
    let prints = |text: String| text.replace("log.info(f\"[M", "print(f\"[M").replace("log.warning(", "print(");
    let before = "if rest > 0:\n    final[wild] += rest\n    print(rest, wild)";
    let after = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n        print(rest, wild)\n    else:\n        SHARE";
    repairs(&byte_mode("wild = \"cpu\"", before), &prints(byte_mode(&format!("wild = None{NO_DEFAULT}"), after)));
}

#[test]
fn a_function_goes_on_with_what_it_logs_with() {
    let own = |text: &str| text.replace("log = logging.getLogger(\"x\")", "tell = Reporter()").replace("log.", "tell.");
    let before = byte_mode("wild = \"cpu\"\nlog.info(text)", "if rest > 0:\n    final[wild] += rest");
    let after = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    let after = byte_mode(&format!("wild = None{NO_DEFAULT}\nlog.info(text)"), after);
    repairs(&own(&before), &own(&after));
}

#[test]
fn another_function_s_logger_is_not_borrowed() {
    let other = "\n\ndef other():\n    mine = get()\n    mine.info(1)\n";
    let text = byte_mode("wild = \"cpu\"", "if rest > 0:\n    final[wild] += rest") + other;
    let repaired = crate::snippets::repair(&[(FILE, &text)], GPU_ONLY, Accounting::Resident);
    assert!(!repaired[0].contains("mine.warning"), "{}", repaired[0]);
}

#[test]
fn one_line_and_no_test_at_all_are_understood() {
    repairs_rest(
        "if rest > 0: final[wild] += rest",
        "if rest > 0:\n    if wild is not None: final[wild] += rest\n    else:\n        SHARE",
    );
    // A mapping that nothing is put into by it is no place for the remainder.
    let noted = |rest: &str| format!("notes.append({{wild: rest}})\n{rest}");
    repairs_rest(
        &noted("if rest > 0: final[wild] += rest"),
        &noted("if rest > 0:\n    if wild is not None: final[wild] += rest\n    else:\n        SHARE"),
    );
    repairs_rest("final[wild] += rest", "if wild is not None:\n    final[wild] += rest\nelif rest > 0:\n    SHARE");
    repairs_rest(
        "if rest <= 0:\n    return final\nfinal[wild] += rest\nlog.info(wild)",
        "if rest <= 0:\n    return final\nif wild is not None:\n    final[wild] += rest\n    log.info(wild)\nelif rest > 0:\n    SHARE",
    );
}

#[test]
fn the_default_may_be_written_in_any_way() {
    repairs_default("wild = 'cpu'", &format!("wild = None{NO_DEFAULT}"));
    repairs_default("wild: str = \"cpu\"", &format!("wild: str = None{NO_DEFAULT}"));
    repairs_default("wild = \"cpu\"  # for now", "wild = None  # for now");
    repairs_default("wild = (\"cpu\")", "wild = (None)");
    repairs_default("wild, found = \"cpu\", False", "wild, found = None, False");
    repairs_default("wild = found = 'cpu'", &format!("wild = found = None{NO_DEFAULT}"));
    repairs_default("wild = named(text) or \"cpu\"", "wild = named(text) or None");
    repairs_default("wild = text if text else \"cpu\"", "wild = text if text else None");
    repairs_default("wild = next(named(text), \"cpu\")", "wild = next(named(text), None)");
    repairs_default("wild = found.get('*', 'cpu')", "wild = found.get('*', None)");
    repairs_default(
        "wild = ''\nif not wild:\n    wild = 'cpu'",
        &format!("wild = ''\nif not wild:\n    wild = None{NO_DEFAULT}"),
    );
}

#[test]
fn the_default_may_be_a_parameter() {
    let parameter = |text: String, default: &str| {
        text.replace("allocate(total, text)", &format!("allocate(total, text, wild={default})"))
            .replace("    wild = 1\n", "")
    };
    let rest = "if rest > 0:\n    final[wild] += rest";
    let shared = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(&parameter(byte_mode("wild = 1", rest), "\"cpu\""), &parameter(byte_mode("wild = 1", shared), "None"));
}

#[test]
fn a_constant_that_serves_others_too_is_left_where_it_is() {
    let constant = |text: String| text.replace("\n\n\ndef", "\nDEFAULT_DEVICE = \"cpu\"\n\n\ndef");
    let rest = "if rest > 0:\n    final[wild] += rest";
    let shared = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(
        &constant(byte_mode("wild = DEFAULT_DEVICE", rest)),
        &constant(byte_mode(&format!("wild = None{NO_DEFAULT}"), shared)),
    );
}

#[test]
fn the_default_may_stand_where_the_remainder_is() {
    repairs(
        &byte_mode("wild = None", "if rest > 0:\n    final[wild or \"cpu\"] += rest"),
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    if wild:\n        final[wild or None] += rest\n    else:\n        SHARE",
        ),
    );
    repairs(
        &byte_mode("wild = None", "if rest > 0:\n    target = wild if wild else \"cpu\"\n    final[target] += rest"),
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    target = wild if wild else None\n    if target is not None:\n        final[target] += rest\n    else:\n        SHARE",
        ),
    );
    repairs(
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    if wild:\n        final[wild] += rest\n    else:\n        final[\"cpu\"] += rest",
        ),
        &byte_mode("wild = None", "if rest > 0:\n    if wild:\n        final[wild] += rest\n    else:\n        SHARE"),
    );
}

#[test]
fn a_helper_may_find_the_default_and_another_assign_the_remainder() {
    let text = byte_mode("unused = 0", "give(final, wild, rest)")
        .replace("quotas = {}", "quotas, wild = read(text)")
        .replace("        if \"*\" in amount:\n            wild = device\n        else:\n            quotas[device] = parse(amount)\n", "        log.info(device)\n")
        + "\n\ndef read(text):\n    wild = \"cpu\"\n    for part in text.split(\";\"):\n        if part.endswith(\"*\"):\n            wild = part\n    return {}, wild\n"
        + "\n\ndef give(final, device, rest):\n    if rest > 0:\n        final[device] += rest\n";
    let repaired = crate::snippets::repair(&[(FILE, &text)], GPU_ONLY, Accounting::Resident);
    assert!(repaired[0].contains("    wild = None  # no default"), "{}", repaired[0]);
    assert!(repaired[0].contains("        if device is not None:\n            final[device] += rest\n        else:\n"));
}

#[test]
fn the_remainder_may_be_assigned_in_a_sibling_module() {
    let text = format!("from .rest import give\n{}", byte_mode("wild = 'cpu'", "give(final, wild, rest)"));
    let give = "import logging\nfound = '*'\ndef give(final, device, rest):\n    if rest > 0:\n        final[device] += rest\n";
    let files = [(FILE, text.as_str()), ("rest.py", give)];
    let repaired = crate::snippets::repair(&files, GPU_ONLY, Accounting::Resident);
    assert!(repaired[0].contains("wild = None"), "{}", repaired[0]);
    assert!(repaired[1].contains("if device is not None:"), "{}", repaired[1]);
}

#[test]
fn every_byte_function_of_a_file_is_repaired() {
    let text = byte_mode("wild = \"cpu\"", "if rest > 0:\n    final[wild] += rest");
    let both = format!("{text}\n\n{}", text.replace("allocate", "allocate_again"));
    let repaired = crate::snippets::repair(&[(FILE, &both)], GPU_ONLY, Accounting::Resident);
    assert_eq!(repaired[0].matches("if wild is not None:").count(), 2);
    assert_eq!(repaired[0].matches("wild = None").count(), 2);
}

#[test]
fn the_asterisk_may_be_a_constant() {
    let by_name = |text: String| {
        text.replace("if \"*\" in", "if STAR in").replace("import logging\n", "import logging\n\nSTAR = \"*\"\n")
    };
    let before = byte_mode("wild = \"cpu\"", "if rest > 0:\n    final[wild] += rest");
    let after = crate::snippets::repair(&[(FILE, &before)], GPU_ONLY, Accounting::Resident).remove(0);
    repairs(&by_name(before), &by_name(after));
}

#[test]
fn methods_of_classes_are_repaired_too() {
    let text = byte_mode("wild = \"cpu\"", "if rest > 0:\n    self.final[wild] += rest")
        .replace("def allocate(", "def allocate(self, ");
    let class: String =
        text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect();
    let class = format!("class Mode:\n    pass\n\n{class}");
    let repaired = crate::snippets::repair(&[(FILE, &class)], GPU_ONLY, Accounting::Resident);
    assert!(repaired[0].contains("gpu_bytes = sum(self.final[gpu] for gpu in gpu_devices)"), "{}", repaired[0]);
}

#[test]
fn names_that_are_taken_are_not_taken_again() {
    let before = byte_mode("wild = \"cpu\"\ngpu = gpu_devices = 0", "if rest > 0:\n    final[wild] += rest");
    let repaired = crate::snippets::repair(&[(FILE, &before)], GPU_ONLY, Accounting::Resident);
    assert!(repaired[0].contains("gpu_devices_2 = [gpu_2 for gpu_2 in final if gpu_2 != \"cpu\""), "{}", repaired[0]);
}

#[test]
fn a_difference_is_worked_out_once() {
    let repaired = crate::snippets::repair(
        &[(
            FILE,
            &byte_mode(
                "wild = \"cpu\"",
                "if sum(final.values()) < total:\n    final[wild] += total - sum(final.values())",
            ),
        )],
        GPU_ONLY,
        Accounting::Resident,
    );
    assert_eq!(repaired[0].matches("total - sum(final.values())").count(), 2);
    assert!(repaired[0].contains("        remaining_bytes = total - sum(final.values())\n"), "{}", repaired[0]);
}

#[test]
fn the_file_s_own_indentation_and_line_endings_are_used() {
    let style = |text: String| format!("\u{feff}{}", text.replace("    ", "\t").replace('\n', "\r\n"));
    let before = "if rest > 0:\n    # what is left\n\n    final[wild] += rest";
    let after = "if rest > 0:\n    # what is left\n\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(&style(byte_mode("wild = 'cpu'", before)), &style(byte_mode(&format!("wild = None{NO_DEFAULT}"), after)));
    let narrow = |text: String| text.replace("    ", "  ");
    repairs(&narrow(byte_mode("wild = 'cpu'", before)), &narrow(byte_mode(&format!("wild = None{NO_DEFAULT}"), after)));
}

#[test]
fn lines_inside_of_strings_do_not_move() {
    let text = byte_mode(
        "wild = 'cpu'",
        "if rest > 0:\n    log.info(\"\"\"to\nTHE {0}\n  wildcard\"\"\".format(wild))\n    final[\n        wild\n    ] += rest",
    );
    let repaired = crate::snippets::repair(&[(FILE, &text)], GPU_ONLY, Accounting::Resident);
    assert!(repaired[0].contains("            log.info(\"\"\"to\n    THE {0}\n      wildcard\"\"\".format(wild))\n            final[\n                wild\n            ] += rest\n"), "{}", repaired[0]);
}

#[test]
fn what_else_is_stored_under_the_default_is_not_stored_under_none() {
    repairs_rest(
        "if wild not in final:\n    final[wild] = 0\nif rest > 0:\n    final[wild] += rest",
        "if wild is not None:\n    if wild not in final:\n        final[wild] = 0\nif rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE",
    );
    repairs_rest(
        "if rest > 0:\n    if wild not in final:\n        final[wild] = 0\n    final[wild] += rest",
        "if rest > 0:\n    if wild is not None:\n        if wild not in final:\n            final[wild] = 0\n        final[wild] += rest\n    else:\n        SHARE",
    );
}

/// The guide, followed to the letter: a flag that nobody sets, devices by the letters of their names, and `int`.
#[test]
fn the_guide_s_mistakes_are_named_and_repaired() {
    let default = "wild = None\nhas_wildcard = False";
    let guide = "if rest > 0:\n    if has_wildcard:\n        final[wild] += rest\n    else:\n        gpus = [d for d in final if 'cuda' in d]\n        whole = sum(final[d] for d in gpus)\n        for d in gpus:\n            final[d] += int(rest * final[d] / whole)";
    let after = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(&byte_mode(default, guide), &byte_mode("wild = None", after));
    let (_, survey) = crate::snippets::survey(&[(FILE, &byte_mode(default, guide))], GPU_ONLY, Accounting::Resident);
    let message = &survey.sites[0].message;
    for fault in ["`has_wildcard` is never set", "cuda devices only", "int() drops bytes"] {
        assert!(message.contains(fault), "{message}");
    }
    assert_eq!(survey.sites[0].state, FAULTY);
}

#[test]
fn half_a_repair_is_made_whole() {
    // Only the default was changed.
    repairs(
        &byte_mode("wild = None", "if rest > 0:\n    final[wild] += rest"),
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE",
        ),
    );
    // Only the branch was added.
    let branch = "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE";
    repairs(&byte_mode("wild = \"cpu\"", branch), &byte_mode(&format!("wild = None{NO_DEFAULT}"), branch));
    // The remainder is dropped.
    repairs(
        &byte_mode("wild = None", "if rest > 0:\n    if wild:\n        final[wild] += rest"),
        &byte_mode("wild = None", "if rest > 0:\n    if wild:\n        final[wild] += rest\n    else:\n        SHARE"),
    );
    repairs(
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    if wild is None:\n        pass\n    else:\n        final[wild] += rest",
        ),
        &byte_mode(
            "wild = None",
            "if rest > 0:\n    if wild is None:\n        SHARE\n    else:\n        final[wild] += rest",
        ),
    );
}

#[test]
fn right_repairs_by_hand_are_left_as_they_are() {
    for rest in [
        "if rest > 0:\n    if wild is None:\n        SHARE\n    else:\n        final[wild] += rest",
        "if rest > 0 and wild:\n    final[wild] += rest\nelif rest > 0:\n    share(final, rest)",
        "if wild is None and rest > 0:\n    SHARE\n    return final\nif rest > 0:\n    final[wild] += rest",
        "if rest > 0:\n    if not wild:\n        share(final, rest)\n        return final\n    final[wild] += rest",
        "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        raise ValueError(rest)",
    ] {
        let text = byte_mode("wild = None", rest);
        stays(&text, Status::InOrder);
        assert!(crate::snippets::states(&text, GPU_ONLY).iter().all(|(_, state)| *state == SHARED), "{text}");
    }
    let flag = byte_mode(
        "wild = None\nnamed = False",
        "if rest > 0:\n    if named:\n        final[wild] += rest\n    else:\n        SHARE",
    );
    stays(&flag.replace("wild = device", "wild = device; named = True"), Status::InOrder);
}

#[test]
fn other_devices_that_are_the_cpu_by_default_are_left_alone() {
    for rest in [
        // Where a block goes.
        "left = 1\nfor name, size in blocks:\n    target = \"cpu\"\n    if size < left:\n        target = device\n        left -= size\n    usage[target] = usage.get(target, 0) + size",
        // Who lends memory.
        "donor_device = \"cpu\"\nlent[donor_device] = 5",
        "devices[\"cpu\"] = 1",
    ] {
        let text = byte_mode("wild = \"cpu\"", &format!("if rest > 0:\n    final[wild] += rest\n{rest}"));
        let repaired = crate::snippets::repair(&[(FILE, &text)], GPU_ONLY, Accounting::Resident);
        let kept = put("REST\n", "REST", rest);
        assert!(repaired[0].contains(&put("    REST\n", "REST", &kept)), "{}", repaired[0]);
    }
}

#[test]
fn without_wildcards_there_is_nothing_to_repair() {
    for text in [
        "def lend(total, donor=\"cpu\"):\n    lent = {}\n    lent[donor] = total - 5\n",
        "def lend(total):\n    donor_device = \"cpu\"\n    total -= 5\n    lent[donor_device] = total\n",
        "def place(blocks, quotas):\n    left = 9\n    target = \"cpu\"\n    for size in blocks:\n        left -= size\n        usage[target] += size\n",
        "def ratios(text):\n    out = {}\n    for part in text.split(';'):\n        device, share = part.split(',')\n        out[device] = share\n    return out\n",
        "x = 1\n",
    ] {
        stays(text, Status::NotApplicable);
    }
}

/// Beside byte mode, a function that has nothing to do with wildcards keeps its default.
#[test]
fn a_default_next_to_byte_mode_stays() {
    let lend = "\n\ndef lend(total, donor=\"cpu\"):\n    lent = {}\n    lent[donor] = total - 5\n    return lent\n";
    let before = byte_mode("wild = \"cpu\"", "if rest > 0:\n    final[wild] += rest");
    let after = byte_mode(
        &format!("wild = None{NO_DEFAULT}"),
        "if rest > 0:\n    if wild is not None:\n        final[wild] += rest\n    else:\n        SHARE",
    );
    repairs(&(before + lend), &(after + lend));
}

/// Without it, the other modes would not do what they did.
#[test]
fn a_default_that_byte_mode_shares_with_other_modes_stays() {
    let mode = "def allocate(total, text, mode):\n    wild = 'cpu'\n    final = {}\n    if mode == 'bytes':\n        for part in text.split(';'):\n            device, amount = part.split(',')\n            if '*' in amount:\n                wild = device\n            else:\n                final[device] = parse(amount)\n        rest = total - sum(final.values())\n        if rest > 0:\n            final[wild] += rest\n";
    let shared = format!("{mode}    final[wild] = final.get(wild, 0) + 1\n    return final\n");
    stays(&shared, Status::NotApplicable);
    assert_eq!(crate::snippets::status(&format!("{mode}    return final\n"), GPU_ONLY), Status::Needed);
}

/// Without an asterisk in the code, nothing tells a wildcard from a default: that is no reason to call it in order.
#[test]
fn a_remainder_without_a_wildcard_that_is_recognised_is_told() {
    let unless_marked = "        if \"*\" in amount:\n            wild = device\n        else:\n            quotas[device] = parse(amount)\n";
    let by_failing = "        try:\n            quotas[device] = parse(amount)\n        except ValueError:\n            wild = device\n";
    let rest = "if rest > 0:\n    final[wild] += rest";
    let marked = byte_mode("wild = \"cpu\"", rest);
    let unmarked = marked.replace(unless_marked, by_failing);
    assert_ne!(unmarked, marked);
    stays(&unmarked, Status::NotUnderstood);
    // Nor is it beside a function of which all is known.
    stays(&format!("{marked}\n\n{}", unmarked.replace("def allocate", "def share")), Status::NotUnderstood);
    let apart = unmarked.replace("    if rest > 0:\n        final[wild] += rest", "    give(final, wild, rest)");
    assert_ne!(apart, unmarked);
    let helper = "\n\ndef give(final, device, amount):\n    final[device] += amount\n";
    stays(&format!("{apart}{helper}"), Status::NotUnderstood);
    // Shares in percent leave nothing over that byte quotas would.
    stays(&unmarked.replace("parse(amount)", "float(amount.replace(\"%\", \"\"))"), Status::NotApplicable);
}

#[test]
fn tests_that_would_be_put_around_each_other_are_told() {
    let text = byte_mode("wild = \"cpu\"", "notes.update({wild: rest})\nif rest > 0: final[wild] += rest");
    stays(&text, Status::NotUnderstood);
}

#[test]
fn a_wildcard_with_an_unknown_use_is_told() {
    stays("def allocate(text):\n    if '*' in text:\n        hand_over(text)\n", Status::NotUnderstood);
    let beside = "if rest > 0:\n    log.info(wild); final[wild] += rest; log.info(2)\nx = 1; final[wild] += rest";
    stays(&byte_mode("wild = \"cpu\"", beside), Status::NotUnderstood);
}
