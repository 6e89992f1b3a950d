//! From modules to blocks: the sizes that ComfyUI's `_load_list()` gives.
//!
//! | size | of a module |
//! |---|---|
//! | resident | the bytes of all that its `state_dict()` has, in the types that they are kept in |
//! | offload | the same, and for its weight and its bias, if `comfy.ops` made it: what patching them costs, if a LoRA does, or else what casting them costs, if they are kept in another type than they are computed in |
//! | weight | what virtual VRAM mode counts: `numel() * element_size()` of its weight and its bias |
//!
//! Source: `_load_list()` and `low_vram_patch_estimate_vram()` in `comfy/model_patcher.py` and `module_size()` in
//! `comfy/model_management.py` of ComfyUI; `ops.py` of ComfyUI-GGUF for what it keeps as it is in the file, and for the
//! [reserve](Modules::reserve_bytes).

use ::safetensors::Dtype;

use super::built::{Built, BuiltModule, Parameter};
use super::loading::Loading;
use super::lora::{self, Patched};
use super::quantised::{self, MARK};
use super::tensor::{Storage, Tensor};
use super::types::{Types, size_of};
use crate::allocator::{Block, Model};

/// Patching is taken to need room for the weight twice (`LOWVRAM_PATCH_ESTIMATE_MATH_FACTOR`).
const PATCH_FACTOR: u64 = 2;
/// Bytes of a number of the 16 bits that ComfyUI-GGUF unpacks the largest weight into.
const UNPACKED_BYTES: u64 = 2;
/// With this many rows or more, ComfyUI-GGUF keeps an embedding table as it is in the file.
const LARGE_TABLE_ROWS: u64 = 64 * 1024;

/// The modules of a model, as blocks.
#[derive(Debug, Clone, Default)]
pub struct Modules {
    /// What is listed, in the order of the list.
    pub model: Model,
    /// The architecture that ComfyUI recognises; `None` if it is not known here.
    pub architecture: Option<&'static str>,
    /// Is it a text encoder?
    pub is_text_encoder: bool,
    /// The types that it is kept and computed in; `None` if only its size is known.
    pub types: Option<Types>,
    /// Is the order that of the load list? If not, the blocks are in the order of their names, numbers by their value.
    pub ordered: bool,
    /// Why it is not.
    pub doubt: Option<String>,
    /// Names of tensors of the file that ComfyUI ignores, since the model does not have them.
    pub ignored: Vec<String>,
    /// Bytes of tensors that belong to no listed module.
    pub unlisted_bytes: u64,
    /// Room for unpacking: ComfyUI-GGUF lets the module with the largest quantised weight also claim the bytes of that
    /// weight in 16 bits. Part of the resident bytes.
    pub reserve_bytes: u64,
    /// What LoRA files patch.
    pub patched: Patched,
}

/// The blocks of what ComfyUI builds of these tensors, which are in the order of their file. `largest` is the name of
/// the tensor that ComfyUI-GGUF marks as the largest.
pub fn of(built: &Built, tensors: &[Tensor], largest: Option<&str>, loading: &Loading) -> Modules {
    let keeping = Keeping::new(built, tensors, largest, loading);
    let patched = lora::patched(&loading.loras, built);
    let mut modules = Modules {
        architecture: built.architecture,
        is_text_encoder: built.is_text_encoder,
        types: Some(keeping.types),
        ordered: built.order_known,
        doubt: built.doubt.clone(),
        ignored: built.ignored.clone(),
        ..Modules::default()
    };
    let mut weight_bytes = 0_u64;
    let mut blocks = Vec::with_capacity(built.modules.len());
    for module in &built.modules {
        let sizes = keeping.sizes(module, &patched);
        modules.reserve_bytes = modules.reserve_bytes.saturating_add(sizes.reserve);
        weight_bytes = weight_bytes.saturating_add(sizes.weight);
        blocks.push(Block {
            name: module.name.clone(),
            kind: module.kind.clone(),
            resident_bytes: sizes.resident,
            offload_bytes: sizes.resident.saturating_add(sizes.cast),
            has_bias: module.has_bias,
        });
    }
    let unlisted = built.unlisted.iter().map(|tensor| copied(tensor, keeping.types.weights).bytes);
    modules.unlisted_bytes = unlisted.fold(0, u64::saturating_add);
    modules.model = Model::new(blocks).with_weight_bytes(weight_bytes);
    modules.patched = patched;
    modules
}

