//! Byte mode, first half: from quotas to the bytes of the model that each device gets.

use super::machine::{Device, DeviceMap};
use super::number::{MB, float_of};
use super::request::Quotas;

/// Who gets the bytes that no quota covers, if the allocation string has no wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// `cpu`, as if `cpu,*` had been written: the node as shipped.
    CpuFallback,
    /// The GPUs with quotas, in proportion to the bytes they got: the repaired node.
    #[default]
    GpuOnly,
}

/// Bytes of the model on one device.
///
/// A float, because quotas are (`1.3gb` is not a whole number of bytes) and so is everything computed from them. It
/// holds whole numbers of bytes exactly up to 2^53 (8 PiB).
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The device. Each has at most one share.
    pub device: Device,
    /// More than 0.
    pub bytes: f64,
}

/// Where the bytes went that no quota covers.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Remainder {
    /// There were none, or the mode has no quotas.
    #[default]
    None,
    /// A wildcard got them, by name or by [`Policy::CpuFallback`].
    Wildcard {
        /// The wildcard.
        device: Device,
        /// How many bytes; a float as in [`Share`].
        bytes: f64,
    },
    /// GPUs got them in proportion to their quotas.
    Shared {
        /// How many bytes; a float as in [`Share`].
        bytes: f64,
        /// Across how many GPUs.
        gpus: usize,
    },
    /// No GPU had a quota. The bytes do not appear in the fraction string, and their blocks stay on the compute device.
    Unassigned {
        /// How many bytes; a float as in [`Share`].
        bytes: f64,
    },
}

/// Text that occurs in the log line about a shared remainder, and in no other.
pub const SHARED: &str = "GPU-ONLY MODE: Distributed";

impl Remainder {
    /// The log line that the repair writes when it shares the remainder; `None` if nothing was shared.
    pub fn log_line(&self) -> Option<String> {
        let Self::Shared { bytes, gpus } = self else { return None };
        let megabytes = bytes / MB;
        Some(format!(
            "[MultiGPU DisTorch V2] {SHARED} remaining {megabytes:.2} MB across {gpus} GPUs (no CPU fallback)."
        ))
    }
}

/// Shares a model of `total_bytes` by quotas. The shares are in the order in which devices first got bytes, which is
/// the order of the fraction string.
///
/// Quotas are served in order until the model is used up. What is left is the remainder. Under [`Policy::GpuOnly`] and
/// without a wildcard, a GPU with the amount `a` gets `a + remainder * a / total`, `total` being the amounts of all
/// GPUs: the repair in `patches/gpu-only.py`.
///
/// The shares add up to the model, with two exceptions. A remainder can be [unassigned](Remainder::Unassigned). And
/// where a device has several quotas, each takes its bytes from the model, but only the last is the device's share: the
/// bytes of the others are lost.
pub fn share(total_bytes: u64, quotas: &Quotas, policy: Policy) -> (Vec<Share>, Remainder) {
    let mut remaining = float_of(total_bytes);
    let mut shares = DeviceMap::default();
    for quota in &quotas.listed {
        let amount = quota.bytes.min(remaining);
        if amount > 0.0 {
            shares.set(quota.device.clone(), amount);
            remaining -= amount;
        }
        if remaining <= 0.0 {
            break;
        }
    }
    let fallback = match policy {
        Policy::CpuFallback => Some(Device::cpu()),
        Policy::GpuOnly => None,
    };
    let remainder = if remaining <= 0.0 {
        Remainder::None
    } else if let Some(device) = quotas.wildcard.clone().or(fallback) {
        let amount = shares.get(&device).copied().unwrap_or(0.0);
        shares.set(device.clone(), amount + remaining);
        Remainder::Wildcard { device, bytes: remaining }
    } else {
        share_among_gpus(remaining, &mut shares)
    };
    let shares = shares.into_entries().into_iter().map(|(device, bytes)| Share { device, bytes }).collect();
    (shares, remainder)
}

