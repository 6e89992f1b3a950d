//! Nothing private is shown to others, unless that is asked for.

use std::fs;
use std::path::{Path, PathBuf};

use distorch_fix::doctor::PROBLEMS;
use distorch_fix::redact::Redactor;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{redacted, report};
use crate::common::{Ran, copy, program, real};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_private_in_any_field_is_not_on_the_page(
        user in "[a-z][a-z0-9]{4,10}",
        words in "[A-Z][a-z]{4,8} [A-Z][a-z]{4,8}",
        token in "[A-Za-z0-9]{16,30}",
    ) {
        let usual = redacted(&report::usual());
        prop_assume!([user.as_str(), &token].into_iter().chain(words.split(' ')).all(|name| !usual.contains(name)));
        let text = format!(
            "{user}: /home/{user}/x/{user}.txt and C:\\Users\\{words}\\b by {words}, hf_{token}, HF_TOKEN={token}, \
             Bearer {token}, http://{user}:{token}@x.y/ {user}@mail.example.org 192.168.7.9 <{user}>\n\"{user}\""
        );
        let page = redacted(&report::with(&text));
        prop_assert!(!page.contains("<user") && !page.contains("<secret"), "these are no elements: {page}");
        for private in [user.as_str(), &token, "192.168.7.9"].into_iter().chain(words.split(' ')) {
            prop_assert!(!page.contains(private), "{private} in {page}");
        }
    }
}

const PRIVATE: [&str; 5] = ["erikamuster", "Muster", "hf_abcdefghijklmnop", "192.168.7.9", "/srv/pool"];
const PROMPT: &str = "a castle of secrets";

/// An installation that belongs to somebody, with what is private in its files.
fn somebodys() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let home = real(folder.path()).join("home/erikamuster");
    copy(Path::new("fixtures/legacy"), &home);
    let root = home.join("ComfyUI");
    let start = "set HF_TOKEN=hf_abcdefghijklmnop\r\n.\\python_embeded\\python.exe -s ComfyUI\\main.py --listen 192.168.7.9 \
                 --tls-keyfile C:\\Users\\Erika Muster\\key.pem --output-directory /srv/pool/out\r\n";
    fs::write(home.join("run_nvidia_gpu.bat"), start).unwrap();
    let workflows = root.join("user/default/workflows");
    fs::create_dir_all(&workflows).unwrap();
    let workflow = fs::read_to_string("tests/data/workflows/wan.json").unwrap();
    assert!(workflow.contains("\"a cat\""));
    fs::write(workflows.join("wan.json"), workflow.replace("\"a cat\"", &format!("\"{PROMPT}\""))).unwrap();
    let log = "got prompt\nRequested to load WAN21\n!!! Exception during processing !!! too many values to unpack (expected 4)\n\
               Traceback (most recent call last):\n  File \"/home/erikamuster/ComfyUI/custom_nodes/ComfyUI-MultiGPU/\
               distorch_2.py\", line 426, in analyze_safetensor_loading\nValueError: too many values to unpack (expected 4)\n";
    fs::write(root.join("user/comfyui.log"), log).unwrap();
    (folder, home)
}

fn doctor(home: &Path, arguments: &[&str]) -> Ran {
    Ran::of(program(home).args(["doctor", "."]).args(arguments))
}

/// What of it a text has.
fn private(text: &str) -> Vec<&'static str> {
    PRIVATE.into_iter().filter(|private| text.contains(private)).collect()
}

#[test]
fn a_page_of_the_command_has_nothing_private_unless_asked() {
    let (_folder, home) = somebodys();
    let page = |arguments: &[&str]| {
        let ran = doctor(&home, &[&["--html", "page.html"], arguments].concat());
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        fs::read_to_string(home.join("page.html")).unwrap()
    };
    let (shown, whole) = (page(&[]), page(&["--no-redact"]));
    assert_eq!(private(&shown), [""; 0], "{shown}");
    assert!(private(&whole).len() >= 3, "the test has something to find: {:?}", private(&whole));
    for needed in ["run_nvidia_gpu.bat", "--listen", "distorch_2.py", "wan.json", "…"] {
        assert!(shown.contains(needed), "{needed}: {shown}");
    }
    assert!(shown.contains("distorch-fix doctor . --html page.html"));
    assert!(whole.contains("doctor . --html page.html --no-redact"));
    for page in [&shown, &whole] {
        assert!(!page.contains("castle"), "the text of a prompt");
    }
}

#[test]
fn other_formats_have_nothing_private_if_asked() {
    let (_folder, home) = somebodys();
    for format in ["human", "json"] {
        let shown = doctor(&home, &["--format", format, "--redact"]);
        let whole = doctor(&home, &["--format", format]);
        assert_eq!((shown.code, whole.code), (1, 1), "{}", shown.err);
        assert_eq!(private(&shown.out), [""; 0], "{}", shown.out);
        assert!(private(&whole.out).len() >= 3, "{}", whole.out);
        assert!(shown.out.contains("distorch_2.py") && !whole.out.contains("castle"));
    }
    let ran = doctor(&home, &["--no-redact"]);
    assert_eq!(ran.code, 2, "without a page there is nothing to keep it in: {}", ran.out);
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let (_folder, home) = somebodys();
    let ran = doctor(&home, &["--html", "no/such/page.html"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no/such/page.html: cannot be written"), "{}", ran.err);
}

#[test]
fn what_is_said_about_problems_stays_as_it_is() {
    let mut redactor = Redactor::default();
    for problem in PROBLEMS {
        for text in [problem.id, problem.title, problem.about].iter().chain(problem.sources) {
            assert_eq!(redactor.text(text), **text);
        }
    }
}
