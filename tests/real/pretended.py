"""A real ComfyUI on a processor that takes itself to have two cards.

Pretended are the names of the cards, their memory, and what they compute in. `Module.to("cuda:N")` is written down in place of
being done. Dynamic VRAM is ComfyUI's own, as its main.py switches it on; comfy-aimdo maps files and makes its buffers without
a card, only a dynamic *load* needs one.
"""
import importlib.machinery
import importlib.util
import os
import sys
import types
import unittest.mock

CARDS = {"cuda:0": 12 << 30, "cuda:1": 8 << 30}


def start(comfyui):
    """Imports ComfyUI; its folder is the current one from now on."""
    sys.argv = [sys.argv[0], "--cpu"]
    sys.path.insert(0, comfyui)
    os.chdir(comfyui)
    try:
        import torchaudio
    except (ImportError, RuntimeError):  # Its version has to fit torch's; nothing here needs it.
        for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
            sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
    if importlib.util.find_spec("accelerate") is None:  # Some versions of the node import it at the top.
        sys.modules["accelerate"] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec("accelerate", None))
    if importlib.util.find_spec("comfy_aimdo") is not None:
        import comfy_aimdo.control

        comfy_aimdo.control.init("cuda")
    import comfy.options

    comfy.options.enable_args_parsing()
    import utils.extra_config  # Before torch or a custom node brings another `utils`.
    import nodes
    import server

    server.PromptServer.instance = None  # The node looks for a server to tell.


def with_cards():
    """Two cards from now on; returns the devices that modules are moved to, by the module's id."""
    import torch
    import comfy.model_management as management

    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: len(CARDS)
    for name in (
        "synchronize", "empty_cache", "ipc_collect", "current_device", "set_device", "current_stream", "_exchange_device",
        "_maybe_exchange_device",
    ):
        setattr(torch.cuda, name, lambda *a, **k: 0)
    torch.cuda.get_device_name = lambda *a, **k: "a pretended card"
    card = types.SimpleNamespace(name="a pretended card", major=8, minor=6, total_memory=CARDS["cuda:0"])
    torch.cuda.get_device_properties = lambda *a, **k: card
    management.cpu_state = management.CPUState.GPU
    management.vram_state = management.VRAMState.NORMAL_VRAM
    memory_of(management, "get_total_memory")
    memory_of(management, "get_free_memory")
    for name in ("get_torch_device", "text_encoder_device", "vae_device"):
        setattr(management, name, lambda *a, **k: torch.device("cuda:0"))
    for name in (
        "unet_offload_device", "text_encoder_offload_device", "vae_offload_device", "unet_inital_load_device",
        "text_encoder_initial_device",
    ):
        setattr(management, name, lambda *a, **k: torch.device("cpu"))
    management.should_use_fp16 = management.should_use_bf16 = lambda *a, **k: True
    for name in (name for name in dir(management) if name.startswith("supports_") and name.endswith("_compute")):
        setattr(management, name, lambda *a, **k: False)
    management.text_encoder_dtype = lambda *a, **k: torch.float16
    management.soft_empty_cache = lambda *a, **k: None

    moved = {}
    to = torch.nn.Module.to

    def recorded(module, *arguments, **options):
        device = arguments[0] if arguments else options.get("device")
        if not isinstance(device, (str, torch.device)):
            return to(module, *arguments, **options)
        moved[id(module)] = str(device)
        return module if str(device).startswith("cuda") else to(module, *arguments, **options)

    torch.nn.Module.to = recorded
    return moved


def memory_of(management, name):
    real = getattr(management, name)

    def of(device=None, *arguments, **options):
        size = CARDS.get(str(device))
        if size is None:
            return real(device, *arguments, **options)
        both = options.get("torch_total_too") or options.get("torch_free_too") or any(arguments)
        return (size, size) if both else size

    setattr(management, name, of)


def has_dynamic():
    import comfy.model_patcher

    return hasattr(comfy.model_patcher, "ModelPatcherDynamic")


def set_dynamic(on):
    """Switches dynamic VRAM for the models that are loaded from now on, as main.py does at the start."""
    import comfy.model_patcher

    if has_dynamic():
        import comfy.memory_management

        plain, dynamic = comfy.model_patcher.ModelPatcher, comfy.model_patcher.ModelPatcherDynamic
        comfy.model_patcher.CoreModelPatcher = dynamic if on else plain
        comfy.memory_management.aimdo_enabled = on
