//! Numbers as the node and ComfyUI print them.

/// Bytes in a MB, as both count.
pub(super) const MB: f64 = 1024.0 * 1024.0;
/// Bytes in a GB, likewise.
pub(super) const GB: f64 = 1024.0 * MB;

/// A number at the beginning of a text, and the text behind it.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_ascii_start();
    plain(text).or_else(|| any(text))
}

/// A number of a few digits: as exact as if all of its forms were known.
fn plain(text: &str) -> Option<(f64, &str)> {
    const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    let (mut value, mut digits, mut point) = (0_u32, 0_usize, None);
    let mut end = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => (value, digits) = (value.wrapping_mul(10) + u32::from(byte - b'0'), digits + 1),
            b'.' if point.is_none() && digits > 0 => point = Some(digits),
            b'e' | b'E' | b'.' | b'+' | b'-' => return None,
            _ => break,
        }
        end += 1;
    }
    let decimals = point.map_or(0, |point| digits - point);
    let is_plain = digits > 0 && digits <= 9 && decimals < POWERS.len();
    is_plain.then(|| (f64::from(value) / POWERS[decimals], &text[end..]))
}

/// A number in any form.
fn any(text: &str) -> Option<(f64, &str)> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-');
    let mut end = text.bytes().take_while(|byte| is_part(byte)).count();
    // A number of this size is no longer printed with its digits only; any sane one is short.
    end = end.min(64);
    while end > 0 {
        if let Ok(number) = text[..end].parse::<f64>() {
            return number.is_finite().then(|| (number, &text[end..]));
        }
        end -= 1;
    }
    None
}

/// An amount as a whole number of bytes; negative ones are none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
pub(super) fn bytes(amount: f64, unit: f64) -> u64 {
    (amount * unit).round() as u64
}

/// An amount at the beginning of a text, in bytes.
pub(super) fn amount(text: &str, unit: f64) -> Option<u64> {
    number(text).map(|(amount, _)| bytes(amount, unit))
}

/// A whole number.
pub(super) fn count(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_text_does() {
        assert_eq!(number(" 12.50MB of"), Some((12.5, "MB of")));
        assert_eq!(number("123456789.25 MB"), Some((123_456_789.25, " MB")));
        assert_eq!(number("7."), Some((7.0, "")));
        assert_eq!(number("-9.00GB"), Some((-9.0, "GB")));
        assert_eq!(number("5.e"), Some((5.0, "e")));
        assert_eq!(number("1e999"), None);
        assert_eq!(number("MB"), None);
        assert_eq!(amount("185.19MB", MB), Some(194_185_789));
        assert_eq!(bytes(-1.0, GB), 0);
    }
}
