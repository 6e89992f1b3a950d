//! What is released: the notes and the manifests of package managers that the workflow fills in, the names of the archives, and
//! what is in the crate.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Install, Ran, files, python, skip};
use regex::Regex;
use walkdir::WalkDir;

const TARGETS: [(&str, &str); 5] = [
    ("x86_64-unknown-linux-musl", "tar.gz"),
    ("aarch64-unknown-linux-musl", "tar.gz"),
    ("x86_64-apple-darwin", "tar.gz"),
    ("aarch64-apple-darwin", "tar.gz"),
    ("x86_64-pc-windows-msvc", "zip"),
];

fn script(name: &str, arguments: &[&str]) -> Option<Ran> {
    let mut python = Command::new(python()?);
    // Windows has an encoding and line ends of its own for what is read by others.
    let mut ran = Ran::of(python.env("PYTHONUTF8", "1").arg(Path::new("packaging").join(name)).args(arguments));
    ran.out = ran.out.replace("\r\n", "\n");
    Some(ran)
}

#[test]
fn the_notes_of_a_release_are_its_section_of_the_changelog() {
    let Some(ran) = script("notes.py", &["Unreleased"]) else { return };
    let changelog = fs::read_to_string("CHANGELOG.md").unwrap();
    assert!(ran.code == 0 && ran.out.starts_with("### ") && changelog.contains(ran.out.trim_end()), "{ran:?}");
    let ran = script("notes.py", &["99.0.0"]).unwrap();
    assert!(ran.code != 0 && ran.err.contains("no section for 99.0.0"), "{ran:?}");
}

#[test]
fn every_manifest_is_filled_with_the_checksum_of_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (sums, out) = (folder.path().join("SHA256SUMS"), folder.path().join("out"));
    let sum = |number: usize| format!("{number}").repeat(64);
    for version in ["1.2.3", "1.2.3-rc.1"] {
        let line = |(number, (target, kind)): (usize, &(&str, &str))| {
            format!("{} *distorch-fix-v{version}-{target}.{kind}\n", sum(number))
        };
        fs::write(&sums, TARGETS.iter().enumerate().map(line).collect::<String>()).unwrap();
        let paths: Vec<&str> = [&sums, &out].map(|path: &PathBuf| path.to_str().unwrap()).into();
        let Some(ran) = script("fill.py", &["1.2.3", "owner/distorch-fix", paths[0], paths[1]]) else { return };
        assert_eq!(ran.code, 0, "{ran:?}");
        let filled = files(&out);
        assert_eq!(filled.len(), 7, "{:?}", filled.keys());
        let mut urls = 0;
        for (path, bytes) in &filled {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(!text.contains("{{") && text.contains("1.2.3"), "{}: {text}", path.display());
            for (number, (target, _)) in TARGETS.iter().enumerate() {
                let (url, checksum) = (format!("-{target}."), sum(number));
                // Scoop has a second one, which it fills in itself.
                if text.contains(&url) {
                    urls += 1;
                    assert!(text.contains(&checksum), "{}: {target}", path.display());
                }
            }
        }
        assert_eq!(urls, 6, "four of Homebrew, one of Scoop and one of winget");
        let scoop = fs::read_to_string(out.join("scoop/distorch-fix.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&scoop).unwrap();
    }
    fs::write(&sums, "").unwrap();
    let ran =
        script("fill.py", &["1.2.3", "owner/distorch-fix", sums.to_str().unwrap(), out.to_str().unwrap()]).unwrap();
    assert!(ran.code != 0 && ran.err.contains("nothing to fill in for"), "{ran:?}");
}

/// The package and the program lie as `pip install --target` puts them.
#[test]
fn the_module_of_the_wheel_runs_the_program() {
    let Some(python) = python() else { return };
    let install = Install::of("five-only");
    let target = install.root.join("pip's target");
    let program = target.join("bin").join(Path::new(env!("CARGO_BIN_EXE_distorch-fix")).file_name().unwrap());
    for (from, to) in [
        (env!("CARGO_BIN_EXE_distorch-fix"), &program),
        ("python/distorch_fix/__init__.py", &target.join("distorch_fix/__init__.py")),
        ("python/distorch_fix/__main__.py", &target.join("distorch_fix/__main__.py")),
    ] {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    let module = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        // As `-m distorch_fix` does, also in a Python that is told by a file where its modules are, as the portable's is.
        let run = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); \
                   runpy.run_module('distorch_fix', run_name='__main__', alter_sys=True)";
        command.args(["-c", run]).arg(&target).args(arguments).current_dir(&install.root);
        command.env("XDG_STATE_HOME", &install.root).env("XDG_CACHE_HOME", program.join("none"));
        Ran::of(&mut command)
    };
    for (arguments, code) in
        [(&["check", "ComfyUI"][..], 1), (&["check", "no \"such\" folder"], 2), (&["--version"], 0)]
    {
        let (through, direct) = (module(arguments), install.run(arguments));
        assert_eq!((through.code, through.out, through.err), (code, direct.out, direct.err), "{arguments:?}");
    }
    fs::remove_file(&program).unwrap();
    let ran = module(&["check"]);
    // Where another one is installed for this Python, it is found instead.
    assert!(ran.code != 1 || ran.err.contains(" is missing"), "{ran:?}");
}

/// What the workflow does in a step of the job that makes the archives, and for which targets; None where it is not shipped.
fn archives() -> Option<(String, Vec<String>)> {
    let Ok(workflow) = fs::read_to_string(".github/workflows/release.yml") else {
        skip("the release workflow is not here");
        return None;
    };
    let workflow: yaml_serde::Value = yaml_serde::from_str(&workflow).unwrap();
    let job = &workflow["jobs"]["archive"];
    let step = job["steps"].as_sequence().unwrap().iter().find(|step| step["name"] == "Pack it").unwrap();
    let targets = job["strategy"]["matrix"]["include"].as_sequence().unwrap();
    let targets = targets.iter().map(|one| one["target"].as_str().unwrap().to_owned());
    Some((step["run"].as_str().unwrap().to_owned(), targets.collect()))
}

