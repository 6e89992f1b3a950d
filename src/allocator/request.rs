//! What an allocation string asks for.

use super::machine::Device;

/// How the amounts of an allocation string are meant. Its expert part alone decides, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The expert part is empty: `#cuda:0;4.0;cpu`.
    VirtualVram,
    /// It has one of the letters g, m, k, b anywhere, in either case: `cuda:0,12gb;cuda:1,16gb`.
    ///
    /// Anywhere means in device names too: `mps,0.5` and `mlu:0,50%` are in byte mode, and ask for half a byte and for
    /// 50 bytes. And plain bytes need a letter: `cuda:0,5000` asks for 5000 times the memory.
    Byte,
    /// It has a `%` anywhere: `cuda:0,25%;cpu,75%`.
    Ratio,
    /// Anything else: `cuda:0,0.25;cpu,0.1`. A wildcard on its own (`cpu,*`) ends here too, and is an error.
    Fraction,
}

impl Mode {
    /// The mode of an expert part.
    pub fn of(expert: &str) -> Self {
        if expert.is_empty() {
            Self::VirtualVram
        // The Kelvin sign becomes a k in lower case; no other character beyond ASCII becomes a unit.
        } else if expert.contains(['g', 'm', 'k', 'b', 'G', 'M', 'K', 'B', '\u{212a}']) {
            Self::Byte
        } else if expert.contains('%') {
            Self::Ratio
        } else {
            Self::Fraction
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::VirtualVram => "virtual VRAM",
            Self::Byte => "byte",
            Self::Ratio => "ratio",
            Self::Fraction => "fraction",
        }
    }
}

/// What an allocation string asks for, by mode.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Bytes of the model per device.
    Byte(Quotas),
    /// Parts of the model per device, each device once; their sum is not zero.
    Ratio(Vec<Ratio>),
    /// Parts of each device's own memory, as written: a device can occur more than once, and the last one counts.
    Fraction(Vec<Fraction>),
    /// Gigabytes to move away from the compute device.
    VirtualVram(VirtualVram),
}

/// Bytes asked for per device, and who takes the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quotas {
    /// In the order of the string. A device can occur more than once.
    pub listed: Vec<Quota>,
    /// The device whose value has a `*` in it (`cpu,*`, `cpu,5gb*`); the last one if there are several.
    pub wildcard: Option<Device>,
}

/// Bytes asked for on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// The device.
    pub device: Device,
    /// At least 0. A float, since `1.3gb` is not a whole number of bytes and the node does not round it; infinite for a
    /// number of more than 308 digits.
    pub bytes: f64,
}

/// A device's part of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    /// The device.
    pub device: Device,
    /// Its part, to be divided by the sum of all parts: 25 in `cuda:0,25%`. Can be negative.
    pub parts: f64,
}

/// The part of a device's own memory that the model gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Fraction {
    /// The device.
    pub device: Device,
    /// 1 is all of its memory. It may be more, and it may be negative.
    pub value: f64,
}

/// Memory that donors lend to the compute device.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualVram {
    /// The compute device, which gets what is left of the model.
    pub recipient: Device,
    /// How much of the model goes to the donors, in units of 2^30 bytes.
    pub gigabytes: f64,
    /// At least one, in the order in which they are asked.
    pub donors: Vec<Device>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_told_by_letters_anywhere() {
        for (expert, mode) in [
            ("", Mode::VirtualVram),
            ("cuda:0,12gb", Mode::Byte),
            ("cuda:0,12G", Mode::Byte),
            ("cuda:0,25%;cpu,5b", Mode::Byte),
            ("mps,0.5", Mode::Byte),
            ("mlu:0,50%", Mode::Byte),
            ("directml:0,0.5", Mode::Byte),
            ("cuda:0,5\u{212a}", Mode::Byte),
            ("cuda:0,25%;cpu,75", Mode::Ratio),
            ("cuda:0,0.25", Mode::Fraction),
            ("cuda:0,5000", Mode::Fraction),
            ("cpu,*", Mode::Fraction),
            (" ", Mode::Fraction),
        ] {
            assert_eq!(Mode::of(expert), mode, "{expert}");
        }
    }
}
