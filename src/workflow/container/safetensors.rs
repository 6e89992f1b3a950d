//! safetensors: the texts are in the `__metadata__` of the header. `SaveLatent` writes such files, and nodes that save
//! models.

use std::collections::HashMap;
use std::io::{Read, Seek};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::bytes::Bytes;
use super::texts::Texts;

/// Bytes of the longest header: the limit of the format's own reader.
const MOST_HEADER_BYTES: u64 = 100_000_000;

pub(super) fn read(mut bytes: Bytes<impl Read + Seek>, texts: &mut Texts) -> Result<()> {
    /// All that is of interest here.
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__", default)]
        metadata: HashMap<String, String>,
    }
    let length = bytes.array().map(u64::from_le_bytes)?;
    let header = bytes.take(length, MOST_HEADER_BYTES)?;
    let mut header: Header = serde_json::from_slice(&header).context("its header")?;
    for name in ["workflow", "prompt"] {
        if let Some(text) = header.metadata.remove(name) {
            texts.add(name, text);
        }
    }
    Ok(())
}
