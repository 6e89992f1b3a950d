//! What a card computes in, by ComfyUI's rules.
//!
//! Source: `should_use_fp16`, `should_use_bf16`, `supports_fp8_compute` and `maximum_vram_for_weights` in
//! `comfy/model_management.py` of ComfyUI. Options of ComfyUI that override them (`--force-fp16`, `--fast`, …) are not
//! known here.

use crate::allocator::Device;

/// The card that computes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Card {
    /// Its kind; `None` if unknown, and then [`Gpu::ASSUMED`] is used.
    pub gpu: Option<Gpu>,
    /// Its memory.
    pub total_bytes: u64,
    /// Does the main processor compute instead? Weights are loaded in the card's types even then.
    pub on_cpu: bool,
}

/// A kind of GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpu {
    /// NVIDIA's, with its compute capability.
    Nvidia {
        /// The number before the point.
        major: u32,
        /// The number behind it.
        minor: u32,
        /// Is it of the GTX 16 series or a similar one, whose fp16 ComfyUI does not use?
        broken_fp16: bool,
    },
    /// AMD's.
    Amd {
        /// Does it compute in bf16? RDNA 2 and older do not.
        bf16: bool,
        /// Does ComfyUI multiply in fp8 on it?
        fp8: bool,
    },
    /// Any, under a ComfyUI that was started with `--force-fp32`.
    Fp32,
    /// Another that computes in fp16, and in bf16 if this is true.
    Other {
        /// Does it compute in bf16?
        bf16: bool,
    },
}

/// Names of NVIDIA's architectures, each with the compute capability of its common cards.
const ARCHITECTURES: [(&str, u32, u32); 8] = [
    ("kepler", 3, 5),
    ("maxwell", 5, 2),
    ("pascal", 6, 1),
    ("volta", 7, 0),
    ("turing", 7, 5),
    ("ampere", 8, 6),
    ("ada", 8, 9),
    ("hopper", 9, 0),
];

/// AMD's architectures that do not compute in bf16 (`AMD_RDNA2_AND_OLDER_ARCH`).
const NO_BF16: [&str; 8] = ["gfx1030", "gfx1031", "gfx1010", "gfx1011", "gfx1012", "gfx906", "gfx900", "gfx803"];
/// AMD's architectures on which ComfyUI multiplies in fp8.
const WITH_FP8: [&str; 3] = ["gfx1200", "gfx1201", "gfx950"];
/// Cards with fp16 that ComfyUI calls broken, by parts of their names.
const BROKEN_FP16: [&str; 12] =
    ["1660", "1650", "1630", "T500", "T550", "T600", "MX550", "MX450", "CMP 30HX", "T2000", "T1000", "T1200"];

impl Gpu {
    /// What is assumed if nothing is known: fp16 and bf16, no fp8, as on an RTX 30 card.
    pub const ASSUMED: Self = Self::Nvidia { major: 8, minor: 6, broken_fp16: false };

    /// By the name of an architecture (`ampere`, `blackwell`), a compute capability (`8.6`, `sm_86`), or AMD's name
    /// (`gfx1100`); `gtx16` stands for the cards of Turing without usable fp16, and `fp32` for ComfyUI's `--force-fp32`.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let nvidia = |major, minor| Some(Self::Nvidia { major, minor, broken_fp16: false });
        match name.as_str() {
            "blackwell" => return nvidia(12, 0),
            "fp32" => return Some(Self::Fp32),
            "gtx16" => return Some(Self::Nvidia { major: 7, minor: 5, broken_fp16: true }),
            _ => {}
        }
        if let Some(&(_, major, minor)) = ARCHITECTURES.iter().find(|(known, ..)| *known == name) {
            return nvidia(major, minor);
        }
        let is_gfx = |number: &str| (3..=5).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_hexdigit());
        if name.strip_prefix("gfx").is_some_and(is_gfx) {
            let bf16 = !NO_BF16.contains(&name.as_str());
            return Some(Self::Amd { bf16, fp8: WITH_FP8.contains(&name.as_str()) });
        }
        let (major, minor) = match name.strip_prefix("sm").map(|number| number.trim_start_matches('_')) {
            Some(number) => number.split_at_checked(number.len().checked_sub(1)?)?,
            None => name.split_once('.')?,
        };
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        nvidia(number(major)?, number(minor)?)
    }

    /// By what `nvidia-smi` says: a compute capability, and the name of the card.
    pub fn of_nvidia(capability: &str, name: &str) -> Option<Self> {
        match Self::of_name(capability)? {
            Self::Nvidia { major, minor, .. } => {
                let broken_fp16 = major == 7 && BROKEN_FP16.iter().any(|part| name.contains(part));
                Some(Self::Nvidia { major, minor, broken_fp16 })
            }
            other => Some(other),
        }
    }

    /// What the kind of a device tells, such as `xpu`; `None` for `cuda`, which is NVIDIA's or AMD's.
    pub fn of_device(device: &Device) -> Option<Self> {
        match device.as_str().split(':').next()? {
            "xpu" | "npu" | "mps" => Some(Self::Other { bf16: true }),
            "directml" | "privateuseone" => Some(Self::Other { bf16: false }),
            _ => None,
        }
    }
}

