//! Installations in miniature, of every kind: what is found in each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use distorch_fix::install::launch::Launch;
use distorch_fix::install::layout::{Installation, Os, Places, everywhere_on, installation_on};
use serde::Deserialize;
use walkdir::WalkDir;

use crate::common::{Ran, copy, program, real, skip, slashed};

const DATA: &str = "tests/data/installations";

/// `case.toml`.
#[derive(Deserialize)]
struct Case {
    os: String,
    /// From where to look.
    paths: Vec<String>,
    variables: BTreeMap<String, String>,
}

/// A system in a temporary folder.
struct System {
    root: tempfile::TempDir,
    places: Places,
    case: Case,
}

impl System {
    fn copied(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let top = real(root.path());
        let from = Path::new(DATA).join(name);
        let case: Case = toml::from_str(&fs::read_to_string(from.join("case.toml")).unwrap()).unwrap();
        for entry in WalkDir::new(from.join("tree")).into_iter().map(Result::unwrap) {
            let to = top.join(entry.path().strip_prefix(from.join("tree")).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(&to).unwrap();
                continue;
            }
            // No clone can be in a clone.
            let to = if entry.file_name() == "dot-git" { to.with_file_name(".git") } else { to };
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(&to, text.replace("@ROOT@", &top.to_string_lossy().replace('\\', "/"))).unwrap();
            if entry.file_name() == "main.py" {
                let comfy = to.with_file_name("comfy");
                fs::create_dir_all(&comfy).unwrap();
                fs::copy(Path::new(DATA).join("cli_args.py"), comfy.join("cli_args.py")).unwrap();
            }
        }
        let os = match case.os.as_str() {
            "windows" => Os::Windows,
            "mac" => Os::Mac,
            _ => Os::Linux,
        };
        let variables: Vec<(&str, PathBuf)> =
            case.variables.iter().map(|(name, path)| (name.as_str(), top.join(path))).collect();
        let variables: Vec<(&str, &Path)> = variables.iter().map(|(name, path)| (*name, path.as_path())).collect();
        let places = Places::below(&top, os, &variables);
        Self { root, places, case }
    }

    /// All that is found, as text.
    fn described(&self) -> String {
        let mut out = String::new();
        for path in &self.case.paths {
            let found = installation_on(&self.places, &real(self.root.path()).join(path));
            let _ = match found {
                Ok(installation) => writeln!(out, "from {path}\n{}", self.installation(&installation)),
                Err(error) => writeln!(out, "from {path}\n  error: {}\n", self.short(&format!("{error:#}"))),
            };
        }
        out.push_str("everywhere\n");
        for installation in everywhere_on(&self.places) {
            let _ = writeln!(out, "  {:?} {}", installation.layout, self.path(&installation.comfyui));
        }
        out
    }

    fn installation(&self, installation: &Installation) -> String {
        let mut out = format!("  layout: {:?}\n", installation.layout);
        let mut line = |name: &str, text: String| writeln!(out, "  {name}: {text}").unwrap();
        line("root", self.path(&installation.root));
        line("comfyui", self.path(&installation.comfyui));
        line("base", self.path(&installation.base));
        line("user", self.path(&installation.user));
        for folder in &installation.custom_nodes {
            line("packs", self.path(folder));
        }
        if let Some(python) = &installation.python {
            line("python", self.path(python));
        }
        for file in &installation.extra_model_paths {
            line("models", self.path(file));
        }
        for log in &installation.logs {
            line("log", self.path(log));
        }
        for launch in &installation.launches {
            line("launch", self.launch(launch));
        }
        for problem in &installation.problems {
            line("problem", self.short(problem));
        }
        out
    }

    fn launch(&self, launch: &Launch) -> String {
        let mut out = format!("{:?}", launch.kind);
        if let Some(file) = &launch.file {
            let _ = write!(out, " {}", self.path(file));
        }
        if let Some(line) = launch.line {
            let _ = write!(out, ":{line}");
        }
        for (name, value) in &launch.environment {
            let _ = write!(out, "\n    {name}={value}");
        }
        for given in &launch.given {
            let _ = write!(
                out,
                "\n    {}",
                self.short(&[std::slice::from_ref(&given.option), &*given.values].concat().join(" "))
            );
        }
        for problem in &launch.problems {
            let _ = write!(out, "\n    problem: {}", self.short(problem));
        }
        out
    }

    fn path(&self, path: &Path) -> String {
        self.short(&path.display().to_string())
    }

    fn short(&self, text: &str) -> String {
        let root = real(self.root.path());
        let root = root.display().to_string();
        let slashes = text.replace(&root, "").replace(&root.replace('\\', "/"), "").replace('\\', "/");
        if slashes.is_empty() { "/".into() } else { slashes }
    }
}

