//! Paths, as each output writes them.

use std::env;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::text;
use crate::text::shown;

/// A path: for people relative to the current folder, in documents relative to the given PATH.
#[derive(Clone, Debug)]
pub struct Located {
    absolute: Arc<Path>,
    relative: Arc<str>,
}

impl Located {
    /// The path `absolute`, which documents write relative to the folder `base`; both are absolute.
    pub fn new(base: &Path, absolute: &Path) -> Self {
        Self { absolute: absolute.into(), relative: relative(absolute, base).into() }
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        shown(&self.absolute)
    }

    /// For people who know the folder that documents start from: relative to that, if it is in it.
    pub(crate) fn inside(&self) -> String {
        if self.relative.starts_with("../") { self.shown() } else { text::visible(&self.relative).into_owned() }
    }

    /// Relative to another folder, with slashes.
    pub(crate) fn from(&self, folder: &Path) -> String {
        relative(&self.absolute, folder)
    }
}

impl Serialize for Located {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.relative.serialize(serializer)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Located {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Path".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// The folder that services and editors resolve paths in: that of the repository in a GitHub job, else the current one.
pub(crate) fn workspace() -> PathBuf {
    let github = env::var_os("GITHUB_WORKSPACE").map(PathBuf::from).filter(|folder| folder.is_dir());
    github.or_else(|| text::logical_dir().ok()).unwrap_or_default()
}

/// The relative path from `base` to `path`, with slashes on every system. The absolute path if there is none, as
/// between the drives of Windows.
fn relative(path: &Path, base: &Path) -> String {
    let Some(way) = pathdiff::diff_paths(path, base).filter(|way| way.is_relative()) else {
        return path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    };
    let parts: Vec<_> = way
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.is_empty() { String::from(".") } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_from_the_folder_given() {
        let from = |base: &str| relative(Path::new("/a/b/c.py"), Path::new(base));
        assert_eq!(["/a", "/a/b", "/a/b/c.py", "/a/d"].map(from), ["b/c.py", "c.py", ".", "../b/c.py"]);
    }
}
