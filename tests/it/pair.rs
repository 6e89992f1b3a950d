//! What is said of a checkout together with a ComfyUI: the one around it, another, or a revision of either.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::common::git::{comfyui, folder, node};
use crate::common::{Install, Ran, slashed};
use distorch_fix::comfyui::PATCHER;
use git2::{Diff, Repository};
use tempfile::TempDir;

/// A load list that nobody can tell the items of.
const UNTOLD: &str = "class ModelPatcher:\n    def _load_list(self):\n        return make(self)\n";

/// A repository of ComfyUI outside of every install: 4 fields in `v0.3.70`, 5 on disk, dynamic VRAM in `next`.
struct Other {
    _folder: TempDir,
    root: PathBuf,
}

impl Other {
    fn new() -> Self {
        let (folder, root) = folder();
        let root = root.join("ComfyUI");
        comfyui(&root, false);
        Self { _folder: folder, root }
    }

    /// `PATH@REV`, or `PATH` for the files on disk.
    fn at(&self, revision: &str) -> String {
        let path = self.root.display();
        if revision.is_empty() { path.to_string() } else { format!("{path}@{revision}") }
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        crate::common::files(&self.root)
    }
}

/// The verdict about the pair.
fn verdict(ran: &Ran) -> &str {
    ran.out.lines().find_map(|line| line.strip_prefix("comfyui      ")).unwrap_or_else(|| panic!("no verdict: {ran:?}"))
}

/// Every finding of a fix, in any state.
fn findings(ran: &Ran, fix: &str) -> usize {
    ran.out.matches(&format!("error[{fix}]: ")).count()
}

#[test]
fn the_comfyui_that_is_named_decides_and_not_the_one_around() {
    let other = Other::new();
    for (fixture, revision, code, told) in [
        ("in-order", "", 0, "works with items of 5 fields"),
        ("in-order", "v0.3.70", 0, "works with items of 4 fields"),
        ("in-order", "next", 0, "works with items of 5 fields"),
        ("legacy", "", 1, "broken with items of 5 fields"),
        ("legacy", "v0.3.70", 1, "works today, breaks at 5 fields"),
        ("legacy", "origin/master", 1, "broken with items of 5 fields"),
        ("five-only", "", 1, "works with items of 5 fields"),
        ("five-only", "v0.3.70", 1, "broken with items of 4 fields"),
        ("separate-clip", "", 1, "broken with items of 5 fields"),
    ] {
        let install = Install::of(fixture);
        let ran = install.run(&["check", "--comfyui", &other.at(revision)]);
        assert_eq!((verdict(&ran), ran.code), (told, code), "{fixture} {revision}: {ran:?}");
        let at = if revision.is_empty() { String::from(", whose") } else { format!(" at {revision} (") };
        assert!(
            ran.out.contains("  judged by ComfyUI 0.") && ran.out.contains(&at),
            "{fixture} {revision}: {}",
            ran.out
        );
    }
    let around = Install::of("separate-clip").run(&["check"]);
    assert_eq!(verdict(&around), "works today, breaks at 5 fields");
    assert!(!around.out.contains("judged by"), "{}", around.out);
}

