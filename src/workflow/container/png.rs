//! PNG: a picture has its texts in `tEXt`, `zTXt` or `iTXt` chunks, an animation in `comf` chunks behind its frames.
//!
//! Source: the PNG specification, sections 5.3 and 11.3.3; `comf` is ComfyUI's own. Checksums are not compared: a text that
//! was damaged is no JSON.

use std::io::{Read, Seek};

use anyhow::{Result, anyhow};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::MOST_TEXT_BYTES;
use super::bytes::Bytes;
use super::texts::{Texts, decoded};

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    bytes.skip(8)?;
    while !texts.is_complete() {
        let length = bytes.big_endian()?.into();
        match &bytes.array()? {
            b"IEND" => break,
            kind @ (b"tEXt" | b"zTXt" | b"iTXt" | b"comf") => {
                let chunk = bytes.take(length, MOST_TEXT_BYTES)?;
                if let Some((name, rest)) = split(&chunk) {
                    texts.add(&decoded(name.to_vec()), text(*kind, rest)?);
                }
            }
            _ => bytes.skip(length)?,
        }
        // The checksum.
        bytes.skip(4)?;
    }
    Ok(())
}

/// What is before the first zero byte, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..zero], &bytes[zero + 1..]))
}

fn text(kind: [u8; 4], rest: &[u8]) -> Result<String> {
    let (is_packed, text) = match (kind, rest) {
        ([b'z', ..], [_method, packed @ ..]) => (true, packed),
        // Then the language and the translated name, each with a zero byte behind it.
        ([b'i', ..], [flag, _method, rest @ ..]) => {
            let text = split(rest).and_then(|(_, rest)| split(rest)).map_or(&[][..], |(_, text)| text);
            (*flag == 1, text)
        }
        _ => (false, rest),
    };
    if !is_packed {
        return Ok(decoded(text.to_vec()));
    }
    let most = usize::try_from(MOST_TEXT_BYTES)?;
    let unpacked = decompress_to_vec_zlib_with_limit(text, most)
        .map_err(|error| anyhow!("a packed text cannot be unpacked into {most} bytes: {:?}", error.status))?;
    Ok(decoded(unpacked))
}
