//! Advice on an error, carried by the error itself.
//!
//! ```text
//! let text = fs::read(path).with_context(|| format!("cannot read {}", path.display())).help("check its permissions")?;
//! bail!(anyhow!("{} is read-only", path.display()).help("make it writable and try again"));
//! ```
//!
//! The advice is not part of the message: an error and its chain read the same with and without it.

use std::error::Error as StdError;
use std::path::Path;
use std::{fmt, io};

use anyhow::Error;

/// An error with details and what to do. It replaces the error in its chain, where `downcast_ref` finds it.
#[derive(Debug)]
pub struct Advice {
    error: Error,
    /// More about it, line by line.
    pub details: Vec<String>,
    /// What to do, line by line.
    pub help: Vec<String>,
}

/// The message alone.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl StdError for Advice {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

impl Advice {
    /// The advice at the head of an error's chain; an empty one is added if there is none.
    fn at_head(error: Error) -> Self {
        // `downcast` alone would also find an advice below a context, and lose the context.
        let head: &(dyn StdError + 'static) = error.as_ref();
        let is_advice = head.is::<Self>();
        let new = |error| Self { error, details: Vec::new(), help: Vec::new() };
        if is_advice { error.downcast().unwrap_or_else(new) } else { new(error) }
    }
}

/// Adds advice to an error, or to the error of a result.
pub trait Advise: Sized {
    /// Turns it into an error that can carry advice.
    type Advised;

    /// Changes the advice, if there is an error.
    #[doc(hidden)]
    fn advised(self, change: impl FnOnce(&mut Advice)) -> Self::Advised;

    /// Says what to do.
    fn help(self, line: impl Into<String>) -> Self::Advised {
        self.advised(|advice| advice.help.push(line.into()))
    }

    /// Says what to do; the text is only built if there is an error.
    fn help_with(self, line: impl FnOnce() -> String) -> Self::Advised {
        self.advised(|advice| advice.help.push(line()))
    }

    /// Says what to do about a file that cannot be opened or replaced: whoever has it open is to close it, if that is why.
    fn help_open(self, otherwise: impl Into<String>) -> Self::Advised {
        self.advised(|advice| {
            let is_used = advice.error.chain().filter_map(<dyn StdError>::downcast_ref).any(is_in_use);
            let close = || "close the program that has it open, such as an editor or ComfyUI, and try again".to_owned();
            advice.help.push(if is_used { close() } else { otherwise.into() });
        })
    }

    /// Says what to do about a path that is not there. On Windows, `"D:\ComfyUI\"` means a path with a quotation mark at its end.
    fn help_path(self, path: &Path, otherwise: &str) -> Self::Advised {
        let is_quoted = cfg!(windows) && path.to_string_lossy().contains('"');
        self.help(if is_quoted { "leave out the backslash before the quotation mark" } else { otherwise })
    }

    /// Adds details about the error.
    fn details(self, lines: impl IntoIterator<Item = String>) -> Self::Advised {
        self.advised(|advice| advice.details.extend(lines))
    }
}

impl Advise for Error {
    type Advised = Self;

    fn advised(self, change: impl FnOnce(&mut Advice)) -> Self {
        let mut advice = Advice::at_head(self);
        change(&mut advice);
        advice.into()
    }
}

impl<T, E: Into<Error>> Advise for Result<T, E> {
    type Advised = Result<T, Error>;