/// Where `cargo binstall` looks for the archive of a target, and for the program in it.
fn binstall(target: &str, kind: &str) -> (String, String) {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let is_windows = target.contains("windows");
    let format = binstall["overrides"].get(target).unwrap_or(binstall)["pkg-fmt"].as_str().unwrap();
    assert_eq!(format, if kind == "zip" { "zip" } else { "tgz" }, "{target}");
    let fill = |template: &str| {
        let values = [
            ("repo", "https://github.com/owner/distorch-fix"),
            ("name", "distorch-fix"),
            ("bin", "distorch-fix"),
            ("version", "1.2.3"),
            ("target", target),
            ("archive-suffix", &format!(".{kind}")),
            ("binary-ext", if is_windows { ".exe" } else { "" }),
        ];
        let filled = values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{ {name} }}"), value));
        assert!(!filled.contains('{'), "{filled}");
        filled
    };
    (fill(binstall["pkg-url"].as_str().unwrap()), fill(binstall["bin-dir"].as_str().unwrap()))
}

#[test]
fn cargo_binstall_and_the_manifests_look_where_the_archives_are() {
    let Some((_, targets)) = archives() else { return };
    assert_eq!(targets, TARGETS.map(|(target, _)| target));
    for (target, kind) in TARGETS {
        let (url, program) = binstall(target, kind);
        let name = format!("v1.2.3/distorch-fix-v1.2.3-{target}.{kind}");
        assert!(url.ends_with(&format!("/releases/download/{name}")), "{url}");
        assert_eq!(program, if kind == "zip" { "distorch-fix.exe" } else { "distorch-fix" });
    }
}

/// The step of the workflow itself, with a `cargo` that names a version, and a program that writes a manual page.
#[test]
#[cfg(unix)]
fn an_archive_holds_the_program_where_cargo_binstall_looks_for_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let Some((step, _)) = archives() else { return };
    if !["bash", "jq", "tar"].iter().all(|name| Command::new(name).arg("--version").output().is_ok()) {
        return skip("bash, jq or tar is not here, so no archive was made");
    }
    let (target, kind) = TARGETS[0];
    let folder = tempfile::tempdir().unwrap();
    let built = format!("target/{target}/dist");
    for path in [built.as_str(), "programs"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", &format!("{built}/distorch-fix.d")] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    for (name, script) in [
        ("programs/cargo".to_owned(), "#!/bin/sh\necho '{\"packages\": [{\"version\": \"1.2.3\"}]}'\n"),
        (format!("{built}/distorch-fix"), "#!/bin/sh\nmkdir \"$3\" && touch \"$3/$1.1\"\n"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let paths = std::env::var_os("PATH").unwrap();
    let paths = [folder.path().join("programs")].into_iter().chain(std::env::split_paths(&paths));
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &step]).current_dir(folder.path());
    let ran = Ran::of(bash.env("PATH", std::env::join_paths(paths).unwrap()).env("TARGET", target));
    assert_eq!(ran.code, 0, "{ran:?}");

    let (url, program) = binstall(target, kind);
    let archive = folder.path().join("out").join(url.rsplit('/').next().unwrap());
    let ran = Ran::of(Command::new("tar").arg("tzf").arg(archive));
    let mut names: Vec<_> = ran.out.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md", &program, "man/", "man/man.1"]);
}

/// What the crate is built from, told apart from what it is tested and measured with.
#[test]
fn the_crate_holds_what_its_source_includes_and_nothing_else() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let listing = Command::new(cargo).args(["package", "--list", "--allow-dirty", "--offline"]).output();
    let Some(listing) = listing.ok().filter(|listing| listing.status.success()) else {
        return skip("cargo lists no package here");
    };
    let listing = String::from_utf8(listing.stdout).unwrap();
    let listed: Vec<&Path> = listing.lines().map(Path::new).collect();
    for path in &listed {
        let is_known = match path.components().next().map(|first| first.as_os_str().to_str().unwrap()) {
            Some("src") => {
                ["rs", "md", "py", "css", "outline", "toml"].map(OsStr::new).contains(&path.extension().unwrap())
            }
            Some("patches") => ["md", "py", "scm"].map(OsStr::new).contains(&path.extension().unwrap()),
            Some("schema") => path.extension() == Some(OsStr::new("json")),
            Some("docs") => path.extension() == Some(OsStr::new("md")),
            Some(other) => {
                let top = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];
                top.contains(&other) || other.starts_with("Cargo.") || other == ".cargo_vcs_info.json"
            }
            None => false,
        };
        assert!(is_known, "{}", path.display());
    }

    let includes = Regex::new(r#"include(?:_str|_bytes)?!\(\s*"([^"]+)"\s*\)"#).unwrap();
    let mut count = 0;
    for entry in WalkDir::new("src").into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        let is_rust = entry.path().extension() == Some(OsStr::new("rs"));
        for named in includes.captures_iter(&text).filter(|_| is_rust).map(|found| found.get(1).unwrap().as_str()) {
            let file = fs::canonicalize(entry.path().parent().unwrap().join(named)).unwrap();
            let file = file.strip_prefix(fs::canonicalize(".").unwrap()).unwrap();
            assert!(listed.contains(&file), "{}: {named} is not in the crate", entry.path().display());
            count += 1;
        }
    }
    assert!(count > 80, "{count} files included");
}
