//! A line as a terminal would show it, in parts: without escape sequences, and with progress bars taken off.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memrchr};

const ESCAPE: u8 = 0x1b;

/// What stands in the file before a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before<'b> {
    /// The lines before it that were read at once with it.
    pub(super) block: &'b [u8],
    /// The last line of what was read before that.
    pub(super) earlier: &'b [u8],
}

impl<'b> Before<'b> {
    /// The line before it; empty if it is the first.
    pub(super) fn line(self) -> &'b [u8] {
        if self.block.is_empty() { self.earlier } else { last_line(self.block) }
    }
}

/// The last of some lines.
pub(super) fn last_line(lines: &[u8]) -> &[u8] {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    &lines[memrchr(b'\n', lines).map_or(0, |end| end + 1)..]
}

/// A line without escape sequences.
pub(super) fn clean(line: &[u8]) -> Cow<'_, str> {
    if memchr(ESCAPE, line).is_none() {
        return match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(line),
        };
    }
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first == ESCAPE {
            rest = after_escape(behind);
        } else {
            text.push(*first);
        }
    }
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

/// What follows an escape sequence, whose first byte is gone.
fn after_escape(rest: &[u8]) -> &[u8] {
    match rest {
        // Colours, and movements of the cursor: parameters, then one letter.
        [b'[', rest @ ..] => {
            let length = rest.iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
            let is_ended = rest.get(length).is_some_and(|byte| matches!(byte, 0x40..=0x7e));
            &rest[length + usize::from(is_ended)..]
        }
        // Titles and links: up to a bell, or an escape and a backslash.
        [b']', rest @ ..] => match rest.iter().position(|byte| matches!(*byte, 0x07 | ESCAPE)) {
            Some(end) if rest[end] == 0x07 => &rest[end + 1..],
            Some(end) => rest[end + 1..].strip_prefix(b"\\").unwrap_or(&rest[end + 1..]),
            None => rest,
        },
        [b'(' | b')' | b'#', _, rest @ ..] | [0x30..=0x7e, rest @ ..] => rest,
        _ => rest,
    }
}

/// The parts of a line: what stands between returns, and what was printed behind a progress bar, which ends without a
/// new line. Empty ones are left out.
pub(super) fn parts(line: &str) -> impl Iterator<Item = &str> {
    let is_plain = memchr2(b'\r', b'|', line.as_bytes()).is_none();
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            if is_plain {
                rest = None;
                return Some(text).filter(|text| !text.is_empty());
            }
            let (part, behind) = match memchr(b'\r', text.as_bytes()) {
                Some(at) => (&text[..at], Some(&text[at + 1..])),
                None => (text, None),
            };
            let length = bar(part);
            rest = if length < part.len() { Some(&text[length..]).filter(|_| length > 0).or(behind) } else { behind };
            let part = if length > 0 { &part[..length] } else { part };
            if !part.is_empty() {
                return Some(part);
            }
        }
    })
}

/// The length of a progress bar at the beginning of a text: ` 50%|█████     | 1/2 [00:01<00:01,  1.00s/it]`.
fn bar(text: &str) -> usize {
    let Some(percent) = text.get(..64.min(text.len())).or(Some(text)).and_then(|start| start.find("%|")) else {
        return 0;
    };
    let Some(speed) = ["it/s", "s/it", "B/s"].iter().filter_map(|unit| text[percent..].find(unit)).min() else {
        return 0;
    };
    text[percent + speed..].find(']').map_or(0, |end| percent + speed + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_left_out() {
        assert_eq!(clean(b"\x1b[1m\x1b[33m[WARNING]\x1b[0m a\tb"), "[WARNING] a\tb");
        assert_eq!(clean(b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b(Bc\x1bMd\x1b[2Ke"), "abcde");
        assert_eq!(clean(b"open\x1b["), "open");
        assert_eq!(clean(b"open\x1b"), "open");
        assert_eq!(clean(b"a\xff b"), "a\u{fffd} b");
    }

    #[test]
    fn what_follows_a_bar_is_a_part() {
        let found = |line: &str| parts(line).map(str::to_owned).collect::<Vec<_>>();
        let bar = "  0%|          | 0/1 [00:00<?, ?it/s]";
        let done = "100%|██████████| 1/1 [00:00<00:00, 34.44it/s, loss=1]";
        assert_eq!(found(&format!("{bar}\r{done}\rgot prompt\r")), [bar, done, "got prompt"]);
        assert_eq!(found(&format!("{bar}Requested to load WAN21")), [bar, "Requested to load WAN21"]);
        assert_eq!(found(&format!("{bar}\r{done}x\ry")), [bar, done, "x", "y"]);
        assert_eq!(found("got prompt"), ["got prompt"]);
        assert_eq!(found("\r\r"), [""; 0]);
    }
}
