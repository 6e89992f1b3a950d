# What takes a model from dynamic VRAM for DisTorch2, which acts on ComfyUI's plain patcher only. Put in once for each
# file, and called where a model was loaded that an allocation is kept with:
#
#     LOADED = HAND(LOADED, <the allocation>, <the position of the model, if a loader returned several things>,
#                   kept=<the attributes that were set on its patcher in between, if there are any>)
#
# HAND is a name that is new to the file, LOGGER what the file logs with. The model that was loaded is taken over, and not
# loaded a second time: a second load gives the weights other types than ComfyUI computes in. That is why the types are
# set here too. What was seen with real ComfyUIs is in docs/dynamic-vram.md.
def HAND(loaded, allocation, at=None, kept=()):
    """Gives DisTorch2 a plain patcher in place of one that dynamic VRAM manages, which it cannot act on."""
    holder = loaded if at is None else loaded[at]
    patcher = getattr(holder, "patcher", holder)
    if not allocation or not hasattr(patcher, "is_dynamic") or not patcher.is_dynamic():
        return loaded
    name = type(patcher.model).__name__
    try:
        if type(patcher).__name__ != "ModelPatcherDynamic":
            raise RuntimeError(f"{type(patcher).__name__} is no patcher of ComfyUI's own")
        plain = patcher.clone(disable_dynamic=True, model_override=patcher.get_clone_model_override())
        if plain.is_dynamic():
            raise RuntimeError("its clone is dynamic as well")
        # Dynamic VRAM keeps the types of the file; a plain patcher needs those that the model was made with.
        for module in plain.model.modules():
            for key, tensor in list(module.named_parameters(recurse=False)) + list(module.named_buffers(recurse=False)):
                dtype = getattr(module, f"{key}_comfy_model_dtype", None)
                is_quantized = hasattr(tensor, "__tensor_flatten__")
                if dtype is not None and tensor.dtype != dtype and not is_quantized:
                    tensor.data = tensor.data.to(dtype)
        plain.size = 0  # ComfyUI counts it again
        for key in kept:
            if hasattr(patcher, key):
                setattr(plain, key, getattr(patcher, key))
        if holder is not patcher:
            holder.patcher = plain
        elif at is None:
            loaded = plain
        else:
            outputs = list(loaded)
            outputs[at] = plain
            made = type(loaded)
            outputs = made(outputs) if made in (tuple, list) else made(*outputs)
            if outputs[at] is not plain:
                raise RuntimeError(f"no {made.__name__} could be made with it")
            loaded = outputs
    except Exception as error:
        LOGGER.warning(f"[MultiGPU DisTorch V2] DYNAMIC VRAM: {name} could not be handed to DisTorch2, which does nothing with it: {error}")
    else:
        LOGGER.info(f"[MultiGPU DisTorch V2] DYNAMIC VRAM: {name} handed to DisTorch2.")
    return loaded
