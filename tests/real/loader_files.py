"""loader_files.py COMFYUI FOLDER: a small file for each kind of loader, as ComfyUI's folder of models has them.

ComfyUI's own classes give the shapes. Most files hold zeros and take no room on the disk; the diffusion model's weights are
random, since it is also run. They are in 32 bits, which is not what ComfyUI computes in.
"""
import json
import math
import os
import struct
import sys

from pretended import start

COMFYUI, FOLDER = sys.argv[1:3]
start(COMFYUI)

import torch
import comfy.cldm.cldm
import comfy.clip_model
import comfy.ldm.models.autoencoder
import comfy.ldm.modules.diffusionmodules.openaimodel
import comfy.ldm.wan.model
import comfy.ops
import comfy.text_encoders.t5

OPERATIONS = comfy.ops.disable_weight_init
ON_META = {"device": "meta", "dtype": torch.float32, "operations": OPERATIONS}
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}

UNET = {
    "image_size": 32, "in_channels": 4, "model_channels": 320, "num_res_blocks": [2, 2, 2, 2], "channel_mult": (1, 2, 4, 4),
    "num_heads": 8, "use_spatial_transformer": True, "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_middle": 1, "context_dim": 768, "use_linear_in_transformer": False, "legacy": False,
}
VAE = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128, "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}


def config(name):
    with open(os.path.join(COMFYUI, "comfy", name)) as file:
        return json.load(file)


def shapes(module, prefix="", dtype=None):
    return {prefix + name: (dtype or tensor.dtype, tuple(tensor.shape)) for name, tensor in module.state_dict().items()}


def zeros(name, tensors):
    """A safetensors file of zeros: its header, and a hole."""
    header, end = {}, 0
    for key, (dtype, shape) in tensors.items():
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        header[key] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
    header = json.dumps(header).encode()
    with open(path(name), "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + end)


def path(name):
    full = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def gguf(name, tensors):
    try:
        import gguf
    except ImportError:
        return
    writer = gguf.GGUFWriter(path(name), "wan")
    for key, tensor in tensors.items():
        quantised = tensor.ndim == 2 and key.startswith("blocks.")
        kind = gguf.GGMLQuantizationType.Q8_0 if quantised else gguf.GGMLQuantizationType.F32
        writer.add_tensor(key, gguf.quantize(tensor.numpy(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    from safetensors.torch import save_file

    wan = comfy.ldm.wan.model.WanModel(
        model_type="t2v", patch_size=(1, 2, 2), dim=256, ffn_dim=512, freq_dim=256, text_dim=4096, in_dim=16, out_dim=16, num_heads=2,
        num_layers=4, qk_norm=True, cross_attn_norm=True, **ON_META,
    )
    torch.manual_seed(1)
    weights = {name: torch.randn(tensor.shape) * 0.02 for name, tensor in wan.state_dict().items()}
    save_file(weights, path("diffusion_models/wan.safetensors"))
    save_file(weights, path("diffusers/folder/unet/diffusion_pytorch_model.safetensors"))
    with open(path("diffusers/folder/model_index.json"), "w") as file:
        file.write("{}")
    gguf("diffusion_models/wan.gguf", weights)

    half = torch.float16
    clip = comfy.clip_model.CLIPTextModel(config("sd1_clip_config.json"), torch.float32, "meta", OPERATIONS)
    zeros("text_encoders/clip_l.safetensors", shapes(clip, dtype=half))
    zeros("diffusers/folder/text_encoder/model.safetensors", shapes(clip, dtype=half))
    big = comfy.clip_model.CLIPTextModel(config("clip_config_bigg.json"), torch.float32, "meta", OPERATIONS)
    zeros("text_encoders/clip_g.safetensors", shapes(big, dtype=half))
    t5 = comfy.text_encoders.t5.T5(config("text_encoders/t5_config_xxl.json"), torch.float32, "meta", OPERATIONS)
    zeros("text_encoders/t5xxl.safetensors", shapes(t5, dtype=half))
    vision = comfy.clip_model.CLIPVisionModelProjection(config("clip_vision_config_vitl.json"), torch.float32, "meta", OPERATIONS)
    zeros("clip_vision/vit_l.safetensors", shapes(vision, dtype=half))

    with torch.device("meta"):
        vae = comfy.ldm.models.autoencoder.AutoencoderKL(ddconfig=VAE, embed_dim=4)
    zeros("vae/sd.safetensors", shapes(vae))
    zeros("diffusers/folder/vae/diffusion_pytorch_model.safetensors", shapes(vae))
    depth = {"transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]}
    unet = comfy.ldm.modules.diffusionmodules.openaimodel.UNetModel(out_channels=4, **UNET, **depth, **ON_META)
    text = {name: shape for name, shape in shapes(clip, "cond_stage_model.transformer.", half).items() if "text_projection" not in name}
    checkpoint = {**shapes(unet, "model.diffusion_model.", half), **text, **shapes(vae, "first_stage_model.")}
    zeros("checkpoints/sd15.safetensors", checkpoint)
    control = comfy.cldm.cldm.ControlNet(hint_channels=3, **UNET, **ON_META)
    zeros("controlnet/control.safetensors", shapes(control, "control_model.", half))


main()
