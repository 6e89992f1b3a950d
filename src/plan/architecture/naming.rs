//! The names that tensors have when ComfyUI builds a model from them.

use super::candidates;
use super::names::Names;
use crate::plan::tensor::Tensor;

/// Where the diffusion model begins in a checkpoint that holds more (`unet_prefix_from_state_dict()` in
/// `comfy/model_detection.py`).
const PREFIXES: [&str; 3] = ["model.diffusion_model.", "model.model.", "net."];
/// How many tensors must have a prefix for it to count.
const FEWEST: usize = 6;
/// The prefix if there is none of those.
const OTHERWISE: &str = "model.";

/// llama.cpp's names of a T5 encoder, and those of ComfyUI; replaced one after the other (`T5_SD_MAP` in `loader.py` of
/// ComfyUI-GGUF).
const T5: [(&str, &str); 14] = [
    ("enc.", "encoder."),
    (".blk.", ".block."),
    ("token_embd", "shared"),
    ("output_norm", "final_layer_norm"),
    ("attn_q", "layer.0.SelfAttention.q"),
    ("attn_k", "layer.0.SelfAttention.k"),
    ("attn_v", "layer.0.SelfAttention.v"),
    ("attn_o", "layer.0.SelfAttention.o"),
    ("attn_norm", "layer.0.layer_norm"),
    ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"),
    ("ffn_up", "layer.1.DenseReluDense.wi_1"),
    ("ffn_down", "layer.1.DenseReluDense.wo"),
    ("ffn_gate", "layer.1.DenseReluDense.wi_0"),
    ("ffn_norm", "layer.1.layer_norm"),
];

/// The same of Llama and its kind (`LLAMA_SD_MAP`).
const LLAMA: [(&str, &str); 15] = [
    ("blk.", "model.layers."),
    ("attn_norm", "input_layernorm"),
    ("attn_q_norm.", "self_attn.q_norm."),
    ("attn_k_norm.", "self_attn.k_norm."),
    ("attn_v_norm.", "self_attn.v_norm."),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
];

/// Does `general.architecture` of a GGUF file name a text encoder (`TXT_ARCH_LIST` in `loader.py` of ComfyUI-GGUF)?
pub fn is_text(gguf_architecture: &str) -> bool {
    matches!(gguf_architecture, "t5" | "t5encoder" | "llama" | "qwen2vl" | "qwen3" | "qwen3vl")
}

/// The tensors of a file by their names in ComfyUI: of a checkpoint that holds more, those of the diffusion model, and of
/// a GGUF text encoder of this architecture, those of its own model.
pub fn named_as_in_comfyui(tensors: Vec<Tensor>, gguf_architecture: Option<&str>) -> Vec<Tensor> {
    let replacements: &[_] = match gguf_architecture {
        Some("t5" | "t5encoder") => &T5,
        Some("llama" | "qwen2vl" | "qwen3" | "qwen3vl") => &LLAMA,
        _ => return of_diffusion_model(tensors),
    };
    let renamed = |tensor: Tensor| {
        let name = match (gguf_architecture, &tensor.name[..]) {
            (Some("t5" | "t5encoder"), name) => replaced(name, replacements),
            (_, "output.weight") => "lm_head.weight".to_owned(),
            (_, name) => replaced(name, replacements),
        };
        Tensor { name, ..tensor }
    };
    tensors.into_iter().map(renamed).collect()
}

/// The tensors after an architecture's renames; `None` if they change nothing.
pub(super) fn renamed(tensors: &[Tensor], renames: &[(&str, &str)]) -> Option<Vec<Tensor>> {
    let is_changed = |tensor: &Tensor| renames.iter().any(|(old, _)| tensor.name.contains(old.trim_end_matches('$')));
    let renamed = |tensor: &Tensor| Tensor { name: replaced(&tensor.name, renames), ..tensor.clone() };
    tensors.iter().any(is_changed).then(|| tensors.iter().map(renamed).collect())
}

fn replaced(name: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(name.to_owned(), |name, (old, new)| match old.strip_suffix('$') {
        Some(end) => name.strip_suffix(end).map_or_else(|| name.clone(), |begin| format!("{begin}{new}")),
        None if name.contains(old) => name.replace(old, new),
        None => name,
    })
}

fn of_diffusion_model(tensors: Vec<Tensor>) -> Vec<Tensor> {
    let count = |prefix: &str| tensors.iter().filter(|tensor| tensor.name.starts_with(prefix)).count();
    if let Some(prefix) = PREFIXES.into_iter().find(|prefix| count(prefix) >= FEWEST) {
        return below(tensors, prefix);
    }
    let is_known = |tensors: &[Tensor]| candidates(&Names::new(tensors)).next().is_some();
    if count(OTHERWISE) == 0 || is_known(&tensors) {
        return tensors;
    }
    let stripped = below(tensors.clone(), OTHERWISE);
    if is_known(&stripped) { stripped } else { tensors }
}

/// Those whose names begin so, by the rest of their names.
fn below(tensors: Vec<Tensor>, prefix: &str) -> Vec<Tensor> {
    let own = |tensor: Tensor| {
        let name = tensor.name.strip_prefix(prefix)?.to_owned();
        Some(Tensor { name, ..tensor })
    };
    tensors.into_iter().filter_map(own).collect()
}
