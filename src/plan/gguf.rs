//! Reads the header of GGUF files, versions 2 and 3: the tensors and the little else that a plan needs.
//!
//! Written for this project, because the crates that read GGUF allocate what a file claims before they check that it is
//! there, or read the whole file. Here no allocation trusts a count; strings are bounded by what is left of the file,
//! and the whole header by 256 MiB. The weights are never read.
//!
//! Source of the format: `docs/gguf.md` of ggml.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::file;
use super::ggml::GgmlType;
use super::tensor::{Storage, Tensor};
use crate::advice::Advise as _;

/// Bytes of the longest header that is read. A vocabulary of a million words makes some 30 MB.
const MOST_HEADER_BYTES: u64 = 256 << 20;
/// The most tensors that a file may have; models have some thousands.
const MOST_TENSORS: u64 = 100_000;
/// Bytes of the longest name or text that is kept.
const MOST_TEXT_BYTES: u64 = 64 << 10;
/// Dimensions of a tensor. Four in ggml; the patch embeddings of video models have five.
const MOST_DIMENSIONS: u32 = 8;
/// Arrays in arrays.
const MOST_NESTING: usize = 8;

/// What a file's header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gguf {
    /// `general.architecture`.
    pub architecture: Option<String>,
    /// The tensors in the order of the file, or of the files if it is split.
    pub tensors: Vec<Tensor>,
    /// Over how many files it is split; 1 if it is not.
    pub files: u64,
}

/// Is it a GGUF file, by its first bytes?
pub fn is_gguf(first: &[u8]) -> bool {
    first.starts_with(b"GGUF")
}

/// Reads a file and, if it is part of a split model, all the other parts, which must be in the same folder.
pub fn read(path: &Path) -> Result<Gguf> {
    let first = read_one(path)?;
    let Some(split) = first.split.filter(|split| split.count > 1) else {
        return Ok(Gguf { architecture: first.architecture, tensors: first.tensors, files: 1 });
    };
    let mut whole = Gguf { files: split.count, ..Gguf::default() };
    let mut names = HashSet::new();
    for number in 0..split.count {
        let part_path = sibling(path, split, number)?;
        let part = read_one(&part_path).context("a part of a split model")?;
        let is_part = part.split.is_some_and(|part| part.number == number && part.count == split.count);
        ensure!(
            is_part,
            anyhow!("{}: not part {} of {}", part_path.display(), number + 1, split.count)
                .help("download the parts again")
        );
        whole.architecture = whole.architecture.or(part.architecture);
        for tensor in part.tensors {
            ensure!(
                names.insert(tensor.name.clone()),
                anyhow!("{}: tensor `{}` is in another part too", part_path.display(), tensor.name)
                    .help("download the parts again")
            );
            whole.tensors.push(tensor);
        }
    }
    if let Some(claimed) = split.tensors {
        ensure!(
            whole.tensors.len() as u64 == claimed,
            anyhow!("{}: the parts have {} tensors, {claimed} were promised", path.display(), whole.tensors.len())
                .help("download the parts again")
        );
    }
    Ok(whole)
}

/// `split.no`, `split.count` and `split.tensors.count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Split {
    number: u64,
    count: u64,
    tensors: Option<u64>,
}

/// Where another part of a split model is: `name-00001-of-00003.gguf` and so on.
fn sibling(path: &Path, split: Split, number: u64) -> Result<PathBuf> {
    let part = |number: u64| format!("-{:05}-of-{:05}.gguf", number + 1, split.count);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(&part(split.number)) else {
        bail!(
            anyhow!(
                "{}: it is part {} of {}, but its name does not say so",
                path.display(),
                split.number + 1,
                split.count
            )
            .help(format!("rename it to `<model>{}`, and the other parts to match", part(split.number)))
        );
    };
    Ok(path.with_file_name(format!("{stem}{}", part(number))))
}

struct OneFile {
    architecture: Option<String>,
    split: Option<Split>,
    tensors: Vec<Tensor>,
}

fn read_one(path: &Path) -> Result<OneFile> {
    let shown = path.display();
    let (file, file_bytes) = file::open(path)?;
    let mut header = Header { reader: BufReader::new(file), at: 0, file_bytes };
    header
        .file()
        .with_context(|| format!("{shown}: cannot be read as GGUF"))
        .help("it is damaged or incomplete: download it again")
}

