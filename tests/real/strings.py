"""strings.py: what the node makes of allocation strings, and what distorch-fix says. See README.md.

The strings are those of the table in docs/checks.md, or those given. The node's own analysis gets a model of 40 equal layers and
10 GB; `distorch-fix plan` gets a file of such layers. Compared are the layers on each device, or that both refuse the string.
"""
import argparse
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import types

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS, BYTES = 40, 1 << 28
# What a loader adds to its string.
COMPUTE = "#cuda:0"
# Where ComfyUI has loaders that are not in its nodes.py.
EXTRAS = ("nodes_sd3.py", "nodes_hidream.py")
CHECKS = os.path.join(HERE, "..", "..", "docs", "checks.md")


def documented():
    """The strings of the table."""
    section = open(CHECKS).read().split("<!-- begin strings -->")[1]
    return re.findall(r"^\| `([^`]*)` \|", section, re.MULTILINE)


def of_node(comfyui, node, strings):
    """How many layers the node gives each device, by string; or what it fails with."""
    sys.path.insert(0, HERE)
    import pretended

    pretended.start(comfyui)
    import asyncio
    import logging
    import torch
    import nodes

    logging.disable(logging.CRITICAL)
    pretended.with_cards()
    cards = len(pretended.CARDS)
    torch.cuda.device_count = lambda: cards
    pretended.CARDS["mps"] = 32 << 30
    for extra in EXTRAS:
        asyncio.run(nodes.load_custom_node(os.path.join(comfyui, "comfy_extras", extra), module_parent="comfy_extras"))
    assert asyncio.run(nodes.load_custom_node(node))
    analyze = next(module.analyze_safetensor_loading for name, module in sys.modules.items() if name.endswith(".distorch_2"))

    class Patcher:
        model = types.SimpleNamespace()

        def _load_list(self, *arguments, **options):
            return [(BYTES, f"blocks.{at}", torch.nn.Linear(1, 1), []) for at in range(LAYERS)]

    found = {}
    for string in strings:
        try:
            given = analyze(Patcher(), string + COMPUTE)["block_assignments"]
            found[string] = dict(collections.Counter(str(torch.device(device)) for device in given.values()))
        except Exception as error:
            found[string] = f"{type(error).__name__}: {error}"
    return pretended.CARDS, found


def write_model(path):
    shape = [BYTES // 2 // 4096, 4096]
    header = json.dumps({
        f"blocks.{at}.weight": {"dtype": "F16", "shape": shape, "data_offsets": [at * BYTES, (at + 1) * BYTES]} for at in range(LAYERS)
    }).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + LAYERS * BYTES)


def of_plan(arguments, cards, model, string):
    """The same by distorch-fix, for the node as it is."""
    vram = [part for device, size in cards.items() for part in ("--vram", f"{device}={size}b")]
    command = [arguments.bin, "plan", "--model", model, *vram, "--ram", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')}b"]
    ran = subprocess.run([*command, "--format", "json", "--", string + COMPUTE], capture_output=True, text=True)
    if not ran.stdout:
        return ran.stderr.strip()
    run = json.loads(ran.stdout)["models"][0]["runs"][0]
    return dict(collections.Counter(placed["device"] for placed in run["placements"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="distorch-fix")
    parser.add_argument("--comfyui", required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("strings", nargs="*")
    arguments = parser.parse_args()
    arguments.bin, strings = os.path.abspath(arguments.bin), arguments.strings or documented()
    cards, found = of_node(os.path.abspath(arguments.comfyui), os.path.abspath(arguments.node), strings)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model.safetensors")
        write_model(model)
        for string, real in found.items():
            said = of_plan(arguments, cards, model, string)
            is_equal = real == said or isinstance(real, str) and isinstance(said, str)
            wrong += not is_equal
            print(f"{'equal' if is_equal else 'WRONG'}  {string!r}: {real}" + ("" if real == said else f"; distorch-fix: {said}"))
    print(f"{len(found)} strings, {wrong} differ")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
