"""record.py COMFYUI FOLDER [NAME...]: records what ComfyUI lists for the first model of families, and the model's tensors.

Written for tests/it/architecture.rs, which holds the outlines against it: how many modules of each class, and a hash (FNV-1a,
64 bits) over a line for each, `name class casts has_bias`; and for a diffusion model how many names a LoRA may have for its weights,
and a hash over a line for each, `name key whole`. Those of an encoder depend on the encoders that are loaded with it.
"""
import collections
import os
import re

from comfy_lists import ARGUMENTS, COMFYUI, LOADERS, is_listed, torch
import comfy.lora
import families


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def aliases(model):
    """A line for each name that a LoRA may have for a weight. A name for a part of one comes with the part's place."""
    keys = comfy.lora.model_lora_keys_unet(model, {})
    own = model.state_dict()
    weights = {name: (key if isinstance(key, str) else key[0], isinstance(key, str)) for name, key in keys.items()}
    return sorted(f"{name} {key} {whole}\n" for name, (key, whole) in weights.items() if key in own)


def main():
    folder, *wanted = ARGUMENTS
    with open(os.path.join(COMFYUI, "comfyui_version.py")) as file:
        version = re.search('"(.*)"', file.read())[1]
    for family in families.FAMILIES:
        if family.name not in wanted:
            continue
        sd = family.variants[0]()
        model = LOADERS[family.kind](family.clip_type)(sd, torch.float16)
        listed = [(name, module) for name, module in model.named_modules() if is_listed(module)]
        kinds = collections.Counter(type(module).__name__ for _, module in listed)
        rows = [f"{name} {type(module).__name__} {hasattr(module, 'comfy_cast_weights')} {hasattr(module, 'bias')}\n" for name, module in listed]
        with open(os.path.join(folder, family.name + ".txt"), "w") as file:
            file.write(f"comfyui {version}\nhash {fnv(''.join(rows).encode()):016x}\n")
            if family.kind == "diffusion":
                names = aliases(model)
                file.write(f"aliases {len(names)} {fnv(''.join(names).encode()):016x}\n")
            file.writelines(f"{kind} {count}\n" for kind, count in sorted(kinds.items()))
            file.write("---\n")
            file.writelines(f"{name} {' '.join(map(str, tensor.shape))}".rstrip() + "\n" for name, tensor in sorted(sd.items()))


main()
