//! Bytes to UTF-8. `PowerShell` writes UTF-16 into files, and appends it to those that hold UTF-8.

use std::borrow::Cow;

use memchr::memchr;

use super::Encoding;

/// How many bytes are looked at to see which encoding they have.
const WINDOW: usize = 32;

/// Makes UTF-8 of bytes that come in parts. Bytes that are no UTF-16 are passed on as they are.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    form: Form,
    /// Bytes that say nothing before the next ones are there; always fewer than `WINDOW`.
    held: Vec<u8>,
    /// The last byte that was passed on.
    last: Option<u8>,
    /// The encodings so far.
    seen: [bool; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    #[default]
    Utf8,
    Le,
    Be,
}

impl Decoder {
    /// The next part of the text. What is held back comes with the part after it, at the latest with the last one.
    pub(super) fn decode<'b>(&mut self, bytes: &'b [u8], is_last: bool) -> Cow<'b, [u8]> {
        let is_plain = self.form == Form::Utf8 && self.held.is_empty() && self.last.is_some();
        if is_plain && memchr(0, bytes).is_none() {
            self.seen[0] |= !bytes.is_empty();
            self.last = bytes.last().copied().or(self.last);
            return Cow::Borrowed(bytes);
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let mut text = Vec::with_capacity(all.len());
        let used = self.translate(&all, is_last, &mut text);
        self.held = all.split_off(used);
        self.last = text.last().copied().or(self.last);
        Cow::Owned(text)
    }

    /// All encodings so far.
    pub(super) fn encoding(&self) -> Encoding {
        match self.seen {
            [_, false, false] => Encoding::Utf8,
            [false, true, false] => Encoding::Utf16Le,
            [false, false, true] => Encoding::Utf16Be,
            _ => Encoding::Mixed,
        }
    }

    /// Adds the text of bytes, and says how many of them it has used.
    fn translate(&mut self, bytes: &[u8], is_last: bool, text: &mut Vec<u8>) -> usize {
        let mut at = 0;
        if self.last.is_none() {
            match bytes {
                [0xff, 0xfe, ..] => (self.form, at) = (Form::Le, 2),
                [0xfe, 0xff, ..] => (self.form, at) = (Form::Be, 2),
                [0xef, 0xbb, 0xbf, ..] => at = 3,
                _ if bytes.len() < 3 && !is_last => return 0,
                _ => {}
            }
        }
        while at < bytes.len() {
            let before = at;
            match self.form {
                Form::Utf8 => self.narrow(bytes, &mut at, is_last, text),
                Form::Le | Form::Be => self.wide(bytes, &mut at, is_last, text),
            }
            if at == before {
                break;
            }
        }
        at
    }

    /// Copies UTF-8 up to where UTF-16 begins. Single NULs are left out.
    fn narrow(&mut self, bytes: &[u8], at: &mut usize, is_last: bool, text: &mut Vec<u8>) {
        let rest = &bytes[*at..];
        let length = memchr(0, rest).unwrap_or(rest.len());
        text.extend_from_slice(&rest[..length]);
        self.seen[0] |= length > 1;
        *at += length;
        let rest = &rest[length..];
        let is_wide = match rest {
            [] => return,
            [0, a, 0, b, 0, ..] => *a != 0 && *b != 0,
            _ if rest.len() < 5 && !is_last => return,
            _ => false,
        };
        if !is_wide {
            *at += 1;
            return;
        }
        // The byte before the first NUL is the low byte of a unit, unless it ended a line of UTF-8.
        let before = text.last().copied().or(self.last);
        if matches!(before, None | Some(b'\n')) {
            self.form = Form::Be;
        } else {
            self.form = Form::Le;
            *at += 1;
        }
    }

    /// Translates UTF-16 up to where UTF-8 begins.
    fn wide(&mut self, bytes: &[u8], at: &mut usize, is_last: bool, text: &mut Vec<u8>) {
        let is_le = self.form == Form::Le;
        let unit = |at: usize| {
            let pair = [bytes[at], bytes[at + 1]];
            if is_le { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        };
        while *at + 1 < bytes.len() {
            if is_text(bytes[*at]) && is_text(bytes[*at + 1]) {
                let window = &bytes[*at..bytes.len().min(*at + WINDOW)];
                if window.iter().all(|byte| is_text(*byte)) {
                    if window.len() == WINDOW || is_last {
                        self.form = Form::Utf8;
                    }
                    return;
                }
            }
            let first = unit(*at);
            let is_pair = (0xd800..0xdc00).contains(&first);
            if is_pair && *at + 3 >= bytes.len() && !is_last {
                return;
            }
            let units = [first, if is_pair && *at + 3 < bytes.len() { unit(*at + 2) } else { 0 }];
            let decoded = char::decode_utf16(units).next().and_then(Result::ok);
            *at += decoded.map_or(2, |c| 2 * c.len_utf16());
            if first != 0xfeff {
                let mut buffer = [0; 4];
                text.extend_from_slice(decoded.unwrap_or('\u{fffd}').encode_utf8(&mut buffer).as_bytes());
            }
            self.seen[if is_le { 1 } else { 2 }] = true;
        }
        if is_last && *at < bytes.len() {
            *at = bytes.len();
        }
    }
}

