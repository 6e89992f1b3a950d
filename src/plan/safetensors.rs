//! Reads the header of safetensors files, with the crate of that name, and the index of a model that is split.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use ::safetensors::tensor::Metadata;
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::file;
use super::tensor::{Storage, Tensor};

/// Bytes of the longest header: the limit of the format's own reader.
const MOST_HEADER_BYTES: u64 = 100_000_000;
/// Bytes of the longest index.
const MOST_INDEX_BYTES: u64 = 64 << 20;

/// Reads one file: its tensors in the order of their data.
pub fn read(path: &Path) -> Result<Vec<Tensor>> {
    let shown = path.display();
    let (file, file_bytes) = file::open(path)?;
    header(file, file_bytes).with_context(|| {
        format!("{shown}: cannot be read as safetensors\nhelp: it is damaged or incomplete: download it again")
    })
}

fn header(mut file: File, file_bytes: u64) -> Result<Vec<Tensor>> {
    let mut length = [0; 8];
    ensure!(file_bytes >= length.len() as u64, "it has {file_bytes} bytes");
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= MOST_HEADER_BYTES, "it claims a header of {length} bytes");
    let data_begin = length + 8;
    ensure!(data_begin <= file_bytes, "it ends in its header, at byte {file_bytes}");
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text)?;
    // Checks the offsets and the size of every tensor.
    let metadata: Metadata = serde_json::from_slice(&text).context("its header")?;
    let needed = data_begin.saturating_add(metadata.data_len() as u64);
    ensure!(needed == file_bytes, "it needs {needed} bytes and has {file_bytes}");
    let tensor = |name: String| {
        let info = metadata.info(&name).context("a tensor that its index lost")?;
        let shape = info.shape.iter().map(|&size| size as u64).collect();
        let too_large = format!("tensor `{name}` is too large");
        Tensor::new(name, shape, Storage::Torch(info.dtype)).context(too_large)
    };
    metadata.offset_keys().into_iter().map(tensor).collect()
}

/// `model.safetensors.index.json`: which tensor is in which file.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads a model whose index this is, and whose files stand beside or below it.
pub fn read_index(path: &Path) -> Result<Vec<Tensor>> {
    let shown = path.display();
    let index = index(path)
        .with_context(|| format!("{shown}: cannot be read as an index of safetensors\nhelp: download it again"))?;
    let files: BTreeSet<&String> = index.weight_map.values().collect();
    let mut tensors = Vec::new();
    for name in files {
        let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            is_below && !name.is_empty(),
            "{shown}: it names `{name}`, which is not beside it\nhelp: download it again"
        );
        let in_file = read(&path.with_file_name(name))?;
        tensors.extend(in_file.into_iter().filter(|tensor| index.weight_map.get(&tensor.name) == Some(name)));
    }
    ensure!(
        tensors.len() == index.weight_map.len(),
        "{shown}: {} of its {} tensors are not in the files that it names\nhelp: download the files again",
        index.weight_map.len() - tensors.len(),
        index.weight_map.len()
    );
    Ok(tensors)
}

fn index(path: &Path) -> Result<Index> {
    let (file, bytes) = file::open(path)?;
    ensure!(bytes <= MOST_INDEX_BYTES, "it has {bytes} bytes");
    let mut text = Vec::new();
    file.take(MOST_INDEX_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