fn share_among_gpus(remaining: f64, shares: &mut DeviceMap<f64>) -> Remainder {
    let gpus: Vec<(Device, f64)> = shares
        .iter()
        .filter(|(device, _)| !device.is_cpu())
        .map(|(device, &amount)| (device.clone(), amount))
        .collect();
    if gpus.is_empty() {
        return Remainder::Unassigned { bytes: remaining };
    }
    let total: f64 = gpus.iter().map(|(_, amount)| amount).sum();
    let count = gpus.len();
    for (device, amount) in gpus {
        shares.set(device, amount + remaining * amount / total);
    }
    Remainder::Shared { bytes: remaining, gpus: count }
}

#[cfg(test)]
mod tests {
    use super::super::number::GB;
    use super::super::request::Quota;
    use super::*;

    /// Shares, in gigabytes, of a model of this many gigabytes.
    fn shares(
        model: u64,
        listed: &[(&str, f64)],
        wildcard: Option<&str>,
        policy: Policy,
    ) -> (Vec<(String, f64)>, Remainder) {
        let listed = listed.iter().map(|&(device, gb)| Quota { device: device.into(), bytes: gb * GB }).collect();
        let quotas = Quotas { listed, wildcard: wildcard.map(Device::from) };
        let (shares, remainder) = share(model << 30, &quotas, policy);
        (shares.into_iter().map(|share| (share.device.to_string(), share.bytes / GB)).collect(), remainder)
    }

    fn row(device: &str, gb: f64) -> (String, f64) {
        (device.to_owned(), gb)
    }

    const TWO: [(&str, f64); 2] = [("cuda:0", 4.0), ("cuda:1", 12.0)];

    #[test]
    fn without_a_wildcard_the_policy_decides() {
        let spill = Remainder::Wildcard { device: Device::cpu(), bytes: 8.0 * GB };
        let expected = vec![row("cuda:0", 4.0), row("cuda:1", 12.0), row("cpu", 8.0)];
        assert_eq!(shares(24, &TWO, None, Policy::CpuFallback), (expected, spill));
        let expected = vec![row("cuda:0", 6.0), row("cuda:1", 18.0)];
        assert_eq!(shares(24, &TWO, None, Policy::GpuOnly), (expected, Remainder::Shared { bytes: 8.0 * GB, gpus: 2 }));
    }

    #[test]
    fn a_wildcard_is_honoured_under_either_policy() {
        for policy in [Policy::CpuFallback, Policy::GpuOnly] {
            let spill = Remainder::Wildcard { device: "cuda:0".into(), bytes: 8.0 * GB };
            let expected = vec![row("cuda:0", 12.0), row("cuda:1", 12.0)];
            assert_eq!(shares(24, &TWO, Some("cuda:0"), policy), (expected, spill));
        }
    }

    #[test]
    fn a_model_that_fits_leaves_later_devices_empty() {
        for policy in [Policy::CpuFallback, Policy::GpuOnly] {
            assert_eq!(shares(3, &TWO, Some("cpu"), policy), (vec![row("cuda:0", 3.0)], Remainder::None));
            assert_eq!(shares(4, &TWO, None, policy), (vec![row("cuda:0", 4.0)], Remainder::None));
            assert_eq!(shares(0, &TWO, Some("cpu"), policy), (vec![], Remainder::None));
        }
    }

    #[test]
    fn cpu_and_empty_quotas_take_no_part_in_sharing() {
        let listed = [("cpu", 2.0), ("cuda:0", 0.0), ("xpu:0", 4.0)];
        let (shares, remainder) = shares(10, &listed, None, Policy::GpuOnly);
        assert_eq!(shares, [row("cpu", 2.0), row("xpu:0", 8.0)]);
        assert_eq!(remainder, Remainder::Shared { bytes: 4.0 * GB, gpus: 1 });
    }

    #[test]
    fn without_a_gpu_nothing_is_shared() {
        let (shares, remainder) = shares(10, &[("cpu", 2.0)], None, Policy::GpuOnly);
        assert_eq!((shares, remainder), (vec![row("cpu", 2.0)], Remainder::Unassigned { bytes: 8.0 * GB }));
    }

    #[test]
    fn of_repeated_quotas_the_last_counts_and_all_take() {
        let listed = [("cuda:0", 5.0), ("cuda:1", 1.0), ("cuda:0", 3.0)];
        let (shares, _) = shares(10, &listed, Some("cpu"), Policy::GpuOnly);
        assert_eq!(shares, [row("cuda:0", 3.0), row("cuda:1", 1.0), row("cpu", 1.0)]);
    }
}
