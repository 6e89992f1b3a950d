//! The project's ways into CI: the GitHub Action, the pre-commit hook, and what the README shows of them. And its own CI.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Install, Ran, skip};
use yaml_serde::Value;

fn yaml(path: &str) -> Value {
    yaml_serde::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not text: {value:?}"))
}

/// A folder for programs that stand in for others, and for what a job writes.
struct Job {
    install: Install,
    action: Value,
    /// The tag, branch or commit id of the action.
    reference: &'static str,
}

impl Job {
    fn of(fixture: &str) -> Option<Self> {
        let has_bash =
            cfg!(unix) && Command::new("bash").args(["-c", ":"]).status().is_ok_and(|status| status.success());
        if !has_bash {
            skip("there is no bash, so the steps of the action were not run");
            return None;
        }
        let install = Install::of(fixture);
        fs::create_dir_all(install.root.join("programs")).unwrap();
        fs::create_dir_all(install.root.join("temp")).unwrap();
        Some(Self { install, action: yaml("action.yml"), reference: "main" })
    }

    /// Puts a script where the steps find it as a program.
    fn program(&self, name: &str, script: &str) {
        let path = self.install.root.join("programs").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\nset -eu\n{script}")).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Runs every step as GitHub does, up to the first that fails.
    fn run(&self, inputs: &[(&str, &str)]) -> Ran {
        let root = &self.install.root;
        let programs = std::env::join_paths(
            [root.join("programs")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut context = BTreeMap::from([
            ("github.action_path".to_owned(), env!("CARGO_MANIFEST_DIR").to_owned()),
            ("github.action_repository".to_owned(), "owner/distorch-fix".to_owned()),
            ("github.action_ref".to_owned(), self.reference.to_owned()),
            ("runner.temp".to_owned(), root.join("temp").to_str().unwrap().to_owned()),
            ("runner.os".to_owned(), "Linux".to_owned()),
            ("runner.arch".to_owned(), "X64".to_owned()),
        ]);
        for (name, input) in self.action["inputs"].as_mapping().unwrap() {
            let given = inputs.iter().find(|(given, _)| *given == text(name)).map(|(_, value)| *value);
            context.insert(format!("inputs.{}", text(name)), given.unwrap_or(text(&input["default"])).to_owned());
        }
        let mut last = None;
        for step in self.action["runs"]["steps"].as_sequence().unwrap() {
            assert_eq!(text(&step["shell"]), "bash");
            let mut bash = Command::new("bash");
            bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", text(&step["run"])]);
            bash.current_dir(root).env("PATH", programs.as_ref().unwrap());
            bash.env("GITHUB_OUTPUT", root.join("output")).env("GITHUB_STEP_SUMMARY", root.join("summary"));
            bash.env("GITHUB_WORKSPACE", root).env("DISTORCH_FIX", env!("CARGO_BIN_EXE_distorch-fix"));
            for (name, value) in step["env"].as_mapping().unwrap() {
                let mut value = text(value).to_owned();
                for (name, filled) in &context {
                    value = value.replace(&format!("${{{{ {name} }}}}"), filled);
                }
                assert!(!value.contains("${{"), "not known here: {value}");
                bash.env(text(name), value);
            }
            let ran = Ran::of(&mut bash);
            let failed = ran.code != 0;
            last = Some(ran);
            if failed {
                break;
            }
        }
        last.unwrap()
    }
}

/// Instead of building the program anew, which takes minutes, the one that is there is installed.
const CARGO: &str = r#"
[ "$1 $2 $3" = "+1.95 install --locked" ] && [ "$4" = --path ] && [ -f "$5/Cargo.toml" ] && [ "$6" = --root ]
mkdir -p "$7/bin"
cp "$DISTORCH_FIX" "$7/bin/distorch-fix"
"#;

#[test]
fn the_action_fails_as_check_fails() {
    for (fixture, code) in [("in-order", 0), ("five-only", 1), ("syntax-error", 2)] {
        let Some(job) = Job::of(fixture) else { return };
        job.program("rustup", "");
        job.program("cargo", CARGO);
        let ran = job.run(&[]);
        assert_eq!(ran.code, code, "{fixture}: {ran:?}");
        let is_file = ran.out.contains("file=ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py,line=");
        assert_eq!(is_file, code != 0, "{fixture}: {ran:?}");
        let read = |name: &str| fs::read_to_string(job.install.root.join(name)).unwrap();
        let output = read("output");
        let report = output.trim_end().strip_prefix("report=").unwrap();
        assert_eq!(fs::read_to_string(report).unwrap(), ran.out, "{fixture}");
        assert!(read("summary").starts_with("### distorch-fix\n"), "{fixture}");
    }
}

/// A release is an archive of a script here, and its checksum.
#[test]
fn the_action_takes_the_program_of_a_release_if_its_checksum_is_right() {
    const CURL: &str = r#"
while [ "$1" != --output ]; do shift; done
case "$3" in
  https://github.com/owner/distorch-fix/releases/download/v1.2.3/*) cp "$GITHUB_WORKSPACE/release/${3##*/}" "$2" ;;
  *) exit 22 ;;
esac
"#;
    const NAME: &str = "distorch-fix-v1.2.3-x86_64-unknown-linux-musl.tar.gz";
    for (reference, sums, expected) in
        [("v1.2.3", "right", "released"), ("v1.2.3", "wrong", ""), ("v9.9.9", "right", "built")]
    {
        let Some(mut job) = Job::of("in-order") else { return };
        job.reference = reference;
        job.program("rustup", "");
        job.program("cargo", "mkdir -p \"$7/bin\"; printf '#!/bin/sh\\nprintf built' > \"$7/bin/distorch-fix\"; chmod +x \"$7/bin/distorch-fix\"");
        job.program("curl", CURL);
        let make = format!(
            "mkdir release && printf '#!/bin/sh\\nprintf released' > distorch-fix && chmod +x distorch-fix && \
             tar czf release/{NAME} distorch-fix && cd release && shasum -a 256 {NAME} > SHA256SUMS && \
             if [ {sums} = wrong ]; then printf x >> {NAME}; fi"
        );
        let made = Command::new("bash").args(["-ec", &make]).current_dir(&job.install.root).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let ran = job.run(&[]);
        assert_eq!(ran.code == 0, !expected.is_empty(), "{reference} {sums}: {ran:?}");
        assert!(ran.code != 0 || ran.out == expected, "{reference} {sums}: {ran:?}");
    }
}

#[test]
fn the_inputs_of_the_action_are_arguments_of_check() {
    let Some(job) = Job::of("in-order") else { return };
    job.program("rustup", "");
    job.program("cargo", &CARGO.replace("cp ", "printf '#!/usr/bin/env bash\\nprintf \"<%%s>\" \"$@\"' > \"$7/bin/distorch-fix\"; chmod +x \"$7/bin/distorch-fix\"; : "));
    let ran = job.run(&[]);
    assert_eq!(ran.out, "<check><--format><github><--><.>", "{ran:?}");
    let inputs =
        [("path", "a b\n\n$(c)\n"), ("comfyui", "~/Comfy UI@origin/master"), ("format", "sarif"), ("strict", "true")];
    let ran = job.run(&inputs);
    assert_eq!(
        ran.out, "<check><--format><sarif><--comfyui><~/Comfy UI@origin/master><--strict><--><a b><$(c)>",
        "{ran:?}"
    );
}

#[test]
fn the_action_installs_with_the_rust_that_the_project_needs() {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    let rust = manifest["package"]["rust-version"].as_str().unwrap();
    let action = fs::read_to_string("action.yml").unwrap();
    assert!(
        action.contains(&format!("rustup toolchain install {rust} ")) && action.contains(&format!("cargo +{rust} "))
    );
}

#[test]
fn the_readme_uses_what_there_is() {
    let readme = fs::read_to_string("README.md").unwrap();
    let blocks: Vec<Value> = readme
        .split("```yaml\n")
        .skip(1)
        .map(|rest| yaml_serde::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    assert_eq!(blocks.len(), 3, "for GitHub, GitLab and pre-commit");
    let inputs = yaml("action.yml")["inputs"].clone();
    let steps = blocks.iter().filter_map(|block| block["jobs"]["distorch-fix"]["steps"].as_sequence()).flatten();
    let uses: Vec<_> =
        steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("distorch-fix"))).collect();
    assert!(!uses.is_empty());
    for name in uses.iter().filter_map(|step| step["with"].as_mapping()).flat_map(|with| with.keys()) {
        assert!(inputs.get(name).is_some(), "{name:?} is no input of the action");
    }
    // The hook of the README is the one of `packaging/pre-commit`, which only builds in another way than this repository's.
    let hook = &blocks.iter().find(|block| block.get("repos").is_some()).unwrap()["repos"][0]["hooks"][0];
    let (wheel, source) = (yaml("packaging/pre-commit/.pre-commit-hooks.yaml"), yaml(".pre-commit-hooks.yaml"));
    for key in ["id", "name", "entry", "types", "pass_filenames"] {
        assert!(hook[key] == wheel[0][key] && hook[key] == source[0][key], "{key}");
    }
    assert!(hook["language"] == "python" && wheel[0]["language"] == "python" && source[0]["language"] == "rust");
}

/// `DISTORCH_FIX_PRE_COMMIT` names the program `pre-commit`, which clones this repository, builds it, and runs the hook; and if
/// `DISTORCH_FIX_WHEELS` names a folder with a wheel, runs the hook of the README and of `packaging/pre-commit` with that.
#[test]
fn the_hooks_run_in_pre_commit() {
    let Some(pre_commit) = std::env::var_os("DISTORCH_FIX_PRE_COMMIT") else {
        return skip("DISTORCH_FIX_PRE_COMMIT is not set, so the hooks were not run in pre-commit");
    };
    let wheels = std::env::var_os("DISTORCH_FIX_WHEELS");
    for (fixture, passes) in [("in-order", true), ("five-only", false)] {
        let install = Install::of(fixture);
        let git = |folder: &Path| {
            for arguments in [
                &["init", "--quiet"][..],
                &["add", "."],
                &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "all"],
            ] {
                assert!(Command::new("git").args(arguments).current_dir(folder).status().unwrap().success());
            }
        };
        git(&install.root);
        let run = |arguments: &[&str]| {
            let mut hook = Command::new(&pre_commit);
            hook.args(arguments).args(["distorch-fix", "--all-files", "--verbose"]).current_dir(&install.root);
            // What is built already need not be built again.
            hook.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("target"));
            if let Some(wheels) = &wheels {
                hook.env("PIP_FIND_LINKS", wheels);
            }
            let Output { status, stdout, stderr } = hook.output().unwrap();
            let said = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
            assert_eq!(status.success(), passes, "{fixture}: {said}");
            assert!(said.contains("ComfyUI-MultiGPU 2.5.10 in ComfyUI/custom_nodes/ComfyUI-MultiGPU"), "{said}");
        };
        if wheels.is_none() {
            run(&["try-repo", env!("CARGO_MANIFEST_DIR")]);
            continue;
        }
        let readme = fs::read_to_string("README.md").unwrap();
        let (_, block) = readme.split_once("```yaml\nrepos:").unwrap();
        let block = block.split("```").next().unwrap().replace("VERSION", env!("CARGO_PKG_VERSION"));
        fs::write(install.root.join(".pre-commit-config.yaml"), format!("repos:{block}")).unwrap();
        run(&["run"]);

