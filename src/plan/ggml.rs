//! The types of ggml: how many bytes a tensor takes.
//!
//! Source: `GGML_QUANT_SIZES` in `gguf-py/gguf/constants.py` of llama.cpp, and the enumeration `ggml_type` in
//! `docs/gguf.md` of ggml.

/// How ggml stores numbers: in blocks of a fixed count, each of a fixed number of bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct GgmlType {
    /// Its number in a file.
    pub id: u32,
    /// Its name, such as `Q6_K`.
    pub name: &'static str,
    /// Numbers in a block.
    pub block_elements: u64,
    /// Bytes of a block.
    pub block_bytes: u64,
}

impl GgmlType {
    /// The type with this number; `None` for one that is unknown or was withdrawn.
    pub fn of_id(id: u32) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.id == id)
    }

    /// The type of this name, in any case.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    /// Bytes of a count of numbers; `None` if they do not fill whole blocks, or are too many for a `u64`.
    pub fn bytes(&self, elements: u64) -> Option<u64> {
        let blocks = elements.is_multiple_of(self.block_elements).then(|| elements / self.block_elements)?;
        blocks.checked_mul(self.block_bytes)
    }

    /// Is it one that torch does not know, so that ComfyUI-GGUF keeps it as bytes? `BF16` is one of them.
    pub fn is_opaque(&self) -> bool {
        !matches!(self.name, "F32" | "F16")
    }

    /// Does it pack numbers in less than 16 bits?
    pub fn is_quantised(&self) -> bool {
        self.block_elements > 1
    }
}

const fn ggml(id: u32, name: &'static str, block_elements: u64, block_bytes: u64) -> GgmlType {
    GgmlType { id, name, block_elements, block_bytes }
}

const TYPES: [GgmlType; 34] = [
    ggml(0, "F32", 1, 4),
    ggml(1, "F16", 1, 2),
    ggml(2, "Q4_0", 32, 18),
    ggml(3, "Q4_1", 32, 20),
    ggml(6, "Q5_0", 32, 22),
    ggml(7, "Q5_1", 32, 24),
    ggml(8, "Q8_0", 32, 34),
    ggml(9, "Q8_1", 32, 40),
    ggml(10, "Q2_K", 256, 84),
    ggml(11, "Q3_K", 256, 110),
    ggml(12, "Q4_K", 256, 144),
    ggml(13, "Q5_K", 256, 176),
    ggml(14, "Q6_K", 256, 210),
    ggml(15, "Q8_K", 256, 292),
    ggml(16, "IQ2_XXS", 256, 66),
    ggml(17, "IQ2_XS", 256, 74),
    ggml(18, "IQ3_XXS", 256, 98),
    ggml(19, "IQ1_S", 256, 50),
    ggml(20, "IQ4_NL", 32, 18),
    ggml(21, "IQ3_S", 256, 110),
    ggml(22, "IQ2_S", 256, 82),
    ggml(23, "IQ4_XS", 256, 136),
    ggml(24, "I8", 1, 1),
    ggml(25, "I16", 1, 2),
    ggml(26, "I32", 1, 4),
    ggml(27, "I64", 1, 8),
    ggml(28, "F64", 1, 8),
    ggml(29, "IQ1_M", 256, 56),
    ggml(30, "BF16", 1, 2),
    ggml(34, "TQ1_0", 256, 54),
    ggml(35, "TQ2_0", 256, 66),
    ggml(39, "MXFP4", 32, 17),
    ggml(40, "NVFP4", 64, 36),
    ggml(41, "Q1_0", 128, 18),
];
