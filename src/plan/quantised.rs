//! Safetensors files with quantised layers: `comfy_quant`, and the older `scaled_fp8`, which ComfyUI converts to it.
//!
//! Such a layer has its weight in a type of its own (fp8, nvfp4, …), a scale, and a `comfy_quant` of JSON that names
//! the format. ComfyUI writes that JSON again when it lists what the layer holds, so its bytes count too.
//!
//! Source: `convert_old_quants` and `detect_layer_quantization` in `comfy/utils.py` of ComfyUI, `mixed_precision_ops` in
//! `comfy/ops.py`.

use std::collections::HashSet;

use ::safetensors::Dtype;

use super::safetensors::Quantisation;
use super::tensor::{Storage, Tensor};

/// The parameter that marks a layer as quantised.
pub(super) const MARK: &str = "comfy_quant";
/// Bytes of `{"format": "float8_e4m3fn"}`, and of the same with `"full_precision_matrix_mult": true`.
const FP8_BYTES: [u64; 2] = [27, 63];

/// Is there a quantised layer among them?
pub(super) fn is_quantised(tensors: &[Tensor]) -> bool {
    tensors.iter().any(|tensor| tensor.parts().1 == MARK)
}

/// The tensors as ComfyUI has them after reading the file: layers marked that only the header names as quantised, and
/// those of an old file.
pub(super) fn converted(tensors: Vec<Tensor>, header: &[Quantisation]) -> Vec<Tensor> {
    if !header.is_empty() {
        let marks = header.iter().filter_map(|layer| mark(&layer.layer, layer.json_bytes));
        return tensors.into_iter().chain(marks).collect();
    }
    let Some(old) = tensors.iter().find(|tensor| tensor.name == "scaled_fp8") else { return tensors };
    let json_bytes = FP8_BYTES[usize::from(old.elements == 2)];
    let mut layers = HashSet::new();
    let mut out = Vec::new();
    for tensor in tensors {
        let renamed = match tensor.parts() {
            (layer, "scale_weight") => {
                layers.insert(layer.to_owned());
                format!("{layer}.weight_scale")
            }
            (layer, "scale_input") => format!("{layer}.input_scale"),
            ("", "scaled_fp8") => continue,
            _ => tensor.name.clone(),
        };
        out.push(Tensor { name: renamed, ..tensor });
    }
    let mut layers: Vec<_> = layers.into_iter().collect();
    layers.sort();
    out.extend(layers.iter().filter_map(|layer| mark(layer, json_bytes)));
    out
}

fn mark(layer: &str, json_bytes: u64) -> Option<Tensor> {
    Tensor::new(format!("{layer}.{MARK}"), vec![json_bytes], Storage::Torch(Dtype::U8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[u64], dtype: Dtype) -> Tensor {
        Tensor::new(name.to_owned(), shape.to_vec(), Storage::Torch(dtype)).unwrap()
    }

    #[test]
    fn an_old_file_becomes_a_new_one() {
        let old = vec![
            tensor("a.weight", &[4, 4], Dtype::F8_E4M3),
            tensor("a.scale_weight", &[], Dtype::F32),
            tensor("b.weight", &[4], Dtype::F16),
            tensor("scaled_fp8", &[2], Dtype::F8_E4M3),
        ];
        assert!(!is_quantised(&old));
        let new = converted(old, &[]);
        let told: Vec<_> = new.iter().map(|t| (&t.name[..], t.bytes)).collect();
        assert_eq!(told, [("a.weight", 16), ("a.weight_scale", 4), ("b.weight", 8), ("a.comfy_quant", 63)]);
        assert!(is_quantised(&new));
    }

    #[test]
    fn the_header_names_layers() {
        let layer = Quantisation { layer: "a".to_owned(), json_bytes: 19 };
        let new = converted(vec![tensor("a.weight", &[4, 4], Dtype::U8)], &[layer]);
        assert_eq!((&new[1].name[..], new[1].bytes), ("a.comfy_quant", 19));
    }
}
