//! Lines that matter by themselves: exceptions, refusals, warnings.

/// A line, or a few that belong together, that matters by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// Its first line.
    pub line: u64,
    /// What it says.
    pub kind: RemarkKind,
    /// That line, without prefix; shortened if it is very long.
    pub text: String,
}

/// What a remark says. A class is the name of a node's or an exception's class.
#[derive(Debug, Clone, PartialEq)]
pub enum RemarkKind {
    /// An exception.
    Exception(Raised),
    /// An exception because a device has no memory left.
    OutOfMemory(Raised),
    /// The process itself crashed.
    FatalException(Raised),
    /// A value of a node's input is not allowed.
    ValueNotInList {
        /// The node's class, if the line before is in the log.
        class: Option<String>,
        /// The node's id, likewise.
        id: Option<String>,
        /// The input.
        input: String,
        /// Its value, as Python shows it, without quotes.
        value: String,
        /// What is allowed; empty if the list is not printed in full.
        allowed: Vec<String>,
    },
    /// Something else in a prompt is not as it should be.
    Invalid {
        /// The node's class, if the line before is in the log.
        class: Option<String>,
        /// The node's id, likewise.
        id: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// The server does not know a node's class.
    NodeNotFound {
        /// The class.
        class: String,
    },
    /// Custom nodes could not be imported.
    ImportFailed {
        /// As printed.
        path: String,
        /// The reason.
        why: Option<String>,
    },
    /// The node could not register the nodes of another pack.
    RegisterFailed {
        /// The pack.
        module: String,
        /// The reason.
        why: String,
    },
    /// On Windows, ComfyUI uses the first of several devices only.
    SingleGpuOnWindows,
    /// On Windows, memory is pinned for several devices, which can fail.
    PinnedMemoryOnWindows,
    /// The model is larger than nine tenths of the compute device.
    ModelTooLarge {
        /// The compute device.
        device: String,
        /// To a hundredth of a GB.
        model_bytes: u64,
        /// Nine tenths of the device, to a hundredth of a GB.
        limit_bytes: u64,
        /// What the node advises to borrow.
        at_least_gb: Option<f64>,
    },
    /// The whole model fits into the first amounts: later devices get nothing.
    AllAllocated,
    /// comfy-aimdo was not initialised for a device.
    AimdoMissing {
        /// The device, if the line names it.
        device: Option<String>,
    },
    /// A model lacks an attribute that the node expects; harmless.
    MissingAttribute {
        /// The class of its patcher.
        class: String,
    },
    /// Models were removed from a device to make room.
    Unloaded {
        /// How many.
        models: u64,
    },
    /// ComfyUI-Manager put local changes of a checkout aside.
    Stashed {
        /// The checkout.
        path: String,
    },
    /// Another line that speaks of an error or a warning.
    Other,
}

impl RemarkKind {
    /// The exception, if it is one.
    pub fn raised(&self) -> Option<&Raised> {
        match self {
            Self::Exception(raised) | Self::OutOfMemory(raised) | Self::FatalException(raised) => Some(raised),
            _ => None,
        }
    }
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Raised {
    /// Its class, as `torch.OutOfMemoryError`; empty if the log does not show it.
    pub class: String,
    /// Its message.
    pub message: String,
    /// Where it was raised, the call that began it first; the innermost only if there are very many.
    pub frames: Vec<Frame>,
    /// The node that raised it, if the log says so: class and id.
    pub node: Option<(String, String)>,
}

/// A line of a traceback: `File "x.py", line 1, in f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// As printed.
    pub file: String,
    /// Line in that file.
    pub line: u64,
    /// The function.
    pub function: String,
}
