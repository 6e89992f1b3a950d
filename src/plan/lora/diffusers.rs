//! What the weights of a model are called in diffusers, for the families whose names there come from tables.
//!
//! Source: the functions `…_to_diffusers` in `comfy/utils.py` of ComfyUI.

/// The names of one family.
pub(super) struct Names {
    blocks: &'static [Blocks],
    /// For the weights outside of blocks: ComfyUI's names and those of diffusers.
    others: &'static [(&'static str, &'static str)],
    /// Does a name of diffusers, without its block, stand for a part of the weight only, or for one in another order?
    is_part: fn(&str) -> bool,
}

/// Numbered blocks of one kind.
struct Blocks {
    comfyui: &'static str,
    diffusers: &'static str,
    weights: &'static [(&'static str, &'static [&'static str])],
}

impl Names {
    /// The names of a weight, and whether each is one for all of it.
    pub(super) fn of(&self, own: &str) -> Vec<(String, bool)> {
        let block = self.blocks.iter().find_map(|blocks| {
            let (number, weight) = own.strip_prefix(blocks.comfyui)?.split_once('.')?;
            let (_, names) = blocks.weights.iter().find(|(known, _)| *known == weight)?;
            let names =
                names.iter().map(|name| (format!("{}.{number}.{name}", blocks.diffusers), !(self.is_part)(name)));
            Some(names.collect())
        });
        let other = || {
            let (_, name) = self.others.iter().find(|(known, _)| *known == own)?;
            Some(vec![((*name).to_owned(), !(self.is_part)(name))])
        };
        block.or_else(other).unwrap_or_default()
    }
}

/// Flux.
pub(super) const FLUX: Names = Names {
    blocks: &[
        Blocks {
            comfyui: "double_blocks.",
            diffusers: "transformer_blocks",
            weights: &[
                ("img_attn.qkv", &["attn.to_q", "attn.to_k", "attn.to_v"]),
                ("txt_attn.qkv", &["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]),
                ("img_attn.proj", &["attn.to_out.0"]),
                ("img_mod.lin", &["norm1.linear"]),
                ("txt_mod.lin", &["norm1_context.linear"]),
                ("txt_attn.proj", &["attn.to_add_out"]),
                ("img_mlp.0", &["ff.net.0.proj", "ff.linear_in"]),
                ("img_mlp.2", &["ff.net.2", "ff.linear_out"]),
                ("txt_mlp.0", &["ff_context.net.0.proj", "ff_context.linear_in"]),
                ("txt_mlp.2", &["ff_context.net.2", "ff_context.linear_out"]),
                ("img_attn.norm.query_norm", &["attn.norm_q"]),
                ("img_attn.norm.key_norm", &["attn.norm_k"]),
                ("txt_attn.norm.query_norm", &["attn.norm_added_q"]),
                ("txt_attn.norm.key_norm", &["attn.norm_added_k"]),
            ],
        },
        Blocks {
            comfyui: "single_blocks.",
            diffusers: "single_transformer_blocks",
            weights: &[
                ("linear1", &["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp", "attn.to_qkv_mlp_proj"]),
                ("modulation.lin", &["norm.linear"]),
                ("linear2", &["proj_out", "attn.to_out"]),
                ("norm.query_norm", &["attn.norm_q"]),
                ("norm.key_norm", &["attn.norm_k"]),
            ],
        },
    ],
    others: &[
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
    ],
    is_part: |name| matches!(name, "proj_mlp" | "norm_out.linear") || is_query_key_or_value(name),
};

/// Stable Diffusion 3. Its last `norm1_context` is one of those in another order, too.
pub(super) const SD3: Names = Names {
    blocks: &[Blocks {
        comfyui: "joint_blocks.",
        diffusers: "transformer_blocks",
        weights: &[
            ("x_block.attn.qkv", &["attn.to_q", "attn.to_k", "attn.to_v"]),
            ("context_block.attn.qkv", &["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]),
            ("x_block.attn2.qkv", &["attn2.to_q", "attn2.to_k", "attn2.to_v"]),
            ("context_block.adaLN_modulation.1", &["norm1_context.linear"]),
            ("context_block.attn.proj", &["attn.to_add_out"]),
            ("context_block.mlp.fc1", &["ff_context.net.0.proj"]),
            ("context_block.mlp.fc2", &["ff_context.net.2"]),
            ("context_block.attn.ln_q", &["attn.norm_added_q"]),
            ("context_block.attn.ln_k", &["attn.norm_added_k"]),
            ("x_block.adaLN_modulation.1", &["norm1.linear"]),
            ("x_block.attn.proj", &["attn.to_out.0"]),
            ("x_block.attn.ln_q", &["attn.norm_q"]),
            ("x_block.attn.ln_k", &["attn.norm_k"]),
            ("x_block.attn2.proj", &["attn2.to_out.0"]),
            ("x_block.attn2.ln_q", &["attn2.norm_q"]),
            ("x_block.attn2.ln_k", &["attn2.norm_k"]),
            ("x_block.mlp.fc1", &["ff.net.0.proj"]),
            ("x_block.mlp.fc2", &["ff.net.2"]),
        ],
    }],
    others: &[
        ("context_embedder", "context_embedder"),
        ("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
        ("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
        ("x_embedder.proj", "pos_embed.proj"),
        ("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
        ("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
        ("final_layer.adaLN_modulation.1", "norm_out.linear"),
        ("final_layer.linear", "proj_out"),
    ],
    is_part: |name| name == "norm_out.linear" || is_query_key_or_value(name),
};

/// `PixArt` Alpha and Sigma.
pub(super) const PIXART: Names = Names {
    blocks: &[Blocks {
        comfyui: "blocks.",
        diffusers: "transformer_blocks",
        weights: &[
            ("attn.qkv", &["attn1.to_q", "attn1.to_k", "attn1.to_v"]),
            ("cross_attn.q_linear", &["attn2.to_q"]),
            ("cross_attn.kv_linear", &["attn2.to_k", "attn2.to_v"]),
            ("attn.proj", &["attn1.to_out.0"]),
            ("mlp.fc1", &["ff.net.0.proj"]),
            ("mlp.fc2", &["ff.net.2"]),
            ("cross_attn.proj", &["attn2.to_out.0"]),
        ],
    }],
    others: &[
        ("csize_embedder.mlp.0", "adaln_single.emb.resolution_embedder.linear_1"),
        ("csize_embedder.mlp.2", "adaln_single.emb.resolution_embedder.linear_2"),
        ("ar_embedder.mlp.0", "adaln_single.emb.aspect_ratio_embedder.linear_1"),
        ("ar_embedder.mlp.2", "adaln_single.emb.aspect_ratio_embedder.linear_2"),
        ("x_embedder.proj", "pos_embed.proj"),
        ("y_embedder.y_proj.fc1", "caption_projection.linear_1"),
        ("y_embedder.y_proj.fc2", "caption_projection.linear_2"),
        ("t_embedder.mlp.0", "adaln_single.emb.timestep_embedder.linear_1"),
        ("t_embedder.mlp.2", "adaln_single.emb.timestep_embedder.linear_2"),
        ("t_block.1", "adaln_single.linear"),
        ("final_layer.linear", "proj_out"),
    ],
    is_part: |name| name != "attn2.to_q" && is_query_key_or_value(name),
};

/// Does ComfyUI hold it together with others, in one weight?
fn is_query_key_or_value(name: &str) -> bool {
    name.split_once('.').is_some_and(|(_, name)| {
        matches!(name, "to_q" | "to_k" | "to_v") || name.starts_with("add_") && name.ends_with("_proj")
    })
}
