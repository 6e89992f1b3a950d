//! Revisions are read from the object database: of ComfyUI and of the node, with nothing on disk touched or asked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::common::Install;
use crate::common::git::{comfyui, commit, folder, init, node};
use distorch_fix::comfyui::{self, Facts};
use distorch_fix::fixes::load_list::ANY;
use distorch_fix::fixes::{Accounting, Fix, Status};
use distorch_fix::install::{self, Revision};
use distorch_fix::pipeline::Repair;
use distorch_fix::python::FileId;
use distorch_fix::report::Problem;
use distorch_fix::verify::{Options, Verdict};
use git2::Repository;

fn facts(argument: impl AsRef<OsStr>) -> Facts {
    comfyui::read(&comfyui::named(argument.as_ref()).unwrap(), None).unwrap()
}

fn arities(facts: &Facts) -> Vec<usize> {
    facts.load_lists[0].shapes.as_ref().unwrap().iter().map(comfyui::Shape::arity).collect()
}

fn shown(error: &anyhow::Error) -> String {
    Problem::of(error, Path::new("")).to_string()
}

/// What goes wrong: always with help in a last line of its own.
fn error(argument: impl AsRef<OsStr>) -> String {
    let failed = comfyui::named(argument.as_ref()).and_then(|files| comfyui::read(&files, None));
    let error = shown(&failed.unwrap_err());
    assert!(error.lines().last().unwrap().starts_with("help: "), "{error}");
    error
}

#[test]
fn every_way_to_name_a_revision_is_understood_and_nothing_is_checked_out() {
    for bare in [false, true] {
        let (_folder, root) = folder();
        let root = root.join("ComfyUI");
        let repository = comfyui(&root, bare);
        let text = root.display();
        let old = repository.revparse_single("v0.3.70^{commit}").unwrap().id();
        for name in ["v0.3.70".to_owned(), "master~1".to_owned(), "HEAD~1".to_owned(), old.to_string()] {
            let facts = facts(format!("{text}@{name}"));
            assert_eq!((arities(&facts), facts.version.as_deref()), (vec![4], Some("0.3.70")), "{name}");
            assert_eq!(facts.root, root);
        }
        assert_eq!(arities(&facts(format!("{text}@HEAD"))), [5]);
        for name in ["next", "origin/master", "user@next", "refs/remotes/origin/master"] {
            assert_eq!(arities(&facts(format!("{text}@{name}"))), [5, 6], "{name}");
        }
        let short = old.to_string()[..7].to_owned();
        assert_eq!(facts(format!("{text}@v0.3.70")).revision, Some(format!("v0.3.70 ({short})")));
        assert_eq!(facts(format!("{text}@{short}")).revision, Some(short));
        if !bare {
            let disk = facts(&root);
            assert_eq!((arities(&disk), disk.revision), (vec![5], None));
            assert_eq!(repository.head().unwrap().shorthand().unwrap(), "master");
        }
    }
}

#[test]
fn a_path_with_an_at_sign_is_a_path_first() {
    let (_folder, root) = folder();
    for name in ["me@home", "ComfyUI@next"] {
        let root = root.join(name);
        comfyui(&root, false);
        assert_eq!(arities(&facts(&root)), [5], "{name}");
        assert_eq!(arities(&facts(format!("{}@v0.3.70", root.display()))), [4], "{name}");
    }
    // The folder `ComfyUI@next` comes before the branch `next` of the folder `ComfyUI`.
    comfyui(&root.join("ComfyUI"), false);
    assert_eq!(arities(&facts(root.join("ComfyUI@next"))), [5]);
    assert_eq!(arities(&facts(root.join("ComfyUI@next@v0.3.70"))), [4]);
    assert_eq!(arities(&facts(root.join("ComfyUI@origin/master"))), [5, 6]);
}

#[test]
fn the_portable_version_is_found_in_the_folder_around_it() {
    let (_folder, root) = folder();
    comfyui(&root.join("ComfyUI"), false);
    assert_eq!(facts(&root).root, root.join("ComfyUI"));
    assert_eq!(arities(&facts(format!("{}@v0.3.70", root.display()))), [4]);
}

