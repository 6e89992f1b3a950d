//! How a model is loaded.

use ::safetensors::Dtype;

use super::card::Card;
use super::lora::Lora;

/// What decides the sizes of a model's layers besides its file.
#[derive(Debug, Clone, Default)]
pub struct Loading {
    /// The card that computes.
    pub card: Card,
    /// What patches it.
    pub loras: Vec<Lora>,
    /// The type that the loader node is told to load a diffusion model in, instead of ComfyUI's own choice.
    pub weight_type: Option<Dtype>,
    /// Did the user say that it is a text encoder?
    pub text_encoder: bool,
}
