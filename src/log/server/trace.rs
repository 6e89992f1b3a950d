//! The lines of an exception: a traceback, the threads of a crash, or the head of an error report.

use super::super::event::{closing, frame};
use super::super::remark::Raised;

/// How many calls of a traceback are kept, from the innermost on.
const MOST_FRAMES: usize = 40;
/// How many lines may be in it that are not understood, as where a message has several lines.
const MOST_STRAYS: u32 = 12;

/// What an exception is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A node that was executed.
    Prompt,
    /// Anything else.
    Elsewhere,
    /// A crash: the innermost call comes first.
    Crash,
    /// The head of an error report.
    Report,
}

/// An exception whose lines come in.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) origin: Origin,
    pub(super) raised: Raised,
    /// How far its first line is indented; a message stands below that.
    indent: Option<usize>,
    is_closed: bool,
    strays: u32,
}

/// Whether a line belongs to an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    Taken,
    /// It is not part of it any more.
    Over,
}

impl Trace {
    pub(super) fn new(line: u64, text: &str, origin: Origin, message: &str) -> Self {
        let raised = Raised { message: message.to_owned(), ..Raised::default() };
        Self { line, text: text.to_owned(), origin, raised, indent: None, is_closed: false, strays: 0 }
    }

    /// A traceback whose first line is this one.
    pub(super) fn begun(mut self, text: &str) -> Self {
        self.indent = Some(indent(text));
        self
    }

    /// Takes a line, unless it cannot be part of it.
    pub(super) fn take(&mut self, text: &str) -> Take {
        match self.origin {
            Origin::Prompt | Origin::Elsewhere => self.take_traceback(text),
            Origin::Crash => self.take_thread(text),
            Origin::Report => self.take_report(text),
        }
    }

    fn take_traceback(&mut self, text: &str) -> Take {
        let shown = text.trim_ascii();
        if shown.is_empty() {
            return Take::Taken;
        }
        if shown.starts_with("Traceback (most recent call last)") {
            if self.is_closed {
                return Take::Over;
            }
            self.indent = Some(indent(text));
            return Take::Taken;
        }
        if self.is_closed && self.strays < MOST_STRAYS && is_of_memory(shown) {
            self.strays += 1;
            self.raised.message.push_str("; ");
            self.raised.message.push_str(&super::faults::short(shown));
            return Take::Taken;
        }
        if self.is_closed {
            // The next one is what came of it.
            let is_chained =
                shown.starts_with("During handling of the above") || shown.starts_with("The above exception");
            self.is_closed = !is_chained;
            return if is_chained { Take::Taken } else { Take::Over };
        }
        if let Some(frame) = frame(shown) {
            self.push(frame);
            return Take::Taken;
        }
        let is_inside = self.indent.is_some_and(|outer| indent(text) > outer);
        if is_inside {
            return Take::Taken;
        }
        if let Some((class, message)) = closing(shown).filter(|_| self.indent.is_some()) {
            class.clone_into(&mut self.raised.class);
            message.clone_into(&mut self.raised.message);
            self.is_closed = true;
            return Take::Taken;
        }
        self.stray()
    }

    fn take_thread(&mut self, text: &str) -> Take {
        let shown = text.trim_ascii();
        if let Some(frame) = frame(shown) {
            if self.raised.frames.len() < MOST_FRAMES {
                self.raised.frames.insert(0, frame);
            }
            return Take::Taken;
        }
        let is_between = shown.is_empty() || shown == "..." || shown.ends_with("(most recent call first):");
        // Other threads follow the first; what happened is there.
        if self.raised.frames.is_empty() && (is_between || self.stray() == Take::Taken) {
            Take::Taken
        } else {
            Take::Over
        }
    }

    fn take_report(&mut self, text: &str) -> Take {
        let shown = text.trim_ascii();
        if let Some(frame) = frame(shown) {
            self.push(frame);
        } else if let Some((name, value)) = shown.strip_prefix("- **").and_then(|rest| rest.split_once(":** ")) {
            let node = self.raised.node.get_or_insert_default();
            match name {
                "Node ID" => value.clone_into(&mut node.1),
                "Node Type" => value.clone_into(&mut node.0),
                "Exception Type" => value.clone_into(&mut self.raised.class),
                "Exception Message" => value.clone_into(&mut self.raised.message),
                _ => return Take::Over,
            }
        } else if shown.starts_with("## ") {
            return if shown == "## Error Details" || shown == "## Stack Trace" { Take::Taken } else { Take::Over };
        } else if !shown.starts_with("```") && !shown.is_empty() && indent(text) == 0 {
            return self.stray();
        }
        Take::Taken
    }

    fn push(&mut self, frame: super::super::Frame) {
        if self.raised.frames.len() == MOST_FRAMES {
            self.raised.frames.remove(0);
        }
        self.raised.frames.push(frame);
    }

    fn stray(&mut self) -> Take {
        self.strays += 1;
        if self.strays > MOST_STRAYS { Take::Over } else { Take::Taken }
    }

    /// Was it raised while a model was loaded? `None` if not all calls are in the log.
    pub(super) fn is_in_load(&self) -> Option<bool> {
        let is_load = |name: &str| name.contains("load_models_gpu") || name.contains("partially_load");
        let is_in_load = self.raised.frames.iter().any(|frame| is_load(&frame.function));
        (is_in_load || (self.is_closed && !self.raised.frames.is_empty())).then_some(is_in_load)
    }

    /// Is its last line there?
    pub(super) fn is_whole(&self) -> bool {
        self.is_closed
    }

    /// Is it because no memory is left?
    pub(super) fn is_out_of_memory(&self) -> bool {
        let message = &self.raised.message;
        self.raised.class.contains("OutOfMemory")
            || message.starts_with("Allocation on device")
            || message.contains("out of memory")
    }

    /// Its class and message.
    pub(super) fn cause(&self) -> String {
        match (self.raised.class.as_str(), self.raised.message.as_str()) {
            ("", message) => message.to_owned(),
            (class, "") => class.to_owned(),
            (class, message) => format!("{class}: {message}"),
        }
    }
}

/// Is it a further line of the message of `PyTorch` that a GPU has no memory left?
fn is_of_memory(text: &str) -> bool {
    const NAMES: [&str; 5] =
        ["Currently allocated", "Requested  ", "Device limit", "Free (according to CUDA)", "PyTorch limit (set by"];
    NAMES.iter().any(|name| text.starts_with(name))
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
