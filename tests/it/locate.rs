//! What `install::locate` promises, on installs as users have them.

use std::fs;
use std::path::{Path, PathBuf};

use distorch_fix::advice;
use distorch_fix::install::{Checkout, Evidence, Search, locate};
use git2::{IndexAddOption, Repository, Signature};
use tempfile::TempDir;

use crate::common::real;

const URL: &str = "https://github.com/pollockjj/ComfyUI-MultiGPU.git";
const SOURCE: &str = "for a, b, c, d in load_list:\n    pass\n";

/// A machine to install things on. Its path is the real one, so that it can be compared.
struct Machine {
    _folder: TempDir,
    root: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = real(folder.path());
        Self { _folder: folder, root }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn comfyui(&self, path: &str) -> PathBuf {
        self.write(&format!("{path}/main.py"), "");
        self.write(&format!("{path}/comfy/model_patcher.py"), "");
        self.write(&format!("{path}/comfyui_version.py"), "# made at release\n__version__ = \"0.3.75\"\n");
        fs::create_dir_all(self.at(path).join("custom_nodes")).unwrap();
        self.at(path)
    }

    /// A node as an archive unpacks it.
    fn unpacked(&self, path: &str) -> PathBuf {
        self.write(&format!("{path}/distorch_2.py"), SOURCE);
        self.write(&format!("{path}/__init__.py"), "import logging\nlogging.getLogger('MultiGPU')\n");
        self.write(&format!("{path}/pyproject.toml"), "[project]\nname = \"ComfyUI_MultiGPU\"\nversion = \"2.5.10\"\n");
        self.at(path)
    }

    /// A node as git clones it, with nothing but its origin to tell what it is.
    fn cloned(&self, path: &str, url: &str) -> Repository {
        self.write(&format!("{path}/distorch_2.py"), SOURCE);
        let repository = Repository::init(self.at(path)).unwrap();
        repository.remote("origin", url).unwrap();
        commit(&repository, "first");
        repository
    }

    fn locate(&self, path: &str) -> Search {
        locate(&self.at(path)).unwrap()
    }
}

fn commit(repository: &Repository, message: &str) -> git2::Oid {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let me = Signature::now("me", "me@example.org").unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &me, &me, message, &tree, &parents).unwrap()
}

fn only(search: Search) -> Checkout {
    let [checkout] = <[Checkout; 1]>::try_from(search.checkouts).unwrap();
    checkout
}

fn roots(search: &Search) -> Vec<&Path> {
    search.checkouts.iter().map(|checkout| checkout.root.as_path()).collect()
}

#[test]
fn any_folder_above_at_or_below_means_the_checkout() {
    let machine = Machine::new();
    machine.comfyui("portable/ComfyUI");
    let node = machine.unpacked("portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU");
    machine.write("portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU/web/js/a.js", "");
    machine.write("portable/ComfyUI/custom_nodes/other/nodes.py", "");
    machine.write("portable/ComfyUI/models/unet/a.gguf", "");
    for start in [
        "",
        "portable",
        "portable/ComfyUI",
        "portable/ComfyUI/models/unet",
        "portable/ComfyUI/models/unet/a.gguf",
        "portable/ComfyUI/custom_nodes",
        "portable/ComfyUI/custom_nodes/other",
        "portable/ComfyUI/custom_nodes/../custom_nodes",
        "portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU",
        "portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU/",
        "portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU/web/js",
        "portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU/pyproject.toml",
        "portable/ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py",
    ] {
        let checkout = only(machine.locate(start));
        assert_eq!(checkout.root, node, "{start}");
        assert_eq!(checkout.file, node.join("distorch_2.py"), "{start}");
        assert_eq!(checkout.evidence, Evidence::Pyproject, "{start}");
        assert_eq!(checkout.version.as_deref(), Some("2.5.10"));
        let comfyui = checkout.comfyui.unwrap();
        assert_eq!(comfyui.root, machine.at("portable/ComfyUI"), "{start}");
        assert_eq!(comfyui.version.as_deref(), Some("0.3.75"));
    }
}

