//! The names that LoRA files have for the weights of a model.
//!
//! Source: `model_lora_keys_unet` and `model_lora_keys_clip` in `comfy/lora.py` of ComfyUI, and the functions
//! `…_to_diffusers` in `comfy/utils.py`.

use std::collections::HashSet;

use crate::plan::built::Built;

/// Each name that a LoRA may have for a parameter, and the parameter's full name. A name may stand for several
/// parameters and a parameter have many names.
pub fn aliases(built: &Built) -> Vec<(String, String)> {
    let of_module = |module: &crate::plan::built::BuiltModule| {
        let names: Vec<_> = module.parameters.iter().map(|p| format!("{}.{}", module.name, p.name)).collect();
        names
    };
    let mut keys: Vec<String> = built.modules.iter().flat_map(of_module).collect();
    keys.extend(built.unlisted.iter().map(|tensor| format!("diffusion_model.{}", tensor.name)));
    if built.is_text_encoder { of_text_encoder(&keys) } else { of_diffusion(&keys) }
}

fn of_diffusion(keys: &[String]) -> Vec<(String, String)> {
    let mut aliases = Vec::new();
    let has = |name: &str| keys.iter().any(|key| own_name(key) == name);
    let family = Family::of(has);
    let unet = (family == Some(Family::Unet)).then(|| Unet::of(keys));
    for key in keys {
        let own = own_name(key);
        let Some(own) = own.strip_suffix(".weight") else {
            aliases.push((key.clone(), key.clone()));
            if let (Some(Family::Flux), Some(own)) = (family, own.strip_suffix(".scale")) {
                aliases.extend(flux_names(own).into_iter().flat_map(flux_prefixes).map(|name| (name, key.clone())));
            }
            continue;
        };
        let mut add = |name: String| aliases.push((name, key.clone()));
        add(format!("lora_unet_{}", flat(own)));
        add(format!("diffusion_model.{own}"));
        match family {
            Some(Family::Unet) => {
                if let Some(name) = unet.as_ref().and_then(|unet| unet.diffusers(own)) {
                    add(format!("lora_unet_{}", flat(&name)));
                    add(format!("lycoris_{}", flat(&name)));
                    let name = name.replace(".to_", ".processor.to_");
                    let name = name.strip_suffix(".to_out.0").map_or(name.clone(), |begin| format!("{begin}.to_out"));
                    add(format!("unet.{name}"));
                    add(name);
                }
            }
            Some(Family::Flux) => {
                flux_names(own).into_iter().flat_map(flux_prefixes).for_each(&mut add);
                if own.ends_with(".linear1") {
                    add(format!("diffusion_model.{own}_qkv"));
                }
            }
            Some(Family::Hunyuan) => {
                let name = own.replace("_mod.lin", "_mod.linear").replace("_attn.qkv", "_attn_qkv");
                let name = name.replace("_attn.proj", "_attn_proj").replace("mlp.0", "mlp.fc1");
                let name = name.replace("mlp.2", "mlp.fc2").replace(".modulation.lin", ".modulation.linear");
                add(format!("transformer.{name}"));
                add(format!("diffusion_model.{name}"));
            }
            Some(Family::Plain) => {
                add(own.to_owned());
                add(format!("transformer.{own}"));
                add(format!("lycoris_{}", flat(own)));
            }
            Some(Family::Lumina) => {
                for name in lumina_names(own) {
                    add(format!("lycoris_{}", flat(&name)));
                    add(format!("diffusion_model.{name}"));
                    add(format!("transformer.{name}"));
                }
            }
            None => {}
        }
    }
    aliases
}

/// Families of models with names of their own, by what they are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Stable Diffusion 1, 2 and XL.
    Unet,
    Flux,
    Hunyuan,
    /// Qwen-Image.
    Plain,
    /// Lumina 2 and Z-Image.
    Lumina,
}

impl Family {
    fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        let known = [
            ("input_blocks.0.0.weight", Self::Unet),
            ("txt_in.individual_token_refiner.blocks.0.self_attn.qkv.weight", Self::Hunyuan),
            ("double_blocks.0.img_attn.qkv.weight", Self::Flux),
            ("transformer_blocks.0.attn.add_q_proj.weight", Self::Plain),
            ("layers.0.attention.qkv.weight", Self::Lumina),
        ];
        known.into_iter().find(|(name, _)| has(name)).map(|(_, family)| family)
    }
}

/// The name in the diffusion model. Where the architecture is not known, names have no prefix.
fn own_name(key: &str) -> &str {
    key.strip_prefix("diffusion_model.").unwrap_or(key)
}

fn flat(name: &str) -> String {
    name.replace('.', "_")
}

