//! What a log says of one prompt: which loader nodes ran for it, and which models were loaded.

use crate::allocator::Logged;
use std::ops::Range;

use super::load::{Load, LoadKind};

/// A prompt that was executed, or refused. Prompts wait for one another: lines belong to the one that is executed, which
/// is not always the newest that was queued.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The line that says it was queued, or else the first line that is known to belong to it.
    pub line: u64,
    /// Is that line in the log? If not, the log has been cut, and more may have been printed.
    pub is_begun_here: bool,
    /// When, as printed.
    pub time: Option<String>,
    /// The loader nodes that ran for it, as indices of [`Start::banners`](super::Start::banners).
    pub banners: Range<usize>,
    /// The loads of models, in order.
    pub loads: Vec<Load>,
    /// How it ended.
    pub end: End,
    /// The last line that belongs to it.
    pub last_line: u64,
}

/// How a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// All of it was executed.
    Executed {
        /// How long it took, if the line says so.
        seconds: Option<f64>,
    },
    /// A node raised an exception.
    Failed,
    /// It was refused before anything of it was executed.
    Rejected,
    /// Somebody stopped it.
    Interrupted,
    /// The log does not say: it ends before, or goes on with another start of the server.
    Open,
}

/// What a loader node printed: `Full allocation string: expert#compute;gigabytes;donors`.
#[derive(Debug, Clone, PartialEq)]
pub struct Banner {
    /// Where.
    pub line: u64,
    /// All of the string.
    pub text: String,
    /// Its expert part; may be empty.
    pub string: String,
    /// The compute device.
    pub compute: Option<String>,
    /// The virtual VRAM.
    pub virtual_vram_gb: Option<f64>,
    /// The devices that lend memory for it, with commas.
    pub donor: Option<String>,
    /// Does it ask for nothing? Then the model is loaded as by any other loader.
    pub is_empty: bool,
    /// What it loads, if the lines before it show that.
    pub loads: Option<LoadKind>,
}

impl Banner {
    /// Reads the string behind the colon.
    pub(super) fn new(line: u64, text: &str, loads: Option<LoadKind>) -> Self {
        let text = text.trim();
        let logged = Logged::of(text);
        let given = |field: &str| Some(field.to_owned()).filter(|field| !field.is_empty());
        let virtual_vram_gb = logged.virtual_vram_gb();
        let is_empty = logged.expert.is_empty() && virtual_vram_gb.is_none_or(|gb: f64| gb <= 0.0);
        Self {
            line,
            text: text.to_owned(),
            string: logged.expert.to_owned(),
            compute: given(logged.compute),
            virtual_vram_gb,
            donor: given(logged.donors),
            is_empty,
            loads,
        }
    }
}

/// A prompt that has just ended, for a verdict while the server runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The start that it belongs to, as far as it came: without other prompts.
    pub start: super::Start,
    /// The prompt.
    pub prompt: Prompt,
}
