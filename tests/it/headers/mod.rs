//! Writes the headers of model files byte by byte, right ones and wrong ones.

use std::fs::File;
use std::path::Path;

/// A tensor to be written: its name, its shape with the innermost dimension first, its ggml type, and its bytes.
pub type Entry = (&'static str, Vec<u64>, u32, u64);

/// A GGUF file in the making.
#[derive(Clone)]
pub struct Gguf {
    pub version: u32,
    /// Keys, kinds and values, as bytes.
    pub values: Vec<(String, u32, Vec<u8>)>,
    pub tensors: Vec<(String, Vec<u64>, u32, u64)>,
    pub alignment: u64,
    /// What the header claims in place of the numbers of tensors and of values.
    pub claims: Option<(u64, u64)>,
}

impl Gguf {
    pub fn new(tensors: &[Entry]) -> Self {
        let tensors =
            tensors.iter().map(|(name, shape, kind, bytes)| ((*name).to_owned(), shape.clone(), *kind, *bytes));
        Self { version: 3, values: Vec::new(), tensors: tensors.collect(), alignment: 32, claims: None }
    }

    pub fn with_text(self, key: &str, text: &str) -> Self {
        self.with(key, 8, string(text))
    }

    pub fn with_u32(self, key: &str, value: u32) -> Self {
        self.with(key, 4, value.to_le_bytes().to_vec())
    }

    pub fn with(mut self, key: &str, kind: u32, value: Vec<u8>) -> Self {
        self.values.push((key.to_owned(), kind, value));
        self
    }

    /// The header with its padding, and the bytes of all weights behind it.
    pub fn header(&self) -> (Vec<u8>, u64) {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        let (tensors, values) = self.claims.unwrap_or((self.tensors.len() as u64, self.values.len() as u64));
        out.extend(tensors.to_le_bytes());
        out.extend(values.to_le_bytes());
        for (key, kind, value) in &self.values {
            out.extend(string(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        let mut offset = 0_u64;
        for (name, shape, kind, bytes) in &self.tensors {
            out.extend(string(name));
            out.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
            out.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += bytes.next_multiple_of(self.alignment);
        }
        let begin = (out.len() as u64).next_multiple_of(self.alignment);
        out.resize(usize::try_from(begin).unwrap(), 0);
        (out, offset)
    }

    /// Writes the file; its weights are a hole.
    pub fn write(&self, path: &Path) {
        let (header, data_bytes) = self.header();
        write_sparse(path, &header, header.len() as u64 + data_bytes);
    }
}

/// A text as GGUF has it: its length, and its bytes.
pub fn string(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u64).to_le_bytes().to_vec();
    out.extend(text.bytes());
    out
}

/// A safetensors file: the length of its header, its header, and weights that are a hole.
pub fn write_safetensors(path: &Path, tensors: &[(String, &str, Vec<u64>, u64)]) {
    let mut offset = 0;
    let mut header = serde_json::Map::new();
    for (name, dtype, shape, bytes) in tensors {
        let entry = serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [offset, offset + bytes] });
        header.insert(name.clone(), entry);
        offset += bytes;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header);
    write_sparse(path, &out, out.len() as u64 + offset);
}

pub fn write_sparse(path: &Path, header: &[u8], bytes: u64) {
    use std::io::Write as _;
    let mut file = File::create(path).unwrap();
    file.write_all(header).unwrap();
    file.set_len(bytes).unwrap();
}
