//! Where output for people goes.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use anyhow::Result;
use serde::Serialize;

use super::progress::Progress;
use crate::redact::Redactor;
use crate::render::columns::{columns, wrapped};
use crate::render::style::{BAD, NEXT, STRONG, UNSURE};
use crate::report::Problem;

/// Standard output and standard error, coloured as asked for.
pub struct Screen {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    quiet: bool,
    started: bool,
    progress: Progress,
    redactor: Option<Redactor>,
}

impl Screen {
    /// A screen for a run that has just begun.
    pub fn new(color: ColorChoice, quiet: bool) -> Self {
        Self {
            out: AutoStream::new(io::stdout(), color),
            err: AutoStream::new(io::stderr(), color),
            quiet,
            started: false,
            progress: Progress::new(),
            redactor: None,
        }
    }

    /// From now on, what is private is left out of what goes to standard output.
    pub fn redact(&mut self, redactor: Redactor) {
        self.redactor = Some(redactor);
    }

    /// Prints a block of lines, with a blank line before it unless it is the first.
    pub fn print(&mut self, block: &str) -> io::Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        self.progress.clear(&mut self.err);
        let gap = if self.started { "\n" } else { "" };
        self.started = true;
        let block = match &mut self.redactor {
            Some(redactor) => redactor.styled(block),
            None => block.to_owned(),
        };
        read_or_not(self.out.write_all(format!("{gap}{block}").as_bytes()))
    }

    /// Prints a block, except with `--quiet`.
    pub fn note(&mut self, block: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.print(block) }
    }

    /// Prints a document for a program: byte for byte, and nothing else goes to standard output.
    pub fn document(&mut self, text: &str) -> io::Result<()> {
        self.progress.clear(&mut self.err);
        read_or_not(io::stdout().write_all(text.as_bytes()))
    }

    /// Prints a report as JSON, and nothing else.
    pub(super) fn json<T: Serialize>(&mut self, report: &T) -> Result<()> {
        let text = match &mut self.redactor {
            Some(redactor) => serde_json::to_string_pretty(&redactor.document(report)?)?,
            None => serde_json::to_string_pretty(report)?,
        };
        Ok(self.document(&(text + "\n"))?)
    }

    /// Passes bytes on to standard output as they are, at once. False if nobody reads them any more.
    pub fn pass_on(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let mut out = io::stdout();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        match written {
            Err(error) if is_closed_pipe(&error) => Ok(false),
            // A console of Windows takes nothing but Unicode.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                out.write_all(String::from_utf8_lossy(bytes).as_bytes()).and_then(|()| out.flush()).map(|()| true)
            }
            other => other.map(|()| true),
        }
    }

    /// Prints lines to standard error, about what is passed on.
    pub fn aside(&mut self, lines: &str) {
        // If this fails, nothing can be done.
        let _ = self.err.write_all(lines.as_bytes());
    }

    /// Shows how many of these are done, if standard error is a terminal and the run takes a while.
    pub fn progress(&mut self, done: usize, all: usize, these: &str) {
        if self.err.is_terminal() && !self.quiet {
            self.progress.show(done, all, these, &mut self.err);
        }
    }

    /// Shows what is being done, if standard error is a terminal and the run takes a while.
    pub fn doing(&mut self, what: &str) {
        if self.err.is_terminal() && !self.quiet {
            self.progress.doing(what, &mut self.err);
        }
    }

    /// Is standard output a terminal?
    pub fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }

    /// Can somebody read a question, and answer it?
    pub fn can_ask(&self) -> bool {
        self.is_terminal() && io::stdin().is_terminal()
    }

    /// Asks something, and reads the answer: a line without the blanks around it.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        self.progress.clear(&mut self.err);
        write!(self.out, "\n{NEXT}{question}{NEXT:#} ")?;
        self.out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Prints an error: what went wrong and why, details, and what to do next.
    pub fn error(&mut self, problem: &Problem) {
        self.diagnostic("error", BAD, problem);
    }

    /// Prints a warning, except with `--quiet`.
    pub fn warning(&mut self, problem: &Problem) {
        if !self.quiet {
            self.diagnostic("warning", UNSURE, problem);
        }
    }

    fn diagnostic(&mut self, level: &str, style: Style, problem: &Problem) {
        // If both go to one terminal, they are read together.
        let is_shared = io::stdout().is_terminal() && io::stderr().is_terminal();
        let columns = columns().filter(|_| is_shared);
        let mut text = String::from(if is_shared && self.started { "\n" } else { "" });
        let message = wrapped(&problem.message, level.len() + 2, 2, columns);
        let _ = writeln!(text, "{style}{level}{style:#}{STRONG}: {message}{STRONG:#}");
        for line in &problem.details {
            let _ = writeln!(text, "{}", wrapped(line, 0, 4, columns));
        }
        for line in &problem.help {
            let _ = writeln!(text, "{NEXT}help{NEXT:#}: {}", wrapped(line, "help: ".len(), 4, columns));
        }
        self.progress.clear(&mut self.err);
        // If this fails too, nothing can be done.
        let _ = self.err.write_all(text.as_bytes());
    }
}

/// A reader that stops early, such as `head`, is not an error: the work is done, and the exit code says how it ended.
fn read_or_not(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if is_closed_pipe(&error) { Ok(()) } else { Err(error) })
}

/// Has the reader of a pipe closed it?
fn is_closed_pipe(error: &io::Error) -> bool {
    /// `ERROR_PIPE_NOT_CONNECTED`. The standard library counts 109 and 232 as broken pipes, but not this one.
    const NOT_CONNECTED: i32 = 233;
    error.kind() == io::ErrorKind::BrokenPipe || (cfg!(windows) && error.raw_os_error() == Some(NOT_CONNECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_was_closed_is_told_from_other_errors() {
        let (closed, others): (&[i32], &[i32]) = if cfg!(windows) {
            // ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED; ERROR_ACCESS_DENIED, ERROR_DISK_FULL.
            (&[109, 232, 233], &[5, 112])
        } else {
            // EPIPE; EIO, ENOSPC, and what would be ERROR_PIPE_NOT_CONNECTED.
            (&[32], &[5, 28, 233])
        };
        let is_closed = |code: &i32| is_closed_pipe(&io::Error::from_raw_os_error(*code));
        assert!(closed.iter().all(is_closed));
        assert!(!others.iter().any(is_closed));
    }
}
