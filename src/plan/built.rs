//! A model as ComfyUI builds it: the modules of its load list, before it is known in which types they are kept.

use std::borrow::Cow;

use ::safetensors::Dtype;

use super::tensor::Tensor;

/// A model as ComfyUI builds it from a file.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The architecture that ComfyUI recognises, such as `WAN 2.1, text to video`; `None` if it is not known here.
    pub architecture: Option<&'static str>,
    /// Is it a text encoder?
    pub is_text_encoder: bool,
    /// Is it a VAE? If it is neither, it is a diffusion model.
    pub is_vae: bool,
    /// The types in which ComfyUI computes this architecture, the preferred one first; empty if it is not known.
    pub compute_types: &'static [Dtype],
    /// The items of the load list, in its order if `order_known`, and otherwise by name, numbers by their value.
    pub modules: Vec<BuiltModule>,
    /// Is the order that of ComfyUI's load list?
    pub order_known: bool,
    /// Why it is not, such as that the file lacks a tensor of the architecture.
    pub doubt: Option<String>,
    /// Names of tensors that ComfyUI ignores because the model does not have them. Known extras of such files, such as
    /// tokenizers, are left out.
    pub ignored: Vec<String>,
    /// Tensors of the file that belong to no item: parameters of modules that have others below them.
    pub unlisted: Vec<Tensor>,
}

/// An item of the load list.
#[derive(Debug, Clone)]
pub struct BuiltModule {
    /// Its name in ComfyUI, such as `diffusion_model.blocks.0.ffn.2`.
    pub name: String,
    /// Its class, such as `Linear`: a row of the node's layer table.
    pub kind: Cow<'static, str>,
    /// Was it made by `comfy.ops`, which casts its weight and its bias as it computes (`comfy_cast_weights`)?
    pub casts: bool,
    /// Does it have an attribute `bias`, even if that is `None`? A module without it never leaves the compute device.
    pub has_bias: bool,
    /// Its own parameters and buffers, as in its `state_dict()`; none for a norm that learns nothing.
    pub parameters: Vec<Parameter>,
}

/// A parameter or a buffer of a module.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name in the module: `weight`, `bias`, `scale_weight`.
    pub name: String,
    /// As it is in the file, or, where the file lacks it, as ComfyUI makes it.
    pub tensor: Tensor,
    /// The type that ComfyUI keeps it in whatever the file has and the model is loaded in, such as the 32 bits of WAN's
    /// patch embedding; `None` if it goes with the model.
    pub fixed: Option<Dtype>,
}
