//! What `revert` and `status` promise: the old bytes come back, nothing that others edited is lost, and no file is left
//! in the checkout.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Install, Ran, fixtures, program, real, remove, slashed};
use git2::{IndexAddOption, Repository, Signature};

/// A fixture whose checkout is a clone with one commit.
fn clone(fixture: &str) -> (Install, Repository) {
    let install = Install::of(fixture);
    let repository = Repository::init(install.checkout()).unwrap();
    repository.config().unwrap().set_bool("core.autocrlf", false).unwrap();
    commit(&repository);
    (install, repository)
}

fn commit(repository: &Repository) {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let parents: Vec<_> = repository.head().iter().map(|head| head.peel_to_commit().unwrap()).collect();
    let who = Signature::now("nobody", "nobody@localhost").unwrap();
    repository.commit(Some("HEAD"), &who, &who, "commit", &tree, &parents.iter().collect::<Vec<_>>()).unwrap();
}

/// What `git status` would show, by path.
fn shown_by_git(repository: &Repository) -> Vec<String> {
    let statuses = repository.statuses(None).unwrap();
    statuses.iter().map(|entry| entry.path().unwrap().to_owned()).collect()
}

fn journal(install: &Install) -> PathBuf {
    install.checkout().join(".git/distorch-fix/journal.json")
}

