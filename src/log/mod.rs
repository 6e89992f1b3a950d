//! What ComfyUI's log says: which models were loaded, and whether `DisTorch2` distributed them.
//!
//! ```text
//! bytes ─> decode: UTF-8 ─> reader: lines worth reading ─> line, prefix: text, and who wrote it ─> event: what it says
//!                                                                                                        │
//!                  Log <─ servers: starts, several in one file <─ server: prompts, loads, outcomes <─────┘
//! ```
//!
//! Lines are recognised by their form, whatever the version that wrote them. Lines that are not recognised are left out.
//! A log may be cut anywhere: what it cannot show is unknown, and says why.

mod decode;
mod event;
mod kind;
mod large;
mod line;
mod load;
mod number;
mod prefix;
mod prompt;
mod reader;
mod remark;
mod server;
mod servers;
mod start;

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::Context;

pub use self::load::{Asked, Assigned, Layers, Lent, Load, LoadKind, Mode, Outcome, Planned, Preserved, Quota, Role};
pub use self::prompt::{Banner, End, Ended, Prompt};
pub use self::reader::Reader;
pub use self::remark::{Frame, Raised, Remark, RemarkKind};
pub use self::start::{Container, DynamicVram, NodeSeen, SeenDevice, SeenPack, Start};
use crate::text::shown;

/// How much of a file is read at once. Reading is faster in large blocks, up to what fits the processor's cache.
const BLOCK: usize = 256 * 1024;

/// What a log says. Its size is bounded: of very many starts, prompts and loads the newest are kept, and the others are
/// counted. Of a very large file, only the newest part is read, and the beginning of the newest start before that.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Log {
    /// How its text is encoded.
    pub encoding: Encoding,
    /// How many lines it has.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The starts of servers, in the order of their first lines. The lines of a log always belong to one.
    pub starts: Vec<Start>,
    /// What is no longer kept.
    pub earlier: Counts,
    /// The time in front of its last line, as printed.
    pub last_time: Option<String>,
}

/// How the text of a log is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8, or bytes that are nearly so.
    #[default]
    Utf8,
    /// UTF-16, as `PowerShell` writes it.
    Utf16Le,
    /// UTF-16 with the high byte first.
    Utf16Be,
    /// More than one of them: something was appended in another encoding.
    Mixed,
}

/// How many there are. In a very large file, they are counted one by one, without a look at how they belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Starts of a server.
    pub starts: u64,
    /// Prompts.
    pub prompts: u64,
    /// Loads that `DisTorch2` distributed.
    pub distributed: u64,
    /// Loads that it distributed as before.
    pub reused: u64,
    /// Loads by ComfyUI itself.
    pub standard: u64,
    /// Loads with dynamic VRAM.
    pub inert: u64,
    /// Loads that failed.
    pub failed: u64,
    /// Loads of unknown outcome.
    pub unknown: u64,
    /// Of all of these, loads that did something else than they were asked.
    pub not_as_asked: u64,
}

impl Counts {
    /// All loads.
    pub fn loads(&self) -> u64 {
        self.distributed + self.reused + self.standard + self.inert + self.failed + self.unknown
    }

    /// Adds others.
    fn join(&mut self, other: Self) {
        self.starts += other.starts;
        self.prompts += other.prompts;
        self.distributed += other.distributed;
        self.reused += other.reused;
        self.standard += other.standard;
        self.inert += other.inert;
        self.failed += other.failed;
        self.unknown += other.unknown;
        self.not_as_asked += other.not_as_asked;
    }

    /// Counts a prompt with its loads.
    fn add(&mut self, prompt: &Prompt) {
        self.prompts += 1;
        for load in &prompt.loads {
            let count = match load.outcome {
                Outcome::Distributed => &mut self.distributed,
                Outcome::Reused => &mut self.reused,
                Outcome::Standard { .. } => &mut self.standard,
                Outcome::Inert { .. } => &mut self.inert,
                Outcome::Failed { .. } => &mut self.failed,
                Outcome::Unknown { .. } => &mut self.unknown,
            };
            *count += 1;
            self.not_as_asked += u64::from(load.is_as_asked() == Some(false));
        }
    }
}

/// Reads a file.
///
/// # Errors If it cannot be read.
pub fn read(path: &Path) -> anyhow::Result<Log> {
    read_file(path).with_context(|| format!("cannot read {}", shown(path)))
}

fn read_file(path: &Path) -> io::Result<Log> {
    let mut file = File::open(path)?;
    let mut reader = Reader::new();
    reader.skip(&mut file)?;
    reader.read(file, |_| ())
}

#[cfg(test)]
mod tests;
