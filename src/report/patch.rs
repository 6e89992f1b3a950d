//! The patch of a file.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use similar::TextDiff;

use crate::pipeline::{Change, Repair};
use crate::workflow::pieces;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Bytes of the longest line that a reader can compare with another.
const MOST_READABLE: usize = 240;

/// The changes in a file, as a patch for `git apply`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Patch(String);

impl Patch {
    /// Byte for byte.
    pub(crate) fn plain(&self) -> &str {
        &self.0
    }

    /// The patch of a change. Its names are relative to the folder where the patch is to be applied; `folder` is the
    /// path from there to the checkout.
    pub(super) fn of(repair: &Repair, change: &Change, folder: &Path) -> Self {
        let old = repair.sources.package.source(change.file).map_or("", |source| source.text());
        Self::between(&folder.join(repair.sources.real_path(change.file)), old, &change.text)
    }

    /// The patch from one text of the file at a path to another.
    pub(crate) fn between(path: &Path, old: &str, new: &str) -> Self {
        let (old, new) = (lines(old), lines(new));
        let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
        let hunks = diff.unified_diff().context_radius(CONTEXT).header(&name("a", path), &name("b", path)).to_string();
        Self(hunks)
    }
}

impl Patch {
    /// The changes of a workflow for people: if lines are too long to be read, as if each value had a line of its own.
    pub(crate) fn of_workflow(path: &Path, old: &str, new: &str) -> Self {
        let patch = Self::between(path, old, new);
        if patch.0.lines().all(|line| line.len() <= MOST_READABLE) {
            return patch;
        }
        Self::between(path, &pieces::laid_out(old), &pieces::laid_out(new))
    }
}

/// A path as git writes it, below `side`: with slashes, and in quotes if it contains characters that would end or
/// garble a line.
fn name(side: &str, path: &Path) -> String {
    let mut bytes = side.as_bytes().to_vec();
    for part in path.components() {
        bytes.push(b'/');
        bytes.extend(part.as_os_str().as_encoded_bytes());
    }
    let is_plain = |byte: &u8| !byte.is_ascii_control() && !matches!(byte, b'"' | b'\\');
    match String::from_utf8(bytes) {
        Ok(name) if name.bytes().all(|byte| is_plain(&byte)) => name,
        Ok(name) => quoted(name.as_bytes()),
        Err(not_utf8) => quoted(not_utf8.as_bytes()),
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in bytes {
        let _ = match byte {
            b'"' | b'\\' => write!(out, "\\{}", char::from(*byte)),
            b' '..=b'~' => write!(out, "{}", char::from(*byte)),
            _ => write!(out, "\\{byte:03o}"),
        };
    }
    out + "\""
}

/// Lines as git counts them: ended by a line feed and nothing else.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_as_git_quotes_them() {
        assert_eq!(name("a", Path::new("nodes/é b.py")), "a/nodes/é b.py");
        let backslash = if cfg!(windows) { "/" } else { r"\\" };
        assert_eq!(name("b", Path::new("a\nb\"\\.py")), format!("\"b/a\\012b\\\"{backslash}.py\""));
    }
}