#[test]
fn a_start_that_cannot_be_looked_at_is_an_error_that_says_what_to_do() {
    let machine = Machine::new();
    machine.write("file", "");
    for start in ["nowhere", "file/below"] {
        let error = locate(&machine.at(start)).unwrap_err();
        assert!(error.to_string().contains(start), "{error}");
        assert!(advice::help(&error)[0].starts_with("name distorch_2.py"), "{error}");
    }
}

#[test]
fn finding_none_tells_where_was_looked_and_why_near_misses_were_not_taken() {
    let machine = Machine::new();
    machine.comfyui("ComfyUI");
    machine.write("ComfyUI/custom_nodes/comfyui-multigpu-main/README.md", "");
    machine.write("ComfyUI/custom_nodes/stray/distorch_2.py", SOURCE);
    let old = machine.cloned("ComfyUI/custom_nodes/old", URL);
    fs::remove_file(old.workdir().unwrap().join("distorch_2.py")).unwrap();
    machine.write("ComfyUI/models/a.gguf", "");

    let search = machine.locate("ComfyUI/models");
    assert!(search.checkouts.is_empty());
    assert_eq!(search.looked_in, [machine.at("ComfyUI/models"), machine.at("ComfyUI")]);
    let said: Vec<_> = search.near_misses.iter().map(|miss| (miss.path.clone(), miss.reason.as_str())).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[0].0, machine.at("ComfyUI/custom_nodes/comfyui-multigpu-main"));
    assert!(said[0].1.contains("named like ComfyUI-MultiGPU"));
    assert_eq!(said[1].0, machine.at("ComfyUI/custom_nodes/old"));
    assert!(said[1].1.contains(URL) && said[1].1.contains("older than DisTorch2?"));
    assert_eq!(said[2].0, machine.at("ComfyUI/custom_nodes/stray"));
    assert!(said[2].1.contains("name the file itself"));
}

