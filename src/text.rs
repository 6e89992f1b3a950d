//! Texts made fit to show: paths, counts, and parts of files.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

/// One line of text with control characters made visible, so that a file's content or name cannot control a terminal.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let picture = |c: char| match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(|c| if is_unsafe(c) { picture(c) } else { c }).collect())
}

/// Control characters, and those that change the direction of the text after them.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path with its links resolved, by the name that people know it under.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    resolved(path).map(|path| plain(&path))
}

/// The same; as it is if that cannot be told, for example because nothing is there.
pub(crate) fn real_or_same(path: &Path) -> PathBuf {
    real(path).unwrap_or_else(|_| path.to_owned())
}

/// A path with its links resolved; on Windows in a form that may have any length.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path).or_else(|error| {
        // Windows cannot resolve paths on every drive: disks in memory and those of some programs have no such names.
        let is_there = cfg!(windows) && fs::symlink_metadata(path).is_ok_and(|about| !about.is_symlink());
        if !is_there {
            return Err(error);
        }
        let path = std::path::absolute(path)?;
        let mut long = OsString::from(r"\\?\");
        long.push(&path);
        Ok(if path.to_str().is_some_and(has_drive) { long.into() } else { path })
    })
}

/// A path without the `\\?\` that Windows puts before resolved ones, unless it would mean something else then.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let plain = path.to_str().filter(|_| cfg!(windows)).and_then(without_prefix);
    plain.map_or_else(|| path.to_owned(), PathBuf::from)
}

/// `\\?\C:\x` as `C:\x`, and `\\?\UNC\server\share\x` as `\\server\share\x`.
fn without_prefix(path: &str) -> Option<String> {
    /// What a path may have without the prefix.
    const MOST_UNITS: usize = 259;
    let rest = path.strip_prefix(r"\\?\")?;
    let (plain, names) = match rest.strip_prefix(r"UNC\") {
        Some(share) => (format!(r"\\{share}"), share),
        None => (rest.to_owned(), rest.get(2..)?.strip_prefix('\\').filter(|_| has_drive(rest))?),
    };
    let names = names.strip_suffix('\\').unwrap_or(names);
    let is_plain = names.is_empty() || names.split('\\').all(is_plain_name);
    (is_plain && plain.encode_utf16().count() <= MOST_UNITS).then_some(plain)
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
}

/// Does Windows take this name as it is? Others lose their ends, or mean a device in every folder.
pub(crate) fn is_plain_name(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split(['.', ':']).next().unwrap_or_default().trim_end().to_lowercase();
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    let is_port =
        number.is_some_and(|number| matches!(number.chars().collect::<Vec<_>>()[..], ['0'..='9' | '¹' | '²' | '³']));
    !name.is_empty() && !name.contains('/') && !name.ends_with(['.', ' ']) && !is_port && !DEVICES.contains(&&*stem)
}

/// A path as people want to see it: relative to the current folder if it is below that, absolute if not.
pub(crate) fn shown(path: &Path) -> String {
    let here = logical_dir().ok();
    let below =
        here.as_deref().and_then(|here| path.strip_prefix(here).ok()).filter(|below| !below.as_os_str().is_empty());
    visible(&below.unwrap_or(path).display().to_string()).into_owned()
}

/// The name of the file at a path, as people want to see it; without one, the path.
pub(crate) fn shown_name(path: &Path) -> String {
    path.file_name().map_or_else(|| shown(path), |name| visible(&name.to_string_lossy()).into_owned())
}

/// A path in a command: relative to the current folder if it is below that, and in quotes that shells of every system
/// accept, if it needs any.
pub(crate) fn quoted(path: &Path) -> String {
    let path = shown(path);
    let is_plain = |c: char| c.is_alphanumeric() || "/\\._-~:+,@".contains(c);
    let quote = if path.chars().all(is_plain) { "" } else { "\"" };
    format!("{quote}{path}{quote}")
}

/// The current folder as the shell names it. `current_dir` resolves every link, so a user who went through a linked
/// `custom_nodes` would no longer be inside a ComfyUI.
pub(crate) fn logical_dir() -> io::Result<PathBuf> {
    let real = env::current_dir()?;
    // Windows does not resolve them, and its shells do not tell.
    if cfg!(windows) {
        return Ok(real);
    }
    let shell = env::var_os("PWD").map(PathBuf::from).filter(|pwd| pwd.is_absolute());
    Ok(shell.filter(|pwd| fs::canonicalize(pwd).is_ok_and(|pwd| pwd == real)).unwrap_or(real))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match &items[..] {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `1 edit`, `2 edits`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        assert_eq!(visible("a\tb é"), "a\tb é");
        assert_eq!(visible("\u{1b}[31m\r\n\u{7f}\u{9b}\u{202e}"), "␛[31m␍␊␡\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_prefix_of_windows_is_not_shown_unless_it_matters() {
        let long = format!(r"\\?\C:\{}", "x".repeat(256));
        for (path, plain) in [
            (r"\\?\C:\ComfyUI\a b.py", Some(r"C:\ComfyUI\a b.py")),
            (r"\\?\d:\", Some(r"d:\")),
            (r"\\?\UNC\server\share\ComfyUI", Some(r"\\server\share\ComfyUI")),
            (r"\\?\C:\console\.git\com.py\com12", Some(r"C:\console\.git\com.py\com12")),
            (&long, Some(&long[4..])),
            (&format!("{long}x"), None),
            (r"C:\ComfyUI", None),
            ("/srv/ComfyUI", None),
            (r"\\?\C:", None),
            (r"\\?\Volume{1a}\ComfyUI", None),
            (r"\\?\C:\ComfyUI.\x", None),
            (r"\\?\C:\ComfyUI \x", None),
            (r"\\?\C:\a\..\b", None),
            (r"\\?\C:\a\\b", None),
            (r"\\?\C:\a/b", None),
            (r"\\?\C:\NUL", None),
            (r"\\?\C:\aux.json\x", None),
            (r"\\?\UNC\server\share\Com1 .txt", None),
            (r"\\?\C:\lpt²", None),
        ] {
            assert_eq!(without_prefix(path).as_deref(), plain, "{path}");
        }
    }
}
