"""Loaders of quantised files."""

import folder_paths


class UnetLoaderGGUF:
    @classmethod
    def INPUT_TYPES(s):
        return {"required": {"unet_name": (folder_paths.get_filename_list("unet_gguf"),)}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load"


class CLIPLoaderGGUF:
    @classmethod
    def INPUT_TYPES(s):
        return {
            "required": {
                "clip_name": (s.files(),),
                "type": (["wan", "flux2"],),
            }
        }

    @classmethod
    def files(s):
        return sorted(folder_paths.get_filename_list("clip") + folder_paths.get_filename_list("clip_gguf"))

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "load"


NODE_CLASS_MAPPINGS = {"UnetLoaderGGUF": UnetLoaderGGUF, "CLIPLoaderGGUF": CLIPLoaderGGUF}
