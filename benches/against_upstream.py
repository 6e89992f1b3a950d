"""How long the node's own Python takes to place 3,000 layers, and how long the reference allocator does.

    python3 benches/against_upstream.py path/to/ComfyUI-MultiGPU

Run by hand; it needs a checkout of the node and cargo, no torch. The node's file is loaded with stand-ins for what it
imports, and its logging is off. Prints both times and their ratio.
"""

import logging
import re
import subprocess
import sys
import time
import types
from pathlib import Path

LAYERS = 3_000
MEMORY = {"cpu": 64 << 30, "cuda:0": 12 << 30, "cuda:1": 16 << 30}
STRING = "cuda:0,4gb;cuda:1,4gb;cpu,*#cuda:0"


class Anything(types.ModuleType):
    """A module that has whatever is asked for, and does nothing with it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name)

    def __call__(self, *given, **named):
        return None


class Linear:
    bias = None


class Patcher:
    """Layers of about 11.2 GiB in all, every seventh tiny: those of `benches/allocator.rs`."""

    def __init__(self):
        share = 12_000_000_000 // LAYERS
        sizes = [1 if at % 7 == 0 else share + at % 5 for at in range(LAYERS)]
        self.items = [
            (3 * size, size, f"blocks.{at // 10}.ffn.{at % 10}", Linear(), {}) for at, size in enumerate(sizes)
        ]

    def _load_list(self):
        return list(self.items)


def analysis(folder):
    """The function of the node that places layers."""
    for name in ["torch", "comfy", "comfy.model_management", "comfy.model_patcher", "comfy.utils"]:
        sys.modules[name] = Anything(name)
    torch, management = sys.modules["torch"], sys.modules["comfy.model_management"]
    torch.device = str
    management.get_total_memory = MEMORY.__getitem__
    sys.modules["comfy"].model_management = management
    package = types.ModuleType("node")
    package.__path__ = []
    sys.modules["node"] = package
    for name in ["device_utils", "model_management_mgpu"]:
        sys.modules[f"node.{name}"] = Anything(name)
    sys.modules["node.device_utils"].get_device_list = lambda: list(MEMORY)
    module = types.ModuleType("node.distorch_2")
    module.__package__ = "node"
    path = Path(folder) / "distorch_2.py"
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module.analyze_safetensor_loading


def seconds_of_upstream(folder):
    analyze, patcher = analysis(folder), Patcher()
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        placed = analyze(patcher, STRING)
        taken.append(time.perf_counter() - begun)
    assert len(placed["block_assignments"]) == LAYERS
    return min(taken)


def seconds_of_reference():
    command = ["cargo", "bench", "--bench", "allocator", "--", "model_and_allocate"]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # The columns of divan: the argument, then fastest, slowest, median, mean.
    row = re.search(rf"─ {LAYERS}\s+(.*)", report)
    median, unit = row.group(1).split("│")[2].split()
    return float(median) * {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


def main():
    logging.disable(logging.CRITICAL)
    upstream, reference = seconds_of_upstream(sys.argv[1]), seconds_of_reference()
    print(f"upstream {upstream * 1e3:.1f} ms, reference {reference * 1e3:.3f} ms, {upstream / reference:.0f} times")


if __name__ == "__main__":
    main()