#[test]
fn where_the_items_cannot_be_told_the_verdict_is_for_both() {
    let either = "unknown ComfyUI: with 4 fields";
    for (fixture, told, warns) in [
        ("in-order", String::from("works, with 4 fields as with 5"), false),
        ("legacy", format!("{either} works today, breaks at 5 fields, with 5 broken"), false),
        ("five-only", format!("{either} broken, with 5 works"), true),
    ] {
        let install = Install::of(fixture);
        let patcher = install.root.join("ComfyUI").join(PATCHER);
        for (text, why) in [
            (Some(UNTOLD), "whose ModelPatcher._load_list was not understood (comfy/model_patcher.py:3: "),
            (Some("class (\n"), "which could not be read: comfy/model_patcher.py: not valid Python at line 1"),
            (None, "which could not be read: there is no comfy/model_patcher.py"),
        ] {
            match text {
                Some(text) => fs::write(&patcher, text).unwrap(),
                None => fs::remove_file(&patcher).unwrap(),
            }
            let ran = install.run(&["check"]);
            assert_eq!(verdict(&ran), told, "{fixture}: {ran:?}");
            assert!(ran.out.contains(why), "{fixture}: {why}: {}", ran.out);
            assert_eq!(
                ran.err.starts_with("warning: the fields of this ComfyUI's load lists are unknown"),
                warns,
                "{ran:?}"
            );
            // It is no reason to refuse: nothing is known to be wrong.
            assert_eq!(ran.code, i32::from(fixture != "in-order"), "{fixture}: {ran:?}");
        }
        let alone = install.run(&["check", "ComfyUI/custom_nodes/ComfyUI-MultiGPU"]);
        assert_eq!(verdict(&alone), told, "{fixture}: {alone:?}");
    }
}

#[test]
fn fields_in_another_order_are_told_and_an_unknown_order_is_not_guessed() {
    let item = |item: &str| {
        format!(
            "class ModelPatcher:\n    def _load_list(self):\n        return [{item} for n, m in self.model.named_modules()]\n"
        )
    };
    for (text, verdict_told, order, code) in [
        (item("(off, mem, n, m, params(m))"), "works with items of 5 fields", ":3)", 0),
        (item("(mem, n, m, params(m), flag)"), "broken with items of 5 fields", ":3, in another order than usual)", 1),
        (item("(off, mem, str(n), m, p)"), "undetermined", ":3, in an unknown order)", 0),
    ] {
        let install = Install::of("in-order");
        fs::write(install.root.join("ComfyUI").join(PATCHER), text).unwrap();
        let ran = install.run(&["check"]);
        assert_eq!((verdict(&ran), ran.code), (verdict_told, code), "{ran:?}");
        let told = format!("whose load lists hold 5 fields ({PATCHER}{order}");
        assert!(ran.out.contains(&told), "{told}: {}", ran.out);
    }
}

#[test]
fn what_is_for_5_fields_only_is_found_where_there_are_4_and_not_called_repaired() {
    let other = Other::new();
    let old = other.at("v0.3.70");
    let install = Install::of("five-only");
    let check = install.run(&["check", "--comfyui", &old]);
    assert_eq!((check.code, findings(&check, "load-list"), findings(&check, "gpu-only")), (1, 7, 2), "{check:?}");
    let usual = install.run(&["check"]);
    assert_eq!((usual.code, findings(&usual, "load-list")), (1, 0), "{usual:?}");

    let says = "error: some places read items of 5 fields only, and this ComfyUI gives others\nhelp: update ComfyUI";
    let diff = install.run(&["diff", "--comfyui", &old]);
    assert!(diff.code == 2 && diff.out.starts_with("--- a/") && diff.err.starts_with(says), "{diff:?}");
    let before = install.files();
    let dry = install.run(&["apply", "--dry-run", "--comfyui", &old]);
    assert!(dry.code == 2 && dry.err.starts_with(says) && !dry.out.contains("Repaired"), "{dry:?}");
    assert_eq!(install.files(), before);
    // The other fix is made all the same, and that is said.
    let apply = install.run(&["apply", "--comfyui", &old]);
    assert!(
        apply.code == 2 && apply.err.starts_with(says) && slashed(&apply.out).contains("Repaired ComfyUI/"),
        "{apply:?}"
    );
    assert_ne!(install.files(), before);
    let again = install.run(&["apply", "--comfyui", &old]);
    assert!(again.code == 2 && !again.out.contains("Already in order"), "{again:?}");
    // Nothing that is left is for `apply`, so it is not offered.
    let check = install.run(&["check", "--comfyui", &old]);
    assert!(check.code == 1 && findings(&check, "load-list") == 7 && !check.out.contains("To repair"), "{check:?}");
    assert_eq!(install.run(&["check"]).code, 0, "with 5 fields it is in order");
}

