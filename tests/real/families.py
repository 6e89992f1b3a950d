"""Small models of every architecture: what ComfyUI's detection has to see is there, the rest is as small as it can be."""
import dataclasses
import json
import os

import comfy.clip_model
import comfy.text_encoders.t5

from comfy_lists import COMFYUI, META, comfy, diffusion, torch

WAN = dict(patch_size=(1, 2, 2), dim=256, ffn_dim=512, freq_dim=256, text_dim=4096, out_dim=16, num_heads=2, in_dim=16, num_layers=2, qk_norm=True, cross_attn_norm=True)
FLUX = dict(in_channels=16, out_channels=16, vec_in_dim=768, context_in_dim=64, hidden_size=3072, mlp_ratio=4.0, num_heads=24, depth=2, depth_single_blocks=2, axes_dim=[16, 56, 56], theta=10000, patch_size=2, qkv_bias=True, guidance_embed=True, txt_ids_dims=[], yak_mlp=False, txt_norm=False)


def wan(config="WAN21_T2V", **options):
    return lambda: diffusion(config, **{**WAN, **options})


def flux(config="Flux", **options):
    return lambda: diffusion(config, **{**FLUX, **options})


FAMILIES = []


@dataclasses.dataclass
class Family:
    """An architecture: small models of it, and what the head of its outline says."""

    name: str
    titles: list
    condition: str
    variants: list
    kind: str = "diffusion"
    at: str = "diffusion_model"
    types: list = dataclasses.field(default_factory=list)
    dropped: list = dataclasses.field(default_factory=list)
    made: dict = dataclasses.field(default_factory=dict)
    renames: list = dataclasses.field(default_factory=list)
    clip_type: str = "STABLE_DIFFUSION"


def family(name, titles, condition, variants, **options):
    FAMILIES.append(Family(name, [titles] if isinstance(titles, str) else titles, condition, variants, **options))


def wan_family(name, titles, condition, *variants):
    family(name, titles, "head.modulation " + condition, list(variants))


wan_family("wan_vace", "WAN VACE", "vace_patch_embedding.weight",
    wan("WAN21_Vace", model_type="vace", vace_layers=2, vace_in_dim=96))
wan_family("wan_camera", "WAN with camera control", "control_adapter.conv.weight",
    wan("WAN21_Camera", model_type="camera", in_dim=32, in_dim_control_adapter=24),
    wan("WAN22_Camera", model_type="camera_2.2", in_dim=36, in_dim_control_adapter=24))
wan_family("wan_s2v", "WAN 2.2, speech to video", "casual_audio_encoder.encoder.final_linear.weight",
    wan("WAN22_S2V", model_type="s2v", num_layers=40))
wan_family("wan_humo", "WAN HuMo", "audio_proj.audio_proj_glob_1.layer.bias", wan("WAN21_HuMo", model_type="humo"))
wan_family("wan_animate", "WAN 2.2 Animate", "face_adapter.fuser_blocks.0.k_norm.weight",
    wan("WAN22_Animate", model_type="animate", num_layers=40, in_dim=36))
wan_family("wan", ["WAN, image to video if img_emb", "WAN 2.2, text and image to video if patch_embedding.weight[1]=48 head.head.weight[0]=192", "WAN"], "blocks.0.self_attn.norm_q.weight",
    wan(model_type="t2v"),
    wan("WAN21_I2V", model_type="i2v", in_dim=36),
    wan("WAN21_I2V", model_type="i2v", in_dim=36, flf_pos_embed_token_number=514),
    wan("WAN21_FunControl2V", model_type="i2v", in_dim=48, in_dim_ref_conv=16),
    wan(model_type="t2v", in_dim_ref_conv=16),
    wan("WAN22_T2V", model_type="t2v", out_dim=48, in_dim=48))
family("flux", ["Flux Fill if img_in.weight[1]=384", "Flux Schnell if !guidance_in", "Flux"], "double_blocks.0.img_attn.norm.key_norm img_in.weight",
    [flux(), flux(guidance_embed=False), flux("FluxInpaint", in_channels=96)], types=["BF16 F32 if img_in.weight[1]=384"], renames=["_norm.scale$ _norm.weight"])

OPS = comfy.ops.manual_cast


def settings(file):
    with open(os.path.join(COMFYUI, "comfy", file)) as opened:
        return json.load(opened)


def encoder(kind, file, **options):
    return lambda: kind({**settings(file), **options}, torch.float16, META, OPS).state_dict()


CLIP, T5 = comfy.clip_model.CLIPTextModel, comfy.text_encoders.t5.T5


def text_family(name, title, condition, *variants, key, **options):
    family(name, title, condition, list(variants), kind="encoder", at=f"{key}.transformer", **options)


CLIP_KEY = "text_model.encoder.layers.0.mlp.fc1.weight"
PROJECTION = {"text_projection": "text_model.final_layer_norm.weight"}
CLIP_DROPS = ["logit_scale", "text_model.embeddings.position_ids"]
text_family("clip_g", "CLIP-G", "text_model.encoder.layers.30.mlp.fc1.weight", encoder(CLIP, "clip_config_bigg.json"), key="clip_g", dropped=CLIP_DROPS, made=PROJECTION)
text_family("clip_h", "CLIP-H", "text_model.encoder.layers.22.mlp.fc1.weight", encoder(CLIP, "text_encoders/sd2_clip_config.json"), key="clip_h", dropped=CLIP_DROPS, made=PROJECTION)
text_family("clip_l", "CLIP-L", CLIP_KEY, encoder(CLIP, "sd1_clip_config.json"), key="clip_l", dropped=CLIP_DROPS, made=PROJECTION)
T5_LAST = "encoder.block.23.layer.1.DenseReluDense."
T5_DROPS = ["spiece_model", "encoder.embed_tokens.weight"]
text_family("umt5xxl", "UMT5-XXL", T5_LAST + "wi_1.weight[0]=10240 encoder.block.23.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/umt5_config_xxl.json"), key="umt5xxl", clip_type="WAN", dropped=T5_DROPS)
text_family("t5xxl", "T5-XXL", T5_LAST + "wi_1.weight[0]=10240", encoder(T5, "text_encoders/t5_config_xxl.json"), key="t5xxl", dropped=T5_DROPS)
text_family("t5xl", "T5-XL of AuraFlow", T5_LAST + "wi_1.weight[0]=5120", encoder(T5, "text_encoders/t5_pile_config_xl.json"), key="pile_t5xl", dropped=T5_DROPS)
text_family("t5xxl_old", "T5-XXL 1.0", T5_LAST + "wi.weight", encoder(T5, "text_encoders/t5_old_config_xxl.json"), key="t5xxl", dropped=T5_DROPS)
text_family("umt5base", "UMT5-base", "encoder.block.1.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/umt5_config_base.json"), key="umt5base", clip_type="ACE", dropped=T5_DROPS)
text_family("t5base", "T5-base", "encoder.block.0.layer.0.SelfAttention.k.weight[0]=768", encoder(T5, "text_encoders/t5_config_base.json"), key="t5base", dropped=T5_DROPS)
