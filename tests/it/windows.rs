//! What Windows has and others have not: paths in many forms, files that a program holds, line ends that git changes.
//!
//! What is tried on Windows alone also runs under Wine, as CONTRIBUTING.md says.

use std::fs;

use git2::{Repository, StatusOptions};

use crate::common::{Install, Ran, git, program};

/// An installation whose pack is a clone, with the line ends that git makes on Windows.
fn crlf() -> (Install, Repository) {
    let install = Install::of("sibling-helper");
    let repository = git::init(&install.checkout(), false);
    git::commit(&repository, &install.checkout());
    repository.config().unwrap().set_bool("core.autocrlf", true).unwrap();
    let mut checkout = git2::build::CheckoutBuilder::new();
    repository.checkout_head(Some(checkout.force().remove_untracked(true))).unwrap();
    for name in ["distorch_2.py", "load_items.py"] {
        let path = install.checkout().join(name);
        let text = fs::read_to_string(&path).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        fs::write(path, text).unwrap();
    }
    (install, repository)
}

fn changed(repository: &Repository) -> Vec<String> {
    let mut options = StatusOptions::new();
    let statuses = repository.statuses(Some(options.include_untracked(true))).unwrap();
    statuses.iter().map(|entry| entry.path().unwrap().to_owned()).collect()
}

/// Lines that `git diff` would show as added and as removed.
fn lines_of_diff(repository: &Repository) -> (usize, usize) {
    let head = repository.head().unwrap().peel_to_tree().unwrap();
    let stats = repository.diff_tree_to_workdir(Some(&head), None).unwrap().stats().unwrap();
    (stats.insertions(), stats.deletions())
}

#[test]
fn line_ends_that_git_changed_stay_and_are_no_change() {
    let (install, repository) = crlf();
    let before = install.files();
    assert!(changed(&repository).is_empty(), "{:?}", changed(&repository));
    let status = install.run(&["status"]);
    assert!(!status.out.contains("modified"), "{status:?}");

    let diff = install.run(&["diff"]);
    let hunks: Vec<&str> = diff.out.lines().filter(|line| line.starts_with(['+', '-'])).collect();
    assert!(diff.code == 0 && (4..400).contains(&hunks.len()), "only what changes: {}", diff.out);
    assert_eq!(install.run(&["apply"]).code, 0);
    for name in ["distorch_2.py", "load_items.py"] {
        let text = fs::read_to_string(install.checkout().join(name)).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{name}");
    }
    assert_eq!(changed(&repository), ["distorch_2.py", "load_items.py"]);
    let twin = Install::of("sibling-helper");
    assert_eq!(twin.run(&["apply"]).code, 0);
    assert_eq!(install.text().replace("\r\n", "\n"), twin.text());
    let (added, removed) = lines_of_diff(&repository);
    let all = install.text().lines().count();
    assert!(added > 0 && added < all / 2 && removed < all / 4, "{added} and {removed} of {all} lines");

    assert_eq!(install.run(&["revert"]).code, 0);
    assert!(changed(&repository).is_empty(), "{:?}", changed(&repository));
    let mut after = install.files();
    after.retain(|path, _| !path.components().any(|part| part.as_os_str() == ".git"));
    assert!(after.iter().all(|(path, bytes)| before[path] == *bytes));
}

/// What PowerShell 5 writes with `>`, and editors with "Unicode".
#[test]
fn what_powershell_wrote_is_read() {
    let install = Install::copy_of("tests/data/guide".as_ref());
    let wide = |text: &str| {
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let workflow = fs::read_to_string(install.root.join("wan2.2.json")).unwrap();
    fs::write(install.root.join("wide.json"), wide(&workflow)).unwrap();
    let [plain, wide_one] = ["wan2.2.json", "wide.json"].map(|name| install.run(&["workflow", "show", name]));
    let note = "note: the file is UTF-16, as some editors and PowerShell write it; ComfyUI reads UTF-8 only\n";
    assert_eq!((wide_one.code, wide_one.out.replace("wide.json", "wan2.2.json")), (plain.code, plain.out + note));

    let log = fs::read_dir("tests/data/logs").unwrap().map(|entry| entry.unwrap().path());
    let log = log.filter(|path| path.extension().is_some_and(|extension| extension == "log")).min().unwrap();
    let text = fs::read_to_string(log).unwrap();
    fs::write(install.root.join("plain.log"), &text).unwrap();
    fs::write(install.root.join("wide.log"), wide(&text)).unwrap();
    let [plain, wide_one] = ["plain.log", "wide.log"].map(|name| install.run(&["log", name]));
    let out = wide_one.out.replace("wide.log", "plain.log").replacen(", UTF-16LE\n", "\n", 1);
    assert_eq!((wide_one.code, out), (plain.code, plain.out));
}

/// What a terminal can do is told by variables too.
#[test]
fn variables_decide_on_colours_as_elsewhere() {
    let install = Install::of("legacy");
    let is_coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut program = program(&install.root);
        program.env_remove("CLICOLOR").args(["check", "--no-verify"]).args(arguments);
        Ran::of(program.envs(variables.iter().copied())).out.contains('\u{1b}')
    };
    assert!(!is_coloured(&[], &[]));
    assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1")], &["--color=never"]));
    assert!(is_coloured(&[("NO_COLOR", "1"), ("TERM", "dumb")], &["--color=always"]));
}

