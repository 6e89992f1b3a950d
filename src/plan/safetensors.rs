//! Reads the header of safetensors files, with the crate of that name, and the index of a model that is split.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use ::safetensors::tensor::Metadata;
use anyhow::{Context as _, Result, anyhow, ensure};
use serde::Deserialize;

use super::file;
use super::tensor::{Storage, Tensor};
use crate::advice::Advise as _;

/// Bytes of the longest header: the limit of the format's own reader.
const MOST_HEADER_BYTES: u64 = 100_000_000;
/// Bytes of the longest index.
const MOST_INDEX_BYTES: u64 = 64 << 20;

/// What a header says.
#[derive(Debug, Default)]
pub struct Header {
    /// The tensors in the order of their data.
    pub tensors: Vec<Tensor>,
    /// The layers that its metadata calls quantised.
    pub quantised: Vec<Quantisation>,
}

/// A layer that the metadata of a file calls quantised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantisation {
    /// Its name.
    pub layer: String,
    /// Bytes of the JSON in which ComfyUI writes how.
    pub json_bytes: u64,
}

/// Reads one file.
pub fn read(path: &Path) -> Result<Header> {
    let shown = path.display();
    let (file, file_bytes) = file::open(path)?;
    header(file, file_bytes)
        .with_context(|| format!("{shown}: cannot be read as safetensors"))
        .help("it is damaged or incomplete: download it again")
}

fn header(mut file: File, file_bytes: u64) -> Result<Header> {
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
    let tensors = metadata.offset_keys().into_iter().map(tensor).collect::<Result<_>>()?;
    Ok(Header { tensors, quantised: quantised(&metadata)? })
}

/// `_quantization_metadata`: which layers are quantised, and how.
fn quantised(metadata: &Metadata) -> Result<Vec<Quantisation>> {
    #[derive(Deserialize)]
    struct Layers {
        layers: BTreeMap<String, Layer>,
    }
    #[derive(Deserialize)]
    struct Layer {
        #[serde(default)]
        format: String,
        #[serde(default)]
        full_precision_matrix_mult: bool,
    }
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get("_quantization_metadata"));
    let Some(text) = text else { return Ok(Vec::new()) };
    let layers: Layers = serde_json::from_str(text).context("its `_quantization_metadata`")?;
    let each = layers.layers.into_iter().map(|(layer, how)| {
        let full = if how.full_precision_matrix_mult { ", \"full_precision_matrix_mult\": true" } else { "" };
        let json = format!("{{\"format\": \"{}\"{full}}}", how.format);
        Quantisation { layer, json_bytes: json.len() as u64 }
    });
    Ok(each.collect())
}

/// `model.safetensors.index.json`: which tensor is in which file.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads a model by its index. Its files are next to the index or below it.
pub fn read_index(path: &Path) -> Result<Header> {
    let shown = path.display();
    let index = index(path)
        .with_context(|| format!("{shown}: cannot be read as an index of safetensors"))
        .help("download it again")?;
    let files: BTreeSet<&String> = index.weight_map.values().collect();
    let mut whole = Header::default();
    for name in files {
        let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            is_below && !name.is_empty(),
            anyhow!("{shown}: it names `{name}`, which is not next to it").help("download it again")
        );
        let in_file = read(&path.with_file_name(name))?;
        let listed = in_file.tensors.into_iter().filter(|tensor| index.weight_map.get(&tensor.name) == Some(name));
        whole.tensors.extend(listed);
        whole.quantised.extend(in_file.quantised);
    }
    let found = whole.tensors.len();
    ensure!(
        found == index.weight_map.len(),
        anyhow!(
            "{shown}: {} of its {} tensors are not in the files that it names",
            index.weight_map.len() - found,
            index.weight_map.len()
        )
        .help("download the files again")
    );
    Ok(whole)
}

fn index(path: &Path) -> Result<Index> {
    let (file, bytes) = file::open(path)?;
    ensure!(bytes <= MOST_INDEX_BYTES, "it has {bytes} bytes");
    let mut text = Vec::new();
    file.take(MOST_INDEX_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
