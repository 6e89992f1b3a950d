//! Devices that the machine does not have.

use std::ops::Range;

use super::context::{Gpus, site, text};
use super::{Check, Context, Finding, Level, ValueRef};
use crate::allocator::{Device, Logged, parts};
use crate::lint;
use crate::text::listed;

pub(super) const CHECK: Check = Check {
    id: "device",
    level: Level::Error,
    title: "A device is not there",
    about: "A loader node names a device that this machine does not have, or that torch does not know. ComfyUI refuses a \
            workflow whose node is set to such a device. In an allocation string, the node stops when it comes to it.",
    help: "Choose a device of this machine. ComfyUI may see fewer than there are: CUDA_VISIBLE_DEVICES and `--cuda-device` \
           hide the others, and newer versions for Windows show only one unless started with `--cuda-device all`.",
    find,
};

fn find(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for loader in context.in_place() {
        for part in &loader.class.parts {
            for widget in [Some(part.device), part.donor].into_iter().flatten() {
                let Some(name) = text(loader, widget) else { continue };
                let input = &loader.class.widgets[widget].name;
                let value = ValueRef { site: site(loader, widget), text: name.to_owned(), part: 0..name.len() };
                findings
                    .extend(named(context, name, &format!("`{input}`"), value).map(|found| found.at(loader, context)));
            }
            let Some(widget) = part.string else { continue };
            let Some(string) = text(loader, widget) else { continue };
            let mut seen: Vec<&str> = Vec::new();
            for span in devices(string) {
                let name = &string[span.clone()];
                // What torch does not know is a finding about the string.
                if seen.contains(&name) || !lint::device::is_known(name) {
                    continue;
                }
                seen.push(name);
                let value = ValueRef { site: site(loader, widget), text: string.to_owned(), part: span };
                findings.extend(named(context, name, "the string", value).map(|found| found.at(loader, context)));
            }
        }
    }
    findings
}

/// The devices of the parts of a string that have an amount.
fn devices(string: &str) -> Vec<Range<usize>> {
    let expert = Logged::of(string).expert;
    parts(expert).filter(|part| part.amount.is_some()).map(|part| part.device).collect()
}

fn named(context: &Context<'_>, name: &str, whose: &str, value: ValueRef) -> Option<Finding> {
    let device = Device::from(name);
    if device.is_cpu() || name.is_empty() {
        return None;
    }
    let known = match &context.known.gpus {
        Gpus::Unknown => &[][..],
        Gpus::OfKind(_, devices) | Gpus::All(devices) => devices,
    };
    if known.contains(&device) {
        return None;
    }
    let message = if !lint::device::is_known(name) {
        format!("{whose} names `{name}`, and torch knows no such device")
    } else if context.known.gpus.lacks(&device) {
        let has = if known.is_empty() { String::from("no GPU") } else { listed(known) };
        format!("{whose} names `{name}`, and this machine has {has}")
    } else {
        return None;
    };
    Some(Finding { value: Some(value), ..CHECK.finding(message) })
}

impl Gpus {
    /// Is it known that there is no such device? `cuda` is the first of its kind.
    fn lacks(&self, device: &Device) -> bool {
        let kind = |device: &Device| device.as_str().split(':').next().unwrap_or_default().to_owned();
        let (devices, is_of_kind) = match self {
            Self::Unknown => return false,
            Self::OfKind(of, devices) => (devices, kind(device) == *of),
            Self::All(devices) => (devices, true),
        };
        let first = Device::from(&*format!("{device}:0"));
        is_of_kind && !devices.contains(device) && !devices.contains(&first)
    }
}
