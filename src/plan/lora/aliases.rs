//! The names that LoRA files have for the weights of a model.
//!
//! Source: `model_lora_keys_unet` and `model_lora_keys_clip` in `comfy/lora.py` of ComfyUI, and the functions
//! `…_to_diffusers` in `comfy/utils.py`.

use std::collections::HashSet;

use super::diffusers;
use crate::plan::built::Built;

/// A name that a LoRA may have for a parameter. A name may stand for several parameters, and a parameter have many names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// The parameter's full name.
    pub key: String,
    /// Is it a name for all of the parameter? A name for a part of it, such as the queries of joint attention, brings
    /// no difference of the bias.
    pub whole: bool,
}

impl Alias {
    fn whole(name: String, key: &str) -> Self {
        Self { name, key: key.to_owned(), whole: true }
    }
}

/// All names that a LoRA may have for the parameters of a model.
pub fn aliases(built: &Built) -> Vec<Alias> {
    let of_module = |module: &crate::plan::built::BuiltModule| {
        let names: Vec<_> = module.parameters.iter().map(|p| format!("{}.{}", module.name, p.name)).collect();
        names
    };
    let mut keys: Vec<String> = built.modules.iter().flat_map(of_module).collect();
    keys.extend(built.unlisted.iter().map(|tensor| format!("diffusion_model.{}", tensor.name)));
    if built.is_text_encoder { of_text_encoder(&keys) } else { of_diffusion(&keys) }
}

fn of_diffusion(keys: &[String]) -> Vec<Alias> {
    let mut aliases = Vec::new();
    let has = |name: &str| keys.iter().any(|key| own_name(key) == name);
    let family = Family::of(has);
    let dialects = DIALECTS.iter().find(|dialects| has(dialects.marker));
    let blocks =
        (0..keys.len()).take_while(|number| has(&format!("joint_blocks.{number}.x_block.attn.qkv.weight"))).count();
    let unet = (family == Some(Family::Unet)).then(|| Unet::of(keys));
    for key in keys {
        let own = own_name(key);
        let mut add = |name: String| aliases.push(Alias::whole(name, key));
        let Some(own) = own.strip_suffix(".weight") else {
            add(key.clone());
            continue;
        };
        add(format!("lora_unet_{}", flat(own)));
        add(format!("diffusion_model.{own}"));
        if let Some((dialects, below)) = dialects.and_then(|d| Some((d, own.strip_prefix(d.below)?))) {
            dialects.plain.iter().for_each(|prefix| add(format!("{prefix}{below}")));
            dialects.flat.iter().for_each(|prefix| add(format!("{prefix}{}", flat(below))));
        }
        match family {
            Some(Family::Unet) => {
                for name in unet.iter().flat_map(|unet| unet.diffusers(own)) {
                    add(format!("lora_unet_{}", flat(&name)));
                    add(format!("lycoris_{}", flat(&name)));
                    let name = name.replace(".to_", ".processor.to_");
                    let name = name.strip_suffix(".to_out.0").map_or(name.clone(), |begin| format!("{begin}.to_out"));
                    add(format!("unet.{name}"));
                    add(name);
                }
            }
            Some(Family::Flux) => {
                let names = diffusers::FLUX.of(own);
                let parts = names.into_iter().flat_map(|(name, whole)| flux_prefixes(name).map(|name| (name, whole)));
                aliases.extend(parts.map(|(name, whole)| Alias { name, key: key.clone(), whole }));
                if own.ends_with(".linear1") {
                    aliases.push(Alias { name: format!("diffusion_model.{own}_qkv"), key: key.clone(), whole: false });
                }
            }
            Some(Family::Sd3) => {
                let is_last =
                    own == format!("joint_blocks.{}.context_block.adaLN_modulation.1", blocks.saturating_sub(1));
                for (name, whole) in diffusers::SD3.of(own) {
                    let flat = flat(&name);
                    let plain = ["transformer.", "base_model.model."].map(|prefix| format!("{prefix}{name}"));
                    let names =
                        [format!("lora_transformer_{flat}"), format!("lycoris_{flat}")].into_iter().chain(plain);
                    let whole = whole && !is_last;
                    aliases.extend(names.map(|name| Alias { name, key: key.clone(), whole }));
                }
            }
            Some(Family::PixArt) => {
                for (name, whole) in diffusers::PIXART.of(own) {
                    let names = ["transformer.", "base_model.model.", "unet.base_model.model."];
                    let names = names.into_iter().map(|prefix| format!("{prefix}{name}"));
                    aliases.extend(names.map(|name| Alias { name, key: key.clone(), whole }));
                }
            }
            Some(Family::Hunyuan) => {
                let name = own.replace("_mod.lin", "_mod.linear").replace("_attn.qkv", "_attn_qkv");
                let name = name.replace("_attn.proj", "_attn_proj").replace("mlp.0", "mlp.fc1");
                let name = name.replace("mlp.2", "mlp.fc2").replace(".modulation.lin", ".modulation.linear");
                add(format!("transformer.{name}"));
                add(format!("diffusion_model.{name}"));
            }
            Some(Family::Lumina) => {
                let (names, whole) = lumina_names(own);
                let flat = |name: &str| format!("lycoris_{}", flat(name));
                let each = |name: String| {
                    [flat(&name), format!("diffusion_model.{name}"), format!("transformer.{name}"), name]
                };
                let names = names.into_iter().flat_map(each);
                aliases.extend(names.map(|name| Alias { name, key: key.clone(), whole }));
            }
            None => {}
        }
    }
    aliases
}

/// What goes before the names of an architecture's weights in the files of some trainers.
struct Dialects {
    /// A weight that only this architecture has.
    marker: &'static str,
    /// The part of the model that has these names.
    below: &'static str,
    plain: &'static [&'static str],
    /// Before names with `_` for each point.
    flat: &'static [&'static str],
}

