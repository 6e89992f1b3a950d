//! What `apply` promises: the file is the old one or the repaired one, byte for byte, and nothing else is touched.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Install, Ran, fixtures, program, remove, skip, slashed};

#[test]
fn only_the_bytes_of_the_edits_change() {
    for name in fixtures() {
        let install = Install::of(&name);
        let before = install.files();
        let mut expected = before.clone();
        let changes = install.repair().map(|repair| {
            let changes = repair.changes.iter();
            changes.map(|change| (repair.sources.path(change.file), change.edits.clone())).collect::<Vec<_>>()
        });
        for (path, edits) in changes.unwrap_or_default() {
            let path = path.strip_prefix(&install.root).unwrap().to_owned();
            let old = &before[&path];
            let mut new = Vec::new();
            let mut done = 0;
            for edit in edits.iter() {
                new.extend_from_slice(&old[done..edit.range.0]);
                new.extend_from_slice(edit.text.as_bytes());
                done = edit.range.1;
            }
            new.extend_from_slice(&old[done..]);
            expected.insert(path, new);
        }
        let ran = install.run(&["apply"]);
        let can = !matches!(&*name, "syntax-error" | "not-understood");
        let conflicts = matches!(&*name, "needs-newer-comfyui" | "own-load-list");
        assert_eq!(ran.code == 0, can && !conflicts, "{name}: {ran:?}");
        assert_eq!(
            expected == before,
            !can || matches!(&*name, "in-order" | "needs-newer-comfyui" | "cpu-for-the-rest" | "plain-patchers"),
            "{name}"
        );
        assert!(install.files() == expected, "{name}");
    }
}

#[test]
fn a_dry_run_a_check_and_a_diff_write_nothing() {
    for name in fixtures() {
        let install = Install::of(&name);
        let before = install.files();
        for arguments in [&["apply", "--dry-run"][..], &["check"], &["diff"]] {
            install.run(arguments);
            assert!(install.files() == before, "{name}: {arguments:?}");
        }
    }
}

