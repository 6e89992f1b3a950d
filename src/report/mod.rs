//! What people see.

mod columns;
pub mod diff;
pub mod findings;
pub mod human;
pub mod proof;
pub mod revert;
pub mod search;
pub mod status;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use self::columns::{columns, wrapped};
use crate::cli;
use crate::install;
use crate::repair::{Change, Repair};

/// Red, for what is wrong and for what goes.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Green, for what is right and for what comes.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Yellow, for what could not be told.
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// Cyan, for what to do next.
pub(crate) const NEXT: Style = AnsiColor::Cyan.on_default().bold();
/// For what is beside the point.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// For names.
pub(crate) const STRONG: Style = Style::new().bold();

/// What a line that says what to do next begins with.
const HELP: &str = "help: ";

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

    /// Prints a patch: byte for byte, unless a person looks at it.
    pub fn patch(&mut self, repair: &Repair, change: &Change) -> io::Result<()> {
        if io::stdout().is_terminal() {
            self.print(&diff::coloured(repair, change))
        } else {
            io::stdout().write_all(diff::plain(repair, change).as_bytes())
        }
    }

    /// Prints a diagnostic: what went wrong and why on one line, then the further lines of every message, of which the
    /// ones that begin with `help: ` say what to do next.
    pub fn error(&mut self, error: &anyhow::Error) {
        let mut why = Vec::new();
        let mut further = Vec::new();
        for cause in error.chain() {
            let cause = cause.downcast_ref().map_or_else(|| cause.to_string(), human::unread);
            let mut lines = cause.lines().map(|line| visible(line).into_owned());
            why.extend(lines.next());
            further.extend(lines);
        }
        // Where both go to one terminal they are read as one.
        let is_shared = io::stdout().is_terminal() && io::stderr().is_terminal();
        let columns = columns().filter(|_| is_shared);
        let mut text = String::from(if is_shared && self.started { "\n" } else { "" });
        let why = wrapped(&why.join(": "), "error: ".len(), 2, columns);
        let _ = writeln!(text, "{BAD}error{BAD:#}{STRONG}: {why}{STRONG:#}");
        for line in further {
            let line = wrapped(&line, 0, 4, columns);
            let _ = match line.strip_prefix(HELP) {
                Some(next) => writeln!(text, "{NEXT}help{NEXT:#}: {next}"),
                None => writeln!(text, "{line}"),
            };
        }
        // Nothing can be done if this fails as well.
        let _ = self.err.write_all(text.as_bytes());
    }
}

/// One line of text with control characters made visible, so that what stands in a file or its name cannot steer a
/// terminal.
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

/// A path as people want to see it: from the current folder if it is below that, whole if not.
pub(crate) fn shown(path: &Path) -> String {
    let here = install::logical_dir().ok();
    let below =
        here.as_deref().and_then(|here| path.strip_prefix(here).ok()).filter(|below| !below.as_os_str().is_empty());
    visible(&below.unwrap_or(path).display().to_string()).into_owned()
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
}
