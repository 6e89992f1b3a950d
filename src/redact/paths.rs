//! Absolute paths, without the folders that say whose they are.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::replaced;

/// A path is shown from the first of these folders on, or from a folder whose name has `comfyui` in it.
const SHOWN_FROM: [&str; 8] = [
    "custom_nodes",
    "dist-packages",
    "huggingface",
    "models",
    "pinokio",
    "python_embeded",
    "site-packages",
    "stabilitymatrix",
];
/// Folders of the system, which are the same on every computer.
const SYSTEM: [&str; 11] =
    ["bin", "dev", "etc", "lib", "lib64", "proc", "program files", "program files (x86)", "sys", "usr", "windows"];
/// Folders of home folders.
const HOMES: [&str; 3] = ["users", "home", "documents and settings"];

/// URLs, which are no paths, and absolute paths of every system, or those that begin above the current folder. On Windows, names have blanks in them; elsewhere, these
/// are rare, and a path ends at the first.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    let url = r#"\b[A-Za-z][A-Za-z0-9+.-]+://[^\s"'<>]*"#;
    let windows =
        r#"(?:\\\\[?.]\\)?\b[A-Za-z]:[\\/]+(?:[^\\/:*?"<>|\r\n]*\\+|[^\s\\/:*?"<>|]+/+)*[^\s\\/:*?"'<>|,;()\[\]]*"#;
    let share = r#"\\\\+(?:[^\\/:*"<>|\r\n]+\\+)+[^\s\\/:*?"'<>|,;()\[\]]*"#;
    let unix = r#"/+(?:(?:\\ |[^\s\\/:*?"'`<>|,;()\[\]{}=…])+/*)+"#;
    let above = r#"\.\.(?:[\\/]+[^\s\\/:*?"'`<>|,;()\[\]{}=]+)+"#;
    Regex::new(&format!("{url}|{windows}|{share}|{above}|{unix}")).expect("a pattern")
});
/// A path in quotes, which may have blanks in it.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(["'`])((?:/|\\\\|[A-Za-z]:[\\/])[^"'`\r\n]* [^"'`\r\n]*)(["'`])"#).expect("a pattern")
});

/// The folders that are hidden, each with a number.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// With slashes, in small letters.
    above: Vec<String>,
    /// Those of the installations, as they stand in texts, with their numbers.
    known: Vec<(Regex, usize)>,
}

