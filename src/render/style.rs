//! Colours and widths that every output for people shares.

use anstyle::{AnsiColor, Style};

/// Columns before a verdict, for the name of its subject and a blank.
pub(super) const INDENT: usize = 13;
/// Red, for what is wrong and for removed lines.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Green, for what is right and for added lines.
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Yellow, for what is undetermined.
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// Cyan, for what to do next.
pub(super) const NEXT: Style = AnsiColor::Cyan.on_default().bold();
/// For secondary information.
pub(super) const FAINT: Style = Style::new().dimmed();
/// For names.
pub(super) const STRONG: Style = Style::new().bold();

/// The name of what a verdict is about, with the blanks behind it.
pub(super) fn label(name: &str) -> String {
    format!("{STRONG}{name:<0$}{STRONG:#} ", INDENT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixes::Fix;

    #[test]
    fn the_names_of_all_fixes_fit() {
        assert!(Fix::ALL.iter().all(|fix| fix.name().len() < INDENT));
    }
}
