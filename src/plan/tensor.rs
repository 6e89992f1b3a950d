//! A tensor as a file's header tells it.

use safetensors::Dtype;

use super::ggml::GgmlType;

/// Bytes of a number in the 16 bits that models compute in.
pub(super) const CAST_BYTES: u64 = 2;

/// How a tensor is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In a GGUF file.
    Ggml(&'static GgmlType),
    /// In a safetensors file.
    Torch(Dtype),
}

/// A named tensor, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its full name, such as `blocks.0.ffn.2.weight`.
    pub name: String,
    /// Its shape as torch has it: rows before columns.
    pub shape: Vec<u64>,
    /// How it is stored.
    pub storage: Storage,
    /// How many numbers it has.
    pub elements: u64,
    /// How many bytes they take.
    pub bytes: u64,
}

impl Tensor {
    /// A tensor of this shape; `None` if its bytes are not a whole number that fits into a `u64`.
    pub fn new(name: String, shape: Vec<u64>, storage: Storage) -> Option<Self> {
        let elements = shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size))?;
        let bytes = match storage {
            // A block never goes on in the next row.
            Storage::Ggml(ggml) if !shape.last().unwrap_or(&1).is_multiple_of(ggml.block_elements) => return None,
            Storage::Ggml(ggml) => ggml.bytes(elements)?,
            Storage::Torch(dtype) => elements.checked_mul(dtype.bitsize() as u64)?.div_ceil(8),
        };
        Some(Self { name, shape, storage, elements, bytes })
    }

    /// The same tensor stored in another way; `None` as for [`Tensor::new`].
    pub fn stored(&self, storage: Storage) -> Option<Self> {
        Self::new(self.name.clone(), self.shape.clone(), storage)
    }

    /// Bytes that casting it to the 16 bits of the computation costs: `numel() * 2` where its type is another one, as
    /// ComfyUI's `_load_list()` adds to `module_offload_mem`. What ComfyUI-GGUF keeps as bytes has one element per
    /// byte, so its cost is twice its bytes.
    pub fn cast_bytes(&self) -> u64 {
        let elements = match self.storage {
            Storage::Ggml(ggml) if ggml.is_opaque() => self.bytes,
            Storage::Ggml(ggml) if ggml.name == "F16" => 0,
            Storage::Torch(Dtype::F16 | Dtype::BF16) => 0,
            Storage::Ggml(_) | Storage::Torch(_) => self.elements,
        };
        elements.saturating_mul(CAST_BYTES)
    }

    /// Its module and its name there: `blocks.0.ffn.2` and `weight`.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.name.rsplit_once('.').unwrap_or(("", &self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[u64], storage: Storage) -> Option<Tensor> {
        Tensor::new("w".to_owned(), shape.to_vec(), storage)
    }

    #[test]
    fn sizes_are_exact() {
        let q6 = Storage::Ggml(GgmlType::of_name("q6_k").unwrap());
        let weight = tensor(&[5120, 13824], q6).unwrap();
        assert_eq!((weight.elements, weight.bytes), (70_778_880, 58_060_800));
        assert_eq!(weight.cast_bytes(), 2 * 58_060_800);
        let half = tensor(&[3, 5], Storage::Torch(Dtype::BF16)).unwrap();
        assert_eq!((half.bytes, half.cast_bytes()), (30, 0));
        let eight = tensor(&[3, 5], Storage::Torch(Dtype::F8_E4M3)).unwrap();
        assert_eq!((eight.bytes, eight.cast_bytes()), (15, 30));
        let full = tensor(&[], Storage::Ggml(GgmlType::of_id(0).unwrap())).unwrap();
        assert_eq!((full.bytes, full.cast_bytes()), (4, 2));
    }

    #[test]
    fn rows_must_be_whole_blocks_and_sizes_must_fit() {
        let q4 = Storage::Ggml(GgmlType::of_name("Q4_0").unwrap());
        assert_eq!(tensor(&[32, 33], q4), None);
        assert_eq!(tensor(&[u64::MAX, 2], Storage::Torch(Dtype::F16)), None);
        assert_eq!(tensor(&[u64::MAX], Storage::Torch(Dtype::F32)), None);
    }
}
