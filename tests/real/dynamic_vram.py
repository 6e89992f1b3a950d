"""dynamic_vram.py: what `distorch-fix apply` does for dynamic VRAM, with the real thing. See README.md.

For each ComfyUI and each version of the node: a copy of the node is repaired, ComfyUI imports it, and each of its DisTorch2 loaders
loads a file while dynamic VRAM is on. What comes out is to be a plain patcher, handed over once, with the types of a plain load, and
ComfyUI's own loading is to reach the node, which spreads it over the cards.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ALLOCATION = "cuda:0,0.0002;cuda:1,0.0004;cpu,0.5"
HANDED = "handed to DisTorch2"

LOADERS = {
    "UNETLoader": {"unet_name": "wan.safetensors", "weight_dtype": "default"},
    "CLIPLoader": {"clip_name": "clip_l.safetensors", "type": "stable_diffusion"},
    "DualCLIPLoader": {"clip_name1": "clip_l.safetensors", "clip_name2": "clip_g.safetensors", "type": "sdxl"},
    "TripleCLIPLoader": {f"clip_name{at + 1}": f"{name}.safetensors" for at, name in enumerate(("clip_l", "clip_g", "t5xxl"))},
    "VAELoader": {"vae_name": "sd.safetensors"},
    "CLIPVisionLoader": {"clip_name": "vit_l.safetensors"},
    "CheckpointLoaderSimple": {"ckpt_name": "sd15.safetensors"},
    "DiffusersLoader": {"model_path": "folder"},
    "ControlNetLoader": {"control_net_name": "control.safetensors"},
    "UnetLoaderGGUF": {"unet_name": "wan.gguf"},
    "CheckpointLoaderAdvanced": {"ckpt_name": "sd15.safetensors"},
}
# What is marked: the first output, or two of them, or none (ComfyUI's control nets have no model that the node could mark).
MARKED = {"ControlNetLoader": (), "CheckpointLoaderAdvanced": (0, 1)}
# Ten gigabytes in memory if it is loaded as a plain model; not compared with that.
BIG = ("TripleCLIPLoader",)
# Where ComfyUI has loaders that are not in its nodes.py.
EXTRAS = ("nodes_sd3.py", "nodes_hidream.py")


# In the process that is ComfyUI.


def probe(comfyui, node, files, gguf):
    """What each loader of the node gives, as JSON in the last line of the output."""
    import pretended

    pretended.start(comfyui)
    import asyncio
    import logging
    import torch
    import folder_paths
    import nodes

    logging.disable(logging.NOTSET)
    for folder in os.listdir(files):
        folder_paths.add_model_folder_path(folder, os.path.join(files, folder), True)
    moved = pretended.with_cards()
    lines = []
    logger = logging.getLogger("MultiGPU")
    for extra in EXTRAS:
        asyncio.run(nodes.load_custom_node(os.path.join(comfyui, "comfy_extras", extra), module_parent="comfy_extras"))
    if gguf:
        folder_paths.add_model_folder_path("custom_nodes", os.path.dirname(gguf))
        asyncio.run(nodes.load_custom_node(gguf))
    imported = asyncio.run(nodes.load_custom_node(node))
    logger.handlers[:] = [Lines(lines)]
    logger.setLevel(logging.INFO)
    rows = {}
    if imported:
        with torch.inference_mode():
            for name, names in LOADERS.items():
                rows[name] = loads(name, names, moved, lines)
    return {"imports": imported, "dynamic": pretended.has_dynamic(), "rows": rows}


def Lines(lines):
    import logging

    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    return handler


def loads(name, names, moved, lines):
    """One loader: without an allocation, with one, and what ComfyUI does with the model then."""
    import gc
    import pretended
    import nodes

    mappings = nodes.NODE_CLASS_MAPPINGS
    loader = mappings.get(f"{name}DisTorch2MultiGPU")
    if loader is None:
        return {"skipped": "the node has no such loader"}
    if name.startswith("UnetLoaderGGUF") and "UnetLoaderGGUF" not in mappings:
        return {"skipped": "without ComfyUI-GGUF"}
    if name in BIG and not pretended.has_dynamic():
        return {"skipped": "too big for a ComfyUI without dynamic VRAM"}
    row = {}
    try:
        core = mappings["CheckpointLoaderSimple" if name == "CheckpointLoaderAdvanced" else name]
        pretended.set_dynamic(False)
        types, ran = ([], None) if name in BIG else described(call(core, names))
        gc.collect()
        pretended.set_dynamic(True)
        lines.clear()
        left = call(loader, {**names, **settings(loader, "")})
        row["without"] = [kind(output) for output in left] + [handed(lines)]
        del left
        gc.collect()
        lines.clear()
        outputs = call(loader, {**names, **settings(loader, ALLOCATION)})
        row["kinds"], row["handed"] = [kind(output) for output in outputs], handed(lines)
        row["failed"] = [line for line in lines if "could not be handed" in line]
        row["other types"] = [differing(a, b) for a, b in zip(types, map(types_of, outputs))]
        row["loads"] = [loading(outputs[at], moved) for at in MARKED.get(name, (0,))]
        if name == "UNETLoader":
            row["computes"] = "as a plain load" if run(patcher(outputs[0])) == ran else "otherwise than a plain load"
    except Exception as error:
        import traceback

        row["error"] = f"{type(error).__name__}: {error}"
        row["where"] = traceback.format_exc(limit=-3)
    return row


def call(loader, arguments):
    outputs = getattr(loader(), loader.FUNCTION)(**arguments)
    return list(getattr(outputs, "result", outputs))


def settings(loader, allocation):
    """The inputs that the node adds to a loader, in the version at hand."""
    groups = loader.INPUT_TYPES()
    inputs = {**groups.get("required", {}), **groups.get("optional", {})}
    chosen = {}
    for name in inputs:
        if name.endswith("virtual_vram_gb"):
            chosen[name] = 0.0
        elif name.endswith("expert_mode_allocations"):
            chosen[name] = allocation
        elif name.endswith("donor_device"):
            chosen[name] = "cpu"
        elif name.endswith("compute_device") or name in ("device", "vae_device"):
            chosen[name] = "cuda:0"
    if "compute_device" in chosen and "device" in chosen:  # ComfyUI's own.
        chosen["device"] = "default"
    return chosen


def patcher(output):
    output = getattr(output, "patcher", output)
    return output if hasattr(output, "model") and hasattr(output, "load_device") else None


def kind(output):
    found = patcher(output)
    return "none" if found is None else "dynamic" if getattr(found, "is_dynamic", bool)() else type(found).__name__


def handed(lines):
    return sum(HANDED in line for line in lines)


def types_of(output):
    """Name -> type, and whether ComfyUI notes the type that it makes the tensor with."""
    found = {}
    if patcher(output) is not None:
        for path, module in patcher(output).model.named_modules():
            tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            for name, tensor in tensors:
                noted = getattr(module, f"{name}_comfy_model_dtype", None) is not None
                found[f"{path}.{name}"] = str(tensor.dtype), noted
    return found


def described(outputs):
    """The types of a plain load, and what the diffusion model, if it is the small one, computes."""
    first = patcher(outputs[0])
    ran = run(first) if type(getattr(first, "model", None)).__name__ == "WAN21" else None
    return [types_of(output) for output in outputs], ran


def differing(plain, ours):
    """The first tensors of other types than in a plain load."""
    found = [name for name, (kind, noted) in ours.items() if noted and plain.get(name, (kind,))[0] != kind]
    return [f"{name} {plain[name][0]} {ours[name][0]}" for name in found[:3]]


def run(patcher):
    """One step of the diffusion model on the processor."""
    import torch

    torch.manual_seed(0)
    patcher.model.device = torch.device("cpu")
    latent, context = torch.randn(1, 16, 1, 8, 8), torch.randn(1, 8, 4096)
    return patcher.model.apply_model(latent, torch.tensor([0.7]), c_crossattn=context).float().tolist()


def loading(output, moved):
    """Where ComfyUI's own loading puts the model's layers."""
    import comfy.model_management as management

    found = patcher(output)
    moved.clear()
    if kind(output) == "dynamic":
        return "dynamic, DisTorch2 is not asked"  # The load itself would need a card.
    management.load_models_gpu([found])
    devices = {moved[id(module)] for module in found.model.modules() if id(module) in moved}
    management.unload_all_models()
    # ComfyUI by itself uses one card.
    acts = {"cuda:0", "cuda:1"} <= devices
    return ("spread over " if acts else "not spread, on ") + ", ".join(sorted(devices))


# In the process that compares.


def check(name, row, dynamic):
    """What is wrong with a row, or None."""
    if "error" in row:
        return row["error"]
    plain = "GGUFModelPatcher" if name.startswith("UnetLoaderGGUF") else "ModelPatcher"
    marked = MARKED.get(name, (0,))
    changes = dynamic and plain == "ModelPatcher"
    if row["without"][-1] or changes and "ModelPatcher" in row["without"][:-1]:
        return "handed over without an allocation"
    if [row["kinds"][at] for at in marked] != [plain] * len(marked):
        return "not a plain patcher"
    others = [kind for at, kind in enumerate(row["kinds"]) if at not in marked and kind != "none"]
    if changes and any(kind != "dynamic" for kind in others):
        return "handed over although it is not marked"
    if row["handed"] != (len(marked) if changes else 0):
        return f"handed over {row['handed']} times"
    if changes and any(row["other types"][: len(marked)]):
        return "other types than a plain load"
    if any(not load.startswith("spread over") for load in row["loads"]):
        return "DisTorch2 does not act"
    return row.get("computes", "as a plain load") != "as a plain load" and row["computes"] or None


def compare(options, comfyui, node, folder):
    """One ComfyUI and one version of the node; true if all is as it should be."""
    copy = os.path.join(folder, "node")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(node, copy, ignore=shutil.ignore_patterns(".git"))
    title = f"ComfyUI {version(comfyui)}, node {os.path.basename(node)}"
    if options.bin:
        apply = subprocess.run([options.bin, "apply", copy, "--comfyui", comfyui], capture_output=True, text=True)
        if apply.returncode not in (0, 1, 2):
            print(f"{title}\n  apply: exit code {apply.returncode}\n{apply.stdout}{apply.stderr}")
            return False
    found, failed = probed(options, comfyui, copy)
    if found is None:
        print(f"{title}\n  {failed}")
        return False
    before = None
    print(f"{title}: dynamic VRAM {'on' if found['dynamic'] else 'unknown to it'}")
    if not found["imports"]:
        print("  the node does not import there")
        return True
    right = True
    for name, row in found["rows"].items():
        if "skipped" in row:
            print(f"  {name:26} -- {row['skipped']}")
            continue
        if "error" in row and options.bin:
            if before is None:
                shutil.rmtree(copy)
                shutil.copytree(node, copy, ignore=shutil.ignore_patterns(".git"))
                before = probed(options, comfyui, copy)[0] or {"rows": {}}
            if before["rows"].get(name, {}).get("error") == row["error"]:
                print(f"  {name:26} -- fails as it does without the repair: {row['error'][:100]}")
                continue
        wrong = check(name, row, found["dynamic"])
        right = right and not wrong
        kinds = ", ".join(row.get("kinds", []))
        print(f"  {name:26} {'WRONG' if wrong else 'ok'} {kinds}; {'; '.join(row.get('loads', [])) or 'not marked'}")
        if wrong:
            print(f"    {wrong}: {json.dumps(row)[:3000]}")
    return right


def probed(options, comfyui, node):
    """What the probe finds, or None and why."""
    command = [sys.executable, os.path.abspath(__file__), "--probe", comfyui, node, options.files, options.gguf or ""]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout.splitlines()[-1]), ""
    except (IndexError, ValueError):
        return None, f"{done.stdout[-1000:]}{done.stderr[-3000:]}"


def version(comfyui):
    with open(os.path.join(comfyui, "comfyui_version.py")) as file:
        return file.read().split('"')[-2]


def main():
    if sys.argv[1:2] == ["--probe"]:
        sys.path.insert(0, HERE)
        print(json.dumps(probe(*sys.argv[2:6])), flush=True)
        os._exit(0)  # Without the ends of what believes in the cards.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=os.path.abspath, help="distorch-fix; without it, the node as it is")
    parser.add_argument("--comfyui", type=os.path.abspath, action="append", required=True)
    parser.add_argument("--node", type=os.path.abspath, action="append", required=True)
    parser.add_argument("--gguf", type=os.path.abspath, help="ComfyUI-GGUF, in a folder of that name")
    parser.add_argument("--files", type=os.path.abspath, help="where the models are, or are to be made")
    options = parser.parse_args()
    missing = [module for module in ("torch", "safetensors", "comfy_aimdo") if not has(module)]
    if missing:
        print(f"SKIPPED: this Python has no {', '.join(missing)}; see tests/real/README.md")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        options.files = options.files or os.path.join(folder, "files")
        if not os.path.isdir(options.files):
            make = [sys.executable, os.path.join(HERE, "loader_files.py"), options.comfyui[0], options.files]
            subprocess.run(make, check=True)
        results = [compare(options, comfyui, node, folder) for comfyui in options.comfyui for node in options.node]
    print(f"{sum(results)} of {len(results)} as they should be")
    return 0 if all(results) else 1


def has(module):
    import importlib.util

    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    sys.exit(main())
