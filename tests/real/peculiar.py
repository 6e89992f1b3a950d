"""peculiar.py COMFYUI LOAD_LIST [NAME...]: models with what published files have beside them, or lack, judged like whole ones.

A model is the first of its family. What is added or taken away is known of published files, or something that no
version of ComfyUI knows. One whose order is said to be unknown is shown as such, and no error.
"""
import os
import sys
import tempfile

from comfy_lists import ARGUMENTS, META, torch
import families
from judge import ours, real, write


def tensor(*shape, dtype=torch.float16):
    return torch.empty(shape, device=META, dtype=dtype)


def scaled(sd):
    """An older fp8 file: `scaled_fp8`, and scales beside the weights of linear layers in blocks."""
    found = type(sd)(sd)
    for name, value in sd.items():
        if name.endswith(".weight") and value.dim() == 2 and "blocks." in name:
            layer = name.removesuffix("weight")
            found[name] = value.to(torch.float8_e4m3fn)
            found[layer + "scale_weight"] = found[layer + "scale_input"] = tensor(dtype=torch.float32)
    found["scaled_fp8"] = tensor(2, dtype=torch.float8_e4m3fn)
    return found


def plus(*names):
    return lambda sd: {**sd, **{name: tensor(8) for name in names}}


def below(prefix, *others):
    return lambda sd: {**{prefix + name: value for name, value in sd.items()}, **{name: tensor(8) for name in others}}


def minus(*ends):
    return lambda sd: {name: value for name, value in sd.items() if not name.endswith(ends)}


CHECKPOINT = ["model_ema.decay", "cond_stage_model.transformer.text_model.embeddings.position_ids", "first_stage_model.encoder.conv_in.weight",
              "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight", "denoiser.sigmas", "alphas_cumprod", "betas"]
VIDEO = ["vae.decoder.conv_in.conv.weight", "vae.per_channel_statistics.mean-of-means"]
CASES = [
    ("clip_l", "position_ids, logit_scale, vision", plus("text_model.embeddings.position_ids", "logit_scale", "vision_model.embeddings.class_embedding", "vision_model.encoder.layers.0.mlp.fc1.weight", "visual_projection.weight")),
    ("clip_g", "position_ids, logit_scale", plus("text_model.embeddings.position_ids", "logit_scale")),
    ("clip_l", "without projection", minus("text_projection.weight")),
    ("t5xxl", "embed_tokens", lambda sd: {**sd, "encoder.embed_tokens.weight": sd["shared.weight"]}),
    ("t5xxl", "decoder", plus("decoder.final_layer_norm.weight", "lm_head.weight", "decoder.block.0.layer.0.layer_norm.weight")),
    ("umt5xxl", "spiece_model", plus("spiece_model")),
    ("qwen25_7b", "lm_head", plus("lm_head.weight")),
    ("qwen3_4b", "lm_head", plus("lm_head.weight")),
    ("unet", "checkpoint", below("model.diffusion_model.", *CHECKPOINT)),
    ("flux", "checkpoint", below("model.diffusion_model.", "vae.decoder.conv_in.weight", "text_encoders.clip_l.logit_scale", "text_encoders.t5xxl.logit_scale")),
    ("flux", "prefix model.", below("model.")),
    ("flux", "prefix diffusion_model.", below("diffusion_model.")),
    ("wan", "checkpoint", below("model.diffusion_model.")),
    ("wan", "prefix diffusion_model.", below("diffusion_model.")),
    ("wan", "scaled_fp8", scaled),
    ("wan", "freqs", plus("freqs")),
    ("wan", "an unknown table", plus("unknown_table.weight")),
    ("wan", "an unknown module in a block", plus("blocks.0.unknown.weight")),
    ("wan", "vace_patch_embedding only", lambda sd: {**sd, "vace_patch_embedding.weight": tensor(256, 96, 1, 2, 2)}),
    ("wan", "without a bias", minus("blocks.1.ffn.2.bias")),
    ("wan", "without a norm", minus("blocks.1.self_attn.norm_q.weight")),
    ("wan", "without its biases", minus("cross_attn.k.bias", "cross_attn.v.bias", "head.head.bias")),
    ("flux", "scaled_fp8", scaled),
    ("flux", "without biases", minus("img_attn.qkv.bias", "linear1.bias")),
    ("cosmos", "logvar, accum", below("net.", "net.logvar.0.freqs", "net.logvar.1.weight", "net.accum_image_sample_counter", "net.accum_iteration", "net.pos_embedder.seq")),
    ("cosmos_predict2", "logvar, accum, _extra_state", below("net.", "net.logvar.0.freqs", "net.accum_iteration", "net.blocks.0.self_attn.q_norm._extra_state", "net.blocks.0.self_attn.attn_op._extra_state")),
    ("ltxv", "checkpoint", below("model.diffusion_model.", *VIDEO)),
    ("hunyuan_video", "checkpoint", below("model.model.")),
    ("hunyuan_video", "scaled_fp8", scaled),
    ("qwen_image", "checkpoint", below("model.diffusion_model.", "text_encoders.qwen25_7b.logit_scale")),
    ("qwen_image", "scaled_fp8", scaled),
    ("sd3", "checkpoint", below("model.diffusion_model.", "text_encoders.clip_g.logit_scale", "first_stage_model.encoder.conv_in.weight")),
    ("lumina2", "checkpoint", below("model.diffusion_model.", "model.diffusion_model.norm_final.weight")),
    ("lumina2", "norm_final", plus("norm_final.weight")),
    ("auraflow", "checkpoint", below("model.", "vae.decoder.conv_in.weight")),
    ("chroma", "unknown table", plus("distilled_guidance_layer.extra")),
    ("llama3_8b", "inv_freq", plus("model.layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight")),
    ("pixart", "pos_embed", lambda sd: {**sd, "pos_embed": tensor(1, 4096, 1152)}),
    ("hidream", "checkpoint", below("model.diffusion_model.")),
]


