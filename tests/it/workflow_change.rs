//! What `workflow set`, `convert` and `revert` do to files: no byte but those of the values changes, a file is whole at
//! any time, and every edit can be undone.

use std::fs;
use std::path::PathBuf;

use crate::common::{Install, Ran, keep_journals, program};

const STRING: &str = "cuda:0,6gb;cuda:1,8gb;cpu,*";
const OTHER: &str = "cuda:1,5gb;cpu,*";

/// A folder with a copy of the ComfyUI for workflows and some workflows in it.
struct Folder(Install);

impl Folder {
    fn new() -> Self {
        Self(Install::copy_of("tests/data/guide".as_ref()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.root.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs `workflow` with the installation of the folder.
    fn run(&self, arguments: &[&str]) -> Ran {
        let mut program = program(&self.0.root);
        keep_journals(&mut program, &self.path("state"));
        program.arg("workflow").args(arguments);
        if arguments[0] != "revert" {
            program.args(["--comfyui", "ComfyUI"]);
        }
        Ran::of(&mut program)
    }

    fn succeeds(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }

    fn names(&self) -> Vec<PathBuf> {
        let mut names: Vec<_> = fs::read_dir(&self.0.root).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|path| !path.ends_with("state"));
        names.sort();
        names
    }
}

/// A workflow of one loader, with a string.
fn workflow(string: &str) -> String {
    format!(
        r#"{{"nodes":[{{"id":37,"type":"UNETLoaderDisTorch2MultiGPU","pos":[1,2],"size":[3,4],"mode":0,"widgets_values":["\u00e9","default","cuda:0",4.0,"cpu","{string}",true]}}],"links":[],"n":NaN}}"#
    )
}

/// Does it end with exit code 2, say this, and what to do?
fn is_refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("error: ") && ran.err.contains(why) && ran.err.contains("\nhelp: "), "{ran:?}");
}

#[test]
fn a_string_is_set_again_and_reverted_byte_for_byte() {
    let folder = Folder::new();
    for (name, around) in [("plain.json", ""), ("newline.json", "\r\n"), ("mark.json", "\u{feff}")] {
        let text = |string: &str| match around {
            "\u{feff}" => around.to_owned() + &workflow(string),
            _ => workflow(string) + around,
        };
        folder.write(name, text(""));
        let before = folder.names();
        let dry = folder.succeeds(&["set", STRING, name, "--dry-run"]);
        assert!(dry.out.contains("nothing was written") && folder.text(name) == text(""), "{dry:?}");
        folder.succeeds(&["set", STRING, name]);
        assert_eq!(folder.text(name), text(STRING), "{name}");
        let again = folder.succeeds(&["set", STRING, name, name, &format!("./{name}")]);
        assert_eq!(again.out.matches("as wanted already").count(), 1, "{again:?}");
        folder.succeeds(&["set", OTHER, name]);
        assert_eq!(folder.text(name), text(OTHER));
        assert_eq!(folder.names(), before, "no file beside it");
        folder.succeeds(&["revert", name]);
        assert_eq!(folder.text(name), text(""), "both edits are undone");
        assert!(folder.succeeds(&["revert", name]).out.contains("Nothing to revert"));
    }
}

#[test]
fn what_was_changed_since_stays_and_what_was_set_again_is_a_clash() {
    let folder = Folder::new();
    folder.write("a.json", workflow(""));
    folder.succeeds(&["set", STRING, "a.json"]);
    folder.write("a.json", folder.text("a.json").replace("[1,2]", "[30,40]"));
    folder.succeeds(&["revert", "a.json"]);
    assert_eq!(folder.text("a.json"), workflow("").replace("[1,2]", "[30,40]"));
    folder.succeeds(&["set", STRING, "a.json"]);
    let edited = folder.text("a.json").replace(STRING, "cuda:0,1gb;cpu,*");
    folder.write("a.json", &edited);
    is_refused(&folder.run(&["revert", "a.json"]), "one place of the edit was edited again");
    assert_eq!(folder.text("a.json"), edited);
    folder.write("a.json", workflow("").replace("[1,2]", "[30,40]"));
    assert!(folder.succeeds(&["revert", "a.json"]).out.contains("as it was before the edit"));
}

