"""Small models of every architecture: what ComfyUI's detection has to see is there, the rest is as small as it can be."""
import dataclasses
import importlib
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


wan_family("wan_vace", "WAN VACE", "vace_patch_embedding.weight vace_blocks",
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


def made(config, **options):
    return lambda: diffusion(config, **options)


family("flux2", "Flux 2", "double_stream_modulation_img.lin.weight double_blocks.0.img_attn.norm.key_norm",
    [made("Flux2", **{**FLUX, "image_model": "flux2", "axes_dim": [32] * 4, "mlp_ratio": 3.0, "theta": 2000, "out_channels": 128, "in_channels": 128, "patch_size": 1, "global_modulation": True, "mlp_silu_act": True, "qkv_bias": False, "ops_bias": False, "vec_in_dim": None, "guidance_embed": guidance}) for guidance in (True, False)],
    renames=["_norm.scale$ _norm.weight"])
CHROMA = {**FLUX, "image_model": "chroma", "in_channels": 64, "out_channels": 64, "in_dim": 64, "out_dim": 3072, "hidden_dim": 5120, "n_layers": 5}
for option in ("yak_mlp", "txt_norm", "guidance_embed"):
    CHROMA.pop(option)
SCALES = [".scale$ .weight"]
RADIANCE = {**CHROMA, "image_model": "chroma_radiance", "in_channels": 3, "out_channels": 3, "patch_size": 16, "nerf_hidden_size": 64, "nerf_mlp_ratio": 4, "nerf_depth": 4, "nerf_max_freqs": 8, "nerf_tile_size": 512, "nerf_embedder_dtype": torch.float32, "use_x0": False, "use_sequential_txt_ids": False}
family("chroma_radiance", "Chroma Radiance", "distilled_guidance_layer.norms nerf_blocks", [made("ChromaRadiance", **RADIANCE, nerf_final_head_type=kind) for kind in ("conv", "linear")], renames=SCALES, dropped=["__x0__", "__sequential__"])
family("chroma", "Chroma", "distilled_guidance_layer.norms double_blocks.0.img_attn.norm.key_norm", [made("Chroma", **CHROMA)], renames=SCALES)

UNET = dict(use_checkpoint=False, image_size=32, out_channels=4, use_spatial_transformer=True, legacy=False, adm_in_channels=None, in_channels=4, model_channels=320, use_temporal_attention=False, use_temporal_resblock=False)
SMALL = dict(num_res_blocks=[2, 2, 2, 2], transformer_depth=[1, 1, 1, 1, 1, 1, 0, 0], channel_mult=[1, 2, 4, 4], transformer_depth_middle=1, transformer_depth_output=[1] * 9 + [0] * 3)
XL = dict(num_res_blocks=[2, 2, 2], channel_mult=[1, 2, 4], use_linear_in_transformer=True, context_dim=2048, num_classes="sequential", adm_in_channels=2816)
VIDEO = dict(in_channels=8, context_dim=1024, num_classes="sequential", use_linear_in_transformer=True, extra_ff_mix_layer=True, use_spatial_context=True, merge_strategy="learned_with_images", merge_factor=0.0, video_kernel_size=[3, 1, 1], use_temporal_resblock=True, use_temporal_attention=True, disable_temporal_crossattention=False)
UNET_TITLES = [
    "SD 1.5 if input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight[1]=768",
    "SD 2 if input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight[1]=1024",
    "SDXL refiner if label_emb.0.0.weight[1]=2560",
    "SDXL if label_emb.0.0.weight[1]=2816",
    "a U-Net of the Stable Diffusion family",
]
family("svd", "Stable Video Diffusion", "input_blocks.0.0.weight input_blocks.1.1.time_stack", [made("SVD_img2vid", **{**UNET, **SMALL, **VIDEO, "adm_in_channels": 768})])
family("unet", UNET_TITLES, "input_blocks.0.0.weight", [
    made("SD15", **UNET, **SMALL, use_linear_in_transformer=False, context_dim=768),
    made("SD15", **{**UNET, **SMALL, "in_channels": 9}, use_linear_in_transformer=False, context_dim=768),
    made("SD20", **UNET, **SMALL, use_linear_in_transformer=True, context_dim=1024),
    made("SD21UnclipH", **{**UNET, **SMALL, "adm_in_channels": 2048}, num_classes="sequential", use_linear_in_transformer=True, context_dim=1024),
    made("SDXL", **{**UNET, **XL}, transformer_depth=[0, 0, 2, 2, 10, 10], transformer_depth_middle=10, transformer_depth_output=[0, 0, 0, 2, 2, 2, 10, 10, 10]),
    made("SDXLRefiner", **{**UNET, **SMALL, "model_channels": 384, "adm_in_channels": 2560, "transformer_depth": [0, 0, 4, 4, 4, 4, 0, 0], "transformer_depth_middle": 4, "transformer_depth_output": [0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0]}, num_classes="sequential", use_linear_in_transformer=True, context_dim=1280),
    made("SSD1B", **{**UNET, **XL}, transformer_depth=[0, 0, 2, 2, 4, 4], transformer_depth_middle=-1, transformer_depth_output=[0, 0, 0, 1, 1, 2, 10, 4, 4]),
    made("Segmind_Vega", **{**UNET, **XL}, transformer_depth=[0, 0, 1, 1, 2, 2], transformer_depth_middle=-1, transformer_depth_output=[0, 0, 0, 1, 1, 1, 2, 2, 2]),
    made("KOALA_700M", **{**UNET, **XL, "num_res_blocks": [1, 1, 1]}, transformer_depth=[0, 2, 5], transformer_depth_middle=-2, transformer_depth_output=[0, 0, 2, 2, 5, 5]),
    made("KOALA_1B", **{**UNET, **XL, "num_res_blocks": [1, 1, 1]}, transformer_depth=[0, 2, 6], transformer_depth_middle=6, transformer_depth_output=[0, 0, 2, 2, 6, 6]),
])

SD3 = dict(in_channels=16, patch_size=2, out_channels=16, input_size=None, adm_in_channels=2048, context_embedder_config={"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 128}}, num_patches=36864, pos_embed_max_size=192, pos_embed_scaling_factor=None, depth=3)
SD3["context_embedder_config"]["params"]["out_features"] = 64 * 3
family("sd3", ["Stable Diffusion 3.5 if joint_blocks.0.context_block.attn.ln_q", "Stable Diffusion 3"], "joint_blocks.0.context_block.attn.qkv.weight", [
    made("SD3", **SD3), made("SD3", **SD3, qk_norm="rms"), made("SD3", **SD3, qk_norm="rms", x_block_self_attn_layers=[0, 1])])
family("auraflow", "AuraFlow", "double_layers.0.attn.w1q.weight", [made("AuraFlow", max_seq=4096, cond_seq_dim=2048, n_double_layers=2, n_layers=4)])
PIXART = dict(num_heads=16, patch_size=2, hidden_size=1152, in_channels=4, depth=2, model_max_length=300, input_size=128, pe_interpolation=2)
family("pixart", ["PixArt Alpha if ar_embedder", "PixArt Sigma"], "t_block.1.weight", [made("PixArtAlpha", **PIXART, micro_condition=True), made("PixArtSigma", **PIXART, micro_condition=False)], dropped=["pos_embed"])
family("hunyuan_dit", "Hunyuan DiT", "mlp_t5.0.weight", [made("HunyuanDiT", image_model="hydit", depth=4, hidden_size=1408), made("HunyuanDiT1", image_model="hydit1", depth=4, hidden_size=1408, size_cond=True, use_style_cond=True)])
HUNYUAN = dict(image_model="hunyuan_video", in_channels=16, patch_size=[1, 2, 2], out_channels=16, vec_in_dim=768, axes_dim=[16, 56, 56], meanflow=False, context_in_dim=4096, hidden_size=256, mlp_ratio=4.0, num_heads=2, depth=2, depth_single_blocks=2, theta=256, qkv_bias=True, byt5=False, guidance_embed=True, use_cond_type_embedding=False, vision_in_dim=None, meanflow_sum=False)
IMAGE = {**HUNYUAN, "in_channels": 64, "out_channels": 64, "patch_size": [1, 1], "axes_dim": [64, 64], "vec_in_dim": None, "context_in_dim": 3584, "byt5": True, "guidance_embed": False}
HUNYUAN_RENAMES = [
    "txt_in.t_embedder.mlp.0. txt_in.t_embedder.in_layer.", "txt_in.t_embedder.mlp.2. txt_in.t_embedder.out_layer.",
    "txt_in.c_embedder.linear_1. txt_in.c_embedder.in_layer.", "txt_in.c_embedder.linear_2. txt_in.c_embedder.out_layer.",
    "_mod.linear. _mod.lin.", "_attn_qkv. _attn.qkv.", "mlp.fc1. mlp.0.", "mlp.fc2. mlp.2.",
    "_attn_q_norm.weight _attn.norm.query_norm.weight", "_attn_k_norm.weight _attn.norm.key_norm.weight",
    ".q_norm.weight .norm.query_norm.weight", ".k_norm.weight .norm.key_norm.weight",
    "_attn_proj. _attn.proj.", ".modulation.linear. .modulation.lin.", "_in.mlp.2. _in.out_layer.", "_in.mlp.0. _in.in_layer.",
    ".scale$ .weight"]
family("hunyuan_video", ["HunyuanVideo 1.5 if cond_type_embedding", "HunyuanImage 2.1 if img_in.proj.weight[1]=64 !vector_in", "HunyuanVideo, image to video if img_in.proj.weight[1]=33", "SkyReels, image to video if img_in.proj.weight[1]=32", "HunyuanVideo"], "txt_in.individual_token_refiner.blocks.0.norm1.weight", [
    made("HunyuanVideo", **HUNYUAN),
    made("HunyuanVideo", **{**HUNYUAN, "guidance_embed": False}),
    made("HunyuanVideoI2V", **{**HUNYUAN, "in_channels": 33}),
    made("HunyuanVideoSkyreelsI2V", **{**HUNYUAN, "in_channels": 32, "guidance_embed": False}),
    made("HunyuanImage21", **IMAGE),
    made("HunyuanImage21", **{**IMAGE, "meanflow": True, "guidance_embed": True}),
    made("HunyuanImage21Refiner", **{**IMAGE, "in_channels": 128, "patch_size": [1, 1, 1], "axes_dim": [16, 56, 56], "byt5": False}),
    made("HunyuanVideo15", **{**IMAGE, "in_channels": 65, "out_channels": 32, "patch_size": [1, 1, 1], "axes_dim": [16, 56, 56], "depth_single_blocks": 0, "use_cond_type_embedding": True, "vision_in_dim": 1152, "meanflow_sum": True}),
    made("HunyuanVideo15_SR_Distilled", **{**IMAGE, "in_channels": 98, "out_channels": 32, "patch_size": [1, 1, 1], "axes_dim": [16, 56, 56], "depth_single_blocks": 0, "use_cond_type_embedding": True, "vision_in_dim": 1152, "meanflow_sum": True}),
], types=["F16 BF16 F32 if vision_in.proj.0.weight"], renames=HUNYUAN_RENAMES)
MOCHI = dict(image_model="mochi_preview", depth=48, patch_size=2, num_heads=24, hidden_size_x=3072, hidden_size_y=1536, mlp_ratio_x=4.0, mlp_ratio_y=4.0, learn_sigma=False, in_channels=12, qk_norm=True, qkv_bias=False, out_bias=True, attn_drop=0.0, patch_embed_bias=True, posenc_preserve_area=True, timestep_mlp_bias=True, attend_to_padding=False, timestep_scale=1000.0, use_t5=True, t5_feat_dim=4096, t5_token_length=256, rope_theta=10000.0)
family("mochi", "Mochi", "t5_yproj.weight", [made("GenmoMochi", **MOCHI)])


def ltxav(**options):
    """What the shapes do not say is in the metadata of the file."""
    return made("LTXAV", metadata={"config": json.dumps({"transformer": options})}, num_layers=2, **options)


LTX_2_3 = dict(cross_attention_adaln=True, apply_gated_attention=True)
family("ltxav", "LTX 2, video and audio", "adaln_single.emb.timestep_embedder.linear_1.bias audio_adaln_single.linear.weight", [
    ltxav(), ltxav(apply_gated_attention=True), ltxav(**LTX_2_3), ltxav(**LTX_2_3, caption_proj_before_connector=True), ltxav(**LTX_2_3, caption_proj_before_connector=True, caption_projection_first_linear=False)])
family("ltxv", "LTX-Video", "adaln_single.emb.timestep_embedder.linear_1.bias !pos_embed.proj.bias", [made("LTXV", num_layers=2), made("LTXV", num_layers=2, attention_head_dim=128, cross_attention_dim=4096)])
family("ace", "ACE-Step", "genre_embedder.weight", [made("ACEStep", audio_model="ace", attention_head_dim=128, in_channels=8, inner_dim=2560, max_height=16, max_position=32768, max_width=32768, mlp_ratio=2.5, num_attention_heads=20, num_layers=24, out_channels=8, patch_size=[16, 1], rope_theta=1000000.0, speaker_embedding_dim=512, text_embedding_dim=768, ssl_encoder_depths=[8, 8], ssl_latent_dims=[1024, 768], ssl_names=["mert", "m-hubert"], lyric_encoder_vocab_size=6693, lyric_hidden_size=1024)])
# Of training, and tables that ComfyUI makes itself.
COSMOS_DROPS = ["logvar.*", "accum_*", "pos_embedder.*"]
COSMOS = dict(image_model="cosmos", max_img_h=240, max_img_w=240, max_frames=128, in_channels=16, out_channels=16, patch_spatial=2, patch_temporal=1, model_channels=4096, block_config="FA-CA-MLP", concat_padding_mask=True, pos_emb_cls="rope3d", pos_emb_learnable=False, pos_emb_interpolation="crop", block_x_format="THWBD", affline_emb_norm=True, use_adaln_lora=True, adaln_lora_dim=256, num_blocks=28, num_heads=32, extra_per_block_abs_pos_emb=True, rope_h_extrapolation_ratio=1.0, rope_w_extrapolation_ratio=1.0, rope_t_extrapolation_ratio=2.0, extra_per_block_abs_pos_emb_type="learnable")
family("cosmos", ["Cosmos, image to video if x_embedder.proj.1.weight[1]=72", "Cosmos"], "blocks.block0.blocks.0.block.attn.to_q.0.weight", [made("CosmosT2V", **COSMOS), made("CosmosI2V", **{**COSMOS, "in_channels": 17})], dropped=COSMOS_DROPS)
PREDICT = dict(image_model="cosmos_predict2", max_img_h=240, max_img_w=240, max_frames=128, in_channels=16, out_channels=16, patch_spatial=2, patch_temporal=1, model_channels=2048, concat_padding_mask=True, crossattn_emb_channels=1024, pos_emb_cls="rope3d", pos_emb_learnable=True, pos_emb_interpolation="crop", min_fps=1, max_fps=30, use_adaln_lora=True, adaln_lora_dim=256, num_blocks=28, num_heads=16, extra_per_block_abs_pos_emb=False, rope_h_extrapolation_ratio=4.0, rope_w_extrapolation_ratio=4.0, rope_t_extrapolation_ratio=1.0, extra_h_extrapolation_ratio=1.0, extra_w_extrapolation_ratio=1.0, extra_t_extrapolation_ratio=1.0, rope_enable_fps_modulation=False)
if hasattr(comfy.supported_models, "Anima"):
    family("anima", "Anima", "blocks.0.mlp.layer1.weight llm_adapter", [made("Anima", **{**PREDICT, "image_model": "anima"})])
family("cosmos_predict2", ["Cosmos Predict2, image to video if x_embedder.proj.1.weight[1]=72", "Cosmos Predict2"], "blocks.0.mlp.layer1.weight !llm_adapter", [made("CosmosT2IPredict2", **PREDICT), made("CosmosI2VPredict2", **{**PREDICT, "in_channels": 17})], dropped=COSMOS_DROPS)
LUMINA = dict(patch_size=2, in_channels=16, dim=2304, cap_feat_dim=2304, n_layers=3, qk_norm=True, n_heads=24, n_kv_heads=8, axes_dims=[32, 32, 32], axes_lens=[300, 512, 512], rope_theta=10000.0, ffn_dim_multiplier=4.0)
ZIMAGE = dict(patch_size=2, in_channels=16, dim=3840, cap_feat_dim=2560, n_layers=3, qk_norm=True, n_heads=30, n_kv_heads=30, axes_dims=[32, 48, 48], axes_lens=[1536, 512, 512], rope_theta=256.0, ffn_dim_multiplier=8.0 / 3.0, z_image_modulation=True, time_scale=1000.0)
family("lumina2", ["Z-Image if cap_embedder.1.weight[0]=3840", "Lumina 2"], "cap_embedder.1.weight noise_refiner.0.attention.k_norm.weight", [
    made("Lumina2", image_model="lumina2", **LUMINA), made("Lumina2", image_model="lumina2", **LUMINA, clip_text_dim=1024),
    made("ZImage", image_model="lumina2", **ZIMAGE), made("ZImage", image_model="lumina2", **ZIMAGE, pad_tokens_multiple=32), made("ZImage", image_model="lumina2", **ZIMAGE, pad_tokens_multiple=32, siglip_feat_dim=1152)])
HIDREAM = dict(image_model="hidream", attention_head_dim=128, axes_dims_rope=[64, 32, 32], caption_channels=[4096, 4096], max_resolution=[128, 128], in_channels=16, llama_layers=[*range(32), *[31] * 16], num_attention_heads=20, num_routed_experts=4, num_activated_experts=2, num_layers=16, num_single_layers=32, out_channels=16, patch_size=2, text_emb_dim=2048)
family("hidream", "HiDream", "caption_projection.0.linear.weight", [made("HiDream", **HIDREAM)])
family("omnigen2", "OmniGen2", "time_caption_embed.timestep_embedder.linear_1.bias !double_stream_layers", [made("Omnigen2", image_model="omnigen2", axes_dim_rope=[40, 40, 40], axes_lens=[1024, 1664, 1664], ffn_dim_multiplier=None, hidden_size=2520, in_channels=16, multiple_of=256, norm_eps=1e-5, num_attention_heads=21, num_kv_heads=7, num_layers=32, num_refiner_layers=2, out_channels=None, patch_size=2, text_feat_dim=2048, timestep_scale=1000.0)], types=[])
family("qwen_image", ["Qwen-Image Layered if time_text_embed.addition_t_embedding", "Qwen-Image"], "txt_norm.weight transformer_blocks.0.attn.add_q_proj", [made("QwenImage", image_model="qwen_image", in_channels=64, num_layers=2), made("QwenImage", image_model="qwen_image", in_channels=64, num_layers=2, use_additional_t_cond=True)], dropped=["__index_timestep_zero__"])
KANDINSKY = dict(image_model="kandinsky5", model_dim=1792, axes_dims=(16, 24, 24), time_dim=512, ff_dim=7168, visual_embed_dim=132, num_text_blocks=2, num_visual_blocks=2)
family("kandinsky5", ["Kandinsky 5, image if visual_embeddings.in_layer.weight[1]=64", "Kandinsky 5"], "visual_transformer_blocks.0.cross_attention.key_norm.weight", [made("Kandinsky5", **KANDINSKY), made("Kandinsky5Image", **{**KANDINSKY, "model_dim": 2560, "axes_dims": (32, 48, 48), "rope_scale_factor": (1.0, 1.0, 1.0), "visual_embed_dim": 64})])
HUNYUAN3D = dict(image_model="hunyuan3d2", in_channels=64, context_in_dim=1536, hidden_size=1024, mlp_ratio=4.0, num_heads=16, depth=2, depth_single_blocks=2, qkv_bias=True)
family("hunyuan3d", "Hunyuan3D 2", "latent_in.weight", [made("Hunyuan3Dv2", **HUNYUAN3D, guidance_embed=False), made("Hunyuan3Dv2", **HUNYUAN3D, guidance_embed=True)], renames=SCALES)
family("hunyuan3d_21", "Hunyuan3D 2.1", "t_embedder.mlp.2.weight blocks.0.attn1.k_norm.weight", [made("Hunyuan3Dv2_1", image_model="hunyuan3d2_1", in_channels=64, context_dim=1024, hidden_size=2048, mlp_ratio=4.0, num_heads=16, depth=21, qkv_bias=False, guidance_cond_proj_dim=None)])
family("cascade_c", "Stable Cascade, stage C", "clf.1.weight clip_txt_mapper.weight", [made("Stable_Cascade_C", stable_cascade_stage="c", c_cond=2048)])
family("cascade_b", "Stable Cascade, stage B", "clf.1.weight clip_mapper.weight", [made("Stable_Cascade_B", stable_cascade_stage="b", c_hidden=[320, 640, 1280, 1280], nhead=[-1, -1, 20, 20], blocks=[[2, 6, 28, 6], [6, 28, 6, 2]], block_repeat=[[1, 1, 1, 1], [3, 3, 2, 2]])])
if hasattr(comfy.supported_models, "ACEStep15"):
    family("ace15", "ACE-Step 1.5", "encoder.lyric_encoder.layers.0.input_layernorm.weight", [made("ACEStep15", audio_model="ace1.5", num_dit_layers=24)])


def newer(name, titles, condition, config, *variants, **options):
    """A family that older versions do not have."""
    if hasattr(comfy.supported_models, config):
        family(name, titles, condition, [made(config, **variant) for variant in variants], **options)


newer("krea2", "Krea 2", "txtfusion.projector.weight", "Krea2", dict(features=1536, channels=16, patch=2, layers=2, heads=12, kvheads=12, txtlayers=12, txtdim=2560))
newer("ideogram4", "Ideogram 4", "embed_image_indicator.weight", "Ideogram4", dict(in_channels=128, num_layers=2))
newer("ernie", "ERNIE-Image", "layers.0.mlp.linear_fc2.weight", "ErnieImage", dict())
newer("mage_flow", "Mage-Flow", "txt_norm.weight[0]=2560 proj_out.weight[0]=128", "MageFlow", dict(in_channels=128, num_layers=2))
COG = dict(num_attention_heads=30, attention_head_dim=64, time_embed_dim=512, num_layers=2, in_channels=16, patch_size=2, text_embed_dim=4096)
newer("cogvideox", "CogVideoX", "blocks.0.norm1.linear.weight", "CogVideoX_T2V", dict(COG, use_learned_positional_embeddings=False, use_rotary_positional_embeddings=True), dict(COG, use_learned_positional_embeddings=True, use_rotary_positional_embeddings=False), dict(COG, patch_size_t=2, in_channels=32, ofs_embed_dim=512, use_learned_positional_embeddings=False, use_rotary_positional_embeddings=True))
newer("lens", "Lens", "transformer_blocks.0.attn.norm_added_q.weight transformer_blocks.0.img_mlp.w1.weight", "Lens", dict(in_channels=128, out_channels=32, num_layers=2, num_attention_heads=24, enc_hidden_dim=2880, multi_layer_encoder_feature=True, selected_layer_index=(0, 1)), dict(in_channels=128, out_channels=32, num_layers=2, num_attention_heads=24, enc_hidden_dim=2880, multi_layer_encoder_feature=False, selected_layer_index=(0,)))
newer("joyimage", "JoyImage", "double_blocks.0.attn.img_attn_qkv.weight condition_embedder.time_embedder.linear_1.weight", "JoyImage", dict(in_channels=16, hidden_size=1536, patch_size=[1, 2, 2], num_layers=2, num_attention_heads=12, text_dim=4096))
newer("hidream_o1", "HiDream-O1", "t_embedder1.mlp.0.weight x_embedder.proj1.weight", "HiDreamO1", dict())
newer("boogu", "Boogu-Image", "double_stream_layers.0.img_instruct_attn.processor.img_to_q.weight", "Boogu", dict(hidden_size=3360, num_layers=2, num_double_stream_layers=2, num_refiner_layers=2, instruction_feat_dim=4096))
newer("longcat_image", "LongCat-Image", "double_blocks.0.img_attn.norm.key_norm txt_in.weight[1]=3584 !vector_in", "LongCatImage", {**FLUX, "image_model": "flux", "context_in_dim": 3584, "vec_in_dim": None, "guidance_embed": False}, renames=["_norm.scale$ _norm.weight"])
newer("minimax_h3", "MiniMax H3", "video_patch_proj.weight audio_patch_proj.weight", "MiniMaxH3", dict(num_layers=2, token_refiner_num_layers=2, hidden_size=1024, latents_dim=16, audio_latents_dim=64, attention_head_dim=128, num_attention_heads=8, ffn_hidden_size=2048, text_dim=4096, timestep_input_dim=256, time_embed_hidden_size=1024, time_embed_dim=1024, rope_inv_freq_len=16))
newer("zimage_pixel", "Z-Image in pixel space", "cap_embedder.1.weight dec_net.cond_embed", "ZImagePixelSpace", dict(ZIMAGE, image_model="zimage_pixel", patch_size=16, in_channels=3, decoder_in_channels=768, decoder_hidden_size=512, decoder_num_res_blocks=2, decoder_max_freqs=8), dropped=["__x0__"])
newer("wan_scail", "WAN SCAIL", "head.modulation patch_embedding_pose.weight !patch_embedding_mask", "WAN21_SCAIL", dict(WAN, model_type="scail", in_dim=20))
newer("wan_scail2", "WAN SCAIL 2", "head.modulation patch_embedding_mask.weight", "WAN21_SCAIL2", dict(WAN, model_type="scail2", in_dim=20))
newer("wan_dancer", "WAN Dancer", "head.modulation patch_embedding_global.weight", "WAN22_WanDancer", dict(WAN, model_type="wandancer", in_dim=36))

OPS = comfy.ops.manual_cast


def settings(file):
    with open(os.path.join(COMFYUI, "comfy", file)) as opened:
        return json.load(opened)


def encoder(kind, file, **options):
    return lambda: kind({**settings(file), **options}, torch.float16, META, OPS).state_dict()


CLIP, T5 = comfy.clip_model.CLIPTextModel, comfy.text_encoders.t5.T5


def text_family(name, title, condition, *variants, key, **options):
    family(name, title, condition, list(variants), kind="encoder", at=f"{key}.transformer".lstrip("."), **options)


CLIP_KEY = "text_model.encoder.layers.0.mlp.fc1.weight"
PROJECTION = {"text_projection": "text_model.final_layer_norm.weight"}
CLIP_DROPS = ["vision_model.*", "visual_projection.weight", "logit_scale", "text_model.embeddings.position_ids"]
text_family("clip_g", "CLIP-G", "text_model.encoder.layers.30.mlp.fc1.weight", encoder(CLIP, "clip_config_bigg.json"), key="clip_g", dropped=CLIP_DROPS, made=PROJECTION, renames=["text_projection$ text_projection.weight"])
text_family("clip_h", "CLIP-H", "text_model.encoder.layers.22.mlp.fc1.weight", encoder(CLIP, "text_encoders/sd2_clip_config.json"), key="clip_h", dropped=CLIP_DROPS, made=PROJECTION, renames=["text_projection$ text_projection.weight"])
text_family("clip_l", "CLIP-L", CLIP_KEY, encoder(CLIP, "sd1_clip_config.json"), key="clip_l", dropped=CLIP_DROPS, made=PROJECTION, renames=["text_projection$ text_projection.weight"])
T5_LAST = "encoder.block.23.layer.1.DenseReluDense."
T5_DROPS = ["spiece_model", "encoder.embed_tokens.weight", "decoder.*", "lm_head.weight"]
text_family("umt5xxl", "UMT5-XXL", T5_LAST + "wi_1.weight[0]=10240 encoder.block.23.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/umt5_config_xxl.json"), key="umt5xxl", clip_type="WAN", dropped=T5_DROPS)
text_family("t5xxl", "T5-XXL", T5_LAST + "wi_1.weight[0]=10240 !encoder.block.23.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/t5_config_xxl.json"), key="t5xxl", dropped=T5_DROPS)
text_family("t5xl", "T5-XL of AuraFlow", T5_LAST + "wi_1.weight[0]=5120", encoder(T5, "text_encoders/t5_pile_config_xl.json"), key="pile_t5xl", dropped=T5_DROPS)
text_family("t5xxl_old", "T5-XXL 1.0", T5_LAST + "wi.weight", encoder(T5, "text_encoders/t5_old_config_xxl.json"), key="t5xxl", dropped=T5_DROPS)
text_family("umt5base", "UMT5-base", "encoder.block.1.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/umt5_config_base.json"), key="umt5base", clip_type="ACE", dropped=T5_DROPS)
text_family("t5base", "T5-base", "encoder.block.0.layer.0.SelfAttention.k.weight[0]=768 !encoder.block.1.layer.0.SelfAttention.relative_attention_bias", encoder(T5, "text_encoders/t5_config_base.json"), key="t5base", dropped=T5_DROPS)


