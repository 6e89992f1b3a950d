//! Numbers as the node reads them: its amounts (`12gb`), and what `float()` takes.
//!
//! Both readers see text as the node does: any decimal digit of Unicode counts (a full-width `５` from an input method
//! is a five), and so does any blank. They report positions in bytes of the text they are given.

/// Bytes of one gigabyte, as the node counts them: 2^30.
pub const GB: f64 = 1_073_741_824.0;
/// Bytes of one megabyte, and of one kilobyte.
pub(super) const MB: f64 = 1_048_576.0;
const KB: f64 = 1024.0;
/// 2^63: more bytes than anyone has, and whole numbers below it fit into a `u64`.
const MOST_BYTES: f64 = 9_223_372_036_854_775_808.0;

/// Bytes as the float that the node's arithmetic makes of them. Exact up to 2^53 bytes, 8 PiB.
#[expect(clippy::cast_precision_loss, reason = "the node computes in the same floats, and rounds where this rounds")]
pub(super) fn float_of(bytes: u64) -> f64 {
    bytes as f64
}

/// Bytes in units of 2^30 bytes.
pub fn gigabytes(bytes: u64) -> f64 {
    float_of(bytes) / GB
}

/// Bytes for people, in a unit that shows enough digits: `133.59 MB`, `11.31 GB`.
pub fn readable(bytes: u64) -> String {
    let gb = gigabytes(bytes);
    if gb < 1.0 { format!("{:.2} MB", gb * 1024.0) } else { format!("{gb:.2} GB") }
}

/// Bytes of a size with its unit, such as `12gb`, `512 MiB` or `1.5g`; `None` if it is anything else, or more than a
/// `u64` holds. Stricter than an amount of the node, which needs no unit and may be followed by anything.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim_matches(is_blank);
    let (bytes, end) = amount(text)?;
    let rest = &text[end..];
    let has_unit = text[..end].ends_with(char::is_alphabetic);
    let is_whole = ["", "b", "ib"].iter().any(|unit| rest.eq_ignore_ascii_case(unit));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let bytes = (bytes < MOST_BYTES).then_some(bytes as u64);
    bytes.filter(|_| has_unit && is_whole)
}

/// A blank to `strip()` and `\s`: the property `White_Space`, and the four ASCII separators.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// An amount: digits, perhaps a point and more digits, blanks, perhaps one of the units g, m, k, b in either case.
///
/// Returns the bytes and where the unread text begins, or `None` if the text does not begin with a digit. The node
/// ignores whatever follows: `12tb` is 12 bytes, and so is `12e3gb`. Too many digits make infinity, which is more than
/// any model and hence harmless.
pub(super) fn amount(text: &str) -> Option<(f64, usize)> {
    let mut cursor = Cursor::new(text);
    if !cursor.digits() {
        return None;
    }
    if cursor.take('.').is_some() {
        cursor.digits();
    }
    let value: f64 = cursor.plain.parse().ok()?;
    let after_number = cursor.at;
    while cursor.next_if(is_blank).is_some() {}
    let unit = cursor.next_if(|c| factor(c).is_some()).and_then(factor);
    // Blanks with no unit after them are part of the node's match, but to a reader the amount ends with the number.
    let end = if unit.is_some() { cursor.at } else { after_number };
    Some((value * unit.unwrap_or(1.0), end))
}

/// Bytes that a unit stands for.
fn factor(unit: char) -> Option<f64> {
    match unit {
        'g' | 'G' => Some(GB),
        'm' | 'M' => Some(MB),
        // The Kelvin sign is the one other character whose lower case is a unit.
        'k' | 'K' | '\u{212a}' => Some(KB),
        'b' | 'B' => Some(1.0),
        _ => None,
    }
}

/// A finite number in the notation of `float()`: sign, point, exponent, and `_` between digits; blanks around it.
///
/// # Errors The position of the first character that does not fit, or the length of the text if more was expected.
/// `inf`, `nan` and numbers too large for a float are refused at their first character: the node takes them, and then
/// divides infinities.
pub(super) fn float(text: &str) -> Result<f64, usize> {
    // float() takes fewer blanks than strip(): no separators.
    let body = text.trim_end();
    let mut cursor = Cursor::new(body);
    while cursor.next_if(char::is_whitespace).is_some() {}
    let start = cursor.at;
    cursor.sign();
    let whole = cursor.grouped_digits()?;
    let point = cursor.take('.').is_some();
    let part = point && cursor.grouped_digits()?;
    if !whole && !part {
        return Err(cursor.at);
    }
    if cursor.take('e').or_else(|| cursor.take('E')).is_some() {
        cursor.sign();
        if !cursor.grouped_digits()? {
            return Err(cursor.at);
        }
    }
    if cursor.at < body.len() {
        return Err(cursor.at);
    }
    cursor.plain.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(start)
}

