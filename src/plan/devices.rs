//! The machine: as the user describes it, as `nvidia-smi` reports it, or as the allocation strings suggest.

use std::env;

use anyhow::{Result, anyhow, bail};

use super::card::{Card, Gpu};
use crate::advice::Advise as _;
use crate::allocator::{AllocationString, Device, Machine, Request, gigabytes};
use crate::machine;

/// The main memory that is assumed if it is unknown.
const ASSUMED_RAM_BYTES: u64 = 64 << 30;

/// A machine, and how sure it is.
#[derive(Debug, Clone)]
pub struct Devices {
    /// The devices, main memory first as in the node's list.
    pub machine: Machine,
    /// Was the main memory given? If not, there is no verdict on whether it is enough.
    pub ram_known: bool,
    /// Is there a GPU whose memory is only assumed to be as large as its quota?
    pub assumed: bool,
    /// What is known of the kinds of the GPUs.
    pub gpus: Vec<(Device, Gpu)>,
    /// Where sizes come from, if they were not given.
    pub notes: Vec<String>,
}

/// A GPU that `nvidia-smi` reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The device, as the node numbers it.
    pub device: Device,
    /// Its memory.
    pub total_bytes: u64,
    /// Its kind; `None` with drivers that do not report its compute capability.
    pub gpu: Option<Gpu>,
}

impl Devices {
    /// The card that computes; `gpu` is its kind if the user named it.
    pub fn card(&self, compute: &Device, gpu: Option<Gpu>) -> Card {
        let known = || self.gpus.iter().find(|(device, _)| device == compute || compute.is_cpu()).map(|&(_, gpu)| gpu);
        Card {
            gpu: gpu.or_else(|| Gpu::of_device(compute)).or_else(known),
            total_bytes: self.machine.total_bytes(compute).unwrap_or(0),
            on_cpu: compute.is_cpu(),
        }
    }
}

/// Puts a machine together. `found` is only called for its GPUs if none was given.
pub fn devices(
    given: &[(Device, u64)],
    ram_bytes: Option<u64>,
    strings: &[AllocationString],
    found: impl FnOnce() -> Vec<Found>,
) -> Result<Devices> {
    let mut notes = Vec::new();
    let mut gpus = given.to_vec();
    let mut kinds = Vec::new();
    if gpus.is_empty() {
        let found = found();
        let kind = |found: &Found| (found.total_bytes, found.gpu);
        let are_different = found.windows(2).any(|pair| kind(&pair[0]) != kind(&pair[1]));
        kinds.extend(found.iter().filter_map(|found| Some((found.device.clone(), found.gpu?))));
        gpus.extend(found.into_iter().map(|found| (found.device, found.total_bytes)));
        if !gpus.is_empty() {
            notes.push(format!("GPUs as nvidia-smi reports them: {}", listed(&gpus)));
        }
        if are_different {
            notes.push(String::from(
                "these GPUs differ, and CUDA numbers the fastest one 0: with CUDA_DEVICE_ORDER=PCI_BUS_ID, ComfyUI \
                 numbers them like this",
            ));
        }
    }
    let mut assumed = Vec::new();
    for string in strings {
        for device in string.devices().chain([string.compute_device()]) {
            let known = |list: &[(Device, u64)]| list.iter().any(|(known, _)| known == device);
            if device.is_cpu() || known(&gpus) || known(&assumed) {
                continue;
            }
            // A machine that was described is not added to.
            let quota = if given.is_empty() { largest_quota(strings, device) } else { None };
            match quota {
                Some(bytes) => assumed.push((device.clone(), bytes)),
                None => {
                    bail!(anyhow!("the memory of `{device}` is unknown").help(format!("pass --vram {device}=12gb")))
                }
            }
        }
    }
    if !assumed.is_empty() {
        let unknown = if gpus.is_empty() {
            "no GPU was given with --vram, and nvidia-smi reports none"
        } else {
            "nvidia-smi does not report every GPU of the string"
        };
        notes.push(format!("{unknown}: cards as large as their quotas are assumed, {}", listed(&assumed)));
    }
    let is_assumed = !assumed.is_empty();
    gpus.extend(assumed);
    if gpus.is_empty() {
        bail!(anyhow!("the GPUs of this machine are unknown").help("pass --vram cuda:0=12gb --vram cuda:1=16gb"));
    }
    if ram_bytes.is_none() {
        let assumed = gigabytes(ASSUMED_RAM_BYTES);
        notes.push(format!("the main memory is unknown: {assumed:.0} GB assumed; --ram 32gb sets it"));
    }
    let cpu = (Device::cpu(), ram_bytes.unwrap_or(ASSUMED_RAM_BYTES));
    let machine = Machine::new([cpu].into_iter().chain(gpus));
    Ok(Devices { machine, ram_known: ram_bytes.is_some(), assumed: is_assumed, gpus: kinds, notes })
}

/// The largest quota of a device in bytes; `None` if no string gives it one.
fn largest_quota(strings: &[AllocationString], device: &Device) -> Option<u64> {
    let quotas = strings.iter().filter_map(|string| match string.request() {
        Request::Byte(quotas) => Some(&quotas.listed),
        Request::Ratio(_) | Request::Fraction(_) | Request::VirtualVram(_) => None,
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a quota is at least 0, and `as` stops"
    )]
    let bytes = |quota: f64| quota as u64;
    quotas.flatten().filter(|quota| quota.device == *device).map(|quota| bytes(quota.bytes)).max().filter(|&b| b > 0)
}