        let repository = tempfile::tempdir().unwrap();
        for name in ["pyproject.toml", ".pre-commit-hooks.yaml"] {
            let template = fs::read_to_string(Path::new("packaging/pre-commit").join(name)).unwrap();
            let filled = template.replace("{{version}}", env!("CARGO_PKG_VERSION"));
            fs::write(repository.path().join(name), filled).unwrap();
        }
        git(repository.path());
        run(&["try-repo", repository.path().to_str().unwrap()]);
    }
}

const WORKFLOWS: &str = ".github/workflows";

/// Every file of a folder with its name; none where the folder is not shipped, as in an archive of the crate.
fn files_of(folder: &str) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else {
        skip(&format!("{folder} is not here, so nothing in it was looked at"));
        return Vec::new();
    };
    let name = |path: &Path| format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
    let files = entries.map(|entry| entry.unwrap().path());
    files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn workflows_may_only_read_and_use_only_what_is_pinned() {
    for (path, text) in files_of(WORKFLOWS) {
        let workflow: Value = yaml_serde::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let permissions = workflow["permissions"].as_mapping().unwrap();
        assert!(permissions.len() == 1 && workflow["permissions"]["contents"] == "read", "{path}");
        assert!(!text.contains("secrets.") && !text.contains("pull_request_target"), "{path}");
        for (name, job) in workflow["jobs"].as_mapping().unwrap() {
            // Only what publishes a tag may do more than read.
            let publishes = name.as_str().is_some_and(|name| name.starts_with("publish-"))
                && job["if"] == "github.event_name == 'push'";
            assert!(job.get("permissions").is_none() || publishes, "{path}: {name:?}");
            assert!(job.get("timeout-minutes").is_some(), "{path}: {name:?}");
            for step in job["steps"].as_sequence().unwrap() {
                // What is filled in ahead of the shell could be a command.
                assert!(step["run"].as_str().is_none_or(|run| !run.contains("${{")), "{path}: {step:?}");
                let is_checkout = step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@"));
                assert!(!is_checkout || step["with"]["persist-credentials"] == false, "{path}: {step:?}");
            }
        }
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (_, pin) = line.split_once('@').unwrap_or_else(|| panic!("{path}: {line}"));
            let (id, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("{path}: {line}"));
            assert!(id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}: {line}");
            assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{path}: {line}");
        }
    }
}

