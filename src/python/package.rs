//! The Python files of a checkout, parsed when they are first needed.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::skim::{Skimmed, skim};
use super::source::{Source, Unreadable};
use crate::edit::Edits;

/// The file that makes a folder a package.
const INIT: &str = "__init__.py";

/// Names a file of a [`Package`]. [`Package::edited`] keeps the files in place, so that the same file of the package
/// before and after has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(usize);

impl FileId {
    /// The file that everything starts from.
    pub const FIRST: Self = Self(0);

    /// Its position among [`Package::ids`], from 0.
    pub fn index(self) -> usize {
        self.0
    }
}

/// Files by their path relative to the checkout. The first one is the one that everything starts from.
#[derive(Debug)]
pub struct Package {
    files: Vec<File>,
    /// Those that are used, once that was worked out; none if all of them may be.
    reached: OnceCell<Option<BTreeSet<FileId>>>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    source: OnceCell<Result<Source, Unreadable>>,
    skimmed: OnceCell<Option<Vec<Skimmed>>>,
}

impl File {
    fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        Self { path, bytes, source: OnceCell::new(), skimmed: OnceCell::new() }
    }
}

impl Package {
    /// The files, as (path relative to the checkout, bytes).
    pub fn new(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, bytes)| File::new(path, bytes)).collect();
        Self { files, reached: OnceCell::new() }
    }

    /// The package after the edits to each file.
    pub fn edited<'e>(&self, edits: impl IntoIterator<Item = (FileId, &'e Edits)>) -> Self {
        let mut files: Vec<File> =
            self.files.iter().map(|file| File::new(file.path.clone(), file.bytes.clone())).collect();
        for (file, edits) in edits {
            let Ok(source) = self.source(file) else { continue };
            let new = source.edited(edits);
            let bytes = new.as_ref().map_or_else(|_| edits.apply(source.text()), |new| new.text().to_owned());
            let path = self.path(file).to_owned();
            files[file.0] = File { source: OnceCell::from(new), ..File::new(path, bytes.into_bytes()) };
        }
        Self { files, reached: OnceCell::new() }
    }

    /// The files, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = FileId> + ExactSizeIterator + use<> {
        (0..self.files.len()).map(FileId)
    }

    /// The file at `path`, relative to the checkout.
    pub fn find(&self, path: &Path) -> Option<FileId> {
        self.files.iter().position(|file| same(&file.path, path)).map(FileId)
    }

    /// The module that ComfyUI imports when it loads the checkout as a node pack.
    pub fn init(&self) -> Option<FileId> {
        self.find(Path::new(INIT))
    }

    /// The path of a file, relative to the checkout.
    pub fn path(&self, file: FileId) -> &Path {
        &self.files[file.0].path
    }

    /// The bytes of a file.
    pub fn bytes(&self, file: FileId) -> &[u8] {
        &self.files[file.0].bytes
    }

    /// All that an answer about these files can depend on: their paths and bytes, in turn.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().flat_map(|file| [file.path.as_os_str().as_encoded_bytes(), &file.bytes])
    }

    /// The text of a file, parsed or not; None if it is not text.
    pub fn text(&self, file: FileId) -> Option<&str> {
        let File { bytes, source, .. } = &self.files[file.0];
        match source.get() {
            Some(source) => source.as_ref().ok().map(Source::text),
            None => std::str::from_utf8(bytes).ok(),
        }
    }

    /// A file, parsed.
    pub fn source(&self, file: FileId) -> Result<&Source, &Unreadable> {
        let File { path, bytes, source, .. } = &self.files[file.0];
        source.get_or_init(|| Source::parse(path, bytes.clone())).as_ref()
    }

    /// What a file may import, from its text; `None` if the text does not show it. See [`skim`].
    pub fn skimmed(&self, file: FileId) -> Option<&[Skimmed]> {
        let known = &self.files[file.0].skimmed;
        known.get_or_init(|| self.text(file).and_then(skim)).as_deref()
    }

    /// The files that are used, as [`Reach`](super::reach::Reach) finds them: several ask for them.
    pub(super) fn reached(&self, find: impl FnOnce() -> Option<BTreeSet<FileId>>) -> Option<BTreeSet<FileId>> {
        self.reached.get_or_init(find).clone()
    }

    /// The files that contain `word` by itself, not as part of a longer name.
    pub fn mentioning(&self, word: &str) -> Vec<FileId> {
        let finder = memchr::memmem::Finder::new(word);
        let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let stands = |bytes: &[u8]| {
            let alone = |at: usize| {
                !is_part(at.checked_sub(1).and_then(|at| bytes.get(at))) && !is_part(bytes.get(at + word.len()))
            };
            finder.find_iter(bytes).any(alone)
        };
        self.ids().filter(|file| stands(&self.files[file.0].bytes)).collect()
    }

    /// The file that `import` finds from `file`: `dots` leading dots (0 for an absolute import, which is looked up in
    /// the folder of the importing file, as Python does for scripts), then the dotted `module`.
    pub fn resolve(&self, file: FileId, dots: usize, module: &str) -> Option<FileId> {
        let mut folder = self.path(file).parent()?.to_owned();
        for _ in 1..dots {
            if !folder.pop() {
                return None;
            }
        }
        folder.extend(module.split('.').filter(|part| !part.is_empty()));
        let beside = folder.with_extension("py");
        let inside = folder.join(INIT);
        let named = if module.is_empty() { None } else { self.find(&beside) };
        named.or_else(|| self.find(&inside)).filter(|found| *found != file)
    }
}

fn same(a: &Path, b: &Path) -> bool {
    let parts = |path: &Path| path.components().filter(|part| *part != Component::CurDir).count();
    parts(a) == parts(b)
        && a.components()
            .filter(|part| *part != Component::CurDir)
            .eq(b.components().filter(|part| *part != Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_beside_and_above() {
        let package = Package::new(
            ["distorch_2.py", "helpers.py", "parts/__init__.py", "parts/items.py"].map(|path| (path.into(), vec![])),
        );
        let ids: Vec<_> = package.ids().collect();
        let [main, helpers, parts, items] = ids[..] else { panic!("four files") };
        assert_eq!(package.resolve(main, 1, "helpers"), Some(helpers));
        assert_eq!(package.resolve(main, 0, "helpers"), Some(helpers));
        assert_eq!(package.resolve(main, 1, "parts"), Some(parts));
        assert_eq!(package.resolve(main, 1, "parts.items"), Some(items));
        assert_eq!(package.resolve(items, 2, "helpers"), Some(helpers));
        assert_eq!(package.resolve(main, 1, "torch"), None);
        assert_eq!(package.resolve(main, 4, "helpers"), None);
        assert_eq!(package.init(), None);
    }
}
