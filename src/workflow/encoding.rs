//! How the text of a JSON file is encoded: UTF-8, or what an editor or PowerShell makes of it.

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::advice::Advise as _;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_LE_MARK: &[u8] = b"\xff\xfe";
const UTF16_BE_MARK: &[u8] = b"\xfe\xff";

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    form: Form,
    /// Does the file begin with a byte order mark?
    has_mark: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// UTF-8 without a byte order mark, as ComfyUI writes it.
    pub const UTF8: Self = Self { form: Form::Utf8, has_mark: false };

    /// That of a file, by its first bytes. JSON begins with an ASCII character.
    pub(super) fn of(first: &[u8]) -> Self {
        let (form, has_mark) = match first {
            [0xef, 0xbb, 0xbf, ..] => (Form::Utf8, true),
            [0xff, 0xfe, ..] => (Form::Utf16Le, true),
            [0xfe, 0xff, ..] => (Form::Utf16Be, true),
            [1..=0xff, 0, ..] => (Form::Utf16Le, false),
            [0, 1..=0xff, ..] => (Form::Utf16Be, false),
            _ => (Form::Utf8, false),
        };
        Self { form, has_mark }
    }

    /// Can ComfyUI read it?
    pub fn is_utf8(self) -> bool {
        self.form == Form::Utf8
    }

    /// Are the bytes of a text those of the file?
    pub fn is_plain(self) -> bool {
        self == Self::UTF8
    }

    fn mark(self) -> &'static [u8] {
        match (self.has_mark, self.form) {
            (false, _) => b"",
            (true, Form::Utf8) => UTF8_MARK,
            (true, Form::Utf16Le) => UTF16_LE_MARK,
            (true, Form::Utf16Be) => UTF16_BE_MARK,
        }
    }

    /// The text of a file, without its byte order mark.
    pub(super) fn decode(self, mut bytes: Vec<u8>) -> Result<String> {
        let help = "save it as UTF-8";
        bytes.drain(..self.mark().len());
        let unit: fn([u8; 2]) -> u16 = match self.form {
            Form::Utf8 => {
                return String::from_utf8(bytes)
                    .map_err(|error| anyhow!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
                    .help(help);
            }
            Form::Utf16Le => u16::from_le_bytes,
            Form::Utf16Be => u16::from_be_bytes,
        };
        let (pairs, rest) = bytes.as_chunks::<2>();
        ensure!(rest.is_empty(), anyhow!("UTF-16 with half a character at its end").help(help));
        let text: Result<String, _> = char::decode_utf16(pairs.iter().copied().map(unit)).collect();
        text.context("not UTF-16").help(help)
    }

    /// The bytes of a file with this text: what `decode` read, if the text is the same.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let mut bytes = self.mark().to_vec();
        match self.form {
            Form::Utf8 => bytes.extend_from_slice(text.as_bytes()),
            Form::Utf16Le => bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Form::Utf16Be => bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_is_encoded_to_the_same_bytes() {
        let text = "{\"a\": \"é日🙂\"}";
        for form in [Form::Utf8, Form::Utf16Le, Form::Utf16Be] {
            for has_mark in [false, true] {
                let encoding = Encoding { form, has_mark };
                let bytes = encoding.encode(text);
                assert_eq!(Encoding::of(&bytes), encoding);
                assert_eq!(encoding.decode(bytes).unwrap(), text);
            }
        }
    }

    #[test]
    fn what_is_no_text_is_an_error_with_its_place() {
        let error = |bytes: &[u8]| Encoding::of(bytes).decode(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(error(b"{\"a\": \"\xe9\"}"), "not UTF-8 at byte 7");
        assert_eq!(error(b"\xff\xfe{\0}"), "UTF-16 with half a character at its end");
        assert_eq!(error(b"{\0\0\xd8"), "not UTF-16");
    }
}
