//! What the release workflow fills in: notes and the manifests of package managers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Ran, files, python};

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
        assert_eq!(filled.len(), 5, "{:?}", filled.keys());
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