/// What is redirected is UTF-8 whatever the code page of the console is.
#[test]
fn what_is_redirected_is_utf_8() {
    let install = Install::copy_of("tests/data/guide".as_ref());
    fs::rename(install.root.join("wan2.2.json"), install.root.join("grün 日本.json")).unwrap();
    let ran = install.run(&["workflow", "show", "grün 日本.json"]);
    assert!(ran.code == 0 && ran.out.contains("grün 日本.json"), "{ran:?}");
}

/// `fs::canonicalize` gives paths with a prefix on Windows, and fails on some disks there: `text::real` is for what is shown.
#[test]
fn paths_are_resolved_in_one_place() {
    let files = walkdir::WalkDir::new("src").into_iter().map(Result::unwrap).filter(|file| file.file_type().is_file());
    for file in files.filter(|file| file.file_name() != "text.rs") {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        assert!(!text.contains("canonicalize("), "{}", file.path().display());
    }
}

#[cfg(windows)]
mod only {
    use std::fs::File;
    use std::os::windows::fs::OpenOptionsExt as _;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::*;
    use crate::common::{keep_journals, skip};

    const CHECKOUT: &str = r"ComfyUI\custom_nodes\ComfyUI-MultiGPU";

    /// Opens a file, and shares nothing of it with others, or only reading.
    fn held(path: &Path, is_read_by_others: bool) -> File {
        File::options().read(true).share_mode(u32::from(is_read_by_others)).open(path).unwrap()
    }

    fn is_refused(ran: &Ran, why: &str, help: &str) {
        assert_eq!(ran.code, 2, "{ran:?}");
        let (said, helped) = ran.err.split_once("\nhelp: ").unwrap_or_else(|| panic!("{ran:?}"));
        assert!(said.contains(why) && helped.contains(help), "{ran:?}");
    }

    /// A journal and nothing else is below this folder, or nothing.
    fn kept(folder: &Path) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
        files.filter(|file| file.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }

