//! A tensor as a file's header describes it.

use safetensors::Dtype;

use super::ggml::GgmlType;

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
            // A block never continues in the next row.
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

    /// The type that torch has it in: bytes if torch does not know its type, as ComfyUI-GGUF keeps it then.
    pub fn torch_dtype(&self) -> Dtype {
        match self.storage {
            Storage::Torch(dtype) => dtype,
            Storage::Ggml(ggml) => match ggml.name {
                "F32" => Dtype::F32,
                "F16" => Dtype::F16,
                _ => Dtype::U8,
            },
        }
    }

    /// What torch's `numel()` gives: the number of bytes if torch does not know its type.
    pub fn torch_elements(&self) -> u64 {
        if self.is_opaque() { self.bytes } else { self.elements }
    }

    /// Does torch not know its type, so that ComfyUI-GGUF keeps its bytes?
    pub fn is_opaque(&self) -> bool {
        matches!(self.storage, Storage::Ggml(ggml) if ggml.is_opaque())
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
        assert_eq!((weight.torch_dtype(), weight.torch_elements()), (Dtype::U8, 58_060_800));
        let half = tensor(&[3, 5], Storage::Torch(Dtype::BF16)).unwrap();
        assert_eq!((half.bytes, half.torch_elements()), (30, 15));
        let eight = tensor(&[3, 5], Storage::Torch(Dtype::F8_E4M3)).unwrap();
        assert_eq!((eight.bytes, eight.torch_elements()), (15, 15));
        let full = tensor(&[], Storage::Ggml(GgmlType::of_id(0).unwrap())).unwrap();
        assert_eq!((full.bytes, full.torch_dtype(), full.torch_elements()), (4, Dtype::F32, 1));
    }

    #[test]
    fn rows_must_be_whole_blocks_and_sizes_must_fit() {
        let q4 = Storage::Ggml(GgmlType::of_name("Q4_0").unwrap());
        assert_eq!(tensor(&[32, 33], q4), None);
        assert_eq!(tensor(&[u64::MAX, 2], Storage::Torch(Dtype::F16)), None);
        assert_eq!(tensor(&[u64::MAX], Storage::Torch(Dtype::F32)), None);
    }
}
