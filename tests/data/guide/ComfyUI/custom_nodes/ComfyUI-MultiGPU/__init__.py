"""Loaders with a device, and loaders with an allocation string."""

from nodes import NODE_CLASS_MAPPINGS as BASES

from .device_utils import get_device_list

NODE_CLASS_MAPPINGS = {}


def on_a_device(base):
    class OnADevice(base):
        @classmethod
        def INPUT_TYPES(s):
            inputs = base.INPUT_TYPES()
            devices = get_device_list()
            inputs["optional"] = inputs.get("optional", {})
            inputs["optional"]["device"] = (devices, {"default": devices[1]})
            return inputs

    return OnADevice


def distributed(base):
    class Distributed(base):
        @classmethod
        def INPUT_TYPES(s):
            inputs = base.INPUT_TYPES()
            devices = get_device_list()
            inputs["optional"] = inputs.get("optional", {})
            inputs["optional"]["compute_device"] = (devices, {"default": devices[1]})
            inputs["optional"]["virtual_vram_gb"] = ("FLOAT", {"default": 4.0, "min": 0.0, "max": 128.0})
            inputs["optional"]["donor_device"] = (devices, {"default": "cpu"})
            inputs["optional"]["expert_mode_allocations"] = ("STRING", {"default": ""})
            inputs["optional"]["eject_models"] = ("BOOLEAN", {"default": True})
            return inputs

    return Distributed


for name in ["UNETLoader", "VAELoader", "CLIPLoader", "UnetLoaderGGUF", "CLIPLoaderGGUF"]:
    NODE_CLASS_MAPPINGS[name + "MultiGPU"] = on_a_device(BASES[name])
    NODE_CLASS_MAPPINGS[name + "DisTorch2MultiGPU"] = distributed(BASES[name])
