//! What a line says, by its form.

mod comfyui;
mod fault;
mod node;
mod table;

use super::load::{Preserved, Quota};

pub(super) use self::fault::{closing, frame};
pub(super) use self::table::{Row, row};

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event<'t> {
    /// A line of the node: how it calls itself, and what it says.
    Node(&'t str, Node<'t>),
    /// The title of one of the node's tables.
    Title(Title),
    /// Something of a server's start.
    Start(Startup<'t>),
    /// Something of a prompt, or of a load by ComfyUI.
    Run(Run<'t>),
    /// An error or a warning.
    Fault(Fault<'t>),
}

/// A line of the node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'t> {
    /// `Full allocation string: …`.
    Banner(&'t str),
    /// The loader of checkpoints gave a model a string, which it does not print. Is it the text encoder?
    CheckpointPart(bool),
    /// Versions before 2.3: a load begins.
    LoadBegins,
    /// `Assigning 20.00MB of model to cuda:0 (requested 20.00MB).`: what is given, and what was requested.
    Assigning { device: &'t str, bytes: u64, requested: u64 },
    /// What was left goes to one device.
    Remaining(Quota),
    /// What was left goes to the devices that are named.
    GpuOnly,
    /// The whole model is within the first amounts.
    AllAllocated,
    /// `Ratio(%) Mode - string -> …`.
    Ratio(&'t str),
    /// The string of fractions; on the next line if it is empty.
    FinalString(&'t str),
    /// The head of a text encoder.
    Preserved(Preserved),
    /// `DisTorch loading completed.`, and the total on the same line in some versions.
    Completed(Option<u64>),
    /// The total on its own line.
    Total(u64),
    /// A warning, or something else that becomes a remark.
    Remark(Fault<'t>),
    /// `Final mappings: …`.
    Mappings(&'t str),
    /// Anything else while it is imported.
    Import,
    /// Anything else.
    Other,
}

/// The title of a table of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Title {
    /// Which table.
    pub(super) table: Table,
    /// Is it one of the first `DisTorch`, for GGUF only?
    pub(super) is_legacy: bool,
    /// Does it say that the model is a text encoder?
    pub(super) is_clip: bool,
}

/// A table of the node. After the first, which only one mode has, they are printed in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Virtual,
    Devices,
    Layers,
    Assigned,
}

/// Something of a server's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Startup<'t> {
    /// A line that is printed once, before anything else happens. The number tells which.
    Begins(u8),
    /// `Python version: …` and the like: of what, and which.
    Version(&'t str, &'t str),
    /// `Total VRAM 24106 MB, total RAM 24106 MB`, in bytes.
    Memory(u64, u64),
    /// `Device: cuda:0 NVIDIA … : cudaMallocAsync`: the name, and the card.
    Device(&'t str, &'t str),
    /// `Set vram state to: NORMAL_VRAM`.
    VramState(&'t str),
    /// `Enabled pinned memory 111835.0`, in bytes.
    Pinned(u64),
    /// Dynamic VRAM is on, or is not for a reason.
    Dynamic(Option<&'t str>),
    /// A list of folders with their times follows. Are they those of the import?
    Times(bool),
    /// The command line.
    Arguments(&'t str),
    /// `To see the GUI go to: http://127.0.0.1:8188`.
    Ready,
}

/// Something of a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Run<'t> {
    /// A prompt was queued.
    Queued,
    /// A prompt ended, after this many seconds.
    Executed(Option<f64>),
    /// A prompt was refused, and why.
    Refused(&'t str),
    /// A prompt was stopped.
    Interrupted,
    /// `Requested to load WAN21`.
    Requested(&'t str),
    /// A loader made a diffusion model, a text encoder, or an autoencoder.
    Made(super::LoadKind),
    /// ComfyUI loaded a model, or a part of it. Versions without units in that line are those of the first `DisTorch`.
    Loaded { is_partial: bool, loaded: Option<u64>, offloaded: Option<u64>, has_units: bool },
    /// A model is ready for dynamic loading: its class and size.
    Staged(&'t str, u64),
    /// Models were removed.
    Unloaded(u64),
}

/// An error or a warning.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault<'t> {
    /// A node raised an exception with this message; its traceback follows.
    Raised(&'t str),
    /// `Traceback (most recent call last):`.
    Traceback,
    /// The process crashed; a list of threads follows.
    Crashed(&'t str),
    /// The head of an error report.
    Report,
    /// The problems of a prompt follow.
    Invalid,
    /// A value is not in a list, without the list's head being in the log.
    Problem(&'t str),
    /// The exception of memory, without its traceback being in the log.
    OutOfMemory(&'t str),
    /// Complete in itself.
    Remark(super::RemarkKind),
}

/// What a line says, whose prefixes are off; `None` if it is of no interest.
pub(super) fn recognise(text: &str) -> Option<Event<'_>> {
    let text = text.trim_ascii();
    match text.as_bytes().first()? {
        b'[' => node::bracket(text).or_else(|| comfyui::bracket(text)).or_else(|| fault::recognise(text)),
        b'D' if text.starts_with("DisTorch") => node::title(text),
        _ => comfyui::recognise(text).or_else(|| node::bare(text)).or_else(|| fault::recognise(text)),
    }
}
