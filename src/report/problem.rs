//! What went wrong, and what to do about it.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::located::Located;
use crate::advice::Advice;
use crate::pipeline::Unread;
use crate::python::{Place, Unreadable};
use crate::text::{shown, visible};

/// An error, for people. Its parts have no line breaks and no characters that could control a terminal.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// What, and why.
    pub message: String,
    /// More about it, line by line.
    pub details: Vec<String>,
    /// What to do, line by line.
    pub help: Vec<String>,
    /// The file that could not be read as Python, if it is that.
    pub path: Option<Located>,
    /// Where in it.
    pub place: Option<Place>,
}

/// All of it, line by line, as text.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.details.iter().try_for_each(|line| write!(f, "\n{line}"))?;
        self.help.iter().try_for_each(|line| write!(f, "\nhelp: {line}"))
    }
}

impl Problem {
    /// The whole chain of an error as one message, with the advice of each of its links. Paths are relative to the
    /// folder `base`.
    pub fn of(error: &anyhow::Error, base: &Path) -> Self {
        let mut why = Vec::new();
        let mut problem =
            Self { message: String::new(), details: Vec::new(), help: Vec::new(), path: None, place: None };
        for cause in error.chain() {
            let unread = cause.downcast_ref::<Unread>();
            if let Some(unread) = unread {
                problem.path = Some(Located::new(base, &unread.path));
                problem.place = unread.reason.place();
                problem.help.push(help(&unread.reason).to_owned());
            }
            if let Some(advice) = cause.downcast_ref::<Advice>() {
                problem.details.extend(advice.details.iter().map(one_line));
                problem.help.extend(advice.help.iter().map(one_line));
            }
            why.push(unread.map_or_else(|| one_line(cause.to_string()), message));
        }
        problem.message = why.join(": ");
        problem
    }
}

/// A text without line breaks and characters that could control a terminal.
fn one_line(text: impl AsRef<str>) -> String {
    visible(text.as_ref()).into_owned()
}

/// That a file could not be understood as Python, and why.
fn message(unread: &Unread) -> String {
    let path = shown(&unread.path);
    match &unread.reason {
        Unreadable::Syntax(Place { line, column }, text) => {
            format!("{path}:{line}:{column}: not valid Python: `{}`", visible(text.trim()))
        }
        reason => format!("{path}: {reason}"),
    }
}

/// What to do about a file that could not be understood as Python.
fn help(reason: &Unreadable) -> &'static str {
    match reason {
        Unreadable::NotUtf8(_) => "save the file as UTF-8 and try again",
        Unreadable::TooLarge(_) => "restore the file, or name the right one, and try again",
        Unreadable::Nul(_) | Unreadable::Syntax(..) | Unreadable::TooDeep(_) => {
            "Python cannot load it either; restore the file, or update the node, and try again"
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;
    use crate::advice::Advise as _;

    #[test]
    fn a_problem_is_made_of_the_parts_of_its_error() {
        let inner = anyhow!("not text").details(["  at byte 3".into()]).help("save it as UTF-8");
        let error = inner.context("cannot read x").help("look at it").help("try again");
        let problem = Problem::of(&error, Path::new(""));
        assert_eq!(problem.message, "cannot read x: not text");
        assert_eq!(problem.details, ["  at byte 3"]);
        assert_eq!(problem.help, ["look at it", "try again", "save it as UTF-8"]);
        let shown = "cannot read x: not text\n  at byte 3\nhelp: look at it\nhelp: try again\nhelp: save it as UTF-8";
        assert_eq!(problem.to_string(), shown);
    }

    #[test]
    fn a_text_from_elsewhere_makes_no_line_and_no_help_of_its_own() {
        let error = anyhow!("no file `a\nhelp: run this`").details(["a\nb\u{1b}[31m".into()]).help("c\nd");
        let problem = Problem::of(&error, Path::new(""));
        assert_eq!(problem.message, "no file `a␊help: run this`");
        assert_eq!((&problem.details[0][..], &problem.help[0][..]), ("a␊b␛[31m", "c␊d"));
        assert_eq!(problem.to_string().lines().count(), 3);
    }
}
