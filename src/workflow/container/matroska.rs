//! Matroska and `WebM`: the texts are tags, `WORKFLOW` and `PROMPT`.
//!
//! Source: RFC 8794 (EBML) and RFC 9559 (Matroska).

use std::io::{Read, Seek};

use anyhow::{Result, bail};

use super::MOST_TEXT_BYTES;
use super::bytes::Bytes;
use super::texts::{Texts, decoded};

// The elements that lead to a tag, with their marker bits.
const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1f43_b675;
const TAGS: u64 = 0x1254_c367;
const TAG: u64 = 0x7373;
const SIMPLE_TAG: u64 = 0x67c8;
const TAG_NAME: u64 = 0x45a3;
const TAG_STRING: u64 = 0x4487;
/// Bytes of the longest name.
const MOST_NAME_BYTES: u64 = 4096;

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    let (mut name, mut text) = (None, None);
    // An element is either opened, and what is in it comes next, or jumped over: so it does not matter where one ends.
    while !texts.is_complete() && !bytes.is_at_end() {
        let id = number(&mut bytes, Keep::Marker)?;
        let length = number(&mut bytes, Keep::Value)?;
        match (id, length) {
            // A cluster without a length was recorded as it came: what is in it follows.
            (Some(SEGMENT), _) | (Some(CLUSTER), None) => {}
            (Some(TAGS | TAG), length) => bytes.require(length.unwrap_or(0))?,
            (Some(SIMPLE_TAG), length) => {
                bytes.require(length.unwrap_or(0))?;
                (name, text) = (None, None);
            }
            (Some(TAG_NAME), Some(length)) => name = Some(decoded(bytes.take(length, MOST_NAME_BYTES)?)),
            (Some(TAG_STRING), Some(length)) => text = Some(decoded(bytes.take(length, MOST_TEXT_BYTES)?)),
            (_, Some(length)) => bytes.skip(length)?,
            (_, None) => bail!("the element at byte {} has no length", bytes.at()),
        }
        if name.is_some()
            && let Some(text) = text.take()
        {
            texts.add(&name.take().unwrap_or_default(), text);
        }
    }
    Ok(())
}

/// What a number is: an id keeps the bit that says how long it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Marker,
    Value,
}

/// A number of variable length; None if all of its bits are set, which stands for an unknown length.
fn number(bytes: &mut Bytes<impl Read + Seek>, keep: Keep) -> Result<Option<u64>> {
    let [first] = bytes.array()?;
    let more = first.leading_zeros();
    if more > 7 {
        bail!("no number of Matroska at byte {}", bytes.at() - 1);
    }
    let mut value = u64::from(first);
    if keep == Keep::Value {
        value &= (1 << (7 - more)) - 1;
    }
    for _ in 0..more {
        let [next] = bytes.array()?;
        value = value << 8 | u64::from(next);
    }
    let is_unknown = keep == Keep::Value && value == (1 << (7 * (more + 1))) - 1;
    Ok((!is_unknown).then_some(value))
}
