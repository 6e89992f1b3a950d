//! What is kept of an installation for later runs: it is taken for the same files only, and never believed by what writes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Install, Ran, keep_cache, program};
use serde_json::{Value, json};

const STRING: &str = "cuda:0,6gb;cpu,*";
const NODE: &str = "ComfyUI/custom_nodes/ComfyUI-MultiGPU/__init__.py";

/// An installation, workflows and a cache of their own.
struct Folder(Install);

impl Folder {
    /// With a workflow of two loaders of the node, and one of another pack.
    fn new() -> Self {
        let folder = Self(Install::copy_of("tests/data/guide".as_ref()));
        let node = |class: &str, values: Value| json!({"id": class, "type": class, "widgets_values": values});
        let nodes = [
            node("UNETLoaderDisTorch2MultiGPU", json!(["a", "default", "cuda:0", 4.0, "cpu", STRING, true])),
            node("VAELoaderMultiGPU", json!(["b", "cpu"])),
            node("Elsewhere", json!(["c"])),
        ];
        fs::write(folder.path("a.json"), json!({"nodes": nodes}).to_string()).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.root.join(name)
    }

    fn caching(&self, arguments: &[&str]) -> Ran {
        let mut program = program(&self.0.root);
        keep_cache(program.env("XDG_STATE_HOME", self.path("state")), &self.path("cache"));
        Ran::of(program.arg("workflow").args(arguments).args(["--comfyui", "ComfyUI"]))
    }

    /// What `workflow show` says, which is the same with the cache and without, for the first time and the second.
    fn shown(&self) -> String {
        let show = ["show", "a.json", "--format", "json"];
        let fresh = self.0.run(&[&["workflow"], &show[..], &["--comfyui", "ComfyUI"]].concat());
        assert_eq!(fresh.code, 0, "{fresh:?}");
        for turn in 0..2 {
            let ran = self.caching(&show);
            assert_eq!((ran.code, &ran.out, &ran.err), (fresh.code, &fresh.out, &fresh.err), "{turn}");
        }
        fresh.out
    }

    fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{from:?} is in {name}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Renames an input in what is kept.
    fn lie(&self) {
        for entry in fs::read_dir(keep_cache(&mut Command::new(""), &self.path("cache"))).unwrap() {
            let path = entry.unwrap().path();
            let answer = String::from_utf8(fs::read(&path).unwrap()[blake3::OUT_LEN..].to_vec()).unwrap();
            let lie = answer.replace(r#""name":"unet_name""#, r#""name":"lie""#);
            fs::write(&path, [blake3::hash(lie.as_bytes()).as_bytes(), lie.as_bytes()].concat()).unwrap();
        }
    }
}

#[test]
fn any_change_of_the_installation_is_noticed() {
    let folder = Folder::new();
    let pack = |name: &str| format!("ComfyUI/custom_nodes/{name}/__init__.py");
    let elsewhere = |input: &str| {
        format!(
            "import folder_paths\nclass Elsewhere:\n    @classmethod\n    def INPUT_TYPES(s):\n        return \
             {{\"required\": {{\"{input}\": (folder_paths.get_filename_list(\"vae\"),)}}}}\n    \
             RETURN_TYPES = (\"MODEL\",)\nNODE_CLASS_MAPPINGS = {{\"Elsewhere\": Elsewhere}}\n"
        )
    };
    let write = |name: &str, text: &str| {
        let path = folder.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let mut seen = vec![folder.shown()];
    let mut differs = |what: &str| {
        let shown = folder.shown();
        assert!(!seen.contains(&shown), "{what}");
        seen.push(shown);
    };
    folder.change(NODE, "virtual_vram_gb", "virtual_vram_mb");
    differs("the node, in the same number of bytes");
    folder.change("ComfyUI/nodes.py", "unet_name", "unet_file");
    differs("ComfyUI");
    write(&pack("other"), &elsewhere("first_input"));
    differs("a new pack");
    write(&pack("other"), &elsewhere("second_input"));
    differs("a pack");
    write(&pack("earlier"), &elsewhere("third_input"));
    differs("a pack before it");
    write("ComfyUI/comfy_extras/nodes_new.py", &elsewhere("fourth_input"));
    differs("a new file of ComfyUI");
    write(NODE, "NODE_CLASS_MAPPINGS = {}\n");
    differs("nothing is left of the node");
}

#[test]
fn what_is_shown_comes_from_the_cache_and_what_is_written_does_not() {
    let folder = Folder::new();
    let show = ["show", "a.json", "--format", "json"];
    let honest = folder.caching(&show).out;
    folder.lie();
    assert!(folder.caching(&show).out.contains("\"lie\"") && !honest.contains("\"lie\""));
    let text = fs::read_to_string(folder.path("a.json")).unwrap();
    let ran = folder.caching(&["set", "cuda:1,1gb;cpu,*", "a.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read_to_string(folder.path("a.json")).unwrap(), text.replace(STRING, "cuda:1,1gb;cpu,*"));
}