/// A file, read from its beginning to where the weights begin.
struct Header {
    reader: BufReader<File>,
    /// Bytes read so far.
    at: u64,
    file_bytes: u64,
}

impl Header {
    fn file(&mut self) -> Result<OneFile> {
        ensure!(is_gguf(&self.bytes::<4>()?), "it does not begin with `GGUF`");
        let version = self.u32()?;
        match version {
            2 | 3 => {}
            1 => bail!("version 1, which nothing reads any more"),
            _ if version.swap_bytes() <= 3 => bail!("written for a big-endian machine"),
            _ => bail!("version {version}; 2 and 3 are known"),
        }
        let tensor_count = self.u64()?;
        let entry_count = self.u64()?;
        ensure!(tensor_count <= MOST_TENSORS, "it claims {tensor_count} tensors, more than {MOST_TENSORS}");

        let mut entries = Entries::default();
        for _ in 0..entry_count {
            let key = self.text()?;
            let kind = self.u32()?;
            match key.as_str() {
                "general.architecture" if kind == TEXT => entries.architecture = Some(self.text()?),
                "general.alignment" => entries.alignment = Some(self.integer(&key, kind)?),
                "split.no" => entries.split_number = Some(self.integer(&key, kind)?),
                "split.count" => entries.split_count = Some(self.integer(&key, kind)?),
                "split.tensors.count" => entries.split_tensors = Some(self.integer(&key, kind)?),
                _ if key.starts_with(SHAPE) && kind == ARRAY => {
                    if let Some(shape) = self.shape().with_context(|| format!("`{key}`"))? {
                        entries.shapes.insert(key[SHAPE.len()..].to_owned(), shape);
                    }
                }
                _ => self.skip_value(kind, 0).with_context(|| format!("`{key}`"))?,
            }
        }
        let alignment = entries.alignment.unwrap_or(32);
        ensure!(alignment.is_power_of_two(), "an alignment of {alignment} is no power of two");

        let mut names = HashSet::new();
        let mut tensors = Vec::new();
        let mut places = Vec::new();
        for _ in 0..tensor_count {
            let (mut tensor, offset) = self.tensor()?;
            let own = entries.shapes.remove(&tensor.name);
            // Another number of weights would not be a shape of this tensor, and ComfyUI-GGUF fails on it.
            if let Some(shape) = own.filter(|shape| elements(shape) == Some(tensor.elements)) {
                tensor.shape = shape;
            }
            let name = &tensor.name;
            ensure!(names.insert(name.clone()), "tensor `{name}` is there twice");
            ensure!(
                offset.is_multiple_of(alignment),
                "tensor `{name}` begins at {offset}, not a multiple of {alignment}"
            );
            places.push((offset, tensor.bytes));
            tensors.push(tensor);
        }
        let data_begin =
            self.at.checked_next_multiple_of(alignment).context("its weights begin beyond the largest number")?;
        self.check_places(data_begin, places)?;
        let split = entries.split_count.map(|count| Split {
            number: entries.split_number.unwrap_or(0),
            count,
            tensors: entries.split_tensors,
        });
        ensure!(
            split.is_none_or(|split| split.count <= 99_999 && split.number < split.count.max(1)),
            "it claims to be part {:?} of {:?}",
            entries.split_number,
            entries.split_count
        );
        Ok(OneFile { architecture: entries.architecture, split, tensors })
    }

    /// The weights must be in the file, and no two tensors may share a byte.
    fn check_places(&self, data_begin: u64, mut places: Vec<(u64, u64)>) -> Result<()> {
        places.sort_unstable();
        let mut end = 0;
        for (offset, bytes) in places {
            ensure!(offset >= end, "two tensors claim byte {offset} of the weights");
            end = offset.checked_add(bytes).context("a tensor goes on beyond the largest number")?;
        }
        let needed = end.saturating_add(if end > 0 { data_begin } else { 0 });
        ensure!(needed <= self.file_bytes, "it needs {needed} bytes and has {}", self.file_bytes);
        Ok(())
    }

