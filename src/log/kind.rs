//! Which kind of model a class of ComfyUI is, by its name.

use super::LoadKind;

/// What the names of text encoders have in them, wherever.
const TEXT_ENCODERS: [&str; 7] = ["TEModel", "ClipModel", "CLIPModel", "ClipG", "T5", "TextModel", "TextEncoder"];
/// What the names of autoencoders have in them.
const VAES: [&str; 9] =
    ["VAE", "Vae", "Autoencod", "AutoEncod", "TAESD", "TAEHV", "VideoTokenizer", "MusicDCAE", "StageC_coder"];
/// What the names of other models have in them, which are loaded beside a diffusion model.
const OTHERS: [&str; 6] = ["ControlNet", "ControlLora", "Control", "Vision", "Adapter", "Upsampler"];
/// How the names of diffusion models begin: the classes of `comfy/model_base.py` by family.
const DIFFUSION_MODELS: [&str; 58] = [
    "ACEStep",
    "Anima",
    "AuraFlow",
    "BaseModel",
    "Boogu",
    "Chroma",
    "CogVideoX",
    "Cosmos",
    "DepthAnything",
    "ErnieImage",
    "Flux",
    "GenmoMochi",
    "HiDream",
    "Hunyuan3D",
    "HunyuanDiT",
    "HunyuanImage",
    "HunyuanVideo",
    "IP2P",
    "Ideogram",
    "JoyImage",
    "Kandinsky",
    "Krea",
    "LTXAV",
    "LTXV",
    "Lens",
    "LongCat",
    "Lotus",
    "Lumina",
    "MageFlow",
    "MiniMax",
    "Mochi",
    "Omnigen",
    "PiD",
    "PixArt",
    "PixelDiT",
    "QwenImage",
    "RT_DETR",
    "SAM3",
    "SD15",
    "SD21",
    "SD3",
    "SDXL",
    "SD_X4",
    "SV3D",
    "SVD_",
    "SeedVR",
    "StableAudio",
    "StableCascade_B",
    "StableCascade_C",
    "Stable_Zero",
    "SD35",
    "Trellis",
    "TripoSplat",
    "WAN",
    "Wan2",
    "ZImage",
    "Z_Image",
    "sd3",
];

/// The kind of a class, if its name tells.
pub(super) fn of_class(name: &str) -> Option<LoadKind> {
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(&OTHERS) {
        Some(LoadKind::Other)
    } else if has(&VAES) {
        Some(LoadKind::Vae)
    } else if has(&TEXT_ENCODERS) {
        Some(LoadKind::TextEncoder)
    } else if name == "BaseModel" {
        Some(LoadKind::Diffusion)
    } else if name.trim_end_matches('_').ends_with("Model") {
        // Of the classes that ComfyUI loads, those of text encoders end so, and no other but the one above.
        Some(LoadKind::TextEncoder)
    } else if DIFFUSION_MODELS.iter().any(|family| name.starts_with(family)) {
        Some(LoadKind::Diffusion)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_kinds() {
        for (name, kind) in [
            ("WAN21", Some(LoadKind::Diffusion)),
            ("WAN22_S2V", Some(LoadKind::Diffusion)),
            ("Lumina2", Some(LoadKind::Diffusion)),
            ("BaseModel", Some(LoadKind::Diffusion)),
            ("WanTEModel", Some(LoadKind::TextEncoder)),
            ("FluxClipModel_", Some(LoadKind::TextEncoder)),
            ("LuminaModel", Some(LoadKind::TextEncoder)),
            ("PixArtT5XXL", Some(LoadKind::TextEncoder)),
            ("WanVAE", Some(LoadKind::Vae)),
            ("AutoencodingEngine", Some(LoadKind::Vae)),
            ("ControlNetFlux", Some(LoadKind::Other)),
            ("CLIPVisionModelProjection", Some(LoadKind::Other)),
            ("Unheard", None),
        ] {
            assert_eq!(of_class(name), kind, "{name}");
        }
    }
}
