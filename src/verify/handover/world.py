# What the way of a model from its loader to its mark finds around it: patchers and models like those of ComfyUI, as far
# as the way goes. What is seen after a run is told in facts, one a line, in which everything has a name of its own.

HARNESS_PLAIN = "torch.float16"
HARNESS_FILE = "torch.float32"


HARNESS_WIDTHS = {"torch.float32": 4, "torch.float16": 2, "torch.float8_e4m3fn": 1}


class HarnessTensor:
    def __init__(self, dtype, size, refuses=False):
        self.dtype = dtype
        self.elements = size
        self.refuses = refuses
        self.data = self

    def numel(self):
        return self.elements

    def nelement(self):
        return self.elements

    def element_size(self):
        return HARNESS_WIDTHS[self.dtype]

    def to(self, *given, **named):
        if self.refuses:
            harness_refuses("there is no memory for it")
        dtypes = [value for value in list(given) + list(named.values()) if value in HARNESS_WIDTHS]
        return HarnessTensor(dtypes[0] if dtypes else self.dtype, self.elements)


# A weight in the file's type, as dynamic VRAM leaves it, or in the type that the model was made with, as a plain load
# makes it; one without such a type, which nobody converts; a buffer.
class HarnessModule:
    def __init__(self, dtype, inner, refuses=False):
        self.weight = HarnessTensor(dtype, 1000, refuses)
        self.weight_comfy_model_dtype = HARNESS_PLAIN
        self.bias = HarnessTensor(dtype, 10)
        self.bias_comfy_model_dtype = HARNESS_PLAIN
        self.scale = HarnessTensor("torch.float8_e4m3fn", 10)
        self.table = HarnessTensor(HARNESS_PLAIN, 10)
        self.inner = inner

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        own = [(name, getattr(self, name)) for name in ("weight", "bias", "scale")]
        for inner in self.inner if recurse else []:
            own = own + [("inner." + name, value) for name, value in inner.named_parameters()]
        return own

    def parameters(self, recurse=True):
        return [value for _, value in self.named_parameters(recurse=recurse)]

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        own = [("table", self.table)]
        for inner in self.inner if recurse else []:
            own = own + [("inner." + name, value) for name, value in inner.named_buffers()]
        return own

    def buffers(self, recurse=True):
        return [value for _, value in self.named_buffers(recurse=recurse)]

    def children(self):
        return list(self.inner)

    def named_children(self):
        return [("inner", inner) for inner in self.inner]

    def modules(self):
        return [self] + self.inner

    def named_modules(self, *given, **named):
        return [("", self)] + self.named_children()

    def state_dict(self, *given, **named):
        return dict(self.named_parameters() + self.named_buffers())


def harness_model(dtype, refuses=False):
    return HarnessModule(dtype, [HarnessModule(dtype, [])], refuses)


def harness_size(model):
    size = 0
    for module in model.modules():
        for value in (module.weight.data, module.bias.data, module.scale.data, module.table.data):
            size += value.elements * HARNESS_WIDTHS[value.dtype]
    return size


def harness_types(model):
    types = [
        "weight " + module.weight.data.dtype + ", bias " + module.bias.data.dtype + ", scale " + module.scale.data.dtype
        for module in model.modules()
    ]
    return "of the types " + "; ".join(types)


# What is counted while a way is run.
HARNESS_TRACE = []
HARNESS_LOGGED = [0, 0]
HARNESS_CLONES = [0]
HARNESS_NAMED = []


def harness_named(name, value):
    HARNESS_NAMED.append((name, value))
    for method in HARNESS_METHODS:
        if not hasattr(value, method):
            setattr(value, method, harness_recorder(method, HARNESS_METHODS[method]))
    return value


def harness_copied(value):
    for name, known in HARNESS_NAMED:
        if value is known and name == "the holder":
            same = harness_named(name, type(value)(value.patcher))
            kept = vars(value)
            for attribute in kept:
                setattr(same, attribute, kept[attribute])
            return same
    return value.copy() if isinstance(value, (dict, list, set)) else harness_refuses("it cannot be copied")


def harness_refuses(message):
    raise RuntimeError(message)


class ModelPatcher:
    def __init__(self, model, size=0):
        self.model = model
        self.size = size
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.model_options = {}
        self.cached_patcher_init = None

    def is_dynamic(self):
        return False

    def get_clone_model_override(self):
        return self.model, ({}, {}, {}, set())

    def clone(self, *given, **named):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", ModelPatcher(self.model, self.size))

    def model_size(self):
        if self.size <= 0:
            self.size = harness_size(self.model)
        return self.size

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