    /// One tensor, and where its weights begin, from the first of all weights.
    fn tensor(&mut self) -> Result<(Tensor, u64)> {
        let name = self.text()?;
        let dimensions = self.u32()?;
        ensure!(dimensions <= MOST_DIMENSIONS, "tensor `{name}` claims {dimensions} dimensions");
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(self.u64()?);
        }
        // ggml lists the innermost dimension first.
        shape.reverse();
        let id = self.u32()?;
        let offset = self.u64()?;
        let Some(ggml) = GgmlType::of_id(id) else { bail!("tensor `{name}` has the unknown type {id}") };
        let tensor = Tensor::new(name.clone(), shape.clone(), Storage::Ggml(ggml))
            .with_context(|| format!("tensor `{name}` of shape {shape:?} cannot be {}", ggml.name))?;
        Ok((tensor, offset))
    }

    fn integer(&mut self, key: &str, kind: u32) -> Result<u64> {
        Ok(match kind {
            0 | 7 => u64::from(self.bytes::<1>()?[0]),
            2 => u64::from(u16::from_le_bytes(self.bytes()?)),
            4 => u64::from(self.u32()?),
            5 => u64::try_from(i32::from_le_bytes(self.bytes()?)).with_context(|| format!("`{key}` is negative"))?,
            10 => self.u64()?,
            _ => bail!("`{key}` is no whole number"),
        })
    }

    /// The shape that a tensor had before it was folded into rows of whole blocks; `None` if it is no list of `INT32`.
    fn shape(&mut self) -> Result<Option<Vec<u64>>> {
        let (kind, count) = (self.u32()?, self.u64()?);
        if kind != INT32 || count > u64::from(MOST_DIMENSIONS) {
            let bytes = scalar_bytes(kind).context("an array that is no shape")?;
            self.skip(bytes.saturating_mul(count))?;
            return Ok(None);
        }
        // All of them are read, whatever the first says.
        let sizes = (0..count).map(|_| Ok(i32::from_le_bytes(self.bytes()?))).collect::<Result<Vec<_>>>()?;
        Ok(sizes.into_iter().map(|size| u64::try_from(size).ok()).collect())
    }

    fn skip_value(&mut self, kind: u32, depth: usize) -> Result<()> {
        match kind {
            TEXT => {
                let bytes = self.u64()?;
                self.skip(bytes)
            }
            ARRAY => {
                ensure!(depth < MOST_NESTING, "arrays in arrays, {depth} deep");
                let (kind, count) = (self.u32()?, self.u64()?);
                match scalar_bytes(kind) {
                    Some(bytes) => self.skip(bytes.saturating_mul(count)),
                    // Each takes some bytes, so a false count runs into the end of the file.
                    None => (0..count).try_for_each(|_| self.skip_value(kind, depth + 1)),
                }
            }
            _ => match scalar_bytes(kind) {
                Some(bytes) => self.skip(bytes),
                None => bail!("a value of the unknown kind {kind}"),
            },
        }
    }

    fn text(&mut self) -> Result<String> {
        let count = self.u64()?;
        ensure!(count <= MOST_TEXT_BYTES, "at byte {}: a name of {count} bytes", self.at);
        self.advance(count)?;
        // Bounded above, so little is allocated whatever the file says.
        let mut bytes = Vec::new();
        self.reader.by_ref().take(count).read_to_end(&mut bytes)?;
        String::from_utf8(bytes).ok().with_context(|| format!("a name before byte {} is not text", self.at))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> Result<()> {
        self.advance(count)?;
        self.reader.seek_relative(i64::try_from(count)?)?;
        Ok(())
    }

    /// Counts bytes that are about to be read; fails if they are not there.
    fn advance(&mut self, count: u64) -> Result<()> {
        let end = self.at.saturating_add(count);
        ensure!(end <= self.file_bytes, "it ends in its header, at byte {}", self.file_bytes);
        ensure!(end <= MOST_HEADER_BYTES, "its header is longer than {MOST_HEADER_BYTES} bytes");
        self.at = end;
        Ok(())
    }
}

/// The kinds of values that are not scalars.
const TEXT: u32 = 8;
const ARRAY: u32 = 9;
/// Signed numbers of 32 bits.
const INT32: u32 = 5;

/// What begins the key of a tensor's own shape, where ComfyUI-GGUF's converter has folded it (`get_orig_shape` in its
/// `loader.py`).
const SHAPE: &str = "comfy.gguf.orig_shape.";

fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))
}

/// Bytes of a value of a scalar kind.
fn scalar_bytes(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// The entries that are used.
#[derive(Default)]
struct Entries {
    architecture: Option<String>,
    alignment: Option<u64>,
    split_number: Option<u64>,
    split_count: Option<u64>,
    split_tensors: Option<u64>,
    /// The shapes that tensors had before they were folded, by their names.
    shapes: HashMap<String, Vec<u64>>,
}
