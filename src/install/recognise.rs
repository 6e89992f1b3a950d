//! Recognises whether a folder is a checkout, and by what.

use std::fmt;
use std::path::Path;

use super::{comfyui, git, pyproject, small_text};

/// The file that DisTorch2 lives in.
pub const FILE_NAME: &str = "distorch_2.py";

/// The project's name: lower case, words joined by `-`.
const PROJECT: &str = "comfyui-multigpu";

/// Why a folder is recognised as a checkout. Displayed as one short phrase for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Its repository comes from this address (without the password or token that the address may hold).
    Origin(String),
    /// Its `pyproject.toml` has the project's name.
    Pyproject,
    /// `distorch_2.py` is next to an `__init__.py` that mentions MultiGPU.
    Layout,
    /// The user named the file itself.
    Named,
}

impl fmt::Display for Evidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(url) => write!(out, "cloned from {url}"),
            Self::Pyproject => write!(out, "named {PROJECT} in its pyproject.toml"),
            Self::Layout => write!(out, "{FILE_NAME} beside a MultiGPU __init__.py"),
            Self::Named => write!(out, "named by you"),
        }
    }
}

/// The result for a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recognised {
    Checkout(Evidence),
    /// It looks like one but is not; why.
    NearMiss(String),
    Other,
}

/// Examines one folder, but not its subfolders.
pub(super) fn recognise(folder: &Path) -> Recognised {
    let origin =
        || git::origin(folder).filter(|url| is_project_like(repository_name(url))).map(|url| without_secrets(&url));
    if !folder.join(FILE_NAME).is_file() {
        return if let Some(url) = origin() {
            Recognised::NearMiss(format!("a clone of {url}, but it has no {FILE_NAME}: older than DisTorch2?"))
        } else if folder.file_name().is_some_and(|name| is_project_like(&name.to_string_lossy()))
            && !comfyui::is_root(folder)
        {
            Recognised::NearMiss(format!("named like ComfyUI-MultiGPU, but it has no {FILE_NAME}"))
        } else {
            Recognised::Other
        };
    }
    if let Some(url) = origin() {
        Recognised::Checkout(Evidence::Origin(url))
    } else if pyproject::read(folder).is_some_and(|project| project.is_named(PROJECT)) {
        Recognised::Checkout(Evidence::Pyproject)
    } else if small_text(&folder.join("__init__.py")).is_some_and(|text| text.to_ascii_lowercase().contains("multigpu"))
    {
        Recognised::Checkout(Evidence::Layout)
    } else {
        Recognised::NearMiss(format!(
            "has a {FILE_NAME}, but no git remote, pyproject.toml or MultiGPU __init__.py says that it is \
             ComfyUI-MultiGPU; name the file itself if it is"
        ))
    }
}

/// Forks, mirrors and unpacked archives append to the name (`-main`, `.disabled`, `@2_6_3`), so its beginning decides.
fn is_project_like(name: &str) -> bool {
    name.to_ascii_lowercase().replace('_', "-").starts_with(PROJECT)
}

/// The last part of an address: a URL, `host:owner/name`, or a path of any system.
fn repository_name(url: &str) -> &str {
    let bare = url.trim().trim_end_matches(['/', '\\']);
    let bare = match bare.len().checked_sub(".git".len()).and_then(|at| bare.split_at_checked(at)) {
        Some((name, suffix)) if suffix.eq_ignore_ascii_case(".git") => name.trim_end_matches(['/', '\\']),
        _ => bare,
    };
    bare.rsplit(['/', '\\', ':']).next().unwrap_or(bare)
}

/// An address as it may be shown: some people keep tokens in `https://token@host/...`, and reports get posted.
fn without_secrets(url: &str) -> String {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match authority.rsplit_once('@') {
        Some((user, host)) if scheme.starts_with("http") || user.contains(':') => {
            format!("{scheme}://{host}{path}")
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_the_address_is_the_project() {
        for url in [
            "https://github.com/pollockjj/ComfyUI-MultiGPU",
            "https://github.com/pollockjj/ComfyUI-MultiGPU.git",
            "https://github.com/pollockjj/ComfyUI-MultiGPU/",
            "https://github.com/pollockjj/ComfyUI-MultiGPU.git/",
            "HTTPS://GITHUB.COM/POLLOCKJJ/COMFYUI-MULTIGPU.GIT",
            "https://user:token@gitlab.example/a/b/comfyui_multigpu.git",
            "https://ghproxy.example/https://github.com/pollockjj/ComfyUI-MultiGPU",
            "git@github.com:neuratech-ai/ComfyUI-MultiGPU.git",
            "git@github.com:ComfyUI-MultiGPU",
            "ssh://git@host:2222/owner/ComfyUI-MultiGPU.git",
            "git://host/ComfyUI-MultiGPU-fork.git",
            "file:///srv/mirrors/ComfyUI-MultiGPU.git",
            "/srv/mirrors/ComfyUI-MultiGPU/.git",
            r"D:\mirrors\ComfyUI-MultiGPU",
            "gh:pollockjj/ComfyUI-MultiGPU",
            "  https://github.com/pollockjj/ComfyUI-MultiGPU  ",
        ] {
            assert!(is_project_like(repository_name(url)), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_not() {
        for url in [
            "",
            "/",
            ".git",
            "https://github.com/comfyanonymous/ComfyUI",
            "https://github.com/comfyui-multigpu/ComfyUI.git",
            "https://github.com/pollockjj/MultiGPU",
            "ü.git",
        ] {
            assert!(!is_project_like(repository_name(url)), "{url}");
        }
    }

    #[test]
    fn passwords_and_tokens_are_not_shown() {
        assert_eq!(without_secrets("https://me:secret@host/a/b"), "https://host/a/b");
        assert_eq!(without_secrets("https://secret@host/a/b"), "https://host/a/b");
        assert_eq!(without_secrets("https://me:p@ss@host"), "https://host");
        assert_eq!(without_secrets("ssh://git:secret@host/a/b"), "ssh://host/a/b");
        assert_eq!(without_secrets("ssh://git@host/a/b"), "ssh://git@host/a/b");
        assert_eq!(without_secrets("git@host:a/b"), "git@host:a/b");
        assert_eq!(without_secrets("https://host/a@b"), "https://host/a@b");
    }
}
