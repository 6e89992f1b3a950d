"""Real ComfyUI on torch's meta device: models by the shapes of their tensors, and what their load lists hold."""
import importlib.machinery
import logging
import os
import sys
import unittest.mock
import warnings

COMFYUI = os.path.abspath(sys.argv[1])
ARGUMENTS = sys.argv[2:]
sys.argv = [sys.argv[0], "--cpu"]
sys.path.insert(0, COMFYUI)
logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")

try:
    import torchaudio
except (ImportError, RuntimeError):  # Its version has to fit torch's; the lists do not need it.
    for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
        sys.modules[name] = unittest.mock.MagicMock(__spec__=importlib.machinery.ModuleSpec(name, None))
import comfy.options

comfy.options.enable_args_parsing()
import torch
import comfy.model_base
import comfy.model_detection
import comfy.model_management
import comfy.ops
import comfy.sd
import comfy.supported_models

META = torch.device("meta")
# On a processor ComfyUI would take 32 bits for everything.
comfy.model_management.should_use_fp16 = lambda *a, **k: True
comfy.model_management.should_use_bf16 = lambda *a, **k: True

# What ComfyUI looks up in the numbers themselves is unknown here.
_item, _bool = torch.Tensor.item, torch.Tensor.__bool__
torch.Tensor.item = lambda self: 1.0 if self.is_meta else _item(self)
torch.Tensor.__bool__ = lambda self: not self.is_meta and _bool(self)
comfy.model_management.unet_offload_device = lambda *a, **k: META


def _on_meta(find):
    def found(*arguments, **options):
        config = find(*arguments, **options)
        if config is not None:
            make = config.get_model
            config.get_model = lambda sd, prefix="", device=None: make(sd, prefix, META)
        return config

    return found


comfy.model_detection.model_config_from_unet = _on_meta(comfy.model_detection.model_config_from_unet)


class NoTokenizer:
    def __init__(self, *arguments, **options):
        pass


_make_clip = comfy.sd.CLIP.__init__


def _without_tokenizer(self, target=None, *arguments, **options):
    if target is not None:
        target.tokenizer = NoTokenizer
    _make_clip(self, target, *arguments, **options)


comfy.sd.CLIP.__init__ = _without_tokenizer


class Named(dict):
    """A state dict with the metadata of its file."""

    metadata = None


def diffusion(config, metadata=None, **options):
    """The state dict of a diffusion model of this class of `supported_models`, built with these settings."""
    kind = getattr(comfy.supported_models, config)
    made = kind({**kind.unet_config, **options, "dtype": torch.float16})
    model = made.get_model({}, "", META)
    sd = Named(model.diffusion_model.state_dict())
    sd.metadata = metadata
    return sd


def load_diffusion(sd, dtype=torch.float16):
    options = {"dtype": dtype, "load_device": torch.device("cpu")}
    patcher = comfy.sd.load_diffusion_model_state_dict(dict(sd), model_options=options, **metadata(sd))
    if patcher is None:
        raise ValueError("not detected")
    return patcher.model


def metadata(sd):
    found = getattr(sd, "metadata", None)
    return {"metadata": found} if found else {}


def load_encoder(sd, dtype=torch.float16, clip_type="STABLE_DIFFUSION"):
    options = {"dtype": dtype, "initial_device": META}
    kind = getattr(comfy.sd.CLIPType, clip_type)
    return comfy.sd.load_text_encoder_state_dicts([dict(sd)], clip_type=kind, model_options=options).patcher.model


def load_vae(sd, dtype=torch.float16):
    with META:
        return comfy.sd.VAE(sd=dict(sd), device=META, dtype=dtype).first_stage_model


LOADERS = {
    "diffusion": lambda _: load_diffusion,
    "encoder": lambda clip_type: lambda sd, dtype: load_encoder(sd, dtype, clip_type),
    "vae": lambda _: load_vae,
}


def is_listed(module):
    """Would `_load_list()` have it? It has no parameters below its own, and some, or is one that casts."""
    own = {name for name, _ in module.named_parameters(recurse=False)}
    below = any(name not in own for name, _ in module.named_parameters(recurse=True))
    return not below and (hasattr(module, "comfy_cast_weights") or bool(own))


def modules(model):
    """All modules in their order: name, class, listed, casts, has a bias, own tensors of the state dict."""
    found = []
    passed = None
    for name, module in model.named_modules():
        # Beside the model itself, such as `model_sampling`: no part of a file.
        if name and "." not in name and not any(True for _ in module.parameters()) and not is_listed(module):
            passed = name
        if passed and (name + ".").startswith(passed + "."):
            continue
        state = module.state_dict()
        listed = is_listed(module)
        names = list(state) if listed else [key for key in state if "." not in key]
        found.append({
            "name": name,
            "kind": type(module).__name__,
            "listed": listed,
            "casts": hasattr(module, "comfy_cast_weights"),
            "bias": hasattr(module, "bias"),
            "buffers": {key for key, _ in module.named_buffers(recurse=False)},
            "tensors": {key: (tuple(state[key].shape), state[key].dtype) for key in names},
            "list": isinstance(module, (torch.nn.ModuleList,)),
            "sequence": isinstance(module, torch.nn.Sequential),
        })
    return found