#[test]
fn dynamic_vram_is_warned_of_and_counts_if_asked() {
    let warning = "warning: DisTorch2's safetensors loaders have no effect while this ComfyUI's dynamic VRAM is active\n\
                   help: start ComfyUI with --disable-dynamic-vram\n";
    let other = Other::new();
    let (next, old) = (other.at("next"), other.at("v0.3.70"));
    let install = Install::of("in-order");
    for command in ["check", "apply"] {
        let ran = install.run(&[command, "--comfyui", &next]);
        assert_eq!((ran.code, ran.err.as_str()), (0, warning), "{command}: {ran:?}");
        let quiet = install.run(&[command, "--quiet", "--comfyui", &next]);
        assert_eq!((quiet.code, quiet.out.as_str(), quiet.err.as_str()), (0, "", ""), "{command}: {quiet:?}");
        let without = install.run(&[command, "--comfyui", &old]);
        assert_eq!((without.code, without.err.as_str()), (0, ""), "{command}: {without:?}");
    }
    let strict = install.run(&["check", "--strict", "--comfyui", &next]);
    assert_eq!((strict.code, strict.err.as_str()), (1, warning), "{strict:?}");
    assert!(!strict.out.contains("To repair"), "`apply` cannot help it: {strict:?}");
    assert_eq!(install.run(&["check", "--strict", "--quiet", "--comfyui", &next]).code, 1);
    assert_eq!(install.run(&["check", "--strict", "--comfyui", &old]).code, 0);
    assert_eq!(install.run(&["check", "--strict"]).code, 0);

    let around = Install::of("upstream-fixed");
    assert_eq!(around.run(&["check"]).err, warning);
    assert_eq!(around.run(&["apply"]).err, warning);
    let on_request = "\n\ndef wants_dynamic_vram():\n    return args.highvram\n";
    let options = around.root.join("ComfyUI/comfy/cli_args.py");
    let text = fs::read_to_string(&options).unwrap();
    fs::write(&options, text + on_request).unwrap();
    assert_eq!(around.run(&["check", "--strict"]).err, warning, "the first definition is read");
    fs::write(&options, "options = ['--dynamic-vram']\n").unwrap();
    fs::write(around.root.join("ComfyUI/main.py"), "").unwrap();
    assert_eq!(around.run(&["check", "--strict"]).err, "", "only if asked for");
    fs::remove_file(&options).unwrap();
    let unclear = around.run(&["apply"]);
    assert!(unclear.err.starts_with("warning: DisTorch2's safetensors loaders may have no effect"), "{unclear:?}");
    let strict = around.run(&["check", "--strict"]);
    assert_eq!((strict.code, strict.err.as_str()), (0, unclear.err.as_str()), "what only may be does not count");
}