#[test]
fn what_is_found_in_each_system_is_as_expected() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(DATA).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() > 8, "the systems are found");
    for case in cases {
        if cfg!(windows) && case.ends_with("git") {
            skip("a home folder with backslashes is in no unit of systemd");
            continue;
        }
        let found = System::copied(case.file_name().unwrap().to_str().unwrap()).described();
        let file = case.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &found).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(found, expected, "{}", file.display());
    }
}

/// A process with arguments like those of a ComfyUI, which ends with the test.
#[cfg(unix)]
struct Running(std::process::Child);

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)] // it needs a shell script as Python
#[test]
fn a_running_comfyui_tells_its_arguments_its_environment_and_where_it_is() {
    use distorch_fix::install::launch::LaunchKind;
    use distorch_fix::install::layout::installation;

    let root = tempfile::tempdir().unwrap();
    let comfyui = real(root.path()).join("ComfyUI");
    fs::create_dir_all(comfyui.join("comfy")).unwrap();
    fs::create_dir_all(root.path().join("base/custom_nodes/pack")).unwrap();
    fs::write(comfyui.join("main.py"), "read answer\n").unwrap();
    fs::copy(Path::new(DATA).join("cli_args.py"), comfyui.join("comfy/cli_args.py")).unwrap();
    let python = root.path().join("python3");
    std::os::unix::fs::symlink("/bin/sh", &python).unwrap();
    let child = std::process::Command::new(&python)
        .args(["main.py", "--disable-dyn", "--base-directory", "../base"])
        .current_dir(&comfyui)
        .env("CUDA_VISIBLE_DEVICES", "1,0")
        .env("SECRET_TOKEN", "1")
        .stdin(std::process::Stdio::piped())
        .spawn();
    let child = Running(child.unwrap());
    // Until the child runs the program, it still is this one.
    let launch = loop {
        let found = installation(&comfyui).unwrap();
        if let Some(launch) = found.launches.iter().find(|launch| launch.process == Some(child.0.id())) {
            assert_eq!(found.custom_nodes, [real(root.path()).join("base/custom_nodes")]);
            break launch.clone();
        }
    };
    assert_eq!((launch.kind, launch.has("--disable-dynamic-vram")), (LaunchKind::Process, true));
    assert_eq!((launch.variable("CUDA_VISIBLE_DEVICES"), launch.variable("SECRET_TOKEN")), (Some("1,0"), None));
    let pack = root.path().join("base/custom_nodes/pack");
    assert_eq!(installation(&pack).unwrap().comfyui, comfyui, "it is found from its packs");
}

