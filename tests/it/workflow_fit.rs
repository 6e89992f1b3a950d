//! The guide's configuration of a workflow by one command, judged by `workflow check`, and the strings of `set --fit`, judged
//! by `plan --workflow`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Install, Ran, keep_journals, program};
use crate::headers::{Gguf, write_safetensors};

/// What the guide puts into every loader.
const STRING: &str = "cuda:0,6gb;cuda:1,8gb;cpu,*";
const FILE: &str = "wan2.2.json";
const GUIDES_MACHINE: [&str; 4] = ["--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb"];
/// A model is larger than a card, and fits on both.
const SMALL_MACHINE: [&str; 8] =
    ["--vram", "cuda:0=600mb", "--vram", "cuda:1=500mb", "--ram", "4gb", "--headroom", "100mb"];
/// Of the weights of a layer, which are a hole in the file.
const BYTES: u64 = 20 << 20;
const F16: u32 = 1;

/// Makes the models of the guide's workflow; the weights of a layer have so many bytes, a multiple of 20 MB.
pub fn write_models(models: &Path, layer_bytes: u64) {
    let names = [
        ("unet/wan2.2_t2v_high_noise_14B_Q4_K_M.gguf", "wan", 32),
        ("unet/wan2.2_t2v_low_noise_14B_Q4_K_M.gguf", "wan", 32),
        ("text_encoders/umt5-xxl-encoder-Q5_K_M.gguf", "t5encoder", 18),
    ];
    for folder in ["unet", "text_encoders", "vae"] {
        fs::create_dir_all(models.join(folder)).unwrap();
    }
    let rows = 10240 * (layer_bytes / BYTES);
    for (name, architecture, layers) in names {
        let mut file = Gguf::new(&[]).with_text("general.architecture", architecture);
        let layer = |at: usize| (format!("blocks.{at}.weight"), vec![1024, rows], F16, layer_bytes);
        file.tensors = (0..layers).map(layer).collect();
        file.write(&models.join(name));
    }
    let layer = |at: usize| (format!("decoder.{at}.weight"), "F16", vec![10240, 1024], BYTES);
    let layers: Vec<_> = (0..6).map(layer).collect();
    write_safetensors(&models.join("vae/wan_2.1_vae.safetensors"), &layers);
}

/// The guide's workflow beside a ComfyUI that has its models.
struct Guide(Install);

impl Guide {
    fn new() -> Self {
        let guide = Self(Install::copy_of("tests/data/guide".as_ref()));
        write_models(&guide.path("ComfyUI/models"), BYTES);
        guide
    }

    /// With loaders of DisTorch2 whose strings are empty, as in published workflows.
    fn of_idle_loaders() -> Self {
        let guide = Self::new();
        guide.succeeds(&["convert", FILE, "--virtual-vram", "0"], &[]);
        guide
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.root.join(name)
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path(FILE)).unwrap()
    }

    fn run(&self, arguments: &[&str], machine: &[&str]) -> Ran {
        let mut program = program(&self.0.root);
        keep_journals(&mut program, &self.path("state"));
        Ran::of(program.arg("workflow").args(arguments).args(["--comfyui", "ComfyUI"]).args(machine))
    }

    fn succeeds(&self, arguments: &[&str], machine: &[&str]) -> Ran {
        let ran = self.run(arguments, machine);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }

    /// Is each of the four loaders named, by this check?
    fn is_found_wrong(&self, check: &str, machine: &[&str]) -> Ran {
        let ran = self.run(&["check", FILE], machine);
        assert_eq!(ran.code, 1, "{ran:?}");
        for node in ["node 37", "node 38", "node 39", "node 40"] {
            let own = ran.out.split_once(node).expect(&ran.out).1.split("\n  node ").next().unwrap();
            assert!(own.contains(&format!("warning[{check}]")), "{node}: {ran:?}");
        }
        ran
    }

    fn is_in_order(&self, machine: &[&str]) {
        let ran = self.succeeds(&["check", FILE], machine);
        assert!(ran.out.contains("nothing is wrong"), "{ran:?}");
    }

    /// The strings of the loaders, in their order.
    fn strings(&self) -> Vec<String> {
        let workflow: Value = serde_json::from_str(&self.text()).unwrap();
        let loaders = workflow["nodes"].as_array().unwrap().iter().take(4);
        loaders.map(|node| node["widgets_values"].as_array().unwrap().iter().rev().nth(1).unwrap()).map(own).collect()
    }

    /// Does everything fit by the plan of the workflow, and is everything known?
    fn fits(&self, machine: &[&str]) -> bool {
        let mut program = program(&self.0.root);
        program.args(["plan", "--workflow", FILE, "--comfyui", "ComfyUI", "--format", "json"]).args(machine);
        let ran = Ran::of(&mut program);
        let plan: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(plan["unknown"].as_array().map(Vec::len), Some(0), "{plan}");
        plan["fits"] == true
    }

    /// Runs a command as it is printed.
    fn run_as_printed(&self, command: &str) -> Ran {
        let mut program = program(&self.0.root);
        keep_journals(&mut program, &self.path("state"));
        Ran::of(program.args(arguments(command)))
    }
}

