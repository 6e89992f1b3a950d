//! The devices of a machine, and tables with a value per device.

use std::collections::HashMap;
use std::fmt;

/// A device by the name that torch gives it: `cpu`, `cuda:0`, `xpu:1`, `mps`.
///
/// Devices sort as the node sorts its tables: by name, and `cpu` after all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Device(String);

impl Device {
    /// The main memory.
    pub fn cpu() -> Self {
        Self("cpu".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the main memory? Every other device is a GPU, whatever its name.
    pub fn is_cpu(&self) -> bool {
        self.0 == "cpu"
    }
}

impl From<&str> for Device {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Ord for Device {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.is_cpu(), &self.0).cmp(&(other.is_cpu(), &other.0))
    }
}

impl PartialOrd for Device {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The memory of every device of a machine, as `comfy.model_management.get_total_memory` reports it.
///
/// *Listed* devices are those of `get_device_list`, in its order: `cpu`, then `cuda:0` and up, then the other kinds.
/// Each appears in every allocation, even with nothing on it. An *unlisted* device, such as `cuda` without a number,
/// appears only if the allocation string names it.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    listed: DeviceMap<u64>,
    unlisted: DeviceMap<u64>,
}

impl Machine {
    /// A machine of these listed devices and their total bytes. Of a device given twice, the later bytes count.
    pub fn new<D: Into<Device>>(listed: impl IntoIterator<Item = (D, u64)>) -> Self {
        let mut machine = Self::default();
        for (device, total_bytes) in listed {
            machine.listed.set(device.into(), total_bytes);
        }
        machine
    }

    /// The same machine with one more, unlisted device.
    #[must_use]
    pub fn with_unlisted(mut self, device: impl Into<Device>, total_bytes: u64) -> Self {
        self.unlisted.set(device.into(), total_bytes);
        self
    }

    /// The listed devices in their order, with their total bytes.
    pub fn listed(&self) -> impl Iterator<Item = (&Device, u64)> {
        self.listed.iter().map(|(device, &total_bytes)| (device, total_bytes))
    }

    /// Total bytes of a device, listed or not; `None` for a device that the machine does not have.
    pub fn total_bytes(&self, device: &Device) -> Option<u64> {
        self.listed.get(device).or_else(|| self.unlisted.get(device)).copied()
    }
}

/// A value per device in the order in which devices were first set, as a Python dict keeps them. That is the order of
/// the fraction string, and the order in which floats are summed.
#[derive(Debug, Clone)]
pub(super) struct DeviceMap<V> {
    entries: Vec<(Device, V)>,
    index: HashMap<Device, usize>,
}

// A derived one would need a default of the value too.
impl<V> Default for DeviceMap<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashMap::new() }
    }
}

impl<V> DeviceMap<V> {
    /// Sets a device's value. A device set before keeps its place.
    pub(super) fn set(&mut self, device: Device, value: V) {
        if let Some(&at) = self.index.get(&device) {
            self.entries[at].1 = value;
        } else {
            self.index.insert(device.clone(), self.entries.len());
            self.entries.push((device, value));
        }
    }

    pub(super) fn get(&self, device: &Device) -> Option<&V> {
        self.index.get(device).map(|&at| &self.entries[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Device, &V)> {
        self.entries.iter().map(|(device, value)| (device, value))
    }

    pub(super) fn into_entries(self) -> Vec<(Device, V)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_sorts_last_and_numbers_sort_as_text() {
        let mut devices = ["cpu", "xpu:0", "cuda:2", "cuda:10", "a"].map(Device::from);
        devices.sort();
        assert_eq!(devices.map(|d| d.to_string()), ["a", "cuda:10", "cuda:2", "xpu:0", "cpu"]);
    }

    #[test]
    fn a_device_set_again_keeps_its_place() {
        let mut map = DeviceMap::default();
        for (name, value) in [("b", 1), ("a", 2), ("b", 3)] {
            map.set(name.into(), value);
        }
        assert_eq!(map.into_entries(), [("b".into(), 3), ("a".into(), 2)]);
    }

    #[test]
    fn only_cpu_is_cpu() {
        assert!(Device::cpu().is_cpu());
        for name in ["cuda:0", "mps", "CPU", "cpu:0", ""] {
            assert!(!Device::from(name).is_cpu(), "{name}");
        }
    }
}
