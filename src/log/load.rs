//! What a log says of one load of a model.

/// A load of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Its first line: the request, or the first line of the node.
    pub line: u64,
    /// Its last line.
    pub last_line: u64,
    /// The class of the model, as `WAN21`, if exactly one can be it.
    pub model: Option<String>,
    /// What kind of model that is, if the lines show it.
    pub kind: Option<LoadKind>,
    /// The loader node, as an index of [`Start::banners`](super::Start::banners), if exactly one can be it.
    pub banner: Option<usize>,
    /// All of the allocation string, if all loader nodes that can be it have the same.
    pub string: Option<String>,
    /// What the node made of the string.
    pub mode: Mode,
    /// Bytes mode: what each device was asked to take.
    pub requested: Vec<Quota>,
    /// Bytes mode: what each device was given before layers were placed, and what was left for the wildcard.
    pub granted: Vec<Quota>,
    /// Ratio mode: the shares, as printed.
    pub ratio: Option<String>,
    /// Virtual VRAM mode: which device borrows how much from which.
    pub lent: Vec<Lent>,
    /// The string of fractions that it was translated into.
    pub final_string: Option<String>,
    /// The table of devices: what is planned.
    pub planned: Vec<Planned>,
    /// The table of layers by type.
    pub layers: Vec<Layers>,
    /// The last table: what really goes where.
    pub assigned: Vec<Assigned>,
    /// The head of a text encoder, which stays on the compute device.
    pub preserved: Option<Preserved>,
    /// What the node says it has loaded; to a hundredth of a MB.
    pub total_bytes: Option<u64>,
    /// What lies on the CPU, of the last table.
    pub cpu_bytes: Option<u64>,
    /// What happened.
    pub outcome: Outcome,
    /// What its loader node was asked for.
    pub asked: Asked,
}

impl Load {
    /// Did something else happen than what was asked? `None` if that is not known.
    pub fn is_as_asked(&self) -> Option<bool> {
        match (&self.outcome, self.asked) {
            (Outcome::Failed { .. }, _) => Some(false),
            (Outcome::Unknown { .. }, _) | (Outcome::Standard { .. } | Outcome::Inert { .. }, Asked::Unknown) => None,
            (Outcome::Distributed | Outcome::Reused, _) | (_, Asked::Nothing) => Some(true),
            (_, Asked::Distribution) => Some(false),
        }
    }
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadKind {
    /// A diffusion model.
    Diffusion,
    /// A text encoder.
    TextEncoder,
    /// An autoencoder.
    Vae,
    /// Another model that helps, as a `ControlNet`.
    Other,
}

/// What the node made of an allocation string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// It did nothing.
    Nothing,
    /// Devices lend memory.
    VirtualVram,
    /// Amounts of bytes, and nothing was left for a wildcard.
    Bytes,
    /// Amounts of bytes; the rest went to the devices that are named.
    GpuOnly,
    /// Amounts of bytes; the rest went to one device.
    Wildcard {
        /// That device.
        device: String,
    },
    /// Shares of the model.
    Ratio,
    /// Fractions of the devices.
    Fraction,
    /// The log does not show it.
    Unknown,
}

/// An amount for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The device.
    pub device: String,
    /// To a hundredth of a MB.
    pub bytes: u64,
}

/// A row of the analysis of virtual VRAM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// The device, or `model`.
    pub object: String,
    /// Whether it borrows or lends.
    pub role: Role,
    /// What it has: to a hundredth of a GB.
    pub own_bytes: u64,
    /// What is borrowed or lent: to a hundredth of a GB.
    pub bytes: u64,
}

/// A part in virtual VRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The compute device, which borrows.
    Recipient,
    /// A device that lends.
    Donor,
    /// The model that is made smaller by it.
    Model,
}

/// A row of the table of devices.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The device.
    pub device: String,
    /// Its memory: to a hundredth of a GB.
    pub total_bytes: u64,
    /// Which part of its memory is to be used; 1.0 is all of it.
    pub share: f64,
    /// What is planned for it: to a hundredth of a GB.
    pub bytes: u64,
}

/// A row of the table of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    /// The class of the layers, as `Linear`.
    pub class: String,
    /// How many.
    pub count: u64,
    /// To a hundredth of a MB.
    pub bytes: u64,
}

/// A row of the last table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The device.
    pub device: String,
    /// Is it the row of the tiny layers, which always go to the compute device?
    pub is_tiny: bool,
    /// How many layers.
    pub layers: u64,
    /// To a hundredth of a MB.
    pub bytes: u64,
}

/// The head of a text encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preserved {
    /// How many layers.
    pub layers: u64,
    /// To a hundredth of a MB.
    pub bytes: u64,
    /// The compute device.
    pub device: String,
}

/// What happened: exactly one for each load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `DisTorch2` distributed the model, and printed how.
    Distributed,
    /// `DisTorch2` distributed it as it did before.
    Reused,
    /// ComfyUI loaded it itself.
    Standard {
        /// Only a part of it is on the device.
        is_partial: bool,
        /// What is on the device: to a hundredth of a MB.
        loaded_bytes: Option<u64>,
        /// What is not: to a hundredth of a MB.
        offloaded_bytes: Option<u64>,
    },
    /// ComfyUI loads it piece by piece while it is used: `DisTorch2` has no effect.
    Inert {
        /// What is ready for that: to a MB.
        staged_bytes: u64,
    },
    /// An exception ended it.
    Failed {
        /// The exception, as an index of [`Start::remarks`](super::Start::remarks), if it is still kept.
        remark: Option<usize>,
        /// Its class and message.
        cause: String,
    },
    /// The log does not say: it has been cut.
    Unknown {
        /// What is missing.
        why: String,
    },
}

/// What a loader node was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To distribute the model.
    Distribution,
    /// Nothing, or it is not a node that could.
    Nothing,
    /// The log does not show it.
    Unknown,
}
