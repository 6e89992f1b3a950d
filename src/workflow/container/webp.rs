//! WebP: the texts are ASCII fields of its EXIF chunk, `workflow:{...}` and `prompt:{...}`.
//!
//! Source: the WebP container specification. The EXIF data is read by `kamadak-exif`.

use std::io::{Read, Seek};

use anyhow::{Context as _, Result};
use exif::{Field, Value};

use super::MOST_TEXT_BYTES;
use super::bytes::Bytes;
use super::texts::{Texts, decoded};

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    bytes.skip(12)?;
    while !bytes.is_at_end() {
        let kind = bytes.array()?;
        let length = u64::from(bytes.little_endian()?);
        if &kind == b"EXIF" {
            return exif(bytes.take(length, MOST_TEXT_BYTES)?, texts);
        }
        // A chunk of an odd length is followed by a byte, which may be missing at the end.
        bytes.skip(length)?;
        bytes.skip((length % 2).min(bytes.left()))?;
    }
    Ok(())
}

fn exif(mut data: Vec<u8>, texts: &mut Texts) -> Result<()> {
    // Some programs write the beginning of a JPEG segment.
    if data.starts_with(b"Exif\0\0") {
        data.drain(..6);
    }
    let exif = exif::Reader::new().read_raw(data).context("its EXIF data")?;
    for field in exif.fields() {
        if let Some(text) = ascii(field) {
            texts.add_named(&decoded(text));
        }
    }
    Ok(())
}

fn ascii(field: &Field) -> Option<Vec<u8>> {
    match &field.value {
        Value::Ascii(parts) => Some(parts.join(&0)),
        _ => None,
    }
}
