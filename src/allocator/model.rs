//! A model as a load list shows it: blocks with their sizes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use serde::{Deserialize, Serialize};

/// Which of a block's two sizes counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Accounting {
    /// `module_mem`: the bytes that the weights occupy. What the node has counted since version 2.5.11.
    #[default]
    Resident,
    /// `module_offload_mem`: the resident bytes plus the cost of casting or patching them.
    Offload,
}

/// One item of a load list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The module's full name, such as `blocks.0.ffn.2`. Blocks are told apart by it: see [`Model::new`].
    pub name: String,
    /// The module's class, such as `Linear`: a row of the layer table.
    pub kind: Cow<'static, str>,
    /// The bytes that its weights occupy.
    pub resident_bytes: u64,
    /// The same plus the bytes that casting or patching them costs.
    pub offload_bytes: u64,
    /// Does the module have an attribute `bias`? It has one even where the bias is `None`, as in a `Linear` without
    /// bias. A block without the attribute stays on the compute device, whatever its size.
    pub has_bias: bool,
}

impl Block {
    /// Its bytes under an accounting.
    pub fn bytes(&self, accounting: Accounting) -> u64 {
        match accounting {
            Accounting::Resident => self.resident_bytes,
            Accounting::Offload => self.offload_bytes,
        }
    }
}

/// The blocks of a model in load list order.
#[derive(Debug, Clone, Default)]
pub struct Model {
    blocks: Vec<Block>,
    /// For each block whose name an earlier block has: the first block of that name.
    repeats: HashMap<usize, usize>,
    resident_bytes: u64,
    offload_bytes: u64,
    weight_bytes: Option<u64>,
}

impl Model {
    /// A model of these blocks.
    ///
    /// Names should differ, as those of torch modules do. If they do not, the node cannot tell the blocks apart when it
    /// loads them: all go where the last one it assigned went, although each took its bytes from a quota. The same
    /// happens here.
    pub fn new(blocks: Vec<Block>) -> Self {
        let total =
            |accounting| blocks.iter().fold(0, |total: u64, block| total.saturating_add(block.bytes(accounting)));
        let [resident_bytes, offload_bytes] = [Accounting::Resident, Accounting::Offload].map(total);
        Self { repeats: repeats(&blocks), blocks, resident_bytes, offload_bytes, weight_bytes: None }
    }

    /// The same model with the size that virtual VRAM mode uses: the bytes of all weights, and of the biases next to a
    /// weight. It differs from the resident bytes if modules have other parameters. If it is not set, the resident
    /// bytes are used.
    #[must_use]
    pub fn with_weight_bytes(mut self, weight_bytes: u64) -> Self {
        self.weight_bytes = Some(weight_bytes);
        self
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Bytes of all blocks. Exact up to 2^53; saturates at 2^64 - 1.
    pub fn total_bytes(&self, accounting: Accounting) -> u64 {
        match accounting {
            Accounting::Resident => self.resident_bytes,
            Accounting::Offload => self.offload_bytes,
        }
    }

    /// Bytes of the weights and their biases, in no accounting: see [`Model::with_weight_bytes`].
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes.unwrap_or(self.resident_bytes)
    }

    /// Do several blocks have the same name?
    pub(super) fn has_repeats(&self) -> bool {
        !self.repeats.is_empty()
    }

    /// The first block that has the name of this one; the block itself unless names repeat.
    pub(super) fn first_of_name(&self, index: usize) -> usize {
        // The common case is no repeat at all, and then a million look-ups cost nothing.
        if self.has_repeats() { self.repeats.get(&index).copied().unwrap_or(index) } else { index }
    }
}

/// For each block whose name an earlier block has: the first block of that name.
///
/// A map of a million names would spend most of its time waiting for memory, only to find that they all differ. So
/// names are sifted first. Each sets a bit, chosen by its hash, in a table small enough to stay in cache, and only
/// names that share their bit with another (about six in a hundred by chance) are compared. The hash is keyed, so that
/// nobody can craft a file whose names all share a bit.
fn repeats(blocks: &[Block]) -> HashMap<usize, usize> {
    let key = RandomState::new();
    let words = (blocks.len() / 4).next_power_of_two();
    let hashes: Vec<u64> = blocks.iter().map(|block| key.hash_one(block.name.as_str())).collect();
    let slot = |hash: u64| ((hash >> 6) as usize & (words - 1), 1_u64 << (hash & 63));
    let (mut taken, mut shared) = (vec![0_u64; words], vec![0_u64; words]);
    for &hash in &hashes {
        let (word, bit) = slot(hash);
        shared[word] |= taken[word] & bit;
        taken[word] |= bit;
    }
    let is_shared = |hash| {
        let (word, bit) = slot(hash);
        shared[word] & bit != 0
    };
    let mut first = HashMap::new();
    let mut repeats = HashMap::new();
    for (index, block) in blocks.iter().enumerate().filter(|&(index, _)| is_shared(hashes[index])) {
        let original = *first.entry(block.name.as_str()).or_insert(index);
        if original != index {
            repeats.insert(index, original);
        }
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &str, resident_bytes: u64) -> Block {
        Block {
            name: name.into(),
            kind: "Linear".into(),
            resident_bytes,
            offload_bytes: resident_bytes.saturating_mul(3),
            has_bias: true,
        }
    }

    #[test]
    fn repeated_names_lead_to_the_first() {
        let model = Model::new(vec![block("a", 1), block("b", 2), block("a", 3), block("a", 4)]);
        assert_eq!([0, 1, 2, 3].map(|i| model.first_of_name(i)), [0, 1, 0, 0]);
        assert_eq!(model.total_bytes(Accounting::Resident), 10);
        assert_eq!(model.total_bytes(Accounting::Offload), 30);
        assert_eq!(model.weight_bytes(), 10);
        assert_eq!(model.with_weight_bytes(7).weight_bytes(), 7);
    }

    #[test]
    fn absurd_sizes_do_not_overflow() {
        let model = Model::new(vec![block("a", u64::MAX), block("b", u64::MAX)]);
        assert_eq!(model.total_bytes(Accounting::Offload), u64::MAX);
    }
}
