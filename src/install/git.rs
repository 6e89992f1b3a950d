//! What git knows about a checkout, read with libgit2 and never with the git program.
//!
//! A stranger's repository is not trusted. It is opened as a bare one: then libgit2 has no working tree, so it neither
//! checks who owns it (`safe.directory`) nor has anything to run a filter on. The file is compared here, byte by byte.
//! libgit2 never runs hooks or fsmonitor.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use git2::{Config, ObjectType, Oid, Repository};
use memchr::memmem;

use super::small_text;

use crate::text;

/// A checkout's own repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitFacts {
    /// The commit that is checked out; None before the first commit, or if libgit2 cannot read the repository.
    pub head: Option<Head>,
    /// Whether `distorch_2.py` differs from that commit in more than line endings. None if that is unknown.
    pub modified: Option<bool>,
    /// Where the repository is; outside of the checkout for a worktree or submodule.
    pub git_dir: PathBuf,
    /// The checkout's folder.
    pub workdir: PathBuf,
}

impl GitFacts {
    /// Is it the repository of this checkout and of no other? A `.git` file can point anywhere; the repositories of
    /// worktrees and submodules point back.
    pub fn is_own(&self) -> bool {
        let dot_git = self.workdir.join(".git");
        if fs::symlink_metadata(&dot_git).is_ok_and(|about| about.is_dir()) {
            return true;
        }
        let leads_to = |text: String, place: &Path| {
            let named = self.git_dir.join(text.trim());
            text::real(&named).ok().zip(text::real(place).ok()).is_some_and(|(named, place)| named == place)
        };
        let of_worktree = || small_text(&self.git_dir.join("gitdir")).is_some_and(|text| leads_to(text, &dot_git));
        let of_submodule = || core_worktree(&self.git_dir).is_some_and(|text| leads_to(text, &self.workdir));
        of_worktree() || of_submodule()
    }

    /// The text of a file as it is committed; None if it is not, is not text, or is too large for a file of the node.
    pub fn committed(&self, inside: &Path) -> Option<String> {
        let (git_dir, inside) = (self.git_dir.clone(), inside.to_owned());
        bounded(move || {
            let repository = Repository::open_bare(git_dir).ok()?;
            let entry = repository.head().ok()?.peel_to_tree().ok()?.get_path(&inside).ok()?;
            let (bytes, _) = repository.odb().ok()?.read_header(entry.id()).ok()?;
            let blob = (bytes as u64 <= MOST_BYTES).then(|| repository.find_blob(entry.id()).ok()).flatten()?;
            String::from_utf8(blob.content().to_vec()).ok()
        })
    }

    /// Is a file of this hash in a stash, where ComfyUI-Manager's update puts edited files?
    pub fn is_stashed(&self, inside: &Path, hash: &str) -> bool {
        const MOST_STASHES: usize = 20;
        let (git_dir, inside, hash) = (self.git_dir.clone(), inside.to_owned(), hash.to_owned());
        let look = move || {
            let repository = Repository::open_bare(git_dir).ok()?;
            // Not `Repository::reflog`, which creates an empty one if there is none.
            let log = small_text(&repository.commondir().join("logs/refs/stash"))?;
            let mut hashes = log.lines().rev().take(MOST_STASHES).filter_map(|line| {
                let stash = Oid::from_str(line.split(' ').nth(1)?).ok()?;
                let tree = repository.find_commit(stash).ok()?.tree().ok()?;
                Some(tree.get_path(&inside).ok()?.id().to_string())
            });
            hashes.any(|stashed| stashed == hash).then_some(())
        };
        bounded(look).is_some()
    }
}

/// `core.worktree`, which git writes for submodules.
fn core_worktree(git_dir: &Path) -> Option<String> {
    let config = git_dir.join("config");
    if !config.is_file() {
        return None;
    }
    bounded(move || Config::open(&config).ok()?.get_string("core.worktree").ok())
}

/// How long this run waits for libgit2.
static PATIENCE: Patience = Patience::new(Duration::from_secs(3));

