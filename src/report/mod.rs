//! What people see.

pub mod diff;
pub mod human;

use std::borrow::Cow;
use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use crate::cli;
use crate::install::{Checkout, Search};
use crate::repair::{Change, Repair};

/// Red, for what is wrong and for what goes.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Green, for what is right and for what comes.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Yellow, for what could not be told.
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// For what is beside the point.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// For names.
pub(crate) const STRONG: Style = Style::new().bold();

/// Near misses that are listed at most.
const MOST_LISTED: usize = 12;

/// Standard output and standard error, coloured as asked for.
pub struct Screen {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    quiet: bool,
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
        }
    }

    /// Prints a finding.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Prints what `--quiet` leaves out.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { self.print(text) }
    }

    /// Prints a patch: byte for byte, unless a person looks at it.
    pub fn patch(&mut self, repair: &Repair, change: &Change) -> io::Result<()> {
        if io::stdout().is_terminal() {
            self.print(&diff::coloured(repair, change))
        } else {
            io::stdout().write_all(diff::plain(repair, change).as_bytes())
        }
    }

    /// Prints a diagnostic. Nothing can be done if that fails as well.
    pub fn error(&mut self, text: &str) {
        let _ = writeln!(self.err, "{BAD}error:{BAD:#} {}", visible(text));
    }
}

/// The text with control characters made visible, so that what stands in a file or its name cannot steer a terminal.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let is_unsafe = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
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

/// A path as people want to see it: from the current folder if it is below that, whole if not.
pub(crate) fn shown(path: &Path) -> String {
    let here = env::current_dir().ok();
    let below =
        here.as_deref().and_then(|here| path.strip_prefix(here).ok()).filter(|below| !below.as_os_str().is_empty());
    visible(&below.unwrap_or(path).display().to_string()).into_owned()
}

/// No checkout: where it was looked for, and what came close.
pub fn none_found(search: &Search) -> String {
    let mut text = String::from("found no ComfyUI-MultiGPU with a distorch_2.py");
    for folder in &search.looked_in {
        let _ = write!(text, "\n  looked in {}", shown(folder));
    }
    for near in search.near_misses.iter().take(MOST_LISTED) {
        let _ = write!(text, "\n  not taken: {}: {}", shown(&near.path), near.reason);
    }
    if search.near_misses.len() > MOST_LISTED {
        let _ = write!(text, "\n  … and {} more", search.near_misses.len() - MOST_LISTED);
    }
    text + "\nname the folder of the node, or of ComfyUI: distorch-fix check PATH"
}

/// More than one checkout, and no word on which.
pub fn several_found(enabled: &[Checkout], disabled: &[Checkout]) -> String {
    let text = format!("found {} checkouts", enabled.len() + disabled.len());
    listed(text, enabled.iter().chain(disabled)) + "\nname one of them, or use --all"
}

/// Only disabled checkouts, and none of them named.
pub fn all_disabled(disabled: &[Checkout]) -> String {
    listed(String::from("found nothing but disabled nodes"), disabled.iter()) + "\nname one of them, or use --all"
}

fn listed<'a>(mut text: String, checkouts: impl Iterator<Item = &'a Checkout>) -> String {
    for (count, checkout) in checkouts.enumerate() {
        if count == MOST_LISTED {
            text.push_str("\n  …");
            break;
        }
        let disabled = if checkout.disabled { " (disabled)" } else { "" };
        let _ = write!(text, "\n  {}{disabled}", shown(&checkout.root));
    }
    text
}
