//! The types in which ComfyUI keeps a model's weights, and in which it computes.
//!
//! A diffusion model is created in one type for all of its weights, and the weights of the file are converted to it. A
//! text encoder is created in 16 bits, or in the type of its last norm, and computes in 32 bits. A VAE is created in a
//! type that the card computes in, whatever the file has.
//!
//! Source: `unet_dtype`, `unet_manual_cast` and `pick_weight_dtype` in `comfy/model_management.py` of ComfyUI,
//! `vae_dtype` there, `load_diffusion_model_state_dict`, `CLIP` and `VAE` in `comfy/sd.py`, and `te` in `comfy/text_encoders`.

use ::safetensors::Dtype;

use super::card::Card;
use super::tensor::Tensor;

/// The types of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types {
    /// What weights are kept in.
    pub weights: Dtype,
    /// What they are cast to as they are used (`manual_cast_dtype`); `None` if they are used as they are.
    pub cast: Option<Dtype>,
}

/// What ComfyUI computes an architecture in, if the architecture does not say.
const ANY: [Dtype; 3] = [Dtype::F16, Dtype::BF16, Dtype::F32];

impl Types {
    /// Those of a diffusion model with these tensors, computed in one of `supported`, the preferred first. `forced` is
    /// the choice of the loader node.
    pub fn of_diffusion(
        tensors: &[Tensor],
        supported: &[Dtype],
        quantised: bool,
        forced: Option<Dtype>,
        card: &Card,
    ) -> Self {
        let supported = if supported.is_empty() { &ANY } else { supported };
        let parameters = tensors.iter().fold(0, |sum: u64, tensor| sum.saturating_add(tensor.torch_elements()));
        let in_file = if quantised { None } else { most_common(tensors) };
        let weights = forced.unwrap_or_else(|| weights(supported, in_file, parameters, card));
        let cast = if quantised { computed(None, supported, card) } else { computed(Some(weights), supported, card) };
        Self { weights, cast }
    }

    /// Those of a VAE that works in one of `supported` (`working_dtypes`): the first that the card computes in.
    pub fn of_vae(supported: &[Dtype], card: &Card) -> Self {
        let computes = |dtype: &&Dtype| match dtype {
            Dtype::F16 => card.has_fp16(),
            Dtype::BF16 => card.has_bf16(),
            _ => false,
        };
        Self { weights: supported.iter().copied().find(|dtype| computes(&dtype)).unwrap_or(Dtype::F32), cast: None }
    }

    /// Those of a text encoder: `norm` is the type of its last norm in the file, if that decides.
    pub fn of_text_encoder(norm: Option<Dtype>) -> Self {
        Self { weights: norm.unwrap_or(Dtype::F16), cast: Some(Dtype::F32) }
    }
}

/// The type that most numbers of the tensors have, as torch sees them.
fn most_common(tensors: &[Tensor]) -> Option<Dtype> {
    let mut counts: Vec<(Dtype, u64)> = Vec::new();
    for tensor in tensors {
        let (dtype, elements) = (tensor.torch_dtype(), tensor.torch_elements());
        match counts.iter_mut().find(|(known, _)| *known == dtype) {
            Some((_, count)) => *count = count.saturating_add(elements),
            None => counts.push((dtype, elements)),
        }
    }
    // Of equal ones the first, as in Python.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(dtype, _)| dtype)
}

/// `unet_dtype`.
fn weights(supported: &[Dtype], in_file: Option<Dtype>, parameters: u64, card: &Card) -> Dtype {
    if let Some(fp8) = in_file.filter(|&dtype| is_fp8(dtype))
        && (card.has_fp8() || !card.holds(parameters, 2))
    {
        return fp8;
    }
    if in_file == Some(Dtype::F16) && supported.contains(&Dtype::F16) && card.has_fp16() {
        return Dtype::F16;
    }
    let computes = |dtype: &&Dtype| match dtype {
        Dtype::F16 => card.has_fp16(),
        Dtype::BF16 => card.has_bf16(),
        _ => false,
    };
    let keeps = |dtype: &&Dtype| match dtype {
        Dtype::F16 => card.keeps_fp16(parameters),
        Dtype::BF16 => card.keeps_bf16(parameters),
        _ => false,
    };
    let found = supported.iter().find(computes).or_else(|| supported.iter().find(keeps));
    found.copied().unwrap_or(Dtype::F32)
}

/// `unet_manual_cast`.
fn computed(weights: Option<Dtype>, supported: &[Dtype], card: &Card) -> Option<Dtype> {
    let (fp16, bf16) = if card.on_cpu { (false, false) } else { (card.has_fp16(), card.has_bf16()) };
    let computes = |dtype: Dtype| match dtype {
        Dtype::F16 => fp16,
        Dtype::BF16 => bf16,
        _ => false,
    };
    match weights {
        Some(Dtype::F32 | Dtype::F64) => None,
        Some(dtype) if computes(dtype) => None,
        _ => Some(supported.iter().copied().find(|&dtype| computes(dtype)).unwrap_or(Dtype::F32)),
    }
}

/// Is it one of torch's types of 8 bits?
pub(super) fn is_fp8(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F8_E4M3 | Dtype::F8_E5M2 | Dtype::F8_E8M0)
}

/// Bytes of a number of this type.
pub(super) fn size_of(dtype: Dtype) -> u64 {
    (dtype.bitsize() as u64).div_ceil(8)
}

/// Its name in torch, less the module.
pub fn name_of(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F16 => "fp16",
        Dtype::BF16 => "bf16",
        Dtype::F32 => "fp32",
        Dtype::F64 => "fp64",
        Dtype::F8_E4M3 => "fp8_e4m3fn",
        Dtype::F8_E5M2 => "fp8_e5m2",
        Dtype::F8_E8M0 => "fp8_e8m0fnu",
        Dtype::U8 => "uint8",
        _ => "another type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Gpu;

    #[test]
    fn types_are_called_as_in_torch() {
        let types = [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64, Dtype::F8_E4M3, Dtype::F8_E5M2, Dtype::F8_E8M0];
        let names = ["fp16", "bf16", "fp32", "fp64", "fp8_e4m3fn", "fp8_e5m2", "fp8_e8m0fnu"];
        assert_eq!(types.map(name_of), names);
        assert_eq!([Dtype::U8, Dtype::I64].map(name_of), ["uint8", "another type"]);
    }

    #[test]
    fn a_vae_is_kept_in_the_first_type_that_the_card_computes_in() {
        let kept = |gpu: &str, supported: &[Dtype]| {
            let card = Card { gpu: Gpu::of_name(gpu), total_bytes: 8 << 30, on_cpu: false };
            Types::of_vae(supported, &card)
        };
        let wan = [Dtype::BF16, Dtype::F16, Dtype::F32];
        let sd = [Dtype::BF16, Dtype::F32];
        for (gpu, supported, weights) in [
            ("ampere", &wan[..], Dtype::BF16),
            ("turing", &wan, Dtype::F16),
            ("turing", &sd, Dtype::F32),
            ("maxwell", &wan, Dtype::F32),
        ] {
            assert_eq!(kept(gpu, supported), Types { weights, cast: None }, "{gpu}");
        }
    }
}
