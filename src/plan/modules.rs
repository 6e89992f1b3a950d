//! From tensors to blocks: what ComfyUI's `_load_list()` would list.
//!
//! An item of the list is a module with its own parameters: a weight, its bias, and what else stands there, such as the
//! scale of an fp8 weight. A module that has others below it is not listed, so parameters of its own, such as the
//! `modulation` of WAN's blocks, are nobody's: ComfyUI counts them nowhere and leaves them where they are. Modules
//! without any parameter, such as norms that learn nothing, are listed with no bytes; a file does not show them.
//!
//! Source: `_load_list()` in `comfy/model_patcher.py` and `module_size()` in `comfy/model_management.py` of `ComfyUI`;
//! `ggml_save_to_state_dict()` in `ops.py` of ComfyUI-GGUF for the [reserve](Modules::reserve_bytes).

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::tensor::{CAST_BYTES, Storage, Tensor};
use super::wan;
use crate::allocator::{Block, Model};

/// The modules of a model, as blocks.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    /// What is listed, in the order of the list.
    pub model: Model,
    /// Is that order known? If not, the blocks are in the order of their names, numbers by their value.
    pub ordered: bool,
    /// Bytes of tensors that belong to no listed module.
    pub unlisted_bytes: u64,
    /// ComfyUI-GGUF lets the module with the largest quantised weight claim the bytes of that weight in 16 bits too: room
    /// for casting it. Among the resident bytes.
    pub reserve_bytes: u64,
}

/// Groups tensors, which are in the order of their file.
pub fn group(tensors: &[Tensor]) -> Modules {
    let mut found: HashMap<&str, Module<'_>> = HashMap::new();
    for tensor in tensors {
        let (module, parameter) = tensor.parts();
        found.entry(module).or_default().add(parameter, tensor);
    }
    let inner: HashSet<&str> = found.keys().flat_map(|name| ancestors(name)).collect();
    let reserved = largest_quantised(tensors);
    let mut modules = Modules { ordered: wan::is_wan(tensors), ..Modules::default() };
    let mut weight_bytes = 0_u64;
    let mut blocks = Vec::new();
    for (name, module) in found {
        weight_bytes = weight_bytes.saturating_add(module.weight_bytes());
        if inner.contains(name) {
            modules.unlisted_bytes = modules.unlisted_bytes.saturating_add(module.bytes);
            continue;
        }
        let kind = module.kind(name);
        let reserve = match (module.weight, reserved) {
            (Some(weight), Some(largest)) if std::ptr::eq(weight, largest) && kind != "Conv3d" => {
                largest.elements.saturating_mul(CAST_BYTES)
            }
            _ => 0,
        };
        modules.reserve_bytes += reserve;
        let resident_bytes = module.bytes.saturating_add(reserve);
        blocks.push(Block {
            name: name.to_owned(),
            kind: kind.into(),
            resident_bytes,
            offload_bytes: resident_bytes.saturating_add(module.cast_bytes()),
            // ComfyUI's layers have the attribute even without a bias; bare parameters have none.
            has_bias: module.weight.is_some() || module.bias.is_some(),
        });
    }
    if modules.ordered {
        blocks.sort_by_cached_key(|block| (wan::position(&block.name), block.name.clone()));
    } else {
        blocks.sort_by(|a, b| natural(&a.name, &b.name).then_with(|| a.name.cmp(&b.name)));
    }
    modules.model = Model::new(blocks).with_weight_bytes(weight_bytes);
    modules
}

/// The parameters of one module.
#[derive(Default)]
struct Module<'t> {
    weight: Option<&'t Tensor>,
    bias: Option<&'t Tensor>,
    bytes: u64,
}

impl<'t> Module<'t> {
    fn add(&mut self, parameter: &str, tensor: &'t Tensor) {
        self.bytes = self.bytes.saturating_add(tensor.bytes);
        match parameter {
            "weight" => self.weight = Some(tensor),
            "bias" => self.bias = Some(tensor),
            _ => {}
        }
    }

    /// What casting costs; ComfyUI looks at these two only.
    fn cast_bytes(&self) -> u64 {
        self.weight.into_iter().chain(self.bias).fold(0, |total: u64, tensor| total.saturating_add(tensor.cast_bytes()))
    }

    /// What virtual VRAM mode counts: nothing where there is no weight.
    fn weight_bytes(&self) -> u64 {
        let bias = self.bias.map_or(0, |bias| bias.bytes);
        self.weight.map_or(0, |weight| weight.bytes.saturating_add(bias))
    }

