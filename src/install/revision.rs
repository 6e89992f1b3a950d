//! A commit of a repository, read from the object database with nothing checked out.
//!
//! As in [`super::git`], the repository is opened as a bare one: no filter, hook or other program of it is run, and its
//! owner and its working tree do not matter.

use std::fmt;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use git2::{ErrorCode, ObjectType, Repository, Tree, TreeEntry};

use super::git::{LINK, own_repository};
use crate::advice::Advise as _;
use crate::text::shown;

/// One commit of a repository. Displayed as `NAME (ID)`.
pub struct Revision {
    /// The repository's folder, as the user reaches it: a clone, or a bare repository.
    pub root: PathBuf,
    /// What the user calls the commit: a branch, a tag, an id, `origin/master`, `HEAD~3`.
    pub name: String,
    /// Its abbreviated id.
    pub short_id: String,
    repository: Repository,
    tree: git2::Oid,
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{self}", self.root.display())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.short_id.starts_with(&self.name) || self.name.starts_with(&self.short_id) {
            return f.write_str(&self.name);
        }
        write!(f, "{} ({})", self.name, self.short_id)
    }
}

impl Revision {
    /// Finds the commit that `name` means in the repository of `folder`: a clone's folder, or a bare repository. A
    /// repository that only encloses the folder does not count.
    pub fn find(folder: &Path, name: &str) -> Result<Self> {
        let git_dir = git_dir(folder).ok_or_else(|| {
            anyhow!("{} is not a git repository, so it has no revision `{name}`", shown(folder))
                .help("name a clone, or leave the revision out")
        })?;
        let repository = Repository::open_bare(&git_dir)
            .with_context(|| format!("cannot read the repository {}", shown(&git_dir)))
            .help("run `git fsck` to see what is wrong with it")?;
        let (tree, short_id) = look_up(&repository, folder, name)?;
        Ok(Self { root: folder.to_path_buf(), name: name.to_owned(), short_id, repository, tree })
    }

    pub(super) fn has(&self, path: &Path) -> bool {
        self.tree().is_ok_and(|tree| tree.get_path(path).is_ok())
    }

    /// See [`super::Files::read`].
    pub(super) fn read(&self, path: &Path, most_bytes: u64) -> Result<Option<Vec<u8>>> {
        let entry = match self.tree().and_then(|tree| tree.get_path(path)) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound && self.tree().is_ok() => return Ok(None),
            Err(error) => return Err(self.unreadable(path, &error)),
        };
        if !is_file(&entry) {
            bail!(anyhow!("{} is not a file in {self}", path.display()).help("name another revision"));
        }
        let bytes = self.size(&entry).map_err(|error| self.unreadable(path, &error))?;
        if bytes > most_bytes {
            bail!(
                anyhow!("{} has {bytes} bytes in {self}, more than the limit of {most_bytes}", path.display())
                    .help("name another revision")
            );
        }
        self.blob(&entry).map(Some).map_err(|error| self.unreadable(path, &error))
    }

    /// Every plain file below `folder` that `wanted` accepts, with its path relative to that folder, in order of path.
    /// Folders whose names `enter` rejects are skipped, and so are folders deeper than `deepest` levels and files of
    /// more than `most_bytes`.
    pub fn files(
        &self,
        folder: &Path,
        deepest: usize,
        most_bytes: u64,
        enter: impl Fn(&str) -> bool,
        wanted: impl Fn(&Path) -> bool,
    ) -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let fail = |path: &Path, error: &git2::Error| self.unreadable(path, error);
        let mut top = self.tree().map_err(|error| fail(folder, &error))?;
        if folder.components().next().is_some() {
            let entry = top.get_path(folder).map_err(|error| fail(folder, &error))?;
            top = self.repository.find_tree(entry.id()).map_err(|error| fail(folder, &error))?;
        }
        let mut found = Vec::new();
        let mut open = vec![(PathBuf::new(), top)];
        while let Some((at, tree)) = open.pop() {
            let depth = at.components().count() + 1;
            for entry in &tree {
                let Ok(name) = entry.name() else { continue };
                let path = at.join(name);
                if entry.kind() == Some(ObjectType::Tree) && depth < deepest && enter(name) {
                    let below = self.repository.find_tree(entry.id()).map_err(|error| fail(&path, &error))?;
                    open.push((path, below));
                } else if is_file(&entry) && wanted(&path) {
                    let bytes = self.size(&entry).map_err(|error| fail(&path, &error))?;
                    if bytes <= most_bytes {
                        let bytes = self.blob(&entry).map_err(|error| fail(&path, &error))?;
                        found.push((path, bytes));
                    }
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn tree(&self) -> Result<Tree<'_>, git2::Error> {
        self.repository.find_tree(self.tree)
    }

    /// The size in bytes, from the header: a small pack can unpack to any size.
    fn size(&self, entry: &TreeEntry<'_>) -> Result<u64, git2::Error> {
        self.repository.odb()?.read_header(entry.id()).map(|(bytes, _)| bytes as u64)
    }

    fn blob(&self, entry: &TreeEntry<'_>) -> Result<Vec<u8>, git2::Error> {
        self.repository.find_blob(entry.id()).map(|blob| blob.content().to_vec())
    }

    fn unreadable(&self, path: &Path, error: &git2::Error) -> anyhow::Error {
        let committed = path.display().to_string().replace(MAIN_SEPARATOR, "/");
        anyhow!("cannot read {committed} in {self}: {}", error.message()).help(format!(
            "a partial clone lacks what was never checked out; `git -C \"{}\" show \"{}:{committed}\"` fetches it",
            self.root.display(),
            self.name
        ))
    }
}

/// The git directory of a clone, or of a bare repository.
fn git_dir(folder: &Path) -> Option<PathBuf> {
    let is_bare = || folder.join("HEAD").is_file() && folder.join("objects").is_dir();
    own_repository(folder).map(|own| own.git_dir).or_else(|| is_bare().then(|| folder.to_path_buf()))
}

/// The tree of the commit, and the commit's abbreviated id.
fn look_up(repository: &Repository, folder: &Path, name: &str) -> Result<(git2::Oid, String)> {
    let object = repository.revparse_single(name).map_err(|error| {
        let folder = shown(folder);
        match error.code() {
            ErrorCode::Ambiguous => {
                anyhow!("`{name}` is ambiguous: several ids in {folder} begin with it").help("give more of the id")
            }
            ErrorCode::InvalidSpec => anyhow!("`{name}` does not name a revision")
                .help("name a branch, a tag or an id, such as origin/master"),
            _ if repository.is_shallow() => anyhow!("no revision `{name}` in {folder}, which is a shallow clone")
                .help(format!("`git -C \"{folder}\" fetch --unshallow --tags` gets the rest of its history")),
            _ => anyhow!("no revision `{name}` in {folder}").help(format!(
                "`git -C \"{folder}\" fetch --tags` gets what is new there; `git -C \"{folder}\" branch --all` shows \
                 the branches"
            )),
        }
    })?;
    let Ok(commit) = object.peel_to_commit() else {
        bail!(anyhow!("`{name}` is not a commit in {}", shown(folder)).help("name a branch, a tag or an id"));
    };
    let short_id = commit.as_object().short_id()?.as_str().unwrap_or_default().to_owned();
    Ok((commit.tree_id(), short_id))
}

fn is_file(entry: &TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Blob) && entry.filemode() != LINK
}
