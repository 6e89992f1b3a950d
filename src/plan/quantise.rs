//! Quantisations by name: which tensor gets which type.
//!
//! `Q5_K_M` is not a type of ggml but a mixture: most weights as `Q5_K`, the ones that matter more as `Q6_K`. For image
//! and video models, the converter of ComfyUI-GGUF decides which (`tools/lcpp.patch`): the values of attention
//! (`….v.weight`) and the second half of each feed-forward (`….ffn.2.weight`).

use ::safetensors::Dtype;

use super::ggml::GgmlType;
use super::tensor::{Storage, Tensor};

/// A quantisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantisation {
    /// Its name, such as `Q5_K_S`.
    pub name: &'static str,
    most: Kind,
    /// How many of the first values of attention have a type of their own, and which.
    first_values: (usize, &'static str),
    /// The type of the other values of attention, if it is not that of most weights.
    values: Option<&'static str>,
    /// The type of the second half of each feed-forward, likewise.
    down: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A type of ggml for the large matrices, and 32 bits for the rest: a GGUF file.
    Ggml(&'static str),
    /// A type of torch for the large matrices, and 16 bits for the rest: a safetensors file.
    Torch(Dtype),
}

const fn mixture(
    name: &'static str,
    most: &'static str,
    values: Option<&'static str>,
    down: Option<&'static str>,
) -> Quantisation {
    Quantisation { name, most: Kind::Ggml(most), first_values: (0, most), values, down }
}

const fn torch(name: &'static str, dtype: Dtype) -> Quantisation {
    Quantisation { name, most: Kind::Torch(dtype), first_values: (0, ""), values: None, down: None }
}

/// Those that people publish, from the largest to the smallest.
pub const QUANTISATIONS: [Quantisation; 20] = [
    mixture("F32", "F32", None, None),
    mixture("BF16", "BF16", None, None),
    mixture("F16", "F16", None, None),
    torch("fp16", Dtype::F16),
    mixture("Q8_0", "Q8_0", None, None),
    torch("fp8", Dtype::F8_E4M3),
    mixture("Q6_K", "Q6_K", None, None),
    mixture("Q5_1", "Q5_1", None, None),
    mixture("Q5_K_M", "Q5_K", Some("Q6_K"), Some("Q6_K")),
    mixture("Q5_0", "Q5_0", None, Some("Q5_1")),
    mixture("Q5_K_S", "Q5_K", None, None),
    mixture("Q4_K_M", "Q4_K", Some("Q6_K"), Some("Q6_K")),
    mixture("Q4_1", "Q4_1", None, None),
    Quantisation { first_values: (4, "Q5_K"), ..mixture("Q4_K_S", "Q4_K", None, Some("Q5_K")) },
    mixture("Q4_0", "Q4_0", None, Some("Q4_1")),
    mixture("IQ4_XS", "IQ4_XS", None, None),
    mixture("Q3_K_L", "Q3_K", Some("Q5_K"), Some("Q5_K")),
    Quantisation { first_values: (2, "Q5_K"), ..mixture("Q3_K_M", "Q3_K", Some("Q4_K"), Some("Q4_K")) },
    mixture("Q3_K_S", "Q3_K", None, None),
    mixture("Q2_K", "Q2_K", Some("Q3_K"), None),
];

impl Quantisation {
    /// The quantisation of this name, in any case. The name of a ggml type is a quantisation that mixes nothing.
    pub fn of_name(name: &str) -> Option<Self> {
        let known = QUANTISATIONS.iter().find(|known| known.name.eq_ignore_ascii_case(name)).copied();
        known.or_else(|| GgmlType::of_name(name).map(|ggml| mixture(ggml.name, ggml.name, None, None)))
    }

    /// Is it one for GGUF files?
    pub fn is_ggml(&self) -> bool {
        matches!(self.most, Kind::Ggml(_))
    }

    /// How a model in this quantisation stores everything but the matrices inside of blocks. In a GGUF file, other
    /// matrices have 16 bits and vectors 32 bits: `tools/convert.py` of ComfyUI-GGUF writes them so, and its patch of
    /// llama.cpp leaves them as they are. No published file was measured. In a safetensors file they have 16 bits.
    pub fn rest(&self, is_vector: bool) -> Storage {
        let kept = match self.most {
            Kind::Torch(_) => None,
            Kind::Ggml(_) if is_vector => ggml("F32"),
            Kind::Ggml(most @ ("F32" | "BF16")) => ggml(most),
            Kind::Ggml(_) => ggml("F16"),
        };
        kept.unwrap_or(Storage::Torch(Dtype::F16))
    }

    /// The tensors of a model as they would be under this quantisation. `is_large` says which ones are quantised; the
    /// others stay as they are. Rows that do not fill whole blocks become 16 bits, as in the converter.
    pub fn of_tensors(&self, tensors: &[Tensor], is_large: impl Fn(&Tensor) -> bool) -> Vec<Tensor> {
        let mut values_seen = 0;
        let changed = |tensor: &Tensor| {
            if !is_large(tensor) {
                return tensor.clone();
            }
            let storage = match self.most {
                Kind::Ggml(most) => ggml(self.kind_of(tensor, most, &mut values_seen)),
                Kind::Torch(dtype) => Some(Storage::Torch(dtype)),
            };
            let stored = storage.and_then(|storage| tensor.stored(storage));
            stored.or_else(|| tensor.stored(ggml("F16")?)).unwrap_or_else(|| tensor.clone())
        };
        tensors.iter().map(changed).collect()
    }

    fn kind_of(&self, tensor: &Tensor, most: &'static str, values_seen: &mut usize) -> &'static str {
        if tensor.name.ends_with(".v.weight") {
            *values_seen += 1;
            let (first, kind) = self.first_values;
            return if *values_seen <= first { kind } else { self.values.unwrap_or(most) };
        }
        if tensor.name.ends_with(".ffn.2.weight") { self.down.unwrap_or(most) } else { most }
    }
}

fn ggml(name: &str) -> Option<Storage> {
    GgmlType::of_name(name).map(Storage::Ggml)
}

/// Is it one that the converter quantises: a matrix inside of one of the blocks?
pub fn is_quantised(tensor: &Tensor) -> bool {
    let outside =
        ["modulation.", "patch_embedding.", "text_embedding.", "time_embedding.", "time_projection.", "img_emb."];
    tensor.shape.len() == 2
        && tensor.name.ends_with(".weight")
        && !tensor.name.starts_with("head.")
        && !outside.iter().any(|part| tensor.name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::wan::Profile;

    fn bytes(quantisation: &str) -> u64 {
        let quantisation = Quantisation::of_name(quantisation).unwrap();
        Profile::of_name("wan2.2-14b").unwrap().tensors(&quantisation).iter().map(|tensor| tensor.bytes).sum()
    }

    #[test]
    fn every_quantisation_uses_types_that_exist_and_they_are_in_order_of_size() {
        let sizes: Vec<_> = QUANTISATIONS.iter().map(|known| bytes(known.name)).collect();
        assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]), "{sizes:?}");
        for known in QUANTISATIONS {
            let Kind::Ggml(most) = known.most else { continue };
            for name in [Some(most), Some(known.first_values.1), known.values, known.down].into_iter().flatten() {
                assert!(GgmlType::of_name(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn mixtures_take_the_better_type_where_it_matters() {
        let blocks = 40 * (8 * 5120 * 5120 + 2 * 5120 * 13_824_u64);
        let most = |name: &str, per_256: u64| bytes(name) - blocks / 256 * per_256;
        // Two values and one second half in each block: 2 × 5120² and 5120 × 13,824 weights.
        let better = 40 * (2 * 5120 * 5120 + 5120 * 13_824_u64) / 256;
        let rest = most("Q6_K", 210);
        assert_eq!(most("Q5_K_S", 176), rest);
        assert_eq!(most("Q5_K_M", 176), rest + better * (210 - 176));
        assert_eq!(most("iq4_nl", 144), rest);
    }
}