/// A string that shares a model among GPUs by their memory, or between the only one and the main memory.
pub fn shares<'d>(gpus: impl IntoIterator<Item = (&'d Device, u64)>) -> Option<String> {
    let gpus: Vec<(&Device, f64)> = gpus.into_iter().map(|(device, bytes)| (device, gigabytes(bytes))).collect();
    let all_gb: f64 = gpus.iter().map(|(_, gb)| gb).sum();
    match &gpus[..] {
        [] => None,
        [(device, _)] => Some(format!("{device},50%;cpu,50%")),
        several => {
            let share = |(device, gb): &(&Device, f64)| format!("{device},{:.0}%", gb / all_gb * 100.0);
            Some(several.iter().map(share).collect::<Vec<_>>().join(";"))
        }
    }
}

fn listed(gpus: &[(Device, u64)]) -> String {
    let each = gpus.iter().map(|(device, bytes)| format!("{device} {:.2} GB", gigabytes(*bytes)));
    each.collect::<Vec<_>>().join(", ")
}

/// The GPUs of this machine, in CUDA's order if it is known; none if they are not known.
pub fn found() -> Vec<Found> {
    numbered(&machine::gpus().unwrap_or_default())
}

/// The same, of GPUs that were looked for already.
pub fn numbered(cards: &[machine::Card]) -> Vec<Found> {
    let order = env::var("CUDA_DEVICE_ORDER").ok();
    let numbered = machine::numbered(cards, order.as_deref(), None).unwrap_or_else(|_| cards.iter().collect());
    numbered.into_iter().map(Found::from).collect()
}

/// The main memory of this machine, if its GPUs are those of the plan. Who describes others describes another machine.
pub fn ram_beside(gpus: &[Found]) -> Option<u64> {
    if gpus.is_empty() { None } else { machine::memory().map(|memory| memory.total_bytes) }
}

impl From<&machine::Card> for Found {
    fn from(card: &machine::Card) -> Self {
        let capability = card.compute_capability.as_deref();
        Self {
            device: Device::from(&*format!("cuda:{}", card.index)),
            total_bytes: card.total_bytes,
            gpu: capability.and_then(|known| Gpu::of_nvidia(known, card.name.as_deref().unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice;

    fn strings(texts: &[&str]) -> Vec<AllocationString> {
        texts.iter().map(|text| AllocationString::parse(text).unwrap()).collect()
    }

    fn of(given: &[(&str, u64)], texts: &[&str], found: &[(&str, u64)]) -> Result<Devices> {
        let list =
            |list: &[(&str, u64)]| -> Vec<_> { list.iter().map(|&(name, gb)| (name.into(), gb << 30)).collect() };
        let found = list(found).into_iter().map(|(device, total_bytes)| Found { device, total_bytes, gpu: None });
        devices(&list(given), Some(32 << 30), &strings(texts), || found.collect())
    }

    fn told(devices: &Devices) -> Vec<(String, u64)> {
        devices.machine.listed().map(|(device, bytes)| (device.to_string(), bytes >> 30)).collect()
    }

    #[test]
    fn what_is_given_counts_before_what_is_found_and_that_before_what_is_assumed() {
        let row = |name: &str, gb| (name.to_owned(), gb);
        let cpu = row("cpu", 32);
        let text = ["cuda:0,10gb;cuda:1,6gb", "cuda:1,9gb"];
        let given = of(&[("cuda:0", 12), ("cuda:1", 16)], &text, &[("cuda:0", 99)]).unwrap();
        assert_eq!((told(&given), given.notes.len()), (vec![cpu.clone(), row("cuda:0", 12), row("cuda:1", 16)], 0));
        let found = of(&[], &text, &[("cuda:0", 8)]).unwrap();
        assert_eq!((told(&found), found.notes.len()), (vec![cpu.clone(), row("cuda:0", 8), row("cuda:1", 9)], 2));
        let assumed = of(&[], &text, &[]).unwrap();
        assert_eq!(told(&assumed), [cpu, row("cuda:0", 10), row("cuda:1", 9)]);
    }

    #[test]
    fn a_device_that_nothing_is_known_of_is_an_error_with_help() {
        for (given, text) in [(&[("cuda:0", 12)][..], "cuda:1,4gb"), (&[], "cuda:0,50%"), (&[], "#cuda:0;4.0;cpu")] {
            let error = of(given, &[text], &[]).unwrap_err();
            assert!(advice::help(&error)[0].starts_with("pass --vram cuda:"), "{error:?}");
        }
    }

    #[test]
    fn a_card_of_the_machine_is_a_device_of_the_node() {
        let cards = machine::parsed("0, 6144, NVIDIA GeForce GTX 1660, GPU-1, 0:1, 581.29, 0, 7.5\n1, 80\n");
        let found: Vec<Found> = cards.iter().map(Found::from).collect();
        let known = |device: &str, megabytes: u64, gpu: Option<Gpu>| Found {
            device: device.into(),
            total_bytes: megabytes << 20,
            gpu,
        };
        assert_eq!(found, [known("cuda:0", 6144, Gpu::of_name("gtx16")), known("cuda:1", 80, None)]);
    }
}