/// The Desktop app with a fixture: ComfyUI in the app, and the node in the user's folder.
struct Desktop {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

impl Desktop {
    fn with(fixture: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = real(folder.path());
        let app = root.join("app/resources/ComfyUI");
        copy(&Path::new("fixtures").join(fixture).join("ComfyUI"), &app);
        fs::create_dir_all(root.join("base")).unwrap();
        fs::rename(app.join("custom_nodes"), root.join("base/custom_nodes")).unwrap();
        fs::create_dir_all(app.join("custom_nodes")).unwrap();
        fs::create_dir_all(root.join("base/user/default/workflows")).unwrap();
        fs::copy("tests/data/workflows/wan.json", root.join("base/user/default/workflows/wan.json")).unwrap();
        let settings = root.join("home/Library/Application Support/ComfyUI");
        fs::create_dir_all(&settings).unwrap();
        let slashes = root.display().to_string().replace('\\', "/");
        fs::write(settings.join("config.json"), format!("{{\"basePath\": \"{slashes}/base\"}}")).unwrap();
        let packs = format!("desktop_extensions:\n  custom_nodes: '{slashes}/app/resources/ComfyUI/custom_nodes'\n");
        fs::write(settings.join("extra_models_config.yaml"), packs).unwrap();
        Self { _folder: folder, root }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let home = self.root.join("home");
        let settings = home.join("Library/Application Support");
        let mut program = program(&self.root);
        program
            .env("HOME", &home)
            .env("USERPROFILE", &home)
            .env("XDG_CONFIG_HOME", &settings)
            .env("APPDATA", &settings);
        Ran::of(program.args(arguments))
    }
}

#[test]
fn the_node_and_the_comfyui_of_the_desktop_app_are_one_pair() {
    let desktop = Desktop::with("legacy");
    for start in ["base", "base/custom_nodes/ComfyUI-MultiGPU", "app/resources/ComfyUI"] {
        let ran = desktop.run(&["check", start]);
        assert!(ran.code == 1 && ran.out.contains("broken with items of 5 fields"), "{start}: {ran:?}");
    }
    let ran = desktop.run(&["apply", "base"]);
    assert!(ran.code == 0 && slashed(&ran.out).contains("ComfyUI 0.6.0 in app/resources/ComfyUI"), "{ran:?}");
    for command in ["check", "verify", "status", "diff"] {
        let ran = desktop.run(&[command, "base"]);
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
    }
    assert!(desktop.run(&["check", "base"]).out.contains("works with items of 5 fields"));
}

#[test]
fn a_workflow_of_the_desktop_app_is_read_with_its_node_and_its_models() {
    let desktop = Desktop::with("legacy");
    let workflow = "base/user/default/workflows/wan.json";
    let named = desktop.run(&["workflow", "show", workflow, "--comfyui", "app/resources/ComfyUI"]);
    let found = desktop.run(&["workflow", "show", workflow]);
    assert_eq!((found.code, &found.out), (0, &named.out));
    let with_node = desktop.run(&["workflow", "show", workflow, "--checkout", "base/custom_nodes/ComfyUI-MultiGPU"]);
    assert_eq!(found.out, with_node.out);
    let ran = desktop.run(&["plan", "--workflow", workflow, "--vram", "cuda:0=12gb", "--vram", "cuda:1=16gb"]);
    let models = Path::new("base").join("models").join("unet");
    assert!(ran.out.contains(&models.display().to_string()), "{ran:?}");
}

/// An installation of Linux with a home.
fn linux() -> (tempfile::TempDir, PathBuf, Places) {
    let folder = tempfile::tempdir().unwrap();
    let root = real(folder.path());
    let comfyui = root.join("home/ComfyUI");
    fs::create_dir_all(comfyui.join("comfy")).unwrap();
    fs::write(comfyui.join("main.py"), "").unwrap();
    let home = root.join("home");
    let places = Places::below(&root, Os::Linux, &[("HOME", home.as_path())]);
    (folder, comfyui, places)
}

#[test]
fn files_of_any_size_and_of_any_bytes_are_no_more_than_problems() {
    let (_folder, comfyui, places) = linux();
    for (name, bytes) in [
        ("run.sh", &b"main.py \xff\xfe\0\x1b[2J $("[..]),
        ("run.bat", b"\xff\xfem\0a\0i\0n\0.\0p\0y\0 \0%\0"),
        ("run.ps1", b"main.py `"),
        ("compose.yaml", b"services: &a {comfyui: *a, b: [*a, *a]}\n"),
        ("Dockerfile", b"CMD [\"main.py\", \\"),
        ("extra_model_paths.yaml", b"\0\0\0"),
    ] {
        fs::write(comfyui.join(name), bytes).unwrap();
    }
    let large = fs::File::create(comfyui.join("start.sh")).unwrap();
    large.set_len(100 << 20).unwrap();
    let found = installation_on(&places, &comfyui).unwrap();
    let told = found.problems.join("\n");
    assert!(told.contains("start.sh: larger than 8 MiB"), "{told}");
    assert!(found.launches.iter().flat_map(|launch| &launch.problems).all(|problem| !problem.contains('\u{1b}')));
}

#[cfg(unix)] // only some users of Windows may make links
#[test]
fn links_in_circles_and_folders_in_place_of_files_end_the_search() {
    use std::os::unix::fs::symlink;

    let (_folder, comfyui, places) = linux();
    symlink(&comfyui, comfyui.join("again")).unwrap();
    symlink("loop", comfyui.join("loop")).unwrap();
    symlink("run.sh", comfyui.join("run.sh")).unwrap();
    fs::create_dir(comfyui.join("compose.yaml")).unwrap();
    fs::create_dir(comfyui.join("extra_model_paths.yaml")).unwrap();
    let home = comfyui.parent().unwrap();
    symlink(home, home.join("self")).unwrap();
    assert_eq!(installation_on(&places, &comfyui.join("again/again/comfy")).unwrap().launches, []);
    assert_eq!(everywhere_on(&places).len(), 1);
    assert_eq!(installation_on(&places, home).unwrap().comfyui, comfyui);
}

#[test]
fn a_folder_with_several_is_not_guessed_from() {
    let (_folder, comfyui, places) = linux();
    let other = comfyui.with_file_name("other");
    fs::create_dir_all(other.join("comfy")).unwrap();
    fs::write(other.join("main.py"), "").unwrap();
    let error = installation_on(&places, comfyui.parent().unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("2 ComfyUIs are in it"), "{error}");
}
