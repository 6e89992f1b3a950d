//! The folders of node packs.

use std::fs;
use std::path::PathBuf;

use crate::doctor::{Known, Pack};

/// The most packs that are listed.
const MOST_PACKS: usize = 5_000;

/// The packs in these folders, by name.
pub(super) fn packs(custom_nodes: &[PathBuf]) -> Known<Vec<Pack>> {
    let mut packs = Vec::new();
    let mut errors = Vec::new();
    for folder in custom_nodes {
        match fs::read_dir(folder) {
            Ok(entries) => packs.extend(entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                Pack { is_disabled: name.to_ascii_lowercase().ends_with(".disabled"), path: entry.path(), name }
            })),
            Err(error) => errors.push(format!("cannot list {}: {error}", folder.display())),
        }
    }
    packs.retain(|pack| !pack.name.starts_with('.') && pack.name != "__pycache__");
    packs.sort_by(|a, b| a.name.cmp(&b.name));
    packs.truncate(MOST_PACKS);
    match errors.into_iter().next() {
        Some(error) if packs.is_empty() => Known::Unknown(error),
        _ => Known::Is(packs),
    }
}
