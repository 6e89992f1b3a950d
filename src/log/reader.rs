//! Bytes to lines, and which of them are worth reading.
//!
//! A log may have a GB, nearly all of which says nothing of interest. So words are searched for that every line of
//! interest has, in a whole block at once; lines without them are counted, but never looked at. Only while lines follow
//! that belong together, as those of a table, each line is looked at.

use std::io::{self, ErrorKind, Read};

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr_iter, memrchr};

use super::decode::Decoder;
use super::line::{Before, clean, last_line, parts};
use super::prefix::strip;
use super::prompt::Ended;
use super::servers::Servers;
use super::{BLOCK, Counts, Log};

/// How much of a line is looked at.
const MOST_LINE: usize = 64 * 1024;
/// How much of the last line is kept, for its time.
const MOST_TIME: usize = 256;

/// A line of interest has one of these. Only `event` decides what it says. They are cut so that they begin as few other
/// words do: the search looks at four bytes first.
const WORDS: [&str; 48] = [
    "ultiGPU",
    "MULTIGPU",
    "DisTorch",
    "CHECKPOINT_META",
    "got prompt",
    "Prompt exec",
    "Requested to load",
    "pletely",
    "rtially",
    "lowvram mode",
    "ic VRAM",
    "DynamicVRAM",
    "rsion: ",
    "rsion:** ",
    "ments:** ",
    "Command line: ",
    "Device: ",
    "Total VRAM",
    "vram state to",
    "Enabled pinned",
    "Exception during",
    "fatal exception",
    "Fatal Python",
    "Traceback (most",
    "Error Report",
    "Failed to ",
    "Value not in list",
    "Cannot import ",
    "Cannot execute ",
    "stom nodes:",
    "t dtype",
    "ad device: ",
    "unloaded.",
    "Got an OOM",
    "OutOfMemory",
    "To see the GUI",
    "nvalid prompt",
    "Processing interrupted",
    "Multiple NVIDIA",
    "dirty",
    "aimdo",
    "' not found",
    "Security scan",
    "tup time",
    "Checkpoint files",
    "libcudart",
    "HostBuffer",
    "st be on cuda",
];

/// Searches for all words at once.
#[derive(Debug)]
enum Words {
    /// With the vector instructions of this processor.
    Packed(Searcher),
    /// On any other.
    Any(AhoCorasick),
    /// Every line is of interest: neither could be built.
    None,
}

impl Words {
    fn new() -> Self {
        match (Searcher::new(WORDS), AhoCorasick::new(WORDS)) {
            (Some(searcher), _) => Self::Packed(searcher),
            (None, Ok(searcher)) => Self::Any(searcher),
            (None, Err(_)) => Self::None,
        }
    }

    /// Where the first of them is.
    fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(searcher) => searcher.find(text).map(|found| found.start()),
            Self::Any(searcher) => searcher.find(text).map(|found| found.start()),
            Self::None => (!text.is_empty()).then_some(0),
        }
    }
}