#[test]
fn what_goes_wrong_is_said_with_what_to_do() {
    let (_folder, root) = folder();
    let comfy = root.join("ComfyUI");
    let repository = comfyui(&comfy, false);
    let text = comfy.display().to_string();
    assert!(error(root.join("none")).starts_with(&format!("there is no {}\n", root.join("none").display())));
    assert!(error(root.join("none@next")).starts_with("there is no "));
    assert!(error("").starts_with("there is no "));
    assert!(error(comfy.join("comfy")).contains("is not a ComfyUI folder"));
    assert!(error(comfy.join("main.py")).contains("is not a ComfyUI folder"));
    assert!(error(format!("{text}@")).starts_with("no revision is named after the `@`"));
    let missing = error(format!("{text}@origin/main"));
    assert!(missing.starts_with("no revision `origin/main` in ") && missing.contains("fetch --tags"), "{missing}");
    assert!(error(format!("{text}@HEAD~9")).starts_with("no revision `HEAD~9`"));
    assert!(error(format!("{text}@HEAD:comfy")).starts_with("`HEAD:comfy` is not a commit"));
    assert!(error(format!("{text}@[")).contains("`[`"));

    let plain = root.join("plain/ComfyUI");
    crate::common::copy(Path::new("fixtures/legacy/ComfyUI"), &plain);
    let no_repository = |why: &str| {
        assert!(error(format!("{}@master", plain.display())).contains("is not a git repository"), "{why}");
    };
    no_repository("nothing of git");
    fs::write(plain.join("HEAD"), "a file of somebody's").unwrap();
    no_repository("a file called HEAD");
    fs::remove_file(plain.join("HEAD")).unwrap();
    fs::create_dir(plain.join("objects")).unwrap();
    no_repository("a folder called objects");
    fs::write(comfy.join(comfyui::PATCHER), "class (\n").unwrap();
    assert!(error(&comfy).contains("model_patcher.py: not valid Python at line 1"));
    fs::write(comfy.join("comfy/sd.py"), "").unwrap();
    fs::remove_file(comfy.join(comfyui::PATCHER)).unwrap();
    assert!(error(&comfy).starts_with("there is no comfy/model_patcher.py\n"));
    commit(&repository, &comfy);
    let older = error(format!("{text}@HEAD"));
    assert!(older.starts_with("there is no comfy/model_patcher.py at HEAD ("), "{older}");
    fs::remove_file(comfy.join("main.py")).unwrap();
    commit(&repository, &comfy);
    assert!(error(format!("{text}@HEAD")).contains("is not a ComfyUI folder at `HEAD`"));
}

#[test]
fn what_a_partial_clone_lacks_is_said() {
    let (_folder, root) = folder();
    let repository = comfyui(&root, true);
    let id = repository.revparse_single("next:comfy/model_patcher.py").unwrap().id().to_string();
    // Objects are read-only, which on Windows keeps them from being removed.
    let object = root.join("objects").join(&id[..2]);
    fs::rename(object.join(&id[2..]), root.join("lost")).unwrap();
    let lacks = error(format!("{}@next", root.display()));
    assert!(lacks.starts_with("cannot read comfy/model_patcher.py in next ("), "{lacks}");
    assert!(lacks.contains("show \"next:comfy/model_patcher.py\"` fetches it"), "{lacks}");
}

fn at(install: &Install, name: &str) -> anyhow::Result<Repair> {
    let search = install::locate(&install.checkout())?;
    let revision = Revision::find(&search.checkouts[0].root, name)?;
    Repair::of(&search.checkouts[0], Some(&revision), Fix::ALL, Accounting::Resident)
}

#[test]
fn the_node_is_surveyed_and_repaired_as_it_stands_in_a_revision() {
    let install = node();
    let before = install.files();
    let new = at(&install, "origin/main").unwrap();
    assert!(new.surveys.asked[0].count(ANY) > 0 && new.surveys.asked[0].status == Status::InOrder);
    assert_eq!(new.surveys.release.as_deref(), Some("fixed upstream since 2.5.11"));
    assert!(matches!(new.verify(&Options::default()), Verdict::Verified(_)));

    let old = at(&install, "HEAD").unwrap();
    assert_eq!(old.surveys.asked[0].status, Status::Needed);
    assert!(!old.changes[0].text.contains("# edited"), "that is on disk only");
    assert_eq!(old.sources.real_path(FileId::FIRST), Path::new("distorch_2.py"));
    assert_eq!(install.files(), before, "nothing is touched");
}