#[test]
fn gguf_loaders_are_judged_by_the_pack_beside_the_node() {
    let install = Install::of("formatted");
    let loaders = |install: &Install| {
        let checked = install.run(&["check"]);
        let lines = checked.out.lines().skip_while(|line| !line.starts_with("loaders ")).take(3);
        (lines.collect::<Vec<_>>().join("\n"), checked.err)
    };
    let gguf = "GGUF diffusion models, GGUF text encoders";
    let (lines, err) = loaders(&install);
    let acts = format!("loaders      act: {gguf} (`QuantizedModelPatcher` of ComfyUI-GGUF is a plain patcher)\n");
    assert!(lines.starts_with(&acts), "{lines}");
    assert!(err.contains(
        "dynamic VRAM is active; GGUF loaders act\nhelp: start ComfyUI with --disable-dynamic-vram, or load"
    ));

    // The name of its folder says nothing.
    let packs = install.root.join("ComfyUI/custom_nodes");
    fs::rename(packs.join("ComfyUI-GGUF"), packs.join("quantised")).unwrap();
    let nodes = packs.join("quantised/nodes.py");
    let text = fs::read_to_string(&nodes).unwrap();
    for base in ["ModelPatcherDynamic", "CoreModelPatcher"] {
        let base = format!("(comfy.model_patcher.{base})");
        fs::write(&nodes, text.replace("(comfy.model_patcher.ModelPatcher)", &base)).unwrap();
        let (lines, err) = loaders(&install);
        let inert = format!(
            "loaders      no effect while dynamic VRAM is active: {gguf} (`QuantizedModelPatcher` of quantised is a dynamic"
        );
        assert!(lines.starts_with(&inert), "{base}: {lines}");
        assert!(err.starts_with("warning: DisTorch2's safetensors and GGUF loaders have no effect"), "{base}: {err}");
        assert!(err.ends_with("help: start ComfyUI with --disable-dynamic-vram\n"), "{base}: {err}");
    }
    for (text, why) in [
        ("\0", "no ComfyUI-GGUF was recognised in custom_nodes"),
        (&text.replace("Quantized", "x."), "no ComfyUI-GGUF"),
    ] {
        fs::write(&nodes, text).unwrap();
        let (lines, err) = loaders(&install);
        assert!(lines.starts_with(&format!("loaders      unknown: {gguf} ({why}")), "{lines}");
        assert!(err.starts_with("warning: DisTorch2's safetensors loaders have no effect"), "{err}");
    }
}

#[test]
fn a_revision_of_the_node_is_looked_at_in_place_of_the_files() {
    let (install, other) = (node(), Other::new());
    let run = |arguments: &[&str]| install.run(&[&["check"], arguments].concat());
    let new = run(&["--rev", "origin/main"]);
    assert!(
        new.out.contains("\n  as of origin/main (")
            && new.out.contains("\n  by its code: fixed upstream since 2.5.11\n")
    );
    assert_eq!((findings(&new, "load-list"), verdict(&new)), (0, "works with items of 5 fields"), "{new:?}");
    assert!(!new.out.contains("edited since") && !new.out.contains("To repair"), "{}", new.out);
    let old = run(&["--rev", "HEAD"]);
    assert!(
        old.out.contains("\n  as of HEAD (") && old.out.contains("\n  by its code: 2.5.10 or older\n"),
        "{}",
        old.out
    );
    let disk = run(&[]);
    assert!(disk.out.contains("distorch_2.py edited since") && disk.out.contains("\nTo repair: "), "{}", disk.out);

    for (node, comfyui, told) in [
        ("origin/main", "v0.3.70", "works with items of 4 fields"),
        ("origin/main", "origin/master", "works with items of 5 fields"),
        ("HEAD", "v0.3.70", "works today, breaks at 5 fields"),
        ("HEAD", "origin/master", "broken with items of 5 fields"),
    ] {
        let both = run(&["--rev", node, "--comfyui", &other.at(comfyui)]);
        assert_eq!(verdict(&both), told, "{node} {comfyui}: {both:?}");
        assert!(both.out.contains(&format!(" at {comfyui} (")) && both.out.contains(&format!("as of {node} (")));
    }
    let verify = |revision: &str| install.run(&["verify", "--scenarios", "3", "--rev", revision]);
    for revision in ["origin/main", "HEAD"] {
        let ran = verify(revision);
        assert!(ran.code == 0 && ran.out.contains(&format!("as of {revision} (")), "{ran:?}");
    }
}

