//! The categories of models, and their folders in a ComfyUI as it comes.

/// Categories and their folders below `models`. The names of those in which loaders look have been the same since the
/// first ones were renamed in 2024; before, `unet` and `clip` had one folder each, which is among these.
pub(super) const BELOW_MODELS: [(&str, &[&str]); 12] = [
    ("checkpoints", &["checkpoints"]),
    ("loras", &["loras"]),
    ("vae", &["vae"]),
    ("text_encoders", &["text_encoders", "clip"]),
    ("diffusion_models", &["unet", "diffusion_models"]),
    ("clip_vision", &["clip_vision"]),
    ("style_models", &["style_models"]),
    ("diffusers", &["diffusers"]),
    ("vae_approx", &["vae_approx"]),
    ("controlnet", &["controlnet", "t2i_adapter"]),
    ("model_patches", &["model_patches"]),
    ("audio_encoders", &["audio_encoders"]),
];

/// Categories and their folders below `output`, where nodes save models to.
pub(super) const BELOW_OUTPUT: [(&str, &str); 5] = [
    ("checkpoints", "checkpoints"),
    ("text_encoders", "clip"),
    ("vae", "vae"),
    ("diffusion_models", "diffusion_models"),
    ("loras", "loras"),
];

/// The category that has the folders of this one: older names, and those of ComfyUI-GGUF.
pub(super) fn same_as(category: &str) -> &str {
    match category {
        "unet" | "unet_gguf" => "diffusion_models",
        "clip" | "clip_gguf" => "text_encoders",
        other => other,
    }
}