def hunyuan_original(sd):
    """The names before ComfyUI renames them, as published."""
    pairs = [("img_attn.qkv", "img_attn_qkv"), ("img_attn.proj", "img_attn_proj"), ("txt_attn.qkv", "txt_attn_qkv"), ("txt_attn.proj", "txt_attn_proj"),
             ("img_attn.norm.query_norm", "img_attn_q_norm"), ("img_attn.norm.key_norm", "img_attn_k_norm"), ("txt_attn.norm.query_norm", "txt_attn_q_norm"), ("txt_attn.norm.key_norm", "txt_attn_k_norm"),
             ("img_mlp.0", "img_mlp.fc1"), ("img_mlp.2", "img_mlp.fc2"), ("txt_mlp.0", "txt_mlp.fc1"), ("txt_mlp.2", "txt_mlp.fc2"),
             ("img_mod.lin", "img_mod.linear"), ("txt_mod.lin", "txt_mod.linear"), ("modulation.lin", "modulation.linear"), ("norm.query_norm", "q_norm"), ("norm.key_norm", "k_norm"),
             ("vector_in.in_layer", "vector_in.in_layer"), ("time_in.in_layer", "time_in.mlp.0"), ("time_in.out_layer", "time_in.mlp.2"), ("guidance_in.in_layer", "guidance_in.mlp.0"), ("guidance_in.out_layer", "guidance_in.mlp.2"),
             ("txt_in.c_embedder.in_layer", "txt_in.c_embedder.linear_1"), ("txt_in.c_embedder.out_layer", "txt_in.c_embedder.linear_2"), ("txt_in.t_embedder.in_layer", "txt_in.t_embedder.mlp.0"), ("txt_in.t_embedder.out_layer", "txt_in.t_embedder.mlp.2"),
             ("self_attn.qkv", "self_attn_qkv"), ("self_attn.proj", "self_attn_proj"), (".mlp.0.", ".mlp.fc1.")]
    found = {}
    for name, value in sd.items():
        for new, old in pairs:
            if new != ".mlp.0.":
                name = name.replace(new, old)
        if "individual_token_refiner.blocks" in name:
            name = name.replace("mlp.0.", "mlp.fc1.").replace("mlp.2.", "mlp.fc2.").replace("adaLN_modulation.fc1", "adaLN_modulation.1")
        found[name.replace("_mod.linearear", "_mod.linear")] = value
    return found


CASES.append(("hunyuan_video", "original names", hunyuan_original))


def judge(title, family, sd, program, path):
    write(path, sd)
    about, modules = ours(program, path)
    told = about["order"]
    try:
        theirs, _ = real(family.kind, family.clip_type, sd)
    except Exception as error:
        print(f"{title}: real ComfyUI: {type(error).__name__}: {str(error)[:100]}; here {about.get('architecture')}, order {told}")
        return told != "known"
    for row in theirs:
        row[4] = [each.replace(", ", ",") for each in row[4]]
    if "scaled_fp8" in sd:
        # What ComfyUI makes of scales goes by their numbers, and such a model has no type to choose.
        theirs, modules = ([row[:4] for row in rows] for rows in (theirs, modules))
    where = next((pair for pair in zip(theirs, modules) if pair[0] != pair[1]), None)
    is_same = where is None and len(theirs) == len(modules)
    verdict = "same" if is_same else "OTHER" if told == "known" else "other"
    print(f"{title}: {verdict}, {len(theirs)} modules, {about.get('architecture')}, order {told}")
    if not is_same:
        print(f"    {len(modules)} modules; first difference {where}")
    return is_same or told != "known"


def main():
    program, *wanted = ARGUMENTS
    program = os.path.abspath(program)
    by_name = {family.name: family for family in families.FAMILIES}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        for name, what, change in CASES:
            if (wanted and name not in wanted) or name not in by_name:
                continue
            family = by_name[name]
            results.append(judge(f"{name}, {what}", family, change(family.variants[0]()), program, path))
    print(f"{results.count(True)} right, {results.count(False)} wrong")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