#[test]
fn what_is_in_the_way_is_an_error_and_nothing_is_written() {
    let folder = Folder::new();
    let refuses = |name: &str, why: &str| {
        let before = fs::read(folder.path(name)).ok();
        is_refused(&folder.run(&["set", STRING, name]), why);
        assert!(fs::read(folder.path(name)).ok() == before, "{name}");
    };
    folder.write("read-only.json", workflow(""));
    let mut permissions = fs::metadata(folder.path("read-only.json")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path("read-only.json"), permissions).unwrap();
    refuses("read-only.json", "is read-only");
    refuses("none.json", "it cannot be opened");
    folder.write("broken.json", &workflow("")[1..]);
    refuses("broken.json", "not JSON");
    let utf16: Vec<u8> = workflow("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("utf16.json", [&b"\xff\xfe"[..], &utf16].concat());
    refuses("utf16.json", "it is not UTF-8");
    folder.write("good.json", workflow(""));
    is_refused(&folder.run(&["set", "cpu,*", "good.json"]), "`cpu,*`: ");
    is_refused(&folder.run(&["set", "gpu:0,4gb;cpu,*", "good.json"]), "`gpu:0,4gb;cpu,*`: ");
    is_refused(&folder.run(&["set", STRING, "good.json", "--node", "38"]), "no loader matches --node 38");
    // The others are written.
    assert_eq!(folder.run(&["set", STRING, "broken.json", "good.json"]).code, 2);
    assert_eq!(folder.text("good.json"), workflow(STRING));
}

#[test]
fn a_locked_journal_or_a_damaged_one_stops_a_write() {
    let folder = Folder::new();
    folder.write("a.json", workflow(""));
    folder.succeeds(&["set", STRING, "a.json"]);
    let mut journals: Vec<_> = crate::common::files(&folder.path("state")).into_keys().collect();
    // What keeps Windows from keeping a cache there.
    journals.retain(|path| !path.ends_with("cache"));
    let [journal, lock] = &journals[..] else { panic!("{journals:?}") };
    let held = fs::File::create(folder.path("state").join(lock)).unwrap();
    held.lock().unwrap();
    is_refused(&folder.run(&["set", OTHER, "a.json"]), "another distorch-fix is writing here");
    drop(held);
    let journal = folder.path("state").join(journal);
    let text = fs::read_to_string(&journal).unwrap();
    for damaged in ["{}".to_owned(), text.replace("\"a.json\"", "\"../b.json\"")] {
        fs::write(&journal, damaged).unwrap();
        for command in [&["revert", "a.json"][..], &["set", OTHER, "a.json"]] {
            is_refused(&folder.run(command), "cannot use the journal");
        }
        assert_eq!(folder.text("a.json"), workflow(STRING));
    }
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn a_link_stays_one_and_its_file_is_changed() {
    let folder = Folder::new();
    fs::create_dir(folder.path("elsewhere")).unwrap();
    folder.write("elsewhere/real.json", workflow(""));
    std::os::unix::fs::symlink("elsewhere/real.json", folder.path("link.json")).unwrap();
    // Both names are one file.
    folder.succeeds(&["set", STRING, "link.json", "elsewhere/real.json"]);
    assert!(fs::symlink_metadata(folder.path("link.json")).unwrap().is_symlink());
    assert_eq!(folder.text("elsewhere/real.json"), workflow(STRING));
    folder.succeeds(&["revert", "elsewhere/real.json"]);
    assert_eq!(folder.text("link.json"), workflow(""));
}

#[test]
fn other_files_are_written_to_a_new_one() {
    let folder = Folder::new();
    let quoted = serde_json::to_string(&workflow("").replace("NaN", "0")).unwrap();
    folder.write("text.json", format!(r#"{{"workflow": {quoted}}}"#));
    is_refused(&folder.run(&["set", STRING, "text.json"]), "only workflows in JSON files are changed in place");
    folder.succeeds(&["set", STRING, "text.json", "--output", "new.json"]);
    assert_eq!(folder.text("new.json"), workflow(STRING).replace("NaN", "0"));
    is_refused(&folder.run(&["set", OTHER, "text.json", "--output", "new.json"]), "cannot make new.json");
    assert_eq!(folder.text("new.json"), workflow(STRING).replace("NaN", "0"));
    is_refused(&folder.run(&["set", STRING, "new.json", "text.json", "--output", "x.json"]), "--output is for one");
}

#[test]
fn a_workflow_that_comfyui_lists_may_be_open_there() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("ComfyUI/user/default/workflows")).unwrap();
    let listed = "ComfyUI/user/default/workflows/listed.json";
    folder.write(listed, workflow(""));
    folder.write("other.json", workflow(""));
    let hint = "If it is open in ComfyUI";
    assert!(folder.succeeds(&["set", STRING, listed]).out.contains(hint));
    assert!(!folder.succeeds(&["set", STRING, "other.json"]).out.contains(hint));
}

#[test]
fn what_is_left_as_it_is_is_told() {
    let folder = Folder::new();
    let linked = workflow("").replace(
        r#""pos""#,
        r#""inputs":[{"name":"expert_mode_allocations","widget":{"name":"expert_mode_allocations"},"link":4}],"pos""#,
    );
    let linked = linked.replace(r#""links":[]"#, r#""links":[[4,5,0,37,0,"STRING"]]"#);
    let linked = linked.replace(r#"[{"id":37"#, r#"[{"id":5,"type":"Text"},{"id":37"#);
    folder.write("a.json", &linked);
    let ran = folder.run(&["set", STRING, "a.json"]);
    assert_eq!((ran.code, folder.text("a.json")), (1, linked), "{ran:?}");
    assert!(ran.err.contains("comes from node 5") && ran.err.contains("\nhelp: "), "{ran:?}");
    folder.write("b.json", r#"{"nodes":[{"id":1,"type":"VAELoader","widgets_values":["v"]}]}"#);
    let ran = folder.run(&["set", STRING, "b.json"]);
    assert!(ran.code == 1 && ran.out.contains("`distorch-fix workflow convert` would convert 1"), "{ran:?}");
}

#[test]
fn the_guides_workflow_is_configured_by_one_command() {
    let folder = Folder::new();
    let before = folder.text("wan2.2.json");
    let ran = folder.succeeds(&["convert", "wan2.2.json", "--string", STRING]);
    let after: serde_json::Value = serde_json::from_str(&folder.text("wan2.2.json")).unwrap();
    let old: serde_json::Value = serde_json::from_str(&before).unwrap();
    for (id, class) in [(37, "UnetLoaderGGUF"), (38, "UnetLoaderGGUF"), (39, "CLIPLoaderGGUF"), (40, "VAELoader")] {
        let node = after["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap();
        assert_eq!(node["type"], format!("{class}DisTorch2MultiGPU"));
        let values = node["widgets_values"].as_array().unwrap();
        assert_eq!(
            values[values.len() - 5..],
            serde_json::json!(["cuda:0", 0, "cpu", STRING, true]).as_array().unwrap()[..]
        );
        assert!(ran.out.contains(&format!("  {id} {class}DisTorch2MultiGPU")), "{ran:?}");
    }
    assert_eq!(after["links"], old["links"]);
    assert!(ran.out.lines().all(|line| line.len() < 250), "the diff of one long line is readable");
    folder.succeeds(&["revert", "wan2.2.json"]);
    assert_eq!(folder.text("wan2.2.json"), before);
}
