//! Placeholder until the machine is merged.

#![allow(missing_docs, reason = "a placeholder")]

#[derive(Debug, Clone)]
pub struct Machine {
    pub gpus: Result<Vec<Card>, String>,
    pub ram_bytes: Option<u64>,
    pub free_ram_bytes: Option<u64>,
    pub os: String,
    pub is_wsl: bool,
}

#[derive(Debug, Clone)]
pub struct Card {
    pub index: u32,
    pub uuid: String,
    pub pci_bus: String,
    pub name: String,
    pub total_bytes: u64,
    pub free_bytes: u64,
}
