//! Fractions: every mode ends in parts of each device's own memory, with four decimals, written as one string.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::bytes::Share;
use super::error::AllocationError;
use super::machine::{Device, DeviceMap, Machine};
use super::number::{GB, float_of};
use super::request::{Fraction, Ratio, VirtualVram};

/// Fractions of byte mode: each share by its device's total bytes. Devices without memory are left out.
///
/// # Errors A share on a device that the machine does not have. A device that is named but got no bytes is not checked.
pub fn of_shares(shares: &[Share], machine: &Machine) -> Result<Vec<Fraction>, AllocationError> {
    by_memory(shares.iter().map(|share| (&share.device, share.bytes)), machine)
}

/// Fractions of ratio mode: a device gets `parts / total * total_bytes` of the model, `total` being the sum of all
/// parts. Devices without memory are left out.
///
/// # Errors
/// A device that the machine does not have.
pub fn of_ratios(total_bytes: u64, ratios: &[Ratio], machine: &Machine) -> Result<Vec<Fraction>, AllocationError> {
    // Added up one after the other, as Python did before 3.12; since then its sum() compensates for rounding. The two
    // can differ in the last bit for parts that are not whole, which shows in a fraction that lies exactly halfway.
    let total: f64 = ratios.iter().map(|ratio| ratio.parts).sum();
    let bytes = |ratio: &Ratio| (ratio.parts / total) * float_of(total_bytes);
    by_memory(ratios.iter().map(|ratio| (&ratio.device, bytes(ratio))), machine)
}

fn by_memory<'a>(
    amounts: impl Iterator<Item = (&'a Device, f64)>,
    machine: &Machine,
) -> Result<Vec<Fraction>, AllocationError> {
    let mut fractions = Vec::new();
    for (device, bytes) in amounts {
        let memory = memory_of(device, machine)?;
        if memory > 0.0 {
            fractions.push(rounded(device, bytes / memory)?);
        }
    }
    Ok(fractions)
}

/// Fractions of virtual VRAM mode: the donors give in order, none more than it has, until the gigabytes are reached.
/// The compute device gets the model minus the gigabytes asked for, even if the donors cannot give that much.
/// `weight_bytes` is the size of the model in this mode ([`Model::weight_bytes`](super::Model::weight_bytes)).
///
/// A donor named twice gives twice, and both of its fractions are those of the second time.
///
/// # Errors
/// A device that the machine does not have, or that has no memory.
pub fn of_virtual_vram(
    weight_bytes: u64,
    request: &VirtualVram,
    machine: &Machine,
) -> Result<Vec<Fraction>, AllocationError> {
    let gigabytes_of = |device: &Device| match memory_of(device, machine)? {
        memory if memory > 0.0 => Ok(memory / GB),
        _ => Err(AllocationError::NoMemory(device.clone())),
    };
    let recipient_gb = gigabytes_of(&request.recipient)?;
    let mut needed_gb = request.gigabytes;
    let mut gifts = DeviceMap::default();
    for donor in &request.donors {
        let donor_gb = gigabytes_of(donor)?;
        let gift_gb = needed_gb.min(donor_gb);
        needed_gb -= gift_gb;
        gifts.set(donor.clone(), gift_gb / donor_gb);
    }
    let left_gb = (float_of(weight_bytes) / GB - request.gigabytes).max(0.0);
    let mut fractions = vec![rounded(&request.recipient, left_gb / recipient_gb)?];
    for donor in &request.donors {
        fractions.push(rounded(donor, gifts.get(donor).copied().unwrap_or(0.0))?);
    }
    Ok(fractions)
}

/// `device,fraction` parts with four decimals, joined by semicolons: what the node's functions for byte, ratio and
/// virtual VRAM mode return.
pub fn fraction_string(fractions: &[Fraction]) -> String {
    let mut text = String::new();
    for Fraction { device, value } in fractions {
        let separator = if text.is_empty() { "" } else { ";" };
        let _ = write!(text, "{separator}{device},{value:.4}"); // a String takes everything
    }
    text
}

/// Appends a fraction of 0 for every listed device that has none. In fraction mode the text so far is what the user
/// wrote.
pub(super) fn complete(text: &mut String, fractions: &mut Vec<Fraction>, machine: &Machine) {
    let present: HashSet<Device> = fractions.iter().map(|fraction| fraction.device.clone()).collect();
    for (device, _) in machine.listed().filter(|&(device, _)| !present.contains(device)) {
        let _ = write!(text, ";{device},0.0"); // a String takes everything
        fractions.push(Fraction { device: device.clone(), value: 0.0 });
    }
}

