//! The Python files of a checkout, parsed when they are first needed.

use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};

use super::edit::Edits;
use super::source::{Source, Unreadable};

/// Files by their path relative to the checkout. The first one is the one that everything starts from.
#[derive(Debug)]
pub struct Package {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
    source: OnceCell<Result<Source, Unreadable>>,
}

impl File {
    fn unparsed(&self) -> Self {
        Self { path: self.path.clone(), bytes: self.bytes.clone(), source: OnceCell::new() }
    }
}

impl Package {
    /// The files, as (path relative to the checkout, bytes).
    pub fn new(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, bytes)| File { path, bytes, source: OnceCell::new() }).collect();
        Self { files }
    }

    /// The package after these edits, by the number of the file.
    pub fn edited<'e>(&self, edits: impl IntoIterator<Item = (usize, &'e Edits)>) -> Self {
        let mut files: Vec<File> = self.files.iter().map(File::unparsed).collect();
        for (file, edits) in edits {
            let Ok(source) = self.source(file) else { continue };
            let new = source.edited(edits);
            let bytes = new.as_ref().map_or_else(|_| edits.apply(source.text()), |new| new.text().to_owned());
            files[file] =
                File { path: self.files[file].path.clone(), bytes: bytes.into_bytes(), source: OnceCell::from(new) };
        }
        Self { files }
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Is there no file at all?
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The path of a file, relative to the checkout.
    pub fn path(&self, file: usize) -> &Path {
        &self.files[file].path
    }

    /// The bytes of a file.
    pub fn bytes(&self, file: usize) -> &[u8] {
        &self.files[file].bytes
    }

    /// The text of a file, parsed or not; None if it is none.
    pub fn text(&self, file: usize) -> Option<&str> {
        let File { bytes, source, .. } = &self.files[file];
        match source.get() {
            Some(source) => source.as_ref().ok().map(Source::text),
            None => std::str::from_utf8(bytes).ok(),
        }
    }

    /// A file, parsed.
    pub fn source(&self, file: usize) -> Result<&Source, &Unreadable> {
        let File { path, bytes, source } = &self.files[file];
        source.get_or_init(|| Source::parse(path, bytes.clone())).as_ref()
    }

    /// The numbers of the files in which `word` stands by itself, not as part of a longer name.
    pub fn mentioning(&self, word: &str) -> Vec<usize> {
        let finder = memchr::memmem::Finder::new(word);
        let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let stands = |bytes: &[u8]| {
            let alone = |at: usize| {
                !is_part(at.checked_sub(1).and_then(|at| bytes.get(at))) && !is_part(bytes.get(at + word.len()))
            };
            finder.find_iter(bytes).any(alone)
        };
        (0..self.len()).filter(|file| stands(&self.files[*file].bytes)).collect()
    }

    /// The file that `import` finds from `file`: `dots` leading dots (0 for an absolute import, which is looked up
    /// beside the importing file as Python does for scripts), then the dotted `module`.
    pub fn resolve(&self, file: usize, dots: usize, module: &str) -> Option<usize> {
        let mut folder = self.files[file].path.parent()?.to_owned();
        for _ in 1..dots {
            if !folder.pop() {
                return None;
            }
        }
        folder.extend(module.split('.').filter(|part| !part.is_empty()));
        let beside = folder.with_extension("py");
        let inside = folder.join("__init__.py");
        let wanted = |path: &Path| self.files.iter().position(|file| same(&file.path, path));
        let named = if module.is_empty() { None } else { wanted(&beside) };
        named.or_else(|| wanted(&inside)).filter(|found| *found != file)
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
        assert_eq!(package.resolve(0, 1, "helpers"), Some(1));
        assert_eq!(package.resolve(0, 0, "helpers"), Some(1));
        assert_eq!(package.resolve(0, 1, "parts"), Some(2));
        assert_eq!(package.resolve(0, 1, "parts.items"), Some(3));
        assert_eq!(package.resolve(3, 2, "helpers"), Some(1));
        assert_eq!(package.resolve(0, 1, "torch"), None);
        assert_eq!(package.resolve(0, 4, "helpers"), None);
    }
}