/// Runs libgit2 with a time limit; `None` if it takes longer.
fn bounded<T: Send + 'static>(ask: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    PATIENCE.ask(ask)
}

/// libgit2 opens whatever stands in a repository or is included by its configuration, and on a pipe it waits forever.
struct Patience {
    most_time: Duration,
    /// Whether it has hung. Nothing is asked then any more: a thousand repositories would take a thousand times as long.
    is_over: AtomicBool,
}

impl Patience {
    const fn new(most_time: Duration) -> Self {
        Self { most_time, is_over: AtomicBool::new(false) }
    }

    /// The answer, if there is one in time. A question that hangs is left to itself, and ends with the process.
    fn ask<T: Send + 'static>(&self, ask: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
        if self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let (done, answer) = mpsc::sync_channel(1);
        // If the receiver is gone, the result is not needed.
        thread::Builder::new().name("libgit2".to_owned()).spawn(move || drop(done.send(ask()))).ok()?;
        let answer = answer.recv_timeout(self.most_time);
        if matches!(answer, Err(mpsc::RecvTimeoutError::Timeout)) {
            self.is_over.store(true, Ordering::Relaxed);
        }
        answer.ok().flatten()
    }
}

/// Larger blobs are not files of the node.
const MOST_BYTES: u64 = 16 << 20;

/// The commit that is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its abbreviated id.
    pub short_id: String,
    /// None when detached.
    pub branch: Option<String>,
    /// As `git describe --tags` prints it; None if no tag is near.
    pub describe: Option<String>,
}

/// The address of the remote `origin`, or else of any remote, of the folder's own repository.
pub(super) fn origin(folder: &Path) -> Option<String> {
    // Only this file, not `Repository::config`: the user's and the system's configuration say nothing about this clone,
    // and this also works for repositories whose format libgit2 does not know.
    let path = own_repository(folder)?.config;
    bounded(move || {
        let config = Config::open(&path).ok()?;
        config.get_string("remote.origin.url").ok().or_else(|| {
            let mut urls = config.entries(Some(r"^remote\..*\.url$")).ok()?;
            urls.next()?.ok()?.value().ok().map(str::to_owned)
        })
    })
}

/// The facts, if the folder has a repository of its own.
pub(super) fn facts(folder: &Path, file: &Path) -> Option<GitFacts> {
    let git_dir = own_repository(folder)?.git_dir;
    let read = {
        let (git_dir, folder, file) = (git_dir.clone(), folder.to_path_buf(), file.to_path_buf());
        move || {
            let repository = Repository::open_bare(git_dir).ok()?;
            let inside = file.strip_prefix(folder).ok();
            let modified = inside.and_then(|inside| modified(&repository, inside, &file).ok().flatten());
            Some((head(&repository).ok(), modified))
        }
    };
    let (head, modified) = bounded(read).unwrap_or_default();
    Some(GitFacts { head, modified, git_dir, workdir: folder.to_path_buf() })
}

/// The mode of a link in a tree.
pub(super) const LINK: i32 = 0o120_000;

pub(super) struct OwnRepository {
    pub(super) git_dir: PathBuf,
    config: PathBuf,
}

/// The repository whose `.git` is in the folder, never one that encloses it: an unpacked node is often inside a ComfyUI
/// that was cloned.
pub(super) fn own_repository(folder: &Path) -> Option<OwnRepository> {
    let dot_git = folder.join(".git");
    let git_dir = if fs::metadata(&dot_git).ok()?.is_dir() {
        dot_git
    } else {
        folder.join(small_text(&dot_git)?.strip_prefix("gitdir:")?.trim())
    };
    // The worktrees of one repository share its configuration.
    let config = match small_text(&git_dir.join("commondir")) {
        Some(shared) => git_dir.join(shared.trim()).join("config"),
        None => git_dir.join("config"),
    };
    // libgit2 would wait forever on a pipe.
    (git_dir.join("HEAD").is_file() && config.is_file()).then_some(OwnRepository { git_dir, config })
}