/// Is it a byte of ASCII text?
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | 0x20..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, is_le: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if is_le { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    /// Decodes bytes in parts of a size.
    fn decoded(bytes: &[u8], size: usize) -> (String, Encoding) {
        let mut decoder = Decoder::default();
        let mut text = Vec::new();
        for part in bytes.chunks(size) {
            text.extend_from_slice(&decoder.decode(part, false));
        }
        text.extend_from_slice(&decoder.decode(&[], true));
        (String::from_utf8_lossy(&text).into_owned(), decoder.encoding())
    }

    #[test]
    fn every_encoding_gives_the_same_text_in_parts_of_any_size() {
        let text = "got prompt\r\nKarte „übergroß“ 模型 100%|██████████| 1/1 😀\r\nRequested to load WAN21\r\n";
        let bom = |bom: &[u8], bytes: Vec<u8>| [bom, &bytes].concat();
        for size in [1, 2, 3, 5, 7, 31, 32, 33, 1000] {
            for (bytes, encoding) in [
                (text.as_bytes().to_vec(), Encoding::Utf8),
                (bom(b"\xef\xbb\xbf", text.into()), Encoding::Utf8),
                (utf16(text, true), Encoding::Utf16Le),
                (utf16(text, false), Encoding::Utf16Be),
                (bom(b"\xff\xfe", utf16(text, true)), Encoding::Utf16Le),
                (bom(b"\xfe\xff", utf16(text, false)), Encoding::Utf16Be),
            ] {
                let (found, seen) = decoded(&bytes, size);
                assert_eq!((found.as_str(), seen), (text, encoding), "parts of {size}");
            }
        }
    }

    #[test]
    fn a_file_may_change_its_encoding() {
        let plain = "Total VRAM 24106 MB, total RAM 24106 MB\nDevice: cuda:0 NVIDIA : native\n";
        let wide = "got prompt, and then the same again\r\nKarte „übergroß“\r\n";
        for size in [1, 3, 1000] {
            for is_le in [true, false] {
                let bytes = [plain.into(), utf16(wide, is_le), plain.into(), utf16(wide, is_le)].concat();
                let whole = [plain, wide, plain, wide].concat();
                assert_eq!(decoded(&bytes, size), (whole, Encoding::Mixed), "parts of {size}");
            }
        }
    }

    #[test]
    fn single_nuls_are_left_out() {
        assert_eq!(decoded(b"\0got\0 prom\0\0pt\n\0", 4), ("got prompt\n".to_owned(), Encoding::Utf8));
    }
}