    #[test]
    fn one_folder_by_many_names() {
        let install = Install::of("legacy");
        let root = install.root.to_str().unwrap();
        let (drive, rest) = root.split_at(1);
        let names = [
            root.to_owned(),
            format!("{}{rest}", drive.to_lowercase()),
            format!("{}{rest}", drive.to_uppercase()),
            root.to_uppercase(),
            root.replace('\\', "/"),
            format!(r"\\?\{root}"),
            format!(r"{root}\ComfyUI\..\ComfyUI\custom_nodes"),
            format!("{root}."),
            rest[1..].to_owned(),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for name in &names {
            let ran = install.run(&["check", "--no-verify", name]);
            assert_eq!(ran.code, 1, "{name}: {ran:?}");
            assert!(name.contains(r"\\?\") || !(ran.out + &ran.err).contains(r"\\?\"), "{name}");
        }
        let ran = install.run(&[&["check", "--no-verify", "--quiet", "--format", "json"], &names[..]].concat());
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(report["checkouts"].as_array().unwrap().len(), 1, "{}", ran.out);
    }

    #[test]
    fn a_prefix_that_nobody_typed_is_not_shown() {
        let install = Install::copy_of("tests/data/guide".as_ref());
        let root = install.root.to_str().unwrap();
        let mut commands: Vec<Vec<&str>> =
            ["check", "status", "apply", "status", "revert", "verify"].map(|c| vec![c]).into();
        for format in ["human", "json"] {
            commands.push(vec!["workflow", "check", "wan2.2.json", "--comfyui", root, "--format", format]);
            commands.push(vec!["workflow", "show", "wan2.2.json", "--format", format]);
            commands.push(vec!["plan", "--workflow", "wan2.2.json", "--comfyui", root, "--format", format]);
            commands.push(vec!["doctor", root, "--format", format]);
            commands.push(vec!["guard", "status", root]);
        }
        for command in commands {
            let ran = install.run(&command);
            let said = ran.out + &ran.err;
            assert!(
                !said.contains(r"\\?\") && !said.contains(r"\\\\?\\") && !said.contains("//?/"),
                "{command:?}: {said}"
            );
        }
    }

    #[test]
    fn a_path_may_be_longer_than_windows_allows() {
        let folder = tempfile::tempdir().unwrap();
        let long = (0..5).fold(crate::common::real(folder.path()), |path, _| path.join("x".repeat(60)));
        fs::create_dir_all(&long).unwrap();
        crate::common::copy(&Install::of("sibling-helper").root, &long);
        let checkout = long.join(CHECKOUT);
        let before = crate::common::files(&long);
        let run = |arguments: &[&str]| {
            let mut program = program(folder.path());
            keep_journals(&mut program, &folder.path().join("local"));
            Ran::of(program.args(arguments))
        };
        for path in [checkout.to_str().unwrap().to_owned(), format!(r"\\?\{}", checkout.display())] {
            let ran = run(&["apply", &path]);
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(crate::common::files(&long) != before);
            assert_eq!(run(&["check", &path]).code, 0);
            let ran = run(&["revert", &path]);
            assert!(ran.code == 0 && crate::common::files(&long) == before, "{ran:?}");
            let ran = run(&["guard", "install", &path]);
            assert_eq!(ran.code, 0, "{ran:?}");
            assert_eq!(run(&["guard", "remove", &path]).code, 0);
            assert!(crate::common::files(&long) == before);
        }
        // In a clone, the journal is with the repository.
        Repository::init(folder.path().join("clone")).unwrap();
        fs::rename(folder.path().join(r"clone\.git"), checkout.join(".git")).unwrap();
        let path = checkout.to_str().unwrap();
        assert_eq!(run(&["apply", path]).code, 0);
        assert!(checkout.join(r".git\distorch-fix\journal.json").is_file());
        assert!(run(&["status", path]).out.contains("repair       by distorch-fix"));
        assert_eq!(run(&["revert", path]).code, 0);
        let workflow = long.join("wan2.2.json");
        fs::copy("tests/data/guide/wan2.2.json", &workflow).unwrap();
        let old = fs::read(&workflow).unwrap();
        let output = long.join(format!("{}.json", "y".repeat(60)));
        let convert =
            ["workflow", "convert", workflow.to_str().unwrap(), "--string", "cuda:0,6gb;cpu,*", "--checkout", "2.5.10"];
        let ran = run(&[&convert[..], &["--output", output.to_str().unwrap()]].concat());
        assert!(ran.code == 0 && output.is_file() && fs::read(&workflow).unwrap() == old, "{ran:?}");
        let ran = run(&convert);
        assert!(ran.code == 0 && fs::read(&workflow).unwrap() != old, "{ran:?}");
        let ran = run(&["workflow", "revert", workflow.to_str().unwrap()]);
        assert!(ran.code == 0 && fs::read(&workflow).unwrap() == old, "{ran:?}");
    }

    #[test]
    fn names_of_devices_and_names_that_cannot_be_are_errors() {
        let install = Install::copy_of("tests/data/guide".as_ref());
        for name in ["NUL", "CON", "aux.json", "com1", "a<b", "a|b.json", r"q:\nowhere", r"\\nowhere\share\ComfyUI"] {
            for command in [&["check"][..], &["workflow", "show"], &["doctor"], &["guard", "status"], &["log"]] {
                let ran = install.run(&[command, &[name]].concat());
                assert!(ran.code == 2 && ran.err.contains("\nhelp: "), "{command:?} {name}: {ran:?}");
            }
        }
        let ran = install.run(&["check", &format!("{}\"", install.root.display())]);
        is_refused(&ran, "cannot look at", "backslash");
        let convert = ["workflow", "convert", "wan2.2.json", "--string", "cuda:0,6gb;cpu,*", "--comfyui", "ComfyUI"];
        for name in ["NUL", "aux.json", "a<b.json", "a.json.", "a.json "] {
            let ran = install.run(&[&convert[..], &["--output", name]].concat());
            assert!(ran.code == 2 && ran.err.contains("\nhelp: "), "{name}: {ran:?}");
        }
        assert!(kept(&install.root).iter().all(|path| !path.to_str().unwrap().contains(".distorch-fix")));
    }

    #[test]
    fn a_file_that_a_program_keeps_to_itself_is_named() {
        let install = Install::copy_of("tests/data/guide".as_ref());
        let file = install.root.join(CHECKOUT).join("distorch_2.py");
        let before = install.files();
        {
            let _held = held(&file, false);
            for command in ["check", "apply", "diff"] {
                is_refused(&install.run(&[command]), "distorch_2.py", "close the program that has it open");
            }
        }
        {
            let _held = held(&install.root.join("wan2.2.json"), false);
            let ran = install.run(&["workflow", "show", "wan2.2.json"]);
            is_refused(&ran, "wan2.2.json", "close the program that has it open");
        }
        assert!(install.files() == before);
    }

    #[test]
    fn of_several_files_all_are_replaced_or_none() {
        let install = Install::of("sibling-helper");
        Repository::init(install.checkout()).unwrap();
        let before = install.files();
        let run = |command: &str| {
            let begun = std::time::Instant::now();
            let ran = install.run(&[command, "--quiet"]);
            (ran, begun.elapsed())
        };
        let held_one = |name: &str| held(&install.checkout().join(name), true);
        for name in ["distorch_2.py", "load_items.py"] {
            let _held = held_one(name);
            let (ran, _) = run("apply");
            is_refused(&ran, &format!("cannot replace "), "close the program that has it open");
            assert!(ran.err.contains(name), "{ran:?}");
        }
        let mut after = install.files();
        after.retain(|path, _| !path.ends_with("lock"));
        assert!(after == before, "{:?}", after.keys());
        assert_eq!(run("apply").0.code, 0);
        let applied = install.files();
        for name in ["distorch_2.py", "load_items.py"] {
            let _held = held_one(name);
            is_refused(&run("revert").0, "cannot replace ", "close the program that has it open");
            assert!(install.files() == applied, "{name}");
        }
        assert_eq!(run("revert").0.code, 0);
    }

    #[test]
    fn a_file_that_is_held_for_a_moment_is_waited_for() {
        let install = Install::of("legacy");
        let file = held(&install.file(), true);
        let ran = std::thread::scope(|scope| {
            let run = scope.spawn(|| install.run(&["apply", "--no-verify"]));
            std::thread::sleep(std::time::Duration::from_millis(250));
            drop(file);
            run.join().unwrap()
        });
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    #[test]
    fn a_journal_that_is_held_keeps_the_files_as_they_are() {
        let install = Install::of("sibling-helper");
        Repository::init(install.checkout()).unwrap();
        assert_eq!(install.run(&["apply", "--quiet"]).code, 0);
        assert_eq!(install.run(&["revert", "--quiet", "--dry-run"]).code, 0);
        let applied = install.files();
        let journal = install.checkout().join(r".git\distorch-fix\journal.json");
        for is_read_by_others in [false, true] {
            let _held = held(&journal, is_read_by_others);
            let ran = install.run(&["revert"]);
            assert!(ran.code == 2 && ran.err.contains("\nhelp: close the program that has it open"), "{ran:?}");
        }
        assert_eq!(install.files().keys().collect::<Vec<_>>(), applied.keys().collect::<Vec<_>>());
        let ran = install.run(&["revert"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!journal.exists());
    }

    #[test]
    fn a_read_only_file_is_refused_with_the_command_that_frees_it() {
        let install = Install::of("sibling-helper");
        let file = install.checkout().join("load_items.py");
        let mut permissions = fs::metadata(&file).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&file, permissions).unwrap();
        let before = install.files();
        let ran = install.run(&["apply"]);
        is_refused(&ran, "load_items.py is read-only", "attrib -R ");
        assert!(install.files() == before);
        // The command works as it stands.
        let command = ran.err.split_once("attrib -R ").unwrap().1.split_once(", and try again").unwrap().0;
        let named = install.root.join(command.trim_matches('"'));
        assert_eq!(crate::common::real(&named), crate::common::real(&file));
        let mut permissions = fs::metadata(&named).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "on Windows this is one attribute")]
        permissions.set_readonly(false);
        fs::set_permissions(&named, permissions).unwrap();
        assert_eq!(install.run(&["apply"]).code, 0);
    }

    #[test]
    fn a_hidden_file_stays_hidden() {
        use std::os::windows::fs::MetadataExt as _;
        const HIDDEN: u32 = 2;
        let install = Install::of("legacy");
        let file = install.file();
        let hid = Command::new("attrib").arg("+H").arg(&file).status();
        if !hid.is_ok_and(|hid| hid.success()) || fs::metadata(&file).unwrap().file_attributes() & HIDDEN == 0 {
            return skip("there is no attrib to hide a file with");
        }
        assert_eq!(install.run(&["apply"]).code, 0);
        assert!(fs::metadata(&file).unwrap().file_attributes() & HIDDEN != 0);
    }

    #[test]
    fn journals_and_caches_stay_on_this_computer() {
        let install = Install::of("legacy");
        let folder = tempfile::tempdir().unwrap();
        let [local, roaming] = ["local", "roaming"].map(|name| folder.path().join(name));
        for folder in [&local, &roaming] {
            fs::create_dir(folder).unwrap();
        }
        let run = |arguments: &[&str]| {
            let mut program = program(&install.root);
            Ran::of(program.env("LOCALAPPDATA", &local).env("APPDATA", &roaming).args(arguments))
        };
        assert_eq!(run(&["check"]).code, 1);
        assert_eq!(run(&["apply"]).code, 0);
        let files = kept(&local);
        let below =
            |name: &str| files.iter().filter(|file| file.starts_with(local.join("distorch-fix").join(name))).count();
        assert!(below("cache") > 0 && below("journals") > 0, "{files:?}");
        assert_eq!(kept(&roaming), [""; 0].map(PathBuf::from));
        // Whoever empties the cache can still revert.
        fs::remove_dir_all(local.join(r"distorch-fix\cache")).unwrap();
        let ran = run(&["revert"]);
        assert!(ran.code == 0 && install.text() == Install::of("legacy").text(), "{ran:?}");
    }

    #[test]
    fn a_pack_behind_a_junction_is_repaired_and_the_junction_stays() {
        let install = Install::of("legacy");
        let elsewhere = install.root.join("elsewhere");
        fs::rename(install.checkout(), &elsewhere).unwrap();
        let made = Command::new("cmd").args(["/C", "mklink", "/J"]).arg(install.checkout()).arg(&elsewhere).output();
        if !made.is_ok_and(|made| made.status.success()) || !install.file().is_file() {
            return skip("no junction could be made (Wine makes none), so none was repaired through");
        }
        let ran = install.run(&["check", "--all"]);
        assert!(ran.code == 1 && ran.out.contains(CHECKOUT), "{ran:?}");
        assert_eq!(install.run(&["apply"]).code, 0);
        assert!(fs::symlink_metadata(install.checkout()).unwrap().is_symlink());
        assert_eq!(install.run(&["revert"]).code, 0);
        assert_eq!(install.text(), Install::of("legacy").text());
    }
}

/// What is compiled for others only has a reason, and Windows tells it.
#[test]
fn what_is_not_tried_on_windows_says_why() {
    let files = walkdir::WalkDir::new("tests/it").sort_by_file_name().into_iter().map(Result::unwrap);
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(file.path()).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let is_elsewhere = ["#[cfg(unix)]", "#[cfg(target_os = \"linux\")]"].iter().any(|of| line.starts_with(of));
            let tried = lines[at + 1..].iter().find(|line| **line != "#[test]").unwrap_or(&"");
            let is_test = lines.get(at + 1) == Some(&"#[test]") || tried.starts_with("mod ");
            if is_elsewhere && is_test {
                let (_, why) = line.split_once("// ").unwrap_or_else(|| panic!("{tried}: why not?"));
                let name = tried.trim_start_matches("fn ").trim_end_matches("() {").trim_end_matches(" {");
                if cfg!(windows) {
                    crate::common::skip(&format!("{}: {name}: {why}", file.path().display()));
                }
            }
        }
    }
}
