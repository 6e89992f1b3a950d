//! A log that is read as a whole.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};

use anyhow::{Context as _, Result};

use crate::advice::Advise as _;
use crate::log::{Log, Reader};
use crate::render::Screen;

const CHUNK: usize = 256 << 10;
const HELP: &str = "check the disk that it is on";

/// How far it has come.
#[derive(Default)]
pub(super) struct Progress {
    done: u64,
    /// How many bytes there will be, if that is known.
    length: Option<u64>,
}

/// Reads a file to the end; of a large one only the newest part, unless all of it is asked for.
pub(super) fn file(mut file: File, name: &str, is_all: bool, screen: &mut Screen) -> Result<Log> {
    let length = file.metadata().ok().filter(Metadata::is_file).map(|about| about.len());
    let mut reader = Reader::new();
    let done = if is_all { 0 } else { reader.skip(&mut file).with_context(|| cannot(name)).help(HELP)? };
    read(file, name, Progress { done, length }, reader, screen)
}

/// Reads to the end.
pub(super) fn read(
    mut input: impl Read,
    name: &str,
    mut progress: Progress,
    mut reader: Reader,
    screen: &mut Screen,
) -> Result<Log> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match input.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.with_context(|| cannot(name)).help(HELP)?,
        };
        if count == 0 {
            return Ok(reader.finish());
        }
        reader.feed(&chunk[..count]);
        progress.done += count as u64;
        if let Some(length) = progress.length {
            screen.progress(megabytes(progress.done), megabytes(length), "MB");
        }
    }
}

fn cannot(name: &str) -> String {
    format!("{name}: cannot be read")
}

fn megabytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 20).unwrap_or(usize::MAX)
}