    fn advised(self, change: impl FnOnce(&mut Advice)) -> Self::Advised {
        self.map_err(|error| error.into().advised(change))
    }
}

/// Has another program opened the file in a way that leaves nothing to others? Only Windows has that.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    /// `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION` and `ERROR_USER_MAPPED_FILE`.
    const IN_USE: [i32; 3] = [32, 33, 1224];
    cfg!(windows) && error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

/// All advice in a chain of errors, the outermost error first.
pub fn help(error: &Error) -> Vec<&str> {
    let advice = error.chain().filter_map(<dyn StdError>::downcast_ref::<Advice>);
    advice.flat_map(|advice| &advice.help).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anyhow::{Context as _, anyhow};
    use walkdir::WalkDir;

    use super::*;

    fn io() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("disk on fire"))
    }

    #[test]
    fn advice_is_no_part_of_the_message() {
        let plain = io().context("cannot read x").unwrap_err();
        let advised = io().context("cannot read x").help("look at the disk").unwrap_err();
        assert_eq!(advised.to_string(), "cannot read x");
        assert_eq!(format!("{advised:#}"), format!("{plain:#}"));
        assert_eq!(advised.chain().count(), plain.chain().count());
        assert_eq!(help(&advised), ["look at the disk"]);
        assert!(help(&plain).is_empty());
    }

    #[test]
    fn every_link_of_a_chain_has_its_own_advice_and_the_outermost_comes_first() {
        let inner = anyhow!("inner").help("first inner").help("second inner");
        let outer = inner.context("middle").context("outer").help("outermost");
        assert_eq!(help(&outer), ["outermost", "first inner", "second inner"]);
        assert_eq!(format!("{outer:#}"), "outer: middle: inner");
    }

    #[test]
    fn a_file_that_others_have_open_is_to_be_closed() {
        let helped = |code| {
            let error = Err::<(), _>(std::io::Error::from_raw_os_error(code)).context("cannot read x");
            help(&error.help_open("check its permissions").unwrap_err())[0].to_owned()
        };
        assert_eq!(helped(5), "check its permissions");
        assert_eq!(helped(32).starts_with("close the program"), cfg!(windows));
    }

    #[test]
    fn a_context_put_around_advice_stays() {
        let error = anyhow!("inner").help("inner").context("outer").details(["more".into()]);
        assert_eq!(format!("{error:#}"), "outer: inner");
        let details: Vec<_> =
            error.chain().map(|cause| cause.downcast_ref::<Advice>().map(|advice| advice.details.len())).collect();
        assert_eq!(details, [Some(1), Some(0)]);
    }

    #[test]
    fn details_and_help_are_kept_in_order() {
        let error = anyhow!("x").details(["a".into(), "b".into()]).help("h").details(["c".into()]);
        let advice = error.downcast_ref::<Advice>().unwrap();
        assert_eq!(advice.details, ["a", "b", "c"]);
        assert_eq!(advice.help, ["h"]);
    }

    #[test]
    fn words_are_made_for_errors_only() {
        let unneeded = || -> String { panic!("there is no error") };
        assert_eq!(Ok::<_, Error>(1).help_with(unneeded).unwrap(), 1);
        assert_eq!(help(&io().help_with(|| String::from("run")).unwrap_err()), ["run"]);
    }

    /// Does a string literal in this code have a line of its own that says what to do?
    fn embeds_help(code: &str) -> bool {
        code.split("\\n").skip(1).any(|rest| rest.trim_start_matches('\\').trim_start().starts_with("help: "))
            || code.lines().any(|line| line.starts_with("help: "))
    }

    #[test]
    fn no_message_has_its_advice_in_its_text() {
        assert!(embeds_help(r#"bail!("no\nhelp: do")"#) && embeds_help("\"no\\n\\\n     help: do\""));
        assert!(embeds_help("\"no\nhelp: do\"") && !embeds_help(r#"anyhow!("no\n").help("do")"#));
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = WalkDir::new(&top).into_iter().map(Result::unwrap);
        let code = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "rs"));
        let mut read = 0;
        for file in code {
            // This one says what to look for, and the other shows it.
            let is_about_it = ["advice.rs", "report/problem.rs"].iter().any(|name| file.path() == top.join(name));
            let text = fs::read_to_string(file.path()).unwrap();
            assert!(is_about_it || !embeds_help(&text), "{}", file.path().display());
            read += 1;
        }
        assert!(read > 50, "the sources are read");
    }
}
