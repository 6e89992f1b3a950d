//! The ComfyUI around a checkout.

use std::path::{Path, PathBuf};

use super::{Files, layout, pyproject};

use crate::text;

/// A ComfyUI install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComfyUi {
    /// The folder with `main.py` and `comfy/`.
    pub root: PathBuf,
    /// From `comfyui_version.py`, else from `pyproject.toml`; old versions have neither.
    pub version: Option<String>,
}

/// The nearest ComfyUI above a checkout, first along the path that the user sees and then along the real one: a linked
/// `custom_nodes` belongs to the ComfyUI that links to it, while a checkout that is linked from elsewhere still belongs
/// to its own. If there is none, an installation whose packs are apart from its ComfyUI may have the checkout.
pub(super) fn around(checkout: &Path) -> Option<ComfyUi> {
    let above = |path: &Path| path.ancestors().skip(1).find(|folder| is_root(folder)).map(Path::to_path_buf);
    let root = above(checkout)
        .or_else(|| above(&text::real(checkout).ok()?))
        .or_else(|| layout::around(checkout).map(|installation| installation.comfyui.clone()))?;
    let version = version(&Files::Folder(root.clone()));
    Some(ComfyUi { root, version })
}

/// The version that a ComfyUI states; old ones state none.
pub(crate) fn version(files: &Files) -> Option<String> {
    files
        .small_text(Path::new("comfyui_version.py"))
        .and_then(|text| text.lines().find_map(assigned_version))
        .or_else(|| pyproject::parse(&files.small_text(Path::new("pyproject.toml"))?)?.version)
}

/// Whether the folder is the root of a ComfyUI.
pub(crate) fn is_root(folder: &Path) -> bool {
    folder.join("main.py").is_file() && folder.join("comfy").is_dir()
}

/// The value in `__version__ = "0.3.75"`. The file is generated, so no other Python need be understood.
fn assigned_version(line: &str) -> Option<String> {
    let value = line.strip_prefix("__version__")?.trim_start().strip_prefix('=')?.trim();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (version, _) = value[1..].split_once(quote)?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_line_is_read_in_either_quote() {
        assert_eq!(assigned_version(r#"__version__ = "0.3.75""#).as_deref(), Some("0.3.75"));
        assert_eq!(assigned_version("__version__='0.33.0'  # generated\r").as_deref(), Some("0.33.0"));
    }

    #[test]
    fn other_lines_are_no_version() {
        for line in
            ["", "__version__", "__version__ = get()", "__version__ = \"0.3", "# __version__ = '1'", "__version__ ="]
        {
            assert_eq!(assigned_version(line), None, "{line}");
        }
    }
}