#[test]
fn pointing_at_a_near_miss_does_not_mean_its_neighbour() {
    let machine = Machine::new();
    machine.comfyui("ComfyUI");
    machine.unpacked("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
    machine.write("ComfyUI/custom_nodes/ComfyUI-MultiGPU-old/nodes.py", "");
    let search = machine.locate("ComfyUI/custom_nodes/ComfyUI-MultiGPU-old");
    assert!(search.checkouts.is_empty());
    assert_eq!(search.near_misses.len(), 1);
}

#[test]
fn a_comfyui_that_is_named_like_the_node_is_still_a_comfyui() {
    let machine = Machine::new();
    machine.comfyui("ComfyUI-MultiGPU");
    let node = machine.unpacked("ComfyUI-MultiGPU/custom_nodes/mgpu");
    for start in ["", "ComfyUI-MultiGPU", "ComfyUI-MultiGPU/comfy"] {
        let search = machine.locate(start);
        assert_eq!(search.near_misses, []);
        assert_eq!(only(search).root, node);
    }
}

#[test]
fn what_lies_beneath_is_preferred_to_what_lies_above() {
    let machine = Machine::new();
    machine.comfyui("ComfyUI");
    machine.unpacked("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
    let beneath = machine.unpacked("ComfyUI/backup/ComfyUI-MultiGPU");
    assert_eq!(only(machine.locate("ComfyUI/backup")).root, beneath);
    assert_eq!(machine.locate("ComfyUI").checkouts.len(), 2);
}

#[test]
fn the_climb_ends_at_the_enclosing_comfyui() {
    let machine = Machine::new();
    machine.comfyui("a");
    machine.comfyui("b");
    machine.unpacked("b/custom_nodes/ComfyUI-MultiGPU");
    machine.write("a/custom_nodes/other/nodes.py", "");
    machine.write("elsewhere/notes.txt", "");
    for start in ["a", "a/custom_nodes/other", "elsewhere"] {
        assert_eq!(roots(&machine.locate(start)), [] as [&Path; 0], "{start}");
    }
}

#[test]
fn a_python_file_that_is_named_is_taken() {
    let machine = Machine::new();
    let alone = machine.write("downloads/patched.py", SOURCE);
    let checkout = only(machine.locate("downloads/patched.py"));
    assert_eq!((checkout.file, checkout.evidence), (alone, Evidence::Named));
    assert_eq!(checkout.root, machine.at("downloads"));

    let node = machine.unpacked("node");
    let copy = machine.write("node/old/copy.py", SOURCE);
    let checkout = only(machine.locate("node/old/copy.py"));
    assert_eq!((checkout.root, checkout.file, checkout.evidence), (node, copy, Evidence::Pyproject));
}

#[test]
fn an_unpacked_node_is_known_by_its_layout_where_pyproject_is_missing_or_broken() {
    let machine = Machine::new();
    let node = machine.unpacked("custom_nodes/mgpu");
    for pyproject in [None, Some("<<<<<<< HEAD\n"), Some("[project]\nname = \"my-fork\"\nversion = \"1\"\n")] {
        fs::remove_file(node.join("pyproject.toml")).ok();
        if let Some(text) = pyproject {
            fs::write(node.join("pyproject.toml"), text).unwrap();
        }
        assert_eq!(only(machine.locate("")).evidence, Evidence::Layout, "{pyproject:?}");
    }
}

#[test]
fn forks_and_mirrors_are_known_by_their_origin() {
    let machine = Machine::new();
    machine.cloned("x", "git@example.org:someone/comfyui_multigpu-fork.git");
    let checkout = only(machine.locate(""));
    assert_eq!(checkout.evidence, Evidence::Origin("git@example.org:someone/comfyui_multigpu-fork.git".into()));
}

#[test]
fn a_token_in_the_origin_is_not_shown() {
    let machine = Machine::new();
    machine.cloned("x", "https://ghp_secret@github.com/me/ComfyUI-MultiGPU");
    assert_eq!(only(machine.locate("x")).evidence, Evidence::Origin("https://github.com/me/ComfyUI-MultiGPU".into()));
}

#[test]
fn another_remote_counts_where_there_is_no_origin() {
    let machine = Machine::new();
    let repository = machine.cloned("x", URL);
    repository.remote_rename("origin", "upstream").unwrap();
    assert_eq!(only(machine.locate("x")).evidence, Evidence::Origin(URL.into()));
}

#[test]
fn a_renamed_fork_is_known_by_its_other_evidence_and_keeps_its_git_facts() {
    let machine = Machine::new();
    machine.unpacked("x");
    machine.cloned("x", "https://example.org/me/mgpu");
    let checkout = only(machine.locate(""));
    assert_eq!(checkout.evidence, Evidence::Pyproject);
    assert!(checkout.git.unwrap().head.is_some());
}

#[test]
fn the_repository_of_comfyui_is_not_taken_for_the_nodes() {
    let machine = Machine::new();
    machine.comfyui("ComfyUI");
    machine.unpacked("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
    let comfyui = Repository::init(machine.at("ComfyUI")).unwrap();
    comfyui.remote("origin", "https://github.com/comfyanonymous/ComfyUI").unwrap();
    commit(&comfyui, "all");
    let checkout = only(machine.locate("ComfyUI"));
    assert_eq!(checkout.evidence, Evidence::Pyproject);
    assert_eq!(checkout.git, None);
}

#[test]
fn head_branch_and_distance_from_a_tag_are_told() {
    let machine = Machine::new();
    let repository = machine.cloned("x", URL);
    let facts = only(machine.locate("x")).git.unwrap();
    let branch = repository.head().unwrap().shorthand().unwrap().to_owned();
    let head = facts.head.unwrap();
    assert_eq!((head.branch, head.describe), (Some(branch), None));
    assert_eq!(facts.workdir, machine.at("x"));
    assert_eq!(facts.git_dir, machine.at("x/.git"));

    let first = repository.head().unwrap().peel_to_commit().unwrap();
    repository.tag_lightweight("v2.5.10", first.as_object(), false).unwrap();
    let describe = || only(machine.locate("x")).git.unwrap().head.unwrap().describe.unwrap();
    assert_eq!(describe(), "v2.5.10");
    for number in 0..3 {
        machine.write("x/notes", &number.to_string());
        commit(&repository, "more");
    }
    let last = repository.head().unwrap().peel_to_commit().unwrap();
    repository.set_head_detached(last.id()).unwrap();
    let head = only(machine.locate("x")).git.unwrap().head.unwrap();
    assert!(last.id().to_string().starts_with(&head.short_id) && head.short_id.len() >= 7);
    assert_eq!(head.branch, None);
    assert_eq!(head.describe, Some(format!("v2.5.10-3-g{}", head.short_id)));

    let me = Signature::now("me", "me@example.org").unwrap();
    repository.tag("v2.6", last.as_object(), &me, "annotated", false).unwrap();
    assert_eq!(describe(), "v2.6");
}

#[test]
fn modified_means_other_content_and_not_other_line_endings() {
    let machine = Machine::new();
    let repository = machine.cloned("x", URL);
    let modified = || only(machine.locate("x")).git.unwrap().modified;
    assert_eq!(modified(), Some(false));
    machine.write("x/distorch_2.py", &SOURCE.replace('\n', "\r\n"));
    assert_eq!(modified(), Some(false));
    machine.write("x/distorch_2.py", &SOURCE.replace("pass", "break"));
    assert_eq!(modified(), Some(true));
    machine.write("x/distorch_2.py", &SOURCE.replace('\n', "\r\n"));
    commit(&repository, "other line endings");
    machine.write("x/distorch_2.py", SOURCE);
    assert_eq!(modified(), Some(false));
}

#[test]
fn a_file_that_head_does_not_have_is_modified() {
    let machine = Machine::new();
    machine.cloned("x", URL);
    machine.write("x/new.py", SOURCE);
    assert_eq!(only(machine.locate("x/new.py")).git.unwrap().modified, Some(true));
}

#[test]
fn a_repository_without_commits_has_an_origin_and_no_head() {
    let machine = Machine::new();
    machine.write("x/distorch_2.py", SOURCE);
    Repository::init(machine.at("x")).unwrap().remote("origin", URL).unwrap();
    let checkout = only(machine.locate("x"));
    assert_eq!(checkout.evidence, Evidence::Origin(URL.into()));
    let facts = checkout.git.unwrap();
    assert_eq!((facts.head, facts.modified), (None, None));
}

#[test]
fn a_worktree_is_a_checkout() {
    let machine = Machine::new();
    let repository = machine.cloned("bare-ish/main", URL);
    let tree = machine.at("custom_nodes-of-mine/wt");
    fs::create_dir_all(tree.parent().unwrap()).unwrap();
    repository.worktree("wt", &tree, None).unwrap();
    machine.write("custom_nodes-of-mine/wt/distorch_2.py", "changed\n");

    let checkout = only(machine.locate("custom_nodes-of-mine"));
    assert_eq!(checkout.evidence, Evidence::Origin(URL.into()));
    let facts = checkout.git.unwrap();
    assert_eq!(facts.head.unwrap().branch.as_deref(), Some("wt"));
    assert_eq!(facts.modified, Some(true));
    assert_eq!(only(machine.locate("bare-ish")).git.unwrap().modified, Some(false));
}

#[test]
fn a_submodule_is_a_checkout() {
    let machine = Machine::new();
    machine.cloned("super/nodes/mgpu", URL);
    fs::create_dir_all(machine.at("super/.git/modules")).unwrap();
    fs::rename(machine.at("super/nodes/mgpu/.git"), machine.at("super/.git/modules/mgpu")).unwrap();
    machine.write("super/nodes/mgpu/.git", "gitdir: ../../.git/modules/mgpu\n");
    let checkout = only(machine.locate("super"));
    assert_eq!(checkout.evidence, Evidence::Origin(URL.into()));
    assert_eq!(checkout.git.unwrap().modified, Some(false));
}

#[test]
fn a_git_file_that_points_nowhere_leaves_the_other_evidence() {
    let machine = Machine::new();
    let node = machine.unpacked("x");
    for broken in ["gitdir: /nowhere/at/all\n", "gitdir:", "", "\u{0}\u{1}"] {
        fs::write(node.join(".git"), broken).unwrap();
        let checkout = only(machine.locate("x"));
        assert_eq!((checkout.evidence, checkout.git), (Evidence::Pyproject, None), "{broken:?}");
    }
}

#[test]
fn a_damaged_repository_leaves_the_other_evidence() {
    let machine = Machine::new();
    machine.unpacked("x");
    machine.cloned("x", URL);
    machine.write("x/.git/config", "[core\nnonsense");
    let checkout = only(machine.locate("x"));
    assert_eq!(checkout.evidence, Evidence::Pyproject);
    assert_eq!(checkout.git.unwrap().head, None);
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let machine = Machine::new();
    let repository = machine.cloned("x", URL);
    let marker = machine.at("marker");
    let script = machine.write("x/evil.sh", &format!("#!/bin/sh\ntouch '{}'\ncat\n", marker.display()));
    machine.write("x/.git/hooks/post-index-change", &fs::read_to_string(&script).unwrap());
    #[cfg(unix)]
    for path in [&script, &machine.at("x/.git/hooks/post-index-change")] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut included = git2::Config::open(&machine.write("included", "")).unwrap();
    let mut config = repository.config().unwrap();
    for config in [&mut included, &mut config] {
        for name in ["core.fsmonitor", "core.sshCommand", "core.pager", "filter.x.clean", "filter.x.smudge"] {
            config.set_str(name, script.to_str().unwrap()).unwrap();
        }
        config.set_bool("filter.x.required", true).unwrap();
        config.set_str("core.hooksPath", machine.at("x/.git/hooks").to_str().unwrap()).unwrap();
    }
    config.set_str("include.path", machine.at("included").to_str().unwrap()).unwrap();
    machine.write("x/.gitattributes", "*.py filter=x\n");
    machine.write("x/distorch_2.py", "changed\n");

    let facts = only(machine.locate("")).git.unwrap();
    assert_eq!(facts.modified, Some(true));
    assert!(facts.head.is_some());
    assert!(!marker.exists());
}

#[test]
fn disabled_nodes_are_found_marked_and_listed_last() {
    let machine = Machine::new();
    machine.comfyui("c");
    let hidden = machine.unpacked("c/custom_nodes/.disabled/comfyui-multigpu@2_6_3");
    let suffixed = machine.unpacked("c/custom_nodes/A.DISABLED");
    let enabled = machine.unpacked("c/custom_nodes/Z");
    let search = machine.locate("c");
    assert_eq!(roots(&search), [&*enabled, &*hidden, &*suffixed]);
    assert_eq!(search.checkouts.iter().map(|checkout| checkout.disabled).collect::<Vec<_>>(), [false, true, true]);
    assert!(search.checkouts.iter().all(|checkout| checkout.comfyui.is_some()));
    assert!(only(machine.locate("c/custom_nodes/.disabled")).disabled);
}

#[test]
fn folders_of_many_files_and_subfolders_of_nodes_are_not_searched() {
    let machine = Machine::new();
    machine.comfyui("c");
    for folder in [
        "models",
        "output",
        "Input",
        "temp",
        "user",
        "web",
        "venv",
        ".venv",
        "node_modules",
        "__pycache__",
        "env/lib/python3.12/site-packages",
        ".git",
        "custom_nodes/pack/sub",
    ] {
        machine.unpacked(&format!("c/{folder}/ComfyUI-MultiGPU"));
    }
    machine.unpacked("python_embeded/x");
    assert_eq!(roots(&machine.locate("")), [] as [&Path; 0]);
}

#[test]
fn a_folder_that_is_only_named_like_one_of_comfyuis_is_searched() {
    let machine = Machine::new();
    for home in ["user", "temp", "models"] {
        machine.unpacked(&format!("{home}/ComfyUI/custom_nodes/ComfyUI-MultiGPU"));
    }
    assert_eq!(machine.locate("").checkouts.len(), 3);
}

#[test]
fn the_search_downward_has_a_bottom() {
    let machine = Machine::new();
    machine.unpacked("1/2/3/4/5/6/7/8");
    machine.unpacked("1/2/3/4/5/6/7/x/9");
    assert_eq!(roots(&machine.locate("")), [machine.at("1/2/3/4/5/6/7/8")]);
}

#[test]
fn text_that_is_not_utf8_and_files_of_no_reasonable_size_do_no_harm() {
    let machine = Machine::new();
    let node = machine.unpacked("x");
    fs::write(node.join("pyproject.toml"), b"[project]\nname = \"\xff\"\n").unwrap();
    fs::write(node.join("__init__.py"), b"# \xff\xfe MULTIGPU\n").unwrap();
    assert_eq!(only(machine.locate("x")).evidence, Evidence::Layout);
    // Were it read to its end, it would be believed.
    let huge = fs::OpenOptions::new().write(true).open(node.join("__init__.py"));
    huge.unwrap().set_len(2 << 20).unwrap();
    assert!(machine.locate("x").checkouts.is_empty());
}

#[cfg(unix)] // only some users of Windows may make links
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_linked_custom_nodes_belongs_to_the_comfyui_that_links_to_it() {
        let machine = Machine::new();
        machine.comfyui("home/ComfyUI");
        machine.unpacked("disk/nodes/ComfyUI-MultiGPU");
        fs::remove_dir(machine.at("home/ComfyUI/custom_nodes")).unwrap();
        symlink(machine.at("disk/nodes"), machine.at("home/ComfyUI/custom_nodes")).unwrap();
        for start in
            ["", "home", "home/ComfyUI", "home/ComfyUI/custom_nodes", "home/ComfyUI/custom_nodes/ComfyUI-MultiGPU"]
        {
            let checkout = only(machine.locate(start));
            assert_eq!(checkout.root, machine.at("home/ComfyUI/custom_nodes/ComfyUI-MultiGPU"), "{start}");
            assert_eq!(checkout.comfyui.unwrap().root, machine.at("home/ComfyUI"), "{start}");
        }
    }

    #[test]
    fn a_linked_node_is_found_once_and_shown_where_comfyui_loads_it() {
        let machine = Machine::new();
        machine.comfyui("ComfyUI");
        machine.cloned("dev/mgpu", URL);
        for link in ["a", "b", "c.disabled"] {
            symlink(machine.at("dev/mgpu"), machine.at("ComfyUI/custom_nodes").join(link)).unwrap();
        }
        let checkout = only(machine.locate(""));
        assert_eq!(checkout.root, machine.at("ComfyUI/custom_nodes/a"));
        assert!(!checkout.disabled && checkout.comfyui.is_some());
        assert_eq!(checkout.git.unwrap().modified, Some(false));
    }

    #[test]
    fn a_link_into_a_checkout_leads_to_the_checkout() {
        let machine = Machine::new();
        machine.comfyui("ComfyUI");
        let node = machine.unpacked("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
        fs::create_dir_all(node.join("web")).unwrap();
        fs::create_dir(machine.at("links")).unwrap();
        for (link, target) in [("file.py", "distorch_2.py"), ("web", "web"), ("readme", "pyproject.toml"), ("node", "")]
        {
            symlink(node.join(target), machine.at("links").join(link)).unwrap();
            let checkout = only(machine.locate(&format!("links/{link}")));
            assert!(checkout.file.starts_with(&checkout.root) && checkout.file.is_file(), "{link}");
            assert_eq!(real(&checkout.root), node, "{link}");
            assert_eq!(checkout.comfyui.unwrap().root, machine.at("ComfyUI"), "{link}");
        }
    }

    #[test]
    fn loops_end_and_links_out_of_the_tree_do_not_search_the_whole_disk() {
        let machine = Machine::new();
        machine.comfyui("ComfyUI");
        let node = machine.unpacked("ComfyUI/custom_nodes/ComfyUI-MultiGPU");
        symlink("/", machine.at("z:")).unwrap();
        symlink(".", machine.at("ComfyUI/self")).unwrap();
        symlink("../ComfyUI", machine.at("ComfyUI/custom_nodes/up")).unwrap();
        symlink("custom_nodes", machine.at("ComfyUI/custom_nodes/custom_nodes")).unwrap();
        symlink("nowhere", machine.at("ComfyUI/broken")).unwrap();
        fs::create_dir(machine.at("maze")).unwrap();
        for room in 0..30 {
            let room = machine.at("maze").join(room.to_string());
            fs::create_dir(&room).unwrap();
            for door in 0..30 {
                symlink(format!("../{door}"), room.join(format!("to-{door}"))).unwrap();
            }
        }
        let search = machine.locate("");
        assert_eq!(roots(&search), [&*node]);
        assert_eq!(search.near_misses, []);
    }

    #[test]
    fn a_link_out_of_the_searched_tree_is_followed() {
        let machine = Machine::new();
        machine.comfyui("disk/ComfyUI");
        machine.unpacked("disk/ComfyUI/custom_nodes/ComfyUI-MultiGPU");
        fs::create_dir(machine.at("home")).unwrap();
        symlink("../disk/ComfyUI", machine.at("home/comfy")).unwrap();
        let checkout = only(machine.locate("home"));
        assert_eq!(checkout.root, machine.at("home/comfy/custom_nodes/ComfyUI-MultiGPU"));
        assert_eq!(checkout.comfyui.unwrap().root, machine.at("home/comfy"));
    }

    #[test]
    fn a_link_within_the_searched_tree_does_not_hide_the_real_path() {
        let machine = Machine::new();
        machine.comfyui("disk/ComfyUI");
        let node = machine.unpacked("disk/ComfyUI/custom_nodes/ComfyUI-MultiGPU");
        symlink("disk/ComfyUI", machine.at("a-link")).unwrap();
        assert_eq!(only(machine.locate("")).root, node);
    }

    #[test]
    fn a_file_that_is_committed_as_a_link_is_neither_modified_nor_not() {
        let machine = Machine::new();
        machine.write("x/impl.py", SOURCE);
        symlink("impl.py", machine.at("x/distorch_2.py")).unwrap();
        let repository = Repository::init(machine.at("x")).unwrap();
        repository.remote("origin", URL).unwrap();
        commit(&repository, "linked");
        assert_eq!(only(machine.locate("x")).git.unwrap().modified, None);
    }

    #[test]
    fn a_checkout_of_another_user_is_read_like_any_other() {
        let machine = Machine::new();
        machine.cloned("x", URL);
        // Only root may give files away; for others this holds trivially.
        for entry in walkdir::WalkDir::new(machine.at("x")) {
            let _ = std::os::unix::fs::lchown(entry.unwrap().path(), Some(1234), Some(1234));
        }
        let checkout = only(machine.locate("x"));
        assert_eq!(checkout.evidence, Evidence::Origin(URL.into()));
        let facts = checkout.git.unwrap();
        assert!(facts.head.is_some());
        assert_eq!(facts.modified, Some(false));
    }
    #[test]
    fn a_folder_that_may_not_be_read_is_a_near_miss_and_as_a_start_an_error() {
        use std::os::unix::fs::PermissionsExt;
        let machine = Machine::new();
        fs::create_dir(machine.at("locked")).unwrap();
        fs::set_permissions(machine.at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read_dir(machine.at("locked")).is_ok() {
            return; // root may read everything
        }
        let search = machine.locate("");
        assert_eq!(search.near_misses[0].path, machine.at("locked"));
        assert!(search.near_misses[0].reason.contains("cannot be read"));
        let error = format!("{:#}", locate(&machine.at("locked")).unwrap_err());
        assert!(error.contains("cannot search") && error.contains("locked"), "{error}");
    }

    #[test]
    fn a_pipe_in_a_hostile_archive_is_not_waited_for() {
        let machine = Machine::new();
        let node = machine.unpacked("x");
        machine.cloned("x", URL);
        for pipe in ["pyproject.toml", ".git/config", ".git/HEAD", ".git/commondir", "__init__.py", "distorch_2.py"] {
            let pipe = node.join(pipe);
            fs::remove_file(&pipe).ok();
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            machine.locate("");
        }
    }
}
