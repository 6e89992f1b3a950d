//! Why an allocation cannot be computed. In all these cases the node raises an exception, except for numbers that are
//! not finite: from those it computes allocations of "nan".

use std::fmt;

use super::machine::Device;
use super::request::Mode;
use super::string::Span;

/// An allocation string that the node does not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    span: Span,
    character: usize,
    found: String,
    mode: Mode,
    expected: Expected,
}

impl ParseError {
    pub(super) fn new(text: &str, span: Span, mode: Mode, expected: Expected) -> Self {
        let character = text[..span.start].chars().count() + 1;
        let found = text[span.clone()].to_owned();
        Self { span, character, found, mode, expected }
    }

    /// The offending bytes of the allocation string; empty if something is missing there.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The position of the offending character in the allocation string, from 1.
    pub fn character(&self) -> usize {
        self.character
    }

    /// The mode that the string was read in.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What was expected there.
    pub fn expected(&self) -> Expected {
        self.expected
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}, {} mode expects {}; found ", self.character, self.mode.name(), self.expected)?;
        if self.found.is_empty() { f.write_str("nothing") } else { write!(f, "`{}`", self.found) }
    }
}

impl std::error::Error for ParseError {}

/// What a [`ParseError`] expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// The value of a device in byte mode.
    Amount,
    /// The value of a device in ratio mode.
    Percentage,
    /// At least one device in ratio mode.
    Percentages,
    /// Percentages that can be divided by their sum.
    Sum,
    /// The value of a device in fraction mode.
    Fraction,
    /// One comma in each part in fraction mode.
    OneComma,
    /// Three fields in virtual VRAM mode.
    ThreeFields,
    /// The second of them.
    Gigabytes,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amount => "an amount that begins with a digit, such as 12gb, 4.5g or 512m, or a wildcard `*`",
            Self::Percentage => "a finite percentage such as 25%",
            Self::Percentages => "at least one `device,percentage`",
            Self::Sum => "percentages whose sum is finite and not zero",
            Self::Fraction => "a finite fraction of the device's memory such as 0.25",
            Self::OneComma => "one value per device",
            Self::ThreeFields => "three fields, `compute;gigabytes;donors`",
            Self::Gigabytes => "a finite number of gigabytes such as 4.0",
        })
    }
}

/// An allocation string that is understood, but cannot be satisfied on this machine with this model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllocationError {
    /// The machine does not have this device.
    UnknownDevice(Device),
    /// Virtual VRAM mode divides by the total bytes of this device, and they are zero.
    NoMemory(Device),
    /// What is asked for on this device is not a finite number of bytes.
    NotFinite(Device),
    /// Blocks are left for this compute device, which is neither named in the expert part nor listed by the machine.
    ///
    /// The node looks the device up in a table that does not have it. That only works if every single block fits a
    /// quota, and tiny blocks never use one.
    NoComputeDevice(Device),
}

impl AllocationError {
    /// The device it is about.
    pub fn device(&self) -> &Device {
        match self {
            Self::UnknownDevice(device)
            | Self::NoMemory(device)
            | Self::NotFinite(device)
            | Self::NoComputeDevice(device) => device,
        }
    }
}

impl fmt::Display for AllocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDevice(device) => write!(f, "this machine has no device `{device}`"),
            Self::NoMemory(device) => write!(f, "device `{device}` has no memory to lend or to extend"),
            Self::NotFinite(device) => {
                write!(f, "the amount asked for on device `{device}` is not a finite number of bytes")
            }
            Self::NoComputeDevice(device) => {
                write!(f, "blocks are left for the compute device `{device}`, which is not among the devices")
            }
        }
    }
}

impl std::error::Error for AllocationError {}
