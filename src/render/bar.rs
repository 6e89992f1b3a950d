//! Bars that stand for a part of something.

use anstyle::Style;

use super::style::FAINT;

/// A bar of so many characters, and the part in percent behind it. A part of more than all fills it.
pub(super) fn bar(part: f64, characters: u8, style: Style) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the bar")]
    let eighths = (part.clamp(0.0, 1.0) * f64::from(8 * u16::from(characters))).round() as usize;
    let (full, rest) = (eighths / 8, eighths % 8);
    let filled = "█".repeat(full) + ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][rest];
    let empty = "░".repeat(usize::from(characters) - full - usize::from(rest > 0));
    format!("{style}{filled}{style:#}{FAINT}{empty}{FAINT:#} {:.0}%", part * 100.0)
}

/// The columns that a bar takes at most.
pub(super) fn width(characters: u8) -> usize {
    usize::from(characters) + " 100%".len()
}