# A model that cannot be managed by dynamic VRAM, whatever ComfyUI does with others.
class GGUFModelPatcher:
    def __init__(self, model):
        self.model = model
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.patch_on_device = False

    def is_dynamic(self):
        return False

    def clone(self, *given, **named):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", GGUFModelPatcher(self.model))

    def model_size(self):
        return harness_size(self.model)

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


# That of a ComfyUI before dynamic VRAM.
class HarnessOldPatcher:
    def __init__(self, model):
        self.model = model
        self.load_device = "cuda:0"
        self.offload_device = "cpu"

    def clone(self):
        HARNESS_CLONES[0] += 1
        return harness_named("a clone", HarnessOldPatcher(self.model))

    def model_size(self):
        return harness_size(self.model)

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


class ModelPatcherDynamic:
    def __init__(self, model, kind):
        self.model = model
        self.kind = kind
        self.size = harness_size(model)
        self.load_device = "cuda:0"
        self.offload_device = "cpu"
        self.model_options = {}
        self.cached_patcher_init = ("loader", ()) if kind == "loads-again" else None

    def is_dynamic(self):
        return True

    def get_clone_model_override(self):
        if self.kind == "not-handed-on":
            harness_refuses("the model cannot be handed on")
        return self.model, ({}, {}, {}, set())

    def clone(self, disable_dynamic=False, model_override=None, force_deepcopy=False):
        HARNESS_CLONES[0] += 1
        if self.kind == "not-cloned":
            harness_refuses("it cannot be cloned")
        if not disable_dynamic or self.kind == "stays-dynamic":
            return harness_named("a dynamic clone", ModelPatcherDynamic(self.model, self.kind))
        if model_override is None:
            if self.cached_patcher_init is None:
                harness_refuses("Cannot create non-dynamic delegate: cached_patcher_init is not initialized.")
            # The file is read again, and its types stay.
            for at in range(len(HARNESS_NAMED)):
                if HARNESS_NAMED[at][1] is self.model:
                    HARNESS_NAMED[at] = ("the first model", self.model)
            again = harness_named("the model", harness_model(HARNESS_FILE))
            return harness_named("the plain patcher", ModelPatcher(again, self.model_size()))
        return harness_named("the plain patcher", ModelPatcher(model_override[0], self.model_size()))

    def model_size(self):
        if self.size <= 0:
            self.size = harness_size(self.model)
        return self.size

    def model_state_dict(self, *given, **named):
        return self.model.state_dict()


class CLIP:
    def __init__(self, patcher):
        self.patcher = patcher
        self.cond_stage_model = patcher.model
        self.tokenizer = "the tokenizer"
        self.layer_idx = None

    def clone(self, disable_dynamic=False):
        return harness_named("a clone of the holder", CLIP(self.patcher.clone(disable_dynamic=disable_dynamic)))


class VAE:
    def __init__(self, patcher):
        self.patcher = patcher
        self.first_stage_model = patcher.model
        self.device = "cuda:0"


class ClipVisionModel:
    def __init__(self, patcher):
        self.patcher = patcher
        self.model = patcher.model
        self.image_size = 224


HARNESS_HOLDERS = {"CLIP": CLIP, "VAE": VAE, "CLIP vision": ClipVisionModel}


class HarnessOther:
    def __init__(self, value):
        self.value = value


# What stands for an object of the package that is asked for attributes.
class HarnessThing:
    def __init__(self, **named):
        for name in named:
            setattr(self, name, named[name])


def harness_patcher(kind):
    if kind == "plain":
        return ModelPatcher(harness_named("the model", harness_model(HARNESS_PLAIN)))
    if kind == "static":
        return ModelPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    if kind == "GGUF":
        return GGUFModelPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    if kind == "older":
        return HarnessOldPatcher(harness_named("the model", harness_model(HARNESS_FILE)))
    model = harness_named("the model", harness_model(HARNESS_FILE, kind == "not-converted"))
    return ModelPatcherDynamic(model, kind)


# What a loader gives: the model at a position of several outputs, or by itself.
def harness_output(kind, holder, shape, at):
    patcher = harness_patcher(kind)
    is_plain = kind in ("plain", "static", "GGUF", "older")
    harness_named("the plain patcher" if is_plain else "the dynamic patcher", patcher)
    loaded = patcher
    if holder is not None:
        loaded = harness_named("the holder", HARNESS_HOLDERS[holder](patcher))
    if at is None:
        return loaded
    count = at + 1 if shape != "three" else max(at + 1, 3)
    values = [harness_named("output " + str(index), HarnessOther(index)) for index in range(count)]
    values[at] = loaded
    return values if shape == "list" else tuple(values)
