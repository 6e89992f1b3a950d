//! Files that are too large to look at every line.
//!
//! ```text
//! |— counted ———————————————|— the newest start —|— counted ————————|— the newest part, read —|
//! ```
//!
//! What was printed long ago matters little, but not what a server said of itself when it started. So of all but the end
//! of a large file, only a few words are counted, at the speed of a search, and the beginning of the newest start is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr_iter};

use super::{BLOCK, Counts, Reader};

/// How much of the end of a file is read. This is also the size from which on a file is large.
const NEWEST: u64 = 16 * 1024 * 1024;
/// How much of the beginning of a start is read.
const BEGINNING: u64 = 512 * 1024;
/// The longest of `WORDS`, and a bit more: it may be in two blocks.
const OVERLAP: usize = 64;

/// What is counted, and as what.
const WORDS: [(&str, Word); 8] = [
    ("got prompt", Word::Prompt),
    ("Final Device/Layer Assignments", Word::Placed),
    ("DisTorch loading completed", Word::Completed),
    ("loaded completely", Word::Standard),
    ("loaded partially;", Word::Standard),
    ("prepared for dynamic VRAM loading", Word::Inert),
    ("!!! Exception during processing", Word::Failed),
    ("Total VRAM ", Word::Start),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Start,
    Prompt,
    Placed,
    Completed,
    Standard,
    Inert,
    Failed,
}

/// What was counted.
#[derive(Debug, Default)]
struct Tally {
    counts: Counts,
    completed: u64,
    lines: u64,
    /// The lines before the newest start, and where that is in the file.
    start: Option<(u64, u64)>,
}

impl Reader {
    /// Counts what precedes the newest part of a large file, leaves the file at that part, and says where that is. Nothing
    /// happens to other files, and to those in UTF-16.
    ///
    /// # Errors If it cannot be read.
    pub fn skip(&mut self, file: &mut File) -> io::Result<u64> {
        let length = file.metadata().map_or(0, |data| if data.is_file() { data.len() } else { 0 });
        let Some(searcher) = Searcher::new(WORDS.map(|(word, _)| word)) else { return Ok(0) };
        if length <= 2 * NEWEST || is_wide(file)? {
            return Ok(0);
        }
        let tally = count(file, &searcher, length - NEWEST)?;
        let end = file.stream_position()?;
        let mut counts = tally.counts;
        if let Some((lines, start)) = tally.start {
            self.pass(lines, start);
            file.seek(SeekFrom::Start(start))?;
            let mut beginning = Vec::new();
            file.by_ref().take(BEGINNING.min(end - start)).read_to_end(&mut beginning)?;
            // Whole lines only.
            beginning.truncate(memchr::memrchr(b'\n', &beginning).map_or(0, |end| end + 1));
            self.feed(&beginning);
            // Of this one, only what was executed there is passed over.
            counts.starts -= 1;
            let read = memchr_iter(b'\n', &beginning).count() as u64;
            self.pass(tally.lines - lines - read, end - start - beginning.len() as u64);
        } else {
            self.pass(tally.lines, end);
        }
        self.forget(counts);
        file.seek(SeekFrom::Start(end))
    }
}

/// Does a file begin with UTF-16?
fn is_wide(file: &mut File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut beginning)?;
    file.rewind()?;
    Ok(memchr(0, &beginning).is_some() || beginning.starts_with(&[0xff, 0xfe]))
}

/// Counts words up to the end of the line that ends behind a place, and leaves the file there.
fn count(file: &mut File, searcher: &Searcher, until: u64) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut block = vec![0; BLOCK + OVERLAP];
    let (mut at, mut kept) = (0, 0);
    loop {
        let read = file.read(&mut block[kept..])?;
        let text = &block[..kept + read];
        // The last bytes may be the beginning of a word; they come again with the next block.
        let is_last = read == 0 || at + text.len() as u64 > until;
        let mut length = if is_last { text.len() } else { text.len().saturating_sub(OVERLAP) };
        if is_last {
            let from = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX).min(text.len());
            length = memchr(b'\n', &text[from..]).map_or(text.len(), |end| from + end + 1);
        }
        length = tally.add(searcher, text, length, at);
        at += length as u64;
        if is_last {
            file.seek(SeekFrom::Start(at))?;
            tally.counts.reused = tally.completed.saturating_sub(tally.counts.distributed);
            return Ok(tally);
        }
        kept = text.len() - length;
        block.copy_within(length..length + kept, 0);
    }
}

impl Tally {
    /// Counts the words that begin within a length, and says how far it has come: to the end of the last of them.
    fn add(&mut self, searcher: &Searcher, text: &[u8], length: usize, at: u64) -> usize {
        let mut end = length;
        for found in searcher.find_iter(text).take_while(|found| found.start() < length) {
            end = end.max(found.end());
            let counts = &mut self.counts;
            match WORDS[found.pattern().as_usize()].1 {
                Word::Start => {
                    counts.starts += 1;
                    let line = memchr::memrchr(b'\n', &text[..found.start()]).map_or(0, |end| end + 1);
                    let lines = memchr_iter(b'\n', &text[..line]).count() as u64;
                    self.start = Some((self.lines + lines, at + line as u64));
                }
                Word::Prompt => counts.prompts += 1,
                Word::Placed => counts.distributed += 1,
                Word::Completed => self.completed += 1,
                Word::Standard => counts.standard += 1,
                Word::Inert => counts.inert += 1,
                Word::Failed => counts.failed += 1,
            }
        }
        self.lines += memchr_iter(b'\n', &text[..end]).count() as u64;
        end
    }
}
