"""sizes.py COMFYUI DISTORCH_FIX [NAME...]: are the sizes of `plan` those that a real ComfyUI's load list tells?

Every family is loaded from files of several types, for cards of several architectures, without and with a LoRA of names that
ComfyUI knows for it. What is pretended of a card is its properties; the rules are ComfyUI's own. Nothing has numbers.
"""
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import types

from comfy_lists import ARGUMENTS, META, comfy, metadata, torch
import comfy.lora
import comfy.model_patcher
import families
from judge import write

GB = 1 << 30
CARDS = {"pascal": (6, 1), "turing": (7, 5), "ampere": (8, 6), "ada": (8, 9)}
FILES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "fp8": torch.float8_e4m3fn}
RULES = ("should_use_fp16", "should_use_bf16", "supports_fp8_compute", "unet_dtype", "unet_manual_cast")
mm = comfy.model_management


def rules():
    """ComfyUI's own rules, which `comfy_lists` has replaced, on a machine with an NVIDIA card."""
    spec = importlib.util.spec_from_file_location("rules", mm.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.cpu_state = module.CPUState.GPU
    module.is_nvidia = lambda: True
    module.is_amd = module.is_intel_xpu = module.is_ascend_npu = module.is_mlu = module.is_ixuca = lambda: False
    torch.cuda.is_bf16_supported = lambda *a, **k: True
    return module


def pretend(module, card, total):
    major, minor = CARDS[card]
    torch.cuda.get_device_properties = lambda *a: types.SimpleNamespace(major=major, minor=minor, name="1080" if major == 6 else "")
    module.get_total_memory = lambda *a, **k: total
    for name in RULES:
        setattr(mm, name, getattr(module, name))
    mm.get_torch_device = lambda: torch.device("cuda:0")


def load(family, sd):
    if family.kind == "vae":
        with META:
            return comfy.sd.VAE(sd=dict(sd), device=META).patcher
    if family.kind == "encoder":
        options = {"initial_device": META}
        kind = getattr(comfy.sd.CLIPType, family.clip_type)
        patcher = comfy.sd.load_text_encoder_state_dicts([dict(sd)], clip_type=kind, model_options=options).patcher
    else:
        patcher = comfy.sd.load_diffusion_model_state_dict(dict(sd), model_options={}, **metadata(sd))
    for name, value in patcher.object_patches.items():
        setattr(patcher.model, name, value)
    return patcher


def patch(patcher, is_text, number):
    """Names of a LoRA for about half of what ComfyUI knows; the patches are added."""
    keys = comfy.lora.model_lora_keys_clip if is_text else comfy.lora.model_lora_keys_unet
    own = patcher.model_state_dict()
    known = {name: key for name, key in keys(patcher.model, {}).items() if (key if isinstance(key, str) else key[0]) in own}
    names = random.Random(number).sample(sorted(known), len(known) // 2)
    lora = {}
    for name in names:
        lora[f"{name}.lora_up.weight"] = lora[f"{name}.lora_down.weight"] = torch.empty((4, 4), device=META, dtype=torch.float16)
        if number % 2:
            lora[f"{name}.diff_b"] = torch.empty((4,), device=META, dtype=torch.float16)
    patcher.add_patches(comfy.lora.load_lora(lora, {name: known[name] for name in names}, log_missing=False))
    return lora


def plan(program, path, card, total, lora):
    command = [program, "plan", "cuda:0,1gb;cpu,*", "--model", path, "--gpu-arch", card, "--vram", f"cuda:0={total // GB}gb", "--ram", "900gb",
               "--accounting", "offload", "--mode", "repaired", "--format", "json"]
    ran = subprocess.run(command + (["--lora", lora] if lora else []), capture_output=True, text=True)
    if not ran.stdout:
        raise ValueError(ran.stderr)
    return json.loads(ran.stdout)["models"][0]


def compare(title, patcher, model):
    real = [(item[-3], item[0], item[1]) for item in patcher._load_list()]
    ours = [(row["layer"], row["offload_bytes"], row["resident_bytes"]) for row in model["runs"][0]["placements"]]
    unknown = [lora["unknown"] for lora in model["loras"] if lora["unknown"]]
    if real == ours and not unknown:
        return True
    where = next((pair for pair in zip(real, ours) if pair[0] != pair[1]), f"{len(real)} and {len(ours)} layers")
    print(f"{title}: OTHER: {where}; {model['weight_type']}, {model['cast_type']}; names unknown: {unknown and unknown[0][:3]}")
    return False


def main():
    program, *wanted = ARGUMENTS
    program, module = os.path.abspath(program), rules()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path, lora_path = (os.path.join(folder, name) for name in ("model.safetensors", "lora.safetensors"))
        for family in families.FAMILIES:
            if wanted and family.name not in wanted:
                continue
            for number, variant in enumerate(family.variants):
                try:
                    made = variant()
                except Exception as error:
                    print(f"{family.name} {number}: cannot be made: {type(error).__name__}")
                    continue
                for file, dtype in FILES.items():
                    sd = type(made)((name, tensor.to(dtype) if tensor.is_floating_point() else tensor) for name, tensor in made.items())
                    if hasattr(made, "metadata"):
                        sd.metadata = made.metadata
                    write(path, sd)
                    for card in (["ampere"] if family.kind == "encoder" else CARDS):
                        for total in (2 * GB, 80 * GB):
                            title = f"{family.name} {number} {file} {card} {total // GB}"
                            pretend(module, card, total)
                            try:
                                patcher = load(family, sd)
                                lora = patch(patcher, family.kind == "encoder", number) if total == 2 * GB and family.kind != "vae" else None
                            except Exception as error:
                                print(f"{title}: real ComfyUI: {type(error).__name__}: {str(error)[:120]}")
                                results[None] = results.get(None, 0) + 1
                                continue
                            if lora:
                                write(lora_path, lora)
                            is_same = compare(title, patcher, plan(program, path, card, total, lora and lora_path))
                            results[is_same] = results.get(is_same, 0) + 1
    print(f"{results.get(True, 0)} same, {results.get(False, 0)} other, {results.get(None, 0)} not judged")
    sys.exit(results.keys() != {True})


if __name__ == "__main__":
    main()