def llama(kind, config=None, **options):
    """An encoder of `comfy.text_encoders.llama`, or of another module of that package, with its settings as they are."""
    module, _, name = kind.rpartition(".")

    def sd():
        package = importlib.import_module("comfy.text_encoders." + (module or "llama"))
        model = getattr(package, name)(dict(config or {}), torch.float16, META, OPS, **options)
        return model.state_dict()

    return sd


def language_family(name, title, condition, *kinds, key, **options):
    text_family(name, title, condition, *[kind if callable(kind) else llama(kind) for kind in kinds], key=key, **options)


FIRST = "model.layers.0."
NORM = FIRST + "post_attention_layernorm.weight"
Q_NORM = FIRST + "self_attn.q_norm.weight"
LM_HEAD = ["lm_head.weight", "model.lm_head.weight", "rope_freqs.weight", "model.layers.*.rotary_emb.inv_freq"]
language_family("llama3_8b", "Llama 3 8B", f"{NORM}[0]=4096 !{Q_NORM} !{FIRST}self_attn.k_proj.bias !{FIRST}post_feedforward_layernorm", llama("Llama2", {"vocab_size": 128256}), key="llama", clip_type="HIDREAM", dropped=LM_HEAD)
language_family("qwen25_3b", "Qwen2.5-VL 3B", FIRST + "self_attn.k_proj.bias[0]=256", "Qwen25_3B", key="qwen25_3b", dropped=[*LM_HEAD, "visual.*"])
language_family("qwen25_7b", "Qwen2.5-VL 7B", FIRST + "self_attn.k_proj.bias[0]=512", "Qwen25_7BVLI", key="qwen25_7b", dropped=LM_HEAD)
language_family("qwen3_4b", "Qwen3 4B", f"{Q_NORM} {NORM}[0]=2560 !{FIRST}post_feedforward_layernorm", "Qwen3_4B", key="qwen3_4b", dropped=LM_HEAD)
language_family("qwen3_8b", "Qwen3 8B", f"{Q_NORM} {NORM}[0]=4096 !{FIRST}post_feedforward_layernorm", "Qwen3_8B", key="qwen3_8b", dropped=LM_HEAD)
language_family("qwen3_2b", "Ovis 2.5 2B", f"{Q_NORM} {NORM}[0]=2048 !{FIRST}post_feedforward_layernorm", "Ovis25_2B", key="qwen3_2b", dropped=LM_HEAD)
language_family("qwen3_06b", "Qwen3 0.6B", f"{Q_NORM} {NORM}[0]=1024 !{FIRST}post_feedforward_layernorm", "Qwen3_06B", key="qwen3_06b", dropped=LM_HEAD)
language_family("mistral3_24b", "Mistral 3 24B", f"{NORM}[0]=5120 !{Q_NORM}", "Mistral3Small24B", key="mistral3_24b", dropped=LM_HEAD)
language_family("ministral3_3b", "Ministral 3 3B", f"{NORM}[0]=3072 !{Q_NORM}", "Ministral3_3B", key="ministral3_3b", dropped=LM_HEAD)
GEMMA = FIRST + "post_feedforward_layernorm.weight"
language_family("gemma3_12b", "Gemma 3 12B", f"{GEMMA} model.layers.47.self_attn.q_norm.weight model.layers.5.self_attn.v_proj.weight", "Gemma3_12B", key="", dropped=LM_HEAD)
language_family("gemma3_4b_vision", "Gemma 3 4B with vision", f"{GEMMA} {Q_NORM} !model.layers.34 vision_model.embeddings.patch_embedding.weight", "Gemma3_4B_Vision", key="gemma3_4b_vision", dropped=LM_HEAD)
language_family("gemma3_4b", "Gemma 3 4B", f"{GEMMA} {Q_NORM} !model.layers.34 !vision_model", "Gemma3_4B", key="gemma3_4b", dropped=LM_HEAD)
language_family("gemma2_2b", "Gemma 2 2B", f"{GEMMA} !{Q_NORM}", "Gemma2_2B", key="gemma2_2b", dropped=LM_HEAD)
language_family("jina_clip_2", "Jina CLIP 2", "model.encoder.layers.0.mixer.Wqkv.weight", "jina_clip_2.XLMRobertaModel", key="jina_clip_2")