impl Card {
    /// Does it compute in fp16?
    pub fn has_fp16(&self) -> bool {
        match self.kind() {
            Gpu::Nvidia { major: 8.., .. } | Gpu::Amd { .. } | Gpu::Other { .. } => true,
            Gpu::Nvidia { major: 7, broken_fp16, .. } => !broken_fp16,
            // On Linux its fp32 is faster.
            Gpu::Nvidia { major: 6, .. } => cfg!(windows),
            Gpu::Nvidia { .. } | Gpu::Fp32 => false,
        }
    }

    /// Does it compute in bf16?
    pub fn has_bf16(&self) -> bool {
        match self.kind() {
            Gpu::Fp32 => false,
            Gpu::Nvidia { major, .. } => major >= 8,
            Gpu::Amd { bf16, .. } | Gpu::Other { bf16 } => bf16,
        }
    }

    /// Are this many weights kept in fp16 and computed in another type?
    pub fn keeps_fp16(&self, parameters: u64) -> bool {
        match self.kind() {
            Gpu::Nvidia { major: 6, .. } => true,
            Gpu::Nvidia { major: 7, .. } => self.has_fp16() || !self.holds(parameters, 4),
            _ => self.has_fp16(),
        }
    }

    /// Likewise in bf16.
    pub fn keeps_bf16(&self, parameters: u64) -> bool {
        match self.kind() {
            Gpu::Nvidia { .. } => self.has_bf16() || !self.holds(parameters, 4),
            Gpu::Amd { .. } => true,
            Gpu::Other { bf16 } => bf16,
            Gpu::Fp32 => false,
        }
    }

    /// Does it multiply in fp8?
    pub fn has_fp8(&self) -> bool {
        match self.kind() {
            Gpu::Nvidia { major, minor, .. } => major >= 9 || (major == 8 && minor >= 9),
            Gpu::Amd { fp8, .. } => fp8,
            Gpu::Other { .. } | Gpu::Fp32 => false,
        }
    }

    /// Does its memory for weights hold this many, of this many bytes each?
    pub fn holds(&self, parameters: u64, bytes_each: u64) -> bool {
        let needed = parameters.saturating_mul(bytes_each);
        #[expect(clippy::cast_precision_loss, reason = "an estimate, as in ComfyUI")]
        let (total, needed) = (self.total_bytes as f64, needed as f64);
        needed <= total * 0.88 - self.reserved_bytes()
    }

    /// What ComfyUI keeps free: for the computation, and for other programs on this system.
    fn reserved_bytes(&self) -> f64 {
        const MB: f64 = 1024.0 * 1024.0;
        let others = match (cfg!(windows), self.total_bytes > 15 << 30) {
            (false, _) => 400.0,
            (true, false) => 600.0,
            (true, true) => 700.0,
        };
        (0.8 * 1024.0 + others) * MB
    }

    fn kind(&self) -> Gpu {
        self.gpu.unwrap_or(Gpu::ASSUMED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(name: &str) -> Card {
        Card { gpu: Gpu::of_name(name), total_bytes: 12 << 30, on_cpu: false }
    }

    #[test]
    fn names_of_architectures_and_capabilities() {
        for (name, same) in [("Ampere", "8.6"), ("sm_89", "ada"), ("sm120", "blackwell"), ("7.5", "turing")] {
            assert!(Gpu::of_name(name).is_some());
            assert_eq!(Gpu::of_name(name), Gpu::of_name(same), "{name}");
        }
        for name in ["", "rtx", "sm", "sm_", "8", "8.", "8.x", "+8.6", "gfx", "gfxzz", "99999999999.0"] {
            assert_eq!(Gpu::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn what_cards_compute_in() {
        let told = |name: &str| {
            let card = card(name);
            (card.has_fp16(), card.has_bf16(), card.has_fp8())
        };
        assert_eq!(told("maxwell"), (false, false, false));
        assert_eq!(told("turing"), (true, false, false));
        assert_eq!(told("gtx16"), (false, false, false));
        assert_eq!(told("8.0"), (true, true, false));
        assert_eq!(told("ada"), (true, true, true));
        assert_eq!(told("blackwell"), (true, true, true));
        assert_eq!(told("gfx1030"), (true, false, false));
        assert_eq!(told("gfx1100"), (true, true, false));
        assert_eq!(told("gfx1201"), (true, true, true));
        assert_eq!(Card::default().has_fp8(), told("ampere").2);
    }

    #[test]
    fn older_cards_keep_16_bits_where_32_have_no_room() {
        let (many, few) = (14_000_000_000, 1_000_000_000);
        assert!(card("gtx16").keeps_fp16(many) && !card("gtx16").keeps_fp16(few));
        assert!(card("turing").keeps_bf16(many) && !card("turing").keeps_bf16(few));
        assert!(card("pascal").keeps_fp16(few) && !card("maxwell").keeps_fp16(many));
        // 0.88 of 12 GiB, less 0.8 and 0.39 GiB; on Windows 0.59 GiB.
        let most = if cfg!(windows) { 9_850_000_000 } else { 10_060_000_000 };
        assert!(card("ampere").holds(most - 50_000_000, 1) && !card("ampere").holds(most + 50_000_000, 1));
    }

    #[test]
    fn nvidia_smi_names_the_cards_whose_fp16_is_broken() {
        assert_eq!(Gpu::of_nvidia("7.5", "NVIDIA GeForce GTX 1660 Ti"), Gpu::of_name("gtx16"));
        assert_eq!(Gpu::of_nvidia("7.5", "NVIDIA GeForce RTX 2080"), Gpu::of_name("turing"));
        assert_eq!(Gpu::of_nvidia("[N/A]", ""), None);
    }
}
