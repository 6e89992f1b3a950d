# What takes a model from dynamic VRAM for DisTorch2, which acts on ComfyUI's plain patcher only. Put in once for each
# file, and called where a model has been loaded that an allocation is kept with:
#
#     LOADED = HAND(LOADED, <the allocation>, <the position of the model, if a loader returned several things>)
#
# HAND and LOGGER are names of the file: the first is new to it, the second is what it logs with. Why it does what it does,
# and what was seen with real ComfyUIs, is in docs/dynamic-vram.md.
def HAND(loaded, allocation, at=None, kept=()):
    """Gives DisTorch2 a plain patcher in place of one that dynamic VRAM manages, which it cannot act on."""
    holder = loaded if at is None else loaded[at]
    patcher = getattr(holder, "patcher", holder)
    if not allocation or not hasattr(patcher, "is_dynamic") or not patcher.is_dynamic():
        return loaded
    model = patcher.model
    name = type(model).__name__
    try:
        try:
            static = patcher.clone(disable_dynamic=True)
        except Exception:
            # ComfyUI cannot load it a second time: take the model over, in the types that a plain load gives it.
            static = patcher.clone(disable_dynamic=True, model_override=patcher.get_clone_model_override())
            for module in static.model.modules():
                for key, weight in module.named_parameters(recurse=False):
                    dtype = getattr(module, f"{key}_comfy_model_dtype", None)
                    if dtype is not None and weight.dtype != dtype:
                        weight.data = weight.data.to(dtype)
        for key in kept:
            if hasattr(model, key):
                setattr(static.model, key, getattr(model, key))
        if static.is_dynamic():
            raise RuntimeError("its clone is dynamic too")
        if holder is not patcher:
            for key, value in list(vars(holder).items()):
                if value is patcher:
                    setattr(holder, key, static)
                elif value is model:
                    setattr(holder, key, static.model)
        elif at is None:
            loaded = static
        else:
            values = list(loaded)
            values[at] = static
            loaded = type(loaded)(values)
    except Exception as error:
        LOGGER.warning(f"[MultiGPU DisTorch V2] DYNAMIC VRAM: {name} could not be handed to DisTorch2, which does nothing for it: {error}")
    else:
        LOGGER.info(f"[MultiGPU DisTorch V2] DYNAMIC VRAM: {name} is handed to DisTorch2.")
    return loaded
