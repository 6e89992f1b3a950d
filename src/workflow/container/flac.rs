//! FLAC: the texts are Vorbis comments, `workflow={...}`.
//!
//! Source: RFC 9639, sections 8.1 and 8.6. A block has at most 16 MiB.

use std::io::{Cursor, Read, Seek};

use anyhow::Result;

use super::MOST_TEXT_BYTES;
use super::bytes::Bytes;
use super::texts::{Texts, decoded};

/// The type of the block with the comments.
const COMMENTS: u8 = 4;

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    bytes.skip(4)?;
    loop {
        let [kind, length @ ..] = bytes.array::<4>()?;
        let [high, middle, low] = length;
        let length = u32::from_be_bytes([0, high, middle, low]).into();
        if kind & 0x7f == COMMENTS {
            return comments(bytes.take(length, MOST_TEXT_BYTES)?, texts);
        }
        bytes.skip(length)?;
        let is_last = kind & 0x80 != 0;
        if is_last {
            return Ok(());
        }
    }
}

fn comments(block: Vec<u8>, texts: &mut Texts) -> Result<()> {
    let length = block.len() as u64;
    let mut block = Bytes::new(Cursor::new(block), length);
    let vendor = block.little_endian()?;
    block.skip(vendor.into())?;
    let comments = block.little_endian()?;
    for _ in 0..comments {
        let length = block.little_endian()?;
        let comment = decoded(block.take(length.into(), MOST_TEXT_BYTES)?);
        if let Some((name, text)) = comment.split_once('=') {
            texts.add(name, text.to_owned());
        }
    }
    Ok(())
}
