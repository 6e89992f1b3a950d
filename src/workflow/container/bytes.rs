//! Reads parts of a file and jumps over others.

use std::io::{BufReader, Read, Seek};

use anyhow::{Result, anyhow, bail, ensure};

/// The most parts that a file has. A video of some gigabytes has some ten thousand.
const MOST_PARTS: u32 = 1_000_000;

/// A file that is read from its beginning to its end.
pub(super) struct Bytes<R> {
    reader: BufReader<R>,
    at: u64,
    length: u64,
    parts: u32,
}

impl<R: Read + Seek> Bytes<R> {
    /// A file of `length` bytes, at its beginning.
    pub(super) fn new(reader: R, length: u64) -> Self {
        Self { reader: BufReader::new(reader), at: 0, length, parts: 0 }
    }

    /// The next byte's number.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// How many bytes follow.
    pub(super) fn left(&self) -> u64 {
        self.length - self.at
    }

    /// Is there nothing left?
    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    /// A few bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.require(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// A number of four bytes, the most significant first.
    pub(super) fn big_endian(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number of four bytes, the least significant first.
    pub(super) fn little_endian(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The bytes of a part that is of interest. They are there before memory is taken for them.
    pub(super) fn take(&mut self, bytes: u64, most: u64) -> Result<Vec<u8>> {
        ensure!(bytes <= most, "the part at byte {} has {bytes} bytes, more than the {most} that are read", self.at);
        self.require(bytes)?;
        let mut taken = Vec::new();
        self.reader.by_ref().take(bytes).read_to_end(&mut taken)?;
        self.at += taken.len() as u64;
        ensure!(taken.len() as u64 == bytes, "it ends at byte {}", self.at);
        Ok(taken)
    }

    /// Jumps over a part.
    pub(super) fn skip(&mut self, bytes: u64) -> Result<()> {
        self.require(bytes)?;
        self.parts += 1;
        ensure!(self.parts <= MOST_PARTS, "it has more than {MOST_PARTS} parts");
        self.reader.seek_relative(i64::try_from(bytes)?)?;
        self.at += bytes;
        Ok(())
    }

    /// Fails unless so many bytes follow.
    pub(super) fn require(&self, bytes: u64) -> Result<()> {
        let missing = bytes.saturating_sub(self.left());
        if missing > 0 {
            bail!(anyhow!("it ends at byte {}, in a part of which {missing} bytes are missing", self.length));
        }
        Ok(())
    }
}