/// Walks over text and copies the number in plain ASCII.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    plain: String,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, plain: String::new() }
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.text[self.at..].chars().next().filter(|&c| wanted(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take(&mut self, wanted: char) -> Option<char> {
        let c = self.next_if(|c| c == wanted)?;
        self.plain.push(c);
        Some(c)
    }

    fn sign(&mut self) {
        let _ = self.take('+').or_else(|| self.take('-'));
    }

    fn digit(&mut self) -> bool {
        let digit = self.next_if(|c| digit(c).is_some()).and_then(digit);
        self.plain.extend(digit);
        digit.is_some()
    }

    fn digits(&mut self) -> bool {
        let any = self.digit();
        while self.digit() {}
        any
    }

    /// Digits with single underscores between them; the error is the position of an underscore that is not between
    /// digits.
    fn grouped_digits(&mut self) -> Result<bool, usize> {
        let any = self.digits();
        let mut underscore = self.at;
        while any && self.next_if(|c| c == '_').is_some() {
            if !self.digits() {
                return Err(underscore);
            }
            underscore = self.at;
        }
        Ok(any)
    }
}

/// The ASCII digit for a decimal digit of any script.
fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|&zero| zero <= code)].last()?;
    char::from_digit(code - zero, 10)
}

/// Where the ten digits of each script begin: general category Nd of Unicode 15, which Python 3.12 has.
const ZEROS: [u32; 67] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60,
    0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_the_node_reads_them() {
        for (text, bytes, end) in [
            ("12gb", 12.0 * GB, 3),
            ("4.5g", 4.5 * GB, 4),
            ("512m", 512.0 * MB, 4),
            ("100k", 102_400.0, 4),
            ("5\u{212a}", 5120.0, 4),
            ("77", 77.0, 2),
            ("77b", 77.0, 3),
            ("2.G", 2.0 * GB, 3),
            ("12 \t MiB", 12.0 * MB, 6),
            ("12  ", 12.0, 2),
            ("12tb", 12.0, 2),
            ("12e3gb", 12.0, 2),
            ("4.5.6gb", 4.5, 3),
            ("1,5gb", 1.0, 1),
            ("\u{ff15}gb", 5.0 * GB, 4),
        ] {
            assert_eq!(amount(text), Some((bytes, end)), "{text}");
        }
        for text in ["", "gb", "-5gb", "+5gb", ".5gb", "*", "x12gb"] {
            assert_eq!(amount(text), None, "{text}");
        }
        assert_eq!(amount(&"9".repeat(400)), Some((f64::INFINITY, 400)));
    }

    #[test]
    fn sizes_have_a_unit_and_nothing_behind_it() {
        assert_eq!(size("11.2gb"), Some(12_025_908_428));
        assert_eq!(size(" 512 MiB "), Some(512 << 20));
        assert_eq!(size("100b"), Some(100));
        for text in ["12", "12tb", "gb", "-1gb", "12gb,", "99999999999gb", ""] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_the_node_reads_them() {
        for (text, value) in [
            ("0.25", 0.25),
            (" 1. ", 1.0),
            (".5", 0.5),
            ("-1_000.2_5e+0_1", -10002.5),
            ("+\u{661}\u{662}", 12.0),
            ("\u{a0}3\u{3000}\n", 3.0),
        ] {
            assert_eq!(float(text), Ok(value), "{text:?}");
        }
        for (text, at) in [
            ("", 0),
            ("  ", 0),
            ("*", 0),
            (".", 1),
            ("-", 1),
            ("0.2x5", 3),
            ("1e", 2),
            ("1__0", 1),
            ("1_", 1),
            ("_1", 0),
            ("1._5", 2),
            (" inf", 1),
            ("nan", 0),
            ("\x1f3", 0),
            ("1e999", 0),
            ("1 2", 1),
        ] {
            assert_eq!(float(text), Err(at), "{text:?}");
        }
    }

    #[test]
    fn the_digit_table_is_sorted_and_in_tens() {
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
        assert_eq!(digit('\u{966}'), Some('0'));
        assert_eq!(digit('\u{1fbf9}'), Some('9'));
        assert_eq!(digit('\u{1fbfa}'), None);
        assert_eq!(digit('\u{bd}'), None);
    }
}
