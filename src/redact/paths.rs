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

/// URLs, which are no paths; absolute paths of every system; and paths that begin above the current folder. On Windows,
/// names have blanks in them; elsewhere, these are rare, and a path ends at the first.
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
            // Relative paths may begin with the same names.
            let start = if names[0].ends_with(':') { r"(?:\\\\[?.]\\)?" } else { r"[\\/]+" };
            if let Ok(pattern) = Regex::new(&format!(r"(?i){start}{}([\\/])", names.join(r"[\\/]+"))) {
                paths.known.push((pattern, number));
            }
        }
        paths
    }

    /// A text whose absolute paths are shortened.
    pub(super) fn shorten<'t>(&mut self, text: Cow<'t, str>) -> Cow<'t, str> {
        let text = self.shorten_known(text);
        let text = replaced(text, &QUOTED, |found, _, _| {
            let [open, path, close] = [&found[1], &found[2], &found[3]];
            let is_path = open == close && ![" -", " /", ": ", ", "].iter().any(|other| path.contains(other));
            let short = if is_path { self.one(path)? } else { return None };
            Some(format!("{open}{short}{close}"))
        });
        replaced(text, &PATH, |found, before, _| match found[0].split_once("://") {
            Some((scheme, rest)) => scheme.eq_ignore_ascii_case("file").then(|| self.file(scheme, rest))?,
            None => self.found(&found[0], before),
        })
    }

    /// Those of the installations, also with blanks in them.
    fn shorten_known<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        self.known.iter().fold(text, |text, (pattern, number)| {
            replaced(text, pattern, |found, before, _| {
                let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '.' | '~' | '-' | '_');
                (!before.ends_with(goes_on)).then(|| format!("{}{}", label(*number), &found[1]))
            })
        })
    }

    /// A URL of a file.
    fn file(&mut self, scheme: &str, rest: &str) -> Option<String> {
        let rest = rest.trim_start_matches('/');
        let path = if rest.get(1..2) == Some(":") { rest.to_owned() } else { format!("/{rest}") };
        Some(format!("{scheme}://{}", self.one(&path)?))
    }

    /// What looks like a path, behind another text.
    fn found(&mut self, path: &str, before: &str) -> Option<String> {
        let goes_on =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '~' | '…' | '_' | '-' | '\\' | '/' | '%' | '}');
        if before.ends_with(goes_on) || ends_with_stand_in(before) {
            return None;
        }
        // What looks like a name with blanks may be the next argument.
        let is_flag = |at: &usize| !path[at + 2..].starts_with(' ');
        match path.match_indices(" -").map(|(at, _)| at).find(is_flag) {
            Some(end) => {
                let (path, rest) = path.split_at(end);
                let rest = self.shorten(Cow::Borrowed(rest)).into_owned();
                Some(self.one(path).unwrap_or_else(|| path.to_owned()) + &rest)
            }
            None => self.one(path),
        }
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
        // The folder of a user is none to begin at, nor is a computer.
        let from = home.map_or(usize::from(is_share), |home| home + 2);
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

/// Does a text end with something like `<user 2>`?
fn ends_with_stand_in(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ' ' | '-');
    let name = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    name.is_some_and(|(_, name)| name.len() < 12 && name.chars().all(is_plain))
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