/// Reads a log in parts.
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    words: Words,
    servers: Servers,
    /// The beginning of a line whose end is not there yet.
    open: Vec<u8>,
    /// The line before the next one.
    before: Vec<u8>,
    lines: u64,
    bytes: u64,
    /// Are all of the next lines of interest?
    is_following: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Before the first byte.
    pub fn new() -> Self {
        Self {
            decoder: Decoder::default(),
            words: Words::new(),
            servers: Servers::default(),
            open: Vec::new(),
            before: Vec::new(),
            lines: 0,
            bytes: 0,
            is_following: false,
        }
    }

    /// Reads the next bytes. They may end anywhere, within a line or a character.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let mut decoder = std::mem::take(&mut self.decoder);
        self.text(&decoder.decode(bytes, false));
        self.decoder = decoder;
    }

    /// Reads to the end. `told` gets how many bytes were read so far.
    ///
    /// # Errors If it cannot be read.
    pub fn read(mut self, mut input: impl Read, mut told: impl FnMut(u64)) -> io::Result<Log> {
        let mut block = vec![0; BLOCK];
        let mut done = 0;
        loop {
            match input.read(&mut block) {
                Ok(0) => return Ok(self.finish()),
                Ok(length) => {
                    self.feed(&block[..length]);
                    done += length as u64;
                    told(done);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Passes over lines that are not to be read. What was going on before them is unknown from here on.
    pub(super) fn pass(&mut self, lines: u64, bytes: u64) {
        if lines > 0 || bytes > 0 {
            self.servers.break_off();
            self.is_following = false;
        }
        self.lines += lines;
        self.bytes += bytes;
    }

    /// Counts what was passed over.
    pub(super) fn forget(&mut self, counts: Counts) {
        self.servers.forget(counts);
    }

    /// The prompts that ended since the last call, for a verdict while the server runs.
    pub fn ended(&mut self) -> Vec<Ended> {
        self.servers.ended()
    }

    /// What the log says, all of whose bytes have been read.
    pub fn finish(mut self) -> Log {
        let mut decoder = std::mem::take(&mut self.decoder);
        self.text(&decoder.decode(&[], true));
        if !self.open.is_empty() {
            let line = std::mem::take(&mut self.open);
            self.block(&line);
        }
        let last_time = strip(&clean(&self.before)).time.map(str::to_owned);
        let (starts, earlier) = self.servers.finish();
        Log { encoding: decoder.encoding(), lines: self.lines, bytes: self.bytes, starts, earlier, last_time }
    }

    /// Reads text that may end within a line.
    fn text(&mut self, text: &[u8]) {
        let mut text = text;
        if !self.open.is_empty() {
            let Some(end) = memchr(b'\n', text) else { return self.hold(text) };
            self.hold(&text[..=end]);
            let line = std::mem::take(&mut self.open);
            self.block(&line);
            self.open = line;
            self.open.clear();
            text = &text[end + 1..];
        }
        let end = memrchr(b'\n', text).map_or(0, |end| end + 1);
        self.block(&text[..end]);
        self.hold(&text[end..]);
    }

    /// Keeps the beginning of a line, and its end.
    fn hold(&mut self, text: &[u8]) {
        let space = MOST_LINE.saturating_sub(self.open.len());
        self.open.extend_from_slice(&text[..text.len().min(space)]);
        if text.len() > space && text.ends_with(b"\n") {
            self.open.push(b'\n');
        }
    }

    /// Reads whole lines.
    fn block(&mut self, block: &[u8]) {
        let mut at = 0;
        // Lines up to here are counted.
        let mut counted = 0;
        while at < block.len() {
            if !self.is_following {
                let Some(found) = self.words.find(&block[at..]) else { break };
                let start = memrchr(b'\n', &block[at..at + found]).map_or(at, |end| at + end + 1);
                self.lines += count(&block[counted..start]);
                at = start;
            }
            let end = memchr(b'\n', &block[at..]).map_or(block.len(), |end| at + end);
            self.lines += 1;
            self.line(&block[at..end.min(at + MOST_LINE)], &block[..at]);
            at = block.len().min(end + 1);
            counted = at;
        }
        self.lines += count(&block[counted..]);
        if !block.is_empty() {
            let last = last_line(block);
            self.before.clear();
            self.before.extend_from_slice(&last[..last.len().min(MOST_TIME)]);
        }
    }

    /// Reads a line, which is not the first of a block if something stands before it.
    fn line(&mut self, line: &[u8], before: &[u8]) {
        let text = clean(line.strip_suffix(b"\r").unwrap_or(line));
        let before = Before { block: before, earlier: &self.before };
        let mut is_empty = true;
        for part in parts(&text) {
            is_empty = false;
            self.servers.line(self.lines, &strip(part), before);
        }
        if is_empty && self.is_following {
            self.servers.line(self.lines, &strip(""), before);
        }
        self.is_following = self.servers.is_following();
    }
}

/// How many lines there are; the last may lack its end.
fn count(lines: &[u8]) -> u64 {
    let is_open = !lines.is_empty() && !lines.ends_with(b"\n");
    memchr_iter(b'\n', lines).count() as u64 + u64::from(is_open)
}