const fn dialects(marker: &'static str, plain: &'static [&'static str], flat: &'static [&'static str]) -> Dialects {
    Dialects { marker, below: "", plain, flat }
}

const DIALECTS: [Dialects; 10] = [
    // Qwen-Image
    dialects("transformer_blocks.0.attn.add_q_proj.weight", &["", "transformer."], &["lycoris_"]),
    // Mochi
    dialects("blocks.0.attn.qkv_x.weight", &[""], &[]),
    // ACE-Step
    dialects("lyric_encoder.after_norm.weight", &[""], &[]),
    Dialects {
        below: "decoder.",
        ..dialects("decoder.layers.0.self_attn_norm.weight", &["base_model.model."], &["lycoris_"])
    },
    // OmniGen 2
    dialects("time_caption_embed.caption_embedder.0.weight", &[""], &[]),
    // Kandinsky 5
    dialects("pooled_text_embeddings.in_layer.weight", &["", "transformer."], &[]),
    // LTX-Video
    dialects("patchify_proj.weight", &[""], &[]),
    // HunyuanDiT
    dialects("blocks.0.attn1.Wqkv.weight", &["base_model.model."], &[]),
    // HiDream
    dialects("caption_projection.0.linear.weight", &["transformer."], &["lycoris_"]),
    // Stable Cascade
    dialects("clip_txt_mapper.weight", &[], &["lora_prior_unet_"]),
];

/// Families of models whose weights have other names in diffusers, by what they are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Stable Diffusion 1, 2 and XL.
    Unet,
    Flux,
    /// Stable Diffusion 3.
    Sd3,
    /// `PixArt` Alpha and Sigma.
    PixArt,
    Hunyuan,
    /// Lumina 2 and Z-Image.
    Lumina,
}

impl Family {
    fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        let known = [
            ("input_blocks.0.0.weight", Self::Unet),
            ("txt_in.individual_token_refiner.blocks.0.self_attn.qkv.weight", Self::Hunyuan),
            ("double_blocks.0.img_attn.qkv.weight", Self::Flux),
            ("joint_blocks.0.x_block.attn.qkv.weight", Self::Sd3),
            ("t_block.1.weight", Self::PixArt),
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

fn flux_prefixes(name: String) -> [String; 4] {
    let flat = flat(&name);
    [format!("transformer.{name}"), format!("lycoris_{flat}"), format!("lora_transformer_{flat}"), name]
}

/// The names of diffusers for a weight of Lumina 2, and whether they are for all of it. It has none for the modulation of
/// Lumina's blocks, which Z-Image has under another number.
fn lumina_names(own: &str) -> (Vec<String>, bool) {
    if let Some(block) = own.strip_suffix(".attention.qkv") {
        return (["to_q", "to_k", "to_v"].map(|part| format!("{block}.attention.{part}")).to_vec(), false);
    }
    let parts = [
        (".attention.q_norm", ".attention.norm_q"),
        (".attention.k_norm", ".attention.norm_k"),
        (".attention.out", ".attention.to_out.0"),
    ];
    if let Some((begin, name)) = parts.iter().find_map(|(known, name)| Some((own.strip_suffix(known)?, name))) {
        return (vec![format!("{begin}{name}")], true);
    }
    let name = match own {
        "final_layer.linear" | "final_layer.adaLN_modulation.1" => {
            own.replacen("final_layer.", "all_final_layer.2-1.", 1)
        }
        "x_embedder" => "all_x_embedder.2-1".to_owned(),
        _ if own.ends_with(".adaLN_modulation.1") => return (Vec::new(), true),
        _ => own.to_owned(),
    };
    (vec![name], true)
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
        let modules: HashSet<&str> = keys.iter().filter_map(|key| own_name(key).strip_suffix(".weight")).collect();
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

    /// The names of diffusers for a weight.
    fn diffusers(&self, own: &str) -> Vec<String> {
        match own {
            "label_emb.0.0" => ["class_embedding.linear_1", "add_embedding.linear_1"].map(str::to_owned).to_vec(),
            "label_emb.0.2" => ["class_embedding.linear_2", "add_embedding.linear_2"].map(str::to_owned).to_vec(),
            _ => self.place(own).into_iter().collect(),
        }
    }

    fn place(&self, own: &str) -> Option<String> {
        let basic = [
            ("time_embed.0", "time_embedding.linear_1"),
            ("time_embed.2", "time_embedding.linear_2"),
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

fn of_text_encoder(keys: &[String]) -> Vec<Alias> {
    let mut aliases = Vec::new();
    for key in keys {
        let Some(own) = key.strip_suffix(".weight") else { continue };
        let mut add = |name: String| aliases.push(Alias::whole(name, key));
        add(format!("text_encoders.{own}"));
        if let Some((encoder, rest)) = own.split_once(".transformer.")
            && !encoder.starts_with("clip_")
        {
            add(format!("text_encoders.transformer.{rest}"));
        }
        if let Some((encoder, layer)) = own.split_once(".transformer.text_model.encoder.layers.") {
            let (prefixes, diffusers): (&[&str], &[&str]) = match encoder {
                "clip_l" | "clip_h" => (&["lora_te", "lora_te1"], &["text_encoder"]),
                // The second of a pair has the 2; alone it has none.
                "clip_g" => (&["lora_te", "lora_te2", "lora_prior_te"], &["text_encoder", "text_encoder_2"]),
                _ => (&[], &[]),
            };
            for prefix in prefixes {
                add(format!("{prefix}_text_model_encoder_layers_{}", flat(layer)));
            }
            for prefix in diffusers {
                add(format!("{prefix}.text_model.encoder.layers.{layer}"));
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
