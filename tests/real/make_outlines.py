"""make_outlines.py COMFYUI FOLDER [NAME...]: writes the outlines of architectures, folded from what ComfyUI builds."""
import os
import sys

from comfy_lists import ARGUMENTS, LOADERS, modules, torch
import families
import outline


def built(load, sd):
    """The tree of the modules, with the types that stay whatever the model is loaded in, and the types to compute in."""
    first, second = load(sd, torch.float16), load(sd, torch.bfloat16)
    types = getattr(getattr(first, "model_config", None), "supported_inference_dtypes", [])
    first, second = modules(first), modules(second)
    fixed = {}
    for one, two in zip(first, second):
        for key, (_, dtype) in one["tensors"].items():
            if dtype == two["tensors"][key][1]:
                fixed[f"{one['name']}.{key}".lstrip(".")] = dtype
    return outline.tree(first, fixed), " ".join(outline.TYPES[dtype] for dtype in types)


def head(family, types):
    lines = [f"title {title}" for title in family.titles]
    lines.append(f"kind {family.kind}")
    if not any(" if " not in line for line in family.types) and types:
        if len(set(types)) > 1 and not family.types:
            print(f"{family.name}: types differ: {types}", file=sys.stderr)
        lines += [f"types {line}" for line in [*family.types, types[0]]]
    else:
        lines += [f"types {line}" for line in family.types]
    lines.append(f"if {family.condition}")
    if family.at:
        lines.append(f"at {family.at}")
    lines += [f"rename {rename}" for rename in family.renames]
    lines += [f"drop {dropped}" for dropped in family.dropped]
    return lines


def main():
    folder, *wanted = ARGUMENTS
    for family in families.FAMILIES:
        if wanted and family.name not in wanted:
            continue
        whole, types = None, []
        for number, variant in enumerate(family.variants):
            try:
                one, of_one = built(LOADERS[family.kind](family.clip_type), variant())
                whole = outline.merge(whole, one) if whole else one
                types.append(of_one)
            except Exception as error:
                print(f"{family.name} {number}: {type(error).__name__}: {error}", file=sys.stderr)
                if os.environ.get("RAISE"):
                    raise
        if not whole:
            continue
        try:
            lines = [*head(family, [each for each in types if each]), "---", *outline.text(whole, family.made)]
        except outline.Conflict as conflict:
            print(f"{family.name}: {conflict}", file=sys.stderr)
            continue
        with open(os.path.join(folder, family.name + ".outline"), "w") as written:
            written.write("\n".join(lines) + "\n")


main()
