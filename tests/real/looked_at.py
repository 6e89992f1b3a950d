"""looked_at.py COMFYUI: the names without numbers that ComfyUI looks up as it detects what a file is.

Recorded from the detection of every family, for src/plan/architecture/looked_at.rs.
"""
import sys

from comfy_lists import comfy, metadata
import families

seen = set()


class Name(str):
    __hash__ = str.__hash__

    def startswith(self, prefix, *place):
        seen.update([prefix] if isinstance(prefix, str) else prefix)
        return super().startswith(prefix, *place)


class Dict(dict):
    def __contains__(self, name):
        seen.add(name)
        return super().__contains__(name)

    def __getitem__(self, name):
        seen.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        seen.add(name)
        return super().get(name, default)


def main():
    for family in families.FAMILIES:
        for variant in family.variants if family.kind != "vae" else []:
            try:
                sd = variant()
                recorded = Dict((Name(name), tensor) for name, tensor in sd.items())
                if family.kind == "encoder":
                    comfy.sd.detect_te_model(recorded)
                else:
                    comfy.model_detection.detect_unet_config(recorded, "", **metadata(sd))
            except Exception as error:
                print(f"{family.name}: {type(error).__name__}: {error}", file=sys.stderr)
    names = sorted({name.rstrip(".") for name in seen if name})
    print("\n".join(name for name in names if not any(part.isdigit() for part in name.split("."))))



main()