/// How ComfyUI keeps the parameters of a model.
struct Keeping<'a> {
    types: Types,
    is_gguf: bool,
    is_quantised: bool,
    /// The type that layers beside quantised ones are kept in, and that quantised ones say they have.
    mixed: Dtype,
    largest: Option<&'a str>,
}

/// The sizes of a module.
#[derive(Default)]
struct Sizes {
    resident: u64,
    /// What casting or patching it costs.
    cast: u64,
    weight: u64,
    reserve: u64,
}

/// A parameter as it is kept.
struct Kept {
    bytes: u64,
    /// What `numel()` says, and `dtype`.
    elements: u64,
    dtype: Dtype,
    /// Is it a `QuantizedTensor`, which reports another type than its bytes have?
    is_quantised: bool,
}

impl<'a> Keeping<'a> {
    fn new(built: &Built, tensors: &[Tensor], largest: Option<&'a str>, loading: &Loading) -> Self {
        let is_quantised = quantised::is_quantised(tensors);
        let types = if built.is_text_encoder {
            Types::of_text_encoder(last_norm(&built.modules))
        } else if built.is_vae {
            Types::of_vae(built.compute_types, &loading.card)
        } else {
            let supported = built.compute_types;
            Types::of_diffusion(tensors, supported, is_quantised, loading.weight_type, &loading.card)
        };
        let is_gguf = tensors.iter().any(|tensor| matches!(tensor.storage, Storage::Ggml(_)));
        let mixed = if built.is_text_encoder { types.weights } else { types.cast.unwrap_or(types.weights) };
        Self { types, is_gguf, is_quantised, mixed, largest }
    }

    fn sizes(&self, module: &BuiltModule, patched: &Patched) -> Sizes {
        let mut sizes = Sizes::default();
        let mut beside_weight = 0;
        for parameter in &module.parameters {
            let kept = self.kept(module, parameter);
            sizes.resident = sizes.resident.saturating_add(kept.bytes);
            let counted = kept.elements.saturating_mul(size_of(kept.dtype));
            match parameter.name.as_str() {
                "weight" => sizes.weight = counted,
                "bias" => beside_weight = counted,
                _ => continue,
            }
            if module.casts {
                let name = || format!("{}.{}", module.name, parameter.name);
                let is_patched = !patched.parameters.is_empty() && patched.parameters.contains(&name());
                sizes.cast = sizes.cast.saturating_add(self.cast_bytes(&kept, is_patched));
            }
            if self.has_reserve(module, parameter, &kept) {
                sizes.reserve = parameter.tensor.elements.saturating_mul(UNPACKED_BYTES);
            }
        }
        if sizes.weight > 0 {
            sizes.weight = sizes.weight.saturating_add(beside_weight);
        }
        sizes.resident = sizes.resident.saturating_add(sizes.reserve);
        sizes
    }

    /// What casting or patching a parameter costs, as `check_module_offload_mem` has it.
    fn cast_bytes(&self, kept: &Kept, is_patched: bool) -> u64 {
        let Types { cast, .. } = self.types;
        if is_patched {
            let each = size_of(cast.unwrap_or(kept.dtype)).saturating_mul(PATCH_FACTOR);
            return kept.elements.saturating_mul(each);
        }
        match cast {
            Some(dtype) if dtype != kept.dtype || kept.is_quantised => kept.elements.saturating_mul(size_of(dtype)),
            _ => 0,
        }
    }

    fn kept(&self, module: &BuiltModule, parameter: &Parameter) -> Kept {
        let tensor = &parameter.tensor;
        if let Some(fixed) = parameter.fixed {
            return copied(tensor, fixed);
        }
        let is_linear = module.casts && module.kind == "Linear";
        if self.is_gguf && is_gguf_layer(module) && (is_linear || is_taken_over(module)) {
            return as_it_is(tensor);
        }
        if self.is_quantised && is_linear {
            return self.in_mixed(module, parameter);
        }
        copied(tensor, self.types.weights)
    }

