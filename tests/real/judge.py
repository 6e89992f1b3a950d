"""judge.py COMFYUI LOAD_LIST [NAME or FILE...]: are the modules of `architecture::build` those of a real ComfyUI?

LOAD_LIST is the built example `load_list`. Without names, every family is judged; a file is loaded by its header only.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from comfy_lists import ARGUMENTS, LOADERS, META, is_listed, torch
import families

NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.int64: "I64",
         torch.int32: "I32", torch.bool: "BOOL", torch.uint8: "U8", torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2"}
TYPES = {name: dtype for dtype, name in NAMES.items()}


def write(path, sd):
    """A file with such tensors, shuffled; a hole in place of their numbers."""
    header, offset = {}, 0
    names = list(sd)
    random.Random(11).shuffle(names)
    for name in names:
        size = sd[name].numel() * sd[name].element_size()
        header[name] = {"dtype": NAMES[sd[name].dtype], "shape": list(sd[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def read(path):
    """The state dict of a file, without its numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    header.pop("__metadata__", None)
    return {name: torch.empty(about["shape"], dtype=TYPES[about["dtype"]], device=META) for name, about in header.items()}


def real(kind, clip_type, sd):
    """Name, class, casts, has a bias, tensors: `name[shape]`, and `=type` where the type is none to choose."""
    first, second = (LOADERS[kind](clip_type)(sd, dtype) for dtype in (torch.float16, torch.bfloat16))
    types = getattr(getattr(first, "model_config", None), "supported_inference_dtypes", [])
    found = []
    others = dict(second.named_modules())
    for name, module in first.named_modules():
        if not is_listed(module):
            continue
        other = others[name].state_dict()
        tensors = []
        for key, value in module.state_dict().items():
            fixed = f"={NAMES[value.dtype]}" if value.dtype == other[key].dtype != torch.float16 else ""
            tensors.append(f"{key}{fixed}{list(value.shape)}")
        found.append([name, type(module).__name__, hasattr(module, "comfy_cast_weights"), hasattr(module, "bias"), sorted(tensors)])
    return found, " ".join(NAMES[dtype] for dtype in types)


def ours(program, path):
    run = subprocess.run([program, path], capture_output=True, text=True)
    if run.returncode:
        return {"order": run.stderr.strip()}, []
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    about = {row[0]: row[1] for row in rows[:4]}
    modules = [[name, kind, casts == "true", bias == "true", sorted(filter(None, tensors.replace(", ", ",").split(" ")))]
               for name, kind, casts, bias, tensors in rows[4:]]
    return about, modules


def compare(title, kind, clip_type, sd, program, path):
    try:
        theirs, types = real(kind, clip_type, sd)
    except Exception as error:
        print(f"{title}: real ComfyUI: {type(error).__name__}: {str(error)[:150]}")
        return None
    for row in theirs:
        row[4] = [tensor.replace(", ", ",") for tensor in row[4]]
    about, modules = ours(program, path)
    where = next((pair for pair in zip(theirs, modules) if pair[0] != pair[1]), None)
    is_same = where is None and len(theirs) == len(modules) and about["order"] == "known"
    is_same = is_same and (kind != "diffusion" or about["types"] == types)
    print(f"{title}: {'same' if is_same else 'OTHER'}, {len(theirs)} modules, {about.get('architecture')}")
    if not is_same:
        print(f"    {about} {len(modules)} modules; {types}; first difference {where}")
    return is_same


def main():
    program, *wanted = ARGUMENTS
    program = os.path.abspath(program)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for family in families.FAMILIES:
            if wanted and family.name not in wanted:
                continue
            for number, variant in enumerate(family.variants):
                title = f"{family.name} {number}"
                try:
                    sd = variant()
                except Exception as error:
                    print(f"{title}: cannot be made: {type(error).__name__}: {str(error)[:150]}")
                    continue
                path = os.path.join(folder, "model.safetensors")
                write(path, sd)
                results.append(compare(title, family.kind, family.clip_type, sd, program, path))
    for path in filter(os.path.isfile, wanted):
        sd = read(path)
        is_text = not any("diffusion_model" in name or name.startswith(("blocks.", "double_blocks.")) for name in sd)
        results.append(compare(path, "encoder" if is_text else "diffusion", "WAN", sd, program, path))
    print(f"{results.count(True)} same, {results.count(False)} other, {results.count(None)} not judged")
    sys.exit(results.count(True) != len(results))


if __name__ == "__main__":
    main()
