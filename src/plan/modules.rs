//! From tensors to blocks: what ComfyUI's `_load_list()` would list.
//!
//! An item of the list is a module with its own parameters: a weight, its bias, and what else stands there, such as the
//! scale of an fp8 weight. A module that has others below it is not listed, so parameters of its own, such as the
//! `modulation` of WAN's blocks, are nobody's: ComfyUI counts them nowhere and leaves them where they are. Modules
//! without any parameter, such as norms that learn nothing, are listed with no bytes; a file does not show them.
//!
//! Source: `_load_list()` in `comfy/model_patcher.py` and `module_size()` in `comfy/model_management.py` of `ComfyUI`;
//! `ggml_save_to_state_dict()` in `ops.py` of ComfyUI-GGUF for the [reserve](Modules::reserve_bytes).

use super::architecture;
use super::tensor::{CAST_BYTES, Storage, Tensor};

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

/// The modules that ComfyUI builds from these tensors.
pub fn group(tensors: &[Tensor]) -> Modules {
    let built = architecture::build(tensors);
    let reserved = largest_quantised(tensors).map(|tensor| &tensor.name);
    let mut modules = Modules { ordered: built.order_known, ..Modules::default() };
    modules.unlisted_bytes = total(built.unlisted.iter().map(|tensor| tensor.bytes));
    let mut weight_bytes = 0_u64;
    let mut blocks = Vec::new();
    for module in built.modules {
        let of_name = |name: &str| module.parameters.iter().find(|p| p.name == name).map(|p| &p.tensor);
        let (weight, bias) = (of_name("weight"), of_name("bias"));
        // What virtual VRAM mode counts: nothing where there is no weight.
        weight_bytes =
            weight_bytes.saturating_add(weight.map_or(0, |_| total(weight.iter().chain(&bias).map(|t| t.bytes))));
        let reserve = match weight {
            Some(weight) if Some(&weight.name) == reserved && module.kind != "Conv3d" => {
                weight.elements.saturating_mul(CAST_BYTES)
            }
            _ => 0,
        };
        modules.reserve_bytes += reserve;
        let own_bytes = total(module.parameters.iter().map(|parameter| parameter.tensor.bytes));
        let resident_bytes = own_bytes.saturating_add(reserve);
        // Casting looks at these two only.
        let cast_bytes = total(weight.into_iter().chain(bias).map(Tensor::cast_bytes));
        blocks.push(Block {
            name: module.name,
            kind: module.kind,
            resident_bytes,
            offload_bytes: resident_bytes.saturating_add(cast_bytes),
            has_bias: module.has_bias,
        });
    }
    modules.model = Model::new(blocks).with_weight_bytes(weight_bytes);
    modules
}

fn total(bytes: impl Iterator<Item = u64>) -> u64 {
    bytes.fold(0, u64::saturating_add)
}

/// The first of the tensors that take the most bytes among those that ComfyUI-GGUF keeps as bytes.
fn largest_quantised(tensors: &[Tensor]) -> Option<&Tensor> {
    let quantised = tensors.iter().filter(|tensor| matches!(tensor.storage, Storage::Ggml(ggml) if ggml.is_opaque()));
    // Of equal ones `max_by_key` gives the last.
    quantised.rev().max_by_key(|tensor| tensor.bytes)
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
}