#[test]
fn a_repair_says_what_it_wrote_and_what_to_do() {
    let install = Install::of("sibling-helper");
    let ran = install.run(&["apply"]);
    assert_eq!((ran.code, &*ran.err), (0, ""), "{ran:?}");
    let checkout = "ComfyUI/custom_nodes/ComfyUI-MultiGPU";
    let end = format!(
        "\n\nRepaired {checkout}/distorch_2.py (5 edits).\nRepaired {checkout}/load_items.py (2 edits).\n\
         Restart ComfyUI: it keeps the old code until then.\n"
    );
    assert!(slashed(&ran.out).ends_with(&end), "{}", ran.out);
    let ran = install.run(&["apply"]);
    let end = format!("\n\nAlready in order: nothing was written to {checkout}/distorch_2.py.\n");
    assert!(slashed(&ran.out).ends_with(&end) && ran.code == 0, "{ran:?}");
    let ran = install.run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[cfg(unix)] // files have inodes on Unix alone
#[test]
fn a_second_run_leaves_the_file_alone() {
    use std::os::unix::fs::MetadataExt;
    for name in fixtures() {
        let install = Install::of(&name);
        install.run(&["apply"]);
        let facts = || {
            let about = fs::metadata(install.file()).unwrap();
            (about.ino(), about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec())
        };
        let before = facts();
        install.run(&["apply"]);
        assert_eq!(facts(), before, "{name}");
    }
}

#[cfg(unix)] // files have modes on Unix alone
#[test]
fn the_mode_of_the_file_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    for mode in [0o600, 0o640, 0o644, 0o755, 0o666] {
        let install = Install::of("legacy");
        fs::set_permissions(install.file(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(install.run(&["apply"]).code, 0);
        assert_eq!(fs::metadata(install.file()).unwrap().permissions().mode() & 0o7777, mode);
    }
}

/// The patch does with git what `apply` does without.
#[test]
fn git_applies_the_diff_to_the_same_bytes() {
    if Command::new("git").arg("--version").output().is_err() {
        return skip("there is no git to try the patches with");
    }
    for name in fixtures() {
        the_diff_does_what_apply_does(&name, |_| {});
    }
    the_diff_does_what_apply_does("legacy", |install| {
        let text = install.text();
        fs::write(install.file(), text.trim_end()).unwrap();
    });
    the_diff_does_what_apply_does("legacy", |install| {
        // The last line is a site, and has no end.
        let text = install.text() + "for size, name, module, params in patcher._load_list(): pass";
        fs::write(install.file(), text).unwrap();
    });
    the_diff_does_what_apply_does("legacy", |install| {
        let text = install.text().replace('\n', "\r\n");
        fs::write(install.file(), text).unwrap();
    });
    #[cfg(unix)]
    the_diff_does_what_apply_does("legacy", |install| {
        fs::create_dir(install.checkout().join("src")).unwrap();
        fs::rename(install.file(), install.checkout().join("src/real.txt")).unwrap();
        std::os::unix::fs::symlink("src/real.txt", install.file()).unwrap();
    });
    the_diff_does_what_apply_does("sibling-helper", |install| {
        let folder = install.checkout();
        fs::rename(folder.join("load_items.py"), folder.join("naïve load items.py")).unwrap();
    });
}

fn the_diff_does_what_apply_does(name: &str, prepare: impl Fn(&Install)) {
    let (by_git, by_us) = (Install::of(name), Install::of(name));
    prepare(&by_git);
    prepare(&by_us);
    by_us.run(&["apply"]);
    let patch = program(&by_git.root).arg("diff").output().unwrap().stdout;
    assert_eq!(patch.is_empty(), by_git.files() == by_us.files(), "{name}");
    if patch.is_empty() {
        return;
    }
    let file = by_git.root.with_extension("patch");
    fs::write(&file, patch).unwrap();
    for arguments in [&["init", "--quiet"][..], &["apply", "--whitespace=nowarn", file.to_str().unwrap()]] {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let git = git.args(arguments).current_dir(by_git.checkout()).output().unwrap();
        assert!(git.status.success(), "{name}: {}", String::from_utf8_lossy(&git.stderr));
    }
    fs::remove_file(&file).unwrap();
    remove(&by_git.checkout().join(".git"));
    assert!(by_git.files() == by_us.files(), "{name}");
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn a_link_inside_the_checkout_is_followed_and_stays_a_link() {
    let install = Install::of("legacy");
    let real = install.checkout().join("real.py");
    fs::rename(install.file(), &real).unwrap();
    std::os::unix::fs::symlink("real.py", install.file()).unwrap();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(fs::symlink_metadata(install.file()).unwrap().is_symlink());
    assert!(!fs::symlink_metadata(&real).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("GPU-ONLY MODE"));
    assert_eq!(ran.out.matches("Repaired ").count(), 1, "one file, under whatever names");
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn a_link_out_of_the_checkout_is_not_followed() {
    let install = Install::of("legacy");
    let outside = install.root.join("elsewhere.py");
    fs::rename(install.file(), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, install.file()).unwrap();
    let before = install.files();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("outside of the checkout") && ran.err.contains("\nhelp: "), "{}", ran.err);
    assert!(install.files() == before);
    assert!(fs::symlink_metadata(install.file()).unwrap().is_symlink());
}

#[test]
fn a_read_only_file_is_left_alone() {
    let install = Install::of("sibling-helper");
    let helper = install.checkout().join("load_items.py");
    let mut permissions = fs::metadata(&helper).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&helper, permissions).unwrap();
    let before = install.files();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("load_items.py is read-only\nhelp: "), "{}", ran.err);
    assert!(install.files() == before, "nor is the other file of the repair written");
}

#[cfg(unix)] // the folders of Windows have no such attribute
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let install = Install::of("legacy");
    let before = install.files();
    fs::set_permissions(install.checkout(), fs::Permissions::from_mode(0o555)).unwrap();
    let probe = install.checkout().join("probe");
    if fs::write(&probe, "").is_ok() {
        fs::remove_file(probe).unwrap();
        return skip("this user may write into read-only folders");
    }
    let ran = install.run(&["apply"]);
    fs::set_permissions(install.checkout(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("cannot write into") && ran.err.contains("\nhelp: "), "{}", ran.err);
    assert!(install.files() == before);
}

#[test]
fn what_is_not_python_is_left_alone() {
    let nested = "(".repeat(100_000);
    let cases: [(&str, &[u8], &str); 6] = [
        ("latin-1", b"# caf\xe9\nfor a, b, c, d in x._load_list(): pass\n", "not UTF-8: byte 5"),
        ("utf-16", b"\xff\xfef\0o\0r\0", "NUL byte"),
        ("nul", b"x = 1\n\0", "NUL byte at offset 6"),
        ("empty", b"", "found neither a load list"),
        ("no python", b"<html>Not found</html>\n", ":1:7: not valid Python"),
        ("deep", nested.as_bytes(), "not valid Python"),
    ];
    for (what, bytes, why) in cases {
        let install = Install::of("legacy");
        fs::write(install.file(), bytes).unwrap();
        let before = install.files();
        for arguments in [&["apply"][..], &["check"], &["diff"]] {
            let ran = install.run(arguments);
            assert_eq!(ran.code, 2, "{what}: {ran:?}");
            assert!(ran.err.starts_with("error: ") && ran.err.contains(why), "{what}: {}", ran.err);
            assert!(install.files() == before, "{what}");
        }
    }
}

#[test]
fn a_huge_file_is_refused() {
    let install = Install::of("legacy");
    fs::File::options().write(true).open(install.file()).unwrap().set_len(100 << 20).unwrap();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("104857600 bytes"), "{}", ran.err);
    assert_eq!(fs::metadata(install.file()).unwrap().len(), 100 << 20);
}

