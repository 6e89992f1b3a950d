"""Loaders with the inputs of ComfyUI's own, and nothing behind them."""

import folder_paths


class UNETLoader:
    @classmethod
    def INPUT_TYPES(s):
        return {
            "required": {
                "unet_name": (folder_paths.get_filename_list("diffusion_models"),),
                "weight_dtype": (["default", "fp8_e4m3fn"],),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load"


class VAELoader:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"vae_name": (folder_paths.get_filename_list("vae"),)}}

    RETURN_TYPES = ("VAE",)
    FUNCTION = "load"


class CLIPLoader:
    @classmethod
    def INPUT_TYPES(s):
        return {
            "required": {
                "clip_name": (folder_paths.get_filename_list("text_encoders"),),
                "type": (["wan", "flux2"],),
            },
            "optional": {"device": (["default", "cpu"], {"advanced": True})},
        }

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "load"


NODE_CLASS_MAPPINGS = {"UNETLoader": UNETLoader, "VAELoader": VAELoader, "CLIPLoader": CLIPLoader}
