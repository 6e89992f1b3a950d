//! A guard repairs the node at every start, and never stops one: whatever is wrong is a line in the log.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Install, Ran, fixtures, keep_cache, python};
use distorch_fix::guard::NAME;

fn folder(install: &Install) -> PathBuf {
    install.root.join("ComfyUI/custom_nodes").join(NAME)
}

/// An install with a guard.
fn guarded(fixture: &str) -> Install {
    let install = Install::of(fixture);
    let ran = install.run(&["guard", "install", "ComfyUI"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    install
}

/// Runs the guard as a start of ComfyUI does, with an own folder for the cache; None without a Python.
fn start(install: &Install, variables: &[(&str, &str)]) -> Option<Ran> {
    // On a busy machine, a build without optimisation may take longer than a start waits for it.
    let mut all = (0..10).map_while(|_| start_once(install, variables));
    all.find(|ran| !ran.out.contains("without an answer"))
}

fn start_once(install: &Install, variables: &[(&str, &str)]) -> Option<Ran> {
    // What ComfyUI does: the script is run by its path, with __file__ set, in a process whose main module is main.py.
    let main = install.root.join("ComfyUI/main.py");
    fs::write(&main, "import runpy, sys\nrunpy.run_path(sys.argv[1])\nprint('ComfyUI goes on')\n").unwrap();
    let mut python = Command::new(python()?);
    python.arg(main).arg(folder(install).join("prestartup_script.py")).current_dir(&install.root);
    keep_cache(python.env("XDG_STATE_HOME", install.root.join("state")), &install.root.join("cache"));
    Some(Ran::of(python.env("PYTHONIOENCODING", "utf-8").envs(variables.iter().copied())))
}

/// The lines of a start before ComfyUI goes on, which it does.
fn said(ran: &Ran) -> Vec<&str> {
    assert_eq!((ran.code, &*ran.err), (0, ""), "{ran:?}");
    let before = ran.out.strip_suffix("ComfyUI goes on\n").or_else(|| ran.out.strip_suffix("ComfyUI goes on\r\n"));
    before.unwrap_or_else(|| panic!("{ran:?}")).lines().collect()
}

/// Has the guard run something else than this program.
fn with_program(install: &Install, program: &str) {
    let settings = folder(install).join("guard.json");
    let mut guard: serde_json::Value = serde_json::from_str(&fs::read_to_string(&settings).unwrap()).unwrap();
    guard["program"] = program.into();
    fs::write(settings, guard.to_string()).unwrap();
}

#[test]
fn every_fixture_is_after_a_start_as_apply_would_leave_it() {
    for name in fixtures() {
        let (applied, guarded) = (Install::of(&name), guarded(&name));
        applied.run(&["apply", "--all", "--quiet"]);
        let Some(ran) = start(&guarded, &[]) else { return };
        assert!(said(&ran).len() <= 1, "{name}: {ran:?}");
        assert_eq!(applied.text(), guarded.text(), "{name}: {ran:?}");
    }
}

#[test]
fn a_repair_that_an_update_undid_is_made_again_and_said_once() {
    let install = guarded("legacy");
    let old = install.text();
    for _ in 0..2 {
        let Some(ran) = start(&install, &[]) else { return };
        let [line] = said(&ran)[..] else { panic!("{ran:?}") };
        assert!(line.starts_with("[distorch-fix] repaired ComfyUI-MultiGPU "), "{line}");
        let repaired = install.text();
        assert_ne!(repaired, old);
        assert_eq!(said(&start(&install, &[]).unwrap()), [""; 0], "nothing to do, nothing to say");
        assert_eq!(install.text(), repaired);
        fs::write(install.file(), &old).unwrap();
    }
}

#[test]
fn a_console_that_lacks_a_character_shows_the_rest() {
    let install = guarded("not-understood");
    let Some(whole) = start(&install, &[]) else { return };
    let ran = start(&install, &[("PYTHONIOENCODING", "ascii")]).unwrap();
    let replaced = |c: char| if c.is_ascii() { c } else { '?' };
    assert_eq!(ran.out, whole.out.chars().map(replaced).collect::<String>());
    assert!(!whole.out.is_ascii(), "{whole:?}");
}

#[test]
fn it_can_be_turned_off() {
    let install = guarded("legacy");
    let old = install.text();
    for off in ["off", "OFF", "0"] {
        let Some(ran) = start(&install, &[("DISTORCH_FIX_GUARD", off)]) else { return };
        assert_eq!(said(&ran), [""; 0]);
        assert_eq!(install.text(), old);
    }
    assert_eq!(said(&start(&install, &[("DISTORCH_FIX_GUARD", "on")]).unwrap()).len(), 1);
}

type Damage<'a> = &'a dyn Fn(&Install);

#[test]
fn whatever_is_wrong_is_one_line() {
    let wrong: &[(&str, Damage)] = &[
        ("FileNotFoundError", &|install| with_program(install, "no/such/program")),
        ("Error", &|install| with_program(install, install.file().to_str().unwrap())),
        ("JSONDecodeError", &|install| fs::write(folder(install).join("guard.json"), "{").unwrap()),
        ("KeyError", &|install| fs::write(folder(install).join("guard.json"), "{}").unwrap()),
        ("FileNotFoundError", &|install| fs::remove_file(folder(install).join("guard.json")).unwrap()),
        ("not valid Python", &|install| fs::write(install.file(), "def partially_load(:\n").unwrap()),
        ("was installed by 99.0.0", &|install| {
            let path = folder(install).join("guard.json");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace(env!("CARGO_PKG_VERSION"), "99.0.0")).unwrap();
        }),
    ];
    for (what, damage) in wrong {
        let install = guarded("legacy");
        damage(&install);
        let Some(ran) = start(&install, &[]) else { return };
        let [line] = said(&ran)[..] else { panic!("{what}: {ran:?}") };
        assert!(line.starts_with("[distorch-fix] guard: ") && line.contains(what), "{what}: {line}");
    }
}

#[test]
fn a_node_that_is_missing_or_disabled_is_nothing_to_say() {
    for become_of in [None, Some("ComfyUI-MultiGPU.disabled")] {
        let install = guarded("legacy");
        match become_of {
            None => fs::remove_dir_all(install.checkout()).unwrap(),
            Some(name) => fs::rename(install.checkout(), install.checkout().with_file_name(name)).unwrap(),
        }
        let Some(ran) = start(&install, &[]) else { return };
        assert_eq!(said(&ran), [""; 0], "{become_of:?}");
    }
}

/// A program that hangs, and whose child holds what it inherited.
#[test]
fn a_program_that_hangs_does_not_keep_a_start() {
    let install = guarded("legacy");
    let (name, text) = if cfg!(windows) {
        ("hangs.cmd", "@ping -n 10 127.0.0.1\r\n")
    } else {
        ("hangs", "#!/bin/sh\nsleep 600 &\nsleep 600\n")
    };
    let program = install.root.join(name);
    fs::write(&program, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    with_program(&install, program.to_str().unwrap());
    let begun = std::time::Instant::now();
    let Some(ran) = start_once(&install, &[]) else { return };
    assert_eq!(said(&ran), ["[distorch-fix] guard: stopped after 3 seconds without an answer"]);
    // Wine has the child inherit what this test reads, to its end.
    assert!(cfg!(windows) || begun.elapsed().as_secs() < 25, "it did not wait for the child");
}

#[test]
fn it_is_removed_without_a_trace_but_for_what_is_not_its_own() {
    let install = Install::of("legacy");
    let before = install.files();
    let state = |code, text: &str| {
        let ran = install.run(&["guard", "status"]);
        assert!(ran.code == code && ran.out.contains(text), "{text}: {ran:?}");
    };
    state(1, "not installed");
    assert_eq!(install.run(&["guard", "install"]).code, 0);
    state(0, "installed, and works");
    fs::create_dir(folder(&install).join("__pycache__")).unwrap();
    fs::write(folder(&install).join("__pycache__/prestartup_script.cpython-312.pyc"), "").unwrap();
    assert_eq!(install.run(&["guard", "remove"]).code, 0);
    assert_eq!(install.files(), before);
    assert!(!folder(&install).exists());

    assert_eq!(install.run(&["guard", "install"]).code, 0);
    fs::write(folder(&install).join("notes.txt"), "mine").unwrap();
    let ran = install.run(&["guard", "remove"]);
    assert!(ran.code == 1 && ran.out.contains("notes.txt"), "{ran:?}");
    assert_eq!(fs::read_dir(folder(&install)).unwrap().count(), 1);
    // Now it is something else.
    for command in ["install", "remove"] {
        let ran = install.run(&["guard", command]);
        assert!(ran.code == 2 && ran.err.contains("is not a guard"), "{ran:?}");
    }
}

#[test]
fn a_guard_that_cannot_work_is_shown_and_brought_up_to_date() {
    let install = guarded("legacy");
    let damages: [(&str, &dyn Fn()); 3] = [
        ("is not there", &|| with_program(&install, "no/such/program")),
        ("is missing", &|| fs::remove_file(folder(&install).join("prestartup_script.py")).unwrap()),
        ("is not that of this version", &|| fs::write(folder(&install).join("__init__.py"), "").unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        let ran = install.run(&["guard", "status"]);
        assert!(ran.code == 1 && ran.out.contains(what), "{what}: {ran:?}");
        assert!(install.run(&["guard", "install"]).out.contains("brought up to date"));
        assert_eq!(install.run(&["guard", "status"]).code, 0, "{what}");
    }
}

#[test]
fn status_shows_it() {
    let install = Install::of("legacy");
    let before = install.run(&["status"]).out;
    assert!(before.contains("guard        not installed\n") && before.contains("`distorch-fix apply` repairs the new"));
    assert_eq!(install.run(&["guard", "install"]).code, 0);
    let after = install.run(&["status"]).out;
    assert!(after.contains("guard        installed, and works\n") && after.contains("the guard repairs the new"));
}