    /// A parameter of a linear layer in a model with quantised layers.
    fn in_mixed(&self, module: &BuiltModule, parameter: &Parameter) -> Kept {
        let tensor = &parameter.tensor;
        let has = |name: &str| module.parameters.iter().any(|known| known.name == name);
        match parameter.name.as_str() {
            "weight" if has(MARK) => {
                // nvfp4, the one with two scales, has two numbers in a byte.
                let in_byte = if has("weight_scale_2") { 2 } else { 1 };
                let elements = tensor.elements.saturating_mul(in_byte);
                Kept { bytes: tensor.bytes, elements, dtype: self.mixed, is_quantised: true }
            }
            "weight" | "bias" => copied(tensor, self.mixed),
            _ => as_it_is(tensor),
        }
    }

    /// Does the module claim room for unpacking this weight?
    fn has_reserve(&self, module: &BuiltModule, parameter: &Parameter, kept: &Kept) -> bool {
        parameter.name == "weight"
            && self.largest == Some(&*parameter.tensor.name)
            && kept.dtype == Dtype::U8
            && is_gguf_layer(module)
    }
}

/// Is it of a class that ComfyUI-GGUF replaces by its own?
fn is_gguf_layer(module: &BuiltModule) -> bool {
    module.casts && matches!(&*module.kind, "Linear" | "Conv2d" | "Embedding" | "LayerNorm" | "GroupNorm")
}

/// Does ComfyUI-GGUF take the tensors of a layer that is not linear as they are in the file?
fn is_taken_over(module: &BuiltModule) -> bool {
    let own = |name: &str| module.parameters.iter().find(|known| known.name == name).map(|known| &known.tensor);
    let is_packed = |name: &str| own(name).is_some_and(Tensor::is_opaque);
    let rows = own("weight").and_then(|weight| weight.shape.first());
    is_packed("weight")
        || is_packed("bias")
        || (module.kind == "Embedding" && rows.is_some_and(|&rows| rows >= LARGE_TABLE_ROWS))
}

/// A parameter that was made in this type, and whose numbers were copied into it.
fn copied(tensor: &Tensor, dtype: Dtype) -> Kept {
    if tensor.is_opaque() {
        // Packed numbers cannot be copied: what ComfyUI-GGUF does not load stays as it is.
        return as_it_is(tensor);
    }
    let bytes = tensor.elements.saturating_mul(size_of(dtype));
    Kept { bytes, elements: tensor.elements, dtype, is_quantised: false }
}

fn as_it_is(tensor: &Tensor) -> Kept {
    let (elements, dtype) = (tensor.torch_elements(), tensor.torch_dtype());
    Kept { bytes: tensor.bytes, elements, dtype, is_quantised: false }
}

/// The type of the norm that decides the type of a text encoder; `None` if none does.
fn last_norm(modules: &[BuiltModule]) -> Option<Dtype> {
    let weight = |end: &str| {
        let module = modules.iter().find(|module| module.name.ends_with(end))?;
        module.parameters.iter().find(|parameter| parameter.name == "weight").map(|parameter| &parameter.tensor)
    };
    let is_xxl = weight("encoder.block.23.layer.1.DenseReluDense.wi").is_some()
        || weight("encoder.block.23.layer.1.DenseReluDense.wi_1").is_some_and(|w| w.shape.last() == Some(&4096));
    let norm = if is_xxl {
        weight("encoder.final_layer_norm")
    } else {
        weight("model.layers.0.self_attn.k_proj").and_then(|_| weight("model.norm"))
    };
    norm.map(Tensor::torch_dtype).filter(|&dtype| dtype != Dtype::U8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comfyui_gguf_has_its_own_of_five_classes() {
        let is_own = |kind: &'static str, casts| {
            let name = String::from("diffusion_model.layer");
            is_gguf_layer(&BuiltModule { name, kind: kind.into(), casts, has_bias: true, parameters: Vec::new() })
        };
        for kind in ["Linear", "Conv2d", "Embedding", "LayerNorm", "GroupNorm"] {
            assert!(is_own(kind, true) && !is_own(kind, false), "{kind}");
        }
        assert!(["Conv1d", "Conv3d", "RMSNorm"].into_iter().all(|kind| !is_own(kind, true)));
    }
}
