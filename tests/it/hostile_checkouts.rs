//! Checkouts, repositories and trees that mean harm, or only ask too much: a right answer or exit code 2 with help, within
//! bounds of time and memory, no command of theirs run, and nothing of theirs sent raw to a terminal.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Install, Ran, at_once, is_full, program};

/// Time that any run may take, in a build without optimisation on a busy machine; it is then taken to hang.
const MOST_TIME: Duration = Duration::from_mins(2);
/// Address space that any run may take, in KiB, where the system can limit it: most of it is reserved and never used.
#[cfg(target_os = "linux")]
const MOST_MEMORY_KIB: u64 = 4 << 20;

/// Runs the program within these bounds.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let program = program(folder);
    #[cfg(target_os = "linux")]
    let mut bounded = {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -v {MOST_MEMORY_KIB} && exec \"$0\" \"$@\"")]).arg(program.get_program());
        shell
    };
    #[cfg(not(target_os = "linux"))]
    let mut bounded = Command::new(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    let said = tempfile::tempdir().unwrap();
    let into = |name: &str| Stdio::from(File::create(said.path().join(name)).unwrap());
    let mut child = bounded
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(into("out"))
        .stderr(into("err"))
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > MOST_TIME {
            child.kill().unwrap();
            panic!("{arguments:?} hangs");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |name: &str| String::from_utf8(fs::read(said.path().join(name)).unwrap()).unwrap();
    let ran = Ran { code: status.code().expect("not ended by a signal"), out: text("out"), err: text("err") };
    assert!(!ran.err.contains("panicked"), "{arguments:?}: {}", ran.err);
    assert!(ran.code != 2 || ran.err.contains("\nhelp: "), "{arguments:?}: {}", ran.err);
    ran
}

/// Runs everything that reads a checkout; `apply` and `revert` last.
fn run_all(install: &Install) -> [Ran; 5] {
    [&["check"][..], &["status"], &["diff"], &["apply"], &["revert"]].map(|arguments| run(&install.root, arguments))
}

/// A fixture with another text in its file.
fn with_text(text: &str) -> Install {
    let install = Install::of("legacy");
    fs::write(install.file(), text).unwrap();
    install
}

/// A fixture whose checkout is a clone.
fn clone() -> Install {
    let install = Install::of("legacy");
    let repository = git2::Repository::init(install.checkout()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::now("nobody", "nobody@localhost").unwrap();
    repository.commit(Some("HEAD"), &who, &who, "commit", &tree, &[]).unwrap();
    install
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn a_file_that_is_a_link_out_of_the_checkout_is_not_written_through() {
    let install = clone();
    let outside = install.root.join("victim.py");
    fs::copy(install.file(), &outside).unwrap();
    fs::remove_file(install.file()).unwrap();
    std::os::unix::fs::symlink(&outside, install.file()).unwrap();
    let before = fs::read(&outside).unwrap();
    let [.., apply, revert] = run_all(&install);
    assert!(apply.code == 2 && apply.err.contains("outside of the checkout"), "{apply:?}");
    assert_eq!(revert.code, 0, "{revert:?}");
    assert!(fs::read(&outside).unwrap() == before);
}

#[test]
fn a_git_file_that_leads_anywhere_is_no_harm() {
    for leads in
        ["gitdir: /", "gitdir: /dev", "gitdir: .", "gitdir: ../..", "gitdir: \0", "gitdir:", "nonsense", "gitdir: .git"]
    {
        let install = Install::of("legacy");
        fs::write(install.checkout().join(".git"), leads).unwrap();
        let [check, status, _, apply, revert] = run_all(&install);
        assert_eq!([check.code, status.code, apply.code, revert.code], [1, 0, 0, 0], "{leads}: {status:?}");
    }
}

#[test]
fn commands_in_the_configuration_of_a_repository_are_not_run() {
    let install = clone();
    let marker = install.root.join("marker");
    let git = install.checkout().join(".git");
    let command = format!("touch {}", marker.display());
    let mut config = fs::read_to_string(git.join("config")).unwrap();
    let _ = write!(
        config,
        "[core]\n\tfsmonitor = {command}\n\thooksPath = {0}\n\tsshCommand = {command}\n\teditor = {command}\n\tpager = {command}\n\
         [filter \"evil\"]\n\tclean = {command}\n\tsmudge = {command}\n\tprocess = {command}\n\trequired = true\n\
         [diff \"evil\"]\n\ttextconv = {command}\n\tcommand = {command}\n\
         [merge \"evil\"]\n\tdriver = {command}\n[alias]\n\tstatus = !{command}\n\
         [remote \"origin\"]\n\turl = ext::{command}\n[credential]\n\thelper = !{command}\n\
         [include]\n\tpath = {0}/included\n",
        git.join("hooks").display()
    );
    fs::create_dir_all(git.join("hooks/included")).unwrap();
    fs::write(git.join("config"), config).unwrap();
    fs::write(install.checkout().join(".gitattributes"), "*.py filter=evil diff=evil merge=evil\n").unwrap();
    for hook in ["pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman"] {
        fs::write(git.join("hooks").join(hook), format!("#!/bin/sh\n{command}\n")).unwrap();
    }
    let [check, status, diff, apply, revert] = run_all(&install);
    assert_eq!([check.code, status.code, diff.code, apply.code, revert.code], [1, 0, 0, 0, 0], "{check:?}");
    assert!(!marker.exists());
}

#[cfg(unix)] // Windows has no pipes in folders
#[test]
fn a_repository_that_would_block_is_left_alone_in_time() {
    let pipes = [
        ".git",
        ".git/HEAD",
        ".git/config",
        ".git/included",
        ".git/refs/heads/main",
        ".git/packed-refs",
        ".git/commondir",
        ".git/objects/info/alternates",
        ".git/logs/refs/stash",
        ".git/shallow",
        "pyproject.toml",
        "__init__.py",
        "odd.py",
    ];
    at_once(&pipes, |&pipe| {
        let install = clone();
        let git = install.checkout().join(".git");
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        match pipe {
            ".git" => fs::remove_dir_all(&git).unwrap(),
            ".git/included" => fs::write(git.join("config"), "[include]\n\tpath = included\n").unwrap(),
            _ => {}
        }
        let path = install.checkout().join(pipe);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let ran = [&["check"][..], &["apply"], &["revert"]].map(|arguments| run(&install.root, arguments));
        assert_eq!([ran[0].code, ran[1].code, ran[2].code], [1, 0, 0], "{pipe}: {ran:?}");
    });
}

#[cfg(unix)] // Windows has no such names
#[test]
fn names_that_are_no_text_or_steer_a_terminal_are_shown_harmless_and_repaired() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    for name in
        [&b"line\nfeed"[..], b"\x1b]0;owned\x07\x1b[31m", b"caf\xe9 \xff", b"\xed\xa0\x80", b"-rf", b"a'b\"c$(d)`e`"]
    {
        let name = OsString::from_vec(name.to_vec());
        let install = clone();
        let moved = install.checkout().with_file_name(&name);
        fs::rename(install.checkout(), &moved).unwrap();
        let helper = [name.as_encoded_bytes(), b".py"].concat();
        let helper = moved.join(OsString::from_vec(helper));
        let text = "def f(x):\n    for a, b, c, d in x._load_list(): pass\n";
        fs::write(&helper, text).unwrap();
        for clone in [true, false] {
            if !clone {
                fs::remove_dir_all(moved.join(".git")).unwrap();
            }
            let [check, status, _, apply, revert] = run_all(&install);
            assert_eq!([check.code, status.code, apply.code, revert.code], [1, 0, 0, 0], "{apply:?} {revert:?}");
            assert!(apply.out.contains("*_, a, b, c, d"), "{apply:?}");
            assert_eq!(fs::read_to_string(&helper).unwrap(), text);
            for ran in [check, status, apply, revert] {
                let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
                assert!(!(ran.out + &ran.err).contains(steers));
            }
        }
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let install = clone();
    File::options().write(true).open(install.file()).unwrap().set_len(100 << 20).unwrap();
    let ran = run_all(&install);
    assert!(ran[0].code == 2 && ran[0].err.contains("104857600 bytes"), "{:?}", ran[0]);
    let install = clone();
    File::create(install.checkout().join("helper.py")).unwrap().set_len(100 << 20).unwrap();
    assert_eq!(run_all(&install).map(|ran| ran.code), [1, 0, 0, 0, 0]);
}

#[test]
fn what_a_repair_would_make_too_large_is_refused() {
    let text = "for a, b, c, d in x._load_list(): pass\n#";
    let text = format!("{text}{}\n", " ".repeat((8 << 20) - text.len() - 3));
    let install = with_text(&text);
    let ran = run(&install.root, &["apply", "--no-verify", "--fix", "load-list"]);
    assert!(ran.code == 2 && ran.err.contains("are more than a Python file"), "{}", ran.err);
    assert!(install.text() == text);
}

#[test]
fn nested_parentheses_are_refused() {
    let nested = |count| format!("for a, b, c, d in {}x._load_list(){}: pass\n", "(".repeat(count), ")".repeat(count));
    for text in [nested(100_000), "(".repeat(100_000), "[".repeat(100_000) + &"]".repeat(100_000)] {
        let ran = run_all(&with_text(&text));
        assert!(ran[0].code == 2 && ran[3].code == 2, "{:?}", ran[0]);
    }
}

#[test]
fn a_million_places_are_refused_or_repaired() {
    let many = if is_full() { 1_000_000 } else { 20_000 };
    // In one expression, and on a line each as far as a file can be that long.
    let texts = [
        format!("def f(x):\n    for i in x._load_list():\n        print({})\n", "i[0],".repeat(many)),
        format!("def f(x):\n    i = x._load_list()[0]\n{}", "    i[0]\n".repeat(many.min(900_000))),
        "for a,b,c,d in x._load_list():0\n".repeat(many.min(250_000)),
    ];
    at_once(&texts, |text| {
        let install = with_text(text);
        let ran = run(&install.root, &["apply", "--no-verify", "--quiet", "--fix", "load-list"]);
        assert!(matches!(ran.code, 0 | 2), "{}", ran.err);
        assert!(ran.err.len() < 10_000, "{} bytes of message", ran.err.len());
        // The pack imports a function that this text lacks, so a repair may be made and the exit code be 2 all the same.
        if install.text() != *text {
            assert_eq!(run(&install.root, &["revert", "--quiet"]).code, 0);
        }
        assert!(install.text() == *text);
    });
}

#[test]
fn odd_bytes_are_refused_or_kept() {
    let legacy = Install::of("legacy").text();
    let refused: [(&str, Vec<u8>); 4] = [
        ("a NUL byte", [legacy.as_bytes(), b"\0"].concat()),
        ("a surrogate", [legacy.as_bytes(), b"# \xed\xa0\x80\n"].concat()),
        ("a cut character", [legacy.as_bytes(), b"# \xe2\x82"].concat()),
        ("a byte order mark in the middle", [legacy.as_bytes(), "\u{feff}x = 1\n".as_bytes()].concat()),
    ];
    for (what, bytes) in refused {
        let install = Install::of("legacy");
        fs::write(install.file(), &bytes).unwrap();
        for ran in run_all(&install) {
            assert!(ran.code == 2 || ran.out.contains("Nothing to revert"), "{what}: {ran:?}");
        }
        assert!(fs::read(install.file()).unwrap() == bytes, "{what}");
    }
    let kept = format!("{legacy}# \u{feff} \u{202e}\nodd = '\\ud800 \\udcff \\x00 \\N{{BOM}}'\n");
    let install = with_text(&kept);
    assert_eq!(run_all(&install).map(|ran| ran.code), [1, 0, 0, 0, 0]);
    assert_eq!(install.text(), kept);
}

#[test]
fn helpers_that_lead_in_circles_are_followed_to_an_end() {
    let install = Install::of("legacy");
    let write = |name: &str, text: &str| fs::write(install.checkout().join(name), text).unwrap();
    write(
        "one.py",
        "from .two import second\nfrom . import distorch_2\n\ndef first(items):\n    return second(items)\n",
    );
    write("two.py", "from .one import first\nfrom .two import second\n\ndef second(items):\n    return first(items)\n");
    let circle = "\n\nfrom .one import first\nfrom .two import *\n\n\ndef again(patcher):\n    for size, name, module, params in first(patcher._load_list()):\n        again(patcher)\n";
    fs::write(install.file(), install.text() + circle).unwrap();
    let ran = run_all(&install);
    assert!(matches!(ran[3].code, 0 | 2), "{:?}", ran[3]);

    // A thousand functions, each of which calls every other.
    let mut text = String::from("def f0(items):\n    return items\n");
    for number in 1..1000 {
        let _ = write!(
            text,
            "def f{number}(items):\n    f{}(items)\n    return f{}(items)\n",
            number - 1,
            (number + 500) % 1000
        );
    }
    text += "def g(x):\n    for a, b, c, d in f999(x._load_list()):\n        pass\n";
    assert!(matches!(run_all(&with_text(&text))[3].code, 0 | 2));
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn folders_that_lead_in_circles_are_walked_once() {
    use std::os::unix::fs::symlink;
    let install = clone();
    symlink("..", install.checkout().join("up")).unwrap();
    symlink(&install.root, install.checkout().join("loop")).unwrap();
    symlink("self", install.checkout().join("self")).unwrap();
    symlink(&install.root, install.root.join("ComfyUI/custom_nodes/loop")).unwrap();
    symlink(".", install.root.join("ComfyUI/custom_nodes/here")).unwrap();
    assert_eq!(run_all(&install).map(|ran| ran.code), [1, 0, 0, 0, 0]);
    symlink("/", install.root.join("ComfyUI/custom_nodes/everything")).unwrap();
    assert_eq!(run(&install.root, &["check"]).code, 1);
}

#[test]
fn of_ten_thousand_checkouts_one_has_to_be_named() {
    let many = if is_full() {
        10_000
    } else if cfg!(windows) {
        300
    } else {
        1000
    };
    let install = Install::of("in-order");
    let nodes = install.root.join("ComfyUI/custom_nodes");
    let pyproject = "[project]\nname = \"comfyui-multigpu\"\nversion = \"2.5.10\"\n";
    for number in 0..many {
        let folder = nodes.join(format!("node-{number}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("pyproject.toml"), pyproject).unwrap();
        fs::write(folder.join("distorch_2.py"), "").unwrap();
    }
    for command in ["check", "apply", "revert", "status"] {
        let ran = run(&install.root, &[command]);
        assert!(ran.code == 2 && ran.err.len() < 10_000, "{command}: {} bytes of message", ran.err.len());
    }
    let checkout = install.checkout();
    assert_eq!(run(&install.root, &["check", checkout.to_str().unwrap()]).code, 0);
}
