//! The name and version in a folder's `pyproject.toml`.

use std::path::Path;

/// Of the `[project]` table.
pub(super) struct Project {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
}

/// Reads `pyproject.toml` of a folder; None if there is none, or if it is not TOML.
pub(super) fn read(folder: &Path) -> Option<Project> {
    parse(&super::small_text(&folder.join("pyproject.toml"))?)
}

/// The same from its text.
pub(super) fn parse(text: &str) -> Option<Project> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let project = table.get("project")?;
    let text_of = |key| project.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    Some(Project { name: text_of("name"), version: text_of("version") })
}

impl Project {
    /// Whether the project has this name, as PEP 503 compares names. `name` is expected in its normal form.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let Some(own) = &self.name else { return false };
        let parts: Vec<&str> = own.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
        parts.join("-").eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Option<Project> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pyproject.toml"), text).unwrap();
        read(folder.path())
    }

    #[test]
    fn names_are_compared_as_pep_503_does() {
        for name in ["comfyui-multigpu", "ComfyUI_MultiGPU", "comfyui.multigpu", "comfyui-_.MultiGPU"] {
            let project = project(&format!("[project]\nname = '{name}'\n")).unwrap();
            assert!(project.is_named("comfyui-multigpu"), "{name}");
        }
        for name in ["comfyui", "comfyui-multigpu-2", "comfyuimultigpu"] {
            let project = project(&format!("[project]\nname = '{name}'\n")).unwrap();
            assert!(!project.is_named("comfyui-multigpu"), "{name}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_crlf_do_not_matter() {
        let project = project("\u{feff}[project]\r\nname = \"a\"\r\nversion = \"2.5.10\"\r\n").unwrap();
        assert_eq!(project.version.as_deref(), Some("2.5.10"));
    }

    #[test]
    fn what_is_not_toml_or_not_a_project_is_no_project() {
        assert!(project("<<<<<<< HEAD\nname = 1\n").is_none());
        assert!(project("[tool.ruff]\n").is_none());
        assert!(project("project = 3\n").is_some_and(|project| project.name.is_none()));
        assert!(project("[project]\nname = 3\n").is_some_and(|project| project.name.is_none()));
    }
}