/// The fraction as the node reads it back from its four decimals.
///
/// Rust rounds as Python does: the exact value of the float to the nearest decimal, halfway to even. Writing the result
/// with four decimals again gives the same digits.
fn rounded(device: &Device, value: f64) -> Result<Fraction, AllocationError> {
    let value = format!("{value:.4}").parse().unwrap_or(f64::NAN);
    if !value.is_finite() {
        return Err(AllocationError::NotFinite(device.clone()));
    }
    Ok(Fraction { device: device.clone(), value })
}

fn memory_of(device: &Device, machine: &Machine) -> Result<f64, AllocationError> {
    machine.total_bytes(device).map(float_of).ok_or_else(|| AllocationError::UnknownDevice(device.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine::new([("cpu", 64 << 30), ("cuda:0", 12 << 30), ("cuda:1", 16 << 30)]).with_unlisted("none", 0)
    }

    #[test]
    fn four_decimals_are_rounded_as_python_rounds() {
        // The first four lie exactly halfway.
        for (value, text) in [
            (0.031_25, "0.0312"),
            (0.093_75, "0.0938"),
            (-0.031_25, "-0.0312"),
            (3.156_25, "3.1562"),
            (0.000_05, "0.0001"),
            (0.000_15, "0.0001"),
            (-1e-9, "-0.0000"),
            (1e22, "10000000000000000000000.0000"),
        ] {
            let fraction = rounded(&Device::cpu(), value).unwrap();
            assert_eq!(fraction_string(&[fraction]), format!("cpu,{text}"));
        }
    }

    #[test]
    fn a_share_is_measured_by_its_device() {
        let share = |device: &str, gb: f64| Share { device: device.into(), bytes: gb * GB };
        let shares = [share("cuda:1", 4.0), share("none", 1.0), share("cpu", 2.0)];
        assert_eq!(fraction_string(&of_shares(&shares, &machine()).unwrap()), "cuda:1,0.2500;cpu,0.0312");
        let unknown = of_shares(&[share("cuda:7", 1.0)], &machine());
        assert_eq!(unknown, Err(AllocationError::UnknownDevice("cuda:7".into())));
    }

    #[test]
    fn ratios_need_not_add_up_to_a_hundred() {
        let ratios = [("cuda:0", 1.0), ("cpu", 3.0)].map(|(device, parts)| Ratio { device: device.into(), parts });
        let fractions = of_ratios(12 << 30, &ratios, &machine()).unwrap();
        assert_eq!(fraction_string(&fractions), "cuda:0,0.2500;cpu,0.1406");
    }

    #[test]
    fn donors_give_in_their_order() {
        let request = |gigabytes, donors: &[&str]| VirtualVram {
            recipient: "cuda:0".into(),
            gigabytes,
            donors: donors.iter().map(|&donor| donor.into()).collect(),
        };
        let string = |request| of_virtual_vram(24 << 30, &request, &machine()).map(|f| fraction_string(&f));
        assert_eq!(string(request(20.0, &["cuda:1", "cpu"])).unwrap(), "cuda:0,0.3333;cuda:1,1.0000;cpu,0.0625");
        assert_eq!(string(request(30.0, &["cuda:1"])).unwrap(), "cuda:0,0.0000;cuda:1,1.0000");
        assert_eq!(string(request(20.0, &["cuda:1", "cuda:1"])).unwrap(), "cuda:0,0.3333;cuda:1,0.2500;cuda:1,0.2500");
        assert_eq!(string(request(1.0, &["none"])), Err(AllocationError::NoMemory("none".into())));
        let small = Machine::new([("cpu", 1)]);
        let request = VirtualVram { recipient: Device::cpu(), gigabytes: -1e308, donors: vec![Device::cpu()] };
        let error = AllocationError::NotFinite(Device::cpu());
        assert_eq!(of_virtual_vram(24 << 30, &request, &small), Err(error));
    }

    #[test]
    fn listed_devices_are_completed() {
        let mut fractions = vec![Fraction { device: "cuda:0".into(), value: 0.5 }];
        let mut text = "cuda:0,.5".to_owned();
        complete(&mut text, &mut fractions, &machine());
        assert_eq!(text, "cuda:0,.5;cpu,0.0;cuda:1,0.0");
        assert_eq!(fractions.len(), 3);
    }
}