#[test]
fn workflows_use_the_rust_that_the_project_promises_and_know_every_fuzz_target() {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    let rust = manifest["package"]["rust-version"].as_str().unwrap();
    let workflows: BTreeMap<_, _> = files_of(WORKFLOWS).into_iter().collect();
    let Some(nightly) = workflows.get(".github/workflows/nightly.yml") else { return };
    for (path, workflow) in &workflows {
        let workflow: Value = yaml_serde::from_str(workflow).unwrap();
        for (name, job) in workflow["jobs"].as_mapping().unwrap() {
            let of_env = job["env"]["RUSTUP_TOOLCHAIN"].as_str();
            let of_deny =
                job["steps"].as_sequence().unwrap().iter().find_map(|step| step["with"]["rust-version"].as_str());
            match of_env.or(of_deny).unwrap_or_else(|| panic!("{path}: {name:?} takes any Rust")) {
                "nightly" => assert_eq!(text(name), "fuzz", "{path}"),
                "${{ matrix.rust }}" => {
                    let matrix = job["strategy"]["matrix"]["rust"].as_sequence().unwrap();
                    assert_eq!(matrix.iter().map(text).collect::<Vec<_>>(), [rust, "stable"], "{path}: {name:?}");
                }
                named => assert_eq!(named, rust, "{path}: {name:?}"),
            }
        }
    }
    let nightly: Value = yaml_serde::from_str(nightly).unwrap();
    assert_eq!(nightly["jobs"]["full"]["env"]["DISTORCH_FIX_FULL"], "1");
    let fuzz: toml::Table = fs::read_to_string("fuzz/Cargo.toml").unwrap().parse().unwrap();
    let targets: Vec<_> = fuzz["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    let matrix = nightly["jobs"]["fuzz"]["strategy"]["matrix"]["include"].as_sequence().unwrap();
    assert_eq!(matrix.iter().map(|one| text(&one["target"])).collect::<Vec<_>>(), targets);
    for one in matrix {
        let seeds = text(&one["seeds"]).split(' ').map(Path::new);
        assert!(seeds.chain([Path::new("fuzz")]).all(Path::is_dir), "{one:?}");
        assert!(Path::new("fuzz").join(format!("{}.dict", text(&one["dictionary"]))).is_file(), "{one:?}");
    }
}

#[test]
fn issue_forms_ask_for_what_the_readme_asks_for() {
    let forms: BTreeMap<_, _> = files_of(".github/ISSUE_TEMPLATE").into_iter().collect();
    for (path, form) in forms.iter().filter(|(path, _)| !path.ends_with("config.yml")) {
        let form: Value = yaml_serde::from_str(form).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(form["name"].is_string() && form["description"].is_string(), "{path}");
        let mut ids: Vec<_> =
            form["body"].as_sequence().unwrap().iter().filter_map(|part| part["id"].as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(!ids.is_empty() && ids.len() == count, "{path}");
    }
    let Some(form) = forms.get(".github/ISSUE_TEMPLATE/file.yml") else { return };
    let readme = fs::read_to_string("README.md").unwrap().replace('\n', " ");
    for asked in [
        "`distorch-fix check`",
        "`distorch-fix --version`",
        "file as it is, or the commit that it comes from",
        "Leave out what is private",
    ] {
        assert!(readme.contains(asked) && form.contains(asked), "{asked}");
    }
}