fn flux_prefixes(name: String) -> [String; 3] {
    [format!("transformer.{name}"), format!("lycoris_{}", flat(&name)), format!("lora_transformer_{}", flat(&name))]
}

/// The names of diffusers for a weight of Flux: several for what ComfyUI has in one.
fn flux_names(own: &str) -> Vec<String> {
    const DOUBLE: [(&str, &[&str]); 14] = [
        ("img_attn.qkv", &["attn.to_q", "attn.to_k", "attn.to_v"]),
        ("txt_attn.qkv", &["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]),
        ("img_attn.proj", &["attn.to_out.0"]),
        ("img_mod.lin", &["norm1.linear"]),
        ("txt_mod.lin", &["norm1_context.linear"]),
        ("txt_attn.proj", &["attn.to_add_out"]),
        ("img_mlp.0", &["ff.net.0.proj"]),
        ("img_mlp.2", &["ff.net.2"]),
        ("txt_mlp.0", &["ff_context.net.0.proj"]),
        ("txt_mlp.2", &["ff_context.net.2"]),
        ("img_attn.norm.query_norm", &["attn.norm_q"]),
        ("img_attn.norm.key_norm", &["attn.norm_k"]),
        ("txt_attn.norm.query_norm", &["attn.norm_added_q"]),
        ("txt_attn.norm.key_norm", &["attn.norm_added_k"]),
    ];
    const SINGLE: [(&str, &[&str]); 5] = [
        ("linear1", &["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"]),
        ("modulation.lin", &["norm.linear"]),
        ("linear2", &["proj_out"]),
        ("norm.query_norm", &["attn.norm_q"]),
        ("norm.key_norm", &["attn.norm_k"]),
    ];
    const BASIC: [(&str, &str); 11] = [
        ("final_layer.linear", "proj_out"),
        ("img_in", "x_embedder"),
        ("time_in.in_layer", "time_text_embed.timestep_embedder.linear_1"),
        ("time_in.out_layer", "time_text_embed.timestep_embedder.linear_2"),
        ("txt_in", "context_embedder"),
        ("vector_in.in_layer", "time_text_embed.text_embedder.linear_1"),
        ("vector_in.out_layer", "time_text_embed.text_embedder.linear_2"),
        ("guidance_in.in_layer", "time_text_embed.guidance_embedder.linear_1"),
        ("guidance_in.out_layer", "time_text_embed.guidance_embedder.linear_2"),
        ("final_layer.adaLN_modulation.1", "norm_out.linear"),
        ("pos_embed_input", "controlnet_x_embedder"),
    ];
    let numbered = |prefix: &str, to: &str, table: &[(&str, &[&str])]| {
        let (number, part) = own.strip_prefix(prefix)?.split_once('.')?;
        let (_, names) = table.iter().find(|(known, _)| *known == part)?;
        Some(names.iter().map(|name| format!("{to}.{number}.{name}")).collect())
    };
    numbered("double_blocks.", "transformer_blocks", &DOUBLE)
        .or_else(|| numbered("single_blocks.", "single_transformer_blocks", &SINGLE))
        .or_else(|| BASIC.iter().find(|(known, _)| *known == own).map(|(_, name)| vec![(*name).to_owned()]))
        .unwrap_or_default()
}

/// The names of diffusers for a weight of Lumina 2.
fn lumina_names(own: &str) -> Vec<String> {
    if let Some(block) = own.strip_suffix(".attention.qkv") {
        return ["to_q", "to_k", "to_v"].map(|part| format!("{block}.attention.{part}")).to_vec();
    }
    let parts = [
        (".attention.q_norm", ".attention.norm_q"),
        (".attention.k_norm", ".attention.norm_k"),
        (".attention.out", ".attention.to_out.0"),
    ];
    if let Some((begin, name)) = parts.iter().find_map(|(known, name)| Some((own.strip_suffix(known)?, name))) {
        return vec![format!("{begin}{name}")];
    }
    match own {
        "final_layer.linear" | "final_layer.adaLN_modulation.1" => {
            vec![own.replacen("final_layer.", "all_final_layer.2-1.", 1)]
        }
        "x_embedder" => vec!["all_x_embedder.2-1".to_owned()],
        _ => vec![own.to_owned()],
    }
}

/// Where the blocks of a U-Net stand in diffusers, which counts them by level.
struct Unet {
    /// For each of ComfyUI's input blocks: its level and its place there.
    inputs: Vec<(usize, usize)>,
    /// For each of its output blocks, likewise.
    outputs: Vec<(usize, usize)>,
}

impl Unet {
    fn of(keys: &[String]) -> Self {
        let modules: HashSet<&str> =
            keys.iter().filter_map(|key| own_name(key).strip_suffix(".weight")).collect();
        let places = |blocks: &str, first: usize, ends_level: &dyn Fn(usize) -> bool| {
            let mut places = vec![(0, 0); first];
            let (mut level, mut place) = (0, 0);
            let exists = |n: usize| {
                ["0.in_layers.0", "0.op"].iter().any(|part| modules.contains(&*format!("{blocks}.{n}.{part}")))
            };
            for n in first.. {
                if !exists(n) {
                    break;
                }
                places.push((level, place));
                place += 1;
                if ends_level(n) {
                    (level, place) = (level + 1, 0);
                }
            }
            places
        };
        let inputs = places("input_blocks", 1, &|n| modules.contains(&*format!("input_blocks.{n}.0.op")));
        let outputs = places("output_blocks", 0, &|n| {
            [1, 2].iter().any(|c| modules.contains(&*format!("output_blocks.{n}.{c}.conv")))
        });
        Self { inputs, outputs }
    }

    /// The name of diffusers for a weight; `None` if it has none.
    fn diffusers(&self, own: &str) -> Option<String> {
        let basic = [
            ("time_embed.0", "time_embedding.linear_1"),
            ("time_embed.2", "time_embedding.linear_2"),
            ("label_emb.0.0", "add_embedding.linear_1"),
            ("label_emb.0.2", "add_embedding.linear_2"),
            ("input_blocks.0.0", "conv_in"),
            ("out.0", "conv_norm_out"),
            ("out.2", "conv_out"),
        ];
        if let Some((_, name)) = basic.iter().find(|(known, _)| *known == own) {
            return Some((*name).to_owned());
        }
        let (blocks, rest) = own.split_once('.')?;
        let (first, rest) = rest.split_once('.')?;
        let number: usize = first.parse().ok()?;
        if blocks == "middle_block" {
            return Some(match number {
                1 => format!("mid_block.attentions.0.{rest}"),
                _ => format!("mid_block.resnets.{}.{}", number / 2, resnet(rest)?),
            });
        }
        let (part, rest) = rest.split_once('.')?;
        let (side, &(level, place)) = match blocks {
            "input_blocks" => ("down_blocks", self.inputs.get(number)?),
            "output_blocks" => ("up_blocks", self.outputs.get(number)?),
            _ => return None,
        };
        Some(match (part, rest) {
            ("0", "op") => format!("{side}.{level}.downsamplers.0.conv"),
            (_, "conv") => format!("{side}.{level}.upsamplers.0.conv"),
            ("0", _) => format!("{side}.{level}.resnets.{place}.{}", resnet(rest)?),
            _ => format!("{side}.{level}.attentions.{place}.{rest}"),
        })
    }
}

fn resnet(part: &str) -> Option<&'static str> {
    Some(match part {
        "in_layers.0" => "norm1",
        "in_layers.2" => "conv1",
        "emb_layers.1" => "time_emb_proj",
        "out_layers.0" => "norm2",
        "out_layers.3" => "conv2",
        "skip_connection" => "conv_shortcut",
        _ => return None,
    })
}

fn of_text_encoder(keys: &[String]) -> Vec<(String, String)> {
    let mut aliases = Vec::new();
    for key in keys {
        let Some(own) = key.strip_suffix(".weight") else { continue };
        let mut add = |name: String| aliases.push((name, key.clone()));
        add(format!("text_encoders.{own}"));
        if let Some((encoder, layer)) = own.split_once(".transformer.text_model.encoder.layers.") {
            let (prefixes, diffusers): (&[&str], _) = match encoder {
                "clip_l" | "clip_h" => (&["lora_te", "lora_te1"], "text_encoder"),
                // The second of a pair has the 2; alone it has none.
                "clip_g" => (&["lora_te", "lora_te2", "lora_prior_te"], "text_encoder_2"),
                _ => (&[], ""),
            };
            for prefix in prefixes {
                add(format!("{prefix}_text_model_encoder_layers_{}", flat(layer)));
            }
            if !diffusers.is_empty() {
                add(format!("{diffusers}.text_model.encoder.layers.{layer}"));
            }
        }
        if let Some(layer) = own.strip_prefix("t5xxl.transformer.") {
            // Its number is its place among the text encoders of the model.
            for number in 1..=3 {
                add(format!("lora_te{number}_{}", flat(layer)));
            }
        }
        if own == "clip_g.transformer.text_projection" {
            add("lora_prior_te_text_projection".to_owned());
            add("lora_te2_text_projection".to_owned());
        }
        if own == "clip_l.transformer.text_projection" {
            add("lora_te1_text_projection".to_owned());
        }
    }
    aliases
}