/// The arguments of a command as it is printed.
pub fn arguments(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (at, part) in command.split('"').enumerate() {
        if at % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    assert_eq!(words.remove(0), "distorch-fix");
    words
}

fn own(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The commands that are printed as the next ones.
fn next(ran: &Ran) -> Vec<&str> {
    ran.out.lines().filter_map(|line| line.trim().strip_prefix("next: ")).collect()
}

#[test]
fn the_guides_workflow_is_in_order_after_one_command() {
    let guide = Guide::new();
    guide.is_found_wrong("plain-loader", &GUIDES_MACHINE);
    guide.succeeds(&["convert", FILE, "--string", STRING], &[]);
    guide.is_in_order(&GUIDES_MACHINE);
}

#[test]
fn loaders_without_strings_are_in_order_after_one_command() {
    for command in [&["set", STRING, FILE][..], &["set", "--fit", FILE]] {
        let guide = Guide::of_idle_loaders();
        guide.is_found_wrong("not-distributed", &GUIDES_MACHINE);
        guide.succeeds(command, if command.contains(&"--fit") { &GUIDES_MACHINE } else { &[] });
        guide.is_in_order(&GUIDES_MACHINE);
        assert!(guide.strings().iter().all(|string| !string.is_empty()), "{:?}", guide.strings());
    }
}

#[test]
fn the_commands_that_are_suggested_lead_to_a_workflow_in_order() {
    for machine in [&GUIDES_MACHINE[..], &SMALL_MACHINE] {
        let guide = Guide::new();
        let mut ran = guide.is_found_wrong("plain-loader", machine);
        for _ in 0..3 {
            let commands = next(&ran);
            assert!(!commands.is_empty(), "{ran:?}");
            for command in commands {
                let ran = guide.run_as_printed(command);
                assert_eq!(ran.code, 0, "{command}: {ran:?}");
            }
            ran = guide.run(&["check", FILE], machine);
            if ran.code == 0 {
                break;
            }
        }
        guide.is_in_order(machine);
    }
}

#[test]
fn what_is_proposed_is_written_fits_and_is_proposed_once() {
    let guide = Guide::of_idle_loaders();
    guide.succeeds(&["set", "cuda:0,700mb;cuda:1,50mb", FILE], &[]);
    assert!(!guide.fits(&SMALL_MACHINE));
    let before = (guide.text(), guide.strings());
    let fit = ["set", "--fit", FILE];
    let tried = guide.succeeds(&["set", "--fit", FILE, "--dry-run"], &SMALL_MACHINE);
    assert!(tried.out.contains("Dry run: ") && guide.text() == before.0, "{tried:?}");
    let ran = guide.succeeds(&fit, &SMALL_MACHINE);
    assert!(guide.fits(&SMALL_MACHINE), "{ran:?}");
    guide.is_in_order(&SMALL_MACHINE);
    // Some were as they should be.
    let after = guide.strings();
    let is_kept: Vec<bool> = before.1.iter().zip(&after).map(|(before, after)| before == after).collect();
    assert_eq!((is_kept, ran.out.matches("as wanted already").count()), (vec![false, false, true, true], 2), "{ran:?}");
    let text = guide.text();
    let again = guide.succeeds(&fit, &SMALL_MACHINE);
    assert!(again.out.contains("Nothing to write") && guide.text() == text, "{again:?}");
}

#[test]
fn each_of_several_files_is_fitted_and_those_that_fit_stay() {
    let guide = Guide::of_idle_loaders();
    let idle = guide.text();
    guide.succeeds(&["set", "--fit", FILE], &SMALL_MACHINE);
    let fitted = guide.text();
    fs::write(guide.path("idle.json"), idle).unwrap();
    fs::write(guide.path("broken.json"), "{").unwrap();
    let ran = guide.run(&["set", "--fit", "idle.json", "broken.json", FILE], &SMALL_MACHINE);
    assert_eq!((ran.code, ran.err.matches("error: ").count()), (2, 1), "{ran:?}");
    assert!(ran.err.contains("broken.json") && guide.text() == fitted, "{ran:?}");
    assert_eq!(fs::read_to_string(guide.path("idle.json")).unwrap(), fitted);
}

#[test]
fn what_cannot_be_fitted_is_an_error_and_stays_as_it_is() {
    let guide = Guide::of_idle_loaders();
    let text = guide.text();
    let refuses = |machine: &[&str], why: &str| {
        let ran = guide.run(&["set", "--fit", FILE], machine);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(why) && ran.err.contains("\nhelp: ") && guide.text() == text, "{ran:?}");
    };
    refuses(&["--vram", "cuda:0=1gb", "--ram", "50mb"], "no strings were found with which it fits");
    fs::remove_file(guide.path("ComfyUI/models/vae/wan_2.1_vae.safetensors")).unwrap();
    refuses(&GUIDES_MACHINE, "`wan_2.1_vae.safetensors` is in none of ComfyUI");
    let plain = Guide::new();
    let ran = plain.run(&["set", "--fit", FILE], &GUIDES_MACHINE);
    assert!(ran.code == 1 && ran.out.contains("`distorch-fix workflow convert` would convert 4"), "{ran:?}");
}