#[test]
fn the_patch_for_a_version_about_to_be_pulled_is_right_and_touches_nothing() {
    let (install, other) = (node(), Other::new());
    let before = (install.files(), other.files());
    assert!(before.0.keys().any(|path| path.ends_with(".git/refs/remotes/origin/main")), "refs are among them");
    let diff = |revision| install.run(&["diff", "--comfyui", &other.at("v0.3.70"), "--rev", revision]);
    let patches = ["origin/main", "HEAD"].map(|revision| (revision, diff(revision)));
    assert_eq!((install.files(), other.files()), before);

    let repository = Repository::open(install.checkout()).unwrap();
    for (revision, patch) in patches {
        assert_eq!((patch.code, patch.err.as_str()), (0, ""), "{patch:?}");
        let tree = repository.revparse_single(revision).unwrap().peel_to_tree().unwrap();
        // The library, other than `git apply`, insists on git's own header.
        let patch = format!("diff --git a/distorch_2.py b/distorch_2.py\n{}", patch.out);
        let index = repository.apply_to_tree(&tree, &Diff::from_buffer(patch.as_bytes()).unwrap(), None).unwrap();
        let repaired = index.get_path("distorch_2.py".as_ref(), 0).unwrap().id;
        let pulled = Install::of("upstream-fixed");
        fs::write(pulled.file(), repository.find_blob(repaired).unwrap().content()).unwrap();
        let check = pulled.run(&["check"]);
        assert_eq!(check.code, 0, "{revision}: {check:?}");
    }
}

#[test]
fn what_cannot_be_judged_by_ends_the_run_with_what_to_do() {
    let (install, other) = (node(), Other::new());
    let nothing = other.root.join("none").display().to_string();
    let empty = other.root.with_file_name("empty");
    fs::create_dir_all(empty.join("comfy")).unwrap();
    fs::write(empty.join("main.py"), "").unwrap();
    let empty = empty.display().to_string();
    let no_comfyui = install.checkout().display().to_string();
    let cases: Vec<(Vec<String>, &str, &str)> = vec![
        (vec!["--comfyui".into(), nothing], "there is no ", "name the folder of ComfyUI"),
        (vec!["--comfyui".into(), no_comfyui], "", "name the folder of ComfyUI"),
        (vec!["--comfyui".into(), empty], "cannot use ", "name another ComfyUI"),
        (vec!["--comfyui".into(), other.at("v9")], "no revision `v9` in ", "fetch --tags"),
        (
            vec!["--comfyui".into(), format!("{}@", other.at(""))],
            "no revision is named after the `@`",
            "name the folder",
        ),
    ];
    for (arguments, message, help) in &cases {
        for command in ["check", "apply", "diff"] {
            let before = install.files();
            let ran =
                install.run(&[&[command][..], &arguments.iter().map(String::as_str).collect::<Vec<_>>()].concat());
            let (first, last) = (ran.err.lines().next().unwrap(), ran.err.lines().last().unwrap());
            assert!(first.starts_with(&format!("error: {message}")), "{command} {arguments:?}: {ran:?}");
            assert!(last.starts_with("help: ") && last.contains(help), "{command} {arguments:?}: {ran:?}");
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{command} {arguments:?}");
            assert_eq!(install.files(), before, "{command} {arguments:?}");
        }
    }
    for command in ["check", "diff", "verify"] {
        let ran = install.run(&[command, "--rev", "origin/none"]);
        assert!(ran.code == 2 && ran.err.starts_with("error: no revision `origin/none` in "), "{command}: {ran:?}");
        assert!(!ran.err.contains(install.root.to_str().unwrap()), "from the current folder: {ran:?}");
        assert!(ran.err.lines().last().unwrap().starts_with("help: "), "{command}: {ran:?}");
        let ran = Install::of("legacy").run(&[command, "--rev", "HEAD"]);
        assert!(
            ran.code == 2 && ran.err.contains("is not a git repository, so it has no revision `HEAD`\nhelp: "),
            "{ran:?}"
        );
    }
    let usage = install.run(&["apply", "--rev", "HEAD"]);
    assert!(
        usage.code == 2 && usage.err.starts_with("error: unexpected argument '--rev'"),
        "only the files are written"
    );
}
