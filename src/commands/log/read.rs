//! A log that is read as a whole.

use std::fs::{File, Metadata};
use std::io::{self, Read};

use anyhow::{Context as _, Result};

use crate::advice::Advise as _;
use crate::log::{Log, Reader};
use crate::render::Screen;

/// Reads a file to the end; of a large one only the newest part, unless all of it is asked for.
pub(super) fn file(mut file: File, name: &str, is_all: bool, screen: &mut Screen) -> Result<Log> {
    let length = file.metadata().ok().filter(Metadata::is_file).map(|about| about.len());
    let mut reader = Reader::new();
    let skipped = if is_all { Ok(0) } else { reader.skip(&mut file) };
    let read = skipped.and_then(|skipped| {
        reader.read(file, |done| {
            if let Some(length) = length {
                screen.progress(megabytes(skipped + done), megabytes(length), "MB");
            }
        })
    });
    said(read, name)
}

/// Reads standard input to the end.
pub(super) fn stream(input: impl Read, name: &str) -> Result<Log> {
    said(Reader::new().read(input, |_| ()), name)
}

fn said(read: io::Result<Log>, name: &str) -> Result<Log> {
    read.with_context(|| format!("{name}: cannot be read")).help("check the disk that it is on")
}

fn megabytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 20).unwrap_or(usize::MAX)
}