#[test]
fn a_revision_gives_what_the_disk_gives() {
    for fixture in ["legacy", "sibling-helper", "crlf-bom-tabs", "guide-applied"] {
        let install = Install::of(fixture);
        for path in ["parts/items.py", "a/b/c/deepest.py", "a/b/c/d/too_deep.py", ".hidden/x.py", "venv/x.py", "x.txt"]
        {
            let path = install.checkout().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x = 1\n").unwrap();
        }
        commit(&init(&install.checkout(), false), &install.checkout());
        let (disk, committed) = (install.repair().unwrap(), at(&install, "HEAD").unwrap());
        let texts = |repair: &Repair| -> Vec<_> {
            repair.changes.iter().map(|change| (repair.sources.real_path(change.file), change.text.clone())).collect()
        };
        assert_eq!(texts(&disk), texts(&committed), "{fixture}");
        let paths = |repair: &Repair| -> BTreeSet<_> {
            repair.sources.package.ids().map(|file| repair.sources.package.path(file).to_owned()).collect()
        };
        assert_eq!(paths(&disk), paths(&committed), "{fixture}");
        assert!(paths(&committed).contains(Path::new("a/b/c/deepest.py")), "{fixture}");
        assert_eq!(disk.sources.path(FileId::FIRST), committed.sources.path(FileId::FIRST), "{fixture}");
    }
}

#[test]
fn what_a_revision_of_the_node_lacks_is_said() {
    let install = node();
    let error = |name: &str| shown(&at(&install, name).map(|_| ()).unwrap_err());
    assert!(error("origin/none").starts_with("no revision `origin/none`"));
    let repository = Repository::open(install.checkout()).unwrap();
    fs::remove_file(install.file()).unwrap();
    let without = commit(&repository, &install.checkout());
    repository.reference("refs/heads/without", without, false, "").unwrap();
    repository.reference("refs/heads/master", repository.revparse_single("HEAD~1").unwrap().id(), true, "").unwrap();
    fs::write(install.file(), "x = 1\n").unwrap();
    let lacks = error("without");
    assert!(lacks.starts_with("there is no distorch_2.py ") && lacks.contains("\nhelp: "), "{lacks}");
}

#[test]
fn upstream_releases_are_told_in_every_version_of_the_node() {
    let Some(path) = env::var_os("DISTORCH_FIX_HISTORY").map(PathBuf::from) else {
        return crate::common::skip("DISTORCH_FIX_HISTORY names no repository, so its releases were not told");
    };
    let repository = Repository::open(&path).unwrap();
    let mut walk = repository.revwalk().unwrap();
    walk.push_head().unwrap();
    let mut seen = BTreeMap::new();
    for id in walk.map(Result::unwrap) {
        let tree = repository.find_commit(id).unwrap().tree().unwrap();
        if let Some(entry) = tree.get_name("distorch_2.py") {
            seen.entry(entry.id()).or_insert(id);
        }
    }
    // A checkout of nothing: what is in the revision is all that counts.
    let install = Install::of("legacy");
    let search = install::locate(&install.checkout()).unwrap();
    let mut told: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for id in seen.values() {
        let revision = Revision::find(&path, &id.to_string()).unwrap();
        let repair = Repair::of(&search.checkouts[0], Some(&revision), Fix::ALL, Accounting::Resident).unwrap();
        let project = repository.revparse_single(&format!("{id}:pyproject.toml")).unwrap();
        let project = String::from_utf8_lossy(project.as_blob().unwrap().content()).into_owned();
        let version = project.lines().find_map(|line| line.strip_prefix("version = ")).unwrap_or_default();
        let release = repair.surveys.release.clone();
        // Before DisTorch2 there are no load lists, and nothing to tell.
        let has_none = repair.surveys.asked[0].status == Status::NotApplicable;
        assert_eq!(release.is_none(), has_none, "{id}: {:#?}", repair.surveys.asked[0]);
        told.entry(release).or_default().push(format!("{version} {id:.7}"));
    }
    for (release, versions) in &told {
        println!("{}: {}", release.as_deref().unwrap_or("none"), versions.join(", "));
    }
}
