//! Where output for people goes.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::Style;

use super::columns::{columns, wrapped};
use super::problem::Problem;
use super::text::{BAD, NEXT, STRONG, UNSURE};
use crate::cli;

/// Standard output and standard error, coloured as asked for.
pub struct Screen {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    quiet: bool,
    started: bool,
}

impl Screen {
    /// A screen for a run with these arguments.
    pub fn new(color: cli::Color, quiet: bool) -> Self {
        let choice = match color {
            cli::Color::Auto => None,
            cli::Color::Always => Some(anstream::ColorChoice::AlwaysAnsi),
            cli::Color::Never => Some(anstream::ColorChoice::Never),
        };
        Self {
            out: choice.map_or_else(|| AutoStream::auto(io::stdout()), |choice| AutoStream::new(io::stdout(), choice)),
            err: choice.map_or_else(|| AutoStream::auto(io::stderr()), |choice| AutoStream::new(io::stderr(), choice)),
            quiet,
            started: false,
        }
    }

    /// Prints a block of lines, a blank line between it and the one before.
    pub fn print(&mut self, block: &str) -> io::Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        if self.started {
            self.out.write_all(b"\n")?;
        }
        self.started = true;
        self.out.write_all(block.as_bytes())
    }

    /// Prints a block that `--quiet` leaves out.
    pub fn note(&mut self, block: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.print(block) }
    }

    /// Prints a document for a program: byte for byte, and nothing else goes to standard output.
    pub fn document(&self, text: &str) -> io::Result<()> {
        io::stdout().write_all(text.as_bytes())
    }

    /// Does a person look at standard output?
    pub fn is_terminal(&self) -> bool {
        self.out.is_terminal()
    }

    /// Prints what went wrong and why, more about it, and what to do next.
    pub fn error(&mut self, problem: &Problem) {
        self.diagnostic("error", BAD, problem);
    }

    /// Prints what matters all the same; `--quiet` leaves it out.
    pub fn warning(&mut self, problem: &Problem) {
        if !self.quiet {
            self.diagnostic("warning", UNSURE, problem);
        }
    }

    fn diagnostic(&mut self, level: &str, style: Style, problem: &Problem) {
        // Where both go to one terminal they are read as one.
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
        // Nothing can be done if this fails as well.
        let _ = self.err.write_all(text.as_bytes());
    }
}