#[test]
fn a_folder_in_place_of_the_file_is_an_error() {
    let install = Install::of("legacy");
    fs::remove_file(install.file()).unwrap();
    fs::create_dir(install.file()).unwrap();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("found no ComfyUI-MultiGPU") && ran.err.contains("\nhelp: "), "{}", ran.err);
}

#[cfg(unix)] // Windows has no such names
#[test]
fn nothing_in_a_file_or_its_name_steers_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\u{202e}";
    let install = Install::of("legacy");
    let odd = install.checkout().join(format!("help{hostile}\ners.py"));
    fs::write(&odd, format!("def f(x):\n    for a, b, c, d in x._load_list(): pass  # {hostile}\r\n")).unwrap();
    let text = install.text().replace("in placeable:", &format!("in placeable:  # {hostile}"));
    fs::write(install.file(), text).unwrap();
    for arguments in
        [&["check", "--color=always"][..], &["apply", "-n", "--color=always"], &["apply", "--color=always"]]
    {
        let ran = install.run(arguments);
        assert!(ran.out.contains("␛]0;owned␇␛[31m"), "{arguments:?}: it is shown\n{}", ran.out);
        let names = ["help␛]0;owned␇␛[31m", "help\\033]0;owned\\007\\033[31m"];
        assert!(names.iter().any(|name| ran.out.contains(name)), "{arguments:?}: so is the name\n{}", ran.out);
        let rest = without_colours(&(ran.out + &ran.err));
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!rest.contains(steers), "{arguments:?}: {rest:?}");
    }
}

#[cfg(unix)] // Windows has no such names
#[test]
fn a_piped_diff_is_exact_whatever_is_in_it() {
    let hostile = "\u{1b}[31m\u{9b}\u{202e}\t ";
    let install = Install::of("legacy");
    let text = install.text().replace("in placeable:", &format!("in placeable:  # {hostile}"));
    fs::write(install.file(), text).unwrap();
    let ran = install.run(&["diff"]);
    assert!(ran.out.contains(&format!("\n+    for *_, size, name, module, params in placeable:  # {hostile}\n")));
    let coloured = install.run(&["diff", "--color=always"]);
    assert_eq!(coloured.out, ran.out, "a patch has no colours");
    the_diff_does_what_apply_does("sibling-helper", |install| {
        let odd = install.checkout().join("q\"u\\o\tt\ned.py");
        fs::write(odd, "for a, b, c, d in x._load_list(): pass\n").unwrap();
    });
}

