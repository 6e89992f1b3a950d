//! A log that is read as a whole.

use std::io::{ErrorKind, Read};

use anyhow::{Context as _, Result};

use crate::advice::Advise as _;
use crate::log::{Log, Reader};
use crate::render::Screen;

const CHUNK: usize = 256 << 10;

/// Reads to the end. `length` is how many bytes there will be, if that is known.
pub(super) fn read(mut input: impl Read, name: &str, length: Option<u64>, screen: &mut Screen) -> Result<Log> {
    let mut reader = Reader::new();
    let mut chunk = vec![0; CHUNK];
    let mut done: u64 = 0;
    loop {
        let count = match input.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.with_context(|| format!("{name}: cannot be read")).help("check the disk that it is on")?,
        };
        if count == 0 {
            return Ok(reader.finish());
        }
        reader.feed(&chunk[..count]);
        done += count as u64;
        if let Some(length) = length {
            screen.progress(megabytes(done), megabytes(length), "MB");
        }
    }
}

fn megabytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 20).unwrap_or(usize::MAX)
}