fn head(repository: &Repository) -> Result<Head, git2::Error> {
    let head = repository.head()?;
    let commit = head.peel_to_commit()?;
    let short_id = commit.as_object().short_id()?.as_str().unwrap_or_default().to_owned();
    let branch = if head.is_branch() { head.shorthand().ok().map(str::to_owned) } else { None };
    let describe = describe(repository, commit.id(), &short_id)?;
    Ok(Head { short_id, branch, describe })
}

/// The nearest tag and the distance from it. libgit2's own `describe` may walk all of a long history; this one is
/// bounded.
fn describe(repository: &Repository, head: Oid, short_id: &str) -> Result<Option<String>, git2::Error> {
    const MOST_TAGS: usize = 1000;
    const MOST_COMMITS: usize = 200;
    let mut tags = HashMap::new();
    for tag in repository.references_glob("refs/tags/*")?.take(MOST_TAGS).map_while(Result::ok) {
        if let (Ok(commit), Ok(name)) = (tag.peel_to_commit(), tag.shorthand()) {
            tags.insert(commit.id(), name.to_owned());
        }
    }
    if tags.is_empty() {
        return Ok(None);
    }
    let mut history = repository.revwalk()?;
    history.push(head)?;
    let mut near = history.take(MOST_COMMITS).map_while(Result::ok);
    let Some((tagged, name)) = near.find_map(|id| Some((id, tags.remove(&id)?))) else {
        return Ok(None);
    };
    if tagged == head {
        return Ok(Some(name));
    }
    let (ahead, _) = repository.graph_ahead_behind(head, tagged)?;
    Ok(Some(format!("{name}-{ahead}-g{short_id}")))
}

fn modified(repository: &Repository, inside: &Path, file: &Path) -> Result<Option<bool>, git2::Error> {
    let tree = repository.head()?.peel_to_tree()?;
    let entry = match tree.get_path(inside) {
        Ok(entry) => entry,
        Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(Some(true)),
        Err(error) => return Err(error),
    };
    if entry.filemode() == LINK || !fs::metadata(file).is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES) {
        return Ok(None);
    }
    let Ok(bytes) = fs::read(file) else {
        return Ok(None);
    };
    if Oid::hash_object(ObjectType::Blob, &bytes)? == entry.id() {
        return Ok(Some(false));
    }
    // The header first: a small pack can unpack to any size.
    let (committed_bytes, _) = repository.odb()?.read_header(entry.id())?;
    if committed_bytes as u64 > MOST_BYTES {
        return Ok(Some(true));
    }
    // With `autocrlf`, git checks out other line endings than it committed, and considers that unmodified.
    let blob = repository.find_blob(entry.id())?;
    Ok(Some(without_carriage_returns(&bytes) != without_carriage_returns(blob.content())))
}

fn without_carriage_returns(text: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Vec::new();
    let mut from = 0;
    for at in memmem::find_iter(text, b"\r\n") {
        kept.extend_from_slice(&text[from..at]);
        from = at + 1;
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    kept.extend_from_slice(&text[from..]);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_carriage_returns_that_end_lines_are_dropped() {
        assert_eq!(*without_carriage_returns(b""), *b"");
        assert_eq!(*without_carriage_returns(b"a\nb"), *b"a\nb");
        assert_eq!(*without_carriage_returns(b"\r\na\r\nb\r\n"), *b"\na\nb\n");
        assert_eq!(*without_carriage_returns(b"a\rb\r\r\nc\r"), *b"a\rb\r\nc\r");
    }

    #[test]
    fn what_hangs_is_given_up_and_nothing_is_asked_after_it() {
        let patience = Patience::new(Duration::from_millis(50));
        let hangs = || -> Option<()> {
            loop {
                thread::park();
            }
        };
        assert_eq!(patience.ask(hangs), None);
        assert_eq!(patience.ask(|| Some(1)), None);
        assert_eq!(Patience::new(PATIENCE.most_time).ask(|| Some(1)), Some(1));
    }

    #[test]
    fn libgit2_has_the_time_that_the_documentation_gives_it() {
        let promise = format!("libgit2 gets {} seconds, once per run", PATIENCE.most_time.as_secs());
        assert!(include_str!("../../docs/safety.md").contains(&promise), "{promise}");
    }
}
