//! Colours and widths that every output for people shares.

use anstyle::{AnsiColor, Style};

/// Columns in front of a verdict: the name of what it is about.
pub(super) const INDENT: usize = 11;
/// Red, for what is wrong and for what goes.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Green, for what is right and for what comes.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Yellow, for what is undetermined.
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// Cyan, for what to do next.
pub(super) const NEXT: Style = AnsiColor::Cyan.on_default().bold();
/// For what is beside the point.
pub(super) const FAINT: Style = Style::new().dimmed();
/// For names.
pub(super) const STRONG: Style = Style::new().bold();
