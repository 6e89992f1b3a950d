//! MP4 and `QuickTime`: the texts are in `moov/udta/meta` or `moov/meta`, where `keys` has their names, and `ilst` the texts.
//!
//! Source: ISO/IEC 14496-12, and Apple's `QuickTime` File Format, "Metadata".

use std::io::{Read, Seek};

use anyhow::{Context as _, Result, ensure};

use super::MOST_TEXT_BYTES;
use super::bytes::Bytes;
use super::texts::{Texts, decoded};

/// What a file can begin with.
pub(super) const FIRST_BOXES: [&[u8; 4]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];
/// A comment, in files without names.
const COMMENT: &[u8; 4] = b"\xa9cmt";
/// The most names, and the longest.
const MOST_KEYS: u32 = 4096;
const MOST_NAME_BYTES: u64 = 4096;

/// A box: its kind, and where it ends.
struct Box {
    kind: [u8; 4],
    end: u64,
}

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    let mut keys = Vec::new();
    // Where the boxes end that were opened, because they lead to the texts.
    let mut open: Vec<u64> = Vec::new();
    while !texts.is_complete() && !bytes.is_at_end() {
        if open.pop_if(|end| *end <= bytes.at()).is_some() {
            continue;
        }
        let Some(found) = header(&mut bytes, open.is_empty())? else { continue };
        match &found.kind {
            b"moov" | b"udta" | b"ilst" => open.push(found.end),
            b"meta" => {
                version(&mut bytes, found.end)?;
                open.push(found.end);
            }
            b"keys" => keys = names(&mut bytes, found.end)?,
            kind => match name(*kind, &keys) {
                Some(name) => texts.add(name, value(&bytes.take(left(&bytes, found.end)?, MOST_TEXT_BYTES)?)),
                None => skip_to(&mut bytes, found.end)?,
            },
        }
    }
    Ok(())
}

/// Reads the beginning of a box; None for the four zero bytes with which `QuickTime` ends a list of them.
fn header(bytes: &mut Bytes<impl Read + Seek>, is_outermost: bool) -> Result<Option<Box>> {
    let begin = bytes.at();
    let short = bytes.big_endian()?;
    if short == 0 && !is_outermost {
        return Ok(None);
    }
    let kind = bytes.array()?;
    let end = match short {
        0 => bytes.at() + bytes.left(),
        1 => begin.saturating_add(bytes.array().map(u64::from_be_bytes)?),
        length => begin + u64::from(length),
    };
    ensure!(end >= bytes.at(), "the box at byte {begin} ends before it begins");
    Ok(Some(Box { kind, end }))
}

/// How many bytes there are to the end of a box.
fn left(bytes: &Bytes<impl Read + Seek>, end: u64) -> Result<u64> {
    end.checked_sub(bytes.at()).with_context(|| format!("the box that ends at byte {end} is longer inside"))
}

fn skip_to(bytes: &mut Bytes<impl Read + Seek>, end: u64) -> Result<()> {
    bytes.skip(left(bytes, end)?)
}

/// Skips the version of `meta`. In `QuickTime` it has none: there, its first box follows, which says what it is.
fn version(bytes: &mut Bytes<impl Read + Seek>, end: u64) -> Result<()> {
    if left(bytes, end)? < 4 {
        return skip_to(bytes, end);
    }
    let begin = bytes.at();
    match bytes.big_endian()? {
        0 => Ok(()),
        length => skip_to(bytes, begin + u64::from(length)),
    }
}

/// The names in `keys`.
fn names(bytes: &mut Bytes<impl Read + Seek>, end: u64) -> Result<Vec<String>> {
    bytes.skip(4)?;
    let count = bytes.big_endian()?;
    ensure!(count <= MOST_KEYS, "it has {count} names");
    let mut names = Vec::new();
    for _ in 0..count {
        if let Some(name) = header(bytes, false)? {
            names.push(decoded(bytes.take(left(bytes, name.end)?, MOST_NAME_BYTES)?));
        }
    }
    skip_to(bytes, end)?;
    Ok(names)
}

/// The name of a text: `ilst` has its number, counted from 1. The letters of any other box make a large number.
fn name(kind: [u8; 4], keys: &[String]) -> Option<&str> {
    let number = usize::try_from(u32::from_be_bytes(kind)).ok()?;
    let numbered = number.checked_sub(1).and_then(|index| keys.get(index)).map(String::as_str);
    numbered.or_else(|| (&kind == COMMENT).then_some("comment"))
}

/// The text: in a box `data` behind its type and its language, or, as in `QuickTime`, behind its length and its language.
fn value(item: &[u8]) -> String {
    let begin = if item.get(4..8) == Some(b"data") { 16 } else { 4 };
    decoded(item.get(begin..).unwrap_or_default().to_vec())
}