/// Without what `--color=always` puts in.
fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        let code = &rest[start + 2..];
        let end = code.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap();
        if !code[end..].starts_with('m') {
            break;
        }
        out.push_str(&rest[..start]);
        rest = &code[end + 1..];
    }
    out + rest
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let install = Install::of("legacy");
    let plain = install.run(&["check"]);
    assert!(!plain.out.contains('\u{1b}'), "not into a pipe");
    assert!(install.run(&["check", "--color=always"]).out.contains('\u{1b}'));
    let forced = Ran::of(program(&install.root).args(["check", "--color=always"]).env("NO_COLOR", "1"));
    assert!(forced.out.contains('\u{1b}'), "what is said on the command line wins");
}

#[test]
fn of_a_long_line_the_part_around_a_finding_is_shown() {
    let install = Install::of("legacy");
    let (before, behind) = ("'before', ".repeat(200), "'behind', ".repeat(200));
    let line = format!("rows = [{before}[i[1] for i in p._load_list()], {behind}]\n");
    fs::write(install.file(), install.text() + &line).unwrap();
    let check = install.run(&["check", "--no-verify"]);
    let shown = check.out.lines().find(|shown| shown.contains("i[1] for i in p._load_list()")).unwrap();
    assert!(shown.contains("'before'") && shown.contains("'behind'") && shown.ends_with('…'), "{shown}");
    assert!(shown.len() < 300, "{shown}");
}

#[test]
fn a_disabled_node_is_acted_on_only_if_named() {
    let install = Install::of("legacy");
    let disabled = install.checkout().with_extension("disabled");
    fs::rename(install.checkout(), &disabled).unwrap();
    let before = install.files();
    let ran = install.run(&["apply"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("only disabled checkouts"), "{}", ran.err);
    assert!(ran.err.contains("ComfyUI-MultiGPU.disabled (disabled)\nhelp: "), "{}", ran.err);
    assert!(install.files() == before);
    let ran = install.run(&["apply", disabled.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("(disabled) in "), "{}", ran.out);
}

#[test]
fn of_an_enabled_and_a_disabled_one_the_enabled_one_is_meant() {
    let install = Install::of("legacy");
    let disabled = install.checkout().with_extension("disabled");
    crate::common::copy(&install.checkout(), &disabled);
    assert_eq!(install.run(&["apply"]).code, 0);
    let repaired = |folder: &Path| fs::read_to_string(folder.join("distorch_2.py")).unwrap().contains("GPU-ONLY");
    assert!(repaired(&install.checkout()) && !repaired(&disabled));
    assert_eq!(install.run(&["apply", "--all"]).code, 0);
    assert!(repaired(&disabled));
}

#[test]
fn with_all_one_failure_does_not_keep_the_others_from_their_turn() {
    let install = Install::of("legacy");
    let nodes = install.root.join("ComfyUI/custom_nodes");
    for (name, fixture) in [("0", "syntax-error"), ("1", "five-only")] {
        crate::common::copy(&Install::of(fixture).checkout(), &nodes.join(name));
    }
    let ran = install.run(&["apply"]);
    assert!(ran.code == 2 && ran.err.contains("found 3 checkouts"), "{ran:?}");
    let ran = install.run(&["apply", "--all"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(ran.out.matches("Repaired ").count(), 2, "{ran:?}");
    assert_eq!(ran.err.matches("error: ").count(), 1, "{ran:?}");
    let ran = install.run(&["check", "--all"]);
    assert_eq!((ran.code, ran.out.matches("to repair").count()), (2, 0), "{ran:?}");
}

#[test]
fn findings_name_the_file_from_the_current_folder() {
    let install = Install::of("legacy");
    let mut program = program(&install.checkout());
    let ran = Ran::of(program.args(["check", "../../.."]));
    assert!(ran.out.contains(" --> distorch_2.py:41:13\n"), "{}", ran.out);
    assert!(ran.out.contains("\nTo repair: distorch-fix apply ../../..\n"), "{}", ran.out);
}

#[test]
fn the_next_command_can_be_copied() {
    let install = Install::of("legacy");
    let spaced = install.root.join("my ComfyUI");
    fs::rename(install.root.join("ComfyUI"), &spaced).unwrap();
    let ran = install.run(&["check", "my ComfyUI", "--fix", "load-list", "--accounting", "offload", "--all"]);
    let command = "\nTo repair: distorch-fix apply \"my ComfyUI\" --fix load-list --accounting offload --all\n";
    assert!(ran.out.contains(command), "{}", ran.out);
}
