//! What went wrong, and what to do about it.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::located::Located;
use crate::pipeline::Unread;
use crate::python::{Place, Unreadable};
use crate::text::{shown, visible};

/// What a line that says what to do next begins with.
const HELP: &str = "help: ";

/// What went wrong, in words for people. Its parts have no line breaks, and nothing in them steers a terminal.
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
        self.help.iter().try_for_each(|line| write!(f, "\n{HELP}{line}"))
    }
}

impl Problem {
    /// The whole chain of an error as one message: the first line of each of its messages says what and why, further
    /// ones say more, or, if they begin with `help: `, what to do. Paths are written from the folder `base`.
    pub fn of(error: &anyhow::Error, base: &Path) -> Self {
        let mut why = Vec::new();
        let mut problem =
            Self { message: String::new(), details: Vec::new(), help: Vec::new(), path: None, place: None };
        for cause in error.chain() {
            let unread = cause.downcast_ref::<Unread>();
            if let Some(unread) = unread {
                problem.path = Some(Located::new(base, &unread.path));
                problem.place = unread.reason.place();
            }
            let cause = unread.map_or_else(|| cause.to_string(), said);
            let mut lines = cause.lines().map(|line| visible(line).into_owned());
            why.extend(lines.next());
            for line in lines {
                match line.strip_prefix(HELP) {
                    Some(help) => problem.help.push(help.to_owned()),
                    None => problem.details.push(line),
                }
            }
        }
        problem.message = why.join(": ");
        problem
    }
}

/// A file that could not be understood as Python.
fn said(unread: &Unread) -> String {
    let path = shown(&unread.path);
    let said = match &unread.reason {
        Unreadable::Syntax(Place { line, column }, text) => {
            format!("{path}:{line}:{column}: not valid Python: `{}`", visible(text.trim()))
        }
        reason => format!("{path}: {reason}"),
    };
    let help = match &unread.reason {
        Unreadable::NotUtf8(_) => "save the file as UTF-8 and try again",
        Unreadable::TooLarge(_) => "restore the file, or name the right one, and try again",
        Unreadable::Nul(_) | Unreadable::Syntax(..) | Unreadable::TooDeep(_) => {
            "Python cannot load it either; restore the file, or update the node, and try again"
        }
    };
    format!("{said}\nhelp: {help}")
}