def vae_of(module, name, *arguments, **options):
    """The state dict of the class `name` of `comfy.ldm`."""

    def sd():
        with META:
            return getattr(importlib.import_module("comfy.ldm." + module), name)(*arguments, **options).half().state_dict()

    return sd


KL = dict(double_z=True, z_channels=4, resolution=256, in_channels=3, out_ch=3, ch=128, ch_mult=[1, 2, 4, 4], num_res_blocks=2, attn_resolutions=[], dropout=0.0)


def kl(embed=None, **options):
    settings = {**KL, **options}
    if embed:
        return vae_of("models.autoencoder", "AutoencoderKL", ddconfig=settings, embed_dim=embed)
    regulariser = {"target": "comfy.ldm.models.autoencoder.DiagonalGaussianRegularizer"}
    part = "comfy.ldm.modules.diffusionmodules.model."
    return vae_of("models.autoencoder", "AutoencodingEngine", regularizer_config=regulariser, encoder_config={"target": part + "Encoder", "params": settings}, decoder_config={"target": part + "Decoder", "params": settings})


def vae_family(name, titles, condition, *variants, **options):
    family(name, titles, condition, list(variants), kind="vae", at="", **options)  # `types` as `working_dtypes` of `VAE` has them.


vae_family("vae_wan22", "the VAE of WAN 2.2 5B", "decoder.middle.0.residual.0.gamma decoder.upsamples.0.upsamples.0.residual.2.weight", vae_of("wan.vae2_2", "WanVAE", z_dim=48, dim=160, dec_dim=256, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[], temperal_downsample=[False, True, True], dropout=0.0), types=["BF16 F16 F32"])
vae_family("vae_wan", "the VAE of WAN 2.1 and Qwen-Image", "decoder.middle.0.residual.0.gamma !decoder.upsamples.0.upsamples", vae_of("wan.vae", "WanVAE", dim=96, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[], temperal_downsample=[False, True, True], dropout=0.0), types=["BF16 F16 F32"])
vae_family("vae_kl", ["the VAE of Stable Diffusion if post_quant_conv", "the VAE of Flux and Stable Diffusion 3"], "decoder.conv_in.weight decoder.mid.block_1.norm1", kl(4), kl(z_channels=16), types=["BF16 F32"])
vae_family("vae_hunyuan_video", "the VAE of HunyuanVideo", "decoder.conv_in.conv.weight decoder.mid.block_1.norm1", kl(16, z_channels=16, conv3d=True, time_compress=4), types=["BF16 F16 F32"])
vae_family("vae_ltxv", "the VAE of LTX-Video", "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight", *[vae_of("lightricks.vae.causal_video_autoencoder", "VideoVAE", version=version) for version in (0, 1, 2)], types=["BF16 F32"])