    /// The class of the module, going by its weight.
    fn kind(&self, name: &str) -> &'static str {
        let Some(weight) = self.weight else { return "Parameter" };
        match weight.shape.len() {
            0 | 1 if self.bias.is_some() => "LayerNorm",
            0 | 1 => "RMSNorm",
            2 if self.bias.is_none() && is_embedding(name) => "Embedding",
            2 => "Linear",
            3 => "Conv1d",
            4 => "Conv2d",
            _ => "Conv3d",
        }
    }
}

/// Is it a table of embeddings, by its name? A linear layer has a weight of the same form.
fn is_embedding(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    matches!(last, "shared" | "embed_tokens" | "token_embd" | "wte" | "wpe" | "relative_attention_bias")
        || last.ends_with("token_embedding")
        || last.ends_with("position_embedding")
}

/// The modules that a module is in: of `a.b.c` these are `a.b`, `a` and the root.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    let root = (!name.is_empty()).then_some("");
    name.match_indices('.').map(|(at, _)| &name[..at]).chain(root)
}

/// The first of the tensors that take the most bytes among those that ComfyUI-GGUF keeps as bytes.
fn largest_quantised(tensors: &[Tensor]) -> Option<&Tensor> {
    let quantised = tensors.iter().filter(|tensor| matches!(tensor.storage, Storage::Ggml(ggml) if ggml.is_opaque()));
    // Of equal ones `max_by_key` gives the last.
    quantised.rev().max_by_key(|tensor| tensor.bytes)
}

/// Compares names with their numbers by value: `blocks.9` before `blocks.10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (in_a, in_b) = (digits(a), digits(b));
        if in_a > 0 && in_b > 0 {
            let (left, right) = (a[..in_a].trim_start_matches('0'), b[..in_b].trim_start_matches('0'));
            let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[in_a..], &b[in_b..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (rest_a.as_str(), rest_b.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::safetensors::Dtype;

    use super::*;
    use crate::allocator::Accounting;
    use crate::plan::ggml::GgmlType;

    fn tensor(name: &str, shape: &[u64], storage: Storage) -> Tensor {
        Tensor::new(name.to_owned(), shape.to_vec(), storage).unwrap()
    }

    const HALF: Storage = Storage::Torch(Dtype::F16);

    #[test]
    fn a_weight_goes_with_its_bias_and_inner_modules_are_not_listed() {
        let modules = group(&[
            tensor("b.10.lin.weight", &[4, 8], HALF),
            tensor("b.9.lin.bias", &[4], HALF),
            tensor("b.9.lin.weight", &[4, 8], HALF),
            tensor("b.9.lin.scale_weight", &[1], Storage::Torch(Dtype::F32)),
            tensor("b.9.modulation", &[6], HALF),
            tensor("free", &[3], HALF),
            tensor("shared.weight", &[9, 2], HALF),
        ]);
        let told: Vec<_> =
            modules.model.blocks().iter().map(|b| (&b.name[..], &*b.kind, b.resident_bytes, b.offload_bytes)).collect();
        assert_eq!(
            told,
            [("b.9.lin", "Linear", 76, 76), ("b.10.lin", "Linear", 64, 64), ("shared", "Embedding", 36, 36)]
        );
        assert_eq!((modules.unlisted_bytes, modules.ordered), (18, false));
        assert_eq!(modules.model.weight_bytes(), 72 + 64 + 36);
    }

    #[test]
    fn the_first_largest_quantised_weight_has_a_reserve() {
        let q8 = Storage::Ggml(GgmlType::of_name("Q8_0").unwrap());
        let full = Storage::Ggml(GgmlType::of_name("F32").unwrap());
        let modules = group(&[
            tensor("a.weight", &[1, 32], q8),
            tensor("b.weight", &[2, 32], q8),
            tensor("c.weight", &[2, 32], q8),
            tensor("d.weight", &[900, 32], full),
        ]);
        let sizes: Vec<_> = modules.model.blocks().iter().map(|b| b.bytes(Accounting::Resident)).collect();
        assert_eq!(sizes, [34, 68 + 128, 68, 900 * 32 * 4]);
        assert_eq!(modules.model.blocks()[1].offload_bytes, 68 + 128 + 2 * 68);
        assert_eq!(modules.reserve_bytes, 128);
    }

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let mut names = ["b.10.a", "b.9.z", "b.09", "a", "b", "b.9", "ba"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "b", "b.09", "b.9", "b.9.z", "b.10.a", "ba"]);
    }
}