fn ok(install: &Install, arguments: &[&str]) -> Ran {
    let ran = install.run(arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran
}

fn edit(install: &Install, from: &str, to: &str) {
    let text = install.text();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    fs::write(install.file(), text.replace(from, to)).unwrap();
}

const QUOTA_LINE: &str = "    wildcard_device = None  # no default";

#[test]
fn what_was_applied_is_reverted_byte_for_byte() {
    for name in fixtures() {
        let install = Install::of(&name);
        let before = install.files();
        install.run(&["apply"]);
        let applied = install.files();
        ok(&install, &["revert", "--dry-run"]);
        assert!(install.files() == applied, "{name}: a dry run writes nothing");
        ok(&install, &["revert"]);
        assert!(install.files() == before, "{name}");
        let ran = ok(&install, &["revert"]);
        assert!(install.files() == before && ran.out.contains("Nothing to revert"), "{name}: {ran:?}");
    }
}

#[test]
fn git_sees_the_repaired_file_and_nothing_else() {
    let (install, repository) = clone("sibling-helper");
    ok(&install, &["apply"]);
    assert_eq!(shown_by_git(&repository), ["distorch_2.py", "load_items.py"]);
    assert!(journal(&install).is_file());
    ok(&install, &["revert"]);
    assert!(shown_by_git(&repository).is_empty());
    assert!(!journal(&install).exists());
}

#[test]
fn worktrees_and_submodules_have_their_journal_in_their_own_git_dir() {
    let (install, repository) = clone("legacy");
    let worktree = install.root.join("ComfyUI/custom_nodes/tree");
    repository.worktree("tree", &worktree, None).unwrap();
    let run = |arguments: &[&str]| Ran::of(program(&worktree).args(arguments));
    assert_eq!(run(&["apply"]).code, 0);
    assert!(install.checkout().join(".git/worktrees/tree/distorch-fix/journal.json").is_file());
    assert!(!journal(&install).exists(), "it is not the worktree's");
    assert_eq!(run(&["revert"]).code, 0);
    assert_eq!(fs::read(worktree.join("distorch_2.py")).unwrap(), fs::read(install.file()).unwrap());

    // As git lays out a submodule.
    let modules = install.root.join("modules");
    fs::rename(install.checkout().join(".git"), &modules).unwrap();
    fs::write(install.checkout().join(".git"), format!("gitdir: {}\n", modules.display())).unwrap();
    let config = git2::Config::open(&modules.join("config")).unwrap();
    { config }.set_str("core.worktree", install.checkout().to_str().unwrap()).unwrap();
    let ran = Ran::of(program(&install.checkout()).arg("apply"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(modules.join("distorch-fix/journal.json").is_file());
}

#[test]
fn edits_made_elsewhere_since_stay() {
    let (install, _) = clone("legacy");
    let before = install.text();
    ok(&install, &["apply"]);
    let added = "\n\ndef mine():\n    return 1\n";
    fs::write(install.file(), format!("# mine\n{}{added}", install.text())).unwrap();
    let ran = ok(&install, &["status"]);
    assert!(ran.out.contains("edited elsewhere since; `revert` keeps those edits"), "{}", ran.out);
    let ran = ok(&install, &["revert"]);
    assert_eq!(install.text(), format!("# mine\n{before}{added}"));
    assert!(ran.out.contains("with everything that was edited since"), "{}", ran.out);
}

#[test]
fn a_place_that_was_edited_again_is_shown_and_nothing_is_written() {
    let (install, _) = clone("legacy");
    ok(&install, &["apply"]);
    edit(&install, QUOTA_LINE, "    wildcard_device = 'mine'  # no default");
    let before = install.files();
    let ran = install.run(&["revert"]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("\n-    wildcard_device = 'mine'  # no default"), "{}", ran.out);
    assert!(ran.out.contains("\n+    wildcard_device = \"cpu\"\n"), "{}", ran.out);
    assert!(
        ran.err.contains("one place of the repair was edited again since, so nothing was written\nhelp: "),
        "{ran:?}"
    );
    assert!(install.files() == before);
    let ran = ok(&install, &["status"]);
    assert!(ran.out.contains("`revert` would refuse"), "{}", ran.out);
}

#[test]
fn of_several_files_all_are_reverted_or_none() {
    let (install, _) = clone("sibling-helper");
    ok(&install, &["apply"]);
    edit(&install, QUOTA_LINE, "    wildcard_device = 'mine'  # no default");
    let before = install.files();
    assert_eq!(install.run(&["revert"]).code, 2);
    assert!(install.files() == before, "nor is the helper reverted");
}

#[test]
fn fixes_made_one_after_the_other_are_reverted_together() {
    for edits_between in [false, true] {
        let (install, _) = clone("legacy");
        let mut before = install.text();
        ok(&install, &["apply", "--fix", "load-list"]);
        if edits_between {
            fs::write(install.file(), format!("# mine\n{}", install.text())).unwrap();
            before = format!("# mine\n{before}");
        }
        ok(&install, &["apply"]);
        ok(&install, &["revert"]);
        assert_eq!(install.text(), before);
    }
}

#[test]
fn an_update_in_between_is_told() {
    let (install, repository) = clone("legacy");
    let old = install.text();
    ok(&install, &["apply"]);
    // As `git checkout -- . && git pull` leaves it.
    fs::write(install.file(), format!("# a new version\n{old}")).unwrap();
    commit(&repository);
    let before = install.files();
    for command in ["revert", "status"] {
        let ran = ok(&install, &[command]);
        assert!(ran.out.contains("updated since, without the repair"), "{}", ran.out);
    }
    assert!(install.files() == before);
    ok(&install, &["apply"]);
    ok(&install, &["revert"]);
    assert_eq!(install.text(), format!("# a new version\n{old}"));
}

#[test]
fn a_repair_that_was_stashed_is_told() {
    let (install, mut repository) = clone("legacy");
    let old = install.text();
    ok(&install, &["apply"]);
    let who = Signature::now("nobody", "nobody@localhost").unwrap();
    repository.stash_save(&who, "as the Manager does it", None).unwrap();
    assert_eq!(install.text(), old);
    for command in ["revert", "status"] {
        let ran = ok(&install, &[command]);
        assert!(ran.out.contains("put away in a git stash, as ComfyUI-Manager's update does it"), "{}", ran.out);
    }
    assert_eq!(install.text(), old);
}

#[test]
fn without_a_journal_the_commit_tells_what_it_was() {
    for name in ["legacy", "subscripts", "sibling-helper", "guide-layout", "separate-clip"] {
        let (install, repository) = clone(name);
        ok(&install, &["apply"]);
        fs::remove_file(journal(&install)).unwrap();
        let ran = ok(&install, &["status"]);
        assert!(ran.out.contains("by distorch-fix, without a journal"), "{}", ran.out);
        let ran = ok(&install, &["revert"]);
        assert!(ran.out.contains("as committed."), "{}", ran.out);
        assert!(shown_by_git(&repository).is_empty(), "{name}");
    }
}

#[test]
fn without_a_journal_or_a_commit_our_form_is_recognised() {
    for name in ["legacy", "sibling-helper", "separate-clip", "crlf-bom-tabs", "five-only"] {
        for accounting in ["resident", "offload"] {
            let install = Install::of(name);
            let before = install.files();
            ok(&install, &["apply", "--accounting", accounting]);
            forget(&install);
            let ran = ok(&install, &["revert"]);
            assert!(install.files() == before, "{name}, {accounting}: {ran:?}");
        }
    }
}

#[test]
fn without_a_journal_or_a_commit_negative_subscripts_stay() {
    let install = Install::of("subscripts");
    ok(&install, &["apply"]);
    let applied = install.text();
    forget(&install);
    let ran = ok(&install, &["revert"]);
    assert!(ran.out.contains("negative subscripts stay"), "{}", ran.out);
    assert_eq!(install.text().matches("[-4]").count(), applied.matches("[-4]").count());
    assert!(!install.text().contains("GPU-ONLY MODE") && ok(&install, &["apply"]).code == 0);
    assert_eq!(install.text(), applied);
}

/// Deletes the journal of an install that is not a clone.
fn forget(install: &Install) {
    let checkout = real(&install.checkout());
    let hash = git2::Oid::hash_object(git2::ObjectType::Blob, checkout.as_os_str().as_encoded_bytes()).unwrap();
    let journals = if cfg!(windows) { "distorch-fix/journals" } else { "distorch-fix" };
    fs::remove_dir_all(Path::new(env!("CARGO_TARGET_TMPDIR")).join(journals).join(hash.to_string())).unwrap();
}

#[test]
fn what_others_wrote_is_not_taken_for_ours() {
    for name in ["in-order", "upstream-fixed", "guide-applied", "not-understood"] {
        let install = Install::of(name);
        let before = install.files();
        let ran = ok(&install, &["revert"]);
        assert!(ran.out.contains("Nothing to revert"), "{name}: {}", ran.out);
        assert!(install.files() == before, "{name}");
    }
}

#[test]
fn status_says_who_repaired_it_and_whether_it_can_be_updated() {
    let (install, _) = clone("legacy");
    let said = |install: &Install| ok(install, &["status"]).out;
    let out = said(&install);
    assert!(out.contains("repair       none, and it needs one") && out.contains("update       safe"), "{out}");
    ok(&install, &["apply"]);
    let out = said(&install);
    assert!(
        out.contains("repair       by distorch-fix 0.") && out.contains("update       not safe: `git pull`"),
        "{out}"
    );
    assert!(out.contains("restores it byte for byte"), "{out}");
    assert!(slashed(&out).contains("distorch-fix/journal.json"), "{out}");
    let (fixed, _) = clone("in-order");
    assert!(said(&fixed).contains("repair       by upstream: in order as committed"), "{}", said(&fixed));
    fs::write(fixed.file(), format!("{}\n# mine\n", fixed.text())).unwrap();
    assert!(said(&fixed).contains("repair       by hand: in order, and edited since the commit"), "{}", said(&fixed));
}

#[test]
fn a_journal_that_leads_out_of_the_checkout_is_refused() {
    let (install, _) = clone("legacy");
    ok(&install, &["apply"]);
    let text = fs::read_to_string(journal(&install)).unwrap();
    fs::write(journal(&install), text.replace("\"distorch_2.py\"", "\"../victim.py\"")).unwrap();
    fs::write(install.checkout().join("../victim.py"), install.text()).unwrap();
    let before = install.files();
    for command in ["revert", "status", "apply"] {
        let ran = install.run(&[command]);
        // There is nothing left to apply.
        assert_eq!(ran.code, if command == "apply" { 0 } else { 2 }, "{ran:?}");
        assert!(command == "apply" || ran.err.contains("\nhelp: delete it"), "{ran:?}");
    }
    assert!(install.files() == before);
}

#[test]
fn a_git_file_that_leads_to_another_repository_is_not_written_to() {
    let (install, _) = clone("legacy");
    let (victim, _) = clone("legacy");
    remove(&install.checkout().join(".git"));
    let leads = format!("gitdir: {}\n", victim.checkout().join(".git").display());
    fs::write(install.checkout().join(".git"), leads).unwrap();
    let before = victim.files();
    ok(&install, &["apply"]);
    ok(&install, &["status"]);
    ok(&install, &["revert"]);
    assert!(victim.files() == before);
}

#[test]
fn one_named_file_is_reverted_without_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let root = real(folder.path());
    let text = fs::read_to_string("fixtures/legacy/ComfyUI/custom_nodes/ComfyUI-MultiGPU/distorch_2.py").unwrap();
    let run = |arguments: &[&str]| Ran::of(program(&root).args(arguments));
    let read = |name: &str| fs::read_to_string(Path::new(&root).join(name)).unwrap();
    for name in ["one.py", "two.py"] {
        fs::write(root.join(name), &text).unwrap();
        assert_eq!(run(&["apply", name]).code, 0);
    }
    assert_eq!(run(&["revert", "one.py"]).code, 0);
    assert!(read("one.py") == text && read("two.py") != text);
    assert_eq!(run(&["revert", "two.py"]).code, 0);
    assert_eq!(read("two.py"), text);
}