impl Paths {
    /// These folders are shown, and what is above them is not.
    pub(super) fn new<'p>(shown: impl IntoIterator<Item = &'p Path>) -> Self {
        let mut paths = Self::default();
        let mut shown: Vec<&Path> = shown.into_iter().filter(|path| path.is_absolute()).collect();
        shown.sort_by_key(|path| path.components().count());
        for (at, path) in shown.iter().enumerate() {
            let is_within_another = shown[..at].iter().any(|other| path.starts_with(other));
            let Some(above) = path.parent().filter(|_| !is_within_another) else { continue };
            let above = normal(&above.to_string_lossy());
            let names: Vec<String> = segments(&above).map(|name| regex::escape(name).replace(' ', r"\s+")).collect();
            if names.is_empty() {
                continue;
            }
            let number = paths.number(&above);
            let start = r"(?:\\\\[?.]\\)?[\\/]*";
            if let Ok(pattern) = Regex::new(&format!(r"(?i){start}{}([\\/])", names.join(r"[\\/]+"))) {
                paths.known.push((pattern, number));
            }
        }
        paths
    }

    /// A text whose absolute paths are shortened.
    pub(super) fn shorten<'t>(&mut self, text: Cow<'t, str>) -> Cow<'t, str> {
        let mut text = text;
        for (pattern, number) in &self.known {
            let label = label(*number);
            text = replaced(text, pattern, |found, before, _| {
                let is_start = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '~' | '-' | '_'));
                is_start.then(|| format!("{label}{}", &found[1]))
            });
        }
        text = replaced(text, &QUOTED, |found, _, _| {
            let is_path =
                found[1] == found[3] && ![" -", " /", ": ", ", "].iter().any(|other| found[2].contains(other));
            let path = is_path.then(|| self.one(&found[2]))?;
            Some(format!("{}{}{}", &found[1], path?, &found[3]))
        });
        replaced(text, &PATH, |found, before, _| {
            let found = &found[0];
            if let Some((scheme, rest)) = found.split_once("://") {
                let is_file = scheme.eq_ignore_ascii_case("file");
                let rest = if is_file { rest.trim_start_matches('/') } else { return None };
                let path = if rest.get(1..2) == Some(":") { rest.to_owned() } else { format!("/{rest}") };
                return Some(format!("{scheme}://{}", self.one(&path)?));
            }
            if before.ends_with(|c: char| {
                c.is_alphanumeric() || matches!(c, '.' | '~' | '…' | '_' | '>' | '-' | '\\' | '/' | '%' | '}')
            }) {
                return None;
            }
            // What looks like a name with blanks may be the next argument.
            let is_flag = |at: &usize| !found[at + 2..].starts_with(' ');
            match found.match_indices(" -").map(|(at, _)| at).find(is_flag) {
                Some(end) => {
                    let rest = self.shorten(Cow::Borrowed(&found[end..])).into_owned();
                    let path = &found[..end];
                    Some(self.one(path).unwrap_or_else(|| path.to_owned()) + &rest)
                }
                None => self.one(found),
            }
        })
    }

    /// A path without the folders above what is shown. None if nothing of it is private.
    fn one(&mut self, path: &str) -> Option<String> {
        let plain = normal(path);
        let names: Vec<&str> = segments(&plain).collect();
        let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let first = usize::from(lower.first()?.ends_with(':'));
        let home = lower.iter().position(|name| HOMES.contains(&name.as_str()));
        let is_relative = lower[0] == "..";
        let is_share = plain.starts_with("//");
        if !is_share && home.is_none() && (names.len() < first + 2 || SYSTEM.contains(&lower[first].as_str())) {
            return None;
        }
        // The folder of a user is none to begin at.
        let from = home.map_or(0, |home| home + 2);
        let begins = |name: &String| name.contains("comfyui") || SHOWN_FROM.contains(&name.as_str());
        let shown = lower.iter().skip(from).position(begins).map(|at| at + from);
        let separator = if path.contains('\\') { "\\" } else { "/" };
        let end = if path.ends_with(['\\', '/']) { separator } else { "" };
        let label = match shown {
            Some(0) => return None,
            Some(_) if is_relative => label(0),
            Some(shown) => label(self.number(&format!("/{}", names[..shown].join("/")))),
            None => label(0),
        };
        let shown = shown.unwrap_or(names.len().saturating_sub(1).max(from));
        let kept: Vec<&str> = std::iter::once(label.as_str()).chain(names.iter().skip(shown).copied()).collect();
        Some(kept.join(separator) + end)
    }

    /// The number of a folder that is hidden.
    fn number(&mut self, above: &str) -> usize {
        let above = above.trim_matches('/').to_lowercase();
        self.above.iter().position(|known| *known == above).unwrap_or_else(|| {
            self.above.push(above);
            self.above.len() - 1
        })
    }
}

/// What stands in the place of the folders with a number.
fn label(number: usize) -> String {
    if number == 0 { "…".to_owned() } else { format!("…{}", number + 1) }
}

/// A path with slashes, and without what Windows writes before long ones.
fn normal(path: &str) -> String {
    let path = path.replace('\\', "/");
    let long = path.strip_prefix("//?/").or_else(|| path.strip_prefix("//./"));
    match long.map(|long| long.strip_prefix("UNC/").ok_or(long)) {
        None => path,
        Some(Ok(share)) => format!("//{share}"),
        Some(Err(path)) => path.to_owned(),
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}
